//! Bad input through the real gateway: refused, and nothing changed.

use std::sync::Arc;

use adapters::ambient::{Ambient, Machine};
use adapters::persona::{WebhookSecret, sign};
use domain::Instant;
use reqwest::Method;
use serde_json::json;
use tests::events::persona_event;

use crate::stack::{BOTH, Deployed};

pub(crate) async fn requests_without_a_right_token_are_refused(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let path = format!("/sub-accounts/{sub_account}/purchases");
    let body = json!({"kind": "number", "phone_number": "+12125550100"}).to_string();
    let key = [("idempotency-key", "key-1")];
    let ask = |token: Option<String>| {
        let (stack, path, body) = (Arc::clone(&stack), path.clone(), body.clone());
        async move { stack.call(Method::POST, &path, token.as_deref(), &key, Some(body)).await.status }
    };
    assert_eq!(ask(None).await, 401);
    assert_eq!(ask(Some("not.a.token".to_owned())).await, 401);
    let token = stack.token(&sub_account, BOTH).await;
    // The first character of the signature: the last one has bits that mean nothing, and may differ in a right token.
    let (signed, signature) = token.rsplit_once('.').expect("has a signature");
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{signed}.{other}{}", &signature[1..]);
    assert_eq!(ask(Some(forged)).await, 401);
    assert_eq!(ask(Some(stack.token(&sub_account, "purchases:read").await)).await, 403);
    assert_eq!(ask(Some(stack.token("somebody-else", BOTH).await)).await, 404);
    assert!(!stack.everything_stored().await.contains(&format!("S#{sub_account}\"")));
}

pub(crate) async fn requests_that_cannot_be_understood_are_refused(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let token = stack.token(&sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/purchases");
    let right = json!({"kind": "number", "phone_number": "+12125550100"}).to_string();
    for (key, body, status, problem) in [
        (None, right.clone(), 400, "idempotency-key-missing"),
        (Some("key"), "{".to_owned(), 400, "invalid-request"),
        (Some("key"), json!({"kind": "number"}).to_string(), 400, "invalid-request"),
        (Some("key"), json!({"kind": "number", "phone_number": 1}).to_string(), 400, "invalid-request"),
        (
            Some("key"),
            json!({"kind": "number", "phone_number": "+12125550100", "verified": true}).to_string(),
            400,
            "invalid-request",
        ),
        (Some("key"), json!({"kind": "number", "phone_number": "2125550100"}).to_string(), 400, "invalid-phone-number"),
    ] {
        let headers: Vec<(&str, &str)> = key.iter().map(|key| ("idempotency-key", *key)).collect();
        let answer = stack.call(Method::POST, &path, Some(&token), &headers, Some(body.clone())).await;
        assert_eq!((answer.status, answer.text("/type")), (status, format!("/problems/{problem}").as_str()), "{body}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    assert!(!stack.everything_stored().await.contains(&format!("S#{sub_account}\"")));
}

pub(crate) async fn another_sub_accounts_things_do_not_exist(stack: Arc<Deployed>) {
    let (owner, stranger) = (stack.sub_account(), stack.sub_account());
    let asked = stack.ask(&owner, "key-1", &stack.number("212")).await;
    let token = stack.token(&stranger, BOTH).await;
    let id = asked.text("/id");
    for (method, path) in [
        (Method::GET, format!("/sub-accounts/{owner}/purchases/{id}")),
        (Method::DELETE, format!("/sub-accounts/{owner}/purchases/{id}")),
        (Method::GET, format!("/sub-accounts/{owner}/verification")),
        (Method::POST, format!("/sub-accounts/{owner}/verification")),
        (Method::GET, format!("/sub-accounts/{stranger}/purchases/{id}")),
    ] {
        let answer = stack.call(method.clone(), &path, Some(&token), &[], None).await;
        assert_eq!((answer.status, answer.text("/type")), (404, "/problems/not-found"), "{method} {path}");
    }
}

pub(crate) async fn deliveries_without_a_right_signature_change_nothing(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let asked = stack.ask(&sub_account, "key-1", &stack.number("212")).await;
    let inquiry = asked.text("/verification/inquiry_id");
    let now = Machine.now();
    let body =
        persona_event("evt_forged", "inquiry.approved", inquiry, "approved", &adapters::rfc3339(now)).to_string();
    let right = WebhookSecret::parse(&stack.description().webhook_secret).expect("is a secret");
    let wrong = WebhookSecret::parse("wbhsec_of-somebody-else-entirely").expect("is a secret");
    let sign_at = |secret: &WebhookSecret, at: Instant| sign(secret, body.as_bytes(), at);
    let altered = body.replace("approved", "approvee");
    for (signature, body) in [
        (None, &body),
        (Some(sign_at(&wrong, now)), &body),
        (Some(sign_at(&right, now)), &altered),
        (Some(sign_at(&right, now.plus_ms(3_600_000))), &body),
        (Some("t=1,v1=".to_owned()), &body),
    ] {
        let headers: Vec<(&str, &str)> =
            signature.iter().map(|signature| ("persona-signature", signature.as_str())).collect();
        let answer = stack.call(Method::POST, "/webhooks/persona", None, &headers, Some(body.clone())).await;
        assert_eq!(answer.status, 401, "{signature:?}");
    }
    let token = stack.token(&sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/verification");
    let read = stack.call(Method::GET, &path, Some(&token), &[], None).await;
    assert_eq!(read.text("/state"), "in_progress");
}
