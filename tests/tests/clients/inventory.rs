//! Everything that an account owns, page by page, by Twilio's client.

use adapters::twilio::{Inventory, InventoryPage, LookError, NextPage, TwilioClient, TwilioSettings};
use domain::AccountSid;
use serde_json::json;

use crate::canned::{Can, Canned};
use crate::servers::{ACCOUNT, PATIENT_MS, Server, TOKEN, in_time};

/// One more than a page has.
const NUMBERS: usize = 1001;

fn client(server: &Server) -> TwilioClient {
    TwilioClient::new(TwilioSettings {
        base_url: server.base_url(""),
        account: account(),
        user: ACCOUNT.to_owned(),
        password: TOKEN.to_owned().into(),
        timeout_ms: PATIENT_MS,
    })
    .expect("a client")
}

fn account() -> AccountSid {
    AccountSid::parse(ACCOUNT).expect("is an id")
}

async fn page(client: &TwilioClient, next: Option<NextPage>) -> Result<InventoryPage, LookError> {
    in_time(client.page(&account(), next)).await
}

#[tokio::test]
async fn every_number_is_on_one_page_or_the_other() {
    let server = Server::twilio().await;
    for index in 0..NUMBERS {
        let (number, mark) = (format!("+1212{:07}", 2_000_000 + index), format!("mark-{index}"));
        let owned = json!({"phone_number": number, "account_sid": ACCOUNT, "friendly_name": mark});
        server.control("foreign", owned).await;
    }
    let client = client(&server);
    let first = page(&client, None).await.expect("an answer");
    assert_eq!((first.numbers.len(), first.unreadable), (1000, 0));
    let last = page(&client, first.next.clone()).await.expect("an answer");
    assert_eq!((last.numbers.len(), &last.next), (1, &None));
    let mut listed: Vec<String> =
        first.numbers.iter().chain(&last.numbers).map(|owned| owned.number.to_string()).collect();
    listed.sort();
    listed.dedup();
    assert_eq!(listed.len(), NUMBERS);
    assert_eq!(last.numbers[0].mark, "mark-0", "newest first");
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_hides_nothing_else() {
    let number = |sid: &str, number: &str| json!({"sid": sid, "phone_number": number, "friendly_name": "x"});
    let body = json!({"incoming_phone_numbers": [
        number("PN1", "+12125550100"), number("PN2", "12125550101"), number("not an id", "+12125550102"),
        number("PN4", "+12125550103"),
    ], "next_page_uri": null});
    let canned = Canned::start(Can::json(200, body.to_string())).await;
    let read = page(&client(&canned.server), None).await.expect("an answer");
    assert_eq!((read.numbers.len(), read.unreadable, read.next), (2, 2, None));
    let line = canned.seen().remove(0).line;
    assert!(line.ends_with("/IncomingPhoneNumbers.json?PageSize=1000"), "{line}");
}

/// The next page's address comes from the answer: it must not carry our credential to another list or host.
#[tokio::test]
async fn a_next_page_elsewhere_is_not_followed() {
    let canned = Canned::start(Can::json(200, r#"{"incoming_phone_numbers": []}"#)).await;
    let client = client(&canned.server);
    for elsewhere in [
        "https://elsewhere.example/2010-04-01/Accounts/x",
        "@elsewhere.example/",
        "/2010-04-01/Accounts/ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/IncomingPhoneNumbers.json?Page=1",
        "/2010-04-01/Accounts/ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Messages.json?Page=1",
        "",
    ] {
        assert_eq!(page(&client, Some(NextPage(elsewhere.to_owned()))).await, Err(LookError::Unknown), "{elsewhere}");
    }
    assert!(canned.seen().is_empty(), "nothing was asked");
}

#[tokio::test]
async fn an_answer_that_is_no_page_is_no_empty_account() {
    for (status, body, expected) in [
        (200, "{}", LookError::Unknown),
        (200, "[]", LookError::Unknown),
        (200, "<html>", LookError::Unknown),
        (500, r#"{"code": 20500}"#, LookError::Unknown),
        (401, r#"{"code": 20003}"#, LookError::Unauthorised),
        (429, r#"{"code": 20429}"#, LookError::NotProcessed { retry_after_s: None }),
    ] {
        let canned = Canned::start(Can::json(status, body)).await;
        assert_eq!(page(&client(&canned.server), None).await, Err(expected), "{status} {body}");
    }
}
