//! What is on its way to the receivers of webhooks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::clock::{self, Clock, Moment};
use super::errors::ApiError;
use super::event::Event;
use super::ids;
use super::resource::Template;
use super::webhook::{self, ATTEMPTS_AFTER_S, AttemptResult, Delivery, DeliveryState, Webhook, WebhookStatus};
use super::wire::Wire;

/// The registered webhooks and every delivery to them.
#[derive(Debug)]
pub(super) struct Outbox {
    /// What is done to deliveries on purpose.
    pub(super) faults: WebhookFaults,
    /// The registered webhooks, newest first.
    pub(super) webhooks: Vec<Webhook>,
    clock: Clock,
    first_webhook_secret: Option<String>,
    deliveries: BTreeMap<u64, Delivery>,
    /// Only grows, also when everything is forgotten, so that a late result never meets another delivery.
    next_delivery_id: u64,
    due: BTreeSet<(Moment, u64)>,
    /// Held deliveries that go out one after the other, the next one last.
    one_by_one: Vec<u64>,
}

impl Outbox {
    /// An outbox without webhooks; the first one to be registered gets this secret.
    pub(super) fn new(clock: Clock, first_webhook_secret: Option<String>) -> Self {
        Self {
            faults: WebhookFaults::default(),
            webhooks: Vec::new(),
            clock,
            first_webhook_secret,
            deliveries: BTreeMap::new(),
            next_delivery_id: 0,
            due: BTreeSet::new(),
            one_by_one: Vec::new(),
        }
    }

    /// Forgets every delivery and takes every fault back. The webhooks stay.
    pub(super) fn forget_deliveries(&mut self) {
        self.faults = WebhookFaults::default();
        self.deliveries.clear();
        self.due.clear();
        self.one_by_one.clear();
    }

    /// Puts an event on its way to every webhook that wants it.
    pub(super) fn post(&mut self, event: &Event, template: &Template) {
        let now = self.clock.now();
        let state = match self.faults.mode {
            WebhookMode::Deliver | WebhookMode::DeliverReversed | WebhookMode::Hold => {
                DeliveryState::Waiting { due: now }
            }
            WebhookMode::Drop => DeliveryState::Dropped,
        };
        for webhook in self.webhooks.iter().filter(|webhook| webhook.wants(event.name)) {
            let mut body = json!({"data": event.resource(template, webhook.wire, self.faults.included)});
            webhook.blocklist.apply(&mut body["data"]["attributes"]["payload"]);
            if self.faults.padding_bytes > 0 {
                body["data"]["attributes"]["context"]["padding"] = "x".repeat(self.faults.padding_bytes).into();
            }
            let body = webhook.wire.inflect(body);
            for _copy in 0..self.faults.copies {
                let delivery_id = self.next_delivery_id;
                self.next_delivery_id += 1;
                let delivery = Delivery {
                    webhook_id: webhook.id.clone(),
                    event_id: event.id.clone(),
                    event_name: event.name,
                    body: body.to_string().into_bytes(),
                    state,
                    first_attempt: None,
                    attempts: Vec::new(),
                };
                if matches!(state, DeliveryState::Waiting { .. }) {
                    self.due.insert((now, delivery_id));
                }
                self.deliveries.insert(delivery_id, delivery);
            }
        }
    }

    /// Registers a webhook, disabled. The first one gets the secret of the settings.
    pub(super) fn add_webhook(&mut self, url: String, enabled_events: Vec<String>, wire: Wire) -> &Webhook {
        let secret = self.first_webhook_secret.take().unwrap_or_else(ids::new_webhook_secret);
        let now = self.clock.now();
        self.webhooks.insert(0, Webhook::new(url, enabled_events, wire, secret, now));
        &self.webhooks[0]
    }

    /// The webhook of that id.
    pub(super) fn webhook(&mut self, id: &str) -> Result<&mut Webhook, ApiError> {
        let found = self.webhooks.iter_mut().find(|webhook| webhook.id == id);
        found.ok_or_else(|| ApiError::not_found("The webhook does not exist."))
    }

