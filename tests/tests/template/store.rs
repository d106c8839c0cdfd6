//! The table.

use crate::rules;
use crate::template::{properties, resources, target, unless};
use serde_json::{Value, json};

rules! {
    there_is_one_table, broken by "/Resources/Another" = {"Type": "AWS::DynamoDB::Table", "Properties": {}};
    the_table_is_encrypted, broken by "/Resources/Table/Properties/SSESpecification" = null;
    the_table_can_be_restored_to_any_second,
        broken by "/Resources/Table/Properties/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled" = false;
    old_items_expire_by_the_attribute_that_the_code_writes,
        broken by "/Resources/Table/Properties/TimeToLiveSpecification/AttributeName" = "ttl";
    the_table_is_protected_from_deletion_by_default, broken by "/Parameters/DeletionProtection/Default" = "false";
    the_table_outlives_its_stack, broken by "/Resources/Table/DeletionPolicy" = "Delete";
    the_table_is_paid_on_demand, broken by "/Resources/Table/Properties/BillingMode" = "PROVISIONED";
    keys_and_indexes_are_as_the_code_expects,
        broken by "/Resources/Table/Properties/GlobalSecondaryIndexes/0/KeySchema/1/AttributeName" = "at";
}

fn there_is_one_table(template: &Value) -> Vec<String> {
    let tables = resources(template, "AWS::DynamoDB::Table");
    unless(tables.len() == 1, format!("{} tables", tables.len()))
}

fn the_table_is_encrypted(template: &Value) -> Vec<String> {
    unless(properties(template, "Table")["SSESpecification"]["SSEEnabled"] == true, "no encryption")
}

fn the_table_can_be_restored_to_any_second(template: &Value) -> Vec<String> {
    let recovery = &properties(template, "Table")["PointInTimeRecoverySpecification"];
    unless(recovery["PointInTimeRecoveryEnabled"] == true, "no point-in-time recovery")
}

fn old_items_expire_by_the_attribute_that_the_code_writes(template: &Value) -> Vec<String> {
    let ttl = &properties(template, "Table")["TimeToLiveSpecification"];
    unless(*ttl == json!({ "AttributeName": "expires_at", "Enabled": true }), format!("{ttl}"))
}

fn the_table_is_protected_from_deletion_by_default(template: &Value) -> Vec<String> {
    let protection = &properties(template, "Table")["DeletionProtectionEnabled"];
    let by_default = template["Parameters"]["DeletionProtection"]["Default"] == "true";
    unless(target(protection) == Some("DeletionProtection") && by_default, format!("{protection}"))
}

fn the_table_outlives_its_stack(template: &Value) -> Vec<String> {
    let table = &template["Resources"]["Table"];
    let kept = table["DeletionPolicy"] == "RetainExceptOnCreate" && table["UpdateReplacePolicy"] == "Retain";
    unless(kept, "a deleted stack takes the purchases with it")
}

fn the_table_is_paid_on_demand(template: &Value) -> Vec<String> {
    unless(properties(template, "Table")["BillingMode"] == "PAY_PER_REQUEST", "capacity is fixed")
}

fn keys_and_indexes_are_as_the_code_expects(template: &Value) -> Vec<String> {
    let table = properties(template, "Table");
    let keys = |hash: &str, range: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }]);
    let index = |name: &str, hash: &str, range: &str| json!([{ "IndexName": name, "KeySchema": keys(hash, range), "Projection": { "ProjectionType": "KEYS_ONLY" } }]);
    [
        (&table["KeySchema"], keys("pk", "sk")),
        (&table["LocalSecondaryIndexes"], index("by_time", "pk", "by_time")),
        (&table["GlobalSecondaryIndexes"], index("due", "due_shard", "due_at")),
    ]
    .into_iter()
    .filter(|(found, wanted)| *found != wanted)
    .map(|(found, wanted)| format!("{found} instead of {wanted}"))
    .collect()
}
