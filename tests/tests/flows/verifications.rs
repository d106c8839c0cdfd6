//! Verifications: asked about, decided by operators, told as a story.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::phones;
use crate::stack::{BOTH, Deployed};

pub(crate) async fn an_operator_approves_and_the_audit_tells_it(stack: Arc<Deployed>) {
    let (sub_account, number) = (stack.sub_account(), stack.number("212"));
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    let caller = stack.token(&sub_account, BOTH).await;
    let operator = stack.token("Nobody", "operator").await;
    let path = format!("/sub-accounts/{sub_account}");
    let clearance = || async {
        let body = json!({"action": "phone_number_purchase", "phone_number": number}).to_string();
        let asked = stack.call(Method::POST, &format!("{path}/clearances"), Some(&caller), &[], Some(body)).await;
        (asked.body["allowed"].as_bool(), asked.text("/rule").to_owned())
    };
    assert_eq!(clearance().await, (Some(false), "not_verified".to_owned()));
    let refreshed = stack.call(Method::POST, &format!("{path}/verification/refresh"), Some(&caller), &[], None).await;
    assert_eq!((refreshed.status, refreshed.text("/state")), (200, "in_progress"));
    let again = stack.call(Method::POST, &format!("{path}/verification/refresh"), Some(&caller), &[], None).await;
    assert_eq!(again.status, 429);
    let body = json!({"action": "approve", "reason": "seen in the office"}).to_string();
    let decide = format!("/operator{path}/verification");
    let refused = stack.call(Method::POST, &decide, Some(&caller), &[], Some(body.clone())).await;
    assert_eq!(refused.status, 403, "a sub-account is no operator");
    let approved = stack.call(Method::POST, &decide, Some(&operator), &[], Some(body)).await;
    assert_eq!((approved.status, approved.text("/state")), (200, "verified"));
    stack.until(&sub_account, asked.text("/id"), "completed").await;
    assert_eq!(clearance().await, (Some(true), "sub_account_verified".to_owned()));
    let audit = stack.call(Method::GET, &format!("/operator{path}/audit?limit=1"), Some(&operator), &[], None).await;
    assert_eq!((audit.text("/entries/0/what"), audit.text("/entries/0/reason")), ("approve", "seen in the office"));
    let next = audit.text("/next_cursor").to_owned();
    let path = format!("/operator{path}/audit?cursor={next}");
    let opened = stack.call(Method::GET, &path, Some(&operator), &[], None).await;
    let entries = opened.body["entries"].as_array().expect("is a list");
    assert_eq!(entries.last().map(|entry| &entry["what"]), Some(&json!("opened")));
}

pub(crate) async fn an_agency_proves_itself_once_for_its_sub_accounts(stack: Arc<Deployed>) {
    let (agency, sub_account) = (stack.sub_account(), stack.sub_account());
    let operator = stack.token("Nobody", "operator").await;
    let profile = json!({"agency": agency, "reason": "signed"}).to_string();
    let path = format!("/operator/sub-accounts/{sub_account}");
    assert_eq!(stack.call(Method::PUT, &path, Some(&operator), &[], Some(profile)).await.status, 200);
    let number = stack.number("212");
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    assert_eq!((asked.status, asked.text("/state")), (202, "awaiting_verification"));

    let (own, caller) = (stack.agency_token(&agency).await, stack.token(&sub_account, BOTH).await);
    let path = format!("/agencies/{agency}/verification");
    for method in [Method::GET, Method::POST] {
        let refused = stack.call(method, &path, Some(&caller), &[], None).await;
        assert_eq!(refused.status, 404, "a sub-account is not its agency");
    }
    let unknown = stack.call(Method::GET, &path, Some(&own), &[], None).await;
    assert_eq!((unknown.status, unknown.text("/state")), (200, "unverified"));
    let opened = stack.call(Method::POST, &path, Some(&own), &[], None).await;
    assert!(opened.status == 200 && opened.body["session_token"].is_string(), "{}", opened.status);
    stack.act(opened.text("/inquiry_id"), &["start_inquiry", "complete_inquiry"]).await;
    stack.until(&sub_account, asked.text("/id"), "completed").await;
    assert_eq!(stack.owned(&number).await.len(), 1);

    let refreshed = stack.call(Method::POST, &format!("{path}/refresh"), Some(&own), &[], None).await;
    assert_eq!((refreshed.status, refreshed.text("/state")), (200, "verified"));
    let covered =
        stack.call(Method::GET, &format!("/sub-accounts/{sub_account}/verification"), Some(&caller), &[], None).await;
    assert_eq!((covered.text("/state"), covered.text("/covered_by")), ("verified", "agency"));
    let again = stack.ask(&sub_account, "key-2", &stack.number("604")).await;
    assert_eq!((again.text("/state"), again.body.get("verification")), ("queued", None), "it is not asked");
    stack.until(&sub_account, again.text("/id"), "completed").await;
}

pub(crate) async fn who_is_erased_is_forgotten(stack: Arc<Deployed>) {
    let sub_account = stack.verified().await;
    let phone = phones::approve(&stack, &sub_account).await;
    let (caller, operator) = (stack.token(&sub_account, BOTH).await, stack.token("Nobody", "operator").await);
    let path = format!("/sub-accounts/{sub_account}/verification");
    let read = || async { stack.call(Method::GET, &path, Some(&caller), &[], None).await };
    let inquiry = read().await.text("/inquiry_id").to_owned();
    assert!(stack.everything_stored().await.contains(&inquiry));
    let erase = async |token: &str| {
        let body = json!({"reason": "the customer asked for it"}).to_string();
        stack.call(Method::DELETE, &format!("/operator{path}"), Some(token), &[], Some(body)).await
    };
    assert_eq!(erase(&caller).await.status, 403, "a sub-account is no operator");
    for _ in 0..2 {
        let erased = erase(&operator).await;
        assert_eq!((erased.status, erased.text("/state")), (200, "unverified"));
    }
    assert_eq!(read().await.text("/state"), "unverified");
    let stored = stack.everything_stored().await;
    assert!(!stored.contains(&inquiry), "the inquiry is forgotten");
    let of_phone = |item: &&str| item.contains(&phone) && !item.contains(&format!("T#{phone}"));
    assert_eq!(stored.lines().filter(of_phone).count(), 0, "only the phone's own limits are left");
    let url = format!("{}/api/v1/inquiries/{inquiry}", stack.description().persona_url);
    let request = stack.http.get(url).bearer_auth(&stack.description().persona_api_key);
    let kept: Value = request.send().await.expect("Persona's simulator answers").json().await.expect("is JSON");
    assert!(kept["data"]["attributes"]["redacted-at"].is_string(), "{kept}");
}
