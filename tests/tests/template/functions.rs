//! The functions and what they are told.

use crate::rules;
use crate::template::{resources, target, unless};
use serde_json::Value;
use std::collections::BTreeSet;

/// Persona gives up after five seconds (Persona's documentation, "Webhooks").
const PERSONA_PATIENCE_S: u64 = 5;

/// API Gateway gives up on a function after thirty seconds.
const API_PATIENCE_S: u64 = 30;

/// The sweeper starts every minute.
const SWEEP_PERIOD_S: u64 = 60;

/// What every function reads.
const EVERY: [&str; 2] = ["SSL_CERT_FILE", "RUST_LOG"];

/// What each function reads besides, as its crate's settings name it.
const OWN: [(&str, &[&str]); 6] = [
    (
        "PurchaseCheckFunction",
        &[
            "TABLE_NAME",
            "PURCHASE_QUEUE_URL",
            "PERSONA_BASE_URL",
            "PERSONA_TEMPLATE_ID",
            "PERSONA_API_KEY_ARN",
            "PERSONA_TIMEOUT_MS",
            "PERSONA_REQUESTS_PER_MINUTE",
            "ACCEPTED_STATUSES",
            "ATTEMPT_LIMIT",
            "PHONE_POLICY",
            "PHONE_REQUIRED",
            "NAME_MATCH",
            "GATE_NON_GEOGRAPHIC",
            "GATE_US_TERRITORIES",
            "GATED_ACTIONS",
            "PURCHASE_WAIT_S",
            "SWEEP_STEP_S",
            "POLL_AGE_S",
        ],
    ),
    (
        "PersonaWebhookFunction",
        &[
            "TABLE_NAME",
            "PURCHASE_QUEUE_URL",
            "PERSONA_BASE_URL",
            "PERSONA_TEMPLATE_ID",
            "PERSONA_API_KEY_ARN",
            "PERSONA_WEBHOOK_SECRETS_ARN",
            "PERSONA_TIMEOUT_MS",
            "ACCEPTED_STATUSES",
            "ATTEMPT_LIMIT",
            "PHONE_POLICY",
            "NAME_MATCH",
            "WEBHOOK_TOLERANCE_S",
            "SWEEP_STEP_S",
            "POLL_AGE_S",
        ],
    ),
    (
        "PurchaseCompletionFunction",
        &[
            "TABLE_NAME",
            "GATE_NON_GEOGRAPHIC",
            "GATE_US_TERRITORIES",
            "GATED_ACTIONS",
            "TWILIO_API_BASE_URL",
            "TWILIO_ACCOUNT_SID",
            "TWILIO_AUTH_TOKEN_ARN",
            "TWILIO_TIMEOUT_MS",
            "LEASE_S",
            "SWEEP_STEP_S",
            "SETTLE_AFTER_S",
            "SETTLE_GAP_S",
        ],
    ),
    (
        "SweeperFunction",
        &[
            "TABLE_NAME",
            "PURCHASE_QUEUE_URL",
            "PERSONA_BASE_URL",
            "PERSONA_TEMPLATE_ID",
            "PERSONA_API_KEY_ARN",
            "PERSONA_TIMEOUT_MS",
            "ACCEPTED_STATUSES",
            "ATTEMPT_LIMIT",
            "PHONE_POLICY",
            "NAME_MATCH",
            "TWILIO_LOOKUPS_BASE_URL",
            "TWILIO_LOOKUP_TIMEOUT_MS",
            "TWILIO_API_KEY_SID",
            "TWILIO_API_KEY_SECRET_ARN",
            "SWEEP_STEP_S",
            "POLL_AGE_S",
            "EXPIRY_GRACE_S",
        ],
    ),
    (
        "PhoneVerificationFunction",
        &[
            "TABLE_NAME",
            "PURCHASE_QUEUE_URL",
            "TWILIO_LOOKUPS_BASE_URL",
            "TWILIO_LOOKUP_TIMEOUT_MS",
            "TWILIO_VERIFY_BASE_URL",
            "TWILIO_VERIFY_SERVICE_SID",
            "TWILIO_VERIFY_RATE_LIMITS",
            "TWILIO_TIMEOUT_MS",
            "TWILIO_API_KEY_SID",
            "TWILIO_API_KEY_SECRET_ARN",
            "PHONE_POLICY",
            "PHONE_HOME_COUNTRIES",
            "PHONE_BLOCKED_COUNTRIES",
            "PHONE_REQUIRED",
            "NAME_MATCH",
        ],
    ),
    (
        "NumberSearchFunction",
        &[
            "TWILIO_API_BASE_URL",
            "TWILIO_ACCOUNT_SID",
            "TWILIO_API_KEY_SID",
            "TWILIO_API_KEY_SECRET_ARN",
            "TWILIO_SEARCH_TIMEOUT_MS",
            "GATE_NON_GEOGRAPHIC",
            "GATE_US_TERRITORIES",
        ],
    ),
];

