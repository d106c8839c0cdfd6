//! `dialgate trigger`: one of Persona's events to the running stack, rightly signed or deliberately wrong.
//!
//! Nothing changes at Persona: the event says that it did. Where the stack asks Persona itself, as it does about what
//! was signed long ago, it hears what is so there.

use crate::error::{Error, Result};
use crate::event_body::{self, EVENTS, Subject};
use crate::issuer::{self, TokenRequest};
use crate::stack::Description;
use crate::webhook_event::signature;
use clap::builder::PossibleValuesParser;
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde_json::Value;
use std::time::{Duration, Instant};
use time::OffsetDateTime;

/// How long an answer is waited for. Persona itself waits for five seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Attempts that Persona makes in all (its documentation, "Webhooks").
const ATTEMPTS: u32 = 8;

/// Seconds between Persona's first attempt and its second.
const SECOND_ATTEMPT_AFTER_S: i64 = 3;

/// Copies of one event at most.
const COPIES_MAX: i64 = 100;

/// What is to be sent, and what is to be wrong with it.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Trigger {
    /// The event's name
    #[arg(value_parser = PossibleValuesParser::new(EVENTS.map(|(name, _)| name)))]
    pub event: String,
    /// The sub-account whose inquiry it is about; one is opened if there is none
    #[arg(long)]
    pub sub_account: String,
    /// Deliver it N times at once, as one event
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=COPIES_MAX))]
    pub duplicate: u32,
    /// Deliver what happened before it afterwards, newest first
    #[arg(long)]
    pub reorder: bool,
    /// It happened and was signed that long ago: 90s, 10m, 5h, 2d
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    pub late: Option<Duration>,
    /// Sign another body
    #[arg(long, conflicts_with = "old_secret")]
    pub bad_signature: bool,
    /// Sign with a secret that the stack does not take, as one that was withdrawn
    #[arg(long)]
    pub old_secret: bool,
    /// Lose the first attempt and make the second
    #[arg(long)]
    pub drop_first: bool,
}

/// What became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The sub-account.
    pub sub_account: String,
    /// The inquiry.
    pub inquiry: String,
    /// Every attempt, in the order in which it was made.
    pub deliveries: Vec<Delivery>,
    /// The verification before, as the API shows it.
    pub before: Value,
    /// The verification after, as the API shows it.
    pub after: Value,
}

/// One attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// The event's name.
    pub event: String,
    /// The event's id.
    pub event_id: String,
    /// Which attempt of Persona's it plays.
    pub attempt: u32,
    /// What the stack answered; none for an attempt that was lost on purpose.
    pub status: Option<u16>,
    /// How long the stack took, in milliseconds.
    pub took_ms: u64,
    /// What Persona would make of it.
    pub meaning: &'static str,
}

/// Sends what is to be sent to the stack.
///
/// # Errors
/// [`Error::Refused`] if the API knows no such sub-account, or if it has no inquiry and gets none; [`Error::Http`] if the
/// stack does not answer.
pub async fn trigger(stack: &Description, trigger: &Trigger) -> Result<Outcome> {
    let client = Client::builder().timeout(ANSWER_LIMIT).no_proxy().build()?;
    let request = TokenRequest { sub_accounts: vec![trigger.sub_account.clone()], ..TokenRequest::default() };
    let api = Api {
        client: client.clone(),
        url: format!("{}/v1/sub-accounts/{}/verification", stack.api_url, trigger.sub_account),
        token: issuer::request_token(&stack.issuer_url, &request).await?,
    };
    let (before, inquiry) = api.inquiry().await?;
    let resource = inquiry_resource(&client, stack, &inquiry).await?;
    let age_s = trigger.late.map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    let at = OffsetDateTime::now_utc() - time::Duration::seconds(age_s);
    let mut deliveries = Vec::new();
    let mut names = vec![trigger.event.as_str()];
    if trigger.reorder {
        names.extend(event_body::history_before(&trigger.event));
    }
    for (earlier, name) in (0_i64..).zip(names) {
        let subject = event_body::subject_of(name).unwrap_or(Subject::Inquiry(None));
        let event_id = format!("evt_{}", uuid::Uuid::new_v4().simple());
        let body = event_body::body(&event_id, name, subject, &resource, at - time::Duration::seconds(earlier))?;
        let sending = Sending { client: &client, stack, trigger, name, event_id: &event_id, body: &body, at };
        deliveries.extend(sending.all().await?);
    }
    let after = api.read().await?;
    Ok(Outcome { sub_account: trigger.sub_account.clone(), inquiry, deliveries, before, after })
}

