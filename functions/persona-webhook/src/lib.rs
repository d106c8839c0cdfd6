//! Persona's events: check the signature, apply what the event says of an inquiry that we opened, wake who waits.
//!
//! Persona counts 200 within 5 s as delivered and repeats everything else up to seven times over two days ("Webhooks"
//! in its documentation). So: 200 once the state is written and the messages are sent, and for everything that a
//! repetition would not change; 401 for a bad signature, without a log line and without I/O, save that the secrets are
//! read again now and then; 413 for a body that is too large to look at; 5xx only when our own table or queue failed, or
//! when Persona cannot be asked now.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest, read};
use adapters::items::{InquiryMap, keys};
use adapters::persona::{
    Delivery, Drift, Freshness, Identity, PersonaError, SIGNATURE_HEADER, SecretSource, VerifiedWebhook,
    WebhookSecrets, parse_delivery,
};
use adapters::problem::{Problem, ProblemType};
use adapters::queue::Queue;
use adapters::store::{Key, Store, StoreError};
use adapters::turns;
use adapters::verifications::{self, Cause, News, Observed, Revisits, WakeError};
use domain::{
    Allowance, DELIVERY_REQUESTS_MAX, EventId, InquiryEvent, InquiryStatus, Instant, Urgency, VerificationPolicy,
};
use lambda_http::http::StatusCode;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tracing::{error, info, warn};

/// The function's one route, as the gateway names it.
pub const ROUTE: &str = "POST /v1/webhooks/persona";

/// Largest body that is looked at, in bytes. Real ones take 4 to 15 KB.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The function, over its neighbours.
#[derive(Debug)]
pub struct PersonaWebhook<S, Q, I, A, K> {
    /// The table.
    pub store: S,
    /// The purchase queue.
    pub queue: Q,
    /// Persona, to be asked when a delivery is authentic but old.
    pub identity: I,
    /// The clock and the dice.
    pub ambient: A,
    /// What Persona signs with.
    pub secrets: WebhookSecrets<K>,
    /// The settings.
    pub settings: Settings,
}

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How old a delivery may be, in seconds, for its content to count.
    pub tolerance_s: i64,
    /// What Persona's statuses mean.
    pub policy: VerificationPolicy,
    /// When the table brings things back by itself.
    pub revisits: Revisits,
    /// The template that new inquiries are made from: nobody else's should be made from it.
    pub template: String,
}

/// What became of a delivery that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Applied,
    AlreadyDone,
    Ignored,
}

