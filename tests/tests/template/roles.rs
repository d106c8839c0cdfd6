//! Who may do what.

use crate::rules;
use crate::template::{properties, resources, several, target, unless};
use serde_json::Value;
use std::collections::BTreeSet;

/// The two actions that know no resource (AWS service authorization reference, "AWS X-Ray").
const TRACING: [&str; 2] = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"];

/// What each function may do, to what. Reading the table's every action from here is the point: a new one is a decision.
const ALLOWED: [(&str, &[(&str, &str)]); 6] = [
    (
        "PurchaseCheckFunction",
        &[
            ("dynamodb:ConditionCheckItem", "Table"),
            ("dynamodb:DeleteItem", "Table"),
            ("dynamodb:GetItem", "Table"),
            ("dynamodb:PutItem", "Table"),
            ("dynamodb:Query", "Table"),
            ("dynamodb:Query", "Table/index/by_time"),
            ("dynamodb:UpdateItem", "Table"),
            ("logs:CreateLogStream", "PurchaseCheckLogs"),
            ("logs:PutLogEvents", "PurchaseCheckLogs"),
            ("secretsmanager:GetSecretValue", "PersonaApiKeyArn"),
            ("sqs:SendMessage", "PurchaseQueue"),
        ],
    ),
    (
        "PersonaWebhookFunction",
        &[
            ("dynamodb:ConditionCheckItem", "Table"),
            ("dynamodb:GetItem", "Table"),
            ("dynamodb:PutItem", "Table"),
            ("dynamodb:Query", "Table"),
            ("dynamodb:UpdateItem", "Table"),
            ("logs:CreateLogStream", "PersonaWebhookLogs"),
            ("logs:PutLogEvents", "PersonaWebhookLogs"),
            ("secretsmanager:GetSecretValue", "PersonaApiKeyArn"),
            ("secretsmanager:GetSecretValue", "PersonaWebhookSecretsArn"),
            ("sqs:SendMessage", "PurchaseQueue"),
        ],
    ),
    (
        "PurchaseCompletionFunction",
        &[
            ("dynamodb:ConditionCheckItem", "Table"),
            ("dynamodb:DeleteItem", "Table"),
            ("dynamodb:GetItem", "Table"),
            ("dynamodb:PutItem", "Table"),
            ("dynamodb:Query", "Table"),
            ("dynamodb:UpdateItem", "Table"),
            ("logs:CreateLogStream", "PurchaseCompletionLogs"),
            ("logs:PutLogEvents", "PurchaseCompletionLogs"),
            ("secretsmanager:GetSecretValue", "TwilioAuthTokenArn"),
            ("sqs:ChangeMessageVisibility", "PurchaseQueue"),
            ("sqs:DeleteMessage", "PurchaseQueue"),
            ("sqs:GetQueueAttributes", "PurchaseQueue"),
            ("sqs:ReceiveMessage", "PurchaseQueue"),
        ],
    ),
    (
        "SweeperFunction",
        &[
            ("dynamodb:ConditionCheckItem", "Table"),
            ("dynamodb:DeleteItem", "Table"),
            ("dynamodb:GetItem", "Table"),
            ("dynamodb:PutItem", "Table"),
            ("dynamodb:Query", "Table"),
            ("dynamodb:Query", "Table/index/due"),
            ("dynamodb:UpdateItem", "Table"),
            ("logs:CreateLogStream", "SweeperLogs"),
            ("logs:PutLogEvents", "SweeperLogs"),
            ("secretsmanager:GetSecretValue", "PersonaApiKeyArn"),
            ("secretsmanager:GetSecretValue", "TwilioApiKeySecretArn"),
            ("sqs:SendMessage", "PurchaseQueue"),
        ],
    ),
    (
        "PhoneVerificationFunction",
        &[
            ("dynamodb:GetItem", "Table"),
            ("dynamodb:PutItem", "Table"),
            ("dynamodb:Query", "Table"),
            ("logs:CreateLogStream", "PhoneVerificationLogs"),
            ("logs:PutLogEvents", "PhoneVerificationLogs"),
            ("secretsmanager:GetSecretValue", "TwilioApiKeySecretArn"),
            ("sqs:SendMessage", "PurchaseQueue"),
        ],
    ),
    (
        "NumberSearchFunction",
        &[
            ("logs:CreateLogStream", "NumberSearchLogs"),
            ("logs:PutLogEvents", "NumberSearchLogs"),
            ("secretsmanager:GetSecretValue", "TwilioApiKeySecretArn"),
        ],
    ),
];

