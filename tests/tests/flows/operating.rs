//! What an operator does at the command line: the real `dialgate` program, told by its environment where everything is.

use std::process::Output;
use std::sync::Arc;

use adapters::ambient::{Ambient, Machine};
use adapters::dynamodb::DynamoDb;
use adapters::items::keys;
use adapters::purchases::{self, Stored, StoredPurchase};
use adapters::queue::PurchaseMessage;
use adapters::store::{Condition, Store, Value as Attribute, Write};
use domain::{IdempotencyKey, Instant, PhoneNumber, Purchase, PurchaseId, SubAccountId};
use reqwest::Method;
use serde_json::{Value, json};
use tests::purchases::waiting;
use tokio::process::Command;

use crate::engine::ask_for;
use crate::stack::{BOTH, Deployed};

/// How long a received message of the purchase queue is hidden while letters are made, in seconds: the template's 270
/// would make a poisoned one take twenty minutes.
const HIDDEN_S: u32 = 1;
/// What the template says.
const HIDDEN_BY_TEMPLATE_S: u32 = 270;

pub(crate) async fn dead_letters_are_told_and_moved_back(stack: Arc<Deployed>) {
    let described = stack.description();
    let dead = described.dead_letter_queue_url.clone();
    stack.hide_for(&described.purchase_queue_url, HIDDEN_S).await;
    stack.send_by_hand("not a message of ours").await;
    // A right message goes through while the poisoned one comes back.
    let sub_account = stack.sub_account();
    let asked = stack.ask(&sub_account, "key-1", &stack.number("876")).await;
    stack.until(&sub_account, asked.text("/id"), "completed").await;
    stack.sweep_until(|| async { stack.messages_in(&dead).await == 1 }).await;
    stack.hide_for(&described.purchase_queue_url, HIDDEN_BY_TEMPLATE_S).await;

    // A purchase whose request died before it sent a message, and a message for it among the dead letters.
    let forgotten = forgotten_purchase(&stack).await;
    let Purchase { sub_account, id, number, .. } = &forgotten;
    let message = PurchaseMessage::of(&forgotten);
    stack.send_to(&dead, &message.to_text()).await;

    let (code, dry) = redrive(&stack, &["--dry-run"]).await;
    let told = |lines: &[Value], fate: &str| lines.iter().filter(|line| line["fate"] == fate).count();
    assert_eq!((told(&dry, "moved"), told(&dry, "left_unreadable")), (1, 1), "{dry:?}");
    let letter = dry.iter().find(|line| line["fate"] == "moved").expect("is there");
    assert_eq!((&letter["purchase"], &letter["state"]), (&json!(id.as_str()), &json!("waiting")));
    assert_eq!((code, stack.messages_in(&dead).await), (3, 2), "nothing was changed");

    let (code, others) = redrive(&stack, &["--sub-account", "somebody-else"]).await;
    assert_eq!((code, told(&others, "left_filtered"), stack.messages_in(&dead).await), (3, 1, 2));

    let (code, moved) = redrive(&stack, &[]).await;
    assert_eq!((code, told(&moved, "moved"), stack.messages_in(&dead).await), (3, 1, 1), "{moved:?}");
    stack.until(sub_account.as_str(), id.as_str(), "completed").await;
    assert_eq!(stack.owned(number.as_str()).await.len(), 1);

    let (code, dropped) = redrive(&stack, &["--drop-unreadable"]).await;
    assert_eq!((code, told(&dropped, "deleted"), stack.messages_in(&dead).await), (0, 1, 0), "{dropped:?}");
}

pub(crate) async fn numbers_that_do_not_fit_are_named_and_only_locks_freed(stack: Arc<Deployed>) {
    let described = stack.description();
    let (sub_account, number, orphan) = (stack.sub_account(), stack.number("876"), stack.number("876"));
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    let bought = stack.until(&sub_account, asked.text("/id"), "completed").await;
    let sid = bought["numbers"][0]["sid"].as_str().expect("has an id").to_owned();
    release_outside(&stack, &sid).await;
    complete_an_hour_ago(&stack, &sub_account, asked.text("/id")).await;
    let mark = "pur_ffffffffffffffffffffffffffffffff";
    let planted = json!({"phone_number": orphan, "account_sid": described.twilio_account_sid, "friendly_name": mark});
    let planting = stack.http.post(format!("{}/simulator/foreign", described.twilio_url)).json(&planted);
    assert!(planting.send().await.expect("the simulator answers").status().is_success());

    let (code, named) = reconcile(&stack, &[]).await;
    assert_eq!(code, 3);
    let missing = finding(&named, &number).expect("the missing number is named");
    assert_eq!(
        (&missing["finding"], &missing["done"], &missing["sid"]),
        (&json!("missing"), &json!("named"), &json!(sid))
    );
    let stray = finding(&named, &orphan).expect("the orphan is named");
    assert_eq!((&stray["finding"], &stray["why"]), (&json!("orphan"), &json!("nobody_owns_it")));

    let (code, applied) = reconcile(&stack, &["--apply"]).await;
    assert_eq!(code, 3, "an orphan is left for a person");
    assert_eq!(finding(&applied, &number).map(|line| line["done"].clone()), Some(json!("freed")));
    let (_, again) = reconcile(&stack, &["--apply"]).await;
    assert!(finding(&again, &number).is_none(), "{again:?}");
    assert!(finding(&again, &orphan).is_some() && stack.owned(&orphan).await.len() == 1, "orphans are never touched");
    let other = stack.sub_account();
    let asked = stack.ask(&other, "key-1", &number).await;
    stack.until(&other, asked.text("/id"), "completed").await;
}

