//! Each invariant, and a change that breaks it: one that nothing can break would say nothing.

use domain::{
    AccountSid, Actor, Attempt, BodyHash, EarlierCreates, EventClass, FailedNumber, Fulfilment, HISTORY_ENTRIES_MAX,
    Happening, HistoryEntry, IfUnavailable, Inquiry, InquiryId, Instant, Invariant, LatestCreate, LeaseToken,
    MemberIndex, NumberSid, POOL_INVARIANTS, PURCHASE_INVARIANTS, PhoneNumber, Place, Pool, PoolState, Purchase,
    PurchaseId, PurchaseState, Reason, Release, Slot, SubAccountId, VERIFICATION_INVARIANTS, Verification,
    VerificationState, a_pool_is_what_its_numbers_are, broken,
};

const AT: Instant = Instant::from_unix_ms(1_000_000);

/// Asserts that each change breaks the invariant in its place, and none before it.
fn each_can_be_broken<S, const COUNT: usize>(invariants: [Invariant<S>; COUNT], changes: [(S, S); COUNT]) {
    for (invariant, (before, after)) in invariants.iter().zip(&changes) {
        assert_eq!(broken(&invariants, before, after), Some(invariant.name));
    }
}

fn pool(state: PoolState) -> Pool {
    Pool {
        id: PurchaseId::parse("pur_0123456789abcdef0123456789abcdef").expect("is an id"),
        sub_account: SubAccountId::parse("sub").expect("is a word"),
        numbers: vec![PhoneNumber::parse("+12125550100").expect("is a number")],
        fulfilment: Fulfilment::AllOrNothing,
        if_unavailable: IfUnavailable::Fail,
        gated: true,
        needs_phone: false,
        body_hash: BodyHash([0; 32]),
        created_at: AT,
        updated_at: AT,
        deadline: AT,
        pointers: Vec::new(),
        state,
        history: Vec::new(),
    }
}

fn number(state: PurchaseState) -> Purchase {
    let unborn = pool(PoolState::Buying).unborn(MemberIndex::new(0).expect("is in a pool")).expect("is there");
    Purchase { state, ..unborn }
}

fn sid(text: &str) -> NumberSid {
    NumberSid::parse(text).expect("is a word")
}

fn account() -> AccountSid {
    AccountSid::parse("AC1").expect("is a word")
}

fn token() -> LeaseToken {
    LeaseToken::parse("mine").expect("is a word")
}

fn completed(id: &str) -> PurchaseState {
    PurchaseState::Completed { sid: sid(id), account: account(), at: AT }
}

fn failed() -> PurchaseState {
    PurchaseState::Failed { reason: Reason::CarrierRefused, at: AT, lock: FailedNumber::Unlocked }
}

fn buying(earlier: EarlierCreates) -> PurchaseState {
    PurchaseState::Buying(Slot {
        token: token(),
        lease_until: AT,
        account: account(),
        first_post: AT,
        last_post: AT,
        creates: 2,
        latest: LatestCreate::Open,
        earlier,
        refusal: None,
        absent_at: None,
    })
}

fn long_history() -> Vec<HistoryEntry> {
    vec![HistoryEntry { at: AT, by: Actor::Sweeper, what: Happening::Reclaimed }; HISTORY_ENTRIES_MAX + 1]
}

#[test]
fn of_a_number() {
    let doubtful = || number(buying(EarlierCreates::SomeUnknown));
    let held = || PurchaseState::Held { sid: None, account: None, at: AT };
    let release = Release { sid: sid("PN1"), account: account(), token: token(), lease_until: AT, since: AT };
    let waiting = || number(PurchaseState::Waiting);
    let alone = |state| Purchase { place: Place::Alone, ..number(state) };
    each_can_be_broken(
        PURCHASE_INVARIANTS,
        [
            (number(completed("PN1")), number(completed("PN2"))),
            (doubtful(), number(failed())),
            (doubtful(), number(buying(EarlierCreates::AllAnswered))),
            (number(failed()), number(PurchaseState::Cancelled { at: AT })),
            (waiting(), Purchase { body_hash: BodyHash([1; 32]), ..waiting() }),
            (alone(held()), alone(PurchaseState::Releasing(release))),
            (waiting(), Purchase { history: long_history(), ..waiting() }),
        ],
    );
}

#[test]
fn of_a_pool() {
    let buying = || pool(PoolState::Buying);
    each_can_be_broken(
        POOL_INVARIANTS,
        [
            (buying(), pool(PoolState::Cancelled { at: AT })),
            (buying(), Pool { numbers: Vec::new(), ..buying() }),
            (pool(PoolState::Releasing { reason: Reason::PoolUndone }), pool(PoolState::Completed { at: AT })),
            (buying(), Pool { history: long_history(), ..buying() }),
        ],
    );
    let bought = pool(PoolState::Completed { at: AT });
    assert!(a_pool_is_what_its_numbers_are(&bought, &[number(completed("PN1"))]));
    assert!(!a_pool_is_what_its_numbers_are(&bought, &[number(failed())]));
}

#[test]
fn of_a_verification() {
    let of = |state| Verification { state, ..Verification::default() };
    let seen = |ms| Verification {
        inquiry: Some(Inquiry {
            id: InquiryId::parse("inq_1").expect("is a word"),
            template: None,
            seen: Some((EventClass::Decision, AT.plus_ms(ms))),
            attempt: Attempt::Unused,
            session_at: AT,
            sessions: 1,
            sessions_in_a_row: 1,
        }),
        ..of(VerificationState::Declined)
    };
    each_can_be_broken(
        VERIFICATION_INVARIANTS,
        [
            (of(VerificationState::Verified { at: AT }), of(VerificationState::Expired)),
            (seen(1), seen(0)),
            (of(VerificationState::Failed), Verification { attempts_used: 2, ..of(VerificationState::Failed) }),
        ],
    );
    let used = |attempts_used, attempt| {
        let before = seen(0);
        let inquiry = before.inquiry.clone().map(|inquiry| Inquiry { attempt, ..inquiry });
        Verification { attempts_used, inquiry, ..before }
    };
    let twice = |before: &Verification, after: &Verification| broken(&VERIFICATION_INVARIANTS, before, after).is_some();
    assert!(!twice(&used(0, Attempt::Unused), &used(1, Attempt::Used)));
    assert!(!twice(&used(1, Attempt::Used), &used(0, Attempt::Used)), "given back");
    assert!(twice(&used(1, Attempt::Used), &used(2, Attempt::Used)), "one that has used an attempt");
    assert!(twice(&used(1, Attempt::Unused), &used(2, Attempt::Unused)), "that it has is not written down");
    assert!(twice(&used(1, Attempt::Used), &used(1, Attempt::Unused)), "forgotten");
    assert!(twice(&of(VerificationState::Failed), &used(1, Attempt::Used)), "of another inquiry");
}
