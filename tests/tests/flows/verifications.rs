//! Verifications: asked about, decided by operators, told as a story.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

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
