//! Every answer that a create may get, and what becomes of the purchase.

use adapters::twilio::{Created, LookError, meaning_of_refusal};
use domain::{PurchaseState, Reason};
use serde_json::json;
use tests::logs::logged;
use tests::neighbours::CarrierFault;
use tests::outcomes::{Outcome, REFUSALS, Refusal};
use tests::world::{Neighbours, clock, world};

use crate::{NOT_GATED, SUB};

/// When the carrier wants to be asked again, in seconds, where it says so.
const RETRY_AFTER_S: u32 = 90;

/// How a purchase ends whose first create is answered so, and every later one with success.
#[derive(Debug, PartialEq)]
enum End {
    Failed(Reason),
    /// Bought with this many creates.
    Bought(u32),
}

fn end(world: &Neighbours<'_>) -> End {
    match world.purchase().state {
        PurchaseState::Failed { reason, .. } => End::Failed(reason),
        PurchaseState::Completed { .. } => End::Bought(world.carrier.creates()),
        state @ (PurchaseState::Waiting
        | PurchaseState::Buying(_)
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. }
        | PurchaseState::Releasing(_)
        | PurchaseState::Released { .. }
        | PurchaseState::Held { .. }) => panic!("{state:?} is no end"),
    }
}

fn answer(row: &Refusal) -> Created {
    meaning_of_refusal(row.status, Some(row.code), Some(RETRY_AFTER_S))
}

#[test]
fn each_error_ends_the_purchase_or_is_tried_again_at_its_time() {
    for row in REFUSALS {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        world.carrier.fail_next([CarrierFault::Instead(answer(&row))]);
        assert_eq!(world.complete(), 0);
        let (waits_minutes, expected) = match row.outcome {
            Outcome::LookThenBelieve => (0, End::Failed(Reason::NumberUnavailable)),
            Outcome::Refused(reason) => (0, End::Failed(reason)),
            Outcome::OurMistake => (0, End::Failed(Reason::CarrierRefused)),
            // 90 seconds, 15 minutes, and the end of a lease of 60 seconds; then the next sweep.
            Outcome::NotProcessed => (1, End::Bought(2)),
            Outcome::Unauthorised => (14, End::Bought(2)),
            Outcome::Unknown => (0, End::Bought(2)),
        };
        if matches!(expected, End::Bought(_)) {
            world.minutes(waits_minutes);
            assert_eq!(world.carrier.creates(), 1, "{} {}: not before its time", row.code, row.says);
            world.minutes(3);
        }
        assert_eq!(end(&world), expected, "{} {}", row.code, row.says);
        let charged = u32::from(matches!(expected, End::Bought(_)));
        assert_eq!(world.carrier.charges(), charged, "{} {}", row.code, row.says);
        // What failed for good keeps nobody else from the number.
        assert_eq!(world.with_sk("L#").len(), charged as usize, "{} {}", row.code, row.says);
    }
}

/// A refusal says nothing of an earlier create that was not answered: only what may not have been done counts.
#[test]
fn no_error_settles_a_create_that_was_not_answered() {
    for row in REFUSALS.iter().filter(|row| matches!(row.outcome, Outcome::Refused(_) | Outcome::OurMistake)) {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        world.carrier.fail_next([CarrierFault::LandsLate, CarrierFault::Instead(answer(row))]);
        assert_eq!(world.complete(), 0);
        world.minutes(2);
        assert!(matches!(world.purchase().state, PurchaseState::Buying(_)), "{} {}", row.code, row.says);
        world.carrier.land();
        world.minutes(6);
        assert_eq!(world.carrier.charges(), 1, "{} {}", row.code, row.says);
        assert!(matches!(end(&world), End::Bought(_)), "{} {}", row.code, row.says);
    }
}

/// Refusals that are no answer about the number cost no try: the purchase outlives more of them than it has tries.
#[test]
fn what_was_not_processed_costs_no_try() {
    for row in REFUSALS.iter().filter(|row| matches!(row.outcome, Outcome::NotProcessed | Outcome::Unauthorised)) {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        let times = domain::CREATES_MAX + 2;
        world.carrier.fail_next((0..times).map(|_| CarrierFault::Instead(answer(row))));
        assert_eq!(world.complete(), 0);
        world.minutes(17 * times);
        assert_eq!(end(&world), End::Bought(times + 1), "{} {}", row.code, row.says);
    }
}

