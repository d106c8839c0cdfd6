//! Webhooks: where events are sent, how they are signed, and what became of each delivery.
//! Rules: docs.withpersona.com/webhooks, /webhooks-best-practices and /quickstart-webhooks.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::blocklist::Blocklist;
use super::clock::Moment;
use super::ids;
use super::wire::Wire;

/// Seconds from the first attempt to each of the eight, in simulated time: the waits between them are about
/// 3, 64, 729, 4096, 15625, 46656 and 117649 seconds. An attempt that outlasts its wait is followed by the next at once.
pub(super) const ATTEMPTS_AFTER_S: [u64; 8] = [0, 3, 67, 796, 4_892, 20_517, 67_173, 184_822];

/// Secrets that sign at the same time during a rotation.
const SIGNING_SECRETS_MAX: usize = 2;

/// What subscribes to every event.
const EVERY_EVENT: &str = "*";

/// Whether a webhook delivers. New ones do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WebhookStatus {
    /// Events pass it by.
    Disabled,
    /// Events are sent.
    Enabled,
    /// It is over; it cannot be enabled again.
    Archived,
}

/// A secret that signs deliveries.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    value: String,
    /// When a secret that was rotated out stops signing; none for the current one.
    expires_at: Option<Moment>,
}

/// A registered receiver of events.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    /// `wbh_…`
    pub(super) id: String,
    /// Where to.
    pub(super) url: String,
    /// Whether it delivers.
    pub(super) status: WebhookStatus,
    /// How bodies are written.
    pub(super) wire: Wire,
    /// What is left out of bodies.
    pub(super) blocklist: Blocklist,
    /// Names of events, or `*`.
    pub(super) enabled_events: Vec<String>,
    /// When it was registered.
    pub(super) created_at: Moment,
    secrets: Vec<Secret>,
}

impl Webhook {
    /// A new, disabled webhook that signs with `secret`.
    pub(super) fn new(url: String, enabled_events: Vec<String>, wire: Wire, secret: String, now: Moment) -> Self {
        let secrets = vec![Secret { value: secret, expires_at: None }];
        let status = WebhookStatus::Disabled;
        let blocklist = Blocklist::default();
        Self { id: ids::new_id("wbh"), url, status, wire, blocklist, enabled_events, created_at: now, secrets }
    }

    /// Whether it wants events of this name.
    pub(super) fn wants(&self, event_name: &str) -> bool {
        self.status == WebhookStatus::Enabled
            && self.enabled_events.iter().any(|wanted| wanted == EVERY_EVENT || wanted == event_name)
    }

    /// Makes a new secret; the current one signs beside it until `old_expires_at`.
    pub(super) fn rotate(&mut self, old_expires_at: Moment) {
        for secret in &mut self.secrets {
            secret.expires_at = Some(secret.expires_at.map_or(old_expires_at, |earlier| earlier.min(old_expires_at)));
        }
        self.secrets.insert(0, Secret { value: ids::new_webhook_secret(), expires_at: None });
        self.secrets.truncate(SIGNING_SECRETS_MAX);
    }

    /// The secrets that sign at `now`, newest first.
    pub(super) fn secrets(&self, now: Moment) -> impl Iterator<Item = &str> {
        let signs = move |secret: &&Secret| secret.expires_at.is_none_or(|expires_at| now < expires_at);
        self.secrets.iter().filter(signs).map(|secret| secret.value.as_str())
    }

    /// The resource, as on Persona's "Rotate a Webhook secret" reference page.
    pub(super) fn resource(&self, now: Moment) -> Value {
        let status = match self.status {
            WebhookStatus::Disabled => "disabled",
            WebhookStatus::Enabled => "enabled",
            WebhookStatus::Archived => "archived",
        };
        let secrets: Vec<&str> = self.secrets(now).collect();
        json!({
            "type": "webhook",
            "id": self.id,
            "attributes": {
                "status": status,
                "url": self.url,
                "secret": secrets.first(),
                "secrets": secrets.iter().map(|value| json!({"value": value})).collect::<Vec<_>>(),
                "api-version": self.wire.version.text(),
                "api-key-inflection": self.wire.inflection.text(),
                "api-attributes-blocklist": self.blocklist.entries(),
                "file-access-token-expires-in": 21_600,
                "enabled-events": self.enabled_events,
                "payload-filter": null,
                "created-at": self.created_at.seconds_text(),
            }
        })
    }
}

