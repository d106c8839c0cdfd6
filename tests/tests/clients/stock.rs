//! Twilio's client, searching.

use adapters::twilio::{
    AreaCode, AvailableNumber, Capabilities, NumberKind, NumberPattern, Stock, StockError, StockQuery, TwilioClient,
    TwilioSettings, read_stock,
};
use domain::{AccountSid, CountryCode, PhoneNumber};
use serde_json::{Value, json};

use crate::canned::{Can, Canned};
use crate::servers::{ACCOUNT, API_KEY, API_SECRET, IMPATIENT_MS, PATIENT_MS, Server, TOKEN, in_time};

fn client(server: &Server, timeout_ms: u64, password: &str) -> TwilioClient {
    TwilioClient::new(TwilioSettings {
        base_url: server.base_url(""),
        account: AccountSid::parse(ACCOUNT).expect("is an id"),
        user: API_KEY.to_owned(),
        password: password.to_owned().into(),
        timeout_ms,
    })
    .expect("a client")
}

fn query(country: &str, kind: NumberKind, area_code: Option<&str>, contains: Option<&str>) -> StockQuery {
    StockQuery {
        country: CountryCode::new(country).expect("two letters"),
        kind,
        area_code: area_code.map(|code| AreaCode::parse(code).expect("is one")),
        contains: contains.map(|pattern| NumberPattern::parse(pattern).expect("is one")),
        limit: 20,
    }
}

fn local(country: &str) -> StockQuery {
    query(country, NumberKind::Local, None, None)
}

async fn search(server: &Server, query: &StockQuery) -> Result<Vec<AvailableNumber>, StockError> {
    in_time(client(server, PATIENT_MS, API_SECRET).search(query)).await
}

fn numbers(found: &[AvailableNumber]) -> Vec<&str> {
    found.iter().map(|available| available.number.as_str()).collect()
}