    /// Enables or disables a webhook. Disabling cancels what waits for it, for good.
    pub(super) fn set_webhook_status(&mut self, id: &str, status: WebhookStatus) -> Result<(), ApiError> {
        let webhook = self.webhook(id)?;
        if webhook.status == WebhookStatus::Archived {
            return Err(ApiError::conflict("Webhook already archived"));
        }
        webhook.status = status;
        if matches!(status, WebhookStatus::Disabled | WebhookStatus::Archived) {
            for delivery in self.deliveries.values_mut().filter(|delivery| delivery.webhook_id == id) {
                match delivery.state {
                    DeliveryState::Waiting { .. } | DeliveryState::InFlight => {
                        delivery.state = DeliveryState::Cancelled
                    }
                    DeliveryState::Succeeded
                    | DeliveryState::Exhausted
                    | DeliveryState::Cancelled
                    | DeliveryState::Dropped => {}
                }
            }
        }
        Ok(())
    }

    /// Sends an event's deliveries once more, whatever became of them. 404 if there are none.
    pub(super) fn retry(&mut self, event_id: &str) -> Result<(), ApiError> {
        let now = self.clock.now();
        let mut found = false;
        for (id, delivery) in self.deliveries.iter_mut().filter(|(_, delivery)| delivery.event_id == event_id) {
            found = true;
            match delivery.state {
                // It is on its way already.
                DeliveryState::InFlight => {}
                DeliveryState::Waiting { due } => {
                    self.due.remove(&(due, *id));
                    delivery.state = DeliveryState::Waiting { due: now };
                    self.due.insert((now, *id));
                }
                DeliveryState::Succeeded
                | DeliveryState::Exhausted
                | DeliveryState::Cancelled
                | DeliveryState::Dropped => {
                    delivery.state = DeliveryState::Waiting { due: now };
                    self.due.insert((now, *id));
                }
            }
        }
        if found { Ok(()) } else { Err(ApiError::not_found("The event was sent to no webhook.")) }
    }

    /// Changes what is done to deliveries. Leaving `Hold` lets go of what was held.
    pub(super) fn set_mode(&mut self, mode: WebhookMode) {
        self.faults.mode = mode;
        if mode == WebhookMode::DeliverReversed {
            self.faults.mode = WebhookMode::Deliver;
            let now = self.clock.now();
            let held: Vec<(Moment, u64)> = self.due.iter().copied().filter(|(due, _)| *due <= now).collect();
            self.due.retain(|(due, _)| *due > now);
            self.one_by_one.extend(held.into_iter().map(|(_, delivery_id)| delivery_id));
            self.one_by_one.sort_unstable();
            self.release_next();
        }
    }

    /// The attempts to make now. Each is in flight until `record_attempt`.
    pub(super) fn take_attempts(&mut self) -> Vec<Attempt> {
        let now = self.clock.now();
        let mut attempts = Vec::new();
        if self.faults.mode == WebhookMode::Hold {
            return attempts;
        }
        while let Some((due, delivery_id)) = self.due.first().copied() {
            if due > now {
                break;
            }
            self.due.pop_first();
            attempts.extend(self.attempt(delivery_id, now));
        }
        attempts
    }

    /// Notes how an attempt ended and plans the next one.
    pub(super) fn record_attempt(&mut self, delivery_id: u64, result: AttemptResult) {
        // After a reset the delivery is gone.
        let Some(delivery) = self.deliveries.get_mut(&delivery_id) else {
            return;
        };
        delivery.attempts.push(result);
        let next_after_s = ATTEMPTS_AFTER_S.get(delivery.attempts.len()).copied();
        delivery.state = match (delivery.state, result.is_success(), next_after_s, delivery.first_attempt) {
            (_, true, _, _) => DeliveryState::Succeeded,
            (DeliveryState::InFlight, false, Some(next_after_s), Some(first_attempt)) => {
                let due = self.clock.after(first_attempt, next_after_s);
                self.due.insert((due, delivery_id));
                DeliveryState::Waiting { due }
            }
            (DeliveryState::InFlight, false, _, _) => DeliveryState::Exhausted,
            // Cancelled while in flight.
            (other, false, _, _) => other,
        };
        self.release_next();
    }