rules! {
    each_function_gets_what_it_reads_and_no_more,
        broken by "/Resources/SweeperFunction/Properties/Environment/Variables/EXPIRY_GRACE_S" = null;
    no_function_gets_what_is_meant_for_another,
        broken by "/Resources/PurchaseCheckFunction/Properties/Environment/Variables/TWILIO_AUTH_TOKEN_ARN" = {"Ref": "TwilioAuthTokenArn"};
    no_secret_stands_in_an_environment,
        broken by "/Resources/PersonaWebhookFunction/Properties/Environment/Variables/PERSONA_API_KEY_ARN" = "persona_sandbox_1";
    functions_end_before_their_callers_lose_patience,
        broken by "/Resources/PersonaWebhookFunction/Properties/Timeout" = 6;
    requests_to_persona_fit_into_the_functions_that_wait_for_them,
        broken by "/Resources/PersonaWebhookFunction/Properties/Environment/Variables/PERSONA_TIMEOUT_MS/Ref" = "PersonaTimeoutMilliseconds";
    functions_are_small_binaries_on_amazon_linux,
        broken by "/Resources/SweeperFunction/Properties/Runtime" = "provided.al2";
    functions_run_on_arm_unless_told_otherwise, broken by "/Parameters/Architecture/Default" = "x86_64";
    functions_are_traced, broken by "/Resources/PurchaseCompletionFunction/Properties/TracingConfig/Mode" = "PassThrough";
    each_function_is_built_from_the_crate_of_its_name,
        broken by "/Resources/SweeperFunction/Properties/Code/S3Key" = "target/lambda/purchase-check/";
}

fn variables(function: &Value) -> impl Iterator<Item = (&String, &Value)> {
    function["Environment"]["Variables"].as_object().into_iter().flatten()
}

fn each_function_gets_what_it_reads_and_no_more(template: &Value) -> Vec<String> {
    let functions = resources(template, "AWS::Lambda::Function");
    let differing = functions.iter().flat_map(|(name, function)| {
        let own = OWN.iter().find(|(owner, _)| owner == name).map_or(&[][..], |(_, own)| own);
        let wanted: BTreeSet<&str> = EVERY.iter().chain(own).copied().collect();
        let found: BTreeSet<&str> = variables(function).map(|(variable, _)| variable.as_str()).collect();
        found.symmetric_difference(&wanted).map(|variable| format!("{name}: {variable}")).collect::<Vec<_>>()
    });
    differing.chain(unless(functions.len() == OWN.len(), "another number of functions")).collect()
}

fn no_function_gets_what_is_meant_for_another(template: &Value) -> Vec<String> {
    let owners: [(&str, &[&str]); 3] = [
        ("TWILIO_AUTH_", &["PurchaseCompletionFunction"]),
        ("TWILIO_API_KEY_", &["NumberSearchFunction", "PhoneVerificationFunction", "SweeperFunction"]),
        ("PERSONA_WEBHOOK_", &["PersonaWebhookFunction"]),
    ];
    let functions = resources(template, "AWS::Lambda::Function");
    let given = functions.iter().flat_map(|(name, function)| variables(function).map(move |(given, _)| (*name, given)));
    given
        .filter(|(name, given)| {
            owners.iter().any(|(prefix, owners)| given.starts_with(prefix) && !owners.contains(name))
        })
        .map(|(name, given)| format!("{name}: {given}"))
        .collect()
}

