//! The end user's side: who is let in, and what each step leads to. A browser plays it too, with Persona's own SDK, in
//! the repository's browser test.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Persona, body_of, new_inquiry, persona, persona_with, text};
use crate::persona_simulator::Decision;

impl Persona {
    /// What a page is answered.
    async fn page(&self, call: &str, body: Value, status: u16) -> Value {
        let request = self.client.post(format!("{}/flow/{call}", self.base)).json(&body);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        body_of(answer, status).await
    }

    async fn enter(&self, inquiry: &str, token: Option<&str>) -> Value {
        self.page("enter", json!({"inquiryId": inquiry, "sessionToken": token}), 200).await
    }

    async fn act(&self, page: &Value, action: Value) -> Value {
        let body = json!({"inquiryId": page["inquiryId"], "sessionToken": page["sessionToken"], "action": action});
        self.page("act", body, 200).await
    }

    async fn event_names(&self) -> Vec<String> {
        let events = self.get("/api/v1/events?page[size]=100").await;
        let mut names: Vec<String> =
            events["data"].as_array().expect("a list").iter().map(|event| text(&event["attributes"]["name"])).collect();
        names.reverse();
        names
    }
}

#[tokio::test]
async fn a_whole_flow_completes_the_inquiry() {
    let persona = persona_with(1.0, Decision::ApproveOnCompletion { after_ms: 0 }).await;
    let id = persona.create("s_flow").await;
    let page = persona.enter(&id, None).await;
    assert_eq!((&page["step"], &page["status"]), (&json!("country"), &json!("created")), "opening starts nothing");
    let page = persona.act(&page, json!({"country": "CA"})).await;
    let classes: Vec<&Value> =
        page["documents"].as_array().expect("documents").iter().map(|each| &each["code"]).collect();
    assert_eq!(classes, ["dl", "pp", "pr", "hic"], "documents by country");
    let page = persona.act(&page, json!({"document": "pp"})).await;
    assert_eq!((&page["step"], &page["status"]), (&json!("government_id"), &json!("pending")));
    let page = persona.act(&page, json!({"government_id": "pass"})).await;
    assert_eq!(page["step"], "selfie");
    let page = persona.act(&page, json!({"selfie": "pass"})).await;
    assert_eq!(page["step"], "done");

    let inquiry = persona.get(&format!("/api/v1/inquiries/{id}")).await;
    let fields = &inquiry["data"]["attributes"]["fields"];
    assert_eq!(inquiry["data"]["attributes"]["status"], "approved");
    assert_eq!(fields["selected-country-code"]["value"], "CA");
    assert_eq!(fields["identification-class"]["value"], "pp");
    assert_eq!(fields["name-first"]["value"], "Alexander");
    let shown = &inquiry["data"]["relationships"]["documents"]["data"][0]["id"];
    assert_eq!(&fields["current-government-id"]["value"]["id"], shown);
    let expected = [
        "account.created",
        "inquiry.created",
        "inquiry-session.started",
        "inquiry.started",
        "verification.created",
        "document.created",
        "document.submitted",
        "document.processed",
        "verification.submitted",
        "verification.passed",
        "inquiry.transitioned",
        "verification.created",
        "selfie.created",
        "selfie.submitted",
        "selfie.processed",
        "verification.submitted",
        "verification.passed",
        "inquiry.completed",
        "inquiry.approved",
    ];
    assert_eq!(persona.event_names().await, expected);
}

#[tokio::test]
async fn simulated_verifications_show_first_and_are_made_after_that() {
    let persona = persona().await;
    let id = persona.create("s_simulated").await;
    persona.simulate(&id, &["start_inquiry", "create_failed_verification", "create_passed_verification"]).await;
    persona.simulate(&id, &["create_passed_verification"]).await;
    let of = |capture: &str, end: &str| {
        ["created", "submitted", "processed"]
            .map(|step| format!("{capture}.{step}"))
            .into_iter()
            .chain(["created", "submitted", end].map(|step| format!("verification.{step}")))
            .collect::<Vec<_>>()
    };
    let expected = [of("document", "failed"), of("document", "passed"), of("selfie", "passed")].concat();
    assert_eq!(persona.event_names().await[3..], expected, "after account, inquiry and start");
}

