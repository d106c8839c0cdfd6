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
    prove(stack, sub_account, &phone).await;
    phone
}

/// Makes this phone the sub-account's.
async fn prove(stack: &Deployed, sub_account: &str, phone: &str) {
    let started = start(stack, sub_account, "to-approve", phone).await;
    assert_eq!(started.status, 201, "{}", started.body);
    let code = code(stack, phone).await;
    assert_eq!(check(stack, sub_account, started.text("/id"), &code).await.text("/result"), "approved");
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
    let token = stack.token(&sub_account, "purchases:read").await;
    let path = format!("/sub-accounts/{sub_account}/phone-verifications/{id}");
    assert_eq!(stack.call(Method::GET, &path, Some(&token), &[], None).await.text("/state"), "approved");
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

/// What a platform asks for besides an ID.
const DEMANDS: [(&str, &str); 2] = [("PHONE_REQUIRED", "true"), ("NAME_MATCH", "require")];
/// The functions that know of it.
const ASKING: [&str; 4] = ["purchase-check", "persona-webhook", "phone-verification", "sweeper"];

/// An approved phone, whose owner has the name on the ID: Persona's name, compared by Lookup, over the wire.
pub(crate) async fn a_platform_that_asks_for_a_phone_and_its_owners_name(stack: Arc<Deployed>) {
    let mut before = Vec::new();
    for function in ASKING {
        before.push((function, stack.set_variables(function, &DEMANDS).await));
    }
    let played = tokio::spawn(a_name_that_fits_and_one_that_differs(Arc::clone(&stack))).await;
    for (function, environment) in before {
        stack.set_environment(function, &environment).await;
    }
    played.expect("it went as it should");
}

async fn a_name_that_fits_and_one_that_differs(stack: Arc<Deployed>) {
    let (fitting, other) = (stack.sub_account(), stack.sub_account());
    let mut purchases = Vec::new();
    for (sub_account, owner) in [(&fitting, "Alexander"), (&other, "Zoe")] {
        let asked = stack.ask(sub_account, "key-1", &stack.number("212")).await;
        assert_eq!(asked.text("/next_action"), "complete_verification");
        stack.act(asked.text("/verification/inquiry_id"), &["start_inquiry", "complete_inquiry"]).await;
        let id = asked.text("/id").to_owned();
        next_action_becomes(&stack, sub_account, &id, "verify_phone").await;
        let phone = stack.number("332");
        let owner = json!({"first_name": owner, "last_name": "Sample"});
        stack.lookup(&json!({"phones": [{"phone_number": phone, "owner": owner}]})).await;
        prove(&stack, sub_account, &phone).await;
        purchases.push(id);
    }
    let token = stack.token(&other, BOTH).await;
    let path = format!("/sub-accounts/{other}/verification");
    stack
        .sweep_until(async || {
            let standing = stack.call(Method::GET, &path, Some(&token), &[], None).await;
            standing.body["next_action"] == "contact_support"
        })
        .await;
    stack.until(&fitting, &purchases[0], "completed").await;
    next_action_becomes(&stack, &other, &purchases[1], "contact_support").await;
}

async fn next_action_becomes(stack: &Deployed, sub_account: &str, id: &str, wanted: &str) {
    let token = stack.token(sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/purchases/{id}");
    let reached = async || stack.call(Method::GET, &path, Some(&token), &[], None).await.body["next_action"] == wanted;
    stack.sweep_until(reached).await;
}
