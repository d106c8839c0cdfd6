//! The carrier's numbers against the table: what fits no longer is named, and only what was released outside is freed.

use adapters::items::keys;
use adapters::store::{SK, Value};
use adapters::twilio::{Carrier, Created};
use domain::{
    FailedNumber, Missing, Operator, OperatorReason, Orphan, OrphanReason, PhoneNumber, PurchaseId, PurchaseState,
    Reason, Reconciliation,
};
use futures::executor::block_on;
use local::reconcile::{Examined, Freed, examine, free_released};
use tests::estate::fill;
use tests::neighbours::CarrierFault;
use tests::world::{Neighbours, account, clock, world};

use crate::{NOT_GATED, SUB};

/// The seed of the estate; another one gives other misfits.
const SEED: u64 = 20_261_124;

fn examined(world: &Neighbours<'_>) -> Examined {
    let (table, carrier) = (&world.table, &world.carrier);
    block_on(examine(&table, &carrier, &world.clock, &account(), |_| {})).expect("all answer in memory")
}

fn freed(world: &Neighbours<'_>, missing: &Missing) -> Freed {
    let reason = OperatorReason::parse("it was released outside").expect("is a reason");
    let (table, carrier, operator) = (&world.table, &world.carrier, Operator { name: None, reason });
    block_on(free_released(&table, &carrier, &world.clock, &account(), missing, &operator)).expect("all answer")
}

/// Somebody gives a number back at the carrier, past everything.
fn release_outside(world: &Neighbours<'_>, number: &PhoneNumber) {
    let carrier = &world.carrier;
    let owned = block_on(carrier.find(&account(), number)).expect("the carrier answers").expect("it is there");
    block_on(carrier.release(&account(), &owned.sid)).expect("the carrier answers");
}

fn numbers(orphans: &[Orphan], which: impl Fn(&OrphanReason) -> bool) -> Vec<&PhoneNumber> {
    orphans.iter().filter(|orphan| which(&orphan.why)).map(|orphan| &orphan.listed.number).collect()
}

/// A platform's whole stock: 20 pages of the carrier's list. Every misfit is named, and nothing else.
#[test]
fn every_orphan_and_every_missing_number_of_twenty_thousand_is_named() {
    let clock = clock();
    let world = world(&clock);
    let misfits = fill(&world, 20_000, SEED);
    let kinds = [&misfits.unowned, &misfits.under_another_sid, &misfits.missing, &misfits.empty_locks];
    assert!(
        kinds.iter().all(|kind| !kind.is_empty()) && misfits.foreign > 0,
        "seed {SEED} has some of each: {misfits:?}"
    );
    let before = world.table.items();
    let Examined { found, listed, locks, unreadable, unreadable_locks } = examined(&world);
    let unowned = numbers(&found.orphans, |why| *why == OrphanReason::NobodyOwnsIt);
    assert_eq!(unowned, misfits.unowned.iter().collect::<Vec<_>>(), "seed {SEED}");
    let other = numbers(&found.orphans, |why| matches!(why, OrphanReason::OwnedUnder(..)));
    assert_eq!(other, misfits.under_another_sid.iter().collect::<Vec<_>>(), "seed {SEED}");
    assert_eq!(found.orphans.len(), unowned.len() + other.len());
    assert!(found.missing.iter().map(|missing| &missing.number).eq(&misfits.missing), "seed {SEED}");
    assert!(found.empty_locks.iter().map(|locked| &locked.number).eq(&misfits.empty_locks), "seed {SEED}");
    assert_eq!((found.fitting, found.foreign, found.under_way), (misfits.fitting, misfits.foreign, 0));
    assert_eq!(listed, 20_000 - misfits.missing.len() - misfits.empty_locks.len());
    assert_eq!(locks, 20_000 - misfits.unowned.len() - misfits.foreign);
    assert_eq!((unreadable, unreadable_locks), (0, vec![]));
    assert!(before == world.table.items(), "looking changes nothing");
}

#[test]
fn a_number_that_was_released_outside_frees_its_lock_and_can_be_bought_again() {
    let clock = clock();
    let world = world(&clock);
    let id = world.ask(SUB, "key-1", NOT_GATED).body["id"].clone();
    assert_eq!(world.complete(), 0);
    let number = PhoneNumber::parse(NOT_GATED).expect("is a number");
    release_outside(&world, &number);
    // Too young: the carrier's list may lag behind what it answered.
    let young = examined(&world).found;
    assert_eq!((young.missing.len(), young.under_way), (0, 1));
    clock.advance_s(3600);
    let found = examined(&world).found;
    assert_eq!(found.missing.len(), 1, "{found:?}");
    let missing = &found.missing[0];
    assert_eq!((missing.number.as_str(), missing.holder.purchase.as_str()), (NOT_GATED, id.as_str().expect("is text")));
    assert_eq!(freed(&world, missing), Freed::Freed);
    assert!(world.with_sk("L#").is_empty());
    let audit = world.with_sk("A#lock-freed#");
    assert_eq!(audit.len(), 1, "it is written down");
    assert!(matches!(audit[0].get(SK), Some(Value::S(sk)) if sk.ends_with(missing.sid.as_str())));
    assert_eq!(freed(&world, missing), Freed::Changed, "once");
    assert_eq!(examined(&world).found, Reconciliation::default());
    assert!(matches!(world.purchase().state, PurchaseState::Completed { .. }), "it was");
    let again = world.ask("other", "key-1", NOT_GATED);
    assert_eq!(again.status, 202);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 2);
}