#[tokio::test]
async fn the_last_attempt_fails_the_inquiry() {
    let persona = persona().await;
    let id = persona.create("s_fails").await;
    let page = persona.enter(&id, None).await;
    let page = persona.act(&page, json!({"country": "US"})).await;
    let mut page = persona.act(&page, json!({"document": "dl"})).await;
    for left in (0..5).rev() {
        page = persona.act(&page, json!({"government_id": "fail"})).await;
        assert_eq!(page["attemptsLeft"], if left == 0 { 5 } else { left }, "of the selfie once all is over");
        assert_eq!(page["status"], if left == 0 { "failed" } else { "pending" });
    }
    assert_eq!(page["step"], "done");
}

#[tokio::test]
async fn a_closed_tab_comes_back_by_a_resumed_session_to_the_same_step() {
    let persona = persona().await;
    let created = new_inquiry(json!({"auto-create-inquiry-session": true}));
    let created = persona.call(Method::POST, "/api/v1/inquiries", created, 201).await;
    let (id, token) = (text(&created["data"]["id"]), text(&created["meta"]["session-token"]));
    let page = persona.enter(&id, Some(&token)).await;
    persona.act(&page, json!({"country": "US"})).await;
    persona.act(&page, json!({"document": "id"})).await;

    // The tab is closed and its token with it.
    let refused = persona.page("enter", json!({"inquiryId": id}), 409).await;
    assert_eq!(refused["error"]["code"], "unauthenticated");
    // A reload has the token still.
    assert_eq!(persona.enter(&id, Some(&token)).await["step"], "government_id");

    let resumed = persona.post(&format!("/api/v1/inquiries/{id}/resume"), json!({})).await;
    let new_token = text(&resumed["meta"]["session-token"]);
    assert_ne!(new_token, token, "a session in use is not handed out again");
    let back = persona.enter(&id, Some(&new_token)).await;
    assert_eq!((&back["step"], &back["document"]["code"]), (&json!("government_id"), &json!("id")));
    let states = persona.get(&format!("/api/v1/inquiry-sessions?filter[inquiry-id]={id}")).await;
    let states: Vec<&Value> =
        states["data"].as_array().expect("sessions").iter().map(|each| &each["attributes"]["status"]).collect();
    assert_eq!(states, ["active", "active"]);
}

#[tokio::test]
async fn sessions_end_with_their_inquiry_or_alone() {
    let persona = persona().await;
    let id = persona.create("s_sessions_end").await;
    let page = persona.enter(&id, None).await;
    let page = persona.act(&page, json!({"country": "US"})).await;
    let page = persona.act(&page, json!({"document": "id"})).await;
    persona.post(&format!("/api/v1/inquiries/{id}/expire"), json!({})).await;
    let again = json!({"inquiryId": id, "sessionToken": page["sessionToken"]});
    persona.page("enter", again, 409).await;
    let names: BTreeSet<String> = persona.event_names().await.into_iter().collect();
    assert!(names.contains("inquiry-session.expired") && names.contains("verification.canceled"), "{names:?}");

    let resumed = persona.post(&format!("/api/v1/inquiries/{id}/resume"), json!({})).await;
    let token = text(&resumed["meta"]["session-token"]);
    assert_eq!(persona.enter(&id, Some(&token)).await["step"], "government_id");
    let sessions = persona.get("/api/v1/inquiry-sessions").await;
    let session = format!("/api/v1/inquiry-sessions/{}", text(&sessions["data"][0]["id"]));
    assert_eq!(persona.get(&session).await["data"]["attributes"]["status"], "active");
    let ended = persona.post(&format!("{session}/expire"), json!({})).await;
    assert_eq!(ended["data"]["attributes"]["status"], "expired");
    persona.page("enter", json!({"inquiryId": id, "sessionToken": token}), 409).await;
    assert_eq!(persona.status(&id).await, "pending", "the inquiry stays");
    persona.call(Method::GET, "/api/v1/inquiry-sessions/iqse_unknown", json!({}), 404).await;
}

