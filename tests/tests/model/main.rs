//! Models of the purchase protocol, explored to the last state: whatever may crash, repeat, be lost, come late or come
//! first, and whenever. What is decided is decided by `domain` itself; the models add the table's transactions, the
//! carrier, Persona, and the order of steps in which the functions read, write and ask.
//!
//! [`buying`] has the number, its lock and the carrier; [`waiting`] the verifications of a sub-account and its agency,
//! and everybody who may wake the purchase. Each is explored as it is, and must hold; and once more without each of its
//! rules, and must then break in the property that the rule is for.
//!
//! Liveness is a property of states: from each state in which nothing runs, a deterministic run with good weather and
//! nobody but the due index to begin anything must end every purchase. That finds what is stuck and what goes in circles.
//!
//! Left out, these change nothing in the models, since other rules stand behind them:
//!
//! | rule | why it changes nothing |
//! |---|---|
//! | a live lease is left to its holder | a taken lease counts as a doubt, the lock keeps others out, and exactly this number is bought with this mark: two workers at one purchase cost requests, not numbers |
//! | "not available" is believed only after another look | what may be ours was unknown before, so the refusal has to settle, and settling looks; the rule saves minutes |
//! | an answered create is read back | a look came before and the lock excludes our own; it shows what nobody can prevent, a person who buys by hand between look and create, and no one does so here |
//! | a repeated event repeats the wake-up | the verified owner is due until nobody waits; the rule saves up to a minute |
//!
//! Not modelled: number pools, switching numbers, operators, changes of a profile, opening an inquiry.

mod buying;
mod waiting;

use std::fmt::Debug;
use std::hash::Hash;
use std::io::Write;

use buying::Buying;
use stateright::{Checker, Expectation, HasDiscoveries, Model};
use waiting::{Persona, Waiting};

/// Threads for what is explored to the end.
const THREADS: usize = 2;
/// Fewer states than this, and something that should be possible no longer is.
const UNIQUE_STATES_MIN: usize = 400_000;

/// Explores every state: nothing that must always hold fails, everything that should be possible is. How many there are.
fn explore<M>(name: &str, model: M) -> usize
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checker = explored(name, model);
    checker.assert_properties();
    checker.unique_state_count()
}

/// Explores every state: nothing that must always hold fails.
fn holds<M>(name: &str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checker = explored(name, model);
    for property in checker.model().properties() {
        if property.expectation == Expectation::Always {
            checker.assert_no_discovery(property.name);
        }
    }
}

fn explored<M>(name: &str, model: M) -> impl Checker<M>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let began = now();
    let checker = model.checker().threads(THREADS).spawn_bfs().join();
    assert!(checker.is_done(), "{name}: not every state was explored");
    let (unique, depth) = (checker.unique_state_count(), checker.max_depth());
    // Past the test runner, which keeps what a test prints that passes: how much was explored is worth a line.
    let told =
        format!("model: {name}: {unique} unique states, {depth} steps deep, {:.1} s\n", began.elapsed().as_secs_f64());
    std::io::stderr().write_all(told.as_bytes()).expect("standard error can be written to");
    checker
}

#[expect(clippy::disallowed_methods, reason = "how long a model takes is told, and decides nothing")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Explores until this property fails, nearest states first, and asserts that it does.
fn breaks<M>(rule: impl Debug, property: &'static str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    // One thread, so that the way found is a shortest one and the same each time.
    let until = HasDiscoveries::AnyOf([property].into());
    let checker = model.checker().threads(1).finish_when(until).spawn_bfs().join();
    let way = checker.discovery(property);
    assert!(way.is_some(), "without {rule:?}, this should break: {property}");
}

#[test]
fn buying_holds_in_every_state() {
    let unique = explore("buying", Buying::without(buying::LeftOut::Nothing));
    assert!(unique >= UNIQUE_STATES_MIN, "only {unique} states");
}

#[test]
fn waiting_holds_in_every_state() {
    let unique = explore("waiting", Waiting::without(waiting::LeftOut::Nothing, Persona::DecidesBoth));
    assert!(unique >= UNIQUE_STATES_MIN, "only {unique} states");
}

#[test]
fn waiting_holds_when_a_proof_is_given_again() {
    let unique = explore("waiting, given again", Waiting::without(waiting::LeftOut::Nothing, Persona::GivesAgain));
    assert!(unique >= UNIQUE_STATES_MIN, "only {unique} states");
}

