//! One value of every variant. Each list is made by a `match` without a wildcard: a variant that is added does not
//! compile until it is in its list.

use domain::{
    AccountSid, Actor, AgencyId, Attempt, BodyHash, EarlierCreates, EventClass, FailedNumber, Fulfilment, Happening,
    HistoryEntry, IfUnavailable, Inquiry, InquiryId, Instant, LatestCreate, LeaseToken, NameCheck, NameLevel,
    NameLevels, Nonce, NumberSid, Opening, Owner, Phase, PhoneNumber, Place, Pool, PoolState, Purchase, PurchaseId,
    PurchaseState, Reason, Release, Reviewer, RevokedBy, Slot, SubAccountId, TemplateId, VerificationState,
};

/// Follows `next` from `first` until it ends: every variant, in the order that `next` names.
fn all<T: Clone>(first: T, next: impl Fn(&T) -> Option<T>) -> Vec<T> {
    std::iter::successors(Some(first), next).collect()
}

/// An instant that no other sample has.
pub(crate) fn at(number: i64) -> Instant {
    Instant::from_unix_ms(1_795_348_800_000 + number)
}

/// A sub-account with every kind of character that an id may have.
pub(crate) fn sub_account() -> SubAccountId {
    SubAccountId::parse("Loc_a-1Z").expect("is an id")
}

/// Both kinds of owner.
pub(crate) fn owners() -> Vec<Owner> {
    all(Owner::SubAccount(sub_account()), |owner| match owner {
        Owner::SubAccount(_) => Some(Owner::Agency(AgencyId::parse("Agency_1").expect("is an id"))),
        Owner::Agency(_) => None,
    })
}

/// An account at the carrier.
pub(crate) fn account() -> AccountSid {
    AccountSid::parse("AC0123456789abcdef0123456789abcdef").expect("is an id")
}

fn sid() -> NumberSid {
    NumberSid::parse("PN0123456789abcdef0123456789abcdef").expect("is an id")
}

/// Every reason.
pub(crate) fn reasons() -> Vec<Reason> {
    all(Reason::NumberUnavailable, |reason| match reason {
        Reason::NumberUnavailable => Some(Reason::DuplicatePurchase),
        Reason::DuplicatePurchase => Some(Reason::CarrierRefused),
        Reason::CarrierRefused => Some(Reason::AddressRequired),
        Reason::AddressRequired => Some(Reason::AccountRestricted),
        Reason::AccountRestricted => Some(Reason::VerificationRevoked),
        Reason::VerificationRevoked => Some(Reason::CarrierUnresponsive),
        Reason::CarrierUnresponsive => Some(Reason::PoolUndone),
        Reason::PoolUndone => None,
    })
}

fn actors() -> Vec<Actor> {
    all(Actor::Customer, |actor| match actor {
        Actor::Customer => Some(Actor::Completion),
        Actor::Completion => Some(Actor::Sweeper),
        Actor::Sweeper => Some(Actor::Operator),
        Actor::Operator => None,
    })
}

fn happenings() -> Vec<Happening> {
    let kinds = all(Happening::Requested, |what| match what {
        Happening::Requested => Some(Happening::Claimed),
        Happening::Claimed => Some(Happening::Reclaimed),
        Happening::Reclaimed => Some(Happening::Permitted),
        Happening::Permitted => Some(Happening::Stopped(Reason::NumberUnavailable)),
        Happening::Stopped(_) => Some(Happening::NotProcessed),
        Happening::NotProcessed => Some(Happening::SeenAbsent),
        Happening::SeenAbsent => Some(Happening::Completed),
        Happening::Completed => Some(Happening::Failed(Reason::NumberUnavailable)),
        Happening::Failed(_) => Some(Happening::Unlocked),
        Happening::Unlocked => Some(Happening::Expired),
        Happening::Expired => Some(Happening::Cancelled),
        Happening::Cancelled => Some(Happening::Held),
        Happening::Held => Some(Happening::Switched),
        Happening::Switched => Some(Happening::Undone),
        Happening::Undone => Some(Happening::Released),
        Happening::Released => Some(Happening::NotReleased),
        Happening::NotReleased => Some(Happening::Retried),
        Happening::Retried => None,
    });
    let with_reasons = reasons().into_iter().flat_map(|reason| [Happening::Stopped(reason), Happening::Failed(reason)]);
    kinds.into_iter().chain(with_reasons).collect()
}

/// Everything that can happen, by everybody who acts.
pub(crate) fn history() -> Vec<HistoryEntry> {
    let pairs = happenings().into_iter().flat_map(|what| actors().into_iter().map(move |by| (what, by)));
    pairs.zip(0..).map(|((what, by), number)| HistoryEntry { at: at(number), by, what }).collect()
}

