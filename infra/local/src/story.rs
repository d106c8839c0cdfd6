//! The story that `up` and `demo` tell: an unverified sub-account asks for a number, proves who it is, and gets the
//! number without asking again; its next purchase needs no proof. Each step is checked, not just told.

use crate::error::{Error, Result};
use crate::issuer::{self, TokenRequest};
use crate::report::Report;
use crate::stack::Description;
use reqwest::header::{ETAG, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long any one step may take. A lost message costs a minute (the sweep's step), a lost webhook two more.
const STEP_LIMIT: Duration = Duration::from_secs(240);

/// Longest pause between two looks, whatever an answer advises: a story should not be kept waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pause between two looks when an answer advises none.
const DEFAULT_PAUSE: Duration = Duration::from_millis(250);

/// Limit of one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// How much of an unexpected answer is shown, in characters.
const EXCERPT: usize = 300;

const ASKS: &str = "an unverified sub-account asks for a number";
const PROVES: &str = "the customer shows an ID and takes a selfie";
const APPROVED: &str = "Persona's webhook says approved";
const COMPLETES: &str = "the purchase completes by itself";
const AGAIN: &str = "a second purchase needs no proof";

/// Plays the story once, with a new sub-account and new numbers.
///
/// # Errors
/// [`Error::Story`] names the step that did not hold and what was seen instead.
pub async fn play(stack: &Description, report: &Report) -> Result<()> {
    let sub_account = format!("Loc{}", random_text(12));
    let request = TokenRequest { sub_accounts: vec![sub_account.clone()], ..TokenRequest::default() };
    let token = issuer::request_token(&stack.issuer_url, &request).await?;
    let client = Client::builder().timeout(REQUEST_LIMIT).build()?;
    let story = Story { stack, report, client, token, sub_account };

    let numbers = [random_number(), random_number()];
    let first = story.unverified_purchase(&numbers[0]).await?;
    story.nothing_bought(ASKS, &numbers[0]).await?;
    story.prove_identity(&first.inquiry).await?;
    story.wait_until_verified().await?;
    story.wait_until_completed(COMPLETES, &first.id, &numbers[0]).await?;
    let inquiries = story.count_inquiries().await?;
    story.verified_purchase(&numbers[1]).await?;
    story.no_new_inquiry(inquiries).await
}

struct Story<'a> {
    stack: &'a Description,
    report: &'a Report,
    client: Client,
    token: String,
    sub_account: String,
}

struct WaitingPurchase {
    id: String,
    inquiry: String,
}

impl Story<'_> {
    async fn unverified_purchase(&self, number: &str) -> Result<WaitingPurchase> {
        let purchase = self.request_purchase(ASKS, number).await?;
        expect_state(ASKS, &purchase, "awaiting_verification")?;
        let id = text(ASKS, &purchase, "/id")?;
        let inquiry = text(ASKS, &purchase, "/verification/inquiry_id")?;
        // It opens the customer's session in the browser; it is a credential, so its value is not shown.
        text(ASKS, &purchase, "/verification/session_token")?;
        let line = format!("{} asks for {number}: 202, {id} awaits verification", self.sub_account);
        self.tell(&line, &[("sub_account", &self.sub_account), ("phone_number", number), ("purchase", &id)]);
        self.tell(&format!("{inquiry} is open at Persona, with a live session"), &[("inquiry", &inquiry)]);
        Ok(WaitingPurchase { id, inquiry })
    }

    async fn prove_identity(&self, inquiry: &str) -> Result<()> {
        // Persona's documentation, "Integration testing": what a person would do in the browser, in the sandbox.
        let passed = |template: &str| json!({ "type": "create_passed_verification", "data": { "verification-template-id": template } });
        let actions = json!({ "meta": { "simulate-actions": [
            { "type": "start_inquiry" },
            passed("vtmpl_GovernmentId"),
            passed("vtmpl_Selfie"),
            { "type": "complete_inquiry" },
        ] } });
        let url = format!("{}/api/v1/inquiries/{inquiry}/perform-simulate-actions", self.stack.persona_url);
        let answer = self.client.post(url).bearer_auth(&self.stack.persona_api_key).json(&actions).send().await?;
        json_of(PROVES, answer, StatusCode::OK).await?;
        self.tell("the customer shows an ID and takes a selfie: passed", &[("inquiry", inquiry)]);
        Ok(())
    }

    async fn wait_until_verified(&self) -> Result<()> {
        let began = Instant::now();
        let event = loop {
            let state = self.client.get(format!("{}/simulator/state", self.stack.persona_url)).send().await?;
            let state = json_of(APPROVED, state, StatusCode::OK).await?;
            match approval_taken(&state) {
                Some(event) => break event.to_owned(),
                None => in_time(APPROVED, began, &state)?,
            }
            tokio::time::sleep(DEFAULT_PAUSE).await;
        };
        let answer = self.get(&format!("sub-accounts/{}/verification", self.sub_account)).send().await?;
        expect_state(APPROVED, &json_of(APPROVED, answer, StatusCode::OK).await?, "verified")?;
        let line = format!("Persona's webhook {event} says approved: {} is verified", self.sub_account);
        self.tell(&line, &[("event", &event), ("sub_account", &self.sub_account)]);
        Ok(())
    }

    async fn wait_until_completed(&self, step: &'static str, id: &str, number: &str) -> Result<()> {
        let began = Instant::now();
        let mut seen = (String::new(), Value::Null);
        loop {
            let request = self.get(&format!("sub-accounts/{}/purchases/{id}", self.sub_account));
            let answer = request.header(IF_NONE_MATCH, &seen.0).send().await?;
            let pause = pause_of(&answer);
            if answer.status() != StatusCode::NOT_MODIFIED {
                let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
                seen = (tag, json_of(step, answer, StatusCode::OK).await?);
            }
            match seen.1.get("state").and_then(Value::as_str) {
                Some("completed") => break,
                Some("failed" | "expired" | "cancelled" | "held" | "partially_completed") => {
                    return Err(Error::Story { step, what: format!("it ended as {}", seen.1) });
                }
                Some(_) | None => in_time(step, began, &seen.1)?,
            }
            tokio::time::sleep(pause).await;
        }
        let sid = text(step, &seen.1, "/numbers/0/sid")?;
        let owned = self.owned_numbers(step, number).await?;
        let mark =
            owned.first().and_then(|entry| entry.get("friendly_name")).and_then(Value::as_str).unwrap_or_default();
        let listed = owned.first().and_then(|entry| entry.get("sid")).and_then(Value::as_str);
        if owned.len() != 1 || listed != Some(sid.as_str()) || !mark.contains(id) {
            return Err(Error::Story { step, what: format!("the carrier lists {}", json!(owned)) });
        }
        let line = format!("{id} is completed: {number} is ours at the carrier as {sid}, bought once");
        self.tell(&line, &[("purchase", id), ("phone_number", number), ("sid", &sid)]);
        Ok(())
    }

    async fn verified_purchase(&self, number: &str) -> Result<()> {
        let purchase = self.request_purchase(AGAIN, number).await?;
        expect_state(AGAIN, &purchase, "queued")?;
        let id = text(AGAIN, &purchase, "/id")?;
        let line = format!("{} asks for {number}: 202, {id} is queued at once", self.sub_account);
        self.tell(&line, &[("sub_account", &self.sub_account), ("phone_number", number), ("purchase", &id)]);
        self.wait_until_completed(AGAIN, &id, number).await
    }

    async fn no_new_inquiry(&self, before: usize) -> Result<()> {
        let after = self.count_inquiries().await?;
        if after == before {
            return Ok(());
        }
        Err(Error::Story { step: AGAIN, what: format!("Persona has {after} inquiries, {before} before") })
    }

    async fn nothing_bought(&self, step: &'static str, number: &str) -> Result<()> {
        let owned = self.owned_numbers(step, number).await?;
        if owned.is_empty() {
            self.tell("nothing is bought at the carrier", &[("phone_number", number)]);
            return Ok(());
        }
        Err(Error::Story { step, what: format!("the carrier lists {}", json!(owned)) })
    }

    async fn request_purchase(&self, step: &'static str, number: &str) -> Result<Value> {
        let url = format!("{}/v1/sub-accounts/{}/purchases", self.stack.api_url, self.sub_account);
        let request = self.client.post(url).bearer_auth(&self.token);
        let request = request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string());
        let answer = request.json(&json!({ "kind": "number", "phone_number": number })).send().await?;
        json_of(step, answer, StatusCode::ACCEPTED).await
    }

    /// What the carrier lists under exactly this number.
    async fn owned_numbers(&self, step: &'static str, number: &str) -> Result<Vec<Value>> {
        let (url, account) = (&self.stack.twilio_url, &self.stack.twilio_account_sid);
        let url = format!("{url}/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json");
        let request = self.client.get(url).basic_auth(account, Some(&self.stack.twilio_auth_token));
        let answer = request.query(&[("PhoneNumber", number)]).send().await?;
        let list = json_of(step, answer, StatusCode::OK).await?;
        list.get("incoming_phone_numbers")
            .and_then(Value::as_array)
            .cloned()
            .ok_or_else(|| Error::Story { step, what: format!("the carrier answered {list}") })
    }

    async fn count_inquiries(&self) -> Result<usize> {
        let url = format!("{}/api/v1/inquiries", self.stack.persona_url);
        let answer = self.client.get(url).bearer_auth(&self.stack.persona_api_key).send().await?;
        let list = json_of(AGAIN, answer, StatusCode::OK).await?;
        Ok(list.get("data").and_then(Value::as_array).map_or(0, Vec::len))
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}/v1/{path}", self.stack.api_url)).bearer_auth(&self.token)
    }

    fn tell(&self, line: &str, ids: &[(&str, &str)]) {
        self.report.line("story", line, ids);
    }
}

