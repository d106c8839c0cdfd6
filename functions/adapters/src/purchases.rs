//! Purchases in the table: load, ask for, commit.

use domain::{Instant, Lock, Owner, Purchase, PurchaseEffects, PurchaseId, PurchaseState, SubAccountId};

use crate::items::{
    PURCHASE, Profile, STATE, VERIFIED_AT, VERSION, keys, lock_item, pointer_item, pointer_target, purchase_from_item,
    purchase_to_item, state_name, verification_state_name,
};
use crate::store::{Condition, Item, Store, StoreError, TransactError, Value, Write, WriteError};

/// A purchase as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPurchase {
    /// The purchase.
    pub purchase: Purchase,
    /// Raised by each change.
    pub version: i64,
}

/// What asking for a purchase found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: it is there now.
    New(StoredPurchase),
    /// The purchase that was asked for under this id before.
    Before(StoredPurchase),
}

/// What must hold of its owners for a purchase to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    None,
    /// This owner is verified, and was before the purchase's deadline.
    VerifiedInTime(Owner),
    /// None of these owners was verified before the purchase's deadline.
    NobodyInTime(Vec<Owner>),
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It stands.
    Done(Box<StoredPurchase>),
    /// The purchase has changed since it was read: load and decide again.
    Changed,
    /// The number's lock is that purchase's.
    LockedBy(SubAccountId, PurchaseId),
    /// The guard does not hold.
    Guarded,
}

/// Reads a purchase.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn load(
    store: &impl Store,
    sub_account: &SubAccountId,
    id: &PurchaseId,
) -> Result<Option<StoredPurchase>, StoreError> {
    let item = store.get(&keys::purchase(sub_account, id)).await?;
    item.as_ref().map(stored_purchase).transpose()
}

/// Reads a sub-account's profile; one that has none gets the empty profile.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn load_profile(store: &impl Store, sub_account: &SubAccountId) -> Result<Profile, StoreError> {
    let item = store.get(&keys::profile(sub_account)).await?;
    item.as_ref().map(Profile::from_item).transpose().map(Option::unwrap_or_default)
}

/// Puts a new purchase, due after `step_ms`; or finds the one that stands under its id.
///
/// After a crash here the purchase either stands and the sweep brings it back, or was never accepted.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn ask(store: &impl Store, purchase: Purchase, now: Instant, step_ms: i64) -> Result<Asked, StoreError> {
    let version = 1;
    let item = purchase_to_item(&purchase, version, purchase.due_at(now, step_ms));
    match store.write(Write::Put { item, expect: Condition::ItemAbsent }).await {
        Ok(()) => Ok(Asked::New(StoredPurchase { purchase, version })),
        Err(WriteError::Refused(Some(item))) => stored_purchase(&item).map(Asked::Before),
        Err(WriteError::Refused(None)) => {
            load(store, &purchase.sub_account, &purchase.id).await?.map(Asked::Before).ok_or_else(|| {
                StoreError::Unavailable("a purchase was refused as a repetition, and is not there".to_owned())
            })
        }
        Err(WriteError::Store(error)) => Err(error),
    }
}

/// Writes `next` over the purchase that was read, with what belongs in the same transaction: the number's lock, the
/// wait pointers of `owners` when it ends, and the guard.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the commit may stand.
pub async fn commit(
    store: &impl Store,
    seen: &StoredPurchase,
    next: Purchase,
    effects: PurchaseEffects,
    owners: &[Owner],
    guard: &Guard,
    due_at: Option<Instant>,
) -> Result<Committed, StoreError> {
    let version = seen.version + 1;
    let unchanged = Condition::Equals(VERSION, Value::N(seen.version));
    let put = Write::Put { item: purchase_to_item(&next, version, due_at), expect: unchanged };
    let lock = lock_write(&seen.purchase, &next, effects.lock);
    let has_lock = lock.is_some();
    let checks = guard_checks(guard, &next);
    let pointers = owners
        .iter()
        .filter(|_| effects.ends)
        .map(|owner| Write::Delete { key: keys::pointer(owner, &next.id), expect: None });
    let writes: Vec<Write> = std::iter::once(put).chain(lock).chain(checks).chain(pointers).collect();
    let refused = match transact_or_write(store, writes).await {
        Ok(()) => {
            return Ok(Committed::Done(Box::new(StoredPurchase { purchase: next, version })));
        }
        Err(TransactError::Refused(refused)) => refused,
        Err(TransactError::Store(error)) => return Err(error),
    };
    // The purchase's own change explains everything else that does not hold.
    match refused.into_iter().min_by_key(|(position, _)| *position) {
        None | Some((0, _)) => Ok(Committed::Changed),
        Some((1, item)) if has_lock => match item {
            Some(lock) => pointer_target(&lock).map(|(sub_account, id)| Committed::LockedBy(sub_account, id)),
            None => Ok(Committed::Changed),
        },
        Some(_) => Ok(Committed::Guarded),
    }
}

