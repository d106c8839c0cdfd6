//! `dialgate replay`: what a stored event would do, by the very parser and the very rules of the functions, without doing
//! it. Nothing is written and nothing is sent.

use crate::deployed_environment::DeployedEnvironment;
use crate::error::{Error, Result};
use crate::stack::Description;
use adapters::ambient::{Ambient, Machine};
use adapters::dynamodb::DynamoDb;
use adapters::items::{InquiryMap, keys, pointer_messages, verification_state_name};
use adapters::persona::{Delivery, Drift, WebhookSecret, parse_delivery, sign, verify};
use adapters::settings::verification_policy;
use adapters::store::Store;
use adapters::verifications;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use base64::Engine;
use domain::{
    AcceptedStatuses, Decision, EventId, InquiryEvent, InquiryId, InquiryStatus, Instant, Owner, Source, TemplateId,
    Verification, VerificationEffect, VerificationEvent, VerificationPolicy,
};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;

/// Largest body that persona-webhook looks at, in bytes: its own limit, to which a test holds this one.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The verdict on what an operator's decision stands against.
const OVERRULED: &str = "overruled";

/// Purchases that wait, and are named, at most.
const WAITERS_SHOWN: u32 = 100;

/// Which event, and against which state.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Replay {
    /// The event: Persona's body as it was delivered, or an event file of API Gateway that holds it
    pub event: PathBuf,
    /// Decide from this state of the inquiry's owner instead of what the running stack's table holds
    #[arg(long, value_enum)]
    pub state: Option<State>,
    /// With --state: take a completed inquiry for an approved one, as the setting AcceptedStatuses can. Else the running
    /// stack's own settings decide
    #[arg(long, requires = "state")]
    pub accept_completed: bool,
}

/// A state to decide from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum State {
    /// The event's inquiry was just opened
    InProgress,
    /// A reviewer looks at it
    InReview,
    /// It was approved
    Verified,
    /// It was declined
    Declined,
    /// It has failed
    Failed,
    /// It was abandoned
    Expired,
    /// All attempts are used
    Locked,
    /// It was approved, and declined after that
    Revoked,
}

/// What the event would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The one word: `applied`, `already_done`, `overruled`, `foreign`, `ignored`, `unreadable` or `too_large`.
    pub verdict: &'static str,
    /// Why, in a sentence.
    pub why: String,
    /// The event's id, as far as the event is about an inquiry.
    pub event_id: Option<String>,
    /// The inquiry that it is about.
    pub inquiry: Option<String>,
    /// Whose verification it is.
    pub owner: Option<String>,
    /// The state before.
    pub from: Option<&'static str>,
    /// The state after.
    pub to: Option<&'static str>,
    /// The purchases that would be woken; none known without a table.
    pub wakes: Vec<String>,
}

/// What the event in the file would do.
///
/// # Errors
/// [`Error::Refused`] if the file holds no event; [`Error::NotUp`] if no state is given and no stack is up; an error of the
/// table.
pub async fn replay(replay: &Replay, stack: impl FnOnce() -> Result<Description>) -> Result<Verdict> {
    let reading = format!("read {}", replay.event.display());
    let file = std::fs::read(&replay.event).map_err(Error::io(reading))?;
    let body = body_of(file, &replay.event)?;
    if body.len() > BODY_BYTES_MAX {
        let bytes = body.len();
        let why = format!(
            "a body of {bytes} bytes, and {BODY_BYTES_MAX} are looked at: answered 413, so that Persona tries again"
        );
        return Ok(Verdict::bare("too_large", &why));
    }
    let now = Machine.now();
    let (event_id, event, template) = match parsed(&body, now)? {
        Delivery::Inquiry { event_id, event, template } => (event_id, event, template),
        Delivery::Ignored => return Ok(Verdict::bare("ignored", "an event that we have no use for: answered 200")),
        Delivery::Drift { what, .. } => {
            let why = match what {
                Drift::Event => "an event that we do not know: answered 200, with a log line that counts as drift",
                Drift::Status => "a status that we do not know: answered 200, with a log line that counts as drift",
                Drift::Form => "a form that we do not know: answered 200, with a log line that counts as drift",
            };
            return Ok(Verdict::bare("unreadable", why));
        }
    };
    let verdict = Verdict {
        event_id: Some(event_id.to_string()),
        inquiry: Some(event.inquiry.to_string()),
        ..Verdict::bare(
            "foreign",
            "not about an inquiry that we opened, or not from the template that we opened it from: answered 200",
        )
    };
    match replay.state {
        Some(state) => {
            let policy = policy(replay.accept_completed);
            let verification = imagined(state, &event, &policy)?;
            Ok(decided(&verification, &VerificationEvent::Observed(event), now, &policy, verdict).0)
        }
        None => {
            let stack = stack()?;
            let environment = DeployedEnvironment::of(&stack, "persona-webhook").await?;
            let policy = verification_policy(&environment)
                .map_err(|problem| Error::UnexpectedAnswer { from: "the running stack", what: problem.to_string() })?;
            from_table(&stack, event_id, event, template, now, &policy, verdict).await
        }
    }
}

