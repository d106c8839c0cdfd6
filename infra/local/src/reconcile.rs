//! `dialgate reconcile`: what an account at the carrier has, compared with what the table says that it has.
//!
//! The comparison itself is [`domain::reconcile`]. Nothing is scanned: an account's locks stand in a hundred partitions of
//! their own, and each leads to the one number of a purchase that has it. Only [`free_released`] changes anything.

use adapters::ambient::Ambient;
use adapters::items::keys::{self, LOCK_PREFIX};
use adapters::items::{SLOT, VERSION, locked_number, operator_audit_item, purchase_from_item};
use adapters::store::{Condition, Item, Key, Query, Range, Store, StoreError, TransactError, Value, Write};
use adapters::twilio::{Carrier, Inventory, LookError};
use domain::{
    AccountSid, Guarded, ListedNumber, LockHolder, LockedNumber, Missing, Operator, PhoneNumber, PurchaseId,
    PurchaseState, Reconciliation,
};
use futures::stream::{self, StreamExt, TryStreamExt};

/// Locks read at once.
const LOCKS_PAGE: u32 = 500;
/// Reads of the table at the same time.
const READS_AT_ONCE: usize = 16;

/// Why the comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The table did not answer, or an item cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The carrier did not say what it has.
    #[error(transparent)]
    Carrier(#[from] LookError),
}

/// How far the comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many locks were read.
    Locks(usize),
    /// So many numbers were read at the carrier.
    Numbers(usize),
}

/// What was compared, and found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// What does not fit.
    pub found: Reconciliation,
    /// Locks in the table.
    pub locks: usize,
    /// Numbers at the carrier.
    pub listed: usize,
    /// Numbers at the carrier whose entry has no form that we know.
    pub unreadable: usize,
    /// Locks of which nothing can be said; nor is it of their numbers.
    pub unreadable_locks: Vec<UnreadableLock>,
}

/// A lock that cannot be read, or whose purchase cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableLock {
    /// The number, as its key has it.
    pub number: String,
    /// Whose the lock is, where that can be read.
    pub holder: Option<LockHolder>,
    /// What cannot be read.
    pub why: String,
}

/// A lock, followed to what it guards.
enum Followed {
    To(LockedNumber),
    Unreadable(UnreadableLock),
}

/// What became of a lock whose number was released outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    /// It is free, and the audit says so.
    Freed,
    /// The carrier has the number after all.
    FoundAgain,
    /// The purchase or the lock changed meanwhile.
    Changed,
}

