//! Wiring: the environment, the clients, the runtime.

use adapters::ambient::Machine;
use adapters::config::{ConfigError, Environment, ProcessEnvironment, malformed, number};
use adapters::settings::{Aws, gate_policy, timing};
use adapters::telemetry;
use aws_lambda_events::sqs::SqsEvent;
use domain::Timing;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use purchase_completion::{PurchaseCompletion, Settings, SwitchCache};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = ProcessEnvironment;
    telemetry::start(&environment)?;
    let aws = Aws::load().await;
    let (carrier, account) = aws.twilio(&environment).await?;
    let (timing, carrier_timeout_ms) = (timing(&environment)?, carrier_timeout_ms(&environment)?);
    in_order(&timing, carrier_timeout_ms)?;
    let function = PurchaseCompletion {
        store: aws.table(&environment)?,
        carrier,
        ambient: Machine,
        switch: SwitchCache::default(),
        settings: Settings {
            account,
            gate: gate_policy(&environment)?,
            timing,
            carrier_timeout_ms,
            step_ms: number(&environment, "SWEEP_STEP_S", 60, 1..=3600)? * 1000,
        },
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async {
        Ok::<_, Error>(function.handle(event.payload).await)
    }))
    .await
}

fn carrier_timeout_ms(environment: &impl Environment) -> Result<i64, ConfigError> {
    number(environment, "TWILIO_TIMEOUT_MS", 10_000, 100..=30_000)
}

/// What the purchase engine's safety stands on: a create fits into the lease that permits it, and when a number counts as
/// absent, no create of an earlier lease can still be on its way or missing in the carrier's list.
fn in_order(timing: &Timing, carrier_timeout_ms: i64) -> Result<(), ConfigError> {
    /// How long a create may take to show in the carrier's list once its lease is over, in milliseconds.
    const LANDING_MS: i64 = 60_000;
    if timing.lease_ms <= carrier_timeout_ms {
        return Err(malformed("LEASE_S", "must be longer than TWILIO_TIMEOUT_MS"));
    }
    if timing.settle_after_ms < timing.lease_ms + LANDING_MS {
        return Err(malformed("SETTLE_AFTER_S", "must be at least LEASE_S and a minute"));
    }
    Ok(())
}