/// Between the list and the freeing the number may be there again, or its purchase another one.
#[test]
fn a_lock_is_freed_only_while_all_that_was_seen_still_holds() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    assert_eq!(world.complete(), 0);
    let number = PhoneNumber::parse(NOT_GATED).expect("is a number");
    let mark = world.carrier.mark(&account(), &number).expect("is ours");
    release_outside(&world, &number);
    clock.advance_s(3600);
    let missing = examined(&world).found.missing.remove(0);
    world.carrier.plant(&account(), &number, &mark);
    assert_eq!(freed(&world, &missing), Freed::FoundAgain);
    release_outside(&world, &number);
    let other = Missing { sid: domain::NumberSid::parse("PNother").expect("is a word"), ..missing.clone() };
    assert_eq!(freed(&world, &other), Freed::Changed);
    assert_eq!(world.with_sk("L#").len(), 1);
    assert_eq!(world.with_sk("A#lock-freed#").len(), 0);
    assert_eq!(freed(&world, &missing), Freed::Freed);
}

/// What is being bought, and what an operator has to decide about, is nobody's finding.
#[test]
fn what_is_under_way_is_not_judged() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next([CarrierFault::After(Created::Unknown)]);
    assert_eq!(world.complete(), 0);
    assert!(matches!(world.purchase().state, PurchaseState::Buying(_)));
    let found = examined(&world).found;
    assert_eq!((found.orphans.len(), found.missing.len(), found.under_way), (0, 0, 1), "{found:?}");
    world.minutes(2);
    let found = examined(&world).found;
    assert_eq!(found, Reconciliation { fitting: 1, ..Reconciliation::default() });
}

/// A number that carries the mark of one purchase while another holds its lock.
#[test]
fn a_number_with_anothers_mark_is_an_orphan() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    let wrong = "pur_00000000000000000000000000000000".to_owned();
    world.carrier.fail_next([CarrierFault::WrongMark(wrong.clone())]);
    assert_eq!(world.complete(), 0);
    assert!(matches!(world.purchase().state, PurchaseState::Held { .. }));
    let number = PhoneNumber::parse(NOT_GATED).expect("is a number");
    release_outside(&world, &number);
    world.carrier.plant(&account(), &number, &wrong);
    let found = examined(&world).found;
    assert!(matches!(&found.orphans[..], [Orphan { why: OrphanReason::AnotherOwnsIt(_), .. }]), "{found:?}");
}

/// The customer was told that it failed; then it is there after all, which is nobody's until the last look.
#[test]
fn a_number_that_landed_after_its_failure_was_settled_is_an_orphan() {
    let clock = clock();
    let world = world(&clock);
    let id = world.ask(SUB, "key-1", NOT_GATED).body["id"].as_str().expect("id").to_owned();
    world.carrier.fail_next([CarrierFault::LandsLate, CarrierFault::Instead(Created::Refused(Reason::CarrierRefused))]);
    assert_eq!(world.complete(), 0);
    world.minutes(8);
    let state = world.purchase().state;
    assert!(matches!(state, PurchaseState::Failed { lock: FailedNumber::LockedUntil { .. }, .. }), "{state:?}");
    let found = examined(&world).found;
    assert_eq!(found, Reconciliation { under_way: 1, ..Reconciliation::default() }, "it is looked for once more");
    world.carrier.land();
    assert_eq!(world.read(SUB, &id).body["state"], "failed");
    let found = examined(&world).found;
    let [Orphan { listed, why: OrphanReason::ItsPurchaseFailed(holder) }] = &found.orphans[..] else {
        panic!("{found:?}");
    };
    assert_eq!((listed.number.as_str(), holder.purchase.as_str()), (NOT_GATED, id.as_str()));
    assert_eq!(found.under_way, 0);
    clock.advance_s(24 * 3600);
    world.minutes(2);
    assert_eq!(world.read(SUB, &id).body["state"], "held", "by the last look");
    assert_eq!(examined(&world).found.under_way, 1);
}

/// An item that somebody spoiled hides no other: it is named, and nothing is said of its number.
#[test]
fn what_cannot_be_read_is_named_and_hides_nothing() {
    let clock = clock();
    let world = world(&clock);
    let numbers = ["+18765550100", "+18765550101", "+18765550102", "+18765550103"];
    for number in numbers {
        world.ask(SUB, number, number);
    }
    assert_eq!(world.complete(), 0);
    clock.advance_s(3600);
    let key_of = |number: &str| keys::lock(&account(), &PhoneNumber::parse(number).expect("is a number"));
    let purchases = world.purchases();
    let purchase = purchases.iter().find(|purchase| purchase.number.as_str() == numbers[0]).expect("was bought");
    world.spoil(keys::purchase(&purchase.sub_account, &purchase.id), "state");
    world.spoil(key_of(numbers[1]), "sub_account");
    release_outside(&world, &PhoneNumber::parse(numbers[2]).expect("is a number"));
    let Examined { found, locks, listed, unreadable, unreadable_locks } = examined(&world);
    let (orphans, empty) = (found.orphans.len(), found.empty_locks.len());
    assert_eq!((orphans, found.missing.len(), empty, found.fitting, found.foreign), (0, 1, 0, 1, 0), "{found:?}");
    assert_eq!((locks, listed, unreadable), (4, 3, 0));
    let told: Vec<(&str, Option<&PurchaseId>)> = unreadable_locks
        .iter()
        .map(|lock| (lock.number.as_str(), lock.holder.as_ref().map(|holder| &holder.purchase)))
        .collect();
    assert_eq!(told, [(numbers[0], Some(&purchase.id)), (numbers[1], None)]);
    assert!(unreadable_locks.iter().all(|lock| lock.why.contains('`')), "the attribute is named: {unreadable_locks:?}");
}