/// An entry of Twilio's specification (`AvailablePhoneNumbers/{CountryCode}/Local`, example `readFull`).
fn entry() -> Value {
    json!({
        "address_requirements": "none",
        "beta": false,
        "capabilities": {"mms": true, "sms": false, "voice": true},
        "friendly_name": "(808) 925-1571",
        "iso_country": "US",
        "lata": "834",
        "latitude": "19.720000",
        "locality": "Hilo",
        "longitude": "-155.090000",
        "phone_number": "+18089251571",
        "postal_code": "96720",
        "rate_center": "HILO",
        "region": "HI"
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut entry = entry();
    entry[name] = value;
    entry
}

fn without(name: &str) -> Value {
    let mut entry = entry();
    entry.as_object_mut().expect("an object").remove(name);
    entry
}

fn body(entries: &[Value]) -> Vec<u8> {
    json!({"available_phone_numbers": entries, "uri": "/2010-04-01/…"}).to_string().into_bytes()
}

#[tokio::test]
async fn each_kind_and_country_has_its_own_stock() {
    let server = Server::twilio().await;
    let found = search(&server, &query("US", NumberKind::Local, Some("212"), None)).await.expect("an answer");
    assert_eq!(found.len(), 20);
    assert!(found.iter().all(|available| available.number.area_code() == Some("212")));
    let first = &found[0];
    assert_eq!((first.locality.as_deref(), first.region.as_deref()), (Some("New York"), Some("NY")));
    assert_eq!(first.country, CountryCode::new("US").expect("two letters"));
    assert_eq!(first.capabilities, Capabilities { voice: true, sms: true, mms: true, fax: false });
    assert!(!first.address_required);
    for (country, code) in [("PR", "939"), ("CA", "604"), ("JM", "876")] {
        let found = search(&server, &query(country, NumberKind::Local, Some(code), None)).await.expect("an answer");
        assert_eq!(found.len(), 20, "{country}");
        assert!(found.iter().all(|available| available.number.area_code() == Some(code)), "{:?}", numbers(&found));
    }
    let both = StockQuery { limit: 3, ..query("JM", NumberKind::Local, Some("658"), Some("55*")) };
    let found = search(&server, &both).await.expect("an answer");
    assert_eq!(found.len(), 3, "Jamaica's two codes are mixed in the carrier's list");
    assert!(found.iter().all(|available| available.number.area_code() == Some("658")), "{:?}", numbers(&found));
    let found = search(&server, &query("US", NumberKind::TollFree, None, None)).await.expect("an answer");
    assert!(found.iter().all(|available| available.kind == NumberKind::TollFree && available.locality.is_none()));
    let found = search(&server, &query("GB", NumberKind::Local, None, None)).await.expect("an answer");
    assert!(found.iter().all(|available| available.address_required), "the simulator's British numbers want one");
    let found = search(&server, &query("US", NumberKind::Local, None, Some("*415555**"))).await.expect("an answer");
    assert!(!found.is_empty() && found.iter().all(|available| available.number.as_str().starts_with("+1415")));
}

#[tokio::test]
async fn what_is_not_offered_is_told_apart() {
    let server = Server::twilio().await;
    for missing in [query("US", NumberKind::Mobile, None, None), query("CA", NumberKind::TollFree, None, None)] {
        assert_eq!(search(&server, &missing).await, Err(StockError::NotOffered));
    }
    assert_eq!(search(&server, &local("XX")).await, Err(StockError::NotOffered));
    let found = search(&server, &query("US", NumberKind::Local, Some("787"), None)).await;
    assert_eq!(found, Ok(vec![]), "an area code that the country does not have has no numbers");
}

#[tokio::test]
async fn refusals_and_faults() {
    let server = Server::twilio().await;
    for (fault, expected) in [
        (json!({"kind": "status", "status": 429, "code": 20429, "retry_after_s": 7}), Some(7)),
        (json!({"kind": "status", "status": 429, "code": 20429, "retry_after_s": 1_000_000}), Some(3600)),
        (json!({"kind": "status", "status": 429, "code": 20429}), None),
        (json!({"kind": "status", "status": 503, "code": 20429}), None),
    ] {
        server.control("faults", json!({"queue": [{"on": "search_numbers", "fault": fault}]})).await;
        let answer = search(&server, &local("US")).await;
        assert_eq!(answer, Err(StockError::NotProcessed { retry_after_s: expected }), "{fault}");
    }
    for (fault, expected) in [
        (json!({"kind": "status", "status": 401, "code": 20003}), StockError::Unauthorised),
        (json!({"kind": "status", "status": 403, "code": 20005}), StockError::Unauthorised),
        (json!({"kind": "status", "status": 404, "code": 20404}), StockError::NotOffered),
        (json!({"kind": "not_json", "status": 404}), StockError::Unknown),
        (json!({"kind": "status", "status": 400, "code": 21451}), StockError::Refused),
        (json!({"kind": "not_json", "status": 400}), StockError::Unknown),
        (json!({"kind": "status", "status": 500, "code": 20500}), StockError::Unknown),
        (json!({"kind": "status", "status": 503, "code": 20503}), StockError::Unknown),
        (json!({"kind": "not_json", "status": 502}), StockError::Unknown),
        (json!({"kind": "not_json", "status": 200}), StockError::Unknown),
        (json!({"kind": "truncated_body"}), StockError::Unknown),
        (json!({"kind": "timeout_without_commit", "then": "drop"}), StockError::Unknown),
    ] {
        server.control("faults", json!({"queue": [{"on": "search_numbers", "fault": fault}]})).await;
        assert_eq!(search(&server, &local("US")).await, Err(expected), "{fault}");
    }
    assert_eq!(in_time(client(&server, PATIENT_MS, TOKEN).search(&local("US"))).await, Err(StockError::Unauthorised));
    let fault = json!({"kind": "timeout_without_commit", "then": "hang"});
    server.control("faults", json!({"queue": [{"on": "search_numbers", "fault": fault}]})).await;
    let answer = in_time(client(&server, IMPATIENT_MS, API_SECRET).search(&local("US"))).await;
    assert_eq!(answer, Err(StockError::Unknown));
    assert_eq!(search(&server, &local("US")).await.map(|found| found.len()), Ok(20), "every fault was used");
}

#[tokio::test]
async fn a_search_is_one_request_of_one_page() {
    let canned = Canned::start(Can::json(200, String::from_utf8(body(&[entry()])).expect("is text"))).await;
    for (query, expected) in [
        (local("US"), "US/Local.json?PageSize=20"),
        (
            query("US", NumberKind::Local, Some("808"), Some("PIZZA")),
            "US/Local.json?PageSize=20&AreaCode=808&Contains=PIZZA",
        ),
        (query("CA", NumberKind::TollFree, Some("833"), None), "CA/TollFree.json?PageSize=20&AreaCode=833"),
        (query("PR", NumberKind::Local, Some("787"), None), "PR/Local.json?PageSize=20&Contains=%2B1787"),
        (query("PR", NumberKind::Local, Some("787"), Some("**01")), "PR/Local.json?PageSize=1000&Contains=**01"),
        (StockQuery { limit: 0, ..local("GB") }, "GB/Local.json?PageSize=1"),
        (StockQuery { limit: u32::MAX, ..query("GB", NumberKind::Mobile, None, None) }, "GB/Mobile.json?PageSize=1000"),
    ] {
        search(&canned.server, &query).await.expect("an answer");
        let seen = canned.seen().pop().expect("a request");
        assert_eq!(seen.line, format!("GET /2010-04-01/Accounts/{ACCOUNT}/AvailablePhoneNumbers/{expected}"));
        assert!(seen.header("authorization").starts_with("Basic ") && seen.body.is_empty());
    }
    assert_eq!(canned.seen().len(), 7);
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let canned = Canned::start(Can::json(200, "x".repeat(2 * 1024 * 1024))).await;
    assert_eq!(search(&canned.server, &local("US")).await, Err(StockError::Unknown));
}

#[test]
fn capabilities_are_read_in_either_case() {
    let read = |capabilities: Value| {
        let answer = read_stock(&body(&[with("capabilities", capabilities)]), &local("US")).expect("is a list");
        answer.numbers[0].capabilities
    };
    let without_fax = Capabilities { voice: true, sms: true, mms: true, fax: false };
    assert_eq!(read(json!({"voice": true, "sms": true, "mms": true})), without_fax);
    assert_eq!(read(json!({"MMS": true, "SMS": true, "voice": true})), without_fax);
    assert_eq!(
        read(json!({"Voice": true, "Fax": true})),
        Capabilities { voice: true, fax: true, ..Default::default() }
    );
    assert_eq!(read(json!({"voice": "true", "sms": null, "mms": false})), Capabilities::default());
    assert_eq!(read(Value::Null), Capabilities::default());
}

#[test]
fn entries_that_cannot_be_read_are_left_out_and_counted() {
    let strange = [
        json!(null),
        json!("+18089251571"),
        without("phone_number"),
        with("phone_number", Value::Null),
        with("phone_number", json!("(808) 925-1571")),
        with("phone_number", json!("+1808925157")),
        with("iso_country", json!("USA")),
        with("locality", json!(1)),
    ];
    let mut entries = strange.to_vec();
    entries.push(entry());
    let answer = read_stock(&body(&entries), &local("US")).expect("is a list");
    assert_eq!((numbers(&answer.numbers), answer.unreadable), (vec!["+18089251571"], strange.len()));
    for no_list in ["", "[]", "{}", r#"{"available_phone_numbers": {}}"#, r#"{"available_phone_numbers": null}"#] {
        assert_eq!(read_stock(no_list.as_bytes(), &local("US")), None, "{no_list}");
    }
}

#[test]
fn what_the_carrier_leaves_open_is_filled_with_care() {
    let bare = json!({"phone_number": "+17875550123"});
    let answer = read_stock(&body(&[bare]), &local("PR")).expect("is a list");
    let [available] = answer.numbers.as_slice() else { panic!("one number") };
    assert_eq!(available.country, CountryCode::new("PR").expect("two letters"), "of the search");
    assert!(available.address_required, "only an explicit `none` means none");
    assert_eq!((&available.locality, &available.region), (&None, &None));
    for (requirement, required) in [("none", false), ("any", true), ("local", true), ("foreign", true), ("new", true)] {
        let entries = [with("address_requirements", json!(requirement))];
        let answer = read_stock(&body(&entries), &local("US")).expect("is a list");
        assert_eq!(answer.numbers[0].address_required, required, "{requirement}");
    }
}

/// A filter that the carrier ignores must not let another area code, or more than was asked for, through.
#[test]
fn the_area_code_and_the_limit_hold_whatever_the_carrier_answers() {
    let other = with("phone_number", json!("+19395550123"));
    let entries = [other, entry(), with("phone_number", json!("+18089251572"))];
    let of_area = query("US", NumberKind::Local, Some("808"), None);
    let answer = read_stock(&body(&entries), &of_area).expect("is a list");
    assert_eq!((numbers(&answer.numbers), answer.unreadable), (vec!["+18089251571", "+18089251572"], 0));
    let answer = read_stock(&body(&entries), &StockQuery { limit: 1, ..of_area }).expect("is a list");
    assert_eq!(numbers(&answer.numbers), ["+18089251571"]);
}

#[test]
fn the_same_area_code_is_searched_where_its_numbers_are_sold() {
    for (number, expected) in [
        ("+12125550123", Some(("US", NumberKind::Local, "212"))),
        ("+16045550123", Some(("CA", NumberKind::Local, "604"))),
        ("+17875550123", Some(("PR", NumberKind::Local, "787"))),
        ("+19395550123", Some(("PR", NumberKind::Local, "939"))),
        ("+13405550123", Some(("VI", NumberKind::Local, "340"))),
        ("+16715550123", Some(("GU", NumberKind::Local, "671"))),
        ("+16845550123", Some(("AS", NumberKind::Local, "684"))),
        ("+16705550123", Some(("MP", NumberKind::Local, "670"))),
        ("+18765550123", Some(("JM", NumberKind::Local, "876"))),
        ("+18335550123", Some(("US", NumberKind::TollFree, "833"))),
        ("+18225550123", Some(("US", NumberKind::TollFree, "822"))),
        ("+12995550123", Some(("US", NumberKind::Local, "299"))),
        ("+19005550123", None),
        ("+15005550006", None),
        ("+16005550123", None),
        ("+442079460123", None),
    ] {
        let number = PhoneNumber::parse(number).expect("is a number");
        let query = StockQuery::same_area_code(&number, 5);
        let expected = expected.map(|(country, kind, area_code)| StockQuery {
            limit: 5,
            ..self::query(country, kind, Some(area_code), None)
        });
        assert_eq!(query, expected, "{number}");
    }
}

#[test]
fn area_codes_and_patterns_are_parsed() {
    for wrong in ["", "21", "2125", "112", "012", "2a2", "２12", "+12"] {
        assert_eq!(AreaCode::parse(wrong), None, "{wrong}");
    }
    assert_eq!(AreaCode::parse("212").map(|code| code.to_string()), Some("212".to_owned()));
    for wrong in
        ["", "1", "12345678901234567", "1 2", "+12", "1%2", "12$", "é1", "**", "1*", "1*2", "12*34", "1&PageSize=1000"]
    {
        assert_eq!(NumberPattern::parse(wrong), None, "{wrong}");
    }
    for right in ["12", "PIZZA", "pizza", "**12", "12**", "*12*", "1234567890123456"] {
        assert_eq!(NumberPattern::parse(right).map(|pattern| pattern.as_str().to_owned()), Some(right.to_owned()));
    }
}
