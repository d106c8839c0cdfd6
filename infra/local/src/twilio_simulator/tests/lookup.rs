//! Asking about numbers.

use reqwest::Method;
use serde_json::{Value, json};

use super::{API_KEY, API_SECRET, Answer, Twilio};

impl Twilio {
    async fn look(&self, number: &str, query: &[(&str, &str)]) -> Answer {
        let number = number.replace('+', "%2B");
        self.v2_as((API_KEY, API_SECRET), Method::GET, &format!("/PhoneNumbers/{number}"), query).await
    }
}

#[tokio::test]
async fn an_invalid_number_is_an_answer() {
    let twilio = Twilio::start().await;
    for (number, error) in [
        ("+141599299600", "TOO_LONG"),
        ("+1415992996", "TOO_SHORT"),
        ("+99912345678", "INVALID_COUNTRY_CODE"),
        ("+1415abc9960", "NOT_A_NUMBER"),
        ("+11159929960", "INVALID_BUT_POSSIBLE"),
    ] {
        let answer = twilio.look(number, &[("Fields", "line_type_intelligence")]).await;
        assert_eq!((answer.status, answer.body["valid"].clone()), (200, json!(false)), "{number}");
        assert_eq!(answer.body["validation_errors"], json!([error]), "{number}");
        assert_eq!((answer.text("phone_number").as_str(), &answer.body["country_code"]), (number, &Value::Null));
        assert_eq!(answer.body["line_type_intelligence"], Value::Null);
    }
    let national = twilio.look("(212) 555-0123", &[]).await;
    assert_eq!(national.text("phone_number"), "+12125550123");
    assert_eq!(national.text("national_format"), "(212) 555-0123");
    assert_eq!(national.body["validation_errors"], Value::Null);
    let british = twilio.look("07700900123", &[("CountryCode", "GB")]).await;
    assert_eq!((british.text("phone_number").as_str(), british.text("country_code").as_str()), ("+447700900123", "GB"));
}

#[tokio::test]
async fn unrequested_packages_are_null_and_unknown_ones_refused() {
    let twilio = Twilio::start().await;
    let answer = twilio.look("+447700900123", &[("Fields", "line_type_intelligence,sms_pumping_risk")]).await;
    assert_eq!(answer.body["line_type_intelligence"]["type"], json!("mobile"));
    assert_eq!(answer.body["sms_pumping_risk"]["number_blocked_last_3_months"], Value::Null);
    assert_eq!(answer.body["identity_match"], Value::Null);
    assert_eq!(twilio.look("+447700900123", &[("Fields", "carrier")]).await.status, 400);
    let long = "x".repeat(129);
    let query = [("Fields", "identity_match"), ("FirstName", long.as_str())];
    assert_eq!(twilio.look("+12125550123", &query).await.status, 400);
    let other = twilio.look("+12125550123", &[("Fields", "sim_swap")]).await;
    assert_eq!(other.body["sim_swap"]["error_code"], json!(60606), "packages that we do not use are not enabled");
}

#[tokio::test]
async fn lines_are_told_by_number_and_by_what_is_known() {
    let twilio = Twilio::start().await;
    twilio.buy("+12125550123", "pur_1").await;
    twilio
        .control(
            "lookup",
            json!({"phones": [
                {"phone_number": "+3362*", "line_type": "fixedVoip"},
                {"phone_number": "+33621000000", "line_type": "landline", "carrier_name": "Orange"},
            ]}),
        )
        .await;
    let fields = [("Fields", "line_type_intelligence")];
    for (number, line) in [
        ("+12125550123", "nonFixedVoip"),
        ("+12125550124", "mobile"),
        ("+18005550123", "tollFree"),
        ("+19005550123", "premium"),
        ("+15005550006", "personal"),
        ("+33620000000", "fixedVoip"),
        ("+33621000000", "landline"),
    ] {
        assert_eq!(twilio.look(number, &fields).await.body["line_type_intelligence"]["type"], json!(line), "{number}");
    }
    let canada = async || twilio.look("+14165550123", &fields).await.body["line_type_intelligence"].clone();
    assert_eq!((canada().await["error_code"].clone(), canada().await["type"].clone()), (json!(60601), Value::Null));
    twilio.control("lookup", json!({"canada_authorised": true})).await;
    assert_eq!(canada().await["type"], json!("mobile"));
    let status = twilio.look("+12125550124", &[("Fields", "line_status")]).await;
    assert_eq!(status.body["line_status"], json!({"error_code": null, "status": "active"}));
}

