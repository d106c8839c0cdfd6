//! Pools, numbers that are gone, lists and operators.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Answer, BOTH, Deployed};

/// Asks for what the body says.
pub(crate) async fn ask_for(stack: &Deployed, sub_account: &str, key: &str, body: &Value) -> Answer {
    let token = stack.token(sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/purchases");
    stack.call(Method::POST, &path, Some(&token), &[("idempotency-key", key)], Some(body.to_string())).await
}

/// Does something as an operator.
async fn operate(stack: &Deployed, method: Method, path: &str, body: Option<Value>) -> Answer {
    let token = stack.token("Nobody", "operator").await;
    stack.call(method, &format!("/operator{path}"), Some(&token), &[], body.map(|body| body.to_string())).await
}

pub(crate) async fn a_pool_waits_and_is_bought_by_the_approval(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let numbers: Vec<String> = ["212", "604", "787", "876"].iter().map(|code| stack.number(code)).collect();
    let body = json!({"kind": "number_pool", "phone_numbers": numbers});
    let asked = ask_for(&stack, &sub_account, "pool", &body).await;
    assert_eq!((asked.status, asked.text("/state")), (202, "awaiting_verification"));
    stack.act(asked.text("/verification/inquiry_id"), &["start_inquiry", "complete_inquiry"]).await;
    let completed = stack.until(&sub_account, asked.text("/id"), "completed").await;
    for (place, number) in numbers.iter().enumerate() {
        let owned = stack.owned(number).await;
        assert_eq!(owned.len(), 1);
        assert_eq!(
            (&owned[0]["sid"], &owned[0]["friendly_name"]),
            (&completed["numbers"][place]["sid"], &asked.body["id"])
        );
    }
}

pub(crate) async fn a_pool_that_cannot_be_whole_is_given_back(stack: Arc<Deployed>) {
    let sub_account = stack.verified().await;
    let numbers = [stack.number("212"), stack.number("212"), "+15005550000".to_owned()];
    let body = json!({"kind": "number_pool", "phone_numbers": numbers, "fulfilment": "all_or_nothing"});
    let asked = ask_for(&stack, &sub_account, "pool", &body).await;
    let id = asked.text("/id").to_owned();
    let token = stack.token(&sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/purchases/{id}");
    let read = || async { stack.call(Method::GET, &path, Some(&token), &[], None).await };
    stack.sweep_until(|| async { read().await.body["state"] == "failed" }).await;
    assert_eq!(read().await.text("/reason"), "number_unavailable");
    for number in &numbers[..2] {
        assert!(stack.owned(number).await.is_empty(), "{number} was given back");
    }
}

pub(crate) async fn another_number_is_taken_for_one_that_is_gone(stack: Arc<Deployed>) {
    let sub_account = stack.verified().await;
    let wanted = stack.number("312");
    let fault = json!({"queue": [{
        "on": "create_number", "phone_number": wanted, "fault": {"kind": "status", "status": 400, "code": 21422}
    }]});
    stack.fault(&stack.description().twilio_url, &fault).await;
    let body = json!({"kind": "number", "phone_number": wanted, "if_unavailable": "same_area_code"});
    let asked = ask_for(&stack, &sub_account, "any", &body).await;
    let completed = stack.until(&sub_account, asked.text("/id"), "completed").await;
    let number = completed["numbers"][0]["phone_number"].as_str().expect("a number").to_owned();
    assert!(number.starts_with("+1312") && number != wanted, "{number}");
    assert_eq!(completed["numbers"][0]["instead_of"], json!([wanted]));
    assert_eq!((stack.owned(&number).await.len(), stack.owned(&wanted).await.len()), (1, 0));
}

pub(crate) async fn purchases_are_listed_newest_first(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let mut asked = Vec::new();
    for key in ["first", "second", "third"] {
        asked.insert(0, stack.ask(&sub_account, key, &stack.number("876")).await.text("/id").to_owned());
    }
    let token = stack.token(&sub_account, BOTH).await;
    let path = format!("/sub-accounts/{sub_account}/purchases?limit=2");
    let first = stack.call(Method::GET, &path, Some(&token), &[], None).await;
    let path = format!("{path}&cursor={}", first.text("/next_cursor"));
    let second = stack.call(Method::GET, &path, Some(&token), &[], None).await;
    let ids = |page: &Answer| -> Vec<String> {
        let purchases = page.body["purchases"].as_array().expect("a list").iter();
        purchases.map(|purchase| purchase["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!([ids(&first), ids(&second)].concat(), asked);
    let stranger = stack.token("Stranger", BOTH).await;
    assert_eq!(stack.call(Method::GET, &path, Some(&stranger), &[], None).await.status, 404);
}

pub(crate) async fn an_operator_moves_a_sub_account_and_is_the_only_one_who_may(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let path = format!("/sub-accounts/{sub_account}");
    let body = json!({"agency": "AgencyFlow", "reason": "signed"});
    let caller = stack.token(&sub_account, BOTH).await;
    let refused =
        stack.call(Method::PUT, &format!("/operator{path}"), Some(&caller), &[], Some(body.to_string())).await;
    assert_eq!(refused.status, 403, "a sub-account is no operator");
    assert_eq!(operate(&stack, Method::PUT, &path, Some(body)).await.text("/agency"), "AgencyFlow");
    assert_eq!(operate(&stack, Method::GET, &path, None).await.text("/agency"), "AgencyFlow");
    let asked = stack.ask(&sub_account, "key-1", &stack.number("212")).await;
    assert_eq!(asked.text("/state"), "awaiting_verification");
    let stored = stack.everything_stored().await;
    assert!(stored.contains("O#a#AgencyFlow"), "its agency wakes it too");
    let decided = format!("/purchases/{sub_account}/{}", asked.text("/id"));
    let body = json!({"action": "fail", "reason": "why not"});
    assert_eq!(operate(&stack, Method::POST, &decided, Some(body)).await.status, 409, "nothing is held");
    assert_eq!(operate(&stack, Method::GET, "/purchases-switch", None).await.text("/purchases"), "on");
}
