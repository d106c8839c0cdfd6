//! Twilio's client.

use adapters::twilio::{Carrier, Created, LookError, OwnedNumber, TwilioClient, TwilioSettings};
use domain::{AccountSid, PhoneNumber, Reason};
use serde_json::{Value, json};

use crate::canned::{Can, Canned};
use crate::servers::{ACCOUNT, API_KEY, API_SECRET, IMPATIENT_MS, PATIENT_MS, Server, TOKEN, in_time};

const NUMBER: &str = "+12125550123";
const MARK: &str = "pur_0123456789abcdef0123456789abcdef";

fn client(server: &Server, timeout_ms: u64) -> TwilioClient {
    client_of(server, timeout_ms, (ACCOUNT, TOKEN))
}

pub(crate) fn client_of(server: &Server, timeout_ms: u64, (user, password): (&str, &str)) -> TwilioClient {
    TwilioClient::new(TwilioSettings {
        base_url: server.base_url(""),
        account: account(),
        user: user.to_owned(),
        password: password.to_owned().into(),
        timeout_ms,
    })
    .expect("a client")
}

fn account() -> AccountSid {
    AccountSid::parse(ACCOUNT).expect("is an id")
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("is a number")
}

async fn create(client: &TwilioClient, text: &str) -> Created {
    in_time(client.create(&account(), &number(text), MARK)).await
}

async fn find(client: &TwilioClient, text: &str) -> Result<Option<OwnedNumber>, LookError> {
    in_time(client.find(&account(), &number(text))).await
}

async fn fault_on(server: &Server, operation: &str, fault: Value) {
    server.control("faults", json!({"queue": [{"on": operation, "fault": fault}]})).await;
}

#[tokio::test]
async fn a_number_is_bought_and_found_again() {
    let server = Server::twilio().await;
    let client = client(&server, PATIENT_MS);
    assert_eq!(find(&client, NUMBER).await, Ok(None));
    let Created::Bought(bought) = create(&client, NUMBER).await else { panic!("is bought") };
    assert!(bought.sid.as_str().starts_with("PN"));
    assert_eq!(bought.number, number(NUMBER));
    assert_eq!(bought.mark, MARK);
    let created_at = bought.created_at.expect("a date");
    assert_eq!(created_at, created_at.whole_second(), "whole seconds");
    assert_eq!(find(&client, NUMBER).await, Ok(Some(bought)));
    assert_eq!(server.state().await["charges"], json!({NUMBER: 1}));
}

