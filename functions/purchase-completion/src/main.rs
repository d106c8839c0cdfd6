//! Wiring: the environment, the clients, the runtime.

use adapters::ambient::Machine;
use adapters::config::{ProcessEnvironment, number};
use adapters::settings::{Aws, gate_policy, milliseconds, timing};
use adapters::telemetry;
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use purchase_completion::{PurchaseCompletion, Settings, SwitchCache};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = ProcessEnvironment;
    telemetry::start(&environment)?;
    let aws = Aws::load().await;
    let (carrier, account) = aws.twilio(&environment).await?;
    let function = PurchaseCompletion {
        store: aws.table(&environment)?,
        carrier,
        ambient: Machine,
        switch: SwitchCache::default(),
        settings: Settings {
            account,
            gate: gate_policy(&environment)?,
            timing: timing(&environment)?,
            carrier_timeout_ms: i64::try_from(milliseconds(&environment, "TWILIO_TIMEOUT_MS", 10_000, 100..=30_000)?)?,
            step_ms: number(&environment, "SWEEP_STEP_S", 60, 1..=3600)? * 1000,
        },
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async {
        Ok::<_, Error>(function.handle(event.payload).await)
    }))
    .await
}
