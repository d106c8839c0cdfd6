//! How the functions are set in the tests: as the template sets them.

use adapters::persona::{WebhookSecret, WebhookSecrets};
use adapters::verifications::Revisits;
use domain::{
    Allowance, GatePolicy, Instant, PERSONA_REQUESTS_DEFAULT, PERSONA_REQUESTS_KEPT, Timing, VerificationPolicy,
};
use futures::executor::block_on;

use crate::world::{TEMPLATE, account, secret, template};

fn revisits() -> Revisits {
    Revisits { poll_age_ms: 120_000, step_ms: 60_000 }
}

/// The settings of `purchase-check`: the template's defaults.
pub fn check() -> purchase_check::Settings {
    purchase_check::Settings {
        gate: GatePolicy::default(),
        policy: VerificationPolicy::default(),
        phone_required: false,
        revisits: revisits(),
        purchase_wait_ms: 72 * 3600 * 1000,
        template: template(),
        callers_allowance: Allowance::of_any_minute(PERSONA_REQUESTS_DEFAULT - PERSONA_REQUESTS_KEPT),
    }
}

/// The settings of `persona-webhook`: the template's defaults.
pub fn webhook() -> persona_webhook::Settings {
    persona_webhook::Settings {
        tolerance_s: 300,
        policy: VerificationPolicy::default(),
        revisits: revisits(),
        template: TEMPLATE.to_owned(),
    }
}

/// The one secret of the tests, read at `now`.
pub fn webhook_secrets(now: Instant) -> WebhookSecrets<Vec<WebhookSecret>> {
    block_on(WebhookSecrets::read(vec![secret()], now)).expect("a list is always there")
}

/// The settings of `purchase-completion`: the template's defaults.
pub fn completion() -> purchase_completion::Settings {
    purchase_completion::Settings {
        account: account(),
        gate: GatePolicy::default(),
        timing: Timing::default(),
        carrier_timeout_ms: 10_000,
        step_ms: 60_000,
    }
}

/// The settings of `sweeper`: the template's defaults.
pub fn sweeper() -> sweeper::Settings {
    sweeper::Settings { policy: VerificationPolicy::default(), revisits: revisits(), timing: Timing::default() }
}