/// The `Persona-Signature` header: for each secret `t=<seconds>,v1=<hex>`, newest first, separated by a space. Signed is
/// `<seconds>.<body>`, with the secret's whole text (its prefix too) as the key.
pub(super) fn signature<'a>(secrets: impl Iterator<Item = &'a str>, signed_at_s: i64, body: &[u8]) -> String {
    let message = [format!("{signed_at_s}.").as_bytes(), body].concat();
    let sets = secrets.map(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        format!("t={signed_at_s},v1={}", hex::encode(hmac::sign(&key, &message)))
    });
    sets.collect::<Vec<_>>().join(" ")
}

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptResult {
    /// The receiver answered with this status.
    Answered(u16),
    /// No answer within the time allowed.
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
}

impl AttemptResult {
    /// Persona takes 200, 201, 202 and 204 for a success, and nothing else.
    pub(super) fn is_success(self) -> bool {
        matches!(self, Self::Answered(200 | 201 | 202 | 204))
    }

    /// As `/simulator/state` shows it: a number or a word.
    fn shown(self) -> Value {
        match self {
            Self::Answered(status) => status.into(),
            Self::TimedOut => "timeout".into(),
            Self::Unreachable => "unreachable".into(),
        }
    }
}

/// What is to become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryState {
    /// The next attempt is made then.
    Waiting {
        /// The next attempt's instant.
        due: Moment,
    },
    /// An attempt is being made.
    InFlight,
    /// It arrived.
    Succeeded,
    /// Every attempt failed.
    Exhausted,
    /// Its webhook was disabled meanwhile.
    Cancelled,
    /// Lost on purpose, by a fault switch.
    Dropped,
}

/// One event on its way to one webhook.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) webhook_id: String,
    pub(super) event_id: String,
    pub(super) event_name: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) state: DeliveryState,
    /// When the first attempt was made, if one was.
    pub(super) first_attempt: Option<Moment>,
    pub(super) attempts: Vec<AttemptResult>,
}

impl Delivery {
    /// As `/simulator/state` shows it.
    pub(super) fn shown(&self) -> Value {
        let mut shown = json!({
            "webhook_id": self.webhook_id,
            "event_id": self.event_id,
            "event_name": self.event_name,
            "state": match self.state {
                DeliveryState::Waiting { .. } => "waiting",
                DeliveryState::InFlight => "in_flight",
                DeliveryState::Succeeded => "succeeded",
                DeliveryState::Exhausted => "exhausted",
                DeliveryState::Cancelled => "cancelled",
                DeliveryState::Dropped => "dropped",
            },
            "attempts": self.attempts.iter().map(|attempt| attempt.shown()).collect::<Vec<_>>(),
        });
        if let Some(first) = self.first_attempt {
            shown["first_attempted_at_ms"] = first.unix_ms().into();
        }
        if let DeliveryState::Waiting { due } = self.state {
            shown["next_attempt_at_ms"] = due.unix_ms().into();
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::signature;

    /// The expected value comes from `printf '1700000000.{}' | openssl dgst -sha256 -hmac wbhsec_test`.
    #[test]
    fn the_signature_covers_time_and_body_and_is_repeated_for_each_secret() {
        let one = signature(["wbhsec_test"].into_iter(), 1_700_000_000, b"{}");
        assert_eq!(one, "t=1700000000,v1=d132a70d733d73ec3162b6327e2c7fc6cdd448a4190ef20379145b7f1d2690a5");
        let two = signature(["wbhsec_new", "wbhsec_test"].into_iter(), 1_700_000_000, b"{}");
        assert!(two.ends_with(&format!(" {one}")) && two.matches("v1=").count() == 2, "{two}");
    }
}
