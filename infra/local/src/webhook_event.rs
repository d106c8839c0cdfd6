//! Persona's signed events, made by hand: for `cargo lambda invoke`, which reads an event from a file.
//!
//! A signature is as old as the file that holds it, so the file is made just before use.

use crate::error::{Error, Result};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How far in the past a stale event was signed, in seconds: beyond the template's default tolerance.
const STALE_S: i64 = 3600;

/// The events that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum WebhookEvent {
    /// Persona approved the inquiry.
    WebhookApproved,
    /// Persona declined the inquiry.
    WebhookDeclined,
    /// The inquiry was abandoned.
    WebhookExpired,
    /// Approved, but the signature belongs to another body.
    WebhookBadSignature,
    /// Approved and rightly signed, an hour ago.
    WebhookStale,
}

/// The event that API Gateway hands to persona-webhook (payload format 2.0), signed with `secret` at `now`.
///
/// # Errors
/// [`Error::UnexpectedAnswer`] if the instant cannot be written.
pub fn event(kind: WebhookEvent, inquiry: &str, template: &str, secret: &str, now: OffsetDateTime) -> Result<Value> {
    let (name, status) = match kind {
        WebhookEvent::WebhookDeclined => ("inquiry.declined", "declined"),
        WebhookEvent::WebhookExpired => ("inquiry.expired", "expired"),
        WebhookEvent::WebhookApproved | WebhookEvent::WebhookBadSignature | WebhookEvent::WebhookStale => {
            ("inquiry.approved", "approved")
        }
    };
    let unwritable =
        |_| Error::UnexpectedAnswer { from: "the clock", what: "an instant that cannot be written".to_owned() };
    let created_at = now.format(&Rfc3339).map_err(unwritable)?;
    // Persona's documentation, "Webhooks": the envelope, with the fields that a status-only allow-list leaves.
    let body =
        json!({ "data": { "type": "event", "id": format!("evt_{}", uuid::Uuid::new_v4().simple()), "attributes": {
        "name": name,
        "created-at": created_at,
        "payload": { "data": {
            "type": "inquiry",
            "id": inquiry,
            "attributes": { "status": status, "reference-id": null },
            "relationships": { "inquiry-template": { "data": { "type": "inquiry-template", "id": template } } },
        } },
    } } })
        .to_string();
    let (signed_s, signed_body) = match kind {
        WebhookEvent::WebhookApproved | WebhookEvent::WebhookDeclined | WebhookEvent::WebhookExpired => {
            (now.unix_timestamp(), body.as_str())
        }
        WebhookEvent::WebhookBadSignature => (now.unix_timestamp(), "another body"),
        WebhookEvent::WebhookStale => (now.unix_timestamp() - STALE_S, body.as_str()),
    };
    let signature = signature(secret, signed_s, signed_body);
    Ok(json!({
        "version": "2.0",
        "routeKey": "POST /v1/webhooks/persona",
        "rawPath": "/v1/webhooks/persona",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json; charset=utf-8",
            "host": "localhost",
            "persona-signature": signature,
            "persona-webhook-attempts-made": "1",
            "persona-webhook-attempts-left": "7",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "localhost",
            "domainPrefix": "local",
            "http": {
                "method": "POST",
                "path": "/v1/webhooks/persona",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "Persona",
            },
            "requestId": uuid::Uuid::new_v4().to_string(),
            "routeKey": "POST /v1/webhooks/persona",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": now.unix_timestamp() * 1000,
        },
        "body": body,
        "isBase64Encoded": false,
    }))
}

/// Persona's documentation, "Webhooks best practices": HMAC-SHA-256 over `<unix seconds>.<body>` under the whole secret.
pub(crate) fn signature(secret: &str, signed_s: i64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        // HMAC takes keys of every length.
        return String::new();
    };
    mac.update(format!("{signed_s}.{body}").as_bytes());
    format!("t={signed_s},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{WebhookEvent, event, signature};
    use time::OffsetDateTime;

    const NOW_S: i64 = 1_700_000_000;

    fn made(kind: WebhookEvent) -> serde_json::Value {
        let now = OffsetDateTime::from_unix_timestamp(NOW_S).expect("an instant");
        event(kind, "inq_1", "itmpl_1", "wbhsec_1", now).expect("an event")
    }

    #[test]
    fn the_signature_is_hmac_over_time_dot_body() {
        // Computed with `printf '1700000000.{}' | openssl dgst -sha256 -hmac wbhsec_1`.
        let expected = "t=1700000000,v1=babf382a6f4a60bd323430bf6e179685fe4030468048e9e7a45c46b35862a576";
        assert_eq!(signature("wbhsec_1", NOW_S, "{}"), expected);
    }

    #[test]
    fn an_honest_event_is_signed_over_the_body_it_carries() {
        let event = made(WebhookEvent::WebhookApproved);
        let body = event["body"].as_str().expect("a body");
        assert_eq!(event["headers"]["persona-signature"], signature("wbhsec_1", NOW_S, body));
        assert!(body.contains("\"inquiry.approved\"") && body.contains("inq_1") && body.contains("itmpl_1"));
    }

    #[test]
    fn a_bad_signature_is_one_over_something_else() {
        let event = made(WebhookEvent::WebhookBadSignature);
        let body = event["body"].as_str().expect("a body");
        assert_ne!(event["headers"]["persona-signature"], signature("wbhsec_1", NOW_S, body));
    }

    #[test]
    fn a_stale_event_is_rightly_signed_an_hour_ago() {
        let event = made(WebhookEvent::WebhookStale);
        let body = event["body"].as_str().expect("a body");
        assert_eq!(event["headers"]["persona-signature"], signature("wbhsec_1", NOW_S - 3600, body));
    }
}