fn no_secret_stands_in_an_environment(template: &Value) -> Vec<String> {
    // A key's id is its user name, and no secret.
    let names_secret = |name: &str| {
        !name.ends_with("_SID") && ["KEY", "SECRET", "TOKEN", "PASSWORD"].iter().any(|word| name.contains(word))
    };
    let functions = resources(template, "AWS::Lambda::Function");
    let secrets = functions.iter().flat_map(|(function, settings)| {
        variables(settings).filter(|(name, _)| names_secret(name)).map(move |found| (*function, found))
    });
    secrets
        .filter(|(_, (name, value))| {
            !name.ends_with("_ARN") || !target(value).is_some_and(|parameter| parameter.ends_with("Arn"))
        })
        .map(|(function, (name, _))| format!("{function}: {name}"))
        .collect()
}

fn functions_end_before_their_callers_lose_patience(template: &Value) -> Vec<String> {
    let limits = [
        ("PersonaWebhookFunction", PERSONA_PATIENCE_S),
        ("PurchaseCheckFunction", API_PATIENCE_S - 1),
        ("NumberSearchFunction", API_PATIENCE_S - 1),
        ("PhoneVerificationFunction", API_PATIENCE_S - 1),
        ("SweeperFunction", SWEEP_PERIOD_S - 1),
    ];
    let timeout_s = |name: &str| template["Resources"][name]["Properties"]["Timeout"].as_u64().unwrap_or(u64::MAX);
    limits
        .into_iter()
        .filter(|(name, limit_s)| timeout_s(name) > *limit_s)
        .map(|(name, limit_s)| format!("{name}: {} s, at most {limit_s} s", timeout_s(name)))
        .collect()
}

/// However the parameters are set: so many requests to Persona, one after the other, with a second and more for the table.
fn requests_to_persona_fit_into_the_functions_that_wait_for_them(template: &Value) -> Vec<String> {
    let functions = [("PersonaWebhookFunction", 1), ("PurchaseCheckFunction", 3)];
    let longest_ms = |name: &str| {
        let parameter =
            &template["Resources"][name]["Properties"]["Environment"]["Variables"]["PERSONA_TIMEOUT_MS"]["Ref"];
        let largest = &template["Parameters"][parameter.as_str().unwrap_or_default()]["MaxValue"];
        largest.as_u64().unwrap_or(u64::MAX / 10)
    };
    let timeout_ms = |name: &str| template["Resources"][name]["Properties"]["Timeout"].as_u64().unwrap_or(0) * 1000;
    functions
        .into_iter()
        .filter(|(name, requests)| requests * longest_ms(name) + 1000 > timeout_ms(name))
        .map(|(name, requests)| format!("{name}: {requests} requests of {} ms", longest_ms(name)))
        .collect()
}

/// What a function gets, in megabytes, and with it of a processor. The sweep's table calls need more of that.
fn memory_mb(function: &str) -> u64 {
    match function {
        "SweeperFunction" => 1024,
        _ => 256,
    }
}

fn functions_are_small_binaries_on_amazon_linux(template: &Value) -> Vec<String> {
    resources(template, "AWS::Lambda::Function")
        .into_iter()
        .filter(|(name, function)| {
            function["Runtime"] != "provided.al2023"
                || function["Handler"] != "bootstrap"
                || function["MemorySize"] != memory_mb(name)
        })
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn functions_run_on_arm_unless_told_otherwise(template: &Value) -> Vec<String> {
    let by_parameter = resources(template, "AWS::Lambda::Function")
        .into_iter()
        .all(|(_, function)| target(&function["Architectures"][0]) == Some("Architecture"));
    unless(by_parameter && template["Parameters"]["Architecture"]["Default"] == "arm64", "another architecture")
}

fn functions_are_traced(template: &Value) -> Vec<String> {
    resources(template, "AWS::Lambda::Function")
        .into_iter()
        .filter(|(_, function)| function["TracingConfig"]["Mode"] != "Active")
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn each_function_is_built_from_the_crate_of_its_name(template: &Value) -> Vec<String> {
    resources(template, "AWS::Lambda::Function")
        .into_iter()
        .filter(|(_, function)| {
            let deployed = function["FunctionName"]["Fn::Sub"].as_str().unwrap_or_default();
            let name = deployed.trim_start_matches("${AWS::StackName}-");
            function["Code"]["S3Key"] != format!("target/lambda/{name}/")
                || !local::workspace::FUNCTIONS.contains(&name)
        })
        .map(|(name, function)| format!("{name}: {}", function["Code"]))
        .collect()
}
