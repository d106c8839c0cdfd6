//! Wiring: the environment, the clients, the runtime.

use adapters::ambient::Machine;
use adapters::config::{ConfigError, Environment, ProcessEnvironment, malformed};
use adapters::name_match::IdAgainstPhone;
use adapters::settings::{Aws, revisits, timing, verification_policy};
use adapters::telemetry;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use sweeper::{Settings, Sweeper};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = ProcessEnvironment;
    telemetry::start(&environment)?;
    let aws = Aws::load().await;
    let function = Sweeper {
        store: aws.table(&environment)?,
        queue: aws.queue(&environment)?,
        identity: aws.persona(&environment).await?,
        names: IdAgainstPhone { ids: aws.persona(&environment).await?, lookup: aws.lookup(&environment).await? },
        ambient: Machine,
        settings: settings(&environment)?,
    };
    lambda_runtime::run(service_fn(|_: LambdaEvent<Value>| async {
        let swept = function.sweep().await?;
        Ok::<_, Error>(serde_json::to_value(swept)?)
    }))
    .await
}

fn settings(environment: &impl Environment) -> Result<Settings, ConfigError> {
    let settings = Settings {
        policy: verification_policy(environment)?,
        revisits: revisits(environment)?,
        timing: timing(environment)?,
    };
    // Within its grace a purchase that was approved in time must be found by asking, whatever was not delivered.
    if settings.revisits.poll_age_ms > settings.timing.expiry_grace_ms {
        return Err(malformed("POLL_AGE_S", "must not be longer than EXPIRY_GRACE_S"));
    }
    Ok(settings)
}