#[tokio::test]
async fn a_session_ends_by_its_own_clock_while_its_inquiry_lives_on() {
    const DAY_S: u64 = 24 * 60 * 60;
    let persona = persona().await;
    let id = persona.create("s_own_clock").await;
    let page = persona.enter(&id, None).await;
    let page = persona.act(&page, json!({"country": "US"})).await;
    persona.act(&page, json!({"document": "id"})).await;
    let ended = async || {
        let listed = persona.get(&format!("/api/v1/inquiry-sessions?filter[inquiry-id]={id}")).await;
        let mut states: Vec<String> =
            listed["data"].as_array().expect("sessions").iter().map(|one| text(&one["attributes"]["status"])).collect();
        states.reverse();
        let events = persona.event_names().await;
        (states, events.iter().filter(|name| *name == "inquiry-session.expired").count())
    };
    persona.advance(DAY_S / 2).await;
    // Resuming restarts the inquiry's clock and extends no old session.
    persona.post(&format!("/api/v1/inquiries/{id}/resume"), json!({})).await;
    assert_eq!(ended().await, (vec!["active".to_owned(), "created".to_owned()], 0));
    persona.advance(DAY_S / 2).await;
    assert_eq!(persona.status(&id).await, "pending");
    assert_eq!(ended().await, (vec!["expired".to_owned(), "created".to_owned()], 1));
    let again = json!({"inquiryId": id, "sessionToken": page["sessionToken"]});
    persona.page("enter", again, 409).await;
    // An inquiry that is done expires no more; what was handed out for it does.
    persona.simulate(&id, &["complete_inquiry"]).await;
    persona.advance(DAY_S / 2).await;
    assert_eq!(persona.status(&id).await, "completed");
    assert_eq!(ended().await, (vec!["expired".to_owned(), "expired".to_owned()], 2));
}

#[tokio::test]
async fn a_one_time_link_lets_in_once_and_for_five_minutes_more() {
    let persona = persona().await;
    let created = new_inquiry(json!({"auto-create-one-time-link": true}));
    let created = persona.call(Method::POST, "/api/v1/inquiries", created, 201).await;
    let path = format!("/api/v1/inquiries/{}", text(&created["data"]["id"]));
    let code = |meta: &Value, name: &str| text(&meta[name]).split_once("code=").expect("a code").1.to_owned();
    let long = code(&created["meta"], "one-time-link");
    let first = persona.page("enter", json!({"code": long}), 200).await;
    assert_eq!(first["step"], "country");
    persona.advance(4 * 60).await;
    let short = code(&created["meta"], "one-time-link-short");
    let again = persona.page("enter", json!({"code": short}), 200).await;
    assert_eq!(again["sessionToken"], first["sessionToken"], "within the grace it is the same visit");
    persona.advance(61).await;
    persona.page("enter", json!({"code": long}), 409).await;
    persona.page("enter", json!({"code": "us1-nobody"}), 409).await;

    let linked =
        persona.post(&format!("{path}/generate-one-time-link"), json!({"meta": {"expires-in-seconds": 60}})).await;
    let new = code(&linked["meta"], "one-time-link");
    assert_ne!(new, long, "a used link is not handed out again");
    persona.advance(60).await;
    persona.page("enter", json!({"code": new}), 409).await;
}

