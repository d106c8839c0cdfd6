//! Every state of a pool × what its numbers may be, and what that makes of the pool.

use std::fmt::Write;

use domain::{
    AccountSid, Actor, BodyHash, Decision, FailedNumber, Fulfilment, IfUnavailable, Instant, LeaseToken, MemberIndex,
    NumberSid, PhoneNumber, Pool, PoolEffects, PoolEvent, PoolState, Purchase, PurchaseEvent, PurchaseId,
    PurchaseState, Reason, Release, SubAccountId, Timing,
};

const START_MS: i64 = 1_000_000_000;
const HOUR_MS: i64 = 3_600_000;

fn at(offset_ms: i64) -> Instant {
    Instant::from_unix_ms(START_MS + offset_ms)
}

fn states() -> Vec<(&'static str, PoolState)> {
    let reason = Reason::NumberUnavailable;
    let all = vec![
        ("waiting", PoolState::Waiting),
        ("buying", PoolState::Buying),
        ("releasing", PoolState::Releasing { reason }),
        ("completed", PoolState::Completed { at: at(0) }),
        ("partially completed", PoolState::PartiallyCompleted { reason, at: at(0) }),
        ("failed", PoolState::Failed { reason, at: at(0) }),
        ("expired", PoolState::Expired { at: at(0) }),
        ("cancelled", PoolState::Cancelled { at: at(0) }),
        ("held", PoolState::Held { undone: None, at: at(0) }),
        ("held while undone", PoolState::Held { undone: Some(reason), at: at(0) }),
    ];
    for (_, state) in &all {
        // A new state must be listed above.
        match state {
            PoolState::Waiting
            | PoolState::Buying
            | PoolState::Releasing { .. }
            | PoolState::Completed { .. }
            | PoolState::PartiallyCompleted { .. }
            | PoolState::Failed { .. }
            | PoolState::Expired { .. }
            | PoolState::Cancelled { .. }
            | PoolState::Held { .. } => {}
        }
    }
    all
}

fn pool(state: PoolState, fulfilment: Fulfilment) -> Pool {
    let number = |text: &str| PhoneNumber::parse(text).expect("is a number");
    Pool {
        id: PurchaseId::parse("pur_0123456789abcdef0123456789abcdef").expect("is an id"),
        sub_account: SubAccountId::parse("sub").expect("is a word"),
        numbers: vec![number("+12125550100"), number("+12125550101")],
        fulfilment,
        if_unavailable: IfUnavailable::Fail,
        gated: true,
        needs_phone: false,
        body_hash: BodyHash([0; 32]),
        created_at: at(0),
        updated_at: at(0),
        deadline: at(HOUR_MS),
        pointers: Vec::new(),
        state,
        history: Vec::new(),
    }
}

/// What one number may be, as far as its pool minds.
fn numbers() -> Vec<(&'static str, Option<PurchaseState>)> {
    let (sid, account) = (NumberSid::parse("PN1").expect("a word"), AccountSid::parse("AC1").expect("a word"));
    let token = LeaseToken::parse("mine").expect("a word");
    let claim = PurchaseEvent::Claim {
        token: token.clone(),
        account: account.clone(),
        number: PhoneNumber::parse("+12125550100").expect("is a number"),
    };
    let unborn = pool(PoolState::Buying, Fulfilment::BestEffort).unborn(MemberIndex::new(0).expect("is in a pool"));
    let Decision::Applied { next: buying, .. } =
        unborn.expect("is there").decide(&claim, Actor::Completion, at(0), &Timing::default())
    else {
        panic!("what waits can be claimed")
    };
    let release = Release { sid: sid.clone(), account: account.clone(), token, lease_until: at(0), since: at(0) };
    vec![
        ("unasked", None),
        ("buying", Some(buying.state)),
        ("ours", Some(PurchaseState::Completed { sid: sid.clone(), account: account.clone(), at: at(0) })),
        (
            "failed",
            Some(PurchaseState::Failed { reason: Reason::AddressRequired, at: at(0), lock: FailedNumber::Unlocked }),
        ),
        ("going back", Some(PurchaseState::Releasing(release))),
        ("released", Some(PurchaseState::Released { sid: sid.clone(), at: at(0) })),
        ("held", Some(PurchaseState::Held { sid: Some(sid), account: Some(account), at: at(0) })),
    ]
}

