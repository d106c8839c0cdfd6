//! The clients of Twilio Verify and Lookup.

use adapters::name_match::{IdAgainstPhone, NameLookup, NameMatch, NameMatchError, NameOnId, PersonName};
use adapters::persona::PersonaError;
use adapters::twilio::{
    Checking, LookupClient, LookupError, Passcodes, PhoneLookup, RateLimitValues, Sending, TwilioAccess, VerifyClient,
    VerifyError, VerifySettings, meaning_of_check_refusal, meaning_of_start_refusal,
};
use domain::{
    Channel, CheckAnswer, InquiryId, LineType, NameLevel, NameLevels, PhoneNumber, PumpingRisk, Refusal, SubAccountId,
    VerifySid,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::canned::{Can, Canned};
use crate::servers::{API_KEY, API_SECRET, PATIENT_MS, Server, VERIFY_SERVICE, in_time};

const PHONE: &str = "+447400123456";

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("is a number")
}

fn access(server: &Server, password: &str) -> TwilioAccess {
    TwilioAccess {
        base_url: server.base_url(""),
        user: API_KEY.to_owned(),
        password: password.to_owned().into(),
        timeout_ms: PATIENT_MS,
    }
}

fn verify(server: &Server, rate_limits: Vec<&'static str>) -> VerifyClient {
    let twilio = access(server, API_SECRET);
    let settings = VerifySettings { twilio, service: VERIFY_SERVICE.to_owned(), rate_limits };
    VerifyClient::new(settings).expect("a client")
}

fn lookup(server: &Server) -> LookupClient {
    LookupClient::new(access(server, API_SECRET)).expect("a client")
}

async fn start(server: &Server, phone: &str) -> Sending {
    in_time(verify(server, vec![]).start(&number(phone), Channel::Sms, &RateLimitValues::default())).await
}

/// The code of the verification, as the person reads it.
async fn code(server: &Server, sid: &VerifySid) -> SecretString {
    let state = server.state().await;
    let verifications = state["verify"]["verifications"].as_array().expect("a list").clone();
    let found = verifications.into_iter().find(|verification| verification["sid"] == sid.as_str());
    found.and_then(|verification| verification["code"].as_str().map(str::to_owned)).expect("is there").into()
}

#[tokio::test]
async fn a_passcode_goes_all_its_way() {
    let server = Server::twilio().await;
    let Sending::Sent(sid) = start(&server, PHONE).await else { panic!("is sent") };
    assert_eq!(start(&server, PHONE).await, Sending::Sent(sid.clone()), "the same one again");
    let client = verify(&server, vec![]);
    let wrong = in_time(client.check(&sid, &"000000".to_owned().into())).await;
    assert_eq!(wrong, Checking::Answered(CheckAnswer::Wrong), "no error");
    assert_eq!(in_time(client.was_converted(&sid)).await, Ok(false));
    let right = code(&server, &sid).await;
    assert_eq!(in_time(client.check(&sid, &right)).await, Checking::Answered(CheckAnswer::Right));
    assert_eq!(in_time(client.check(&sid, &right)).await, Checking::Gone, "Twilio forgets what was approved");
    assert_eq!(in_time(client.was_converted(&sid)).await, Ok(true), "its attempts do not");
    let never = VerifySid::parse("VE00000000000000000000000000000000").expect("is a word");
    assert_eq!(in_time(client.check(&never, &right)).await, Checking::Gone);
    assert_eq!(in_time(client.was_converted(&never)).await, Ok(false));
}

#[tokio::test]
async fn five_wrong_passcodes_and_five_sends_are_all() {
    let server = Server::twilio().await;
    let Sending::Sent(sid) = start(&server, PHONE).await else { panic!("is sent") };
    let client = verify(&server, vec![]);
    for _ in 0..5 {
        let answer = in_time(client.check(&sid, &"000000".to_owned().into())).await;
        assert_eq!(answer, Checking::Answered(CheckAnswer::Wrong));
    }
    let sixth = in_time(client.check(&sid, &"000000".to_owned().into())).await;
    assert_eq!(sixth, Checking::Answered(CheckAnswer::UsedUp));

    let other = "+447400123457";
    for _ in 0..5 {
        assert!(matches!(start(&server, other).await, Sending::Sent(_)));
    }
    let sixth = start(&server, other).await;
    assert!(matches!(sixth, Sending::Refused { why: Refusal::Limit, .. }), "{sixth:?}");
}

