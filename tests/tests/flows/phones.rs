//! Passcodes, through the gateway and the deployed function.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Answer, BOTH, Deployed};

async fn start(stack: &Deployed, sub_account: &str, key: &str, phone: &str) -> Answer {
    let token = stack.token(sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/phone-verifications");
    let body = json!({"phone_number": phone}).to_string();
    stack.call(Method::POST, &path, Some(&token), &[("Idempotency-Key", key)], Some(body)).await
}

async fn check(stack: &Deployed, sub_account: &str, id: &str, code: &str) -> Answer {
    let token = stack.token(sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/phone-verifications/{id}/check");
    stack.call(Method::POST, &path, Some(&token), &[], Some(json!({"code": code}).to_string())).await
}

/// The passcode that the person with this phone reads.
async fn code(stack: &Deployed, phone: &str) -> String {
    let url = format!("{}/simulator/state", stack.description().twilio_url);
    let state: Value = stack.http.get(url).send().await.expect("answers").json().await.expect("is JSON");
    let verifications = state["verify"]["verifications"].as_array().expect("a list").clone();
    let latest = verifications.into_iter().rfind(|verification| verification["to"] == phone).expect("was sent");
    latest["code"].as_str().expect("is text").to_owned()
}

/// Makes a fresh phone the sub-account's.
pub(crate) async fn approve(stack: &Deployed, sub_account: &str) -> String {
    let phone = stack.number("332");
    let started = start(stack, sub_account, "to-approve", &phone).await;
    assert_eq!(started.status, 201, "{}", started.body);
    let code = code(stack, &phone).await;
    assert_eq!(check(stack, sub_account, started.text("/id"), &code).await.text("/result"), "approved");
    phone
}

pub(crate) async fn a_phone_is_approved_by_its_passcode(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let phone = stack.number("332");
    let started = start(&stack, &sub_account, "key-1", &phone).await;
    assert_eq!(started.status, 201, "{}", started.body);
    assert!(started.headers.contains_key("retry-after"));
    let id = started.text("/id").to_owned();
    let again = start(&stack, &sub_account, "key-1", &phone).await;
    assert_eq!((again.status, again.text("/id")), (200, id.as_str()));
    assert_eq!(check(&stack, &sub_account, &id, "0000").await.text("/result"), "wrong_code");
    let code = code(&stack, &phone).await;
    assert_eq!(check(&stack, &sub_account, &id, &code).await.text("/result"), "approved");
    assert_eq!(check(&stack, &sub_account, &id, &code).await.text("/result"), "already_approved");
    let other = stack.sub_account();
    assert_eq!(check(&stack, &other, &id, &code).await.status, 404);
    assert!(!stack.everything_stored().await.contains(&format!("\"{code}\"")), "no passcode is stored");
}

pub(crate) async fn a_range_that_nobody_answers_is_closed(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let mut statuses = Vec::new();
    for last in 0..3 {
        statuses
            .push(start(&stack, &sub_account, &format!("key-{last}"), &format!("+4474001234{last:02}")).await.status);
    }
    assert_eq!(statuses, [201, 201, 429]);
    let cuba = start(&stack, &sub_account, "cuba", "+5352123456").await;
    assert_eq!((cuba.status, cuba.text("/type")), (422, "/problems/phone-country-refused"));
}