    /// When `take_attempts` has something to do next.
    pub(super) fn next_due(&self) -> Option<Moment> {
        let due = self.due.first().map(|(due, _)| *due);
        due.filter(|_| self.faults.mode != WebhookMode::Hold)
    }

    /// Every delivery as `/simulator/state` shows it, oldest first.
    pub(super) fn shown(&self) -> Value {
        self.deliveries.values().map(Delivery::shown).collect()
    }

    /// One attempt of a delivery, unless it was cancelled meanwhile.
    fn attempt(&mut self, delivery_id: u64, now: Moment) -> Option<Attempt> {
        let delivery = self.deliveries.get_mut(&delivery_id)?;
        if !matches!(delivery.state, DeliveryState::Waiting { .. }) {
            return None;
        }
        let webhook = self.webhooks.iter().find(|webhook| webhook.id == delivery.webhook_id)?;
        delivery.state = DeliveryState::InFlight;
        let first_attempt = *delivery.first_attempt.get_or_insert(now);
        let made = delivery.attempts.len() + 1;
        let since_first_s = ATTEMPTS_AFTER_S.get(made - 1).copied().unwrap_or_default();
        let signed_at_s = match self.faults.signature_time {
            SignatureTime::Sent => clock::wall().unix_s(),
            SignatureTime::FirstAttempt => clock::wall().unix_s().saturating_sub_unsigned(since_first_s),
        };
        Some(Attempt {
            delivery_id,
            url: webhook.url.clone(),
            signature: webhook::signature(webhook.secrets(now), signed_at_s, &delivery.body),
            made,
            left: ATTEMPTS_AFTER_S.len().saturating_sub(made),
            first_attempted_at_s: first_attempt.unix_s(),
            body: delivery.body.clone(),
        })
    }

    /// Lets the next of the deliveries go that go out one by one.
    fn release_next(&mut self) {
        if let Some(delivery_id) = self.one_by_one.pop() {
            self.due.insert((self.clock.now(), delivery_id));
        }
    }
}

/// What is done to webhooks on purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct WebhookFaults {
    /// Whether deliveries go out.
    pub(super) mode: WebhookMode,
    /// How often each event is sent to each webhook: 1, or more for duplicates.
    pub(super) copies: u32,
    /// What `t` of a repeated attempt says.
    pub(super) signature_time: SignatureTime,
    /// Whether bodies of newer versions include related resources, as a webhook's allow-list can turn on.
    pub(super) included: bool,
    /// Bytes that each body is longer than it need be.
    pub(super) padding_bytes: usize,
}

impl Default for WebhookFaults {
    fn default() -> Self {
        Self {
            mode: WebhookMode::Deliver,
            copies: 1,
            signature_time: SignatureTime::Sent,
            included: false,
            padding_bytes: 0,
        }
    }
}

/// Whether deliveries go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WebhookMode {
    /// As they should.
    Deliver,
    /// What was held goes out newest first, one at a time; from then on as they should.
    DeliverReversed,
    /// They wait until told otherwise.
    Hold,
    /// Those of new events are lost.
    Drop,
}

/// What `t` of a repeated attempt says. Whether Persona signs anew is not documented, so a receiver must bear both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SignatureTime {
    /// The attempt's own time.
    Sent,
    /// The first attempt's time: as long ago as the schedule says, unscaled.
    FirstAttempt,
}

/// One attempt to make: a request that is ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) delivery_id: u64,
    pub(super) url: String,
    pub(super) signature: String,
    /// Attempts made including this one.
    pub(super) made: usize,
    /// Attempts left after this one.
    pub(super) left: usize,
    /// Unix seconds.
    pub(super) first_attempted_at_s: i64,
    pub(super) body: Vec<u8>,
}