#[tokio::test]
async fn what_twilio_blocks_is_told_apart() {
    let server = Server::twilio().await;
    server.control("verify", json!({"geo_blocked": ["FR"], "fraud_guard": [{"prefix": "+4475"}]})).await;
    let geo = start(&server, "+33612345678").await;
    assert!(matches!(geo, Sending::Refused { why: Refusal::Country, blocks_prefix: false, .. }), "{geo:?}");
    let guarded = start(&server, "+447512345678").await;
    assert!(matches!(guarded, Sending::Refused { why: Refusal::Risk, blocks_prefix: true, .. }), "{guarded:?}");
    assert!(matches!(start(&server, PHONE).await, Sending::Sent(_)), "others are sent");
}

/// A limit that the service does not have is our own mistake, and not the number's.
#[tokio::test]
async fn a_parameter_that_will_not_do_is_the_numbers_or_ours() {
    let server = Server::twilio().await;
    for (message, meaning) in [
        ("Invalid parameter `To`: +15005550001", Sending::NotANumber),
        ("Invalid parameter: To", Sending::NotANumber),
        ("Invalid parameter: RateLimits", Sending::Misconfigured),
        ("Invalid parameter", Sending::Misconfigured),
    ] {
        let body = json!({"code": 60_200, "message": message, "status": 400}).to_string();
        let canned = Canned::start(Can::json(400, body)).await;
        assert_eq!(start(&canned.server, PHONE).await, meaning, "{message}");
    }
    let limits = RateLimitValues { number_prefix: "447400123".to_owned(), ..RateLimitValues::default() };
    let client = verify(&server, vec!["number_prefix"]);
    assert_eq!(in_time(client.start(&number(PHONE), Channel::Sms, &limits)).await, Sending::Misconfigured);
}

#[tokio::test]
async fn a_number_that_does_not_exist_is_no_outage() {
    let said = json!({"valid": false, "validation_errors": ["TOO_SHORT"], "line_type_intelligence": null, "sms_pumping_risk": null});
    let canned = Canned::start(Can::json(200, said.to_string())).await;
    let client = lookup(&canned.server);
    assert_eq!(in_time(client.line_type(&number(PHONE))).await, Err(LookupError::NotANumber));
    let sub_account = SubAccountId::parse("Loc1").expect("is a word");
    assert_eq!(in_time(client.pumping_risk(&number(PHONE), &sub_account)).await, Err(LookupError::NotANumber));
}

#[tokio::test]
async fn a_wrong_credential_is_nobodys_fault_but_ours() {
    let server = Server::twilio().await;
    let settings =
        VerifySettings { twilio: access(&server, "wrong"), service: VERIFY_SERVICE.to_owned(), rate_limits: vec![] };
    let client = VerifyClient::new(settings).expect("a client");
    let limits = RateLimitValues::default();
    assert_eq!(in_time(client.start(&number(PHONE), Channel::Sms, &limits)).await, Sending::Misconfigured);
    let sid = VerifySid::parse("VE00000000000000000000000000000000").expect("is a word");
    assert_eq!(in_time(client.check(&sid, &"000000".to_owned().into())).await, Checking::Misconfigured);
    assert_eq!(in_time(client.was_converted(&sid)).await, Err(VerifyError::Unauthorised));
    let lookup = LookupClient::new(access(&server, "wrong")).expect("a client");
    assert_eq!(in_time(lookup.line_type(&number(PHONE))).await, Err(LookupError::Unauthorised));
}