impl Verdict {
    fn bare(verdict: &'static str, why: &str) -> Self {
        let (event_id, inquiry, owner, from, to) = (None, None, None, None, None);
        Self { verdict, why: why.to_owned(), event_id, inquiry, owner, from, to, wakes: Vec::new() }
    }

    /// The verdict for a person.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}: {}", self.verdict, self.why)];
        for (name, value) in [("event", &self.event_id), ("inquiry", &self.inquiry), ("owner", &self.owner)] {
            lines.extend(value.iter().map(|value| format!("  {name:<8} {value}")));
        }
        if let (Some(from), Some(to)) = (self.from, self.to) {
            lines.push(format!("  state    {from} → {to}"));
        }
        lines.extend(self.wakes.iter().map(|purchase| format!("  wakes    {purchase}")));
        lines.push("Nothing was changed. So it is for a delivery that is rightly signed and fresh.".to_owned());
        lines
    }
}

/// Persona's body, as it stands in the file or inside an event of API Gateway.
fn body_of(file: Vec<u8>, path: &std::path::Path) -> Result<Vec<u8>> {
    let no_event = |what: &str| Error::Refused {
        what: format!("{} {what}", path.display()),
        next: "give the body that Persona delivered, or what `dialgate event` prints".to_owned(),
    };
    let json: Value = serde_json::from_slice(&file).map_err(|_not_json| no_event("is not JSON"))?;
    match json.get("body") {
        None if json.get("data").is_some() => Ok(file),
        None => Err(no_event("has neither `data` nor `body`")),
        Some(Value::String(body)) if json["isBase64Encoded"] == true => base64::engine::general_purpose::STANDARD
            .decode(body)
            .map_err(|_not_base64| no_event("has a body that is not base64")),
        Some(Value::String(body)) => Ok(body.clone().into_bytes()),
        Some(_) => Err(no_event("has a body that is not a text")),
    }
}

/// What the functions' own parser makes of the body. It takes signed bodies only, so this one is signed first, with a
/// secret of the moment.
fn parsed(body: &[u8], now: Instant) -> Result<Delivery> {
    let impossible = || Error::UnexpectedAnswer { from: "the signature check", what: "our own is refused".to_owned() };
    let text = format!("wbhsec_{}", uuid::Uuid::new_v4());
    let secret = WebhookSecret::parse(&text).map_err(|_short| impossible())?;
    let header = sign(&secret, body, now);
    let webhook = verify(&header, body, &[secret], now, i64::from(u16::MAX)).map_err(|_bad| impossible())?;
    Ok(parse_delivery(&webhook))
}

fn policy(accept_completed: bool) -> VerificationPolicy {
    let accepted = if accept_completed { AcceptedStatuses::ApprovedOrCompleted } else { AcceptedStatuses::Approved };
    VerificationPolicy { accepted, ..VerificationPolicy::default() }
}

