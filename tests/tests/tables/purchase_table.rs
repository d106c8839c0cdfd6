//! Every state of a purchase × every event.

use std::fmt::Write;

use domain::{
    AccountSid, Actor, Decision, EarlierCreates, FailedNumber, HISTORY_ENTRIES_MAX, Happening, IfUnavailable, Illegal,
    Instant, LatestCreate, LeaseToken, Lock, MemberIndex, NumberSid, PhoneNumber, Place, Purchase, PurchaseEffects,
    PurchaseEvent, PurchaseId, PurchaseState, Reason, Release, SWITCHES_MAX, Slot, SubAccountId, Timing,
};
use tests::purchases::waiting;

const START_MS: i64 = 1_000_000_000;
const HOUR_MS: i64 = 3_600_000;

fn token(text: &str) -> LeaseToken {
    LeaseToken::parse(text).expect("is a word")
}

fn account() -> AccountSid {
    AccountSid::parse("AC1").expect("is a word")
}

fn sid(text: &str) -> NumberSid {
    NumberSid::parse(text).expect("is a word")
}

fn at(offset_ms: i64) -> Instant {
    Instant::from_unix_ms(START_MS + offset_ms)
}

/// A slot that was claimed at the start and whose lease of a minute is held by `mine`.
fn slot() -> Slot {
    Slot {
        token: token("mine"),
        lease_until: at(60_000),
        account: account(),
        first_post: at(0),
        last_post: at(0),
        creates: 1,
        latest: LatestCreate::Open,
        earlier: EarlierCreates::AllAnswered,
        refusal: None,
        absent_at: None,
    }
}

