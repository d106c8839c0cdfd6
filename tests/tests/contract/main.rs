//! The store port's contract, played on the table in memory and on DynamoDB's protocol in this process.

mod foreign_items;

use std::collections::BTreeSet;

use tests::contract::{Divergence, cases, judge, run};
use tests::dynamodb_double::Server;
use tests::memory_table::MemoryTable;

/// Fewest cases that the list may shrink to.
const CASES_MIN: usize = 60;

/// Where the table in memory answers differently.
const MEMORY: [Divergence; 0] = [];

/// Where DynamoDB's protocol, through the adapter, answers differently.
const DYNAMODB: [Divergence; 0] = [];

#[test]
fn the_list_is_long_and_its_names_are_distinct() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "a name is there twice");
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
}

#[tokio::test]
async fn the_table_in_memory_keeps_the_contract() {
    let table = MemoryTable::default();
    let outcomes = run(&&table, "memory").await;
    if let Err(lines) = judge(&outcomes, &MEMORY) {
        panic!("{lines}");
    }
}

#[tokio::test]
async fn dynamodb_keeps_the_contract() {
    let server = Server::start().await;
    let outcomes = run(&server.table(), "contract").await;
    if let Err(lines) = judge(&outcomes, &DYNAMODB) {
        panic!("{lines}");
    }
}
