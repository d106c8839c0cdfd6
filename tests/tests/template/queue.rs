//! The queue of purchases and its dead letters.

use crate::rules;
use crate::template::{properties, resources, target, unless};
use serde_json::{Value, json};

/// AWS asks for a visibility of six function timeouts (Lambda developer guide, "Using Lambda with Amazon SQS").
const VISIBILITY_TIMEOUTS: u64 = 6;

/// Fourteen days, the longest that SQS keeps a message.
const LONGEST_RETENTION_S: u64 = 1_209_600;

rules! {
    failed_messages_become_dead_letters, broken by "/Resources/PurchaseQueue/Properties/RedrivePolicy" = null;
    dead_letters_are_kept_as_long_as_possible,
        broken by "/Resources/DeadLetterQueue/Properties/MessageRetentionPeriod" = 345600;
    a_message_stays_hidden_for_six_timeouts, broken by "/Resources/PurchaseQueue/Properties/VisibilityTimeout" = 269;
    a_lease_ends_before_its_message_returns, broken by "/Parameters/LeaseSeconds/MaxValue" = 270;
    queues_are_encrypted, broken by "/Resources/DeadLetterQueue/Properties/SqsManagedSseEnabled" = false;
    purchases_are_handled_one_at_a_time,
        broken by "/Resources/PurchaseCompletionFunctionPurchase/Properties/BatchSize" = 10;
    failures_are_reported_by_message,
        broken by "/Resources/PurchaseCompletionFunctionPurchase/Properties/FunctionResponseTypes" = [];
    buyers_are_bounded, broken by "/Resources/PurchaseCompletionFunctionPurchase/Properties/ScalingConfig" = null;
    the_queue_feeds_the_buyer_alone,
        broken by "/Resources/PurchaseCompletionFunctionPurchase/Properties/FunctionName" = {"Ref": "SweeperFunction"};
}

fn failed_messages_become_dead_letters(template: &Value) -> Vec<String> {
    let redrive = &properties(template, "PurchaseQueue")["RedrivePolicy"];
    let leads = target(&redrive["deadLetterTargetArn"]) == Some("DeadLetterQueue");
    unless(leads && redrive["maxReceiveCount"] == 5, format!("{redrive}"))
}

fn dead_letters_are_kept_as_long_as_possible(template: &Value) -> Vec<String> {
    let kept = &properties(template, "DeadLetterQueue")["MessageRetentionPeriod"];
    unless(*kept == LONGEST_RETENTION_S, format!("{kept} s"))
}

fn a_message_stays_hidden_for_six_timeouts(template: &Value) -> Vec<String> {
    let visibility_s = properties(template, "PurchaseQueue")["VisibilityTimeout"].as_u64().unwrap_or_default();
    let timeout_s = properties(template, "PurchaseCompletionFunction")["Timeout"].as_u64().unwrap_or(u64::MAX);
    unless(visibility_s >= timeout_s.saturating_mul(VISIBILITY_TIMEOUTS), format!("{visibility_s} s for {timeout_s} s"))
}

fn a_lease_ends_before_its_message_returns(template: &Value) -> Vec<String> {
    let visibility_s = properties(template, "PurchaseQueue")["VisibilityTimeout"].as_u64().unwrap_or_default();
    let longest_lease_s = template["Parameters"]["LeaseSeconds"]["MaxValue"].as_u64().unwrap_or(u64::MAX);
    unless(longest_lease_s < visibility_s, format!("a lease of {longest_lease_s} s, hidden for {visibility_s} s"))
}

fn queues_are_encrypted(template: &Value) -> Vec<String> {
    let queues = resources(template, "AWS::SQS::Queue").into_iter();
    queues.filter(|(_, queue)| queue["SqsManagedSseEnabled"] != true).map(|(name, _)| name.to_owned()).collect()
}

fn mapping(template: &Value) -> &Value {
    properties(template, "PurchaseCompletionFunctionPurchase")
}

fn purchases_are_handled_one_at_a_time(template: &Value) -> Vec<String> {
    unless(mapping(template)["BatchSize"] == 1, format!("{}", mapping(template)["BatchSize"]))
}

fn failures_are_reported_by_message(template: &Value) -> Vec<String> {
    unless(mapping(template)["FunctionResponseTypes"] == json!(["ReportBatchItemFailures"]), "whole batches fail")
}

fn buyers_are_bounded(template: &Value) -> Vec<String> {
    let limit = &mapping(template)["ScalingConfig"]["MaximumConcurrency"];
    unless(target(limit) == Some("CompletionConcurrency"), format!("{limit}"))
}

fn the_queue_feeds_the_buyer_alone(template: &Value) -> Vec<String> {
    let mappings = resources(template, "AWS::Lambda::EventSourceMapping");
    let feeds = |(_, mapping): &(&str, &Value)| {
        target(&mapping["EventSourceArn"]) == Some("PurchaseQueue")
            && target(&mapping["FunctionName"]) == Some("PurchaseCompletionFunction")
    };
    unless(mappings.len() == 1 && mappings.iter().all(feeds), format!("{mappings:?}"))
}
