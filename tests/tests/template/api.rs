//! The HTTP API.

use crate::rules;
use crate::template::{properties, resources, target, unless};
use purchase_check::Route;
use serde_json::Value;
use std::collections::BTreeSet;

/// The only route that needs no token: Persona signs instead.
const WEBHOOK: &str = "POST /v1/webhooks/persona";

/// Every route, the function behind it and the scope that it asks for, as the functions' own code has them.
fn routes() -> impl Iterator<Item = (&'static str, &'static str, Option<&'static str>)> {
    let checked = Route::ALL.into_iter().map(|route| (route.key(), "PurchaseCheckFunction", Some(route.scope())));
    let search = (number_search::ROUTE, "NumberSearchFunction", Some(number_search::SCOPE));
    let phone = phone_verification::Route::ALL.into_iter();
    let phones = phone.map(|route| (route.key(), "PhoneVerificationFunction", Some(route.scope())));
    checked.chain(phones).chain([search, (WEBHOOK, "PersonaWebhookFunction", None)])
}

/// Access-log variables that could tie a person to a request.
const PERSONAL: [&str; 6] = ["identity", "path", "claims", "requestOverride", "domainName", "extendedRequestId"];

rules! {
    every_route_but_the_webhook_asks_for_a_token,
        broken by "/Resources/ReadPurchaseRoute/Properties/AuthorizationType" = "NONE";
    tokens_are_checked_by_the_authorizer,
        broken by "/Resources/CancelPurchaseRoute/Properties/AuthorizerId" = null;
    routes_lead_where_they_should,
        broken by "/Resources/PersonaWebhookRoute/Properties/Target" = {"Fn::Sub": "integrations/${PurchaseCheckIntegration}"};
    routes_ask_for_their_scope,
        broken by "/Resources/RequestPurchaseRoute/Properties/AuthorizationScopes" = ["purchases:read"];
    issuer_and_audience_come_from_parameters,
        broken by "/Resources/CallerAuthorizer/Properties/JwtConfiguration/Audience" = [];
    every_integrated_function_may_be_invoked_by_this_api_alone,
        broken by "/Resources/PersonaWebhookPermission/Properties/SourceArn" = null;
    every_routes_path_is_in_a_permission_of_its_function,
        broken by "/Resources/PurchaseCheckOperatorPermission/Properties/SourceArn" = {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/v1/elsewhere/*"};
    no_permission_is_for_everybody,
        broken by "/Resources/PurchaseCheckPermission/Properties/Principal" = "*";
    the_default_stage_throttles,
        broken by "/Resources/DefaultStage/Properties/DefaultRouteSettings/ThrottlingRateLimit" = null;
    access_logs_name_no_person,
        broken by "/Resources/DefaultStage/Properties/AccessLogSettings/Format" = "$context.identity.sourceIp";
    requests_keep_the_format_that_the_functions_read,
        broken by "/Resources/PurchaseCheckIntegration/Properties/PayloadFormatVersion" = "1.0";
    routes_are_resources_of_their_own,
        broken by "/Resources/Api/Properties/Body" = {"openapi": "3.0.1"};
    other_origins_are_allowed_by_parameter_alone,
        broken by "/Resources/Api/Properties/CorsConfiguration/Fn::If/1/AllowOrigins" = ["*"];
}

fn every_route_but_the_webhook_asks_for_a_token(template: &Value) -> Vec<String> {
    let routes = resources(template, "AWS::ApiGatewayV2::Route");
    let open =
        routes.iter().filter(|(_, route)| route["AuthorizationType"] != "JWT").map(|(_, route)| &route["RouteKey"]);
    let open: Vec<&Value> = open.collect();
    unless(open == [WEBHOOK], format!("open to everybody: {open:?}"))
}

fn tokens_are_checked_by_the_authorizer(template: &Value) -> Vec<String> {
    let routes = resources(template, "AWS::ApiGatewayV2::Route").into_iter();
    let checked = routes.filter(|(_, route)| route["RouteKey"] != WEBHOOK);
    checked
        .filter(|(_, route)| target(&route["AuthorizerId"]) != Some("CallerAuthorizer"))
        .map(|(name, _)| format!("{name} has no authorizer"))
        .collect()
}

fn routes_lead_where_they_should(template: &Value) -> Vec<String> {
    let found: BTreeSet<(String, String)> = resources(template, "AWS::ApiGatewayV2::Route")
        .into_iter()
        .map(|(_, route)| {
            let integration = target(&route["Target"]).unwrap_or("nothing");
            let function = target(&properties(template, integration)["IntegrationUri"]).unwrap_or("nothing");
            (route["RouteKey"].as_str().unwrap_or_default().to_owned(), function.to_owned())
        })
        .collect();
    let wanted = routes().map(|(route, function, _)| (route.to_owned(), function.to_owned())).collect();
    let differing: Vec<_> = found.symmetric_difference(&wanted).collect();
    unless(differing.is_empty(), format!("{differing:?}"))
}

fn routes_ask_for_their_scope(template: &Value) -> Vec<String> {
    let scope_of = |key: &Value| routes().find(|(route, ..)| key == route).and_then(|(.., scope)| scope);
    resources(template, "AWS::ApiGatewayV2::Route")
        .into_iter()
        .filter(|(_, route)| {
            let scopes: Vec<&str> =
                route["AuthorizationScopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            scopes != Vec::from_iter(scope_of(&route["RouteKey"]))
        })
        .map(|(name, route)| format!("{name} asks for {}", route["AuthorizationScopes"]))
        .collect()
}

fn issuer_and_audience_come_from_parameters(template: &Value) -> Vec<String> {
    let authorizer = properties(template, "CallerAuthorizer");
    let jwt = &authorizer["JwtConfiguration"];
    let issuer = target(&jwt["Issuer"]) == Some("JwtIssuer");
    let audience = jwt["Audience"].as_array().is_some_and(|list| list.len() == 1)
        && target(&jwt["Audience"][0]) == Some("JwtAudience");
    unless(authorizer["AuthorizerType"] == "JWT" && issuer && audience, format!("{authorizer}"))
}

fn every_integrated_function_may_be_invoked_by_this_api_alone(template: &Value) -> Vec<String> {
    let permissions = resources(template, "AWS::Lambda::Permission");
    let permitted = |function: &str| {
        permissions.iter().any(|(_, permission)| {
            target(&permission["FunctionName"]) == Some(function)
                && permission["Principal"] == "apigateway.amazonaws.com"
                && permission["SourceArn"]["Fn::Sub"].as_str().is_some_and(|arn| arn.contains(":${Api}/"))
        })
    };
    let integrations = resources(template, "AWS::ApiGatewayV2::Integration").into_iter();
    integrations
        .filter(|(_, integration)| !target(&integration["IntegrationUri"]).is_some_and(permitted))
        .map(|(name, _)| format!("{name} may not invoke its function, or others may"))
        .collect()
}

/// The gateway answers 500 on a route for which it may not invoke the function; the emulator does not mind.
fn every_routes_path_is_in_a_permission_of_its_function(template: &Value) -> Vec<String> {
    let permissions = resources(template, "AWS::Lambda::Permission");
    let permitted = |function: &str, path: &str| {
        permissions.iter().any(|(_, permission)| {
            let arn = permission["SourceArn"]["Fn::Sub"].as_str().unwrap_or_default();
            // What follows `…:${Api}/stage/method` is the path, with `*` for any characters.
            let allowed = arn.split_once(":${Api}/").map_or("", |(_, rest)| rest).splitn(3, '/').nth(2).unwrap_or("");
            let covers = match allowed.strip_suffix('*') {
                Some(start) => path.trim_start_matches('/').starts_with(start),
                None => path.trim_start_matches('/') == allowed,
            };
            target(&permission["FunctionName"]) == Some(function) && covers
        })
    };
    routes()
        .filter(|(route, function, _)| !route.split_once(' ').is_some_and(|(_, path)| permitted(function, path)))
        .map(|(route, function, _)| format!("{route}: {function} may not be invoked for it"))
        .collect()
}

fn no_permission_is_for_everybody(template: &Value) -> Vec<String> {
    resources(template, "AWS::Lambda::Permission")
        .into_iter()
        .filter(|(_, permission)| permission["Principal"] == "*" || permission["SourceArn"].is_null())
        .map(|(name, permission)| format!("{name}: {permission}"))
        .collect()
}

fn the_default_stage_throttles(template: &Value) -> Vec<String> {
    let stage = properties(template, "DefaultStage");
    let settings = &stage["DefaultRouteSettings"];
    let throttles = !settings["ThrottlingRateLimit"].is_null() && !settings["ThrottlingBurstLimit"].is_null();
    unless(stage["StageName"] == "$default" && throttles, format!("{stage}"))
}

fn access_logs_name_no_person(template: &Value) -> Vec<String> {
    let settings = &properties(template, "DefaultStage")["AccessLogSettings"];
    let Some(format) = settings["Format"].as_str() else {
        return vec!["there are no access logs".to_owned()];
    };
    PERSONAL.into_iter().filter(|word| format.contains(&format!("$context.{word}"))).map(str::to_owned).collect()
}

fn requests_keep_the_format_that_the_functions_read(template: &Value) -> Vec<String> {
    resources(template, "AWS::ApiGatewayV2::Integration")
        .into_iter()
        .filter(|(_, integration)| {
            integration["PayloadFormatVersion"] != "2.0" || integration["IntegrationType"] != "AWS_PROXY"
        })
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn routes_are_resources_of_their_own(template: &Value) -> Vec<String> {
    // A body would replace the routes on AWS and be ignored by the emulator.
    let apis = resources(template, "AWS::ApiGatewayV2::Api");
    unless(apis.len() == 1 && apis.iter().all(|(_, api)| api["Body"].is_null()), "the API has a body")
}

fn other_origins_are_allowed_by_parameter_alone(template: &Value) -> Vec<String> {
    let origins = &properties(template, "Api")["CorsConfiguration"]["Fn::If"][1]["AllowOrigins"];
    unless(target(origins) == Some("AllowedOrigins"), format!("{origins}"))
}