pub(crate) async fn what_is_not_over_is_told(stack: Arc<Deployed>) {
    let sub_account = stack.sub_account();
    let single = stack.ask(&sub_account, "key-1", &stack.number("212")).await;
    let pool = json!({"kind": "number_pool", "phone_numbers": [stack.number("212"), stack.number("212")]});
    let pool = ask_for(&stack, &sub_account, "key-2", &pool).await;
    let token = stack.token(&sub_account, BOTH).await;
    let told = async || {
        let of_one = ["--sub-account", sub_account.as_str(), "--table", &stack.description().table_name];
        dialgate(&stack, &[&["purchases", "--json"], of_one.as_slice()].concat()).await
    };
    let (code, lines) = told().await;
    let (summary, purchases) = lines.split_last().expect("a summary");
    assert_eq!((code, &summary["not_over"], &summary["late"]), (0, &json!(2), &json!(0)), "{lines:?}");
    for (asked, numbers) in [(&single, 1), (&pool, 2)] {
        let line = purchases.iter().find(|line| line["purchase"] == asked.text("/id")).expect("is told");
        assert_eq!((&line["state"], &line["numbers"]), (&json!("waiting"), &json!(numbers)));
        let path = format!("/sub-accounts/{sub_account}/purchases/{}", asked.text("/id"));
        assert_eq!(stack.call(Method::DELETE, &path, Some(&token), &[], None).await.status, 200);
    }
    let (code, lines) = told().await;
    assert_eq!((code, &lines[0]["not_over"]), (0, &json!(0)), "what is over is not told: {lines:?}");
}

async fn redrive(stack: &Deployed, options: &[&str]) -> (i32, Vec<Value>) {
    let described = stack.description();
    let queues = [
        "redrive",
        "--json",
        "--queue-url",
        &described.purchase_queue_url,
        "--dead-letter-queue-url",
        &described.dead_letter_queue_url,
        "--table",
        &described.table_name,
    ];
    dialgate(stack, &[&queues, options].concat()).await
}

async fn reconcile(stack: &Deployed, options: &[&str]) -> (i32, Vec<Value>) {
    let table = ["reconcile", "--json", "--table", &stack.description().table_name];
    dialgate(stack, &[&table, options].concat()).await
}

/// Runs the command line against this stack; its exit code and what it wrote.
async fn dialgate(stack: &Deployed, arguments: &[&str]) -> (i32, Vec<Value>) {
    let described = stack.description();
    let Output { status, stdout, stderr } = Command::new(&described.dialgate)
        .args(arguments)
        .env("AWS_ENDPOINT_URL", &described.aws_endpoint_url)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("TWILIO_API_BASE_URL", &described.twilio_url)
        .env("TWILIO_ACCOUNT_SID", &described.twilio_account_sid)
        .env("TWILIO_AUTH_TOKEN", &described.twilio_auth_token)
        .kill_on_drop(true)
        .output()
        .await
        .expect("dialgate can be started");
    let lines = String::from_utf8(stdout).expect("is text");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    let code = status.code().expect("ended by itself");
    assert!(code != 1 && !lines.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    (code, lines)
}

fn finding<'a>(lines: &'a [Value], number: &str) -> Option<&'a Value> {
    lines.iter().find(|line| line["phone_number"] == number)
}

fn table(stack: &Deployed) -> DynamoDb {
    DynamoDb::new(aws_sdk_dynamodb::Client::new(&stack.aws), stack.description().table_name.clone())
}

/// A purchase as it stands when its request dies right after the put.
async fn forgotten_purchase(stack: &Deployed) -> Purchase {
    let sub_account = SubAccountId::parse(&stack.sub_account()).expect("is a word");
    let (now, number) = (Machine.now(), PhoneNumber::parse(&stack.number("876")).expect("is a number"));
    let key = IdempotencyKey::parse("forgotten").expect("is a key");
    let id = PurchaseId::of(&sub_account, &key);
    let purchase = Purchase { gated: false, deadline: now.plus_ms(3_600_000), ..waiting(sub_account, id, number, now) };
    // Due in an hour, so that no other flow's sweep finds it first.
    let stored = Stored::One(StoredPurchase { purchase: purchase.clone(), version: 1 });
    purchases::ask(&table(stack), stored, now, 3_600_000).await.expect("the emulator answers");
    purchase
}

/// Somebody gives a number back at the carrier, past everything.
async fn release_outside(stack: &Deployed, sid: &str) {
    let described = stack.description();
    let account = &described.twilio_account_sid;
    let url = format!("{}/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json", described.twilio_url);
    let request = stack.http.delete(url).basic_auth(account, Some(&described.twilio_auth_token));
    assert_eq!(request.send().await.expect("Twilio's simulator answers").status(), 204);
}

/// What was just completed is not judged yet: the carrier's list may lag.
async fn complete_an_hour_ago(stack: &Deployed, sub_account: &str, id: &str) {
    let sub_account = SubAccountId::parse(sub_account).expect("is a word");
    let an_hour_ago: Instant = Machine.now().plus_ms(-3_600_000);
    let write = Write::Update {
        key: keys::purchase(&sub_account, &PurchaseId::parse(id).expect("is an id")),
        set: vec![("ended_at", Attribute::N(an_hour_ago.unix_ms()))],
        remove: vec![],
        expect: Condition::ItemPresent,
    };
    table(stack).write(write).await.expect("the emulator answers");
}
