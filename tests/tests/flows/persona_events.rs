//! `dialgate trigger` and `dialgate replay` in front of the deployed stack: every event of Persona's, right and
//! deliberately wrong.

use std::sync::Arc;
use std::time::Duration;

use local::event_body::EVENTS;
use local::replay::{Replay, Verdict, replay};
use local::trigger::{Outcome, Trigger, trigger};
use local::webhook_event::{WebhookEvent, event};
use serde_json::json;

use crate::stack::Deployed;

fn plain(sub_account: &str, event: &str) -> Trigger {
    Trigger {
        event: event.to_owned(),
        sub_account: sub_account.to_owned(),
        duplicate: 1,
        reorder: false,
        late: None,
        bad_signature: false,
        old_secret: false,
        drop_first: false,
    }
}

async fn sent(stack: &Deployed, what: &Trigger) -> Outcome {
    trigger(stack.description(), what).await.expect("the stack answers")
}

fn statuses(outcome: &Outcome) -> Vec<Option<u16>> {
    outcome.deliveries.iter().map(|delivery| delivery.status).collect()
}

pub(crate) async fn every_event_is_taken_and_the_decisions_count(stack: Arc<Deployed>) {
    for (name, _) in EVENTS {
        let state = match name {
            "inquiry.failed" => "failed",
            "inquiry.expired" => "expired",
            "inquiry.approved" => "verified",
            "inquiry.declined" => "declined",
            "inquiry.marked-for-review" => "in_review",
            // How far the person is, what says nothing of the status, and what is about something else.
            _ => "in_progress",
        };
        let outcome = sent(&stack, &plain(&stack.sub_account(), name)).await;
        assert_eq!(statuses(&outcome), [Some(200)], "{name}");
        assert_eq!(
            (&outcome.before["state"], &outcome.after["state"]),
            (&"in_progress".into(), &state.into()),
            "{name}"
        );
        assert!(!outcome.lines().is_empty());
    }
}

pub(crate) async fn a_triggered_approval_completes_what_waits_once(stack: Arc<Deployed>) {
    let (sub_account, number) = (stack.sub_account(), stack.number("212"));
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    let wrong = Trigger { bad_signature: true, ..plain(&sub_account, "inquiry.approved") };
    let old = Trigger { bad_signature: false, old_secret: true, ..wrong.clone() };
    for forged in [wrong, old] {
        let outcome = sent(&stack, &forged).await;
        assert_eq!(statuses(&outcome), [Some(401)]);
        assert_eq!(outcome.after["state"], "in_progress", "a forgery changes nothing");
    }
    let doubled = Trigger { duplicate: 5, drop_first: true, reorder: true, ..plain(&sub_account, "inquiry.approved") };
    let outcome = sent(&stack, &doubled).await;
    assert_eq!(outcome.after["state"], "verified");
    // Approved, completed, started, created: of each the first attempt is lost, and the second is made five times.
    let expected: Vec<Option<u16>> = [[None].as_slice(), [Some(200); 5].as_slice()].concat().repeat(4);
    assert_eq!(statuses(&outcome), expected);
    assert!(outcome.deliveries[1].attempt == 2 && outcome.deliveries[0].attempt == 1);
    stack.until(&sub_account, asked.text("/id"), "completed").await;
    assert_eq!(stack.owned(&number).await.len(), 1);
}

pub(crate) async fn an_old_signature_is_a_reason_to_ask_persona(stack: Arc<Deployed>) {
    let late = |sub_account: &str| Trigger {
        late: Some(Duration::from_secs(172_800)),
        ..plain(sub_account, "inquiry.approved")
    };
    let outcome = sent(&stack, &late(&stack.sub_account())).await;
    assert_eq!(statuses(&outcome), [Some(200)]);
    assert_eq!(outcome.after["state"], "in_progress", "Persona itself says that nobody has begun");
    // Persona approved, and nothing of that was delivered but this.
    let sub_account = stack.sub_account();
    let asked = stack.ask(&sub_account, "key-1", &stack.number("212")).await;
    let persona_url = &stack.description().persona_url;
    stack.fault(persona_url, &json!({"webhooks": "drop"})).await;
    stack.act(asked.text("/verification/inquiry_id"), &["start_inquiry", "approve_inquiry"]).await;
    stack.fault(persona_url, &json!({"webhooks": "deliver"})).await;
    let outcome = sent(&stack, &late(&sub_account)).await;
    assert_eq!(statuses(&outcome), [Some(200)]);
    assert_eq!((&outcome.before["state"], &outcome.after["state"]), (&"in_progress".into(), &"verified".into()));
    stack.until(&sub_account, asked.text("/id"), "completed").await;
}

pub(crate) async fn a_replay_tells_what_an_event_would_do_and_does_nothing(stack: Arc<Deployed>) {
    let (sub_account, number) = (stack.sub_account(), stack.number("212"));
    let asked = stack.ask(&sub_account, "key-1", &number).await;
    let inquiry = asked.text("/verification/inquiry_id");
    let told = async |kind: WebhookEvent, inquiry: &str| -> Verdict {
        let description = stack.description();
        let made = event(kind, inquiry, &description.persona_template_id, &description.webhook_secret, now());
        let path = std::env::temp_dir().join(format!("{sub_account}-{inquiry}.json"));
        std::fs::write(&path, made.expect("an event").to_string()).expect("a file can be written");
        let asked = Replay { event: path.clone(), state: None, accept_completed: false };
        let verdict = replay(&asked, || Ok(description.clone())).await.expect("a verdict");
        std::fs::remove_file(path).expect("the file is there");
        verdict
    };
    let approved = told(WebhookEvent::WebhookApproved, inquiry).await;
    assert_eq!((approved.verdict, approved.from, approved.to), ("applied", Some("in_progress"), Some("verified")));
    assert_eq!(approved.wakes, [asked.text("/id")]);
    assert_eq!(approved.owner, Some(format!("sub-account {sub_account}")));
    assert_eq!(told(WebhookEvent::WebhookExpired, inquiry).await.to, Some("expired"));
    let foreign = told(WebhookEvent::WebhookApproved, "inq_NobodyOpenedThisInquiry1").await;
    assert_eq!((foreign.verdict, foreign.owner), ("foreign", None));
    let still = sent(&stack, &plain(&sub_account, "inquiry.transitioned")).await;
    assert_eq!(still.after["state"], "in_progress", "nothing was done");
    assert!(stack.owned(&number).await.is_empty());
}

fn now() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}
