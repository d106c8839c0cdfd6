//! Writing a change of a purchase, with all that belongs in the same transaction.

use domain::{
    AccountSid, FailedNumber, Instant, Lock, Owner, POOL_INVARIANTS, PURCHASE_INVARIANTS, Pool, PoolState, Purchase,
    PurchaseEffects, PurchaseId, PurchaseState, Release, SubAccountId, VerificationState, broken,
};

use super::{StoredPool, StoredPurchase};
use crate::items::{
    AGENCY, PHONE_SINCE, SLOT, STATE, VERIFIED_AT, expect_version, keys, lock_holder, lock_item, pool_state_name,
    pool_to_item, purchase_to_item, verification_state_name,
};
use crate::store::{Condition, Item, Store, StoreError, TransactError, Value, Write, write_all};

/// One change of one number.
#[derive(Debug, Clone)]
pub struct Commit<'a> {
    /// The number as it was read.
    pub seen: &'a StoredPurchase,
    /// What it becomes.
    pub next: Purchase,
    /// What belongs in the same transaction.
    pub effects: PurchaseEffects,
    /// What must hold besides, and what changes with it.
    pub guards: Vec<Guard>,
    /// When the table brings it back, if ever.
    pub due_at: Option<Instant>,
}

/// What must hold of other items for a purchase to change, or changes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// This owner is verified, and was before the purchase's deadline.
    VerifiedInTime(Owner),
    /// None of these owners was verified before the purchase's deadline.
    NobodyInTime(Vec<Owner>),
    /// The sub-account has an approved phone, and had one by the purchase's deadline.
    HasPhoneInTime,
    /// It has none, or had none by then.
    NoPhoneInTime,
    /// The number's pool is in this state.
    PoolIs(PoolState),
    /// The number's pool, as it was read, begins to be bought.
    PoolBegins(Box<Begin>),
    /// An entry in the audit, new.
    Audit(Box<Item>),
}

/// A pool's beginning: part of the claim of its first number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// The pool as it was read.
    pub seen: StoredPool,
    /// What it becomes.
    pub next: Pool,
    /// When the table brings it back.
    pub due_at: Option<Instant>,
}

impl Guard {
    /// The pool as it stands once the change does; none where no pool begins with it.
    #[must_use]
    pub fn begun_pool(&self) -> Option<StoredPool> {
        match self {
            Self::PoolBegins(begin) => Some(StoredPool { pool: begin.next.clone(), version: begin.seen.version + 1 }),
            Self::VerifiedInTime(_)
            | Self::NobodyInTime(_)
            | Self::HasPhoneInTime
            | Self::NoPhoneInTime
            | Self::PoolIs(_)
            | Self::Audit(_) => None,
        }
    }
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed<T = StoredPurchase> {
    /// It stands.
    Done(Box<T>),
    /// The item has changed since it was read: load and decide again.
    Changed,
    /// The number's lock is that purchase's.
    LockedBy(SubAccountId, PurchaseId),
    /// A guard does not hold.
    Guarded,
}

/// The first write of a change that was refused, and the item that is there.
#[derive(Debug)]
struct Refused {
    part: Part,
    item: Option<Box<Item>>,
}

/// Why a write is part of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Itself,
    TakesLock,
    FreesLock,
    Guard,
    Pointer,
}

/// Writes one change of one number.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the commit may stand.
pub async fn commit(store: &impl Store, commit: Commit<'_>) -> Result<Committed, StoreError> {
    let Commit { seen, mut next, effects, guards, due_at } = commit;
    if effects.ends {
        next.pointers.clear();
    }
    debug_assert_eq!(broken(&PURCHASE_INVARIANTS, &seen.purchase, &next), None);
    let version = seen.version + 1;
    let expect = expect_version(seen.version);
    let writes = |lock| {
        let item = purchase_to_item(&next, version, due_at);
        let mut writes = vec![(Part::Itself, Write::Put { item, expect: expect.clone() })];
        writes.extend(lock_writes(&seen.purchase, &next, lock));
        for guard in &guards {
            let of = Guarded { sub_account: &next.sub_account, id: &next.id, deadline: next.deadline };
            writes.extend(guard_writes(guard, of).into_iter().map(|write| (Part::Guard, write)));
        }
        if effects.ends {
            writes.extend(pointer_deletes(&seen.purchase.pointers, &next.id));
        }
        writes
    };
    let mut refused = transact(store, writes(effects.lock)).await?;
    if effects.lock == Lock::Free && matches!(refused, Some(Refused { part: Part::FreesLock, .. })) {
        // It is another purchase's by now, so there is none to free: taking it again would change this one's version.
        refused = transact(store, writes(Lock::Unchanged)).await?;
    }
    committed(refused, || StoredPurchase { purchase: next, version })
}

