//! Events that are none, among them those that make `lambda_http` panic (seen with 1.3.2): always an answer.

use purchase_check::Route;
use serde_json::{Value, json};
use tests::events::{Caller, http_event, search_event};

use crate::probe::{
    OTHER, OWN, asking_with, in_a_world, refused_by_check, refused_by_search, refused_by_webhook, right_body,
    taken_by_check,
};

/// Longest path that is looked at, in bytes.
const PATH_BYTES_MAX: usize = 8 * 1024;

/// What changes nothing about a request: the gateway has matched the route, and its path parameters say about whom.
const HARMLESS: [&str; 8] = [
    "a path with a space",
    "a path with a line's end",
    "a path with a zero",
    "a path with a bracket",
    "an empty method",
    "host: \"user@evil.example\"",
    "x-forwarded-host: \"user@evil.example\"",
    "x-forwarded-host: \"host:99999999\"",
];

fn webhook() -> Value {
    http_event(persona_webhook::ROUTE, &[], &[("Persona-Signature", "t=1,v1=00")], None, "{}")
}

/// What is done to an event that is right otherwise.
fn spoilt(event: &Value) -> Vec<(String, Value)> {
    let with = |pointer: &str, value: Value| {
        let mut event = event.clone();
        let (parent, member) = pointer.rsplit_once('/').unwrap_or_default();
        event.pointer_mut(parent).expect("is there")[member] = value;
        event
    };
    let mut events = vec![
        ("an array".to_owned(), json!([event])),
        ("a text".to_owned(), json!(event.to_string())),
        ("a number".to_owned(), json!(1)),
        ("null".to_owned(), Value::Null),
        ("an empty object".to_owned(), json!({})),
        ("a message of the queue".to_owned(), json!({"Records": []})),
        ("a scheduled event".to_owned(), json!({"source": "aws.scheduler", "detail": {}})),
        ("a path of 64 KB".to_owned(), with("/rawPath", json!(format!("/{}", "a".repeat(64 * 1024))))),
        ("a path that is just too long".to_owned(), with("/rawPath", json!("/".repeat(PATH_BYTES_MAX + 1)))),
        ("a path with a space".to_owned(), with("/rawPath", json!("/v1/a b"))),
        ("a path with a line's end".to_owned(), with("/rawPath", json!("/v1/\r\nx"))),
        ("a path with a zero".to_owned(), with("/rawPath", json!("/v1/\u{0}"))),
        ("a path with a bracket".to_owned(), with("/rawPath", json!("/v1/<x>"))),
        ("a query with a space".to_owned(), with("/rawQueryString", json!("a b"))),
        ("a query with a line's end".to_owned(), with("/rawQueryString", json!("a\nb"))),
        ("no context".to_owned(), with("/requestContext", Value::Null)),
        ("an empty context".to_owned(), with("/requestContext", json!({}))),
        ("a context that is a text".to_owned(), with("/requestContext", json!("x"))),
        ("no method".to_owned(), with("/requestContext/http/method", Value::Null)),
        ("an empty method".to_owned(), with("/requestContext/http/method", json!(""))),
        ("a method with a space".to_owned(), with("/requestContext/http/method", json!("BREW TEA"))),
        ("headers that are an array".to_owned(), with("/headers", json!(["host"]))),
        ("headers that are a text".to_owned(), with("/headers", json!("host: x"))),
        ("a header that is a number".to_owned(), with("/headers/x-number", json!(1))),
        ("a header that is an object".to_owned(), with("/headers/x-object", json!({}))),
        ("a header with a line's end".to_owned(), with("/headers/x-line", json!("a\r\nb: c"))),
        ("a header's name with a space".to_owned(), with("/headers/x y", json!("z"))),
        ("a header's name outside ASCII".to_owned(), with("/headers/é", json!("z"))),
        ("an empty header's name".to_owned(), with("/headers/", json!("z"))),
        ("a body that is an object".to_owned(), with("/body", json!({"kind": "number"}))),
        ("a body that is a number".to_owned(), with("/body", json!(1))),
        ("a flag that is a text".to_owned(), with("/isBase64Encoded", json!("true"))),
        ("cookies that are a text".to_owned(), with("/cookies", json!("a=b"))),
        ("another version's path parameters".to_owned(), with("/pathParameters", json!(["sub"]))),
        ("an unknown route".to_owned(), with("/routeKey", json!("POST /v1/numbers"))),
        ("another method of a route".to_owned(), with("/routeKey", json!("PUT /v1/sub-accounts/{sub}/purchases"))),
        ("a route in another case".to_owned(), with("/routeKey", json!("post /v1/sub-accounts/{sub}/purchases"))),
        ("a route with its values".to_owned(), with("/routeKey", json!("POST /v1/sub-accounts/loc_1/purchases"))),
        ("an empty route".to_owned(), with("/routeKey", json!(""))),
    ];
    for host in [
        "a b",
        "",
        "host:port:port",
        "[::1",
        "evil.example/path",
        "user@evil.example",
        "ho\"st",
        "x\u{0}y",
        "host:99999999",
    ] {
        for header in ["host", "x-forwarded-host"] {
            events.push((format!("{header}: {host:?}"), with(&format!("/headers/{header}"), json!(host))));
        }
    }
    for scheme in ["", "ht tp", "https,http", "javascript:", "1http", "http://"] {
        events.push((format!("scheme {scheme:?}"), with("/headers/x-forwarded-proto", json!(scheme))));
    }
    for port in ["", "a", "-1", "99999", "443,80"] {
        events.push((format!("port {port:?}"), with("/headers/x-forwarded-port", json!(port))));
    }
    for base64 in ["a", "ä", "{}", "e30", "e30=\n", "e3-_", "===="] {
        let mut event = with("/body", json!(base64));
        event["isBase64Encoded"] = json!(true);
        events.push((format!("base64 {base64:?}"), event));
    }
    events
}

