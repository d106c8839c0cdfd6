//! Persona's client.

use adapters::name_match::NameOnId;
use adapters::persona::{Identity, OpenedInquiry, PersonaClient, PersonaError, PersonaSettings};
use domain::{InquiryId, InquiryStatus, Nonce, TemplateId};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::canned::{Can, Canned};
use crate::servers::{IMPATIENT_MS, PATIENT_MS, PERSONA_KEY, SLOW_MS, Server, TEMPLATE, in_time};

const REFERENCE: &str = "s_abcdefghijklmnopqrstuvwxyz";

pub(crate) fn client(server: &Server, timeout_ms: u64) -> PersonaClient {
    client_with(server, timeout_ms, PERSONA_KEY)
}

fn client_with(server: &Server, timeout_ms: u64, key: &str) -> PersonaClient {
    tests::logs::install();
    PersonaClient::new(PersonaSettings {
        base_url: server.base_url("/api/v1"),
        api_key: key.to_owned().into(),
        template: TemplateId::parse(TEMPLATE).expect("is an id"),
        timeout_ms,
    })
    .expect("a client")
}

fn nonce(number: u32) -> Nonce {
    Nonce::parse(&format!("nonce-{number}")).expect("is an id")
}

async fn open(client: &PersonaClient, number: u32) -> OpenedInquiry {
    client.open(REFERENCE, &nonce(number)).await.expect("is opened")
}

async fn status(client: &PersonaClient, inquiry: &InquiryId) -> InquiryStatus {
    let seen = client.look(std::slice::from_ref(inquiry)).await.expect("an answer");
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].event.inquiry, *inquiry);
    seen[0].event.status
}

async fn fault(server: &Server, fault: Value) {
    server.control("faults", json!({"next": [fault]})).await;
}

#[tokio::test]
async fn opening_gives_an_inquiry_with_a_session() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    let opened = open(&client, 1).await;
    assert!(opened.id.as_str().starts_with("inq_"));
    assert!(!opened.session.token.expose_secret().is_empty());
    let link = opened.session.one_time_link.expect("a link");
    assert!(link.expose_secret().starts_with("http"));
    assert_eq!(status(&client, &opened.id).await, InquiryStatus::Created);
}

#[tokio::test]
async fn the_same_nonce_gives_the_same_inquiry() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    let first = open(&client, 1).await;
    assert_eq!(open(&client, 1).await.id, first.id);
    assert_ne!(open(&client, 2).await.id, first.id);
    assert_eq!(server.state().await["replays"], 1);
    let other = client.open("s_of_another_owner", &nonce(1)).await.expect_err("other parameters");
    assert_eq!(other, PersonaError::Answered(400));
}

#[tokio::test]
async fn resuming_gives_a_session_of_the_same_inquiry() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    let opened = open(&client, 1).await;
    let session = client.resume(&opened.id).await.expect("is resumed");
    assert!(!session.token.expose_secret().is_empty());
    let link = session.one_time_link.expect("a link, asked for on its own");
    assert!(link.expose_secret().starts_with("http"));
    server.persona_call(Method::POST, &format!("inquiries/{}/expire", opened.id)).await;
    assert_eq!(status(&client, &opened.id).await, InquiryStatus::Expired);
    client.resume(&opened.id).await.expect("an abandoned one can be resumed");
    assert_eq!(status(&client, &opened.id).await, InquiryStatus::Pending);
}

#[tokio::test]
async fn what_cannot_be_resumed_is_refused_and_only_what_is_not_there_is_gone() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    let redacted = open(&client, 1).await.id;
    server.persona_call(Method::DELETE, &format!("inquiries/{redacted}")).await;
    let approved = open(&client, 2).await.id;
    server.persona_call(Method::POST, &format!("inquiries/{approved}/approve")).await;
    let unknown = InquiryId::parse("inq_of_nobody").expect("is an id");
    for refused in [redacted, approved] {
        assert_eq!(client.resume(&refused).await.expect_err("is refused"), PersonaError::Answered(409));
    }
    assert_eq!(client.resume(&unknown).await.expect_err("is not there"), PersonaError::Gone);
}