async fn from_table(
    stack: &Description,
    event_id: EventId,
    event: InquiryEvent,
    template: Option<String>,
    now: Instant,
    policy: &VerificationPolicy,
    verdict: Verdict,
) -> Result<Verdict> {
    let table = table(stack).await;
    let item = table.get(&keys::inquiry_map(&event.inquiry)).await?;
    let Some(map) = item.as_ref().map(InquiryMap::from_item).transpose()? else {
        return Ok(verdict);
    };
    if template.is_some_and(|template| template != map.template.as_str()) {
        return Ok(verdict);
    }
    let stored = verifications::load(&table, &map.owner).await?;
    let owner = map.owner.clone();
    let verdict = Verdict { owner: Some(owner_text(&owner)), ..verdict };
    // What is said of an inquiry that another has replaced is weighed by its own order.
    let policy = policy.for_owner(&owner);
    let observed = stored.verification.said(event, false, Some(&map.former()), &policy);
    let (mut verdict, mut effect) = decided(&stored.verification, &observed, now, &policy, verdict);
    let overruled = verdict.verdict == OVERRULED;
    if !overruled && table.get(&keys::audit(&owner, event_id.as_str())).await?.is_some() {
        (verdict, effect) = repeated(&stored.verification, verdict);
    }
    match effect {
        VerificationEffect::None => {}
        VerificationEffect::WakeWaiters => {
            let page = verifications::waiters(&table, &owner, WAITERS_SHOWN, None).await?;
            for pointer in &page.items {
                // A pool has a message for each of its numbers, all with its one id.
                verdict.wakes.extend(pointer_messages(pointer)?.first().map(|message| message.id.to_string()));
            }
        }
    }
    Ok(verdict)
}

/// What the function makes of an event that has its entry in the audit: nothing is written a second time, and what stands
/// now decides who is woken.
fn repeated(standing: &Verification, verdict: Verdict) -> (Verdict, VerificationEffect) {
    let effect = standing.wake_up();
    let why = match effect {
        VerificationEffect::None => "this very event was applied before: answered 200, and nobody is woken",
        VerificationEffect::WakeWaiters => {
            "this very event was applied before, and the owner is verified: answered 200, waking again who waits"
        }
    };
    let to = Some(verification_state_name(&standing.state));
    (Verdict { verdict: "already_done", why: why.to_owned(), to, ..verdict }, effect)
}

/// What the rules say to the event, and what follows from it.
fn decided(
    verification: &Verification,
    event: &VerificationEvent,
    now: Instant,
    policy: &VerificationPolicy,
    verdict: Verdict,
) -> (Verdict, VerificationEffect) {
    let from = verification_state_name(&verification.state);
    let (word, why, to, effect) = match verification.decide(event, now, policy) {
        Decision::Applied { next, effects } => {
            let why = match effects {
                VerificationEffect::None => "it changes the verification: answered 200",
                VerificationEffect::WakeWaiters => "it verifies the owner, and wakes who waits: answered 200",
            };
            ("applied", why, verification_state_name(&next.state), effects)
        }
        Decision::AlreadyDone { effects } => {
            let why = match effects {
                VerificationEffect::None => "this, or something newer, is known: answered 200",
                VerificationEffect::WakeWaiters => {
                    "the owner is verified already: answered 200, waking again who waits"
                }
            };
            ("already_done", why, from, effects)
        }
        Decision::Illegal(_) => {
            let why = "an operator's decision stands against it: answered 200";
            (OVERRULED, why, from, VerificationEffect::None)
        }
    };
    (Verdict { verdict: word, why: why.to_owned(), from: Some(from), to: Some(to), ..verdict }, effect)
}

/// A verification in that state, made by the rules themselves from what would have happened, all before the event.
fn imagined(state: State, event: &InquiryEvent, policy: &VerificationPolicy) -> Result<Verification> {
    let unwritable = |_| Error::UnexpectedAnswer { from: "this program", what: "an id that is none".to_owned() };
    let template = TemplateId::parse("itmpl_Imagined").map_err(unwritable)?;
    let before = |steps: i64| event.at.plus_ms(-1000 * steps);
    let said = |inquiry: &InquiryId, status, at| {
        VerificationEvent::Observed(InquiryEvent { inquiry: inquiry.clone(), status, at, source: Source::Event })
    };
    let opened =
        |inquiry: &InquiryId| VerificationEvent::Opened { inquiry: inquiry.clone(), template: template.clone() };
    let current = |statuses: &[InquiryStatus]| {
        let told = statuses.iter().rev().zip(1..).map(|(status, steps)| said(&event.inquiry, *status, before(steps)));
        let mut told: Vec<VerificationEvent> = told.collect();
        told.push(opened(&event.inquiry));
        told.reverse();
        told
    };
    let happened = match state {
        State::InProgress => current(&[]),
        State::InReview => current(&[InquiryStatus::NeedsReview]),
        State::Verified => current(&[InquiryStatus::Approved]),
        State::Declined => current(&[InquiryStatus::Declined]),
        State::Failed => current(&[InquiryStatus::Failed]),
        State::Expired => current(&[InquiryStatus::Expired]),
        State::Revoked => current(&[InquiryStatus::Approved, InquiryStatus::Declined]),
        State::Locked => {
            let former = (1..policy.attempts_max).filter_map(|number| InquiryId::parse(&format!("inq_{number}")).ok());
            let declined =
                former.flat_map(|inquiry| [opened(&inquiry), said(&inquiry, InquiryStatus::Declined, before(2))]);
            declined.chain(current(&[InquiryStatus::Declined])).collect()
        }
    };
    // Its session was handed out before Persona said anything: an expiry from before a session says nothing.
    let opened_at = before(3);
    Ok(happened.into_iter().fold(Verification::default(), |verification, event| {
        match verification.decide(&event, opened_at, policy) {
            Decision::Applied { next, .. } => next,
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => verification,
        }
    }))
}