/// Writes one change of a pool; one that ends leaves no wait pointers. It stands only if all of `guards` hold.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the commit may stand.
pub async fn commit_pool(
    store: &impl Store,
    seen: &StoredPool,
    mut next: Pool,
    ends: bool,
    guards: &[Guard],
    due_at: Option<Instant>,
) -> Result<Committed<StoredPool>, StoreError> {
    let mut writes = Vec::new();
    if ends {
        next.pointers.clear();
    }
    debug_assert_eq!(broken(&POOL_INVARIANTS, &seen.pool, &next), None);
    let version = seen.version + 1;
    let expect = expect_version(seen.version);
    writes.push((Part::Itself, Write::Put { item: pool_to_item(&next, version, due_at), expect }));
    for guard in guards {
        let of = Guarded { sub_account: &next.sub_account, id: &next.id, deadline: next.deadline };
        writes.extend(guard_writes(guard, of).into_iter().map(|write| (Part::Guard, write)));
    }
    if ends {
        writes.extend(pointer_deletes(&seen.pool.pointers, &next.id));
    }
    committed(transact(store, writes).await?, || StoredPool { pool: next, version })
}

/// Writes all of it; or else why not.
async fn transact(store: &impl Store, writes: Vec<(Part, Write)>) -> Result<Option<Refused>, StoreError> {
    let (parts, writes): (Vec<Part>, Vec<Write>) = writes.into_iter().unzip();
    let refused = match write_all(store, writes).await {
        Ok(()) => return Ok(None),
        Err(TransactError::Refused(refused)) => refused,
        Err(TransactError::Store(error)) => return Err(error),
    };
    // The item's own change explains everything else that does not hold.
    let first = refused.into_iter().min_by_key(|(position, _)| *position);
    let first = first.and_then(|(position, item)| Some(Refused { part: *parts.get(position)?, item }));
    Ok(Some(first.unwrap_or(Refused { part: Part::Itself, item: None })))
}

fn committed<T>(refused: Option<Refused>, done: impl FnOnce() -> T) -> Result<Committed<T>, StoreError> {
    let Some(Refused { part, item }) = refused else { return Ok(Committed::Done(Box::new(done()))) };
    match (part, item) {
        (Part::Itself | Part::FreesLock | Part::Pointer, _) | (Part::TakesLock, None) => Ok(Committed::Changed),
        (Part::TakesLock, Some(lock)) => {
            lock_holder(&lock).map(|(sub_account, id)| Committed::LockedBy(sub_account, id))
        }
        (Part::Guard, _) => Ok(Committed::Guarded),
    }
}

fn lock_writes(seen: &Purchase, next: &Purchase, lock: Lock) -> Vec<(Part, Write)> {
    let take = || account_of(next).map(|account| (Part::TakesLock, take_lock(account, next)));
    let free = || account_of(seen).map(|account| (Part::FreesLock, free_lock(account, seen)));
    match lock {
        Lock::Unchanged => Vec::new(),
        Lock::Take => take().into_iter().collect(),
        Lock::Free => free().into_iter().collect(),
        Lock::Move => free().into_iter().chain(take()).collect(),
    }
}

fn take_lock(account: &AccountSid, purchase: &Purchase) -> Write {
    Write::Put { item: lock_item(account, purchase), expect: absent_or_of(purchase) }
}

fn free_lock(account: &AccountSid, purchase: &Purchase) -> Write {
    Write::Delete { key: keys::lock(account, &purchase.number), expect: Some(absent_or_of(purchase)) }
}

fn absent_or_of(purchase: &Purchase) -> Condition {
    Condition::Any(vec![Condition::ItemAbsent, Condition::Equals(SLOT, Value::S(keys::slot_name(purchase).into()))])
}