/// Compares, and changes nothing. The table is read first, then the carrier, and once more the table for every number
/// that does not fit: what was bought or given back meanwhile is no finding. An item that cannot be read hides no other.
///
/// # Errors
/// [`ReconcileError`] when the table or the carrier does not answer.
pub async fn examine(
    store: &impl Store,
    carrier: &impl Inventory,
    ambient: &impl Ambient,
    account: &AccountSid,
    progress: impl Fn(Progress),
) -> Result<Examined, ReconcileError> {
    let (locked, mut unreadable_locks) = apart(read_locks(store, account, &progress).await?);
    let locks = locked.len() + unreadable_locks.len();
    let (mut listed, mut unreadable, mut next) = (Vec::new(), 0, None);
    loop {
        let page = carrier.page(account, next).await?;
        unreadable += page.unreadable;
        listed.extend(page.numbers.into_iter().map(|owned| ListedNumber {
            number: owned.number,
            sid: owned.sid,
            mark: PurchaseId::parse(&owned.mark).ok(),
        }));
        progress(Progress::Numbers(listed.len()));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let listed_count = listed.len();
    let found = domain::reconcile(of_readable(listed, &unreadable_locks), locked, ambient.now());
    let (found, more) = confirm(store, ambient, account, found).await?;
    unreadable_locks.extend(more);
    Ok(Examined { found, locks, listed: listed_count, unreadable, unreadable_locks })
}

/// Frees the lock of a number that is ours in the table and not at the carrier: looked for once more by number and by id,
/// on condition of the lock's holder and of the purchase as it was read, with an entry in the audit. The purchase stays
/// completed: it was.
///
/// After a crash here the lock is either there, and found again, or free with its audit entry.
///
/// # Errors
/// [`ReconcileError`] when the table or the carrier does not answer: the lock may be free.
pub async fn free_released(
    store: &impl Store,
    carrier: &impl Carrier,
    ambient: &impl Ambient,
    account: &AccountSid,
    missing: &Missing,
    operator: &Operator,
) -> Result<Freed, ReconcileError> {
    let Missing { number, holder, sid } = missing;
    if carrier.find(account, number).await?.is_some() || carrier.fetch(account, sid).await?.is_some() {
        return Ok(Freed::FoundAgain);
    }
    let key = keys::held_by(holder);
    let Some((purchase, version)) = store.get(&key).await?.as_ref().map(purchase_from_item).transpose()? else {
        return Ok(Freed::Changed);
    };
    if !matches!(&purchase.state, PurchaseState::Completed { sid: own, .. } if own == sid) {
        return Ok(Freed::Changed);
    }
    let slot = keys::slot_of(&holder.purchase, holder.member);
    let pk = keys::sub_account_pk(&holder.sub_account);
    let audit = operator_audit_item(&pk, &format!("lock-freed#{slot}#{sid}"), "free_lock", ambient.now(), operator);
    let writes = vec![
        Write::Delete {
            key: keys::lock(account, number),
            expect: Some(Condition::Equals(SLOT, Value::S(slot.into()))),
        },
        Write::Check { key, expect: Condition::Equals(VERSION, Value::N(version)) },
        Write::Put { item: audit, expect: Condition::ItemAbsent },
    ];
    match store.transact(writes).await {
        Ok(()) => Ok(Freed::Freed),
        Err(TransactError::Refused(_)) => Ok(Freed::Changed),
        Err(TransactError::Store(error)) => Err(error.into()),
    }
}

async fn read_locks(
    store: &impl Store,
    account: &AccountSid,
    progress: &impl Fn(Progress),
) -> Result<Vec<Followed>, StoreError> {
    let mut locked = Vec::new();
    for pk in keys::lock_pks(account) {
        let mut after = None;
        loop {
            let range = Range::Partition { pk: pk.clone().into(), sk_prefix: LOCK_PREFIX.into() };
            let page = store.query(Query { range, limit: LOCKS_PAGE, after }).await?;
            let read = stream::iter(&page.items).map(|item| follow(store, item)).buffered(READS_AT_ONCE);
            locked.extend(read.try_collect::<Vec<_>>().await?);
            progress(Progress::Locks(locked.len()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(locked)
}

/// What a lock guards. Its table answers: the lock was read from it just now, so what is broken is one item.
async fn follow(store: &impl Store, lock: &Item) -> Result<Followed, StoreError> {
    let mut holder = None;
    match guarded(store, lock, &mut holder).await {
        Ok(locked) => Ok(Followed::To(locked)),
        Err(StoreError::Broken(why)) => {
            let sk = Key::of(lock)?.sk;
            let number = sk.strip_prefix(LOCK_PREFIX).unwrap_or(&sk).to_owned();
            Ok(Followed::Unreadable(UnreadableLock { number, holder, why }))
        }
        Err(error @ StoreError::Unavailable(_)) => Err(error),
    }
}

/// What a lock guards, and before that whose it is.
async fn guarded(store: &impl Store, lock: &Item, holder: &mut Option<LockHolder>) -> Result<LockedNumber, StoreError> {
    let (number, whose): (PhoneNumber, LockHolder) = locked_number(lock)?;
    let whose = holder.insert(whose);
    let item = store.get(&keys::held_by(whose)).await?;
    let purchase = item.as_ref().map(purchase_from_item).transpose()?.map(|(purchase, _)| purchase);
    Ok(LockedNumber { guards: Guarded::by(purchase.as_ref(), &number), number, holder: whose.clone() })
}

/// What can be read, and what cannot.
fn apart(followed: Vec<Followed>) -> (Vec<LockedNumber>, Vec<UnreadableLock>) {
    let (mut locked, mut unreadable) = (Vec::with_capacity(followed.len()), Vec::new());
    for lock in followed {
        match lock {
            Followed::To(lock) => locked.push(lock),
            Followed::Unreadable(lock) => unreadable.push(lock),
        }
    }
    (locked, unreadable)
}

/// The numbers at the carrier whose locks, if any, can be read.
fn of_readable(listed: Vec<ListedNumber>, unreadable: &[UnreadableLock]) -> impl Iterator<Item = ListedNumber> {
    listed.into_iter().filter(|listed| !unreadable.iter().any(|lock| lock.number == listed.number.as_str()))
}

/// Judges once more what does not fit, with its locks read anew.
async fn confirm(
    store: &impl Store,
    ambient: &impl Ambient,
    account: &AccountSid,
    found: Reconciliation,
) -> Result<(Reconciliation, Vec<UnreadableLock>), StoreError> {
    let orphans = found.orphans.iter().map(|orphan| &orphan.listed.number);
    let missing = found.missing.iter().map(|missing| &missing.number);
    let mut numbers: Vec<&PhoneNumber> =
        orphans.chain(missing).chain(found.empty_locks.iter().map(|locked| &locked.number)).collect();
    numbers.sort();
    numbers.dedup();
    let read = stream::iter(numbers).map(async |number| match store.get(&keys::lock(account, number)).await? {
        Some(lock) => follow(store, &lock).await.map(Some),
        None => Ok::<_, StoreError>(None),
    });
    let read: Vec<Option<Followed>> = read.buffered(READS_AT_ONCE).try_collect().await?;
    let (locked, unreadable) = apart(read.into_iter().flatten().collect());
    let listed = found.orphans.into_iter().map(|orphan| orphan.listed).collect();
    let again = domain::reconcile(of_readable(listed, &unreadable), locked, ambient.now());
    let again = Reconciliation {
        fitting: found.fitting + again.fitting,
        under_way: found.under_way + again.under_way,
        foreign: found.foreign + again.foreign,
        ..again
    };
    Ok((again, unreadable))
}