/// Writes the pointers that make the purchase's owners wake it, unless it no longer waits. Repeating it is harmless.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the pointers may stand.
pub async fn point(store: &impl Store, purchase: &Purchase, owners: &[Owner]) -> Result<bool, StoreError> {
    let waiting = Write::Check {
        key: keys::purchase(&purchase.sub_account, &purchase.id),
        expect: Condition::Equals(STATE, Value::S(state_name(&PurchaseState::Waiting).into())),
    };
    let pointers = owners.iter().map(|owner| Write::Put {
        item: pointer_item(owner, &purchase.sub_account, &purchase.id),
        expect: absent_or_of(&purchase.id),
    });
    match store.transact(std::iter::once(waiting).chain(pointers).collect()).await {
        Ok(()) => Ok(true),
        Err(TransactError::Refused(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Deletes pointers of a purchase that has ended.
///
/// # Errors
/// [`StoreError`] when the table does not answer.
pub async fn unpoint(store: &impl Store, id: &PurchaseId, owners: &[Owner]) -> Result<(), StoreError> {
    for owner in owners {
        let delete = Write::Delete { key: keys::pointer(owner, id), expect: None };
        match store.write(delete).await {
            Ok(()) | Err(WriteError::Refused(_)) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
    Ok(())
}

fn stored_purchase(item: &Item) -> Result<StoredPurchase, StoreError> {
    purchase_from_item(item).map(|(purchase, version)| StoredPurchase { purchase, version })
}

/// A single write costs half of what a transaction of one does.
async fn transact_or_write(store: &impl Store, mut writes: Vec<Write>) -> Result<(), TransactError> {
    if writes.len() > 1 {
        return store.transact(writes).await;
    }
    match writes.pop() {
        None => Ok(()),
        Some(write) => store.write(write).await.map_err(|error| match error {
            WriteError::Refused(item) => TransactError::Refused(vec![(0, item)]),
            WriteError::Store(error) => TransactError::Store(error),
        }),
    }
}

fn lock_write(seen: &Purchase, next: &Purchase, lock: Lock) -> Option<Write> {
    match lock {
        Lock::Unchanged => None,
        Lock::Take => account_of(next).map(|account| Write::Put {
            item: lock_item(account, &next.number, &next.sub_account, &next.id),
            expect: absent_or_of(&next.id),
        }),
        Lock::Free => account_of(seen).map(|account| Write::Delete {
            key: keys::lock(account, &seen.number),
            expect: Some(absent_or_of(&seen.id)),
        }),
    }
}

/// The account at the carrier that the purchase's lock is in, while it has one.
fn account_of(purchase: &Purchase) -> Option<&domain::AccountSid> {
    match &purchase.state {
        PurchaseState::Buying(slot) => Some(&slot.account),
        PurchaseState::Completed { account, .. }
        | PurchaseState::Failed { lock: domain::FailedNumber::LockedUntil { account, .. }, .. } => Some(account),
        PurchaseState::Waiting
        | PurchaseState::Failed { lock: domain::FailedNumber::Unlocked, .. }
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. }
        | PurchaseState::Held { .. } => None,
    }
}

fn absent_or_of(id: &PurchaseId) -> Condition {
    Condition::Any(vec![Condition::ItemAbsent, Condition::Equals(PURCHASE, Value::S(id.to_string().into()))])
}

fn guard_checks(guard: &Guard, purchase: &Purchase) -> Vec<Write> {
    let verified = verification_state_name(&domain::VerificationState::Verified { at: purchase.deadline });
    let in_time = Condition::All(vec![
        Condition::Equals(STATE, Value::S(verified.into())),
        Condition::AtMost(VERIFIED_AT, purchase.deadline.unix_ms()),
    ]);
    match guard {
        Guard::None => Vec::new(),
        Guard::VerifiedInTime(owner) => vec![Write::Check { key: keys::verification(owner), expect: in_time }],
        Guard::NobodyInTime(owners) => owners
            .iter()
            .map(|owner| Write::Check {
                key: keys::verification(owner),
                expect: Condition::Not(Box::new(in_time.clone())),
            })
            .collect(),
    }
}
