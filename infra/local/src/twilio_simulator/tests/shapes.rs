//! The answers have the fields and types of Twilio's OpenAPI description: `twilio/twilio-oai`, `twilio_api_v2010`,
//! the examples of each path.

use serde_json::Value;

use super::{ACCOUNT, Twilio};

/// Fields and what their examples are: `t` text, `d` date (RFC 2822), `b` true or false, `n` number, `o` object,
/// `l` list, `0` null; several letters mean that any of them will do. No field may be missing or be more.
type Shape = &'static [(&'static str, &'static str)];

const INCOMING: Shape = &[
    ("account_sid", "t"),
    ("address_requirements", "t"),
    ("address_sid", "t0"),
    ("api_version", "t"),
    ("beta", "b"),
    ("bundle_sid", "t0"),
    ("capabilities", "o"),
    ("date_created", "d"),
    ("date_updated", "d"),
    ("emergency_address_sid", "t0"),
    ("emergency_address_status", "t"),
    ("emergency_status", "t"),
    ("friendly_name", "t"),
    ("identity_sid", "t0"),
    ("origin", "t"),
    ("phone_number", "t"),
    ("sid", "t"),
    ("sms_application_sid", "t"),
    ("sms_fallback_method", "t"),
    ("sms_fallback_url", "t"),
    ("sms_method", "t"),
    ("sms_url", "t"),
    ("status", "t"),
    ("status_callback", "t"),
    ("status_callback_method", "t"),
    ("trunk_sid", "t0"),
    ("type", "t"),
    ("uri", "t"),
    ("voice_application_sid", "t"),
    ("voice_caller_id_lookup", "b"),
    ("voice_fallback_method", "t"),
    ("voice_fallback_url", "t0"),
    ("voice_method", "t"),
    ("voice_receive_mode", "t"),
    ("voice_url", "t0"),
];

const AVAILABLE: Shape = &[
    ("address_requirements", "t"),
    ("beta", "b"),
    ("capabilities", "o"),
    ("friendly_name", "t"),
    ("iso_country", "t"),
    ("lata", "t0"),
    ("latitude", "t0"),
    ("locality", "t0"),
    ("longitude", "t0"),
    ("phone_number", "t"),
    ("postal_code", "t0"),
    ("rate_center", "t0"),
    ("region", "t0"),
];

const COUNTRY: Shape =
    &[("beta", "b"), ("country", "t"), ("country_code", "t"), ("subresource_uris", "o"), ("uri", "t")];

const ACCOUNT_SHAPE: Shape = &[
    ("auth_token", "t"),
    ("date_created", "d"),
    ("date_updated", "d"),
    ("friendly_name", "t"),
    ("owner_account_sid", "t"),
    ("sid", "t"),
    ("status", "t"),
    ("subresource_uris", "o"),
    ("type", "t"),
    ("uri", "t"),
];

const ERROR: Shape = &[("code", "n"), ("message", "t"), ("more_info", "t"), ("status", "n")];

const BALANCE: Shape = &[("account_sid", "t"), ("balance", "t"), ("currency", "t")];

const PAGING: Shape = &[
    ("end", "n"),
    ("first_page_uri", "t"),
    ("next_page_uri", "t0"),
    ("page", "n"),
    ("page_size", "n"),
    ("previous_page_uri", "t0"),
    ("start", "n"),
    ("uri", "t"),
];

/// A date such as `Thu, 30 Jul 2015 23:19:04 +0000`.
fn is_date(text: &str) -> bool {
    let pattern = "Aaa, 00 Aaa 0000 00:00:00 +0000";
    text.len() == pattern.len()
        && text.chars().zip(pattern.chars()).all(|(character, wanted)| match wanted {
            'A' => character.is_ascii_uppercase(),
            'a' => character.is_ascii_lowercase(),
            '0' => character.is_ascii_digit(),
            _ => character == wanted,
        })
        && text.ends_with("+0000")
}

fn is(value: &Value, wanted: char) -> bool {
    match wanted {
        't' => value.is_string(),
        'd' => value.as_str().is_some_and(is_date),
        'b' => value.is_boolean(),
        'n' => value.is_u64(),
        'o' => value.is_object(),
        'l' => value.is_array(),
        '0' => value.is_null(),
        _ => panic!("{wanted} is no type of the table"),
    }
}

