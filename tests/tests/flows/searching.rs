//! Searching what the carrier has for sale, through the gateway and with the key that cannot buy.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::stack::{Answer, BOTH, Deployed};

async fn search(stack: &Deployed, query: &str) -> Answer {
    let token = stack.token("somebody", "purchases:read").await;
    stack.call(Method::GET, &format!("/available-numbers?{query}"), Some(&token), &[], None).await
}

pub(crate) async fn a_number_that_is_found_can_be_bought(stack: Arc<Deployed>) {
    let found = search(&stack, "country=JM&area_code=658&contains=5%35*&limit=3").await;
    assert_eq!(found.status, 200, "{}", found.body);
    let numbers = found.body["available_numbers"].as_array().expect("is a list");
    assert_eq!(numbers.len(), 3);
    let number = found.text("/available_numbers/0/phone_number").to_owned();
    assert!(number.starts_with("+1658"), "{number}");
    assert_eq!(numbers[0]["gated"], false);
    let sub_account = stack.sub_account();
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    stack.until(&sub_account, asked.text("/id"), "completed").await;
    let again = search(&stack, "country=JM&area_code=658&contains=5%35*&limit=50").await;
    assert!(!again.body.to_string().contains(&number), "what is bought is no longer for sale");
}

pub(crate) async fn puerto_rico_and_what_is_not_offered(stack: Arc<Deployed>) {
    let found = search(&stack, "country=PR&area_code=787&limit=1").await;
    let number = &found.body["available_numbers"][0];
    assert_eq!((&number["country"], &number["gated"], &number["type"]), (&json!("PR"), &json!(true), &json!("local")));
    assert_eq!(number["capabilities"], json!({"voice": true, "sms": true, "mms": true, "fax": false}));
    let none = search(&stack, "country=US&type=mobile").await;
    assert_eq!((none.status, none.body), (200, json!({"available_numbers": []})));
}

pub(crate) async fn searches_that_are_not_right_are_refused(stack: Arc<Deployed>) {
    for query in ["", "country=us", "country=US&areacode=212", "country=US&country=CA", "country=US&area_code=2%30"] {
        let answer = search(&stack, query).await;
        assert_eq!((answer.status, answer.text("/type")), (400, "/problems/invalid-request"), "{query}");
    }
    let path = "/available-numbers?country=US";
    assert_eq!(stack.call(Method::GET, path, None, &[], None).await.status, 401);
    let token = stack.token("somebody", "purchases:write").await;
    assert_eq!(stack.call(Method::GET, path, Some(&token), &[], None).await.status, 403);
    let token = stack.token("somebody", BOTH).await;
    assert_eq!(stack.call(Method::POST, path, Some(&token), &[], None).await.status, 404, "nothing can be changed");
}

/// The key that searches, in whosever hands, neither buys nor sees what is owned.
pub(crate) async fn the_key_that_searches_cannot_buy(stack: Arc<Deployed>) {
    let described = stack.description();
    let of_account = format!("{}/2010-04-01/Accounts/{}", described.twilio_url, described.twilio_account_sid);
    let (key, secret) = (&described.twilio_api_key_sid, Some(&described.twilio_api_key_secret));
    let stock = stack.http.get(format!("{of_account}/AvailablePhoneNumbers/US/Local.json")).basic_auth(key, secret);
    assert_eq!(stock.send().await.expect("answers").status(), StatusCode::OK);
    let numbers = format!("{of_account}/IncomingPhoneNumbers.json");
    let form = [("PhoneNumber", "+18765550102"), ("FriendlyName", "not ours")];
    let buy = stack.http.post(&numbers).basic_auth(key, secret).form(&form);
    assert_eq!(buy.send().await.expect("answers").status(), StatusCode::FORBIDDEN);
    let look = stack.http.get(&numbers).basic_auth(key, secret);
    assert_eq!(look.send().await.expect("answers").status(), StatusCode::FORBIDDEN);
    assert!(stack.owned("+18765550102").await.is_empty());
}
