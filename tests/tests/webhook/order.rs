//! Order, reversal and attempts, as deliveries show them. Persona repeats events and delivers them out of order; what
//! counts is the order per inquiry by the event's own `created-at`, and a decision outranks progress.

use adapters::persona::sign;
use adapters::store::{DUE_AT, DUE_SHARD, Item};
use domain::{AgencyId, InquiryId, InquiryStatus, Owner, Phase, RevokedBy, SubAccountId, VerificationState};
use futures::executor::block_on;
use persona_webhook::PersonaWebhook;
use serde_json::json;
use tests::events::{Caller, ask_event, webhook_event};
use tests::settings;
use tests::slow_ports::poll_once;
use tests::stepped::{Steps, every_order, killed_at};
use tests::world::{Answer, Neighbours, clock, secret, world};

use crate::{GATED, SUB, event, says, signed, step_through, stepped, twice_at_once, waiting};

/// Buys what was woken; how many numbers were paid for in all.
fn bought(world: &Neighbours<'_>) -> u32 {
    assert_eq!(world.complete(), 0);
    world.carrier.charges()
}

#[test]
fn a_b_a_ends_as_b() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(120);
    let declined = event(&world, &inquiry, InquiryStatus::Declined, 60);
    let approved = event(&world, &inquiry, InquiryStatus::Approved, 30);
    for body in [&declined, &approved, &declined, &approved, &declined] {
        assert_eq!(world.deliver(body).status, 200);
    }
    assert!(world.verification().verified_at().is_some(), "the older decline, repeated, takes nothing away");
    assert_eq!(bought(&world), 1);
}

#[test]
fn approved_then_declined_then_the_first_again_stays_declined() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(120);
    let approved = event(&world, &inquiry, InquiryStatus::Approved, 60);
    let declined = event(&world, &inquiry, InquiryStatus::Declined, 30);
    for body in [&approved, &declined, &approved] {
        assert_eq!(world.deliver(body).status, 200);
    }
    assert!(matches!(world.verification().state, VerificationState::Revoked { by: RevokedBy::Persona, .. }));
}

#[test]
fn a_decline_that_was_made_before_the_approval_and_comes_after_it_changes_nothing() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(120);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 30), 200);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Declined, 60), 200);
    assert!(world.verification().verified_at().is_some());
}

#[test]
fn declined_then_approved_completes_the_purchase() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(60);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Declined, 0), 200);
    assert_eq!(bought(&world), 0);
    clock.advance_s(60);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    assert_eq!(bought(&world), 1);
    assert_eq!(world.verification().attempts_used, 1);
}

/// The inquiry was approved and Persona's clock ran out on it later: that is abandonment of nothing.
#[test]
fn approved_then_expired_stays_approved_however_late() {
    for late_s in [-86_400, -1, 0, 1, 60] {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        clock.advance_s(120);
        assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 30), 200);
        for status in [InquiryStatus::Expired, InquiryStatus::Failed, InquiryStatus::Completed, InquiryStatus::Pending]
        {
            assert_eq!(says(&world, &inquiry, status, 30 + late_s), 200);
            assert!(world.verification().verified_at().is_some(), "{status:?} {late_s} s earlier took it away");
        }
        assert_eq!(bought(&world), 1);
    }
}

#[test]
fn an_older_inquirys_expiry_leaves_the_newer_one_alone() {
    let clock = clock();
    let world = world(&clock);
    let first = waiting(&world);
    clock.advance_s(60);
    assert_eq!(says(&world, &first, InquiryStatus::Declined, 0), 200);
    clock.advance_s(60);
    let second = reopened(&world);
    assert_ne!(first, second);
    let before = world.verification().state;
    clock.advance_s(60);
    for status in [InquiryStatus::Expired, InquiryStatus::Failed, InquiryStatus::Declined, InquiryStatus::NeedsReview] {
        assert_eq!(says(&world, &first, status, 0), 200);
        assert_eq!(world.verification().state, before, "{status:?} of an inquiry that is no longer the current one");
    }
    assert_eq!(world.verification().attempts_used, 1);
    clock.advance_s(60);
    assert_eq!(says(&world, &first, InquiryStatus::Approved, 0), 200);
    assert!(world.verification().verified_at().is_some(), "it can only unlock");
}