#[tokio::test]
async fn risk_is_known_blind_or_magic() {
    let twilio = Twilio::start().await;
    let fields = [("Fields", "sms_pumping_risk"), ("PartnerSubId", "Loc1")];
    let risk = async |number: &str| twilio.look(number, &fields).await.body["sms_pumping_risk"].clone();
    let known = json!({"phone_number": "+22177*", "sms_pumping_risk_score": 93, "carrier_risk_category": "mild", "number_blocked": true});
    twilio.control("lookup", json!({ "phones": [known] })).await;
    let attack = risk("+221771234567").await;
    assert_eq!((&attack["sms_pumping_risk_score"], &attack["carrier_risk_category"]), (&json!(93), &json!("mild")));
    assert_eq!((&attack["number_blocked"], &attack["number_blocked_last_3_months"]), (&json!(true), &json!(true)));
    assert!(attack["number_blocked_date"].is_string());
    for (number, category, blocked, score) in
        [("+441234567890", "high", false, 2), ("+441234567891", "high", true, 34), ("+911234567890", "low", false, 2)]
    {
        let risk = risk(number).await;
        assert_eq!(
            (&risk["carrier_risk_category"], &risk["number_blocked"], &risk["sms_pumping_risk_score"]),
            (&json!(category), &json!(blocked), &json!(score)),
            "{number}"
        );
    }
    assert_eq!(risk("+14165550123").await["carrier_risk_category"], Value::Null, "Canada tells no carrier");
    twilio.control("lookup", json!({"blind": true})).await;
    let blind = risk("+221771234567").await;
    assert_eq!((&blind["sms_pumping_risk_score"], &blind["number_blocked"]), (&json!(0), &json!(false)));
    twilio.control("lookup", json!({"errors": {"sms_pumping_risk": 60608}})).await;
    let failed = risk("+221771234567").await;
    assert_eq!((&failed["error_code"], &failed["sms_pumping_risk_score"]), (&json!(60608), &Value::Null));

    let state = twilio.state().await;
    let seen = state["lookups"].as_array().expect("a list");
    assert_eq!(seen.len(), 7);
    let first = json!({"phone_number": "+221771234567", "fields": "sms_pumping_risk", "partner_sub_id": "Loc1"});
    assert_eq!(seen[0], first);
}

#[tokio::test]
async fn names_are_compared_with_the_owners_and_not_kept() {
    let twilio = Twilio::start().await;
    let owner = json!({"first_name": "Robert", "last_name": "Smith", "address_line_1": "1 Main St"});
    twilio.control("lookup", json!({"phones": [{"phone_number": "+12125550123", "owner": owner}]})).await;
    let ask = async |number: &str, given: &[(&str, &str)]| {
        let mut query = vec![("Fields", "identity_match")];
        query.extend(given);
        twilio.look(number, &query).await.body["identity_match"].clone()
    };
    let names = ask("+12125550123", &[("FirstName", "Bob"), ("LastName", "Smyth")]).await;
    assert_eq!(
        (&names["first_name_match"], &names["last_name_match"]),
        (&json!("partial_match"), &json!("high_partial_match"))
    );
    assert_eq!((&names["summary_score"], &names["error_code"]), (&json!(40), &Value::Null));
    let all = [("FirstName", "Robert"), ("LastName", "Smith"), ("AddressLine1", "1 Main St")];
    assert_eq!(ask("+12125550123", &all).await["summary_score"], json!(100));
    assert_eq!(ask("+12125550123", &[("FirstName", "Maria")]).await["first_name_match"], json!("no_match"));
    let unknown = ask("+12125550124", &all).await;
    assert_eq!((&unknown["first_name_match"], &unknown["summary_score"]), (&json!("no_data_available"), &json!(0)));
    for (number, given, code) in
        [("+12125550123", &all[..0], 60617), ("+447700900123", &all[..], 60600), ("+819012345678", &all[..], 60607)]
    {
        assert_eq!(ask(number, given).await["error_code"], json!(code), "{number}");
    }
    assert!(!twilio.state().await.to_string().contains("Maria"), "what was asked is not kept");
}