impl Outcome {
    /// The outcome for a person.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.deliveries.iter().map(Delivery::line).collect();
        let state = |view: &Value| {
            let state = view["state"].as_str().unwrap_or("unknown");
            view["phase"].as_str().map_or_else(|| state.to_owned(), |phase| format!("{state} ({phase})"))
        };
        lines.push(format!(
            "{}: {} of {}, {} before",
            self.sub_account,
            state(&self.after),
            self.inquiry,
            state(&self.before)
        ));
        lines
    }
}

impl Delivery {
    fn line(&self) -> String {
        let (name, id, attempt) = (&self.event, &self.event_id, self.attempt);
        match self.status {
            Some(status) => {
                format!("{name} {id}, attempt {attempt}: {status} after {} ms, {}", self.took_ms, self.meaning)
            }
            None => format!("{name} {id}, attempt {attempt}: {}", self.meaning),
        }
    }
}

/// The API for one sub-account's verification.
struct Api {
    client: Client,
    url: String,
    token: String,
}

impl Api {
    async fn read(&self) -> Result<Value> {
        self.answered(self.client.get(&self.url)).await
    }

    /// The verification and its inquiry, which is opened if there is none. The session that comes with it is not kept.
    async fn inquiry(&self) -> Result<(Value, String)> {
        let mut seen = self.read().await?;
        if seen["inquiry_id"].is_null() {
            if let Some(why) = why_none(&seen) {
                return Err(why);
            }
            self.answered(self.client.post(&self.url)).await?;
            seen = self.read().await?;
        }
        match seen["inquiry_id"].as_str() {
            Some(inquiry) => Ok((seen.clone(), inquiry.to_owned())),
            // It has changed meanwhile, or another caller is at it.
            None => Err(why_none(&seen).unwrap_or_else(|| Error::Refused {
                what: "the sub-account has no inquiry yet; one is being opened for it".to_owned(),
                next: "send the same again in a minute".to_owned(),
            })),
        }
    }

