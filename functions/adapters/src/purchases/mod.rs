//! Purchases in the table: ask for, load, point, commit.

mod commit;
mod members;
mod pointers;

pub use commit::{Begin, Commit, Committed, Guard, commit, commit_pool};
pub use members::{follow_members, load_member, load_members};
pub use pointers::{point, withdraw};

use domain::{
    BodyHash, Instant, MemberIndex, Owner, Pool, PoolState, Purchase, PurchaseId, PurchaseState, SubAccountId,
};

use crate::items::{is_pool, keys, pool_from_item, pool_to_item, purchase_from_item, purchase_to_item};
use crate::queue::PurchaseMessage;
use crate::store::{Condition, Item, Store, StoreError, Write, WriteError};

/// One number as it was read: a purchase of a single number, or one number of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPurchase {
    /// The number.
    pub purchase: Purchase,
    /// Raised by each change; 0 for a number of a pool that nothing was asked for yet.
    pub version: i64,
}

/// A pool as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPool {
    /// The pool.
    pub pool: Pool,
    /// Raised by each change.
    pub version: i64,
}

/// What stands under the id of a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// A purchase of one number.
    One(StoredPurchase),
    /// A pool.
    Pool(StoredPool),
}

/// What a purchase of one number and a pool have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its id.
    pub id: &'a PurchaseId,
    /// Who asked.
    pub sub_account: &'a SubAccountId,
    /// What was asked under this id.
    pub body_hash: BodyHash,
    /// Whether it needs a verified owner.
    pub gated: bool,
    /// Whether it needs an approved phone.
    pub needs_phone: bool,
    /// When it was asked for.
    pub created_at: Instant,
    /// Until when its owner may prove who it is.
    pub deadline: Instant,
    /// Whose wait pointers stand for it.
    pub pointers: &'a [Owner],
    /// Whether nothing was asked of the carrier yet, and may still be.
    pub waits: bool,
    /// How many numbers a pool has; 0 for a purchase of one number.
    pub members: usize,
    /// Raised by each change.
    pub version: i64,
}

/// What asking for a purchase found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: it is there now.
    New(Stored),
    /// The purchase that was asked for under this id before.
    Before(Stored),
}

impl Request<'_> {
    /// Whether anything must be proved before it is asked for at the carrier.
    #[must_use]
    pub fn needs_proof(&self) -> bool {
        self.gated || self.needs_phone
    }
}

impl Stored {
    /// What is the same for both kinds.
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        match self {
            Self::One(StoredPurchase { purchase, version }) => Request {
                id: &purchase.id,
                sub_account: &purchase.sub_account,
                body_hash: purchase.body_hash,
                gated: purchase.gated,
                needs_phone: purchase.needs_phone,
                created_at: purchase.created_at,
                deadline: purchase.deadline,
                pointers: &purchase.pointers,
                waits: purchase.state == PurchaseState::Waiting,
                members: 0,
                version: *version,
            },
            Self::Pool(StoredPool { pool, version }) => Request {
                id: &pool.id,
                sub_account: &pool.sub_account,
                body_hash: pool.body_hash,
                gated: pool.gated,
                needs_phone: pool.needs_phone,
                created_at: pool.created_at,
                deadline: pool.deadline,
                pointers: &pool.pointers,
                waits: pool.state == PoolState::Waiting,
                members: pool.numbers.len(),
                version: *version,
            },
        }
    }

    /// The messages that get all of it bought.
    #[must_use]
    pub fn messages(&self) -> Vec<PurchaseMessage> {
        let Request { sub_account, id, members, .. } = self.request();
        PurchaseMessage::for_each(sub_account, id, members)
    }

    /// Reads an item that stands under the id of a purchase.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when an attribute cannot be read.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        if is_pool(item) {
            return pool_from_item(item).map(|(pool, version)| Self::Pool(StoredPool { pool, version }));
        }
        purchase_from_item(item).map(|(purchase, version)| Self::One(StoredPurchase { purchase, version }))
    }

    fn to_item(&self, due_at: Option<Instant>) -> Item {
        match self {
            Self::One(StoredPurchase { purchase, version }) => purchase_to_item(purchase, *version, due_at),
            Self::Pool(StoredPool { pool, version }) => pool_to_item(pool, *version, due_at),
        }
    }
}

impl StoredPool {
    /// The messages that a pool which has begun needs now, its numbers read as `members`: none once it has ended.
    #[must_use]
    pub fn messages(&self, members: &[Purchase]) -> Vec<PurchaseMessage> {
        let Pool { sub_account, id, state, .. } = &self.pool;
        match state {
            PoolState::Buying | PoolState::Releasing { .. } => {
                let message =
                    |index| PurchaseMessage { sub_account: sub_account.clone(), id: id.clone(), member: Some(index) };
                self.pool.to_visit(members).into_iter().map(message).collect()
            }
            PoolState::Waiting
            | PoolState::Completed { .. }
            | PoolState::PartiallyCompleted { .. }
            | PoolState::Failed { .. }
            | PoolState::Expired { .. }
            | PoolState::Cancelled { .. }
            | PoolState::Held { .. } => Vec::new(),
        }
    }

    /// One of its numbers that nothing was asked for yet; none beyond the pool's end.
    #[must_use]
    pub fn unborn(&self, index: MemberIndex) -> Option<StoredPurchase> {
        self.pool.unborn(index).map(|purchase| StoredPurchase { purchase, version: 0 })
    }
}

/// Reads a purchase.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn load(
    store: &impl Store,
    sub_account: &SubAccountId,
    id: &PurchaseId,
) -> Result<Option<Stored>, StoreError> {
    let item = store.get(&keys::purchase(sub_account, id)).await?;
    item.as_ref().map(Stored::from_item).transpose()
}

/// Puts a new purchase, due after `step_ms`; or finds the one that stands under its id.
///
/// After a crash here the purchase either stands and the sweep brings it back, or was never accepted.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn ask(store: &impl Store, new: Stored, now: Instant, step_ms: i64) -> Result<Asked, StoreError> {
    let item = new.to_item(Some(now.plus_ms(step_ms)));
    match store.write(Write::Put { item, expect: Condition::ItemAbsent }).await {
        Ok(()) => Ok(Asked::New(new)),
        Err(WriteError::Refused(Some(item))) => Stored::from_item(&item).map(Asked::Before),
        Err(WriteError::Refused(None)) => {
            let Request { sub_account, id, .. } = new.request();
            load(store, sub_account, id).await?.map(Asked::Before).ok_or_else(|| {
                StoreError::Unavailable("a purchase was refused as a repetition, and is not there".to_owned())
            })
        }
        Err(WriteError::Store(error)) => Err(error),
    }
}
