//! Purchases, from click to number.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use crate::stack::{BOTH, Deployed};

pub(crate) async fn an_unverified_sub_account_buys_its_first_number(stack: Arc<Deployed>) {
    let (sub_account, number) = (stack.sub_account(), stack.number("212"));
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    assert_eq!((asked.status, asked.text("/state")), (202, "awaiting_verification"));
    assert!(asked.body["verification"]["session_token"].is_string());
    let location = asked.headers["location"].to_str().expect("is text");
    assert_eq!(location, format!("/v1/sub-accounts/{sub_account}/purchases/{}", asked.text("/id")));
    assert!(stack.owned(&number).await.is_empty(), "nothing is bought before the proof");
    stack.act(asked.text("/verification/inquiry_id"), &["start_inquiry", "complete_inquiry"]).await;
    let completed = stack.until(&sub_account, asked.text("/id"), "completed").await;
    let owned = stack.owned(&number).await;
    assert_eq!(owned.len(), 1);
    assert_eq!(owned[0]["friendly_name"], asked.body["id"], "the number carries our mark");
    assert_eq!(owned[0]["sid"], completed["numbers"][0]["sid"]);
}

pub(crate) async fn a_verified_sub_account_is_not_asked_again(stack: Arc<Deployed>) {
    let sub_account = stack.verified().await;
    let asked = stack.ask(&sub_account, "key-2", &stack.number("787")).await;
    assert_eq!((asked.status, asked.text("/state")), (202, "queued"));
    assert!(asked.body.get("verification").is_none());
    stack.until(&sub_account, asked.text("/id"), "completed").await;
}

pub(crate) async fn a_number_that_is_not_gated_needs_no_persona(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let asked = stack.ask(&sub_account, "key-1", &stack.number("876")).await;
    assert_eq!((asked.status, asked.text("/state")), (202, "queued"));
    stack.until(&sub_account, asked.text("/id"), "completed").await;
}

pub(crate) async fn a_lost_webhook_is_found_by_the_sweep(stack: Arc<Deployed>) {
    let (sub_account, number) = (stack.sub_account(), stack.number("416"));
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    let inquiry = asked.text("/verification/inquiry_id").to_owned();
    let persona_url = &stack.description().persona_url;
    stack.fault(persona_url, &json!({"webhooks": "drop"})).await;
    stack.act(&inquiry, &["start_inquiry", "complete_inquiry"]).await;
    let id = asked.text("/id").to_owned();
    let token = stack.token(&sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/purchases/{id}");
    stack
        .sweep_until(|| async {
            stack.call(Method::GET, &path, Some(&token), &[], None).await.body["state"] == "completed"
        })
        .await;
    stack.fault(persona_url, &json!({"webhooks": "deliver"})).await;
    assert_eq!(stack.owned(&number).await.len(), 1);
}

pub(crate) async fn a_lost_answer_of_the_carrier_is_one_charge(stack: Arc<Deployed>) {
    let (sub_account, number) = (stack.sub_account(), stack.number("876"));
    let fault = json!({"queue": [{
        "on": "create_number", "phone_number": number, "fault": {"kind": "commit_then_timeout", "then": "drop"}
    }]});
    stack.fault(&stack.description().twilio_url, &fault).await;
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    let id = asked.text("/id").to_owned();
    let token = stack.token(&sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/purchases/{id}");
    stack
        .sweep_until(|| async {
            stack.call(Method::GET, &path, Some(&token), &[], None).await.body["state"] == "completed"
        })
        .await;
    let owned = stack.owned(&number).await;
    assert_eq!((owned.len(), owned[0]["friendly_name"].as_str()), (1, Some(id.as_str())));
}

pub(crate) async fn a_number_that_is_gone_fails_with_a_reason(stack: Arc<Deployed>) {
    let sub_account = stack.verified().await;
    // Twilio's magic number for "not available".
    let asked = stack.ask(&sub_account, "key-2", "+15005550000").await;
    let failed = stack.until(&sub_account, asked.text("/id"), "failed").await;
    assert_eq!(failed["reason"], "number_unavailable");
    assert_eq!(failed["next_action"], "choose_another_number");
}

pub(crate) async fn a_waiting_purchase_can_be_cancelled(stack: Arc<Deployed>) {
    let (sub_account, number) = (stack.sub_account(), stack.number("604"));
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    let token = stack.token(&sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/purchases/{}", asked.text("/id"));
    for _ in 0..2 {
        let cancelled = stack.call(Method::DELETE, &path, Some(&token), &[], None).await;
        assert_eq!((cancelled.status, cancelled.text("/state")), (200, "cancelled"));
    }
    stack.act(asked.text("/verification/inquiry_id"), &["start_inquiry", "complete_inquiry"]).await;
    let second = stack.ask(&sub_account, "key-2", &stack.number("604")).await;
    stack.until(&sub_account, second.text("/id"), "completed").await;
    assert!(stack.owned(&number).await.is_empty());
}

pub(crate) async fn a_closed_tab_gets_a_session_of_the_same_inquiry(stack: Arc<Deployed>) {
    let (sub_account, number) = (stack.sub_account(), stack.number("212"));
    let first = stack.ask(&sub_account, "key-1", &number).await;
    let again = stack.ask(&sub_account, "key-1", &number).await;
    assert_eq!((again.status, again.text("/id")), (200, first.text("/id")));
    assert_eq!(again.text("/verification/inquiry_id"), first.text("/verification/inquiry_id"));
    let token = stack.token(&sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/verification");
    let read = stack.call(Method::GET, &path, Some(&token), &[], None).await;
    assert_eq!((read.status, read.text("/state")), (200, "in_progress"));
    assert!(read.body.get("session_token").is_none());
    let purchase = format!("/sub-accounts/{sub_account}/purchases/{}", first.text("/id"));
    let seen = stack.call(Method::GET, &purchase, Some(&token), &[], None).await;
    let tag = seen.headers["etag"].to_str().expect("is text").to_owned();
    let unchanged = stack.call(Method::GET, &purchase, Some(&token), &[("if-none-match", &tag)], None).await;
    assert_eq!(unchanged.status, 304);
}