    async fn answered(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let detail = body["detail"].as_str().or(body["title"].as_str()).unwrap_or("without a reason");
        let next = match status {
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => {
                "an id of a sub-account is up to 64 letters, digits, - and _"
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "send the same again in a minute",
            StatusCode::CONFLICT => "take another sub-account: this one gets no inquiry",
            _ => "look at `make doctor` and at target/local for what Persona's simulator says",
        };
        Err(Error::Refused {
            what: format!("the API answered {status}: {}", detail.trim_end_matches('.')),
            next: next.to_owned(),
        })
    }
}

/// Why a sub-account whose verification has no inquiry gets none, and what to do; none if it gets one for the asking.
fn why_none(view: &Value) -> Option<Error> {
    let another = "take another sub-account: events are about an inquiry, and this one needs none";
    let (what, next) = match (view["covered_by"].as_str(), view["state"].as_str()) {
        (Some(_), _) => ("its agency's verification covers the sub-account, which therefore has no inquiry", another),
        (None, Some("verified")) => ("an operator approved the sub-account, which has no inquiry", another),
        (None, Some("revoked")) => (
            "an operator took the sub-account's verification back, and it has no inquiry: it never had one, or was erased",
            "take another sub-account: this one gets no inquiry until an operator approves it, and needs none then",
        ),
        (None, Some("locked")) => (
            "the sub-account has used all its attempts, and its inquiry was erased",
            "reset its attempts by POST /v1/operator/sub-accounts/{sub}/verification, or take another sub-account",
        ),
        (None, Some(_) | None) => return None,
    };
    Some(Error::Refused { what: what.to_owned(), next: next.to_owned() })
}

/// The inquiry as Persona shows it: what an event carries.
async fn inquiry_resource(client: &Client, stack: &Description, inquiry: &str) -> Result<Value> {
    let base = stack.persona_url.trim_end_matches('/').trim_end_matches("/api/v1");
    let request = client.get(format!("{base}/api/v1/inquiries/{inquiry}")).bearer_auth(&stack.persona_api_key);
    let answer = request.header("Key-Inflection", "kebab").header("Persona-Version", "2025-12-08").send().await?;
    if answer.status() != StatusCode::OK {
        return Err(Error::Refused {
            what: format!("Persona answered {} about {inquiry}", answer.status()),
            next: "its simulator forgets at a reset: take a sub-account that has no inquiry yet".to_owned(),
        });
    }
    let body: Value = answer.json().await?;
    Ok(body["data"].clone())
}

/// One event on its way.
struct Sending<'a> {
    client: &'a Client,
    stack: &'a Description,
    trigger: &'a Trigger,
    name: &'a str,
    event_id: &'a str,
    body: &'a str,
    at: OffsetDateTime,
}

impl Sending<'_> {
    async fn all(&self) -> Result<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        let mut attempt = 1;
        if self.trigger.drop_first {
            deliveries.push(self.delivery(attempt, None, Duration::ZERO));
            attempt += 1;
        }
        let copies = (0..self.trigger.duplicate).map(|_| self.once(attempt));
        deliveries.extend(futures::future::try_join_all(copies).await?);
        Ok(deliveries)
    }

    async fn once(&self, attempt: u32) -> Result<Delivery> {
        let secret = if self.trigger.old_secret {
            format!("wbhsec_{}", uuid::Uuid::new_v4())
        } else {
            // Newest first, as the functions read them.
            self.stack.webhook_secret.split(',').next().unwrap_or_default().trim().to_owned()
        };
        let signed_s = self.at.unix_timestamp();
        let header = if self.trigger.bad_signature {
            signature(&secret, signed_s, &format!("{} ", self.body))
        } else {
            signature(&secret, signed_s, self.body)
        };
        let first_s = if attempt > 1 { signed_s - SECOND_ATTEMPT_AFTER_S } else { signed_s };
        let request = self
            .client
            .post(format!("{}/v1/webhooks/persona", self.stack.api_url))
            .header("content-type", "application/json; charset=utf-8")
            .header("persona-signature", header)
            .header("persona-webhook-attempts-made", attempt)
            .header("persona-webhook-attempts-left", ATTEMPTS - attempt)
            .header("persona-webhook-first-attempted-at", first_s)
            .body(self.body.to_owned());
        let began = Instant::now();
        let answer = request.send().await?;
        Ok(self.delivery(attempt, Some(answer.status().as_u16()), began.elapsed()))
    }

    fn delivery(&self, attempt: u32, status: Option<u16>, took: Duration) -> Delivery {
        Delivery {
            event: self.name.to_owned(),
            event_id: self.event_id.to_owned(),
            attempt,
            status,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            meaning: meaning(status),
        }
    }
}

/// What Persona makes of an answer (its documentation, "Webhooks").
fn meaning(status: Option<u16>) -> &'static str {
    match status {
        None => "lost on purpose",
        Some(200 | 201 | 202 | 204) => "delivered",
        Some(401) => "refused, the signature is none of the stack's; Persona would try again",
        Some(_) => "not delivered; Persona would try again",
    }
}