/// Asks for another number, which opens a new inquiry; returns it.
fn reopened(world: &Neighbours<'_>) -> InquiryId {
    let answer = world.ask(SUB, "key-2", "+12125550101");
    let id = answer.body["verification"]["inquiry_id"].as_str().expect("an inquiry is open");
    InquiryId::parse(id).expect("is an id")
}

#[test]
fn every_order_of_one_inquirys_events_ends_the_same() {
    let told = [
        (InquiryStatus::Created, 50),
        (InquiryStatus::Pending, 40),
        (InquiryStatus::Completed, 30),
        (InquiryStatus::NeedsReview, 20),
        (InquiryStatus::Approved, 10),
    ];
    let mut orders = 0;
    permuted(&mut told.to_vec(), 0, &mut |order| {
        orders += 1;
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        clock.advance_s(120);
        for (status, age_s) in order {
            assert_eq!(says(&world, &inquiry, *status, *age_s), 200);
        }
        assert!(world.verification().verified_at().is_some(), "{order:?}");
        assert_eq!(bought(&world), 1, "{order:?}");
    });
    assert_eq!(orders, 120);
}

/// Calls `visit` with every order of what stands from `from` on.
fn permuted<T>(items: &mut Vec<T>, from: usize, visit: &mut impl FnMut(&[T])) {
    if from == items.len() {
        visit(items);
    }
    for place in from..items.len() {
        items.swap(from, place);
        permuted(items, from + 1, visit);
        items.swap(from, place);
    }
}

#[test]
fn the_same_delivery_twice_at_once_in_every_order_of_their_calls() {
    let orders = every_order(|order| {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        let delivery = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
        assert_eq!(twice_at_once(&world, order, delivery), (200, 200));
        assert!(world.verification().verified_at().is_some());
        assert_eq!(bought(&world), 1);
    });
    assert!(orders > 100, "{orders} orders");
}

#[test]
fn approved_and_expired_at_once_in_every_order_of_their_calls() {
    every_order(|order| {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        clock.advance_s(120);
        let approved = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 30).to_string());
        let expired = signed(&world, &event(&world, &inquiry, InquiryStatus::Expired, 10).to_string());
        let steps = Steps::default();
        let (one, other) = (stepped(&world, &steps), stepped(&world, &steps));
        order.run(one.handle(approved), other.handle(expired));
        assert!(world.verification().verified_at().is_some());
        assert_eq!(bought(&world), 1);
    });
}

/// The function dies before each of its calls in turn, between the mark and the wake-up too: the delivery comes again
/// and does what is left. Were it marked as seen first, the purchase would wait for ever.
#[test]
fn a_crash_at_any_call_loses_nothing() {
    let mut call = 0;
    loop {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        let delivery = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
        let steps = Steps::default();
        let answered = killed_at(call, stepped(&world, &steps).handle(delivery.clone())).is_some();
        assert_eq!(world.webhook(delivery).status, 200);
        assert_eq!(bought(&world), 1, "killed before call {call}");
        if answered {
            assert!(call >= 5, "{call} calls");
            break;
        }
        call += 1;
    }
}

/// Persona gives up after eight deliveries; the mark alone is enough, since the sweep wakes who waits.
#[test]
fn a_crash_between_mark_and_wake_is_mended_without_persona() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let delivery = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
    let steps = Steps::default();
    let mut calls = 0;
    while world.verification().verified_at().is_none() {
        calls += 1;
        killed_at(calls, stepped(&world, &steps).handle(delivery.clone()));
    }
    assert!(world.queue.is_empty(), "it died before it woke anybody");
    world.minutes(2);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn an_unknown_inquiry_is_no_error_and_no_reason_to_write() {
    let clock = clock();
    let world = world(&clock);
    waiting(&world);
    let before = world.table.items();
    let unknown = InquiryId::parse("inq_before_our_own_row_was_written").expect("is an id");
    for status in [InquiryStatus::Created, InquiryStatus::Approved, InquiryStatus::Declined] {
        assert_eq!(says(&world, &unknown, status, 0), 200);
    }
    assert_eq!(world.table.items(), before);
}

