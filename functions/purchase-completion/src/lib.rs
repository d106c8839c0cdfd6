//! The only code that buys: claim, look, buy, record.
//!
//! A message is a hint; the table says what the visit does. Every step is a conditional change of the purchase, decided
//! in `domain` and committed on the version that was read, so that a second worker, a repeated message or a crash
//! anywhere meets a state that says what may be done next. `visit.rs` says what a visit does; the story of one number is
//! in `buy.rs`, what happens when it is gone in `another.rs`, and how a pool is undone in `give_back.rs`.

mod another;
mod buy;
mod change;
mod give_back;
mod look;
mod switch;
mod visit;

pub use switch::SwitchCache;

use adapters::ambient::Ambient;
use adapters::queue::PurchaseMessage;
use adapters::store::{Store, StoreError};
use adapters::twilio::{Carrier, Stock};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{AccountSid, GatePolicy, Timing};
use tracing::{error, warn};

/// The function, over its neighbours.
#[derive(Debug)]
pub struct PurchaseCompletion<S, C, A> {
    /// The table.
    pub store: S,
    /// The carrier.
    pub carrier: C,
    /// The clock and the dice.
    pub ambient: A,
    /// What was last read of the operator's switch; empty at start.
    pub switch: SwitchCache,
    /// The settings.
    pub settings: Settings,
}

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account at the carrier for sub-accounts without one of their own.
    pub account: AccountSid,
    /// Which regions are gated: decided anew when another number is taken.
    pub gate: GatePolicy,
    /// The lengths of time that the rules use.
    pub timing: Timing,
    /// The whole time of one request to the carrier, in milliseconds.
    pub carrier_timeout_ms: i64,
    /// The sweep's short step, in milliseconds.
    pub step_ms: i64,
}

/// Why a message is not done with.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Not one of ours, or of a version that this build does not know: to the dead letters, where a person sees it.
    #[error("the message cannot be read")]
    Unreadable,
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store, C: Carrier + Stock, A: Ambient> PurchaseCompletion<S, C, A> {
    /// Works through a batch; only the messages that are not done with go back to the queue.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for message in event.records {
            if let Err(failure) = self.take(&message).await {
                match &failure {
                    Failure::Store(StoreError::Unavailable(_)) => {
                        warn!(error = %failure, "A purchase could not be worked on; its message comes back.");
                    }
                    Failure::Unreadable | Failure::Store(StoreError::Broken(_)) => {
                        error!(error = %failure, metric = "bug", "A message met something that should not be.");
                    }
                }
                let mut failed = BatchItemFailure::default();
                // Without an id Lambda takes the whole batch as failed, which is the safe reading.
                failed.item_identifier = message.message_id.unwrap_or_default();
                response.batch_item_failures.push(failed);
            }
        }
        response
    }

    async fn take(&self, message: &SqsMessage) -> Result<(), Failure> {
        let text = message.body.as_deref().unwrap_or_default();
        let message = PurchaseMessage::parse(text).map_err(|_| Failure::Unreadable)?;
        Ok(self.visit(&message).await?)
    }
}