#[tokio::test]
async fn an_end_user_can_do_only_what_is_next() {
    let persona = persona().await;
    let id = persona.create("s_order").await;
    let page = persona.enter(&id, None).await;
    let act = async |action: Value, status: u16| {
        let body = json!({"inquiryId": id, "sessionToken": page["sessionToken"], "action": action});
        persona.page("act", body, status).await
    };
    for early in [json!({"document": "dl"}), json!({"government_id": "pass"}), json!({"selfie": "pass"})] {
        act(early, 409).await;
    }
    act(json!({"country": "XX"}), 422).await;
    act(json!({"colour": "blue"}), 400).await;
    act(json!({"country": "CA"}), 200).await;
    act(json!({"document": "ppc"}), 422).await;
    act(json!({"document": "hic"}), 200).await;
    assert_eq!(act(json!({"country": "US"}), 200).await["document"], Value::Null, "another country, another document");
    let foreign = json!({"inquiryId": id, "sessionToken": "forged", "action": {"country": "US"}});
    persona.page("act", foreign, 409).await;
    persona.page("enter", json!({"inquiryId": "inq_unknown"}), 400).await;
    persona.page("enter", json!({}), 400).await;
    persona.call(Method::DELETE, &format!("/api/v1/inquiries/{id}"), json!({}), 200).await;
    act(json!({"country": "US"}), 400).await;
}

#[tokio::test]
async fn the_hosted_flow_leads_on_with_what_persona_tells_there() {
    let persona = persona().await;
    let body = json!({
        "data": {"attributes": {"inquiry-template-id": super::TEMPLATE, "redirect-uri": "https://app.test/done?tab=2#top"}},
        "meta": {"auto-create-account-reference-id": "s_hosted"},
    });
    let id = text(&persona.call(Method::POST, "/api/v1/inquiries", body, 201).await["data"]["id"]);
    let mut page = persona.enter(&id, None).await;
    for action in [
        json!({"country": "US"}),
        json!({"document": "dl"}),
        json!({"government_id": "pass"}),
        json!({"selfie": "pass"}),
    ] {
        page = persona.act(&page, action).await;
    }
    let target = reqwest::Url::parse(&text(&page["redirectTo"])).expect("an address");
    assert!(
        target.as_str().starts_with("https://app.test/done?tab=2&") && target.fragment() == Some("top"),
        "{target}"
    );
    let told: Vec<(String, String)> = target.query_pairs().into_owned().skip(1).collect();
    let (fields, others) = told.split_last().expect("something is told");
    let expected = [("inquiry-id", id.as_str()), ("reference-id", "s_hosted"), ("status", "completed")];
    assert_eq!(others, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let shown: Value = serde_json::from_str(&fields.1).expect("JSON");
    assert_eq!((fields.0.as_str(), &shown), ("fields", &page["fields"]));
    assert_eq!(shown["name-first"], json!({"type": "string", "value": "Alexander"}));
    // The page itself adds nothing and leaves nothing out.
    assert!(include_str!("../flow/flow.js").contains("location.assign(state.redirectTo);"));

    let id = persona.create("s_nowhere").await;
    assert_eq!(persona.enter(&id, None).await["redirectTo"], Value::Null);
}

#[tokio::test]
async fn pages_load_their_own_things_only_and_are_embedded_where_they_may_be() {
    let persona = persona().await;
    let get = async |path: &str| {
        let answer = persona.client.get(format!("{}{path}", persona.base)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(
            (&answer.headers()["referrer-policy"], &answer.headers()["x-content-type-options"]),
            (&"no-referrer".parse().expect("a value"), &"nosniff".parse().expect("a value"))
        );
        let policy = answer.headers()["content-security-policy"].to_str().expect("a text").to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        (policy, answer.text().await.expect("a body"))
    };
    let (widget, page) = get("/widget?inquiry-id=inq_1").await;
    assert!(widget.contains("frame-ancestors http://localhost:* "), "{widget}");
    assert!(get("/verify?code=1").await.0.ends_with("frame-ancestors 'none'"));
    get("/preload").await;
    // Whatever the page refers to is there, and nothing of it stands in the page itself.
    for reference in page.split(&['"', '\''][..]).filter(|part| part.starts_with("flow/")) {
        get(&format!("/{reference}")).await;
    }
    assert!(get("/flow/flow.css").await.1.contains("arrow.svg"));
    get("/flow/arrow.svg").await;
    for inline in ["<style", "style=", "onclick", "onload", "<script>"] {
        assert!(!page.contains(inline), "{inline} would be refused by the policy");
    }
}