/// Our own table, queue or pull failed: Persona delivers again.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Wake(#[from] WakeError),
    #[error("Persona could not be asked about an old delivery: {0}")]
    Persona(#[from] PersonaError),
    #[error("Persona is asked about as many old deliveries as may be in a minute")]
    Busy,
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient, K: SecretSource> PersonaWebhook<S, Q, I, A, K> {
    /// Answers one event of the HTTP API. Never fails: what goes wrong is an answer.
    pub async fn handle(&self, event: Value) -> Value {
        let answer = match read(event) {
            Ok(request) => self.answer(request).await,
            Err(problem) => problem.into_answer(),
        };
        answer.into_event()
    }

    async fn answer(&self, request: HttpRequest) -> HttpAnswer {
        if request.route != ROUTE {
            return Problem::not_found().into_answer();
        }
        if request.body.len() > BODY_BYTES_MAX {
            return HttpAnswer::empty(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let header = request.header(SIGNATURE_HEADER).ok().flatten().unwrap_or_default();
        let (now, tolerance_s) = (self.ambient.now(), self.settings.tolerance_s);
        let Ok(webhook) = self.secrets.verify(header, &request.body, now, tolerance_s).await else {
            let detail = "The delivery carries no valid signature.";
            return Problem::new(ProblemType::Unauthenticated, detail).into_answer();
        };
        match self.take(&webhook).await {
            Ok(_) => HttpAnswer::empty(StatusCode::OK),
            Err(failure) => {
                match &failure {
                    Failure::Store(StoreError::Broken(_)) | Failure::Wake(WakeError::Store(StoreError::Broken(_))) => {
                        error!(error = %failure, metric = "bug", "A delivery met something that should not be.");
                    }
                    Failure::Store(_) | Failure::Wake(_) | Failure::Persona(_) | Failure::Busy => {
                        warn!(error = %failure, "A delivery could not be taken; Persona delivers it again.");
                    }
                }
                Problem::try_again().into_answer()
            }
        }
    }

    async fn take(&self, webhook: &VerifiedWebhook<'_>) -> Result<Taken, Failure> {
        match parse_delivery(webhook) {
            Delivery::Ignored => Ok(Taken::Ignored),
            Delivery::Drift { what, event_id } => {
                drifted(webhook, what, event_id.as_ref());
                Ok(Taken::Ignored)
            }
            Delivery::Inquiry { event_id, event, template } => {
                let map = self.store.get(&keys::inquiry_map(&event.inquiry)).await?;
                let Some(map) = map.as_ref().map(InquiryMap::from_item).transpose()? else {
                    let ours = template.is_none_or(|template| template == self.settings.template);
                    if ours && is_past_the_person(event.status) {
                        // Somebody sent a person through our template by a link of its own, perhaps with the
                        // reference of a sub-account that is not his.
                        warn!(inquiry = %event.inquiry, metric = "unmapped_inquiry", "Persona judged an inquiry that we did not open.");
                    } else {
                        info!(inquiry = %event.inquiry, metric = "foreign_inquiry", "An event is not about an inquiry of ours.");
                    }
                    return Ok(Taken::Ignored);
                };
                // What counts is what we made the inquiry from, whichever template the setting names by now.
                if template.is_some_and(|template| template != map.template.as_str()) {
                    info!(inquiry = %event.inquiry, metric = "foreign_inquiry", "An event names another template than its inquiry's.");
                    return Ok(Taken::Ignored);
                }
                match webhook.freshness() {
                    Freshness::Fresh => {
                        let (owner, event, cause) = (&map.owner, &event, Cause::Event(&event_id));
                        self.apply(News { owner, event, cause }).await
                    }
                    Freshness::Stale => self.pull(&map, &event).await,
                }
            }
        }
    }

    async fn apply(&self, news: News<'_>) -> Result<Taken, Failure> {
        let Settings { policy, revisits, .. } = &self.settings;
        let observed =
            verifications::take(&self.store, &self.queue, policy, revisits, news, self.ambient.now()).await?;
        Ok(match observed {
            Observed::Applied(_) => Taken::Applied,
            Observed::AlreadyDone(_) => Taken::AlreadyDone,
            Observed::Overruled => Taken::Ignored,
        })
    }

    /// An old signature may be a late retry or a replay: its content counts for nothing, but it is a reason to ask, unless it
    /// would change nothing anyway. Whoever keeps old deliveries must not make us ask at will: one ask an inquiry every few
    /// seconds, and so many of all inquiries a minute; what comes beyond that Persona delivers again. What comes in between was
    /// signed before that ask, whose answer covers it; an ask that fails gives its turn back.
    async fn pull(&self, map: &InquiryMap, event: &InquiryEvent) -> Result<Taken, Failure> {
        let (now, owner) = (self.ambient.now(), &map.owner);
        let known = verifications::load(&self.store, owner).await?.verification;
        let policy = self.settings.policy.for_owner(owner);
        let said = known.said(event.clone(), false, Some(&map.clone().former()), &policy);
        if !known.would_change(&said, now, &policy) {
            info!(inquiry = %event.inquiry, "A delivery is authentic but old, and would change nothing.");
            verifications::follow(&self.store, &self.queue, owner, known.wake_up()).await?;
            return Ok(Taken::AlreadyDone);
        }
        let turn = keys::asked(&event.inquiry);
        let pulled = self.pull_in_turn(map, event, &turn, now).await;
        if pulled.is_err() {
            turns::give_back(&self.store, &turn, now).await?;
        }
        pulled
    }

    async fn pull_in_turn(
        &self,
        map: &InquiryMap,
        event: &InquiryEvent,
        turn: &Key,
        now: Instant,
    ) -> Result<Taken, Failure> {
        if turns::take(&self.store, turn, now).await?.is_err() {
            info!(inquiry = %event.inquiry, "A delivery is authentic but old; Persona was asked a moment ago.");
            return Ok(Taken::AlreadyDone);
        }
        let (kept, room) = (keys::deliveries_allowance(), Allowance::of_any_minute(DELIVERY_REQUESTS_MAX));
        if turns::take_of(&self.store, &kept, &room, (1, Urgency::First), now).await?.is_err() {
            return Err(Failure::Busy);
        }
        info!(inquiry = %event.inquiry, "A delivery is authentic but old; Persona is asked instead.");
        let said = self.identity.look(std::slice::from_ref(&event.inquiry)).await?;
        // Delivered again rather than taken for done: Persona has just said something of it.
        let current = said.first().ok_or(PersonaError::Gone)?;
        self.apply(News::answered(&map.owner, current)).await
    }
}

/// Notes an event that Persona has changed, so that somebody looks. Neither the body nor a name from it goes into the
/// log, since both may hold what Persona knows of a person: the event's id finds it in Persona's dashboard.
fn drifted(webhook: &VerifiedWebhook<'_>, what: Drift, event_id: Option<&EventId>) {
    let hash = hex::encode(Sha256::digest(webhook.body()));
    let length_bytes = webhook.body().len();
    let event = event_id.map_or("unreadable", EventId::as_str);
    match what {
        Drift::Event => {
            warn!(event, hash, length_bytes, metric = "drift", "Persona sent an event that we do not know.")
        }
        Drift::Status => {
            error!(
                event,
                hash,
                length_bytes,
                metric = "drift",
                "Persona gave an inquiry a status that we do not know."
            );
        }
        Drift::Form => {
            error!(event, hash, length_bytes, metric = "drift", "A signed delivery has a form that we do not know.")
        }
    }
}

/// Whether the person in front of the camera has done its part.
fn is_past_the_person(status: InquiryStatus) -> bool {
    match status {
        InquiryStatus::Completed
        | InquiryStatus::Failed
        | InquiryStatus::NeedsReview
        | InquiryStatus::Approved
        | InquiryStatus::Declined => true,
        // `created` comes before our own entry in the map does; the others come without anybody's doing.
        InquiryStatus::Created | InquiryStatus::Pending | InquiryStatus::Expired => false,
    }
}