/// While the carrier takes nothing, nothing is in doubt: whatever that lasts, the purchase waits, and is bought after it.
#[test]
fn what_was_never_processed_waits_for_days() {
    for fault in [LookError::Unauthorised, LookError::NotProcessed { retry_after_s: None }] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        world.carrier.fail_next_looks(std::iter::repeat_n(fault, 26));
        assert_eq!(world.complete(), 0);
        for _ in 0..25 {
            clock.advance_s(3600);
            world.sweep();
            assert_eq!(world.complete(), 0);
        }
        assert!(matches!(world.purchase().state, PurchaseState::Buying(_)), "{fault:?}: {:?}", world.purchase().state);
        world.minutes(40);
        assert_eq!(end(&world), End::Bought(1), "{fault:?}");
    }
}

/// Nothing can be bought in an account that is not there, and waiting for one helps nobody; what may have been bought in
/// one that is gone, a person must look for.
#[test]
fn an_account_that_is_not_there_ends_its_purchases() {
    for in_doubt in [false, true] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        if in_doubt {
            world.carrier.fail_next([CarrierFault::Instead(Created::Unknown)]);
            assert_eq!(world.complete(), 0);
            clock.advance_s(61);
            world.sweep();
        }
        world.carrier.fail_next_looks([LookError::NoAccount]);
        let (failed, log) = logged(|| world.complete());
        assert_eq!((failed, log.matches(r#""metric":"account_restricted""#).count()), (0, 1), "{log}");
        let state = world.purchase().state;
        match in_doubt {
            false => assert_eq!(end(&world), End::Failed(Reason::AccountRestricted)),
            true => assert!(matches!(state, PurchaseState::Held { .. }), "{state:?}"),
        }
        assert_eq!((world.carrier.creates(), world.with_sk("L#").len()), (u32::from(in_doubt), usize::from(in_doubt)));
    }
}

/// "Not available" is an answer, also where the look that should explain it is refused: nothing is in doubt.
#[test]
fn a_refusal_that_could_not_be_looked_into_is_no_doubt() {
    for fault in [LookError::NotProcessed { retry_after_s: Some(20) }, LookError::Unknown] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        world
            .carrier
            .fail_next([CarrierFault::Instead(Created::NotAvailable), CarrierFault::Instead(Created::NotAvailable)]);
        world.carrier.let_looks_through(1);
        world.carrier.fail_next_looks([fault]);
        assert_eq!(world.complete(), 0);
        assert!(matches!(world.purchase().state, PurchaseState::Buying(_)), "{fault:?}");
        world.minutes(1);
        assert_eq!(end(&world), End::Failed(Reason::NumberUnavailable), "{fault:?}: asked once more, and believed");
        assert_eq!((world.carrier.creates(), world.with_sk("L#").len()), (2, 0), "{fault:?}");
    }
}

/// A worker that took a lease over and may not look says when to look again; only then is the purchase taken on again.
#[test]
fn a_look_waits_as_long_as_the_carrier_says() {
    for (fault, wait_s) in
        [(LookError::NotProcessed { retry_after_s: Some(600) }, 600), (LookError::Unauthorised, 15 * 60)]
    {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        world.carrier.fail_next([CarrierFault::After(Created::Unknown)]);
        assert_eq!(world.complete(), 0);
        clock.advance_s(61);
        world.carrier.fail_next_looks([fault]);
        world.sweep();
        assert_eq!(world.complete(), 0);
        clock.advance_s(wait_s - 1);
        world.sweep();
        assert_eq!(world.complete(), 0);
        assert!(matches!(world.purchase().state, PurchaseState::Buying(_)), "{fault:?}: not before its time");
        world.minutes(2);
        assert_eq!(end(&world), End::Bought(1), "{fault:?}");
    }
}

/// The operator's switch is one more reason that nothing was sent.
#[test]
fn what_the_switch_stopped_goes_on_after_days() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next([CarrierFault::Instead(Created::NotProcessed { retry_after_s: None })]);
    assert_eq!(world.complete(), 0);
    let switch = |on: bool| {
        let body = json!({"purchases": if on { "on" } else { "off" }, "reason": "the bill"});
        assert_eq!(world.operate("PUT /v1/operator/purchases-switch", &body).status, 200);
    };
    switch(false);
    for _ in 0..25 {
        clock.advance_s(3600);
        world.sweep();
        assert_eq!(world.complete(), 0);
    }
    switch(true);
    world.minutes(20);
    assert_eq!(end(&world), End::Bought(2));
}
