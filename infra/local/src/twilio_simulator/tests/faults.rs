//! What goes wrong on demand.

use std::time::Duration;

use reqwest::{Error, Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::{Settings, serve};
use super::{PATIENCE, Twilio, read};

/// How long a client waits that expects no answer. Short, because the test waits as long; a slow machine makes the
/// test no less right, as no answer ever comes.
const IMPATIENCE: Duration = Duration::from_millis(300);

const NUMBER: &str = "+12125550123";

/// Tries to buy, with a client that soon gives up.
async fn try_to_buy(twilio: &Twilio) -> Result<Response, Error> {
    let form = [("PhoneNumber", NUMBER), ("FriendlyName", "pur_1")];
    twilio.request(Method::POST, "/IncomingPhoneNumbers.json").timeout(IMPATIENCE).form(&form).send().await
}

async fn owned(twilio: &Twilio) -> Vec<String> {
    twilio.list(&[("PhoneNumber", NUMBER), ("FriendlyName", "pur_1")]).await.phone_numbers()
}

#[tokio::test]
async fn no_answer_with_and_without_a_purchase() {
    for (kind, bought) in [("commit_then_timeout", true), ("timeout_without_commit", false)] {
        for then in ["hang", "drop"] {
            let twilio = Twilio::start().await;
            twilio.fault(json!({"kind": kind, "then": then})).await;
            let error = try_to_buy(&twilio).await.expect_err("no answer");
            if then == "hang" {
                assert!(error.is_timeout(), "{kind}: {error:?}");
            }
            assert_eq!(!owned(&twilio).await.is_empty(), bought, "{kind} {then}");
            assert_eq!(twilio.state().await["faults"], json!([]));
        }
    }
}

#[tokio::test]
async fn a_dropped_connection_ends_at_once() {
    let twilio = Twilio::start().await;
    twilio.fault(json!({"kind": "commit_then_timeout", "then": "drop"})).await;
    let form = [("PhoneNumber", NUMBER)];
    let request = twilio.request(Method::POST, "/IncomingPhoneNumbers.json").timeout(PATIENCE).form(&form);
    let error = request.send().await.expect_err("no answer");
    assert!(!error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn a_purchase_that_lands_late() {
    let twilio = Twilio::start().await;
    twilio.fault(json!({"kind": "late_landing", "ms": 3_600_000})).await;
    let error = try_to_buy(&twilio).await.expect_err("no answer");
    assert!(!error.is_timeout(), "{error:?}");
    assert_eq!(owned(&twilio).await, [""; 0]);
    assert_eq!(twilio.state().await["late"], 1);
    twilio.control("advance", json!({"ms": 3_500_000})).await;
    assert_eq!(owned(&twilio).await, [""; 0]);
    twilio.control("advance", json!({"ms": 100_000})).await;
    assert_eq!(owned(&twilio).await, [NUMBER]);
    assert_eq!(twilio.state().await["charges"], json!({NUMBER: 1}));
}

#[tokio::test]
async fn a_late_landing_loses_to_who_bought_in_the_meantime() {
    let twilio = Twilio::start().await;
    twilio.fault(json!({"kind": "late_landing", "ms": 1000, "then": "drop"})).await;
    try_to_buy(&twilio).await.expect_err("no answer");
    twilio.control("foreign", json!({"phone_number": NUMBER})).await;
    twilio.control("advance", json!({"ms": 1000})).await;
    assert_eq!(owned(&twilio).await, [""; 0]);
    assert_eq!(twilio.state().await["charges"], json!({}));
}

#[tokio::test]
async fn late_landings_happen_in_the_order_of_their_times() {
    let twilio = Twilio::start().await;
    for (name, ms) in [("last", 2000), ("first", 1000)] {
        twilio.fault(json!({"kind": "late_landing", "ms": ms, "then": "drop"})).await;
        let form = [("PhoneNumber", NUMBER), ("FriendlyName", name)];
        let request = twilio.request(Method::POST, "/IncomingPhoneNumbers.json").timeout(PATIENCE).form(&form);
        request.send().await.expect_err("no answer");
    }
    twilio.control("advance", json!({"ms": 10_000})).await;
    // The second to land finds the number there and renames it.
    assert_eq!(twilio.list(&[("FriendlyName", "last")]).await.phone_numbers(), [NUMBER]);
    assert_eq!(twilio.state().await["charges"], json!({NUMBER: 1}));
}

#[tokio::test]
async fn an_error_after_the_purchase() {
    let twilio = Twilio::start().await;
    twilio.fault(json!({"kind": "error_after_commit"})).await;
    assert_eq!(twilio.buy(NUMBER, "pur_1").await.error(), (500, 20500));
    assert_eq!(owned(&twilio).await, [NUMBER]);
}

#[tokio::test]
async fn any_error_instead_of_the_purchase() {
    for (status, code) in [(429, 20429), (500, 20500), (503, 20503), (401, 20003), (400, 22300), (400, 21404)] {
        let twilio = Twilio::start().await;
        twilio.fault(json!({"kind": "status", "status": status, "code": code, "retry_after_s": 7})).await;
        let response = try_to_buy(&twilio).await.expect("an answer");
        assert_eq!(response.headers().get("retry-after").and_then(|value| value.to_str().ok()), Some("7"));
        assert_eq!(read(Ok(response)).await.error(), (status, code));
        assert_eq!(owned(&twilio).await, [""; 0], "{code}");
        assert_eq!(twilio.buy(NUMBER, "pur_1").await.status, 201, "the fault is used up");
    }
}

#[tokio::test]
async fn half_an_answer() {
    let twilio = Twilio::start().await;
    twilio.fault(json!({"kind": "truncated_body"})).await;
    let response = try_to_buy(&twilio).await.expect("the head of an answer");
    assert_eq!(response.status(), 201);
    let error = response.bytes().await.expect_err("half a body");
    assert!(!error.is_timeout(), "{error:?}");
    assert_eq!(owned(&twilio).await, [NUMBER]);
}

#[tokio::test]
async fn an_answer_about_something_else() {
    let twilio = Twilio::start().await;
    twilio.fault(json!({"kind": "altered", "field": "friendly_name", "value": "pur_2"})).await;
    let bought = twilio.buy(NUMBER, "pur_1").await;
    assert_eq!((bought.status, bought.text("friendly_name").as_str()), (201, "pur_2"));
    assert_eq!(owned(&twilio).await, [NUMBER]);
}

#[tokio::test]
async fn an_answer_that_is_not_json() {
    for (fault, status) in [(json!({"kind": "not_json"}), 502), (json!({"kind": "not_json", "status": 201}), 201)] {
        let twilio = Twilio::start().await;
        twilio.fault(fault).await;
        let response = try_to_buy(&twilio).await.expect("an answer");
        assert_eq!(response.status(), status);
        let text = response.text().await.expect("a body");
        assert!(serde_json::from_str::<Value>(&text).is_err(), "{text}");
        assert_eq!(owned(&twilio).await, [NUMBER]);
    }
}

#[tokio::test]
async fn bought_numbers_appear_in_lists_later() {
    let twilio = Twilio::start().await;
    twilio.control("faults", json!({"list_lag_ms": 3_600_000})).await;
    let sid = twilio.buy(NUMBER, "pur_1").await.text("sid");
    assert_eq!(owned(&twilio).await, [""; 0]);
    assert_eq!(twilio.get(&format!("/IncomingPhoneNumbers/{sid}.json")).await.status, 200);
    twilio.control("advance", json!({"ms": 3_600_000})).await;
    assert_eq!(owned(&twilio).await, [NUMBER]);
}

#[tokio::test]
async fn a_fault_meets_only_the_requests_it_is_for() {
    let twilio = Twilio::start().await;
    let fault = json!({"kind": "status", "status": 503, "code": 20503});
    twilio
        .control(
            "faults",
            json!({"queue": [
                {"on": "create_number", "phone_number": "+12125550199", "times": 2, "fault": fault},
                {"on": "list_numbers", "fault": fault},
            ]}),
        )
        .await;
    assert_eq!(twilio.buy(NUMBER, "pur_1").await.status, 201);
    for _ in 0..2 {
        assert_eq!(twilio.buy("+12125550199", "pur_2").await.error(), (503, 20503));
    }
    assert_eq!(twilio.buy("+12125550199", "pur_2").await.status, 201);
    let wrong =
        twilio.request_as("ACunknown", "", Method::GET, &format!("/2010-04-01/Accounts/{}.json", super::ACCOUNT));
    assert_eq!(read(wrong.send().await).await.status, 401);
    assert_eq!(twilio.list(&[]).await.error(), (503, 20503));
    assert_eq!(twilio.list(&[]).await.status, 200);
    let sid = twilio.list(&[("PhoneNumber", NUMBER)]).await.body["incoming_phone_numbers"][0]["sid"].clone();
    let path = format!("/IncomingPhoneNumbers/{}.json", sid.as_str().expect("a text"));
    twilio
        .control("faults", json!({"queue": [{"on": "release_number", "phone_number": NUMBER, "fault": {"kind": "error_after_commit"}}]}))
        .await;
    assert_eq!(twilio.delete(&path).await.error(), (500, 20500));
    assert_eq!(twilio.delete(&path).await.error(), (404, 20404));
}

#[tokio::test]
async fn a_misspelt_order_is_refused() {
    let twilio = Twilio::start().await;
    for order in [
        json!({"que": []}),
        json!({"queue": [{"fault": {"kind": "commit"}}]}),
        json!({"queue": [{"fault": {"kind": "late_landing"}}]}),
        json!({"queue": [{"on": "buy", "fault": {"kind": "not_json"}}]}),
        json!({"queue": [{"fault": {"kind": "commit_then_timeout", "than": "drop"}}]}),
    ] {
        let url = format!("{}/simulator/faults", twilio.base_url);
        let answer = read(twilio.client.post(url).json(&order).send().await).await;
        assert_eq!(answer.status, 400, "{order}");
    }
    assert_eq!(twilio.state().await["faults"], json!([]));
}

#[tokio::test]
async fn ends_when_told_also_while_a_connection_is_silent() {
    let twilio = Twilio::start().await;
    twilio.fault(json!({"kind": "commit_then_timeout"})).await;
    let form = [("PhoneNumber", NUMBER)];
    let request = twilio.request(Method::POST, "/IncomingPhoneNumbers.json").timeout(PATIENCE).form(&form);
    let silent = tokio::spawn(request.send());
    // The fault is used up once the request has arrived.
    while twilio.state().await["faults"] != json!([]) {
        tokio::task::yield_now().await;
    }
    let Twilio { shutdown, server, client, .. } = twilio;
    drop(client);
    shutdown.send(()).expect("the server runs");
    let ended = tokio::time::timeout(PATIENCE, server).await.expect("the server ends");
    ended.expect("no panic").expect("no error");
    let error = silent.await.expect("no panic").expect_err("no answer");
    assert!(!error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn time_must_pass() {
    for clock_scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let settings = Settings {
            account_sid: String::new(),
            auth_token: String::new(),
            api_key_sid: String::new(),
            api_key_secret: String::new(),
            verify_service_sid: String::new(),
            clock_scale,
        };
        let error = serve(listener, settings, std::future::pending()).await.expect_err("no such clock");
        assert!(error.to_string().contains("clock_scale"), "{error}");
    }
}
