//! Searching the carrier's stock, and what is bought of it.

use adapters::twilio::{AreaCode, AvailableNumber, Capabilities, NumberKind, NumberPattern, StockError, StockQuery};
use domain::{CountryCode, PhoneNumber};
use serde_json::{Value, json};
use tests::events::{Caller, search_event};
use tests::world::{Answer, Neighbours, clock, world};

use crate::{GATED, NOT_GATED, SUB};

fn available(number: &str, country: &str, kind: NumberKind) -> AvailableNumber {
    AvailableNumber {
        number: PhoneNumber::parse(number).expect("is a number"),
        kind,
        country: CountryCode::new(country).expect("two letters"),
        locality: None,
        region: None,
        capabilities: Capabilities { voice: true, sms: true, mms: false, fax: false },
        address_required: false,
    }
}

fn search(world: &Neighbours<'_>, query: &str) -> Answer {
    world.search(search_event(Some(&Caller::sub_account(SUB)), query))
}

fn numbers(answer: &Answer) -> Vec<&str> {
    let list = answer.body["available_numbers"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    list.iter().map(|entry| entry["phone_number"].as_str().expect("is text")).collect()
}

#[test]
fn what_is_for_sale_is_shown_as_the_contract_says() {
    let clock = clock();
    let world = world(&clock);
    let place = AvailableNumber {
        locality: Some("New York".to_owned()),
        region: Some("NY".to_owned()),
        address_required: true,
        ..available(GATED, "US", NumberKind::Local)
    };
    world.carrier.offer([place, available("+12125550199", "US", NumberKind::Local)]);
    let answer = search(&world, "country=US&area_code=212");
    assert_eq!((answer.status, &answer.headers["cache-control"]), (200, &json!("no-store")));
    let capabilities = json!({"voice": true, "sms": true, "mms": false, "fax": false});
    assert_eq!(
        answer.body,
        json!({"available_numbers": [
            {
                "phone_number": GATED, "locality": "New York", "region": "NY", "country": "US", "type": "local",
                "capabilities": capabilities, "gated": true, "address_required": true,
            },
            {
                "phone_number": "+12125550199", "country": "US", "type": "local",
                "capabilities": capabilities, "gated": true, "address_required": false,
            },
        ]})
    );
}

/// What is shown as gated is what a purchase would find gated: by the area code, whatever country the carrier names.
#[test]
fn gated_is_what_a_purchase_of_it_would_be() {
    let clock = clock();
    let world = world(&clock);
    for (number, country, kind, gated) in [
        (GATED, "US", NumberKind::Local, true),
        ("+16045550100", "CA", NumberKind::Local, true),
        ("+17875550100", "PR", NumberKind::Local, true),
        ("+18335550100", "US", NumberKind::TollFree, true),
        (NOT_GATED, "JM", NumberKind::Local, false),
        ("+13405550100", "VI", NumberKind::Local, false),
        ("+447700900123", "GB", NumberKind::Mobile, false),
        ("+18765550101", "US", NumberKind::Local, false),
        ("+19395550100", "GB", NumberKind::Local, true),
    ] {
        world.carrier.offer([available(number, country, kind)]);
        let kind = match kind {
            NumberKind::Local => "local",
            NumberKind::TollFree => "toll_free",
            NumberKind::Mobile => "mobile",
        };
        let answer = search(&world, &format!("country={country}&type={kind}&contains={}", &number[3..]));
        assert_eq!(numbers(&answer), [number]);
        let found = &answer.body["available_numbers"][0];
        assert_eq!((&found["gated"], &found["type"]), (&json!(gated), &json!(kind)), "{number}");
        let state = if gated { "awaiting_verification" } else { "queued" };
        assert_eq!(world.ask(SUB, number, number).body["state"], state, "{number}");
    }
}

#[test]
fn the_carrier_is_asked_once_for_what_the_caller_wants() {
    let clock = clock();
    let world = world(&clock);
    let us = CountryCode::new("US").expect("two letters");
    let plain = StockQuery { country: us, kind: NumberKind::Local, area_code: None, contains: None, limit: 20 };
    for (query, expected) in [
        ("country=US", plain.clone()),
        ("limit=7&type=mobile&country=US", StockQuery { kind: NumberKind::Mobile, limit: 7, ..plain.clone() }),
        (
            "country=US&type=toll_free&area_code=833&contains=TAXI**&limit=50",
            StockQuery {
                kind: NumberKind::TollFree,
                area_code: AreaCode::parse("833"),
                contains: NumberPattern::parse("TAXI**"),
                limit: 50,
                ..plain.clone()
            },
        ),
        ("country=GB&contains=%2A77", {
            let country = CountryCode::new("GB").expect("two letters");
            StockQuery { country, contains: NumberPattern::parse("*77"), ..plain.clone() }
        }),
    ] {
        assert_eq!(search(&world, query).status, 200, "{query}");
        assert_eq!(world.carrier.searches().pop(), Some(expected), "{query}");
    }
    assert_eq!(world.carrier.searches().len(), 4, "one question each, and nothing is kept");
}

#[test]
fn what_was_found_can_be_bought_and_is_not_found_again() {
    let clock = clock();
    let world = world(&clock);
    world.carrier.offer(["+18765550111", "+18765550112"].map(|number| available(number, "JM", NumberKind::Local)));
    let answer = search(&world, "country=JM&area_code=876&limit=1");
    let number = numbers(&answer)[0].to_owned();
    assert_eq!(number, "+18765550111");
    world.ask(SUB, "key-1", &number);
    world.complete();
    assert_eq!(numbers(&search(&world, "country=JM&area_code=876")), ["+18765550112"]);
}

#[test]
fn a_kind_that_is_not_offered_is_an_empty_list() {
    let clock = clock();
    let world = world(&clock);
    world.carrier.fail_next_searches([StockError::NotOffered]);
    let answer = search(&world, "country=US&type=mobile");
    assert_eq!((answer.status, answer.body), (200, json!({"available_numbers": []})));
    assert_eq!(search(&world, "country=US").body, json!({"available_numbers": []}), "nor is an empty stock a mistake");
}

#[test]
fn what_goes_wrong_at_the_carrier_is_told_apart() {
    let clock = clock();
    let world = world(&clock);
    for (error, status, problem, retry_after) in [
        (StockError::NotProcessed { retry_after_s: Some(7) }, 429, "too-many-requests", json!("7")),
        (StockError::NotProcessed { retry_after_s: None }, 429, "too-many-requests", json!("2")),
        (StockError::Refused, 400, "invalid-request", Value::Null),
        (StockError::Unauthorised, 502, "carrier-unavailable", Value::Null),
        (StockError::Unknown, 502, "carrier-unavailable", json!("2")),
    ] {
        world.carrier.fail_next_searches([error]);
        let answer = search(&world, "country=US");
        assert_eq!((answer.status, answer.problem()), (status, problem), "{error:?}");
        assert_eq!(answer.headers.get("retry-after").cloned().unwrap_or_default(), retry_after, "{error:?}");
    }
    assert_eq!((search(&world, "country=US").status, world.carrier.searches().len()), (200, 6), "no try of its own");
}