#[track_caller]
fn assert_shape(value: &Value, shapes: &[Shape]) {
    let fields = value.as_object().expect("an object");
    let wanted: Vec<(&str, &str)> = shapes.iter().flat_map(|shape| shape.iter().copied()).collect();
    for (field, types) in &wanted {
        let value = fields.get(*field).unwrap_or_else(|| panic!("{field} is missing in {fields:?}"));
        assert!(types.chars().any(|wanted| is(value, wanted)), "{field} is {value}, wanted {types}");
    }
    for field in fields.keys() {
        assert!(wanted.iter().any(|(name, _)| name == field), "{field} is not in Twilio's example");
    }
}

#[tokio::test]
async fn a_bought_number() {
    let twilio = Twilio::start().await;
    let bought = twilio.buy("+12125550123", "pur_1").await;
    assert_eq!(bought.status, 201);
    assert_shape(&bought.body, &[INCOMING]);
    assert_eq!(bought.text("friendly_name"), "pur_1");
    assert_eq!(bought.text("status"), "in-use");
    let sid = bought.text("sid");
    assert!(sid.len() == 34 && sid.starts_with("PN"), "{sid}");
    assert_eq!(bought.text("uri"), format!("/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers/{sid}.json"));

    let fetched = twilio.get(&format!("/IncomingPhoneNumbers/{sid}.json")).await;
    assert_eq!((fetched.status, &fetched.body), (200, &bought.body));

    let listed = twilio.list(&[]).await;
    assert_eq!(listed.status, 200);
    assert_shape(&listed.body, &[PAGING, &[("incoming_phone_numbers", "l")]]);
    assert_eq!(listed.body["incoming_phone_numbers"][0], bought.body);
}

#[tokio::test]
async fn numbers_for_sale() {
    let twilio = Twilio::start().await;
    for (kind, area_code) in [("Local", "808"), ("Local", "907"), ("TollFree", "800")] {
        let found = twilio.get(&format!("/AvailablePhoneNumbers/US/{kind}.json?AreaCode={area_code}")).await;
        assert_eq!(found.status, 200);
        assert_shape(&found.body, &[&[("available_phone_numbers", "l"), ("uri", "t")]]);
        let first = &found.body["available_phone_numbers"][0];
        assert_shape(first, &[AVAILABLE]);
        assert_shape(&first["capabilities"], &[&[("mms", "b"), ("sms", "b"), ("voice", "b")]]);
    }
    let all = twilio.get("/AvailablePhoneNumbers.json").await;
    assert_shape(&all.body, &[&[("countries", "l"), ("uri", "t")]]);
    for country in all.body["countries"].as_array().expect("a list") {
        assert_shape(country, &[COUNTRY]);
    }
    let one = twilio.get("/AvailablePhoneNumbers/US.json").await;
    assert_shape(&one.body, &[COUNTRY]);
    assert_shape(&one.body["subresource_uris"], &[&[("local", "t"), ("toll_free", "t")]]);
}

#[tokio::test]
async fn accounts_and_balance() {
    let twilio = Twilio::start().await;
    let fetched = twilio.get(".json").await;
    assert_eq!(fetched.status, 200);
    assert_shape(&fetched.body, &[ACCOUNT_SHAPE]);
    let balance = twilio.get("/Balance.json").await;
    assert_shape(&balance.body, &[BALANCE]);
    assert_eq!(balance.text("balance"), "1000.00");
    twilio.buy("+12125550123", "pur_1").await;
    assert_eq!(twilio.get("/Balance.json").await.text("balance"), "998.85");
    let listed = super::read(
        twilio.request_as(ACCOUNT, super::TOKEN, reqwest::Method::GET, "/2010-04-01/Accounts.json").send().await,
    )
    .await;
    assert_shape(&listed.body, &[PAGING, &[("accounts", "l")]]);
}

#[tokio::test]
async fn errors() {
    let twilio = Twilio::start().await;
    let error = twilio.buy("+15005550000", "pur_1").await;
    assert_shape(&error.body, &[ERROR]);
    assert_eq!(error.error(), (400, 21422));
    assert_eq!(error.body["status"], 400);
    assert_eq!(error.text("more_info"), "https://www.twilio.com/docs/errors/21422");
}
