//! Logs, alarms, the schedule and the settings.

use crate::rules;
use crate::template::{properties, resources, several, target, unless};
use serde_json::Value;
use std::collections::BTreeSet;

rules! {
    every_function_logs_into_a_group_that_forgets, broken by "/Resources/SweeperLogs/Properties/RetentionInDays" = null;
    a_function_waits_for_its_log_group, broken by "/Resources/SweeperFunction/DependsOn" = null;
    dead_letters_raise_an_alarm,
        broken by "/Resources/DeadLettersAlarm/Properties/Dimensions/0/Value" = {"Fn::GetAtt": ["PurchaseQueue", "QueueName"]};
    waiting_messages_raise_an_alarm, broken by "/Resources/OldestMessageAlarm/Properties/MetricName" = "NumberOfMessagesSent";
    every_function_raises_an_alarm_when_it_fails,
        broken by "/Resources/SweeperErrorsAlarm/Properties/Dimensions/0/Value" = {"Ref": "PurchaseCheckFunction"};
    what_needs_a_person_is_counted_from_the_logs, broken by "/Resources/OrphanMetric/Properties/FilterPattern" = "orphan";
    passcodes_are_counted_by_country, broken by "/Resources/PhoneRefusedMetric" = null;
    no_metric_has_dimensions_and_a_default,
        broken by "/Resources/PhoneSentMetric/Properties/MetricTransformations/0/DefaultValue" = 0;
    every_counted_metric_raises_an_alarm, broken by "/Resources/DriftAlarm/Properties/MetricName" = "something";
    every_alarm_can_notify_somebody, broken by "/Resources/HeldAlarm/Properties/AlarmActions" = null;
    the_sweep_runs_every_minute,
        broken by "/Resources/SweeperFunctionEveryMinute/Properties/ScheduleExpression" = "rate(1 minutes)";
    the_schedule_is_named_after_its_stack, broken by "/Resources/SweeperFunctionEveryMinute/Properties/Name" = "sweep";
    a_missed_sweep_is_not_made_up_for,
        broken by "/Resources/SweeperFunctionEventInvokeConfig/Properties/MaximumRetryAttempts" = 2;
    every_number_has_a_default_within_its_range, broken by "/Parameters/LeaseSeconds/Default" = 91;
    every_setting_is_explained, broken by "/Parameters/LeaseSeconds/Description" = null;
    no_secret_has_a_default, broken by "/Parameters/TwilioAuthTokenArn/Default" = "arn:aws:secretsmanager:us-east-1:1:secret:x";
    names_belong_to_the_stack, broken by "/Resources/SweeperFunction/Properties/FunctionName" = "sweeper";
}

fn every_function_logs_into_a_group_that_forgets(template: &Value) -> Vec<String> {
    let groups = resources(template, "AWS::Logs::LogGroup");
    let endless =
        groups.iter().filter(|(_, group)| group["RetentionInDays"].is_null()).map(|(name, _)| (*name).to_owned());
    let functions = resources(template, "AWS::Lambda::Function").into_iter();
    let without = functions.filter(|(_, function)| {
        let wanted = format!("/aws/lambda/{}", function["FunctionName"]["Fn::Sub"].as_str().unwrap_or_default());
        !groups.iter().any(|(_, group)| group["LogGroupName"]["Fn::Sub"] == wanted)
    });
    endless.chain(without.map(|(name, _)| name.to_owned())).collect()
}

