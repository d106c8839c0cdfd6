//! How long it takes until everybody who waits for one agency has been bought their number: the real handlers on a clock
//! of our own, with stated latencies, as many workers as the template allows, and the sweep every minute.

use std::cell::Cell;

use adapters::ambient::Ambient;
use adapters::persona::sign;
use domain::{InquiryId, PurchaseState};
use futures::future::join_all;
use purchase_check::Route;
use serde_json::json;

use super::{Counted, Latencies};
use crate::events::{Caller, http_event, persona_event, sqs_event, webhook_event};
use crate::world::{Answer, Neighbours, clock, secret, world};

/// The latencies that a drain is computed with: assumed, not measured.
pub const LATENCIES: Latencies =
    Latencies { table_ms: 10, queue_ms: 20, persona_ms: 300, carrier_read_ms: 300, carrier_write_ms: 800 };

/// Numbers bought at once: the template's default for `CompletionConcurrency`.
pub const WORKERS: usize = 5;

/// Pause of a worker that found no message, in milliseconds.
const IDLE_MS: i64 = 100;
/// The schedule of the sweep, in milliseconds.
const SWEEP_EVERY_MS: i64 = 60_000;
/// Purchases of one sub-account: as many as may wait by default.
const PURCHASES_OF_ONE: usize = 100;
/// Whose approval all of them wait for.
const AGENCY: &str = "Agency_1";

/// What a drain took.
#[derive(Debug, Clone, Copy)]
pub struct Drained {
    /// From the approval to the last record, in milliseconds on our own clock.
    pub took_ms: i64,
    /// Messages that the workers took: at least one for each purchase, and more where a hint came twice.
    pub messages: usize,
}

/// Lets `purchases` wait for one agency, approves it, and goes on until each has its number.
///
/// # Panics
/// When a purchase does not complete.
pub fn drain(purchases: usize) -> Drained {
    let clock = clock();
    let world = world(&clock);
    let inquiry = wait_for_agency(&world, purchases);
    let counted = Counted::new(&world, LATENCIES);
    let timeline = &counted.timeline;
    let began_ms = timeline.now_ms();
    let is_done = || usize::try_from(world.carrier.charges()).is_ok_and(|charges| charges >= purchases);
    let (messages, ended_ms) = (Cell::new(0), Cell::new(began_ms));

    let workers = join_all((0..WORKERS).map(|_| async {
        // As a function that stays warm.
        let completion = counted.completion();
        while !is_done() {
            let Some(message) = world.queue.pop() else {
                timeline.pass(IDLE_MS).await;
                continue;
            };
            timeline.pass(LATENCIES.queue_ms).await;
            let response = completion.handle(sqs_event(&message)).await;
            assert!(response.batch_item_failures.is_empty(), "nothing fails in memory");
            messages.set(messages.get() + 1);
            ended_ms.set(timeline.now_ms());
        }
    }));
    let approval = async {
        let now = world.clock.now();
        let at = adapters::rfc3339(now);
        let body = persona_event("evt_agency", "inquiry.approved", inquiry.as_str(), "approved", &at).to_string();
        let signature = sign(&secret(), body.as_bytes(), now);
        let answer = Answer::of(counted.webhook().handle(webhook_event(&body, &signature)).await);
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let sweeps = async {
        let sweeper = counted.sweeper();
        while !is_done() {
            timeline.pass(SWEEP_EVERY_MS).await;
            sweeper.sweep().await.expect("the table in memory answers");
        }
    };
    timeline.run(async { futures::join!(workers, approval, sweeps) });

    let is_completed = |state: &PurchaseState| matches!(state, PurchaseState::Completed { .. });
    let completed = world.purchases().iter().filter(|purchase| is_completed(&purchase.state)).count();
    assert_eq!(completed, purchases, "every purchase completed");
    Drained { took_ms: ended_ms.get() - began_ms, messages: messages.get() }
}

/// Asks for as many numbers, by sub-accounts of one agency that has begun to prove who it is; its inquiry.
fn wait_for_agency(world: &Neighbours<'_>, purchases: usize) -> InquiryId {
    let caller = Caller { claims: json!({"agency": AGENCY, "scope": "purchases:read purchases:write"}) };
    let parameters = [("agency", AGENCY)];
    let opened = world.check(http_event(Route::OpenAgencyVerification.key(), &parameters, &[], Some(&caller), ""));
    let inquiry = opened.body["inquiry_id"].as_str().and_then(|id| InquiryId::parse(id).ok());
    let inquiry = inquiry.unwrap_or_else(|| panic!("no inquiry was opened: {opened:?}"));
    for index in 0..purchases {
        let sub_account = format!("Loc{:05}", index / PURCHASES_OF_ONE);
        if index % PURCHASES_OF_ONE == 0 {
            world.put_profile(&sub_account, AGENCY);
        }
        let asked = world.ask(&sub_account, &format!("key-{index}"), &format!("+1212{:07}", 2_000_000 + index));
        assert_eq!((asked.status, asked.body["state"].as_str()), (202, Some("awaiting_verification")), "{asked:?}");
    }
    // The sweep has seen each of them once: they sleep until their deadline.
    world.clock.advance_s(61);
    assert_eq!(world.sweep().failed, 0);
    inquiry
}
