//! Every answer that a create may get, through the client and over a real connection: what it means, and that nothing is
//! bought by an answer that says so.

use adapters::twilio::{Carrier, Created, OwnedNumber};
use domain::{AccountSid, PhoneNumber, Reason};
use serde_json::{Value, json};
use tests::outcomes::{Outcome, REFUSALS};

use crate::servers::{ACCOUNT, PATIENT_MS, Server, TOKEN, in_time};
use crate::twilio::client_of;

const NUMBER: &str = "+12125550123";
const MARK: &str = "pur_0123456789abcdef0123456789abcdef";

async fn create(server: &Server) -> Created {
    let client = client_of(server, PATIENT_MS, (ACCOUNT, TOKEN));
    in_time(client.create(&account(), &number(NUMBER), MARK)).await
}

async fn find(server: &Server) -> Option<OwnedNumber> {
    let client = client_of(server, PATIENT_MS, (ACCOUNT, TOKEN));
    in_time(client.find(&account(), &number(NUMBER))).await.expect("the list answers")
}

async fn fault(server: &Server, fault: Value) {
    server.control("faults", json!({"queue": [{"on": "create_number", "fault": fault}]})).await;
}

fn account() -> AccountSid {
    AccountSid::parse(ACCOUNT).expect("is an id")
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("is a number")
}

#[tokio::test]
async fn every_error_means_what_the_list_says_and_buys_nothing() {
    let server = Server::twilio().await;
    for row in REFUSALS {
        for retry_after_s in [None, Some(7)] {
            fault(
                &server,
                json!({"kind": "status", "status": row.status, "code": row.code, "retry_after_s": retry_after_s}),
            )
            .await;
            let expected = match row.outcome {
                Outcome::LookThenBelieve => Created::NotAvailable,
                Outcome::Refused(reason) => Created::Refused(reason),
                Outcome::OurMistake => Created::Refused(Reason::CarrierRefused),
                Outcome::NotProcessed => Created::NotProcessed { retry_after_s },
                Outcome::Unauthorised => Created::Unauthorised,
                Outcome::Unknown => Created::Unknown,
            };
            assert_eq!(create(&server).await, expected, "{} {}", row.code, row.says);
        }
    }
    let state = server.state().await;
    assert_eq!(state["charges"], json!({}));
    assert_eq!(state["faults"], json!([]), "each fault met its request");
    assert_eq!(state["create_requests"].as_array().map(Vec::len), Some(2 * REFUSALS.len()));
    assert_eq!(find(&server).await, None);
    assert!(matches!(create(&server).await, Created::Bought(_)), "and then it is bought");
}

/// What was carried out, and how it was told: the number is there once, whatever the answer looked like.
#[tokio::test]
async fn what_was_carried_out_is_found_whatever_was_answered() {
    for kind in [
        json!({"kind": "commit_then_timeout", "then": "drop"}),
        json!({"kind": "truncated_body"}),
        json!({"kind": "not_json", "status": 200}),
        json!({"kind": "not_json", "status": 201}),
        json!({"kind": "not_json", "status": 400}),
        json!({"kind": "not_json", "status": 404}),
        json!({"kind": "not_json", "status": 502}),
        json!({"kind": "error_after_commit"}),
        json!({"kind": "error_after_commit", "status": 502, "code": 20502}),
        json!({"kind": "error_after_commit", "status": 503, "code": 20503}),
        json!({"kind": "error_after_commit", "status": 504, "code": 99999}),
        // A 201 that does not say what was bought.
        json!({"kind": "altered", "field": "sid", "value": null}),
        json!({"kind": "altered", "field": "phone_number", "value": 5}),
    ] {
        let server = Server::twilio().await;
        fault(&server, kind.clone()).await;
        assert_eq!(create(&server).await, Created::Unknown, "{kind}");
        assert_eq!(find(&server).await.expect("it was bought").mark, MARK, "{kind}");
        assert_eq!(server.state().await["charges"], json!({NUMBER: 1}), "{kind}");
    }
}

/// A 201 about another number, or with another mark, is told as it came: who asked must read it back.
#[tokio::test]
async fn a_201_about_something_else_is_not_taken_for_ours() {
    for (field, value) in [
        ("phone_number", json!("+12125550199")),
        ("friendly_name", json!("pur_ffffffffffffffffffffffffffffffff")),
        ("friendly_name", Value::Null),
        ("date_created", json!("Thu, 30 Jul 2015 20:12:31 +0000")),
        ("date_created", json!("yesterday")),
    ] {
        let server = Server::twilio().await;
        fault(&server, json!({"kind": "altered", "field": field, "value": value})).await;
        let Created::Bought(answered) = create(&server).await else { panic!("{field} {value} is an answer") };
        let ours = find(&server).await.expect("it was bought");
        assert_ne!(answered, ours, "{field} {value} is told");
        assert_eq!(answered.sid, ours.sid, "{field} {value}");
    }
}

#[tokio::test]
async fn a_late_landing_is_one_charge_with_every_repetition() {
    let server = Server::twilio().await;
    for _ in 0..3 {
        fault(&server, json!({"kind": "late_landing", "ms": 170_000})).await;
        assert_eq!(create(&server).await, Created::Unknown);
        assert_eq!(find(&server).await, None);
    }
    server.control("advance", json!({"ms": 170_000})).await;
    assert_eq!(find(&server).await.expect("it landed").mark, MARK);
    assert_eq!(server.state().await["charges"], json!({NUMBER: 1}));
}