/// The event by which Persona told of an approval, once our answer to it was a success.
fn approval_taken(state: &Value) -> Option<&str> {
    let deliveries = state.get("deliveries")?.as_array()?;
    let taken = |delivery: &&Value| delivery["event_name"] == "inquiry.approved" && delivery["state"] == "succeeded";
    deliveries.iter().find(taken)?.get("event_id")?.as_str()
}

/// The answer's JSON if its status is the wanted one.
pub(crate) async fn json_of(step: &'static str, answer: Response, wanted: StatusCode) -> Result<Value> {
    let status = answer.status();
    let body = answer.text().await?;
    let excerpt: String = body.chars().take(EXCERPT).collect();
    let unexpected = || Error::Story { step, what: format!("status {status} instead of {wanted}: {excerpt}") };
    if status != wanted {
        return Err(unexpected());
    }
    serde_json::from_str(&body).map_err(|_not_json| unexpected())
}

fn text(step: &'static str, answer: &Value, place: &str) -> Result<String> {
    let found = answer.pointer(place).and_then(Value::as_str).filter(|found| !found.is_empty());
    found.map(str::to_owned).ok_or_else(|| Error::Story { step, what: format!("nothing at {place} of the answer") })
}

fn expect_state(step: &'static str, purchase: &Value, wanted: &str) -> Result<()> {
    match purchase.get("state").and_then(Value::as_str) {
        Some(state) if state == wanted => Ok(()),
        state => Err(Error::Story { step, what: format!("state {state:?} instead of {wanted}") }),
    }
}

fn in_time(step: &'static str, began: Instant, seen: &Value) -> Result<()> {
    if began.elapsed() < STEP_LIMIT {
        return Ok(());
    }
    Err(Error::Story { step, what: format!("still {seen} after {} s", STEP_LIMIT.as_secs()) })
}

/// When the answer says that asking again is worth it.
fn pause_of(answer: &Response) -> Duration {
    let advised = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    advised.map_or(DEFAULT_PAUSE, Duration::from_secs).clamp(DEFAULT_PAUSE, LONGEST_PAUSE)
}

fn random_text(length: usize) -> String {
    uuid::Uuid::new_v4().simple().to_string().chars().take(length).collect()
}

/// A number of San Francisco's area code: gated, and in the simulated carrier's stock.
fn random_number() -> String {
    format!("+1415555{:04}", uuid::Uuid::new_v4().as_u128() % 10_000)
}
