//! Transactions that DynamoDB cancels, as the table's client meets them.
//!
//! Source: DynamoDB's API reference, "TransactWriteItems", `TransactionCanceledException`.

use adapters::dynamodb::DynamoDb;
use adapters::store::{Condition, Item, PK, SK, Store, StoreError, TransactError, Value, Write};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use serde_json::json;

use crate::canned::{Can, Canned};

async fn table(server: &Canned) -> DynamoDb {
    let credentials = Credentials::new("test", "test", None, None, "tests");
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .endpoint_url(server.server.base_url("").to_string())
        .load()
        .await;
    DynamoDb::with_config(&config, "table".to_owned())
}

fn cancelled(codes: &[&str]) -> Can {
    let reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled", "CancellationReasons": reasons,
    });
    Can::json(400, body.to_string())
}

fn done() -> Can {
    Can::json(200, "{}")
}

async fn transact(server: &Canned) -> Result<(), TransactError> {
    let text = |text: &'static str| Value::S(text.into());
    let put = |sk: &'static str| Write::Put {
        item: Item::from([(PK, text("A")), (SK, text(sk))]),
        expect: Condition::ItemAbsent,
    };
    table(server).await.transact(vec![put("1"), put("2")]).await
}

#[tokio::test]
async fn a_conflict_is_tried_again_under_the_same_token() {
    let conflict = || cancelled(&["None", "TransactionConflict"]);
    let server = Canned::in_turn(vec![conflict(), cancelled(&["ThrottlingError", "None"]), done()]).await;
    assert_eq!(transact(&server).await, Ok(()));
    let tokens: Vec<String> = server
        .seen()
        .iter()
        .map(|seen| serde_json::from_str::<serde_json::Value>(&seen.body).expect("is JSON"))
        .map(|body| body["ClientRequestToken"].as_str().expect("has a token").to_owned())
        .collect();
    assert_eq!(tokens.len(), 3);
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
}

#[tokio::test]
async fn a_conflict_that_stays_is_no_answer() {
    let server = Canned::start(cancelled(&["TransactionConflict", "ConditionalCheckFailed"])).await;
    let refused = transact(&server).await;
    assert_eq!(refused, Err(StoreError::Unavailable("TransactionConflict".to_owned()).into()));
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_an_answer() {
    let server = Canned::start(cancelled(&["None", "ConditionalCheckFailed"])).await;
    assert_eq!(transact(&server).await, Err(TransactError::Refused(vec![(1, None)])));
    assert_eq!(server.seen().len(), 1);
}