/// Persona tells of an inquiry before the transaction that writes down whose it is: what it says then is no loss, and what it
/// says next counts.
#[test]
fn an_event_that_overtakes_our_own_row_is_taken_and_the_next_one_counts() {
    let clock = clock();
    let world = world(&clock);
    let asks = ask_event(&Caller::sub_account(SUB), SUB, "key-1", GATED);
    let mut asked = Box::pin(world.check_step_by_step(asks));
    while world.persona.inquiries() == 0 {
        assert!(poll_once(&mut asked).is_none(), "an inquiry is opened first");
    }
    let inquiry = world.persona.first().expect("was opened");
    assert!(world.with_sk("INQUIRY").is_empty(), "nobody has written down whose it is");
    assert_eq!(says(&world, &inquiry, InquiryStatus::Created, 0), 200);
    let answer = std::iter::repeat_with(|| poll_once(&mut asked)).take(100).flatten().next();
    assert_eq!(answer.map(|answer| answer.status), Some(202));
    clock.advance_s(60);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    assert_eq!(bought(&world), 1);
}

/// How old a delivery may be is a setting. However small it is, a clock of Persona's that is a little ahead is a reason to
/// ask, and none to refuse.
#[test]
fn an_age_that_the_setting_does_not_allow_is_a_reason_to_ask() {
    for (tolerance_s, age_s, status, looks) in [
        (60, 61, 200, 1),
        (300, 61, 200, 0),
        (1, -1, 200, 0),
        (1, -2, 200, 1),
        (1, -300, 200, 1),
        (1, -301, 401, 0),
        (600, -600, 200, 0),
        (600, -601, 401, 0),
    ] {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        clock.advance_s(3600);
        world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
        let body = event(&world, &inquiry, InquiryStatus::Approved, 0).to_string();
        let signature = sign(&secret(), body.as_bytes(), world.now().plus_ms(-age_s * 1000));
        let function = PersonaWebhook {
            store: &world.table,
            queue: &world.queue,
            identity: &world.persona,
            ambient: &clock,
            secrets: settings::webhook_secrets(world.now()),
            settings: persona_webhook::Settings { tolerance_s, ..settings::webhook() },
        };
        let answer = Answer::of(block_on(function.handle(webhook_event(&body, &signature))));
        assert_eq!((answer.status, world.persona.looks()), (status, looks), "{tolerance_s} s, {age_s} s old");
        assert_eq!(world.verification().verified_at().is_some(), status == 200);
    }
}

/// Anybody can open an inquiry of a public template with a query string that names somebody else's reference.
#[test]
fn somebody_elses_reference_unlocks_nobody() {
    let clock = clock();
    let world = world(&clock);
    waiting(&world);
    let before = world.table.items();
    let own = InquiryId::parse("inq_opened_by_the_attacker").expect("is an id");
    let victim =
        domain::persona_reference(&domain::Owner::SubAccount(domain::SubAccountId::parse(SUB).expect("is an id")));
    let mut approved = event(&world, &own, InquiryStatus::Approved, 0);
    approved["data"]["attributes"]["payload"]["data"]["attributes"]["reference-id"] = json!(victim);
    approved["data"]["attributes"]["payload"]["data"]["relationships"]["account"]["data"]["id"] = json!("act_1");
    assert_eq!(world.deliver(&approved).status, 200);
    assert_eq!(world.table.items(), before);
    assert!(world.queue.is_empty());
}