rules! {
    each_function_may_do_exactly_what_it_does,
        broken by "/Resources/PersonaWebhookRole/Properties/Policies/0/PolicyDocument/Statement/0/Action" = ["dynamodb:GetItem"];
    nobody_may_do_everything,
        broken by "/Resources/SweeperRole/Properties/Policies/0/PolicyDocument/Statement/0/Action" = "dynamodb:*";
    nobody_may_touch_everything,
        broken by "/Resources/SweeperRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource" = "*";
    no_policy_is_written_by_others,
        broken by "/Resources/SweeperRole/Properties/ManagedPolicyArns" = ["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"];
    each_function_has_a_role_of_its_own,
        broken by "/Resources/SweeperFunction/Properties/Role" = {"Fn::GetAtt": ["PurchaseCompletionRole", "Arn"]};
    only_the_buyer_may_read_what_can_buy,
        broken by "/Resources/SweeperRole/Properties/Policies/0/PolicyDocument/Statement/3/Resource" = {"Ref": "TwilioAuthTokenArn"};
    whoever_searches_may_touch_neither_table_nor_queue,
        broken by "/Resources/NumberSearchRole/Properties/Policies/0/PolicyDocument/Statement/1/Action" = ["dynamodb:GetItem"];
    only_the_webhook_may_read_the_signing_secrets,
        broken by "/Resources/PurchaseCheckRole/Properties/Policies/0/PolicyDocument/Statement/3/Resource" = {"Ref": "PersonaWebhookSecretsArn"};
    only_the_buyer_takes_messages_and_it_sends_none,
        broken by "/Resources/SweeperRole/Properties/Policies/0/PolicyDocument/Statement/2/Action" = "sqs:ReceiveMessage";
    roles_are_for_services_alone,
        broken by "/Resources/SweeperRole/Properties/AssumeRolePolicyDocument/Statement/0/Principal" = {"AWS": "*"};
}

/// Every action of a role with what it may be done to. The policies of SAM's own roles count too.
fn allowed<'t>(template: &'t Value, role: &str) -> Vec<(&'t str, String)> {
    let policies = several(&properties(template, role)["Policies"]).into_iter();
    let statements = policies.flat_map(|policy| several(&policy["PolicyDocument"]["Statement"]));
    let pairs = statements.flat_map(|statement| {
        several(&statement["Action"]).into_iter().flat_map(|action| {
            let action = action.as_str().unwrap_or_default();
            several(&statement["Resource"]).into_iter().map(move |resource| (action, described(resource)))
        })
    });
    pairs.collect()
}

/// A resource in short: the logical name or parameter, with an index's path behind it.
fn described(resource: &Value) -> String {
    let name = target(resource).map_or_else(|| resource.as_str().unwrap_or("?").to_owned(), str::to_owned);
    let path = resource["Fn::Sub"].as_str().and_then(|arn| arn.split_once('}')).map_or("", |(_, path)| path);
    name + path
}

fn role_of<'t>(template: &'t Value, function: &str) -> &'t str {
    target(&properties(template, function)["Role"]).unwrap_or("nothing")
}

fn each_function_may_do_exactly_what_it_does(template: &Value) -> Vec<String> {
    let differing = ALLOWED.iter().flat_map(|(function, wanted)| {
        let wanted: BTreeSet<(&str, String)> =
            wanted.iter().map(|(action, what)| (*action, (*what).to_owned())).collect();
        let tracing = TRACING.map(|action| (action, "*".to_owned()));
        let wanted = wanted.into_iter().chain(tracing).collect::<BTreeSet<_>>();
        let found: BTreeSet<(&str, String)> = allowed(template, role_of(template, function)).into_iter().collect();
        found.symmetric_difference(&wanted).map(|pair| format!("{function}: {pair:?}")).collect::<Vec<_>>()
    });
    differing.collect()
}

