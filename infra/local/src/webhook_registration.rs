//! Tells Persona where to send its events, through the same two calls that an operator would make.
//!
//! Persona's documentation, "Webhooks" and API reference "Create a Webhook": a new webhook starts disabled.

use crate::error::{Error, Result};
use serde_json::{Value, json};

/// The version of the events' form that the functions were written for.
const API_VERSION: &str = "2025-12-08";

/// The events that change a verification. A status has one event each; nothing else is wanted, so nothing else is sent.
const EVENTS: [&str; 8] = [
    "inquiry.started",
    "inquiry.completed",
    "inquiry.approved",
    "inquiry.declined",
    "inquiry.marked-for-review",
    "inquiry.failed",
    "inquiry.expired",
    "inquiry.redacted",
];

/// Registers `webhook_url`, enables it and returns the webhook's id.
///
/// # Errors
/// [`Error::Http`] if Persona does not answer or refuses, [`Error::UnexpectedAnswer`] if the answer has no id.
pub(crate) async fn register(api_base_url: &str, api_key: &str, webhook_url: &str) -> Result<String> {
    let client = reqwest::Client::new();
    let post = |path: String, body: Value| {
        let request = client.post(format!("{api_base_url}/{path}")).bearer_auth(api_key);
        let request = request.header("Persona-Version", API_VERSION).header("Key-Inflection", "kebab").json(&body);
        async move { Ok::<Value, Error>(request.send().await?.error_for_status()?.json().await?) }
    };
    let attributes = json!({
        "url": webhook_url,
        "enabled-events": EVENTS,
        "api-version": API_VERSION,
        "api-key-inflection": "kebab",
    });
    let created = post("webhooks".to_owned(), json!({ "data": { "attributes": attributes } })).await?;
    let id = created
        .pointer("/data/id")
        .and_then(Value::as_str)
        .ok_or_else(|| Error::UnexpectedAnswer { from: "Persona", what: "a new webhook without an id".to_owned() })?;
    post(format!("webhooks/{id}/enable"), json!({})).await?;
    Ok(id.to_owned())
}