/// Persona's reference ids are not case-sensitive, and ours are: two owners never meet in one.
#[test]
fn owners_that_differ_in_case_alone_have_references_of_their_own() {
    let sub_account = |id: &str| Owner::SubAccount(SubAccountId::parse(id).expect("is an id"));
    let owners = [
        sub_account("ve9EPM428h8vShlRW1KT"),
        sub_account("VE9EPM428h8vShlRW1KT"),
        sub_account("ve9epm428h8vshlrw1kt"),
        Owner::Agency(AgencyId::parse("ve9EPM428h8vShlRW1KT").expect("is an id")),
    ];
    let mut references = owners.map(|owner| domain::persona_reference(&owner).to_ascii_lowercase()).to_vec();
    references.sort();
    references.dedup();
    assert_eq!(references.len(), 4);
    assert!(references.iter().all(|reference| reference.len() == 28));
    // Python's base64.b32encode(hashlib.sha256(b"ve9EPM428h8vShlRW1KT").digest()), lower-case.
    assert!(references.contains(&"s_cqmuhawqtlmkl75fpdf2yzk62l".to_owned()), "{references:?}");
}

/// The reverse: the inquiry decides, a reference of somebody else in it does not.
#[test]
fn an_inquiry_of_ours_counts_for_its_owner_whatever_its_reference_says() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let mut approved = event(&world, &inquiry, InquiryStatus::Approved, 0);
    approved["data"]["attributes"]["payload"]["data"]["attributes"]["reference-id"] = json!("s_somebody_else");
    assert_eq!(world.deliver(&approved).status, 200);
    assert!(world.verification().verified_at().is_some());
}

#[test]
fn an_inquiry_uses_one_attempt_however_often_it_fails() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    for status in [
        InquiryStatus::Failed,
        InquiryStatus::Failed,
        InquiryStatus::Declined,
        InquiryStatus::NeedsReview,
        InquiryStatus::Declined,
    ] {
        clock.advance_s(60);
        assert_eq!(says(&world, &inquiry, status, 0), 200);
    }
    assert_eq!(world.verification().attempts_used, 1);
    assert_eq!(world.verification().state, VerificationState::Declined);
}

#[test]
fn abandoning_uses_no_attempt_however_often() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    for _ in 0..20 {
        clock.advance_s(3600);
        assert_eq!(says(&world, &inquiry, InquiryStatus::Expired, 0), 200);
        assert_eq!(world.verification().state, VerificationState::Expired);
        clock.advance_s(60);
        assert_eq!(says(&world, &inquiry, InquiryStatus::Pending, 0), 200);
    }
    assert_eq!(world.verification().attempts_used, 0);
}

/// It tells of nothing decided: no entry in the audit, and Persona is asked when it would have been. Repeated, or older, it
/// changes nothing.
#[test]
fn how_far_the_person_is_costs_one_small_write() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let stored = || world.with_sk("V").remove(0);
    let kept = |item: &Item| (item.get(DUE_SHARD).cloned(), item.get(DUE_AT).cloned(), world.with_sk("A#").len());
    let before = kept(&stored());
    clock.advance_s(30);
    let [started, completed] = [(InquiryStatus::Pending, 20), (InquiryStatus::Completed, 10)]
        .map(|(status, age_s)| event(&world, &inquiry, status, age_s));
    for (body, phase) in [(&started, Phase::NeedsUser), (&completed, Phase::Processing)] {
        assert_eq!(world.deliver(body).status, 200);
        assert_eq!(world.verification().state, VerificationState::InProgress { phase });
    }
    let after = stored();
    assert_eq!(kept(&after), before);
    for body in [&completed, &started] {
        assert_eq!(world.deliver(body).status, 200);
    }
    assert_eq!(stored(), after);
}

/// Even a function that the first delivery ran into a wall gives the second one no work twice.
#[test]
fn a_failed_delivery_and_its_repetition_make_one_audit_entry() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let audit = world.with_sk("A#").len();
    let delivery = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
    for call in 0..6 {
        step_through(&world, &Steps::failing_at(call), delivery.clone());
    }
    assert_eq!(world.webhook(delivery).status, 200);
    assert_eq!(world.with_sk("A#").len(), audit + 1);
    assert_eq!(world.ask(SUB, "key-1", GATED).status, 200);
}
