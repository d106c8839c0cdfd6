//! Events in the form in which AWS hands them to a function.
//!
//! Source: API Gateway's developer guide, "Create AWS Lambda proxy integrations for HTTP APIs" (payload format 2.0),
//! and "Control access to HTTP APIs with JWT authorizers" for the claims, which are all text there; Lambda's developer
//! guide, "Using Lambda with Amazon SQS".

use std::sync::LazyLock;

use adapters::queue::PurchaseMessage;
use aws_lambda_events::sqs::SqsEvent;
use purchase_check::Route;
use serde_json::{Value, json};

/// Who calls, as the authorizer's claims.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The claims, as API Gateway passes them on.
    pub claims: Value,
}

impl Caller {
    /// A caller whose token is for this one sub-account, with both scopes of purchases.
    pub fn sub_account(sub_account: &str) -> Self {
        Self { claims: json!({"sub_account": sub_account, "scope": "purchases:read purchases:write"}) }
    }

    /// A person of the platform.
    pub fn operator() -> Self {
        Self { claims: json!({"sub": "operator@platform.example", "scope": "operator"}) }
    }
}

/// An event of an HTTP API for a route, with path parameters, headers and a body.
pub fn http_event(
    route_key: &str,
    path_parameters: &[(&str, &str)],
    headers: &[(&str, &str)],
    caller: Option<&Caller>,
    body: &str,
) -> Value {
    let (method, template) = route_key.split_once(' ').unwrap_or(("GET", route_key));
    let path = path_parameters
        .iter()
        .fold(template.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
    let mut all_headers = json!({
        "host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
        "x-forwarded-proto": "https",
        "x-forwarded-port": "443",
        "x-forwarded-for": "203.0.113.7",
        "content-type": "application/json",
    });
    for (name, value) in headers {
        all_headers[name.to_ascii_lowercase()] = json!(value);
    }
    let parameters: serde_json::Map<String, Value> =
        path_parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": "",
        "headers": all_headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7", "userAgent": "tests"
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route_key,
            "stage": "$default",
            "time": "22/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_348_800_000_i64
        },
        "pathParameters": parameters,
        "body": body,
        "isBase64Encoded": false
    });
    if let Some(caller) = caller {
        event["requestContext"]["authorizer"] = json!({"jwt": {"claims": caller.claims, "scopes": null}});
    }
    event
}

/// An event of [`http_event`] without what no function reads: copied and read in a third of the time, which is what the
/// simulation does a million times over. A route's path is of no concern to a function that is told the route.
pub fn lean_event(
    route_key: &str,
    path_parameters: &[(&str, &str)],
    headers: &[(&str, &str)],
    caller: Option<&Caller>,
    body: &str,
) -> Value {
    let mut event = http_event(route_key, path_parameters, headers, caller, body);
    event["rawPath"] = json!("/");
    let keep = |part: &mut Value, names: &[&str]| {
        part.as_object_mut().expect("is an object").retain(|name, _| names.contains(&name.as_str()));
    };
    keep(
        &mut event,
        &["routeKey", "rawPath", "headers", "requestContext", "pathParameters", "body", "isBase64Encoded"],
    );
    keep(&mut event["requestContext"], &["http", "authorizer"]);
    keep(&mut event["requestContext"]["http"], &["method"]);
    let all_headers = event["headers"].as_object_mut().expect("is an object");
    all_headers.retain(|name, _| name == "content-type" || !name.starts_with("x-forwarded-") && name != "host");
    event
}

/// A request for a number.
pub fn ask_event(caller: &Caller, sub_account: &str, key: &str, number: &str) -> Value {
    let body = json!({"kind": "number", "phone_number": number}).to_string();
    let headers = [("Idempotency-Key", key)];
    http_event(Route::AskForPurchase.key(), &[("sub", sub_account)], &headers, Some(caller), &body)
}

/// A search of the carrier's stock with this query, as it stands behind the `?`.
pub fn search_event(caller: Option<&Caller>, query: &str) -> Value {
    let mut event = http_event(number_search::ROUTE, &[], &[], caller, "");
    event["rawQueryString"] = json!(query);
    event
}

/// A delivery of Persona's with this signature.
pub fn webhook_event(body: &str, signature: &str) -> Value {
    http_event(persona_webhook::ROUTE, &[], &[("Persona-Signature", signature)], None, body)
}

/// What [`persona_event`] tells of a person, besides ids, statuses and instants.
pub const PERSONAL: [&str; 2] = ["Alexander", "1977-07-17"];

/// The body of one of Persona's events about an inquiry, with the sandbox's person in its fields.
///
/// Source: Persona's documentation, "Webhooks" and the payload examples of its API reference.
pub fn persona_event(event_id: &str, name: &str, inquiry: &str, status: &str, at: &str) -> Value {
    json!({"data": {"type": "event", "id": event_id, "attributes": {
        "name": name,
        "created-at": at,
        "redacted-at": null,
        "payload": {"data": {
            "type": "inquiry",
            "id": inquiry,
            "attributes": {
                "status": status,
                "reference-id": null,
                "behaviors": {"completion-time": 40.172_463_903},
                "fields": {
                    "name-first": {"type": "string", "value": PERSONAL[0]},
                    "birthdate": {"type": "date", "value": PERSONAL[1]}
                }
            },
            "relationships": {
                "account": {"data": {"type": "account", "id": "act_1"}},
                "inquiry-template": {"data": {"type": "inquiry-template", "id": crate::world::TEMPLATE}}
            }
        }}
    }}})
}

/// A batch of one message.
pub fn sqs_event(message: &PurchaseMessage) -> SqsEvent {
    sqs_event_of(&message.to_text())
}

/// A batch of one message with this text.
pub fn sqs_event_of(text: &str) -> SqsEvent {
    static BATCH: LazyLock<SqsEvent> = LazyLock::new(batch);
    let mut event = BATCH.clone();
    event.records[0].body = Some(text.to_owned());
    event
}

fn batch() -> SqsEvent {
    let event = json!({"Records": [{
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": "",
        "attributes": {
            "ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1545082649185"
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:purchases",
        "awsRegion": "us-east-2"
    }]});
    serde_json::from_value(event).expect("is a batch")
}