/// The account at the carrier that the number's lock is in, while it may have one.
fn account_of(purchase: &Purchase) -> Option<&AccountSid> {
    match &purchase.state {
        PurchaseState::Buying(slot) => Some(&slot.account),
        PurchaseState::Completed { account, .. }
        | PurchaseState::Releasing(Release { account, .. })
        | PurchaseState::Failed { lock: FailedNumber::LockedUntil { account, .. }, .. } => Some(account),
        PurchaseState::Held { account, .. } => account.as_ref(),
        PurchaseState::Waiting
        | PurchaseState::Failed { lock: FailedNumber::Unlocked, .. }
        | PurchaseState::Expired { .. }
        | PurchaseState::Released { .. }
        | PurchaseState::Cancelled { .. } => None,
    }
}

/// What a guard is about: the same for one number and for a pool.
#[derive(Clone, Copy)]
struct Guarded<'a> {
    sub_account: &'a SubAccountId,
    id: &'a PurchaseId,
    deadline: Instant,
}

fn guard_writes(guard: &Guard, of: Guarded<'_>) -> Vec<Write> {
    let Guarded { sub_account, id, deadline } = of;
    let phone = |expect| vec![Write::Check { key: keys::approved_phone(sub_account), expect }];
    match guard {
        Guard::VerifiedInTime(owner) => {
            let verified = Write::Check { key: keys::verification(owner), expect: in_time(deadline) };
            // What an agency proved covers who is the agency's now.
            let covered = match owner {
                Owner::SubAccount(_) => None,
                Owner::Agency(_) => Some(agency_is_among(sub_account, std::slice::from_ref(owner))),
            };
            std::iter::once(verified).chain(covered).collect()
        }
        Guard::NobodyInTime(owners) => nobody_in_time(sub_account, owners, deadline).collect(),
        Guard::HasPhoneInTime => phone(phone_in_time(deadline)),
        Guard::NoPhoneInTime => phone(Condition::Not(Box::new(phone_in_time(deadline)))),
        Guard::PoolIs(state) => vec![Write::Check {
            key: keys::purchase(sub_account, id),
            expect: Condition::Equals(STATE, Value::S(pool_state_name(state).into())),
        }],
        Guard::PoolBegins(begin) => {
            let Begin { seen, next, due_at } = &**begin;
            let item = pool_to_item(next, seen.version + 1, *due_at);
            vec![Write::Put { item, expect: expect_version(seen.version) }]
        }
        Guard::Audit(item) => vec![Write::Put { item: (**item).clone(), expect: Condition::ItemAbsent }],
    }
}

fn in_time(deadline: Instant) -> Condition {
    let verified = verification_state_name(&VerificationState::Verified { at: deadline });
    Condition::All(vec![
        Condition::Equals(STATE, Value::S(verified.into())),
        Condition::AtMost(VERIFIED_AT, deadline.unix_ms()),
    ])
}

fn phone_in_time(deadline: Instant) -> Condition {
    Condition::AtMost(PHONE_SINCE, deadline.unix_ms())
}

fn nobody_in_time(sub_account: &SubAccountId, owners: &[Owner], deadline: Instant) -> impl Iterator<Item = Write> {
    let not_in_time = owners.iter().map(move |owner| Write::Check {
        key: keys::verification(owner),
        expect: Condition::Not(Box::new(in_time(deadline))),
    });
    let unmoved = (!owners.is_empty()).then(|| agency_is_among(sub_account, owners));
    not_in_time.chain(unmoved)
}

/// The stored profile names the agency among these owners, or none when there is none.
fn agency_is_among(sub_account: &SubAccountId, owners: &[Owner]) -> Write {
    let agency = owners.iter().find_map(|owner| match owner {
        Owner::Agency(agency) => Some(agency),
        Owner::SubAccount(_) => None,
    });
    let expect = match agency {
        Some(agency) => Condition::Equals(AGENCY, Value::S(agency.to_string().into())),
        None => Condition::Missing(AGENCY),
    };
    Write::Check { key: keys::profile(sub_account), expect }
}

fn pointer_deletes<'a>(owners: &'a [Owner], id: &'a PurchaseId) -> impl Iterator<Item = (Part, Write)> + use<'a> {
    owners.iter().map(|owner| (Part::Pointer, Write::Delete { key: keys::pointer(owner, id), expect: None }))
}