/// The stack's table. The emulator takes these credentials from whoever is on this machine.
async fn table(stack: &Description) -> DynamoDb {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "local"))
        .endpoint_url(&stack.aws_endpoint_url)
        .load()
        .await;
    DynamoDb::new(aws_sdk_dynamodb::Client::new(&config), stack.table_name.clone())
}

fn owner_text(owner: &Owner) -> String {
    match owner {
        Owner::SubAccount(id) => format!("sub-account {id}"),
        Owner::Agency(id) => format!("agency {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{BODY_BYTES_MAX, Replay, State, Verdict, decided, imagined, parsed, policy, repeated, replay};
    use crate::error::Error;
    use crate::webhook_event::{WebhookEvent, event};
    use adapters::ambient::{Ambient, Machine};
    use adapters::persona::Delivery;
    use clap::ValueEnum;
    use domain::{OperatorAction, VerificationEffect, VerificationEvent};
    use serde_json::{Value, json};
    use time::OffsetDateTime;

    /// The verdict on a file with this text, in front of an owner in this state.
    async fn verdict(text: &str, state: Option<State>) -> Result<Verdict, Error> {
        let path = std::env::temp_dir().join(format!("dialgate-replay-{}.json", uuid::Uuid::new_v4()));
        std::fs::write(&path, text).expect("a file can be written");
        let asked = Replay { event: path.clone(), state, accept_completed: false };
        let outcome = replay(&asked, || Err(Error::NotUp)).await;
        std::fs::remove_file(path).expect("the file is there");
        outcome
    }

    fn file(kind: WebhookEvent) -> Value {
        event(kind, "inq_1", "itmpl_1", "wbhsec_1", OffsetDateTime::now_utc()).expect("an event")
    }

    #[tokio::test]
    async fn the_rules_decide_in_front_of_every_state() {
        let (approved, declined) = (file(WebhookEvent::WebhookApproved), file(WebhookEvent::WebhookDeclined));
        let seen = async |event: &Value, state| {
            let verdict = verdict(&event.to_string(), Some(state)).await.expect("a verdict");
            assert_eq!(verdict.inquiry.as_deref(), Some("inq_1"));
            format!("{} {} {}", verdict.verdict, verdict.from.unwrap_or("-"), verdict.to.unwrap_or("-"))
        };
        let expected = [
            (State::InProgress, "applied in_progress verified", "applied in_progress declined"),
            (State::InReview, "applied in_review verified", "applied in_review declined"),
            (State::Verified, "applied verified verified", "applied verified revoked"),
            (State::Declined, "applied declined verified", "applied declined declined"),
            (State::Failed, "applied failed verified", "applied failed declined"),
            (State::Expired, "applied expired verified", "applied expired declined"),
            (State::Locked, "applied locked verified", "applied locked locked"),
            (State::Revoked, "applied revoked verified", "applied revoked revoked"),
        ];
        assert_eq!(expected.len(), State::value_variants().len());
        for (state, when_approved, when_declined) in expected {
            // What is told again by a newer event may be noted, or be known: both leave the state.
            let told = |text: String| text.replace("already_done", "applied");
            assert_eq!(told(seen(&approved, state).await), when_approved, "{state:?}");
            assert_eq!(told(seen(&declined, state).await), when_declined, "{state:?}");
        }
    }

    /// What is said of an event that was applied before, in front of a verification in this state: `operated` first.
    fn said_again(kind: WebhookEvent, state: State, operated: Option<OperatorAction>) -> (Verdict, VerificationEffect) {
        let body = file(kind)["body"].as_str().expect("a body").to_owned();
        let (now, policy) = (Machine.now(), policy(false));
        let Delivery::Inquiry { event, .. } = parsed(body.as_bytes(), now).expect("is parsed") else {
            panic!("is about an inquiry");
        };
        let mut standing = imagined(state, &event, &policy).expect("is imagined");
        if let Some(action) = operated {
            let decision = standing.decide(&VerificationEvent::Operated(action), now.plus_ms(1), &policy);
            standing = match decision {
                domain::Decision::Applied { next, .. } => next,
                domain::Decision::AlreadyDone { .. } | domain::Decision::Illegal(_) => standing,
            };
        }
        let observed = VerificationEvent::Observed(event);
        repeated(&standing, decided(&standing, &observed, now, &policy, Verdict::bare("foreign", "")).0)
    }

    #[test]
    fn an_event_that_was_applied_before_wakes_only_for_an_owner_that_is_verified() {
        use OperatorAction::{Approve, Revoke};
        use WebhookEvent::{WebhookApproved, WebhookDeclined};
        for (kind, state, operated, woken) in [
            (WebhookApproved, State::Verified, None, true),
            (WebhookDeclined, State::Declined, None, false),
            (WebhookDeclined, State::Revoked, None, false),
            (WebhookApproved, State::Verified, Some(Revoke), false),
            (WebhookDeclined, State::Declined, Some(Approve), true),
        ] {
            let (verdict, effect) = said_again(kind, state, operated);
            assert_eq!(
                (verdict.verdict, verdict.from),
                ("already_done", verdict.to),
                "{kind:?} {state:?} {operated:?}"
            );
            assert_eq!(effect == VerificationEffect::WakeWaiters, woken, "{kind:?} {state:?} {operated:?}");
            assert_eq!(verdict.why.contains("waking again"), woken, "{}", verdict.why);
        }
    }

    #[tokio::test]
    async fn a_body_that_the_function_does_not_look_at_is_said_to_be_too_large() {
        let body = file(WebhookEvent::WebhookApproved)["body"].as_str().expect("a body").to_owned();
        for (bytes, expected) in [(BODY_BYTES_MAX, "applied"), (BODY_BYTES_MAX + 1, "too_large")] {
            let padded = format!("{body}{}", " ".repeat(bytes - body.len()));
            let verdict = verdict(&padded, Some(State::InProgress)).await.expect("a verdict");
            assert_eq!((verdict.verdict, verdict.why.contains("413")), (expected, expected == "too_large"));
        }
    }

    #[tokio::test]
    async fn a_signature_does_not_matter_and_a_body_may_stand_alone() {
        let forged = file(WebhookEvent::WebhookBadSignature);
        let of_file = verdict(&forged.to_string(), Some(State::InProgress)).await.expect("a verdict");
        let body = forged["body"].as_str().expect("a body");
        let of_body = verdict(body, Some(State::InProgress)).await.expect("a verdict");
        assert_eq!((of_file.verdict, of_file), ("applied", of_body));
    }

    #[tokio::test]
    async fn what_changes_nothing_says_why_without_a_stack() {
        let other = json!({"data": {"id": "evt_1", "attributes": {"name": "account.created"}}});
        assert_eq!(verdict(&other.to_string(), None).await.expect("a verdict").verdict, "ignored");
        let odd = json!({"data": {"id": "evt_1", "attributes": {"name": "inquiry.approved"}}});
        assert_eq!(verdict(&odd.to_string(), None).await.expect("a verdict").verdict, "unreadable");
        let needs_table = verdict(&file(WebhookEvent::WebhookApproved).to_string(), None).await;
        assert!(matches!(needs_table, Err(Error::NotUp)), "{needs_table:?}");
    }

    #[tokio::test]
    async fn a_file_without_an_event_is_refused_with_advice() {
        for text in ["", "[]", "{}", "{\"body\": 1}", "{\"body\": \"%\", \"isBase64Encoded\": true}"] {
            let message = verdict(text, None).await.expect_err(text).to_string();
            assert!(message.contains("give the body that Persona delivered"), "{message}");
        }
    }
}
