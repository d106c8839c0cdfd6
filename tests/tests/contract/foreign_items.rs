//! Items of a form that the adapter never writes: they are broken, and the error names no value.

use adapters::store::{Condition, Key, Query, Range, Store, StoreError, TransactError, Value, Write, WriteError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use tests::dynamodb_double::Server;

/// A value that must not appear in an error.
const MARKER: &str = "31337.5";

#[tokio::test]
async fn an_item_of_another_form_is_broken_however_it_is_met() {
    let server = Server::start().await;
    let foreign = [
        ("fraction", AttributeValue::N(MARKER.to_owned())),
        ("too_large", AttributeValue::N("9223372036854775808".to_owned())),
        ("null", AttributeValue::Null(true)),
        ("bytes", AttributeValue::B(Blob::new(MARKER))),
        ("texts", AttributeValue::Ss(vec![MARKER.to_owned()])),
        ("inner", AttributeValue::L(vec![AttributeValue::Null(true)])),
    ];
    for (name, value) in foreign {
        server
            .client()
            .put_item()
            .table_name(server.table_name())
            .item("pk", AttributeValue::S(name.to_owned()))
            .item("sk", AttributeValue::S("1".to_owned()))
            .item("attribute", value)
            .send()
            .await
            .expect("the server takes it");
        for error in errors_of_meeting(&server, name).await {
            let StoreError::Broken(text) = &error else {
                panic!("{name}: {error:?}");
            };
            assert!(!text.contains(MARKER), "{name}: {text}");
        }
    }
}

async fn errors_of_meeting(server: &Server, pk: &'static str) -> [StoreError; 4] {
    let table = server.table();
    let key = || Key::new(pk, "1");
    let update =
        || Write::Update { key: key(), set: vec![("n", Value::N(1))], remove: vec![], expect: Condition::ItemAbsent };
    let range = Range::Partition { pk: pk.into(), sk_prefix: "1".into() };
    let query = Query { range, limit: 1, after: None };
    let written = match table.write(update()).await.expect_err("is refused") {
        WriteError::Store(error) => error,
        WriteError::Refused(_) => panic!("{pk}: the item could be read"),
    };
    let transacted = match table.transact(vec![update()]).await.expect_err("is refused") {
        TransactError::Store(error) => error,
        TransactError::Refused(_) => panic!("{pk}: the item could be read"),
    };
    [
        table.get(&key()).await.expect_err("cannot be read"),
        table.query(query).await.expect_err("cannot be read"),
        written,
        transacted,
    ]
}

#[tokio::test]
async fn a_table_that_is_not_there_is_broken_and_a_server_that_is_not_there_is_unavailable() {
    let server = Server::start().await;
    let elsewhere = adapters::dynamodb::DynamoDb::new(server.client().clone(), "elsewhere".to_owned());
    let error = elsewhere.get(&Key::new("A", "1")).await.expect_err("no such table");
    assert!(matches!(error, StoreError::Broken(_)), "{error:?}");
    let table = server.table();
    drop(server);
    let error = table.get(&Key::new("A", "1")).await.expect_err("no server");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}
