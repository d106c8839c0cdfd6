//! What ministack 1.5.33 drops or garbles of a deployed template, put right by the calls that AWS would not need.
//!
//! Everything of this kind is in this file. When a newer emulator no longer needs one, delete it here.
//!
//! - `AWS::ApiGatewayV2::Api` keeps `CorsConfiguration` under names that its own preflight answer does not look for.
//! - `AWS::DynamoDB::Table` drops `TimeToLiveSpecification` and `PointInTimeRecoverySpecification`.
//! - `AWS::Lambda::EventSourceMapping` keeps a `MaximumConcurrency` that comes from a parameter as text, and then fails
//!   to compare it with a number at every poll: no message would ever reach a function.
//! - Enforcing roles, it asks for `sqs:SendMessageBatch`, an action that IAM does not have: there `sqs:SendMessage` covers
//!   sending many (SQS developer guide, "Amazon SQS API permissions").

use crate::deployment::{Outputs, parsed};
use crate::error::{Error, Result};
use crate::tools::{REGION, Tools};
use serde_json::{Value, json};

/// Puts right what the emulator dropped. The settings are read from the transformed template, their only description;
/// `allowed_origins` is what was given for the template's parameter `AllowedOrigins`.
pub(crate) async fn apply(
    tools: &Tools,
    endpoint_url: &str,
    stack: &str,
    template: &Value,
    outputs: &Outputs,
    allowed_origins: &str,
) -> Result<()> {
    tokio::try_join!(
        table(tools, endpoint_url, template, outputs),
        cross_origin(tools, endpoint_url, template, outputs, allowed_origins),
        concurrency(tools, endpoint_url),
        batches(tools, endpoint_url, stack, template, outputs),
    )?;
    Ok(())
}

async fn table(tools: &Tools, endpoint_url: &str, template: &Value, outputs: &Outputs) -> Result<()> {
    let name = outputs.get("TableName")?;
    let ttl = setting(template, "/Resources/Table/Properties/TimeToLiveSpecification")?.to_string();
    let ttl = ["dynamodb", "update-time-to-live", "--table-name", name, "--time-to-live-specification", &ttl];
    let recovery = setting(template, "/Resources/Table/Properties/PointInTimeRecoverySpecification")?.to_string();
    let recovery = [
        "dynamodb",
        "update-continuous-backups",
        "--table-name",
        name,
        "--point-in-time-recovery-specification",
        &recovery,
    ];
    tokio::try_join!(tools.aws(endpoint_url, &ttl), tools.aws(endpoint_url, &recovery))?;
    Ok(())
}

async fn cross_origin(
    tools: &Tools,
    endpoint_url: &str,
    template: &Value,
    outputs: &Outputs,
    allowed_origins: &str,
) -> Result<()> {
    if allowed_origins.is_empty() {
        return Ok(());
    }
    // The second entry of `Fn::If` is what holds if there are allowed origins.
    let mut configuration = setting(template, "/Resources/Api/Properties/CorsConfiguration/Fn::If/1")?.clone();
    configuration["AllowOrigins"] = json!(allowed_origins.split(',').collect::<Vec<_>>());
    let configuration = configuration.to_string();
    let api = outputs.get("ApiId")?;
    let update = ["apigatewayv2", "update-api", "--api-id", api, "--cors-configuration", &configuration];
    tools.aws(endpoint_url, &update).await.map(drop)
}

async fn concurrency(tools: &Tools, endpoint_url: &str) -> Result<()> {
    let printed = tools.aws(endpoint_url, &["lambda", "list-event-source-mappings"]).await?;
    let answer = parsed("Lambda", &printed)?;
    for mapping in answer.get("EventSourceMappings").and_then(Value::as_array).into_iter().flatten() {
        let limit = mapping.pointer("/ScalingConfig/MaximumConcurrency").and_then(Value::as_u64);
        let (Some(id), Some(limit)) = (mapping.get("UUID").and_then(Value::as_str), limit) else {
            continue;
        };
        let scaling = format!("MaximumConcurrency={limit}");
        let update = ["lambda", "update-event-source-mapping", "--uuid", id, "--scaling-config", &scaling];
        tools.aws(endpoint_url, &update).await?;
    }
    Ok(())
}

async fn batches(tools: &Tools, endpoint_url: &str, stack: &str, template: &Value, outputs: &Outputs) -> Result<()> {
    let printed =
        tools.aws(endpoint_url, &["cloudformation", "describe-stack-resources", "--stack-name", stack]).await?;
    let deployed = parsed("CloudFormation", &printed)?;
    let queue = outputs.get("PurchaseQueueUrl")?.rsplit('/').next().unwrap_or_default();
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": "sqs:SendMessageBatch",
        "Resource": format!("arn:aws:sqs:{REGION}:000000000000:{queue}"),
    }] })
    .to_string();
    let senders =
        deployed.get("StackResources").and_then(Value::as_array).into_iter().flatten().filter_map(|resource| {
            let logical = resource.get("LogicalResourceId")?.as_str()?;
            let role = &template["Resources"][logical];
            sends_messages(role).then(|| resource.get("PhysicalResourceId")?.as_str())?
        });
    let allow = |role| {
        let policy = policy.as_str();
        async move {
            let name = "emulator-batches";
            let put =
                ["iam", "put-role-policy", "--role-name", role, "--policy-name", name, "--policy-document", policy];
            tools.aws(endpoint_url, &put).await
        }
    };
    futures::future::try_join_all(senders.map(allow)).await?;
    Ok(())
}

/// Whether a role of the template may send messages.
fn sends_messages(role: &Value) -> bool {
    let policies = role["Properties"]["Policies"].as_array().into_iter().flatten();
    let mut statements =
        policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten());
    statements.any(|statement| statement["Action"] == "sqs:SendMessage")
}

fn setting<'template>(template: &'template Value, place: &str) -> Result<&'template Value> {
    template.pointer(place).ok_or_else(|| Error::UnexpectedAnswer {
        from: "the transformed template",
        what: format!("nothing at {place}"),
    })
}
