//! Wiring: the environment, the client, the runtime.

use adapters::config::ProcessEnvironment;
use adapters::settings::{Aws, gate_policy};
use adapters::telemetry;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use number_search::NumberSearch;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = ProcessEnvironment;
    telemetry::start(&environment)?;
    let aws = Aws::load().await;
    let function = NumberSearch { stock: aws.stock(&environment).await?, gate: gate_policy(&environment)? };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async {
        Ok::<_, Error>(function.handle(event.payload).await)
    }))
    .await
}
