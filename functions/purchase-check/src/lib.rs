//! The web app's routes: ask for a number, follow the purchase, take it back, prove who you are.
//!
//! Every purchase goes through the queue; nothing here can buy. What a request writes and reads, in which order, is in
//! `ask.rs`; how an inquiry is opened at Persona by one caller at a time is in `session.rs`.

mod ask;
mod body;
mod follow;
mod route;
mod session;
mod view;

use adapters::ambient::Ambient;
use adapters::http_event::{Claims, HttpAnswer, HttpRequest, read};
use adapters::persona::Identity;
use adapters::problem::{Problem, ProblemType};
use adapters::purchases::load_profile;
use adapters::queue::Queue;
use adapters::store::{Store, StoreError};
use adapters::verifications::Revisits;
use domain::{GatePolicy, PurchaseId, SubAccountId, VerificationPolicy};
use serde_json::Value;
use tracing::{error, warn};

pub use route::Route;

/// The function, over its neighbours.
#[derive(Debug)]
pub struct PurchaseCheck<S, Q, I, A> {
    /// The table.
    pub store: S,
    /// The purchase queue.
    pub queue: Q,
    /// Persona.
    pub identity: I,
    /// The clock and the dice.
    pub ambient: A,
    /// The settings.
    pub settings: Settings,
}

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which regions need a verified owner.
    pub gate: GatePolicy,
    /// What Persona's statuses mean.
    pub policy: VerificationPolicy,
    /// When the table brings things back by itself.
    pub revisits: Revisits,
    /// How long a purchase waits for its verification, in milliseconds.
    pub purchase_wait_ms: i64,
    /// The template that inquiries are made from.
    pub template: String,
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// Answers one event of the HTTP API. Never fails: what goes wrong is a problem document.
    pub async fn handle(&self, event: Value) -> Value {
        let answer = match read(event) {
            Ok(request) => self.answer(&request).await.unwrap_or_else(Problem::into_answer),
            Err(problem) => problem.into_answer(),
        };
        answer.into_event()
    }

    async fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, Problem> {
        let route = Route::of(&request.route).ok_or_else(Problem::not_found)?;
        let caller = self.authorise(request, route).await?;
        match route {
            Route::AskForPurchase => self.ask(request, caller).await,
            Route::ReadPurchase => self.read_purchase(request, &caller, &purchase_id(request)?).await,
            Route::CancelPurchase => self.cancel(&caller, &purchase_id(request)?).await,
            Route::ReadVerification => self.read_verification(&caller).await,
            Route::OpenVerification => self.open_verification(&caller).await,
        }
    }

    /// Denies without claims; a sub-account that the claims do not cover, directly or by the agency in its stored
    /// profile, looks like one that does not exist (promise P8).
    async fn authorise(&self, request: &HttpRequest, route: Route) -> Result<SubAccountId, Problem> {
        let Some(claims) = &request.claims else {
            return Err(Problem::new(ProblemType::Unauthenticated, "Send a valid token in the Authorization header."));
        };
        if !claims.allows(route.scope()) {
            let detail = format!("This needs a token with the scope {}.", route.scope());
            return Err(Problem::new(ProblemType::InsufficientScope, detail));
        }
        let sub_account = SubAccountId::parse(request.path_parameter("sub")).map_err(|_| Problem::not_found())?;
        if claims.sub_accounts.contains(&sub_account) || self.agency_covers(claims, &sub_account).await? {
            Ok(sub_account)
        } else {
            Err(Problem::not_found())
        }
    }

    /// The stored profile decides, never the request.
    async fn agency_covers(&self, claims: &Claims, sub_account: &SubAccountId) -> Result<bool, Problem> {
        let Some(agency) = &claims.agency else { return Ok(false) };
        let profile = load_profile(&self.store, sub_account).await.map_err(|error| unavailable(&error))?;
        Ok(profile.agency.as_ref() == Some(agency))
    }
}

fn purchase_id(request: &HttpRequest) -> Result<PurchaseId, Problem> {
    PurchaseId::parse(request.path_parameter("id")).map_err(|_| Problem::not_found())
}

/// What a caller sees when the table does not answer; a bug is logged for the alarm, and looks the same.
fn unavailable(error: &StoreError) -> Problem {
    match error {
        StoreError::Unavailable(_) => warn!(%error, "A request could not be answered for now."),
        StoreError::Broken(_) => error!(%error, metric = "bug", "A request met something that should not be."),
    }
    Problem::try_again()
}