/// Every action in the template that meets a condition, with its role.
fn actions_where(template: &Value, meets: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let roles = resources(template, "AWS::IAM::Role").into_iter();
    let actions = roles.flat_map(|(role, _)| allowed(template, role).into_iter().map(move |pair| (role, pair)));
    actions
        .filter(|(_, (action, what))| meets(action, what))
        .map(|(role, (action, what))| format!("{role}: {action} on {what}"))
        .collect()
}

fn nobody_may_do_everything(template: &Value) -> Vec<String> {
    actions_where(template, |action, _| action.contains('*'))
}

fn nobody_may_touch_everything(template: &Value) -> Vec<String> {
    actions_where(template, |action, what| what.contains('*') && !TRACING.contains(&action))
}

fn no_policy_is_written_by_others(template: &Value) -> Vec<String> {
    let kinds = ["AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"];
    let others = kinds.into_iter().flat_map(|kind| resources(template, kind)).map(|(name, _)| name.to_owned());
    let managed = resources(template, "AWS::IAM::Role")
        .into_iter()
        .filter(|(_, role)| !several(&role["ManagedPolicyArns"]).is_empty())
        .map(|(name, _)| name.to_owned());
    others.chain(managed).collect()
}

fn each_function_has_a_role_of_its_own(template: &Value) -> Vec<String> {
    let functions = resources(template, "AWS::Lambda::Function");
    let roles: BTreeSet<&str> = functions.iter().filter_map(|(_, function)| target(&function["Role"])).collect();
    unless(roles.len() == functions.len(), format!("{} functions share {roles:?}", functions.len()))
}

fn only_the_buyer_may_read_what_can_buy(template: &Value) -> Vec<String> {
    let readers = actions_where(template, |_, what| what.starts_with("TwilioAuthTokenArn"));
    unless(
        readers == ["PurchaseCompletionRole: secretsmanager:GetSecretValue on TwilioAuthTokenArn"],
        readers.join(", "),
    )
}

fn only_the_webhook_may_read_the_signing_secrets(template: &Value) -> Vec<String> {
    let readers = actions_where(template, |_, what| what.starts_with("PersonaWebhookSecretsArn"));
    unless(
        readers == ["PersonaWebhookRole: secretsmanager:GetSecretValue on PersonaWebhookSecretsArn"],
        readers.join(", "),
    )
}

fn whoever_searches_may_touch_neither_table_nor_queue(template: &Value) -> Vec<String> {
    let searcher = role_of(template, "NumberSearchFunction");
    allowed(template, searcher)
        .into_iter()
        .filter(|(action, _)| action.starts_with("dynamodb:") || action.starts_with("sqs:"))
        .map(|(action, what)| format!("{action} on {what}"))
        .collect()
}

fn only_the_buyer_takes_messages_and_it_sends_none(template: &Value) -> Vec<String> {
    let takers = actions_where(template, |action, _| action == "sqs:ReceiveMessage");
    let senders = actions_where(template, |action, _| action == "sqs:SendMessage");
    let buyer = |line: &String| line.starts_with("PurchaseCompletionRole:");
    let wrong_takers = takers.into_iter().filter(|line| !buyer(line));
    wrong_takers.chain(senders.into_iter().filter(buyer)).collect()
}

fn roles_are_for_services_alone(template: &Value) -> Vec<String> {
    let known = |service: &Value| *service == "lambda.amazonaws.com" || *service == "scheduler.amazonaws.com";
    resources(template, "AWS::IAM::Role")
        .into_iter()
        .filter(|(_, role)| {
            let statements = several(&role["AssumeRolePolicyDocument"]["Statement"]);
            !statements.into_iter().all(|statement| {
                let services = several(&statement["Principal"]["Service"]);
                !services.is_empty() && services.into_iter().all(known)
            })
        })
        .map(|(name, _)| name.to_owned())
        .collect()
}