fn states() -> Vec<(&'static str, PurchaseState)> {
    let in_doubt = Slot { earlier: EarlierCreates::SomeUnknown, ..slot() };
    let stopped = Slot { refusal: Some(Reason::NumberUnavailable), creates: 8, ..in_doubt.clone() };
    let seen_absent = Slot { absent_at: Some(at(200_000)), ..stopped.clone() };
    let locked = FailedNumber::LockedUntil { last_look_at: at(HOUR_MS), account: account() };
    let reason = Reason::CarrierUnresponsive;
    let all = vec![
        ("waiting", PurchaseState::Waiting),
        ("buying, nothing unknown", PurchaseState::Buying(slot())),
        ("buying, a create unknown", PurchaseState::Buying(in_doubt)),
        ("buying, stopped and in doubt", PurchaseState::Buying(stopped)),
        ("buying, seen absent once", PurchaseState::Buying(seen_absent)),
        ("completed with PN1", PurchaseState::Completed { sid: sid("PN1"), account: account(), at: at(0) }),
        ("failed", PurchaseState::Failed { reason, at: at(0), lock: FailedNumber::Unlocked }),
        ("failed, still locked", PurchaseState::Failed { reason, at: at(0), lock: locked }),
        ("expired", PurchaseState::Expired { at: at(0) }),
        ("cancelled", PurchaseState::Cancelled { at: at(0) }),
        ("releasing PN1", PurchaseState::Releasing(release())),
        ("released PN1", PurchaseState::Released { sid: sid("PN1"), at: at(0) }),
        ("held with PN1", PurchaseState::Held { sid: Some(sid("PN1")), account: Some(account()), at: at(0) }),
        ("held, nothing was asked", PurchaseState::Held { sid: Some(sid("PN1")), account: None, at: at(0) }),
    ];
    for (_, state) in &all {
        // A new state must be listed above.
        match state {
            PurchaseState::Waiting
            | PurchaseState::Buying(_)
            | PurchaseState::Completed { .. }
            | PurchaseState::Failed { lock: FailedNumber::Unlocked | FailedNumber::LockedUntil { .. }, .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
            | PurchaseState::Releasing(_)
            | PurchaseState::Released { .. }
            | PurchaseState::Held { .. } => {}
        }
    }
    all
}

fn release() -> Release {
    Release { sid: sid("PN1"), account: account(), token: token("mine"), lease_until: at(60_000), since: at(0) }
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("is a number")
}

fn events() -> Vec<(&'static str, PurchaseEvent)> {
    let reason = Reason::CarrierRefused;
    let all = vec![
        ("claim", claim("+12125550100")),
        ("claim another number", claim("+12125550199")),
        ("reclaim by another", PurchaseEvent::Reclaim { token: token("other") }),
        ("permit", PurchaseEvent::Permit { token: token("mine") }),
        ("permit for another", PurchaseEvent::Permit { token: token("other") }),
        (
            "clearance lost",
            PurchaseEvent::PermitRefused { token: Some(token("mine")), reason: Reason::VerificationRevoked },
        ),
        ("pool undone, unasked", PurchaseEvent::PermitRefused { token: None, reason: Reason::PoolUndone }),
        ("switch", switch("mine", "+12125550199")),
        ("switch by another", switch("other", "+12125550199")),
        ("switch to the same", switch("mine", "+12125550100")),
        ("undo", PurchaseEvent::Undo { token: token("mine") }),
        ("undo by another", PurchaseEvent::Undo { token: token("other") }),
        ("released", PurchaseEvent::Released),
        ("not released", PurchaseEvent::NotReleased { token: token("mine"), retry_at: at(2 * HOUR_MS) }),
        ("operator: retry", PurchaseEvent::OperatorRetry),
        ("operator: fail", PurchaseEvent::OperatorFail),
        ("operator: complete, PN1", PurchaseEvent::OperatorComplete { sid: sid("PN1") }),
        ("operator: complete, PN2", PurchaseEvent::OperatorComplete { sid: sid("PN2") }),
        ("lock taken by another", PurchaseEvent::LockTaken { same_sub_account: false }),
        ("lock taken by the same", PurchaseEvent::LockTaken { same_sub_account: true }),
        ("seen ours, PN1", PurchaseEvent::SeenOurs { sid: sid("PN1") }),
        ("seen ours, PN2", PurchaseEvent::SeenOurs { sid: sid("PN2") }),
        ("seen foreign", PurchaseEvent::SeenForeign { token: token("mine"), same_sub_account: false }),
        ("seen the same's", PurchaseEvent::SeenForeign { token: token("mine"), same_sub_account: true }),
        ("seen absent", PurchaseEvent::SeenAbsent { token: Some(token("mine")) }),
        ("seen absent by another", PurchaseEvent::SeenAbsent { token: Some(token("other")) }),
        ("seen absent, last look", PurchaseEvent::SeenAbsent { token: None }),
        ("bought, PN1", PurchaseEvent::Bought { sid: sid("PN1") }),
        ("bought, PN2", PurchaseEvent::Bought { sid: sid("PN2") }),
        ("bought wrong, PN2", PurchaseEvent::BoughtWrong { sid: sid("PN2") }),
        ("refused", PurchaseEvent::Refused { token: token("mine"), reason }),
        ("refused to another", PurchaseEvent::Refused { token: token("other"), reason }),
        ("not processed", PurchaseEvent::NotProcessed { token: token("mine"), retry_at: at(2 * HOUR_MS) }),
        ("not seen", PurchaseEvent::NotSeen { token: token("mine"), retry_at: at(3 * HOUR_MS), refused: false }),
        (
            "refused, and not seen",
            PurchaseEvent::NotSeen { token: token("mine"), retry_at: at(3 * HOUR_MS), refused: true },
        ),
        ("no account", PurchaseEvent::NoAccount { token: token("mine") }),
        ("expire", PurchaseEvent::Expire),
        ("cancel", PurchaseEvent::Cancel),
    ];
    for (_, event) in &all {
        // A new event must be listed above.
        match event {
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::PermitRefused { .. }
            | PurchaseEvent::Switch { .. }
            | PurchaseEvent::Undo { .. }
            | PurchaseEvent::Released
            | PurchaseEvent::NotReleased { .. }
            | PurchaseEvent::OperatorRetry
            | PurchaseEvent::OperatorFail
            | PurchaseEvent::OperatorComplete { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenOurs { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Bought { .. }
            | PurchaseEvent::BoughtWrong { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::NotSeen { .. }
            | PurchaseEvent::NoAccount { .. }
            | PurchaseEvent::Expire
            | PurchaseEvent::Cancel => {}
        }
    }
    all
}

fn claim(text: &str) -> PurchaseEvent {
    PurchaseEvent::Claim { token: token("mine"), account: account(), number: number(text) }
}

fn switch(by: &str, to: &str) -> PurchaseEvent {
    PurchaseEvent::Switch { token: token(by), number: number(to), gated: true }
}

/// One number of a pool, which may be undone, for which another number of its area code will do.
fn purchase(state: PurchaseState) -> Purchase {
    let id = PurchaseId::parse("pur_0123456789abcdef0123456789abcdef").expect("is an id");
    let sub_account = SubAccountId::parse("sub").expect("is a word");
    Purchase {
        place: Place::Member(MemberIndex::new(3).expect("is in a pool")),
        if_unavailable: IfUnavailable::SameAreaCode,
        deadline: at(HOUR_MS / 2),
        state,
        ..waiting(sub_account, id, number("+12125550100"), at(0))
    }
}

fn shown(state: &PurchaseState) -> String {
    match state {
        PurchaseState::Waiting => "waiting".to_owned(),
        PurchaseState::Buying(slot) => {
            let refusal = slot.refusal.map_or(String::new(), |reason| format!(", will fail as {reason:?}"));
            let absent = if slot.absent_at.is_some() { ", seen absent" } else { "" };
            format!(
                "buying ({}, lease {:+} s, {} creates, latest {:?}, earlier {:?}{refusal}{absent})",
                slot.token,
                slot.lease_until.ms_since(at(0)) / 1000,
                slot.creates,
                slot.latest,
                slot.earlier
            )
        }
        PurchaseState::Completed { sid, .. } => format!("completed with {sid}"),
        PurchaseState::Failed { reason, lock: FailedNumber::Unlocked, .. } => format!("failed: {reason:?}"),
        PurchaseState::Failed { reason, lock: FailedNumber::LockedUntil { last_look_at, .. }, .. } => {
            format!("failed: {reason:?}, locked until {:+} s", last_look_at.ms_since(at(0)) / 1000)
        }
        PurchaseState::Expired { .. } => "expired".to_owned(),
        PurchaseState::Cancelled { .. } => "cancelled".to_owned(),
        PurchaseState::Releasing(release) => {
            format!(
                "releasing {} ({}, until {:+} s)",
                release.sid,
                release.token,
                release.lease_until.ms_since(at(0)) / 1000
            )
        }
        PurchaseState::Released { sid, .. } => format!("released {sid}"),
        PurchaseState::Held { sid, .. } => {
            format!("held with {}", sid.as_ref().map_or("no number", NumberSid::as_str))
        }
    }
}

fn outcome(state: &PurchaseState, event: &PurchaseEvent, now: Instant) -> String {
    match purchase(state.clone()).decide(event, Actor::Completion, now, &Timing::default()) {
        Decision::Applied { next, effects: PurchaseEffects { lock, ends, orphan } } => {
            let lock = match lock {
                Lock::Unchanged => "",
                Lock::Take => ", takes the lock",
                Lock::Free => ", frees the lock",
                Lock::Move => ", moves the lock",
            };
            let number = next.number.last_four();
            let number = if next.given_up.is_empty() { String::new() } else { format!(", wants …{number}") };
            let ends = if ends { ", deletes pointers" } else { "" };
            let orphan = if orphan { ", orphan alarm" } else { "" };
            format!("→ {}{number}{lock}{ends}{orphan}", shown(&next.state))
        }
        Decision::AlreadyDone { .. } => "already done".to_owned(),
        Decision::Illegal(why) => format!("illegal: {why:?}"),
    }
}

#[test]
fn every_state_answers_every_event() {
    let mut table = String::new();
    for (when, now) in [("10 s after the claim", at(10_000)), ("2 h after the claim", at(2 * HOUR_MS))] {
        for (name, state) in states() {
            writeln!(table, "\n{name}, {when}").expect("writes to text");
            for (event_name, event) in events() {
                writeln!(table, "  {event_name:<26} {}", outcome(&state, &event, now)).expect("writes to text");
            }
        }
    }
    insta::assert_snapshot!("purchase_table", table);
}

/// Whatever happens, a slot with an unknown create never fails by a refusal alone.
#[test]
fn doubt_is_never_dropped() {
    let in_doubt = PurchaseState::Buying(Slot { earlier: EarlierCreates::SomeUnknown, ..slot() });
    for (name, event) in events() {
        let decision = purchase(in_doubt.clone()).decide(&event, Actor::Completion, at(10_000), &Timing::default());
        if let Decision::Applied { next, effects } = decision {
            assert!(!matches!(next.state, PurchaseState::Failed { .. }), "{name} drops a doubt");
            assert_ne!(effects.lock, Lock::Free, "{name} frees the lock");
        }
    }
}

#[test]
fn the_history_keeps_its_first_entry_and_its_bound() {
    let mut state = purchase(PurchaseState::Buying(slot()));
    state.history.push(domain::HistoryEntry { at: at(0), by: Actor::Customer, what: Happening::Requested });
    for visit in 0..100 {
        let now = at(visit * HOUR_MS);
        let event = PurchaseEvent::Reclaim { token: token(&format!("worker-{visit}")) };
        if let Decision::Applied { next, .. } = state.decide(&event, Actor::Completion, now, &Timing::default()) {
            state = next;
        }
    }
    assert_eq!(state.history.len(), HISTORY_ENTRIES_MAX);
    assert_eq!(state.history[0].what, Happening::Requested);
    assert_eq!(state.history.last().map(|entry| entry.at), Some(at(99 * HOUR_MS)));
}

/// What only a pool's number can do, a number that was asked for alone cannot.
#[test]
fn a_number_alone_is_never_undone() {
    let alone = |state| Purchase { place: Place::Alone, ..purchase(state) };
    let completed = PurchaseState::Completed { sid: sid("PN1"), account: account(), at: at(0) };
    for (state, event) in [
        (PurchaseState::Waiting, PurchaseEvent::PermitRefused { token: None, reason: Reason::PoolUndone }),
        (completed, PurchaseEvent::Undo { token: token("mine") }),
    ] {
        let decision = alone(state).decide(&event, Actor::Completion, at(0), &Timing::default());
        assert!(matches!(decision, Decision::Illegal(_)), "{event:?}: {decision:?}");
    }
}

/// A number is replaced at most five times, never by one that is gone as well, and never for a customer who wants none other.
#[test]
fn numbers_are_switched_so_often_and_no_further() {
    let timing = Timing::default();
    let mut wanted = purchase(PurchaseState::Buying(slot()));
    for last in 0..10 {
        let event = switch("mine", &format!("+1212555011{last}"));
        match wanted.decide(&event, Actor::Completion, at(0), &timing) {
            Decision::Applied { next, .. } => wanted = next,
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => assert!(last >= SWITCHES_MAX, "switch {last}"),
        }
    }
    assert_eq!(wanted.given_up.len(), SWITCHES_MAX);
    let mut back = purchase(PurchaseState::Buying(slot()));
    back.given_up.push(number("+12125550199"));
    let fail = Purchase { if_unavailable: IfUnavailable::Fail, ..purchase(PurchaseState::Buying(slot())) };
    for purchase in [back, fail] {
        let decision = purchase.decide(&switch("mine", "+12125550199"), Actor::Completion, at(0), &timing);
        assert_eq!(decision, Decision::Illegal(Illegal::NoFurtherCreate));
    }
}

/// What an operator lets go on is in doubt: it may be there, so that nothing but looks can fail it.
#[test]
fn a_retried_number_is_in_doubt() {
    let held = PurchaseState::Held { sid: None, account: Some(account()), at: at(0) };
    let decision = purchase(held).decide(&PurchaseEvent::OperatorRetry, Actor::Operator, at(5), &Timing::default());
    let Decision::Applied { next, .. } = decision else { panic!("it goes on: {decision:?}") };
    let PurchaseState::Buying(slot) = &next.state else { panic!("it is buying") };
    assert_eq!((slot.earlier, slot.lease_until), (EarlierCreates::SomeUnknown, at(5)));
    assert_eq!(next.visit(at(5)), domain::Visit::Reclaim);
}