/// An age such as `90s`, `10m`, `5h` or `2d`.
fn parse_age(text: &str) -> std::result::Result<Duration, String> {
    let problem = || format!("{text} is not an age; write a number with s, m, h or d behind it, such as 2d");
    let unit = text.chars().last().ok_or_else(problem)?;
    let unit_s = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(problem()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| problem())?;
    number.checked_mul(unit_s).filter(|age_s| *age_s <= AGE_MAX_S).map(Duration::from_secs).ok_or_else(problem)
}

/// The oldest that an event can be made, in seconds: a year. Persona keeps events for a month.
const AGE_MAX_S: u64 = 365 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::{Api, meaning, parse_age};
    use axum::http::StatusCode;
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::{Value, json};
    use std::time::Duration;

    /// What a person is told when the API shows this verification, and answers so when it is to be opened.
    async fn told(view: Value, opened: (StatusCode, Value)) -> String {
        let (status, body) = opened;
        let route = get(async move || Json(view)).post(async move || (status, Json(body)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/verification", listener.local_addr().expect("an address"));
        let server = tokio::spawn(axum::serve(listener, Router::new().route("/verification", route)).into_future());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let api = Api { client, url, token: "token".to_owned() };
        let error = api.inquiry().await.expect_err("there is no inquiry");
        server.abort();
        error.to_string()
    }

    #[tokio::test]
    async fn who_has_no_inquiry_is_told_why_and_what_to_do() {
        let locked = || {
            let detail = "All attempts are used, or the verification was taken back. Contact support.";
            (StatusCode::CONFLICT, json!({"type": "/problems/verification-locked", "detail": detail}))
        };
        let unopened = || (StatusCode::OK, json!({"state": "unverified"}));
        let persona_down =
            || (StatusCode::BAD_GATEWAY, json!({"type": "/problems/persona-unavailable", "detail": "It is down."}));
        let unknown = || (StatusCode::NOT_FOUND, json!({"type": "/problems/not-found", "title": "Not found"}));
        for (view, opened, parts) in [
            (json!({"state": "verified", "covered_by": "agency"}), unopened(), ["agency", "another sub-account"]),
            (json!({"state": "verified"}), unopened(), ["an operator approved", "another sub-account"]),
            (json!({"state": "revoked"}), locked(), ["took the sub-account's verification back", "erased"]),
            (json!({"state": "locked"}), locked(), ["used all its attempts", "reset its attempts"]),
            (json!({"state": "unverified"}), locked(), ["taken back", "another sub-account"]),
            (json!({"state": "unverified"}), unopened(), ["is being opened", "again in a minute"]),
            (json!({"state": "unverified"}), persona_down(), ["It is down", "make doctor"]),
            (json!({"state": "unverified"}), unknown(), ["404", "up to 64 letters"]),
        ] {
            let message = told(view.clone(), opened).await;
            assert!(parts.iter().all(|part| message.contains(part)), "{view}: {message}");
            assert_eq!(message.contains("up to 64 letters"), parts[1] == "up to 64 letters", "{message}");
        }
    }

    #[test]
    fn ages_are_numbers_with_a_unit() {
        assert_eq!(parse_age("2d"), Ok(Duration::from_secs(172_800)));
        assert_eq!(parse_age("90s"), Ok(Duration::from_secs(90)));
        for bad in ["", "d", "2", "2w", "-1d", "1.5h", "99999999999999999999d", "400d", "2é"] {
            let message = parse_age(bad).expect_err(bad);
            assert!(message.contains("such as 2d"), "{message}");
        }
    }

    #[test]
    fn only_four_statuses_are_deliveries() {
        for (status, delivered) in [(200, true), (202, true), (203, false), (302, false), (401, false), (503, false)] {
            assert_eq!(meaning(Some(status)) == "delivered", delivered, "{status}");
        }
    }
}