#[tokio::test]
async fn one_question_is_about_up_to_a_hundred() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    let mut inquiries = Vec::new();
    for number in 0..101 {
        inquiries.push(open(&client, number).await.id);
    }
    let mut seen: Vec<InquiryId> =
        client.look(&inquiries).await.expect("an answer").into_iter().map(|looked| looked.event.inquiry).collect();
    let mut asked = inquiries[..100].to_vec();
    seen.sort();
    asked.sort();
    assert_eq!(seen, asked);
    let unknown = InquiryId::parse("inq_of_nobody").expect("is an id");
    let seen = client.look(&[unknown, inquiries[0].clone()]).await.expect("an answer");
    assert_eq!(seen.len(), 1, "one that Persona does not know is left out");
}

#[tokio::test]
async fn a_status_that_persona_decided_is_seen() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    for (number, (call, expected)) in [
        ("approve", InquiryStatus::Approved),
        ("decline", InquiryStatus::Declined),
        ("mark-for-review", InquiryStatus::NeedsReview),
        ("expire", InquiryStatus::Expired),
    ]
    .into_iter()
    .enumerate()
    {
        let inquiry = open(&client, u32::try_from(number).expect("is small")).await.id;
        server.persona_call(Method::POST, &format!("inquiries/{inquiry}/{call}")).await;
        assert_eq!(status(&client, &inquiry).await, expected);
    }
}

/// Persona keeps such an answer for its `Idempotency-Key`: a fresh one is needed, which is what the error says.
#[tokio::test]
async fn an_error_of_personas_is_answered_and_kept() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    for (number, status) in [(1, 503), (2, 500), (3, 422)] {
        fault(&server, json!({"match": "POST /api/v1/inquiries", "status": status})).await;
        for _ in 0..2 {
            let error = client.open(REFERENCE, &nonce(number)).await.expect_err("an error");
            assert_eq!(error, PersonaError::Answered(status));
        }
    }
    open(&client, 4).await;
    assert_eq!(server.state().await["planned_faults"], 0);
}

/// These two come before the idempotency store: the same key may be used again.
#[tokio::test]
async fn a_limit_of_the_rate_is_not_kept() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    for (number, status) in [(1, 429), (2, 401)] {
        fault(&server, json!({"match": "POST /api/v1/inquiries", "status": status})).await;
        let error = client.open(REFERENCE, &nonce(number)).await.expect_err("an error");
        assert_eq!(error, PersonaError::Answered(status));
        open(&client, number).await;
    }
    let inquiry = open(&client, 3).await.id;
    fault(&server, json!({"status": 429, "times": 2})).await;
    assert_eq!(client.resume(&inquiry).await.expect_err("an error"), PersonaError::Answered(429));
    assert_eq!(client.look(&[inquiry]).await.expect_err("an error"), PersonaError::Answered(429));
}

