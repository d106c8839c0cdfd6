//! Every state of a purchase × every event.

use std::fmt::Write;

use domain::{
    AccountSid, Actor, BodyHash, Decision, EarlierCreates, FailedNumber, HISTORY_ENTRIES_MAX, Happening, Instant,
    LatestCreate, LeaseToken, Lock, NumberSid, PhoneNumber, Purchase, PurchaseEffects, PurchaseEvent, PurchaseId,
    PurchaseState, Reason, Slot, SubAccountId, Timing,
};

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
        ("held with PN1", PurchaseState::Held { sid: Some(sid("PN1")), at: at(0) }),
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
            | PurchaseState::Held { .. } => {}
        }
    }
    all
}

fn events() -> Vec<(&'static str, PurchaseEvent)> {
    let reason = Reason::CarrierRefused;
    let all = vec![
        ("claim", PurchaseEvent::Claim { token: token("mine"), account: account() }),
        ("reclaim by another", PurchaseEvent::Reclaim { token: token("other") }),
        ("permit", PurchaseEvent::Permit { token: token("mine") }),
        ("permit for another", PurchaseEvent::Permit { token: token("other") }),
        ("clearance lost", PurchaseEvent::ClearanceLost { token: token("mine") }),
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
        ("expire", PurchaseEvent::Expire),
        ("cancel", PurchaseEvent::Cancel),
    ];
    for (_, event) in &all {
        // A new event must be listed above.
        match event {
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::ClearanceLost { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenOurs { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Bought { .. }
            | PurchaseEvent::BoughtWrong { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::Expire
            | PurchaseEvent::Cancel => {}
        }
    }
    all
}

fn purchase(state: PurchaseState) -> Purchase {
    Purchase {
        id: PurchaseId::parse("pur_0123456789abcdef0123456789abcdef").expect("is an id"),
        sub_account: SubAccountId::parse("sub").expect("is a word"),
        number: PhoneNumber::parse("+12125550100").expect("is a number"),
        gated: true,
        body_hash: BodyHash([0; 32]),
        created_at: at(0),
        updated_at: at(0),
        deadline: at(HOUR_MS / 2),
        state,
        history: Vec::new(),
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
            };
            let ends = if ends { ", deletes pointers" } else { "" };
            let orphan = if orphan { ", orphan alarm" } else { "" };
            format!("→ {}{lock}{ends}{orphan}", shown(&next.state))
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