/// The filter of the list is a pattern, and `+` in it must be escaped: only the very number counts.
#[tokio::test]
async fn neighbours_are_not_the_number() {
    let server = Server::twilio().await;
    let client = client(&server, PATIENT_MS);
    // Both contain the digits of the number that is asked for.
    for longer in ["+442125550123", "+4421255501234"] {
        server.control("foreign", json!({"phone_number": longer, "account_sid": ACCOUNT})).await;
    }
    assert_eq!(find(&client, "+2125550123").await, Ok(None));
    assert_eq!(find(&client, "+44212555012").await, Ok(None));
    server.control("foreign", json!({"phone_number": "+44212555012", "account_sid": ACCOUNT})).await;
    let found = find(&client, "+44212555012").await.expect("an answer").expect("is found");
    assert_eq!(found.number, number("+44212555012"));
    let canned = Canned::start(Can::json(200, r#"{"incoming_phone_numbers": []}"#)).await;
    assert_eq!(find(&client_of(&canned.server, PATIENT_MS, (ACCOUNT, TOKEN)), NUMBER).await, Ok(None));
    let line = canned.seen().remove(0).line;
    assert!(line.contains("PhoneNumber=%2B12125550123"), "{line}");
}

#[tokio::test]
async fn a_number_bought_by_hand_shows_its_own_mark() {
    let server = Server::twilio().await;
    let client = client(&server, PATIENT_MS);
    let body = json!({"phone_number": NUMBER, "account_sid": ACCOUNT, "friendly_name": "Front desk", "age_s": 86400});
    server.control("foreign", body).await;
    let found = find(&client, NUMBER).await.expect("an answer").expect("is found");
    assert_eq!(found.mark, "Front desk");
    // Buying what one has: taken as an update, or refused, as Twilio likes.
    let Created::Bought(again) = create(&client, NUMBER).await else { panic!("an update") };
    assert_eq!((again.sid, again.created_at), (found.sid, found.created_at), "the date shows that it is an old one");
    server.control("faults", json!({"repeat_create": "refuse"})).await;
    assert_eq!(create(&client, NUMBER).await, Created::NotAvailable);
}

/// Twilio's documentation, "Test credentials".
#[tokio::test]
async fn magic_numbers() {
    let server = Server::twilio().await;
    let client = client(&server, PATIENT_MS);
    assert_eq!(create(&client, "+15005550000").await, Created::NotAvailable);
    assert_eq!(create(&client, "+15005550001").await, Created::Refused(Reason::NumberUnavailable));
    assert!(matches!(create(&client, "+15005550006").await, Created::Bought(_)));
}

#[tokio::test]
async fn refusals_that_the_simulator_makes_itself() {
    let server = Server::twilio().await;
    let client = client(&server, PATIENT_MS);
    server.control("foreign", json!({"phone_number": NUMBER})).await;
    assert_eq!(create(&client, NUMBER).await, Created::NotAvailable, "another customer has it");
    let british = create(&client, "+442079460123").await;
    assert_eq!(british, Created::Refused(Reason::AddressRequired), "a British number wants an address");
}

#[tokio::test]
async fn too_many_at_once_was_not_processed() {
    let server = Server::twilio().await;
    let client = client(&server, PATIENT_MS);
    for (retry_after_s, expected) in [(json!(7), Some(7)), (Value::Null, None), (json!(1_000_000), Some(3600))] {
        let fault = json!({"kind": "status", "status": 429, "code": 20429, "retry_after_s": retry_after_s});
        fault_on(&server, "create_number", fault.clone()).await;
        assert_eq!(create(&client, NUMBER).await, Created::NotProcessed { retry_after_s: expected });
        fault_on(&server, "list_numbers", fault).await;
        assert_eq!(find(&client, NUMBER).await, Err(LookError::NotProcessed { retry_after_s: expected }));
    }
    assert_eq!(server.state().await["charges"], json!({}));
    // A date, which HTTP allows as well, is no number of seconds.
    let can =
        Can { status: 429, header: ("retry-after", "Sun, 22 Nov 2026 12:00:00 GMT".to_owned()), body: "{}".to_owned() };
    let canned = Canned::start(can).await;
    let client = client_of(&canned.server, PATIENT_MS, (ACCOUNT, TOKEN));
    assert_eq!(create(&client, NUMBER).await, Created::NotProcessed { retry_after_s: None });
}

/// What may have been done is unknown, whatever the answer looks like; a look tells.
#[tokio::test]
async fn what_may_have_been_done_is_unknown_until_it_is_found() {
    for fault in [
        json!({"kind": "commit_then_timeout", "then": "drop"}),
        json!({"kind": "truncated_body"}),
        json!({"kind": "not_json", "status": 201}),
        json!({"kind": "not_json", "status": 502}),
        json!({"kind": "not_json", "status": 400}),
        json!({"kind": "error_after_commit"}),
        json!({"kind": "error_after_commit", "status": 503, "code": 20503}),
        json!({"kind": "error_after_commit", "status": 500, "code": 99999}),
    ] {
        let server = Server::twilio().await;
        let client = client(&server, PATIENT_MS);
        fault_on(&server, "create_number", fault.clone()).await;
        assert_eq!(create(&client, NUMBER).await, Created::Unknown, "{fault}");
        let found = find(&client, NUMBER).await.expect("an answer").expect("it was bought");
        assert_eq!(found.mark, MARK, "{fault}");
    }
}

#[tokio::test]
async fn a_connection_that_stays_silent_is_unknown() {
    for (kind, bought) in [("commit_then_timeout", true), ("timeout_without_commit", false)] {
        let server = Server::twilio().await;
        fault_on(&server, "create_number", json!({"kind": kind, "then": "hang"})).await;
        assert_eq!(create(&client(&server, IMPATIENT_MS), NUMBER).await, Created::Unknown, "{kind}");
        let found = find(&client(&server, PATIENT_MS), NUMBER).await.expect("an answer");
        assert_eq!(found.is_some(), bought, "{kind}");
    }
}

#[tokio::test]
async fn a_purchase_that_lands_late_is_absent_until_then() {
    let server = Server::twilio().await;
    let client = client(&server, PATIENT_MS);
    fault_on(&server, "create_number", json!({"kind": "late_landing", "ms": 170_000})).await;
    assert_eq!(create(&client, NUMBER).await, Created::Unknown);
    assert_eq!(find(&client, NUMBER).await, Ok(None));
    server.control("advance", json!({"ms": 170_000})).await;
    assert!(find(&client, NUMBER).await.expect("an answer").is_some());
}

#[tokio::test]
async fn a_look_that_is_not_answered_says_so() {
    for fault in [
        json!({"kind": "timeout_without_commit", "then": "drop"}),
        json!({"kind": "truncated_body"}),
        json!({"kind": "not_json", "status": 200}),
        json!({"kind": "status", "status": 500, "code": 20500}),
        json!({"kind": "status", "status": 404, "code": 11200}),
    ] {
        let server = Server::twilio().await;
        fault_on(&server, "list_numbers", fault.clone()).await;
        assert_eq!(find(&client(&server, PATIENT_MS), NUMBER).await, Err(LookError::Unknown), "{fault}");
    }
    let server = Server::twilio().await;
    fault_on(&server, "list_numbers", json!({"kind": "timeout_without_commit", "then": "hang"})).await;
    assert_eq!(find(&client(&server, IMPATIENT_MS), NUMBER).await, Err(LookError::Unknown));
}

#[tokio::test]
async fn a_credential_that_does_not_do_is_told_apart() {
    let server = Server::twilio().await;
    for wrong in [(ACCOUNT, "another token"), ("ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", TOKEN), ("", "")] {
        let client = client_of(&server, PATIENT_MS, wrong);
        assert_eq!(create(&client, NUMBER).await, Created::Unauthorised);
        assert_eq!(find(&client, NUMBER).await, Err(LookError::Unauthorised));
    }
    let restricted = client_of(&server, PATIENT_MS, (API_KEY, API_SECRET));
    assert_eq!(
        find(&restricted, NUMBER).await,
        Err(LookError::Unauthorised),
        "the restricted key sees nothing of ours"
    );
    assert_eq!(create(&restricted, NUMBER).await, Created::Unauthorised);
    assert_eq!(server.state().await["numbers"], json!([]));
}

/// A list that has nothing is an empty list: only Twilio's own word says that the account is missing.
#[tokio::test]
async fn an_account_that_is_not_there_is_told_apart() {
    for (status, body, expected) in [
        (404, r#"{"code": 20404, "message": "not found", "status": 404}"#, LookError::NoAccount),
        (404, "<html>", LookError::Unknown),
        (404, r#"{"code": 11200}"#, LookError::Unknown),
    ] {
        let canned = Canned::start(Can::json(status, body)).await;
        let client = client_of(&canned.server, PATIENT_MS, (ACCOUNT, TOKEN));
        assert_eq!(find(&client, NUMBER).await, Err(expected), "{body}");
    }
}

/// A number that is listed but cannot be read is not absent: nothing may be bought on it.
#[tokio::test]
async fn a_number_that_cannot_be_read_is_not_absent() {
    let listed = |resource: Value| json!({"incoming_phone_numbers": [resource]}).to_string();
    for (name, resource, expected) in [
        ("no id", json!({"phone_number": NUMBER}), Err(())),
        ("an id that is none", json!({"sid": "PN 1", "phone_number": NUMBER}), Err(())),
        ("no name", json!({"sid": "PN1", "phone_number": NUMBER}), Ok("")),
        ("a name that is null", json!({"sid": "PN1", "phone_number": NUMBER, "friendly_name": null}), Ok("")),
        ("a date that is none", json!({"sid": "PN1", "phone_number": NUMBER, "date_created": "today"}), Ok("")),
    ] {
        let canned = Canned::start(Can::json(200, listed(resource))).await;
        let found = find(&client_of(&canned.server, PATIENT_MS, (ACCOUNT, TOKEN)), NUMBER).await;
        match expected {
            Err(()) => assert_eq!(found, Err(LookError::Unknown), "{name}"),
            Ok(mark) => assert_eq!(found.expect("an answer").expect("is found").mark, mark, "{name}"),
        }
    }
}

/// A create names the number, our mark and nothing else: never an area code.
#[tokio::test]
async fn a_create_names_the_number_and_the_mark() {
    let canned = Canned::start(Can::json(201, "x".repeat(2 * 1024 * 1024))).await;
    let client = client_of(&canned.server, PATIENT_MS, (ACCOUNT, TOKEN));
    assert_eq!(create(&client, NUMBER).await, Created::Unknown, "over a megabyte is not read");
    let seen = canned.seen().remove(0);
    assert_eq!(seen.line, format!("POST /2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json"));
    assert_eq!(seen.body, format!("PhoneNumber=%2B12125550123&FriendlyName={MARK}"));
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    assert!(seen.header("authorization").starts_with("Basic "));
    assert!(!format!("{client:?}").contains(TOKEN), "the token is not shown");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Canned::start(Can::json(201, "{}")).await;
    let target = elsewhere.server.base_url("/elsewhere").to_string();
    let canned = Canned::start(Can { status: 307, header: ("location", target), body: String::new() }).await;
    let client = client_of(&canned.server, PATIENT_MS, (ACCOUNT, TOKEN));
    assert_eq!(create(&client, NUMBER).await, Created::Unknown);
    assert_eq!(find(&client, NUMBER).await, Err(LookError::Unknown));
    assert!(elsewhere.seen().is_empty());
}
