//! Wiring: the environment, the clients, the runtime.

use adapters::ambient::{Ambient, Machine};
use adapters::config::{ProcessEnvironment, number, required};
use adapters::persona::WebhookSecrets;
use adapters::settings::{Aws, revisits, verification_policy};
use adapters::telemetry;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use persona_webhook::{PersonaWebhook, Settings};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = ProcessEnvironment;
    telemetry::start(&environment)?;
    let aws = Aws::load().await;
    let function = PersonaWebhook {
        store: aws.table(&environment)?,
        queue: aws.queue(&environment)?,
        identity: aws.persona(&environment).await?,
        ambient: Machine,
        secrets: WebhookSecrets::read(aws.webhook_secrets(environment), Machine.now()).await?,
        settings: Settings {
            tolerance_s: number(&environment, "WEBHOOK_TOLERANCE_S", 300, 1..=3600)?,
            policy: verification_policy(&environment)?,
            revisits: revisits(&environment)?,
            template: required(&environment, "PERSONA_TEMPLATE_ID")?,
        },
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async {
        Ok::<_, Error>(function.handle(event.payload).await)
    }))
    .await
}