#[tokio::test]
async fn only_the_limits_that_the_service_has_are_passed_along() {
    let body = json!({"sid": "VE00000000000000000000000000000001", "status": "pending"}).to_string();
    let canned = Canned::start(Can::json(201, body)).await;
    let limits = RateLimitValues {
        number_prefix: "447400123".to_owned(),
        sub_account: "Loc1".to_owned(),
        source_address: Some("00ff".to_owned()),
    };
    let phone = number(PHONE);
    in_time(verify(&canned.server, vec![]).start(&phone, Channel::Call, &limits)).await;
    in_time(verify(&canned.server, vec!["number_prefix", "source_address"]).start(&phone, Channel::Sms, &limits)).await;
    let seen = canned.seen();
    let line = format!("POST /v2/Services/{VERIFY_SERVICE}/Verifications");
    assert_eq!((seen[0].line.as_str(), seen[0].body.as_str()), (line.as_str(), "To=%2B447400123456&Channel=call"));
    assert!(seen[1].body.ends_with(
        "Channel=sms&RateLimits=%7B%22number_prefix%22%3A%22447400123%22%2C%22source_address%22%3A%2200ff%22%7D"
    ));
    assert!(seen[0].header("authorization").starts_with("Basic "));
}

#[test]
fn every_known_code_has_its_meaning() {
    let refused = |why, again_after_s, blocks_prefix| Sending::Refused { why, again_after_s, blocks_prefix };
    for (status, code, meaning) in [
        (400, Some(60_200), Sending::NotANumber),
        (429, Some(60_203), refused(Refusal::Limit, 600, false)),
        (403, Some(60_205), refused(Refusal::LineType, 86_400, false)),
        (403, Some(60_410), refused(Refusal::Risk, 43_200, true)),
        (403, Some(60_605), refused(Refusal::Country, 86_400, false)),
        (403, Some(60_238), refused(Refusal::Country, 86_400, false)),
        (400, Some(60_223), refused(Refusal::Channel, 86_400, false)),
        (429, Some(20_429), Sending::NotProcessed { retry_after_s: None }),
        (429, None, Sending::NotProcessed { retry_after_s: None }),
        (429, Some(60_212), Sending::NotProcessed { retry_after_s: None }),
        (401, Some(20_003), Sending::Misconfigured),
        (404, Some(20_404), Sending::Misconfigured),
        (400, Some(60_207), Sending::Misconfigured),
        (400, Some(99_999), Sending::Misconfigured),
        (400, None, Sending::Unknown),
        (500, Some(20_500), Sending::Unknown),
        (503, None, Sending::Unknown),
    ] {
        assert_eq!(meaning_of_start_refusal(status, code, None), meaning, "{status} {code:?}");
    }
    for (status, code, meaning) in [
        (429, Some(60_202), Checking::Answered(CheckAnswer::UsedUp)),
        (404, Some(20_404), Checking::Gone),
        (404, None, Checking::Unknown),
        (400, Some(60_200), Checking::Answered(CheckAnswer::Wrong)),
        (429, Some(20_429), Checking::NotProcessed { retry_after_s: None }),
        (401, Some(20_003), Checking::Misconfigured),
        (500, Some(20_500), Checking::Unknown),
        (502, None, Checking::Unknown),
    ] {
        assert_eq!(meaning_of_check_refusal(status, code, None), meaning, "{status} {code:?}");
    }
}

#[tokio::test]
async fn answers_that_cannot_be_read_are_unknown() {
    for body in ["", "{}", "[]", "<html>", r#"{"sid": 7}"#, r#"{"sid": ""}"#, r#"{"status": "odd"}"#] {
        let canned = Canned::start(Can::json(201, body)).await;
        let client = verify(&canned.server, vec![]);
        let limits = RateLimitValues::default();
        let sending = in_time(client.start(&number(PHONE), Channel::Sms, &limits)).await;
        assert_eq!(sending, Sending::Unknown, "{body}");
        let sid = VerifySid::parse("VE1").expect("is a word");
        assert_eq!(in_time(client.check(&sid, &"000000".to_owned().into())).await, Checking::Unknown, "{body}");
        let canned = Canned::start(Can::json(200, body)).await;
        let converted = in_time(verify(&canned.server, vec![]).was_converted(&sid)).await;
        assert_eq!(converted, Err(VerifyError::Unavailable), "{body}");
        assert_eq!(in_time(lookup(&canned.server).line_type(&number(PHONE))).await, Err(LookupError::Unavailable));
    }
}