fn members(pool: &Pool, states: [&Option<PurchaseState>; 2]) -> Vec<Purchase> {
    let both = MemberIndex::all(2).zip(states);
    let born = both.filter_map(|(index, state)| Some((pool.unborn(index)?, state.clone()?)));
    born.map(|(unborn, state)| Purchase { state, ..unborn }).collect()
}

fn outcome(decision: Decision<Pool, PoolEffects>) -> String {
    match decision {
        Decision::Applied { next, effects } => {
            let pointers = if effects.ends { ", deletes pointers" } else { "" };
            let state = match next.state {
                PoolState::Waiting => "waiting".to_owned(),
                PoolState::Buying => "buying".to_owned(),
                PoolState::Releasing { reason } => format!("releasing: {reason:?}"),
                PoolState::Completed { .. } => "completed".to_owned(),
                PoolState::PartiallyCompleted { reason, .. } => format!("partially completed: {reason:?}"),
                PoolState::Failed { reason, .. } => format!("failed: {reason:?}"),
                PoolState::Expired { .. } => "expired".to_owned(),
                PoolState::Cancelled { .. } => "cancelled".to_owned(),
                PoolState::Held { undone: None, .. } => "held".to_owned(),
                PoolState::Held { undone: Some(reason), .. } => format!("held while undone: {reason:?}"),
            };
            format!("→ {state}{pointers}")
        }
        Decision::AlreadyDone { .. } => "already done".to_owned(),
        Decision::Illegal(why) => format!("illegal: {why:?}"),
    }
}

#[test]
fn every_state_answers_every_event() {
    let mut table = String::new();
    let timing = Timing::default();
    for (name, state) in states() {
        for (kind, fulfilment) in
            [("best effort", Fulfilment::BestEffort), ("all or nothing", Fulfilment::AllOrNothing)]
        {
            let pool = pool(state, fulfilment);
            writeln!(table, "\n{name}, {kind}").expect("writes to text");
            for (event_name, event, now) in [
                ("begin", PoolEvent::Begin, at(0)),
                ("cancel", PoolEvent::Cancel, at(0)),
                ("expire, too early", PoolEvent::Expire, at(HOUR_MS)),
                ("expire, overdue", PoolEvent::Expire, at(2 * HOUR_MS)),
            ] {
                let outcome = outcome(pool.decide(&event, Actor::Completion, now, &timing));
                writeln!(table, "  {event_name:<24} {outcome}").expect("writes to text");
            }
            for (first_name, first) in numbers() {
                for (second_name, second) in numbers() {
                    let members = members(&pool, [&first, &second]);
                    let event = PoolEvent::Members(&members);
                    let outcome = outcome(pool.decide(&event, Actor::Completion, at(1), &timing));
                    // What changes nothing is left out: most pairs do.
                    if outcome != "already done" {
                        let both = format!("{first_name}, {second_name}");
                        writeln!(table, "  {both:<24} {outcome}").expect("writes to text");
                    }
                }
            }
        }
    }
    insta::assert_snapshot!("pool_table", table);
}

/// The pool has ended exactly when nothing of it needs a visit any more, whatever its numbers are.
#[test]
fn a_pool_ends_with_its_last_number_and_not_before() {
    for fulfilment in [Fulfilment::BestEffort, Fulfilment::AllOrNothing] {
        for (first_name, first) in numbers() {
            for (second_name, second) in numbers() {
                let mut pool = pool(PoolState::Buying, fulfilment);
                let members = members(&pool, [&first, &second]);
                while let Decision::Applied { next, .. } =
                    pool.decide(&PoolEvent::Members(&members), Actor::Sweeper, at(1), &Timing::default())
                {
                    pool = next;
                }
                let on_its_way =
                    |member: &Purchase| matches!(member.state, PurchaseState::Buying(_) | PurchaseState::Releasing(_));
                let open = members.iter().any(on_its_way) || !pool.to_visit(&members).is_empty();
                assert_eq!(pool.due_at(at(1), 0).is_some(), open, "{first_name}, {second_name}: {:?}", pool.state);
            }
        }
    }
}
