//! What the platform around the functions promises: roles, no personal data, the sweep.

use std::sync::Arc;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::stack::Deployed;

pub(crate) async fn no_credential_but_the_buyers_can_buy(stack: Arc<Deployed>) {
    let described = stack.description();
    let account = &described.twilio_account_sid;
    let url = format!("{}/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json", described.twilio_url);
    let form = [("PhoneNumber", "+18765550101"), ("FriendlyName", "not ours")];
    let stranger = stack.http.post(&url).basic_auth(account, Some("wrong")).form(&form);
    assert_eq!(stranger.send().await.expect("answers").status(), StatusCode::UNAUTHORIZED);
    assert!(stack.owned("+18765550101").await.is_empty());
}

pub(crate) async fn nothing_personal_is_stored_or_logged(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let number = stack.number("212");
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    let token = asked.text("/verification/session_token").to_owned();
    let link = asked.text("/verification/one_time_link").to_owned();
    stack.act(asked.text("/verification/inquiry_id"), &["start_inquiry", "complete_inquiry"]).await;
    stack.until(&sub_account, asked.text("/id"), "completed").await;
    let stored = stack.everything_stored().await;
    let logged = logs(&stack).await;
    let mut secrets = vec![token, link, stack.description().webhook_secret.clone()];
    // The simulator's person, whose data is in every event that was delivered. Short values would be found by chance.
    let person = local::persona_simulator::SANDBOX_PERSON.iter().map(|field| field.value.to_string());
    secrets.extend(person.map(|value| value.trim_matches('"').to_owned()).filter(|value| value.len() >= 8));
    assert!(secrets.len() > 5, "there is something to look for");
    for secret in &secrets {
        assert!(!stored.contains(secret.as_str()), "the table holds {secret}");
        assert!(!logged.contains(secret.as_str()), "a log holds {secret}");
    }
    assert!(!logged.contains(&number), "a log holds a full phone number");
    // The search can find: what should be there is.
    assert!(stored.contains(&number) && logged.contains(asked.text("/id")), "the search finds what is there");
}

pub(crate) async fn the_sweep_runs_in_the_emulator(stack: Arc<Deployed>) {
    let swept = stack.sweep().await;
    for counter in ["visited", "sent", "asked", "changed", "expired", "failed"] {
        assert!(swept[counter].is_u64(), "{swept}");
    }
}

/// Everything that the functions logged.
async fn logs(stack: &Deployed) -> String {
    let described = stack.description();
    let authorization = "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/logs/aws4_request, \
                         SignedHeaders=host, Signature=0";
    let mut all = String::new();
    for function in described.functions.values() {
        let mut next: Option<String> = None;
        loop {
            let mut body = json!({"logGroupName": format!("/aws/lambda/{function}")});
            if let Some(token) = &next {
                body["nextToken"] = json!(token);
            }
            let request = stack
                .http
                .post(&described.aws_endpoint_url)
                .header("authorization", authorization)
                .header("x-amz-target", "Logs_20140328.FilterLogEvents")
                .header("content-type", "application/x-amz-json-1.1")
                .body(body.to_string());
            let page: Value = request.send().await.expect("answers").json().await.expect("is JSON");
            for event in page["events"].as_array().into_iter().flatten() {
                all.push_str(event["message"].as_str().unwrap_or_default());
                all.push('\n');
            }
            match page["nextToken"].as_str() {
                Some(token) if next.as_deref() != Some(token) => next = Some(token.to_owned()),
                Some(_) | None => break,
            }
        }
    }
    all
}