#[tokio::test]
async fn a_wrong_key_is_answered() {
    let server = Server::persona().await;
    let client = client_with(&server, PATIENT_MS, "persona_sandbox_of_somebody_else");
    assert_eq!(client.open(REFERENCE, &nonce(1)).await.expect_err("an error"), PersonaError::Answered(401));
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_it_unknown() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    for (number, drop, made) in [(1, "before", 0), (2, "after", 1)] {
        fault(&server, json!({"match": "POST /api/v1/inquiries", "drop": drop})).await;
        let error = in_time(client.open(REFERENCE, &nonce(number))).await.expect_err("an error");
        assert_eq!(error, PersonaError::Unknown, "{drop}");
        assert_eq!(server.state().await["inquiries"]["created"], made, "{drop}");
    }
    // The second was made: the same nonce finds it.
    open(&client, 2).await;
    assert_eq!(server.state().await["replays"], 1);
    let inquiry = open(&client, 3).await.id;
    fault(&server, json!({"drop": "before", "times": 2})).await;
    assert_eq!(in_time(client.resume(&inquiry)).await.expect_err("an error"), PersonaError::Unknown);
    assert_eq!(in_time(client.look(&[inquiry])).await.expect_err("an error"), PersonaError::Unknown);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_leaves_it_unknown() {
    let server = Server::persona().await;
    let impatient = client(&server, IMPATIENT_MS);
    fault(&server, json!({"match": "POST /api/v1/inquiries", "delay_ms": SLOW_MS})).await;
    assert_eq!(impatient.open(REFERENCE, &nonce(1)).await.expect_err("an error"), PersonaError::Unknown);
    let patient = client(&server, PATIENT_MS);
    open(&patient, 1).await;
    assert_eq!(server.state().await["replays"], 1, "it was done, and the same nonce finds it");
}

#[tokio::test]
async fn nobody_there_leaves_it_unknown() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    drop(server);
    assert_eq!(in_time(client.open(REFERENCE, &nonce(1))).await.expect_err("an error"), PersonaError::Unknown);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_it_unknown() {
    let session = json!({"session-token": "token"});
    for (name, body) in [
        ("no JSON", "<html></html>".to_owned()),
        ("nothing", String::new()),
        ("no session", json!({"data": {"id": "inq_1"}, "meta": {}}).to_string()),
        ("no id", json!({"data": {}, "meta": session}).to_string()),
        ("an id that is none", json!({"data": {"id": "inq 1/.."}, "meta": session}).to_string()),
        ("an error", json!({"errors": [{"title": "x"}]}).to_string()),
        (
            "over a megabyte",
            json!({"data": {"id": "inq_1"}, "meta": session, "x": "x".repeat(1024 * 1024)}).to_string(),
        ),
    ] {
        let canned = Canned::start(Can::json(201, body)).await;
        let client = client(&canned.server, PATIENT_MS);
        assert_eq!(client.open(REFERENCE, &nonce(1)).await.expect_err(name), PersonaError::Unknown, "{name}");
    }
    let canned = Canned::start(Can::json(200, "{}")).await;
    let inquiry = InquiryId::parse("inq_1").expect("is an id");
    let error = client(&canned.server, PATIENT_MS).look(&[inquiry]).await.expect_err("no list");
    assert_eq!(error, PersonaError::Unknown);
}

/// Erasing repeats itself after a crash: what is redacted already, and what never was, is fine.
#[tokio::test]
async fn what_is_redacted_is_gone_for_good_and_redacting_again_is_fine() {
    let server = Server::persona().await;
    let client = client(&server, PATIENT_MS);
    let (first, second) = (open(&client, 1).await.id, open(&client, 2).await.id);
    let redacted =
        async |inquiry: &InquiryId| client.look(std::slice::from_ref(inquiry)).await.expect("seen")[0].redacted;
    for _ in 0..2 {
        client.redact(&first).await.expect("is redacted");
        assert!(redacted(&first).await && !redacted(&second).await);
    }
    client.resume(&second).await.expect("is another one");
    for _ in 0..2 {
        client.redact_accounts(REFERENCE).await.expect("is redacted");
        assert!(redacted(&second).await, "went with its account");
    }
    client.redact_accounts("s_of_nobody").await.expect("there is none");
    client.redact(&InquiryId::parse("inq_of_nobody").expect("is an id")).await.expect("there is none");
    for (status, error) in [(429, PersonaError::Answered(429)), (500, PersonaError::Answered(500))] {
        fault(&server, json!({"status": status, "times": 2})).await;
        assert_eq!(client.redact(&second).await.expect_err("an error"), error);
        assert_eq!(client.redact_accounts(REFERENCE).await.expect_err("an error"), error);
    }
}

/// A redirect would carry the key elsewhere.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Canned::start(Can::json(200, "{}")).await;
    let target = elsewhere.server.base_url("/elsewhere").to_string();
    for status in [301, 302, 307, 308] {
        let canned = Canned::start(Can { status, header: ("location", target.clone()), body: String::new() }).await;
        let client = client(&canned.server, PATIENT_MS);
        let error = client.open(REFERENCE, &nonce(1)).await.expect_err("no answer of Persona's");
        assert_eq!(error, PersonaError::Answered(status));
    }
    assert!(elsewhere.seen().is_empty());
}

