//! The web app's routes: ask for a number, follow the purchase, take it back, prove who you are; and operators'.
//!
//! Every purchase goes through the queue; nothing here can buy. What a request writes and reads, in which order, is in
//! `ask.rs`; how an inquiry is opened at Persona by one caller at a time is in `session.rs`.

mod access;
mod ask;
mod body;
mod clearances;
mod cursor;
mod erase;
mod follow;
mod list;
mod operator;
mod oversight;
mod route;
mod session;
mod verification;
mod view;

use adapters::access::{covered_sub_account, named_sub_account};
use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest, read};
use adapters::persona::Identity;
use adapters::problem::Problem;
use adapters::queue::Queue;
use adapters::store::Store;
use adapters::verifications::Revisits;
use domain::{Allowance, GatePolicy, Owner, PurchaseId, TemplateId, VerificationPolicy};
use serde_json::Value;

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
    /// Whether a purchase waits until its sub-account has an approved phone.
    pub phone_required: bool,
    /// When the table brings things back by itself.
    pub revisits: Revisits,
    /// How long a purchase waits for its verification, in milliseconds.
    pub purchase_wait_ms: i64,
    /// The template that inquiries are made from.
    pub template: TemplateId,
    /// Requests to Persona that all callers together may cause.
    pub callers_allowance: Allowance,
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
        let claims = request.claims_with(route.scope())?;
        match route {
            Route::ReadProfile => self.read_profile(request).await,
            Route::PutProfile => self.put_profile(request, claims).await,
            Route::DecidePurchase => self.decide_purchase(request, claims).await,
            Route::ReadPurchasesSwitch => self.read_switch().await,
            Route::TurnPurchasesSwitch => self.turn_switch(request, claims).await,
            Route::AskForPurchase => {
                let caller = covered_sub_account(&self.store, request, claims).await?;
                self.ask(request, caller).await
            }
            Route::ListPurchases => self.list(request, &covered_sub_account(&self.store, request, claims).await?).await,
            Route::ReadPurchase => {
                let caller = covered_sub_account(&self.store, request, claims).await?;
                self.read_purchase(request, &caller, &purchase_id(request)?).await
            }
            Route::CancelPurchase => {
                self.cancel(&covered_sub_account(&self.store, request, claims).await?, &purchase_id(request)?).await
            }
            Route::AskForClearance => {
                let caller = covered_sub_account(&self.store, request, claims).await?;
                self.ask_for_clearance(request, caller).await
            }
            Route::ReadVerification | Route::ReadAgencyVerification => {
                self.read_verification(&self.covered_owner(request, claims, route).await?).await
            }
            Route::OpenVerification | Route::OpenAgencyVerification => {
                self.open_verification(&self.covered_owner(request, claims, route).await?).await
            }
            Route::RefreshVerification | Route::RefreshAgencyVerification => {
                self.refresh_verification(&self.covered_owner(request, claims, route).await?).await
            }
            Route::OperateVerification => {
                self.operate(request, claims, &Owner::SubAccount(named_sub_account(request)?)).await
            }
            Route::OperateAgencyVerification => {
                self.operate(request, claims, &Owner::Agency(access::named_agency(request)?)).await
            }
            Route::EraseVerification => {
                self.erase(request, claims, &Owner::SubAccount(named_sub_account(request)?)).await
            }
            Route::EraseAgencyVerification => {
                self.erase(request, claims, &Owner::Agency(access::named_agency(request)?)).await
            }
            Route::ReadAudit => self.read_audit(request, &Owner::SubAccount(named_sub_account(request)?)).await,
            Route::ReadAgencyAudit => self.read_audit(request, &Owner::Agency(access::named_agency(request)?)).await,
        }
    }
}

fn purchase_id(request: &HttpRequest) -> Result<PurchaseId, Problem> {
    PurchaseId::parse(request.path_parameter("id")).map_err(|_| Problem::not_found())
}
