//! Puts `template.yaml` into the emulator with the same two commands that deploy it to AWS.

use crate::error::{Error, Result};
use crate::tools::Tools;
use crate::workspace::Workspace;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Where packaged code is put.
const BUCKET: &str = "artifacts";

/// The outputs of a deployed stack, by name.
#[derive(Debug)]
pub(crate) struct Outputs(BTreeMap<String, String>);

impl Outputs {
    /// The value of one output.
    pub(crate) fn get(&self, name: &str) -> Result<&str> {
        self.0.get(name).map(String::as_str).ok_or_else(|| Error::UnexpectedAnswer {
            from: "the deployed stack",
            what: format!("it has no output {name}"),
        })
    }
}

/// Secrets that the functions read, by what they are for.
#[derive(Debug)]
pub(crate) struct Secrets<'a> {
    pub(crate) persona_api_key: &'a str,
    pub(crate) persona_webhook_secrets: &'a str,
    pub(crate) twilio_auth_token: &'a str,
    pub(crate) twilio_api_key_secret: &'a str,
}

/// Puts the secrets where the functions read them and returns the template parameters that name them.
pub(crate) async fn store_secrets(
    tools: &Tools,
    endpoint_url: &str,
    stack: &str,
    secrets: &Secrets<'_>,
) -> Result<BTreeMap<String, String>> {
    let store = async |name: &str, value: &str| -> Result<String> {
        let name = format!("{stack}/{name}");
        let printed = tools
            .aws(endpoint_url, &["secretsmanager", "create-secret", "--name", &name, "--secret-string", value])
            .await?;
        text(&parsed("Secrets Manager", &printed)?, "/ARN", "Secrets Manager")
    };
    let (api_key, webhook_secrets, auth_token, api_key_secret) = tokio::try_join!(
        store("persona-api-key", secrets.persona_api_key),
        store("persona-webhook-secrets", secrets.persona_webhook_secrets),
        store("twilio-auth-token", secrets.twilio_auth_token),
        store("twilio-api-key-secret", secrets.twilio_api_key_secret),
    )?;
    Ok(BTreeMap::from([
        ("PersonaApiKeyArn".to_owned(), api_key),
        ("PersonaWebhookSecretsArn".to_owned(), webhook_secrets),
        ("TwilioAuthTokenArn".to_owned(), auth_token),
        ("TwilioApiKeySecretArn".to_owned(), api_key_secret),
    ]))
}

/// Makes the bucket that the packaged code goes through.
pub(crate) async fn make_bucket(tools: &Tools, endpoint_url: &str) -> Result<()> {
    tools.aws(endpoint_url, &["s3api", "create-bucket", "--bucket", BUCKET]).await.map(drop)
}

/// Packages the template's code, deploys the template and returns its outputs.
pub(crate) async fn deploy(
    tools: &Tools,
    endpoint_url: &str,
    workspace: &Workspace,
    folder: &Path,
    stack: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Outputs> {
    let template = workspace.template().display().to_string();
    let packaged = folder.join("packaged.yaml").display().to_string();
    let package = [
        "cloudformation",
        "package",
        "--template-file",
        &template,
        "--s3-bucket",
        BUCKET,
        "--output-template-file",
        &packaged,
    ];
    tools.aws(endpoint_url, &package).await?;

    let overrides: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut deploy = vec!["cloudformation", "deploy", "--template-file", packaged.as_str(), "--stack-name", stack];
    // CloudFormation takes larger templates than 51,200 bytes by way of a bucket only.
    deploy.extend(["--s3-bucket", BUCKET]);
    deploy.extend(["--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset", "--parameter-overrides"]);
    deploy.extend(overrides.iter().map(String::as_str));
    if let Err(failure) = tools.aws(endpoint_url, &deploy).await {
        return Err(explained(tools, endpoint_url, stack, failure).await);
    }

    let printed = tools.aws(endpoint_url, &["cloudformation", "describe-stacks", "--stack-name", stack]).await?;
    let described = parsed("CloudFormation", &printed)?;
    let outputs = described.pointer("/Stacks/0/Outputs").and_then(Value::as_array).into_iter().flatten();
    let pairs = outputs.filter_map(|output| {
        Some((output.get("OutputKey")?.as_str()?.to_owned(), output.get("OutputValue")?.as_str()?.to_owned()))
    });
    Ok(Outputs(pairs.collect()))
}

/// The failure with the reasons that CloudFormation keeps in its events: `deploy` itself only says that it failed.
async fn explained(tools: &Tools, endpoint_url: &str, stack: &str, failure: Error) -> Error {
    let query =
        "StackEvents[?contains(ResourceStatus, 'FAILED')].join(': ', [LogicalResourceId, ResourceStatusReason || ''])";
    let arguments = ["cloudformation", "describe-stack-events", "--stack-name", stack, "--query", query];
    match (tools.aws(endpoint_url, &arguments).await, failure) {
        (Ok(reasons), Error::ToolFailed { command, output }) => {
            Error::ToolFailed { command, output: format!("{output}\n{}", reasons.trim()) }
        }
        (_, failure) => failure,
    }
}

/// Reads what the AWS command line printed.
pub(crate) fn parsed(from: &'static str, printed: &str) -> Result<Value> {
    serde_json::from_str(printed).map_err(|_not_json| Error::UnexpectedAnswer { from, what: "no JSON".to_owned() })
}

/// The text at a place of an answer.
pub(crate) fn text(answer: &Value, place: &str, from: &'static str) -> Result<String> {
    answer
        .pointer(place)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| Error::UnexpectedAnswer { from, what: format!("nothing at {place}") })
}