#[tokio::test]
async fn lookup_says_line_risk_and_name() {
    let server = Server::twilio().await;
    server
        .control(
            "lookup",
            json!({"phones": [{
                "phone_number": PHONE, "line_type": "nonFixedVoip", "sms_pumping_risk_score": 61,
                "number_blocked": true,
            }, {
                "phone_number": "+12125550100", "owner": {"first_name": "Alexander", "last_name": "Sample"},
            }]}),
        )
        .await;
    let client = lookup(&server);
    let phone = number(PHONE);
    assert_eq!(in_time(client.line_type(&phone)).await, Ok(LineType::NonFixedVoip));
    let sub_account = SubAccountId::parse("Loc1").expect("is a word");
    let risk = in_time(client.pumping_risk(&phone, &sub_account)).await;
    assert_eq!(risk, Ok(PumpingRisk { score: 61, number_blocked: true }));
    let name = PersonName { first: "Alexander".to_owned().into(), last: "Sample".to_owned().into() };
    let levels = in_time(client.name_levels(&number("+12125550100"), &name)).await;
    assert_eq!(levels, Ok(NameLevels { first: NameLevel::Exact, last: NameLevel::Exact }));
}

#[tokio::test]
async fn a_package_that_has_nothing_is_no_word_about_the_number() {
    let package = |code: u32| json!({"line_type_intelligence": {"type": null, "error_code": code}}).to_string();
    for (code, error) in [
        (60_600, LookupError::Nothing(60_600)),
        (60_607, LookupError::Nothing(60_607)),
        (60_608, LookupError::Unavailable),
        (60_616, LookupError::Unavailable),
    ] {
        let canned = Canned::start(Can::json(200, package(code))).await;
        assert_eq!(in_time(lookup(&canned.server).line_type(&number(PHONE))).await, Err(error), "{code}");
        assert_eq!(canned.seen()[0].line, "GET /v2/PhoneNumbers/+447400123456?Fields=line_type_intelligence");
    }
}

/// A name of nobody's, and phones of which Lookup says each thing that it can say.
#[tokio::test]
async fn the_name_on_an_id_is_compared_and_what_nobody_knows_is_an_answer() {
    struct Named(Option<PersonName>);
    impl NameOnId for Named {
        async fn name_on_id(&self, _: &InquiryId) -> Result<Option<PersonName>, PersonaError> {
            Ok(self.0.clone())
        }
    }
    let inquiry = InquiryId::parse("inq_1").expect("is an id");
    let zoe = || Some(PersonName { first: "Zoe".to_owned().into(), last: "Sample".to_owned().into() });
    let said = |package: Value| Can::json(200, json!({"identity_match": package}).to_string());
    let no_data = Ok(NameLevels { first: NameLevel::NoData, last: NameLevel::NoData });
    let cases = [
        (
            said(json!({"first_name_match": "partial_match", "last_name_match": "high_partial_match"})),
            Ok(NameLevels { first: NameLevel::Partial, last: NameLevel::HighPartial }),
        ),
        (said(json!({"error_code": 60_600})), no_data),
        (said(json!({"error_code": 60_608})), Err(NameMatchError::Lookup(LookupError::Unavailable))),
        (said(json!({"error_code": 60_606})), Err(NameMatchError::Lookup(LookupError::Unauthorised))),
        (said(json!({"error_code": 69_999})), Err(NameMatchError::Lookup(LookupError::Unavailable))),
        (said(json!({"first_name_match": "sort_of"})), Err(NameMatchError::Lookup(LookupError::Unavailable))),
        (Can::json(401, "{}"), Err(NameMatchError::Lookup(LookupError::Unauthorised))),
    ];
    for (can, wanted) in cases {
        let canned = Canned::start(can).await;
        let compared = IdAgainstPhone { ids: Named(zoe()), lookup: lookup(&canned.server) };
        assert_eq!(in_time(compared.levels(&inquiry, &number(PHONE))).await, wanted);
        let asked = "GET /v2/PhoneNumbers/+447400123456?Fields=identity_match&FirstName=Zoe&LastName=Sample";
        assert_eq!(canned.seen()[0].line, asked);
    }
    let canned = Canned::start(said(json!({}))).await;
    let unnamed = IdAgainstPhone { ids: Named(None), lookup: lookup(&canned.server) };
    let not_on_id = NameLevels { first: NameLevel::NotOnId, last: NameLevel::NotOnId };
    assert_eq!(in_time(unnamed.levels(&inquiry, &number(PHONE))).await, Ok(not_on_id));
    assert!(canned.seen().is_empty(), "a name that nobody knows is not paid for");
}
