//! The functions of a schedule, over its ports: the very handlers that are deployed.

use std::sync::LazyLock;

use adapters::ambient::Ambient;
use adapters::persona::{WebhookSecret, sign};
use adapters::queue::PurchaseMessage;
use persona_webhook::PersonaWebhook;
use purchase_check::PurchaseCheck;
use purchase_completion::{PurchaseCompletion, SwitchCache};
use serde_json::Value;
use sweeper::Sweeper;

use super::invariants::{Expected, after_answer};
use super::people::Delivery;
use super::ports::Ports;
use crate::events::{lean_event, sqs_event_of};
use crate::settings;
use crate::world::secret;

/// Every function.
#[derive(Debug)]
pub(super) struct Functions<'a> {
    check: PurchaseCheck<Ports<'a>, Ports<'a>, Ports<'a>, Ports<'a>>,
    webhook: PersonaWebhook<Ports<'a>, Ports<'a>, Ports<'a>, Ports<'a>, Vec<WebhookSecret>>,
    completion: PurchaseCompletion<Ports<'a>, Ports<'a>, Ports<'a>>,
    sweeper: Sweeper<Ports<'a>, Ports<'a>, Ports<'a>, Ports<'a>, Ports<'a>>,
}

impl<'a> Functions<'a> {
    pub(super) fn over(ports: Ports<'a>) -> Self {
        let (store, queue, identity, ambient) = (ports, ports, ports, ports);
        Self {
            check: PurchaseCheck { store, queue, identity, ambient, settings: settings::check() },
            webhook: PersonaWebhook {
                store,
                queue,
                identity,
                ambient,
                secrets: settings::webhook_secrets(ports.now()),
                settings: settings::webhook(),
            },
            completion: PurchaseCompletion {
                store,
                carrier: ports,
                ambient,
                switch: SwitchCache::default(),
                settings: settings::completion(),
            },
            sweeper: Sweeper { store, queue, identity, names: ports, ambient, settings: settings::sweeper() },
        }
    }

    /// `purchase-check` answers this event.
    pub(super) async fn check(&self, event: Value, expected: Expected, ports: Ports<'a>) -> bool {
        let answer = self.check.handle(event).await;
        after_answer(&mut ports.0.state(), expected, &answer);
        true
    }

    /// `persona-webhook` is sent this delivery by somebody who does not know the secret.
    pub(super) async fn forged(&self, delivery: Delivery, ports: Ports<'a>) -> bool {
        let body = delivery.body();
        let signature = sign(&OTHERS_SECRET, body.as_bytes(), ports.now());
        let answer = self.webhook.handle(signed(body, signature)).await;
        after_answer(&mut ports.0.state(), Expected::NotPersonas, &answer);
        true
    }

    /// `persona-webhook` takes this delivery; whether it need not come again.
    pub(super) async fn webhook(&self, delivery: Delivery, ports: Ports<'a>) -> bool {
        let body = delivery.body();
        let signature = sign(&SECRET, body.as_bytes(), ports.now());
        self.webhook.handle(signed(body, signature)).await["statusCode"] == 200
    }

    /// `purchase-completion` works on this message; whether it is done with.
    pub(super) async fn completion(&self, message: PurchaseMessage) -> bool {
        let event = sqs_event_of(&message.to_text());
        self.completion.handle(event).await.batch_item_failures.is_empty()
    }

    /// `sweeper` sweeps.
    pub(super) async fn sweep(&self) -> bool {
        let _swept = self.sweeper.sweep().await;
        true
    }
}

static SECRET: LazyLock<WebhookSecret> = LazyLock::new(secret);
static OTHERS_SECRET: LazyLock<WebhookSecret> =
    LazyLock::new(|| WebhookSecret::parse("wbhsec_c07d3b95-1e86-42fa-b8d1-64e9a2705c3f").expect("is a secret"));

/// A delivery with this body, signed.
fn signed(body: String, signature: String) -> Value {
    static DELIVERY: LazyLock<Value> = LazyLock::new(|| lean_event(persona_webhook::ROUTE, &[], &[], None, ""));
    let mut event = DELIVERY.clone();
    event["headers"]["persona-signature"] = Value::String(signature);
    event["body"] = Value::String(body);
    event
}
