//! Wiring: the environment, the clients, the runtime.

use adapters::ambient::Machine;
use adapters::config::{ConfigError, ProcessEnvironment};
use adapters::settings::{
    Aws, callers_allowance, gate_policy, phone_policy, purchase_wait_ms, revisits, template, verification_policy,
};
use adapters::telemetry;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use purchase_check::{PurchaseCheck, Settings};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = ProcessEnvironment;
    telemetry::start(&environment)?;
    let aws = Aws::load().await;
    let function = PurchaseCheck {
        store: aws.table(&environment)?,
        queue: aws.queue(&environment)?,
        identity: aws.persona(&environment).await?,
        ambient: Machine,
        settings: settings(&environment)?,
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async {
        Ok::<_, Error>(function.handle(event.payload).await)
    }))
    .await
}

fn settings(environment: &ProcessEnvironment) -> Result<Settings, ConfigError> {
    Ok(Settings {
        gate: gate_policy(environment)?,
        policy: verification_policy(environment)?,
        phone_required: phone_policy(environment)?.required_for_purchases,
        revisits: revisits(environment)?,
        purchase_wait_ms: purchase_wait_ms(environment)?,
        template: template(environment)?,
        callers_allowance: callers_allowance(environment)?,
    })
}