#[test]
fn purchase_check_answers_whatever_comes() {
    let mut taken = Vec::new();
    for (name, event) in spoilt(&asking_with(&right_body())) {
        in_a_world(|world| {
            if taken_by_check(world, &name, event) {
                taken.push(name);
            }
        });
    }
    assert_eq!(taken, HARMLESS);
}

#[test]
fn persona_webhook_answers_whatever_comes() {
    in_a_world(|world| {
        for (name, event) in spoilt(&webhook()) {
            refused_by_webhook(world, &name, event);
        }
    });
}

#[test]
fn number_search_answers_whatever_comes() {
    let mut taken = Vec::new();
    for (name, event) in spoilt(&search_event(Some(&Caller::sub_account(OWN)), "country=US")) {
        in_a_world(|world| {
            let answer = world.search(event.clone());
            if answer.status == 200 {
                taken.push(name);
            } else {
                assert_eq!(refused_by_search(world, &name, event), answer);
            }
        });
    }
    assert_eq!(taken, HARMLESS);
}

/// Without any headers there is no key and no signature; that is all that is wrong.
#[test]
fn headers_may_be_missing() {
    in_a_world(|world| {
        for headers in [Value::Null, json!({})] {
            let mut event = asking_with(&right_body());
            event["headers"] = headers.clone();
            let answer = refused_by_check(world, "purchase-check", event);
            assert_eq!(answer.status, 400, "{headers}");
            let mut event = webhook();
            event["headers"] = headers.clone();
            let answer = refused_by_webhook(world, "persona-webhook", event);
            assert!(matches!(answer.status, 400 | 401), "{headers}: {answer:?}");
        }
    });
}

/// `cargo lambda watch` knows no routes and says `$default`: the path then names a route only if it has no parameters.
#[test]
fn the_default_route_opens_nothing() {
    in_a_world(|world| {
        let scope = "purchases:read purchases:write operator";
        let caller = Caller { claims: json!({"sub_account": OTHER, "agency": OTHER, "scope": scope}) };
        for route in Route::ALL.into_iter().filter(|route| route.key().contains('{')) {
            let path = [("sub", OTHER), ("agency", OTHER)];
            let mut event = http_event(route.key(), &path, &[], Some(&caller), "");
            event["routeKey"] = json!("$default");
            // A route without parameters is found by its path, and still needs its scope.
            let expected = if route.key().contains('{') { 404 } else { 403 };
            assert_eq!(refused_by_check(world, route.key(), event.clone()).status, expected, "{}", route.key());
            // Braces are no characters of a path, but nothing depends on that.
            event["rawPath"] = json!(route.key().split_once(' ').map(|(_, path)| path));
            event["pathParameters"] = Value::Null;
            let answer = refused_by_check(world, route.key(), event);
            assert!(matches!(answer.status, 400 | 403 | 404), "{answer:?}");
        }
        let mut event = webhook();
        event["routeKey"] = json!("$default");
        assert_eq!(refused_by_webhook(world, "the webhook's own path", event.clone()).status, 401);
        event["rawPath"] = json!("/v1/webhooks/elsewhere");
        assert_eq!(refused_by_webhook(world, "another path", event).status, 404);
    });
}

/// Each function answers its own routes only, also when the gateway is wired wrongly.
#[test]
fn a_route_of_the_other_function_is_not_found() {
    in_a_world(|world| {
        assert_eq!(refused_by_check(world, "the webhook", webhook()).status, 404);
        let caller = Caller::sub_account(OWN);
        for route in Route::ALL {
            let event = http_event(route.key(), &[("sub", OWN)], &[], Some(&caller), "");
            assert_eq!(refused_by_webhook(world, route.key(), event.clone()).status, 404);
            assert_eq!(refused_by_search(world, route.key(), event).status, 404);
        }
        let search = search_event(Some(&caller), "country=US");
        assert_eq!(refused_by_check(world, "a search", search.clone()).status, 404);
        assert_eq!(refused_by_webhook(world, "a search", search).status, 404);
        assert_eq!(refused_by_search(world, "the webhook", webhook()).status, 404);
    });
}