fn a_function_waits_for_its_log_group(template: &Value) -> Vec<String> {
    resources(template, "AWS::Lambda::Function")
        .into_iter()
        .filter(|(name, _)| template["Resources"][name]["DependsOn"] != name.replace("Function", "Logs"))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Whether an alarm watches a metric of what a dimension points at.
fn watched(template: &Value, namespace: &str, metric: &str, what: &str) -> bool {
    resources(template, "AWS::CloudWatch::Alarm").iter().any(|(_, alarm)| {
        alarm["Namespace"] == namespace
            && alarm["MetricName"] == metric
            && target(&alarm["Dimensions"][0]["Value"]) == Some(what)
    })
}

fn dead_letters_raise_an_alarm(template: &Value) -> Vec<String> {
    let metric = "ApproximateNumberOfMessagesVisible";
    unless(watched(template, "AWS/SQS", metric, "DeadLetterQueue"), "nobody watches the dead letters")
}

fn waiting_messages_raise_an_alarm(template: &Value) -> Vec<String> {
    let metric = "ApproximateAgeOfOldestMessage";
    unless(watched(template, "AWS/SQS", metric, "PurchaseQueue"), "nobody watches the queue's age")
}

fn every_function_raises_an_alarm_when_it_fails(template: &Value) -> Vec<String> {
    resources(template, "AWS::Lambda::Function")
        .into_iter()
        .filter(|(name, _)| !watched(template, "AWS/Lambda", "Errors", name))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The metrics that need a person, and the log lines that count as one: the functions' JSON field `metric` names it.
const COUNTED: [(&str, &str); 18] = [
    ("name_mismatch", "{ $.metric = \"name_mismatch\" }"),
    ("names_not_compared", "{ $.metric = \"names_not_compared\" }"),
    ("held", "{ $.metric = \"held\" }"),
    ("orphan", "{ ($.metric = \"held\") && ($.orphan IS TRUE) }"),
    ("carrier_unauthorised", "{ $.metric = \"carrier_unauthorised\" }"),
    ("account_restricted", "{ $.metric = \"account_restricted\" }"),
    ("persona_refused", "{ $.metric = \"persona_refused\" }"),
    ("webhook_secrets_unread", "{ $.metric = \"webhook_secrets_unread\" }"),
    ("search_unauthorised", "{ $.metric = \"carrier_unauthorised\" }"),
    ("conversion_low", "{ $.metric = \"conversion_low\" }"),
    ("verify_misconfigured", "{ ($.metric = \"verify_misconfigured\") || ($.metric = \"lookup_unauthorised\") }"),
    ("drift", "{ $.metric = \"drift\" }"),
    ("unmapped_inquiry", "{ $.metric = \"unmapped_inquiry\" }"),
    ("bug", "{ $.metric = \"bug\" }"),
    ("sweep_late", "{ $.metric = \"sweep_late\" }"),
    ("poll_backlog", "{ $.metric = \"poll_backlog\" }"),
    ("persona_busy", "{ $.metric = \"persona_busy\" }"),
    ("persona_unanswered", "{ $.metric = \"persona_unanswered\" }"),
];

/// The metrics that only tell, each with the log lines that count, what each of them counts, and the fields by which they
/// are told apart.
const TOLD: [(&str, &str, &str, &[&str]); 8] = [
    ("phone_sent", "{ $.metric = \"phone_sent\" }", "1", &["country", "channel"]),
    ("phone_checked", "{ $.metric = \"phone_checked\" }", "1", &["country", "channel"]),
    ("phone_approved", "{ $.metric = \"phone_approved\" }", "1", &["country", "channel"]),
    (
        "phone_conversion_percent",
        "{ ($.metric = \"phone_sent\") && ($.conversion_percent >= 0) }",
        "$.conversion_percent",
        &["country", "channel"],
    ),
    ("passcode_sent_microdollars", "{ $.metric = \"phone_sent\" }", COST, &["country", "channel"]),
    ("passcode_answered_microdollars", "{ $.metric = \"phone_approved\" }", COST, &["country", "channel"]),
    ("phone_refused", "{ $.metric = \"phone_refused\" }", "1", &["country", "why"]),
    (
        "phone_vendor_unavailable",
        "{ ($.metric = \"lookup_unavailable\") || ($.metric = \"verify_unavailable\") }",
        "1",
        &[],
    ),
];

/// What a message is estimated to cost, or the one that was answered.
const COST: &str = "$.cost_microdollars";

fn passcodes_are_counted_by_country(template: &Value) -> Vec<String> {
    let filters = resources(template, "AWS::Logs::MetricFilter");
    let counted = |metric: &str, pattern: &str, value: &str, fields: &[&str]| {
        filters.iter().any(|(_, filter)| {
            let transformation = &filter["MetricTransformations"][0];
            let told_by = several(&transformation["Dimensions"]);
            filter["LogGroupName"]["Ref"] == "PhoneVerificationLogs"
                && filter["FilterPattern"] == pattern
                && transformation["MetricName"] == metric
                && transformation["MetricValue"] == value
                && told_by.len() == fields.len()
                && fields
                    .iter()
                    .zip(told_by)
                    .all(|(field, dimension)| dimension["Key"] == *field && dimension["Value"] == format!("$.{field}"))
        })
    };
    TOLD.into_iter()
        .filter(|(metric, pattern, value, fields)| !counted(metric, pattern, value, fields))
        .map(|(metric, ..)| metric.to_owned())
        .collect()
}

/// CloudWatch refuses such a filter.
fn no_metric_has_dimensions_and_a_default(template: &Value) -> Vec<String> {
    resources(template, "AWS::Logs::MetricFilter")
        .into_iter()
        .filter(|(_, filter)| {
            let transformation = &filter["MetricTransformations"][0];
            !transformation["Dimensions"].is_null() && !transformation["DefaultValue"].is_null()
        })
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn what_needs_a_person_is_counted_from_the_logs(template: &Value) -> Vec<String> {
    let filters = resources(template, "AWS::Logs::MetricFilter");
    let counted = |metric: &str, pattern: &str| {
        filters.iter().any(|(_, filter)| {
            filter["FilterPattern"] == pattern && filter["MetricTransformations"][0]["MetricName"] == metric
        })
    };
    COUNTED
        .into_iter()
        .filter(|(metric, pattern)| !counted(metric, pattern))
        .map(|(metric, _)| metric.to_owned())
        .collect()
}

fn every_counted_metric_raises_an_alarm(template: &Value) -> Vec<String> {
    let alarms = resources(template, "AWS::CloudWatch::Alarm");
    let watched: BTreeSet<&str> = alarms.iter().filter_map(|(_, alarm)| alarm["MetricName"].as_str()).collect();
    resources(template, "AWS::Logs::MetricFilter")
        .into_iter()
        .filter_map(|(_, filter)| filter["MetricTransformations"][0]["MetricName"].as_str())
        .filter(|metric| !watched.contains(metric) && !TOLD.iter().any(|(told, ..)| told == metric))
        .map(str::to_owned)
        .collect()
}

fn every_alarm_can_notify_somebody(template: &Value) -> Vec<String> {
    resources(template, "AWS::CloudWatch::Alarm")
        .into_iter()
        .filter(|(_, alarm)| alarm["AlarmActions"]["Fn::If"][0] != "HasAlarmTopic")
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn schedule(template: &Value) -> &Value {
    properties(template, "SweeperFunctionEveryMinute")
}

fn the_sweep_runs_every_minute(template: &Value) -> Vec<String> {
    let schedule = schedule(template);
    let sweeps = target(&schedule["Target"]["Arn"]) == Some("SweeperFunction");
    unless(sweeps && schedule["ScheduleExpression"] == "rate(1 minute)", format!("{schedule}"))
}

fn the_schedule_is_named_after_its_stack(template: &Value) -> Vec<String> {
    let name = &schedule(template)["Name"];
    unless(name["Fn::Sub"].as_str().is_some_and(|name| name.starts_with("${AWS::StackName}-")), format!("{name}"))
}

fn a_missed_sweep_is_not_made_up_for(template: &Value) -> Vec<String> {
    let retries = &properties(template, "SweeperFunctionEventInvokeConfig")["MaximumRetryAttempts"];
    unless(
        *retries == 0 && schedule(template)["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0,
        format!("{retries}"),
    )
}

fn parameters(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    template["Parameters"].as_object().into_iter().flatten()
}

fn every_number_has_a_default_within_its_range(template: &Value) -> Vec<String> {
    let in_range = |parameter: &Value| {
        let number = |name: &str| parameter[name].as_i64();
        let listed = parameter["AllowedValues"].as_array().is_some_and(|values| values.contains(&parameter["Default"]));
        listed
            || matches!((number("MinValue"), number("Default"), number("MaxValue")),
                (Some(least), Some(default), Some(most)) if least <= default && default <= most)
    };
    parameters(template)
        .filter(|(_, parameter)| parameter["Type"] == "Number" && !in_range(parameter))
        .map(|(name, _)| name.clone())
        .collect()
}

fn every_setting_is_explained(template: &Value) -> Vec<String> {
    parameters(template)
        .filter(|(_, parameter)| parameter["Description"].is_null())
        .map(|(name, _)| name.clone())
        .collect()
}

fn no_secret_has_a_default(template: &Value) -> Vec<String> {
    let secrets = ["PersonaApiKeyArn", "PersonaWebhookSecretsArn", "TwilioAuthTokenArn", "TwilioApiKeySecretArn"];
    let by_arn = |name: &&str| {
        let parameter = &template["Parameters"][name];
        parameter["Default"].is_null()
            && parameter["AllowedPattern"].as_str().is_some_and(|arn| arn.contains("secretsmanager"))
    };
    secrets.into_iter().filter(|name| !by_arn(name)).map(str::to_owned).collect()
}

fn names_belong_to_the_stack(template: &Value) -> Vec<String> {
    let named = [("AWS::Lambda::Function", "FunctionName"), ("AWS::Logs::LogGroup", "LogGroupName")];
    let names = named.into_iter().flat_map(|(kind, property)| {
        resources(template, kind).into_iter().map(move |(name, resource)| (name, &resource[property]))
    });
    names
        .filter(|(_, given)| !given["Fn::Sub"].as_str().is_some_and(|name| name.contains("${AWS::StackName}")))
        .map(|(name, _)| format!("{name}: a second stack would take its name"))
        .collect()
}
