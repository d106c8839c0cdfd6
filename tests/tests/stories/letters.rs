//! Messages that should not be: what lay in the dead letters, what somebody wrote by hand, what nobody can read.

use domain::PurchaseState;
use tests::events::{sqs_event, sqs_event_of};
use tests::world::{Neighbours, clock, world};

use crate::{GATED, NOT_GATED, SUB, approve};

const DAY_S: i64 = 24 * 3600;

/// Works on a message, which must change nothing; how many messages failed.
fn changes_nothing(world: &Neighbours<'_>, text: &str) -> usize {
    let before = (world.table.items(), world.carrier.charges(), world.carrier.creates());
    let failed = world.complete_event(sqs_event_of(text));
    let after = (world.table.items(), world.carrier.charges(), world.carrier.creates());
    assert_eq!(before, after, "{}", text.chars().take(60).collect::<String>());
    failed
}

/// What nobody can read comes back until the queue puts it aside; it keeps nothing else from going on.
#[test]
fn poison_fails_alone() {
    let clock = clock();
    let world = world(&clock);
    let waiting = world.ask(SUB, "key-1", GATED);
    world.ask(SUB, "key-2", NOT_GATED);
    let id = waiting.body["id"].as_str().expect("has an id");
    // SQS takes up to 256 KB ("Amazon SQS message quotas").
    let huge = format!("{{\"version\":\"1\",\"sub_account\":\"{SUB}\",\"purchase\":\"{}\"}}", "x".repeat(256 * 1024));
    for text in [
        "",
        "not a message of ours",
        "{",
        "null",
        &format!("{{\"version\":\"2\",\"sub_account\":\"{SUB}\",\"purchase\":\"{id}\"}}"),
        &format!("{{\"sub_account\":\"{SUB}\",\"purchase\":\"{id}\"}}"),
        &format!("{{\"version\":\"1\",\"sub_account\":\"{SUB}\",\"purchase\":\"{id}\",\"verified\":true}}"),
        &format!("{{\"version\":\"1\",\"sub_account\":\"../{SUB}\",\"purchase\":\"{id}\"}}"),
        &huge,
    ] {
        // Again and again: a queue delivers it five times.
        for _ in 0..5 {
            assert_eq!(changes_nothing(&world, text), 1, "it fails, and goes to the dead letters");
        }
        world.clock.advance_s(1);
    }
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1, "the number that needs nobody was bought meanwhile");
    assert_eq!(world.sweep().failed, 0, "the sweep goes on");
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 2);
}

/// A message is only a hint: one for an owner that never proved who it is buys nothing, however often it comes.
#[test]
fn a_hand_made_message_for_an_unverified_sub_account_buys_nothing() {
    let clock = clock();
    let world = world(&clock);
    let asked = world.ask(SUB, "key-1", GATED);
    let id = asked.body["id"].as_str().expect("has an id");
    let by_hand = format!("{{\"version\":\"1\",\"sub_account\":\"{SUB}\",\"purchase\":\"{id}\"}}");
    for _ in 0..3 {
        assert_eq!(changes_nothing(&world, &by_hand), 0, "it is done with");
    }
    // Under a sub-account that did not ask, or for a number of a pool that is none, there is no such purchase.
    for stranger in [by_hand.replace(SUB, "somebody-else"), by_hand.replace('}', ",\"member\":0}")] {
        assert_eq!(changes_nothing(&world, &stranger), 0);
    }
    assert_eq!(world.carrier.creates(), 0);
    assert_eq!(world.purchase().state, PurchaseState::Waiting);
}

/// The dead letters keep a message for fourteen days; by then its purchase has ended in whatever way.
#[test]
fn a_message_of_fourteen_days_ago_does_no_harm() {
    for verified in [true, false] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        let completed = world.queue.pop().expect("was sent");
        assert_eq!(world.complete_event(sqs_event(&completed)), 0);
        let asked = world.ask(SUB, "key-2", GATED);
        let id = asked.body["id"].as_str().expect("has an id");
        let letter = format!("{{\"version\":\"1\",\"sub_account\":\"{SUB}\",\"purchase\":\"{id}\"}}");
        if verified {
            approve(&world);
            assert_eq!(world.complete(), 0);
        }
        world.clock.advance_s(14 * DAY_S);
        world.sweep();
        assert_eq!(world.complete(), 0);
        let charges = world.carrier.charges();
        assert_eq!(charges, if verified { 2 } else { 1 }, "the other one has expired");
        assert_eq!(changes_nothing(&world, &letter), 0);
        assert_eq!(changes_nothing(&world, &completed.to_text()), 0);
    }
}

/// Moving a letter is send, then delete: a crash in between doubles it.
#[test]
fn a_letter_that_was_doubled_buys_once() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    let message = world.queue.pop().expect("was sent");
    world.clock.advance_s(3 * DAY_S);
    for _ in 0..2 {
        assert_eq!(world.complete_event(sqs_event(&message)), 0);
    }
    assert!(matches!(world.purchase().state, PurchaseState::Completed { .. }));
    assert_eq!((world.carrier.charges(), world.carrier.creates()), (1, 1));
}
