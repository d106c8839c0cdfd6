//! Wiring: the environment, the clients, the runtime.

use adapters::ambient::Machine;
use adapters::config::ProcessEnvironment;
use adapters::settings::{Aws, phone_policy};
use adapters::telemetry;
use domain::MessagePrices;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use phone_verification::{PhoneVerification, Settings};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = ProcessEnvironment;
    telemetry::start(&environment)?;
    let aws = Aws::load().await;
    let function = PhoneVerification {
        store: aws.table(&environment)?,
        queue: aws.queue(&environment)?,
        lookup: aws.lookup(&environment).await?,
        passcodes: aws.passcodes(&environment).await?,
        ambient: Machine,
        settings: Settings { policy: phone_policy(&environment)?, prices: MessagePrices::default() },
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async {
        Ok::<_, Error>(function.handle(event.payload).await)
    }))
    .await
}
