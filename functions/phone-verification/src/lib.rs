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

use adapters::access::covered_sub_account;
use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest, read};
use adapters::problem::Problem;
use adapters::queue::Queue;
use adapters::store::Store;
use adapters::twilio::{Passcodes, PhoneLookup};
use domain::{MessagePrices, PhonePolicy};
use serde_json::Value;

pub use route::Route;

/// The function, over its neighbours.
#[derive(Debug)]
pub struct PhoneVerification<S, Q, L, P, A> {
    /// The table.
    pub store: S,
    /// The purchase queue: what waits for an approved phone goes on.
    pub queue: Q,
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

impl<S: Store, Q: Queue, L: PhoneLookup, P: Passcodes, A: Ambient> PhoneVerification<S, Q, L, P, A> {
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
        // Nothing is sent when the table does not answer: the limits cannot be kept without it.
        let caller = covered_sub_account(&self.store, request, claims).await?;
        match route {
            Route::Start => self.start(request, caller).await,
            Route::Read => self.read(request, caller).await,
            Route::Check => self.check(request, caller).await,
        }
    }
}