/// The version and the casing of keys are pinned, status fields only are asked for, and nothing personal is sent.
#[tokio::test]
async fn requests_say_what_they_must_and_nothing_else() {
    let canned = Canned::start(Can::json(500, "")).await;
    let client = client(&canned.server, PATIENT_MS);
    let inquiry = InquiryId::parse("inq_1").expect("is an id");
    client.open(REFERENCE, &nonce(1)).await.expect_err("an error");
    client.resume(&inquiry).await.expect_err("an error");
    client.look(&[inquiry]).await.expect_err("an error");
    let seen = canned.seen();
    assert_eq!(seen.len(), 3);
    for request in &seen {
        assert_eq!(request.header("authorization"), format!("Bearer {PERSONA_KEY}"));
        assert_eq!(request.header("persona-version"), "2025-12-08");
        assert_eq!(request.header("key-inflection"), "kebab");
        assert!(request.line.contains("fields%5Binquiry%5D=status"), "{}", request.line);
    }
    assert_eq!(seen[0].header("idempotency-key"), "nonce-1");
    let body: Value = serde_json::from_str(&seen[0].body).expect("is JSON");
    assert_eq!(body["data"]["attributes"], json!({"inquiry-template-id": TEMPLATE, "fields": {}}));
    assert_eq!(body["meta"]["auto-create-account-reference-id"], REFERENCE);
    assert!(!format!("{client:?}").contains(PERSONA_KEY), "the key is not shown");
}

#[tokio::test]
async fn the_name_on_the_id_is_read_and_nothing_else_is_asked_for() {
    let server = Server::persona().await;
    let persona = client(&server, PATIENT_MS);
    let opened = open(&persona, 1).await;
    assert!(persona.name_on_id(&opened.id).await.expect("an answer").is_none(), "nothing was shown yet");
    server.persona_act(&opened.id, &["start_inquiry", "complete_inquiry"]).await;
    let name = persona.name_on_id(&opened.id).await.expect("an answer").expect("is known");
    assert_eq!((name.first.expose_secret(), name.last.expose_secret()), ("Alexander", "Sample"));
    persona.redact(&opened.id).await.expect("is redacted");
    assert!(persona.name_on_id(&opened.id).await.expect("an answer").is_none(), "nobody knows it any more");
    let unknown = InquiryId::parse("inq_nobody").expect("is an id");
    assert!(persona.name_on_id(&unknown).await.expect("an answer").is_none());
}

/// Templates spell their fields in one of two ways, and a dashboard's setting makes a third of them.
#[tokio::test]
async fn a_name_is_found_however_its_fields_are_spelled() {
    let field = |value: Value| json!({"type": "string", "value": value});
    let answer = |first: &str, last: &str, value: Value| {
        let fields = json!({first: field("Zoe".into()), last: field(value)});
        Can::json(
            200,
            json!({"data": {"type": "inquiry", "id": "inq_1", "attributes": {"fields": fields}}}).to_string(),
        )
    };
    let inquiry = InquiryId::parse("inq_1").expect("is an id");
    for (first, last) in [("name-first", "name-last"), ("name_first", "name_last"), ("nameFirst", "nameLast")] {
        let canned = Canned::start(answer(first, last, "Sample".into())).await;
        let persona = client(&canned.server, PATIENT_MS);
        let name = persona.name_on_id(&inquiry).await.expect("an answer").expect("is known");
        assert_eq!((name.first.expose_secret(), name.last.expose_secret()), ("Zoe", "Sample"), "{first}");
        let asked = "GET /api/v1/inquiries/inq_1?fields%5Binquiry%5D=fields.name-first%2Cfields.name-last%2C\
                     fields.name_first%2Cfields.name_last&include=";
        assert_eq!(canned.seen()[0].line, asked);
    }
    for half in [Value::Null, json!(" ")] {
        let canned = Canned::start(answer("name-first", "name-last", half)).await;
        assert!(client(&canned.server, PATIENT_MS).name_on_id(&inquiry).await.expect("an answer").is_none());
    }
    for (can, error) in [
        (Can::json(500, "{}"), PersonaError::Answered(500)),
        (Can::json(200, r#"{"data": {"attributes": {"fields": {"name-first": "Zoe"}}}}"#), PersonaError::Unknown),
    ] {
        let canned = Canned::start(can).await;
        assert_eq!(client(&canned.server, PATIENT_MS).name_on_id(&inquiry).await.err(), Some(error));
    }
}
