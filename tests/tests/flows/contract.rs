//! The store port's contract, on the emulator's table.

use std::sync::Arc;

use adapters::dynamodb::DynamoDb;
use tests::contract::{Divergence, cases, judge, run};

use crate::stack::Deployed;

/// Where ministack answers differently from DynamoDB. None of it is relied on.
const EMULATOR: [Divergence; 1] = [Divergence {
    case: "update: sets and removes one attribute",
    reason: "it takes an update whose paths overlap, which DynamoDB refuses; no update of ours has such paths",
}];

pub(crate) async fn the_emulators_table_answers_as_the_one_in_memory(stack: Arc<Deployed>) {
    let client = aws_sdk_dynamodb::Client::new(&stack.aws);
    let table = DynamoDb::new(client, stack.description().table_name.clone());
    let outcomes = run(&table, "contract").await;
    assert_eq!(outcomes.len(), cases().len());
    if let Err(differences) = judge(&outcomes, &EMULATOR) {
        panic!("{differences}");
    }
}