fn slots() -> Vec<Slot> {
    let latest = all(LatestCreate::Open, |latest| match latest {
        LatestCreate::Open => Some(LatestCreate::NotProcessed),
        LatestCreate::NotProcessed => None,
    });
    let earlier = all(EarlierCreates::AllAnswered, |earlier| match earlier {
        EarlierCreates::AllAnswered => Some(EarlierCreates::SomeUnknown),
        EarlierCreates::SomeUnknown => None,
    });
    let refusals: Vec<Option<Reason>> = std::iter::once(None).chain(reasons().into_iter().map(Some)).collect();
    let mut slots = Vec::new();
    for latest in latest {
        for earlier in &earlier {
            for refusal in &refusals {
                for absent_at in [None, Some(at(5))] {
                    slots.push(Slot {
                        token: LeaseToken::parse("token-1").expect("is an id"),
                        lease_until: at(1),
                        account: account(),
                        first_post: at(2),
                        last_post: at(3),
                        creates: 8,
                        latest,
                        earlier: *earlier,
                        refusal: *refusal,
                        absent_at,
                    });
                }
            }
        }
    }
    slots
}

/// Every state of a purchase, with every combination of what is in it.
pub(crate) fn purchase_states() -> Vec<PurchaseState> {
    let kinds = all(PurchaseState::Waiting, |state| match state {
        PurchaseState::Waiting => slots().pop().map(PurchaseState::Buying),
        PurchaseState::Buying(_) => Some(PurchaseState::Completed { sid: sid(), account: account(), at: at(10) }),
        PurchaseState::Completed { .. } => {
            Some(PurchaseState::Failed { reason: Reason::NumberUnavailable, at: at(11), lock: FailedNumber::Unlocked })
        }
        PurchaseState::Failed { .. } => Some(PurchaseState::Expired { at: at(12) }),
        PurchaseState::Expired { .. } => Some(PurchaseState::Cancelled { at: at(13) }),
        PurchaseState::Cancelled { .. } => Some(PurchaseState::Releasing(Release {
            sid: sid(),
            account: account(),
            token: LeaseToken::parse("token-2").expect("is an id"),
            lease_until: at(16),
            since: at(17),
        })),
        PurchaseState::Releasing(_) => Some(PurchaseState::Released { sid: sid(), at: at(18) }),
        PurchaseState::Released { .. } => Some(PurchaseState::Held { sid: None, account: None, at: at(14) }),
        PurchaseState::Held { .. } => None,
    });
    let locks = all(FailedNumber::Unlocked, |lock| match lock {
        FailedNumber::Unlocked => Some(FailedNumber::LockedUntil { last_look_at: at(15), account: account() }),
        FailedNumber::LockedUntil { .. } => None,
    });
    let failed = reasons().into_iter().flat_map(|reason| {
        locks.clone().into_iter().map(move |lock| PurchaseState::Failed { reason, at: at(11), lock })
    });
    let held = PurchaseState::Held { sid: Some(sid()), account: Some(account()), at: at(14) };
    kinds.into_iter().chain(slots().into_iter().map(PurchaseState::Buying)).chain(failed).chain([held]).collect()
}

/// A purchase in this state.
pub(crate) fn purchase(state: PurchaseState) -> Purchase {
    Purchase {
        id: PurchaseId::parse("pur_0123456789abcdef0123456789abcdef").expect("is an id"),
        sub_account: sub_account(),
        place: Place::Alone,
        number: number("+14155550100"),
        given_up: vec![number("+14155550101"), number("+14155550102")],
        if_unavailable: IfUnavailable::SameAreaCode,
        alternatives: vec![number("+14155550103")],
        gated: true,
        needs_phone: false,
        body_hash: BodyHash(std::array::from_fn(|index| u8::try_from(index * 8).unwrap_or_default())),
        created_at: at(20),
        updated_at: at(21),
        deadline: at(22),
        pointers: owners(),
        state,
        history: history(),
    }
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("is a number")
}

