//! Passcodes to phones, and the defences against SMS pumping in front of every message.
//!
//! `start.rs` asks for one, in the order of what each defence costs: form and country, limits, line type, risk, Twilio.
//! `check.rs` compares one, and records an approval in the same step. `ledger.rs` is what stands in the table.

mod body;
mod check;
mod ledger;
mod refusal;
mod route;
mod start;
mod view;

use adapters::ambient::Ambient;
use adapters::http_event::{Claims, HttpAnswer, HttpRequest, read};
use adapters::problem::Problem;
use adapters::profiles;
use adapters::store::{Store, StoreError};
use adapters::twilio::{Passcodes, PhoneLookup};
use domain::{MessagePrices, PhonePolicy, SubAccountId};
use serde_json::Value;
use tracing::{error, warn};

pub use route::Route;

/// The function, over its neighbours.
#[derive(Debug)]
pub struct PhoneVerification<S, L, P, A> {
    /// The table.
    pub store: S,
    /// Twilio Lookup.
    pub lookup: L,
    /// Twilio Verify.
    pub passcodes: P,
    /// The clock and the dice.
    pub ambient: A,
    /// The settings.
    pub settings: Settings,
}

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How strict the defences are.
    pub policy: PhonePolicy,
    /// What messages cost, for the metrics.
    pub prices: MessagePrices,
}

impl<S: Store, L: PhoneLookup, P: Passcodes, A: Ambient> PhoneVerification<S, L, P, A> {
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
            Route::Start => self.start(request, caller).await,
            Route::Check => self.check(request, caller).await,
        }
    }

    /// Denies without claims; a sub-account that the claims do not cover, directly or by the agency in its stored
    /// profile, looks like one that does not exist (promise P8).
    async fn authorise(&self, request: &HttpRequest, route: Route) -> Result<SubAccountId, Problem> {
        let claims = request.claims_with(route.scope())?;
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
        let profile = profiles::load(&self.store, sub_account).await.map_err(|error| unavailable(&error))?;
        Ok(profile.agency.as_ref() == Some(agency))
    }
}

/// What a caller sees when the table does not answer; a bug is logged for the alarm, and looks the same. Nothing is
/// sent then: the limits cannot be kept without the table.
fn unavailable(error: &StoreError) -> Problem {
    match error {
        StoreError::Unavailable(_) => warn!(%error, "A request could not be answered for now."),
        StoreError::Broken(_) => error!(%error, metric = "bug", "A request met something that should not be."),
    }
    Problem::try_again()
}