/// One test for each rule of buying: its name, the rule, the property that breaks without it.
macro_rules! buying_breaks_without {
    ($($name:ident: $rule:ident => $property:ident;)*) => {$(
        #[test]
        fn $name() {
            let rule = buying::LeftOut::$rule;
            breaks(rule, buying::property::$property, Buying::without(rule));
        }
    )*};
}

buying_breaks_without! {
    buying_without_the_look: Look => TOUCHED;
    buying_without_the_mark: Mark => OWNED;
    buying_without_the_lock: Lock => TOUCHED;
    buying_without_the_claims_clearance: ClaimsClearance => UNCLEARED;
    buying_without_the_permit: Permit => UNCLEARED;
    buying_without_reclaiming_uncleared: ReclaimWithoutClearance => ENDS;
    buying_without_the_reclaims_doubt: ReclaimsDoubt => ACCOUNTED;
    buying_without_the_permits_doubt: PermitsDoubt => ACCOUNTED;
    buying_without_the_clock_check: ClockCheck => UNCLEARED;
    buying_without_unknown: UnknownIsNotFailed => ACCOUNTED;
    buying_without_definite_only_if_nothing_is_unknown: DefiniteOnlyIfNothingUnknown => ACCOUNTED;
    buying_without_fails_token: FailsToken => HELD;
    buying_without_waiting_to_settle: SettlingWaits => HELD;
    buying_without_the_second_settling_look: SecondSettlingLook => HELD;
    buying_without_the_kept_lock: KeptLock => TOUCHED;
    buying_without_the_last_look: LastLook => ACCOUNTED;
    buying_without_settled_failures_due: SettledFailureIsDue => ENDS;
    buying_without_cancel_only_while_waiting: CancelOnlyWhileWaiting => ACCOUNTED;
}

/// One test for each rule of waiting: its name, the rule, the property that breaks without it, what Persona decides.
macro_rules! waiting_breaks_without {
    ($($name:ident: $rule:ident => $property:ident, $persona:ident;)*) => {$(
        #[test]
        fn $name() {
            let rule = waiting::LeftOut::$rule;
            breaks(rule, waiting::property::$property, Waiting::without(rule, Persona::$persona));
        }
    )*};
}

waiting_breaks_without! {
    waiting_without_the_second_read: SecondRead => AT_ONCE, DecidesBoth;
    waiting_without_mark_before_list: MarkBeforeList => AT_ONCE, DecidesBoth;
    waiting_without_the_verification_as_outbox: VerificationAsOutbox => WOKEN, DecidesBoth;
    waiting_without_the_condition_of_sleep: SleepsCondition => WOKEN, GivesAgain;
    waiting_without_the_poll: Poll => FOUND, DecidesBoth;
    waiting_without_the_order_of_events: EventOrder => ORDER, DecidesBoth;
    waiting_without_the_agencys_pointer: AgencysPointer => AT_ONCE, DecidesBoth;
    waiting_without_the_agencys_read: AgencysRead => WOKEN, DecidesBoth;
    waiting_without_the_pointers_check: PointersCheck => ENDS, DecidesBoth;
    waiting_without_the_sweeps_short_step: SweepsShortStep => WOKEN, DecidesBoth;
    waiting_without_the_sweeps_order: SweepsOrder => WOKEN, DecidesBoth;
    waiting_without_the_claims_clearance: ClaimsClearance => CLEARED, DecidesBoth;
    waiting_without_the_claims_deadline: ClaimsDeadline => CLEARED, DecidesBoth;
    waiting_without_one_transaction: OneTransaction => ENDS, DecidesBoth;
    waiting_without_expirys_grace: ExpirysGrace => EXPIRED_EARLY, DecidesBoth;
    waiting_without_asking_before_expiry: ExpiryAsksFirst => EXPIRED_UNASKED, DecidesBoth;
    waiting_without_expirys_clearance: ExpirysClearance => EXPIRED_CLEARED, DecidesBoth;
}

#[test]
fn these_rules_change_nothing_here() {
    for rule in [buying::LeftOut::Lease, buying::LeftOut::LookAfterNotAvailable, buying::LeftOut::ReadBack] {
        holds(&format!("buying without {rule:?}"), Buying::without(rule));
    }
    let rule = waiting::LeftOut::RepeatedWake;
    holds(&format!("waiting without {rule:?}"), Waiting::without(rule, Persona::DecidesBoth));
}