/// Every state of a pool, with every combination of what is in it.
pub(crate) fn pool_states() -> Vec<PoolState> {
    let kinds = all(PoolState::Waiting, |state| match state {
        PoolState::Waiting => Some(PoolState::Buying),
        PoolState::Buying => Some(PoolState::Releasing { reason: Reason::NumberUnavailable }),
        PoolState::Releasing { .. } => Some(PoolState::Completed { at: at(60) }),
        PoolState::Completed { .. } => {
            Some(PoolState::PartiallyCompleted { reason: Reason::CarrierRefused, at: at(61) })
        }
        PoolState::PartiallyCompleted { .. } => Some(PoolState::Failed { reason: Reason::PoolUndone, at: at(62) }),
        PoolState::Failed { .. } => Some(PoolState::Expired { at: at(63) }),
        PoolState::Expired { .. } => Some(PoolState::Cancelled { at: at(64) }),
        PoolState::Cancelled { .. } => Some(PoolState::Held { undone: None, at: at(65) }),
        PoolState::Held { .. } => None,
    });
    let undone = PoolState::Held { undone: Some(Reason::AddressRequired), at: at(66) };
    kinds.into_iter().chain([undone]).collect()
}

/// A pool in this state.
pub(crate) fn pool(state: PoolState) -> Pool {
    let Purchase { id, sub_account, body_hash, created_at, updated_at, deadline, pointers, history, .. } =
        purchase(PurchaseState::Waiting);
    Pool {
        numbers: vec![number("+14155550100"), number("+18765550101")],
        fulfilment: Fulfilment::AllOrNothing,
        if_unavailable: IfUnavailable::SameAreaCode,
        gated: true,
        needs_phone: false,
        state,
        id,
        sub_account,
        body_hash,
        created_at,
        updated_at,
        deadline,
        pointers,
        history,
    }
}

/// Every state of a verification.
pub(crate) fn verification_states() -> Vec<VerificationState> {
    all(VerificationState::Unverified, |state| match state {
        VerificationState::Unverified => Some(VerificationState::InProgress { phase: Phase::NeedsUser }),
        VerificationState::InProgress { phase: Phase::NeedsUser } => {
            Some(VerificationState::InProgress { phase: Phase::Processing })
        }
        VerificationState::InProgress { phase: Phase::Processing } => {
            Some(VerificationState::InReview { by: Reviewer::Persona })
        }
        VerificationState::InReview { by: Reviewer::Persona } => {
            Some(VerificationState::InReview { by: Reviewer::Names { approved_at: at(29) } })
        }
        VerificationState::InReview { by: Reviewer::Names { .. } } => Some(VerificationState::Verified { at: at(30) }),
        VerificationState::Verified { .. } => Some(VerificationState::Declined),
        VerificationState::Declined => Some(VerificationState::Failed),
        VerificationState::Failed => Some(VerificationState::Expired),
        VerificationState::Expired => Some(VerificationState::Locked),
        VerificationState::Locked => Some(VerificationState::Revoked { at: at(31), by: RevokedBy::Persona }),
        VerificationState::Revoked { by: RevokedBy::Persona, .. } => {
            Some(VerificationState::Revoked { at: at(31), by: RevokedBy::Operator })
        }
        VerificationState::Revoked { by: RevokedBy::Operator, .. } => None,
    })
}

/// Every standing of the names.
pub(crate) fn name_checks() -> Vec<NameCheck> {
    let compared = NameLevel::ALL.into_iter().zip(NameLevel::ALL.into_iter().rev());
    let compared = compared.map(|(first, last)| NameCheck::Compared(NameLevels { first, last }));
    [NameCheck::NotWanted, NameCheck::Wanted].into_iter().chain(compared).collect()
}

/// No inquiry, and one of every form.
pub(crate) fn inquiries() -> Vec<Option<Inquiry>> {
    let classes = all(EventClass::Progress, |class| match class {
        EventClass::Progress => Some(EventClass::Completion),
        EventClass::Completion => Some(EventClass::Decision),
        EventClass::Decision => None,
    });
    let attempts = all(Attempt::Unused, |attempt| match attempt {
        Attempt::Unused => Some(Attempt::Used),
        Attempt::Used => None,
    });
    let seen: Vec<_> = std::iter::once(None).chain(classes.into_iter().map(|class| Some((class, at(40))))).collect();
    let made = attempts.into_iter().flat_map(|attempt| {
        seen.clone().into_iter().map(move |seen| {
            Some(Inquiry {
                id: InquiryId::parse("inq_1").expect("is an id"),
                template: Some(TemplateId::parse("itmpl_1").expect("is an id")),
                seen,
                attempt,
                session_at: at(41),
                sessions: 3,
                sessions_in_a_row: 4,
            })
        })
    });
    std::iter::once(None).chain(made).collect()
}

/// Nobody who opens an inquiry, somebody, and somebody of whom the template was not kept.
pub(crate) fn openings() -> [Option<Opening>; 3] {
    let template = TemplateId::parse("itmpl_1").expect("is an id");
    let opening =
        |template| Opening { nonce: Nonce::parse("nonce-1").expect("is an id"), template, lease_until: at(42) };
    [None, Some(opening(Some(template))), Some(opening(None))]
}
