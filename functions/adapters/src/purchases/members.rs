//! The numbers of a pool, and what the pool becomes as they do.

use domain::{Actor, Decision, Instant, MemberIndex, POOL_NUMBERS_MAX, PoolEvent, Purchase, Timing};

use super::{Committed, StoredPool, StoredPurchase, commit_pool};
use crate::items::{keys, pool_from_item, purchase_from_item};
use crate::store::{Query, Range, Store, StoreError};
use crate::verifications::DECIDE_AGAIN_MAX;

/// Numbers read at once.
const MEMBERS_PAGE: u32 = POOL_NUMBERS_MAX as u32;

/// Reads one number of a pool; one that nothing was asked for yet is not there, and is as the pool says. None beyond the
/// pool's end.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn load_member(
    store: &impl Store,
    pool: &StoredPool,
    index: MemberIndex,
) -> Result<Option<StoredPurchase>, StoreError> {
    match store.get(&keys::member(&pool.pool.sub_account, &pool.pool.id, index)).await? {
        Some(item) => purchase_from_item(&item).map(|(purchase, version)| Some(StoredPurchase { purchase, version })),
        None => Ok(pool.unborn(index)),
    }
}

/// Reads all numbers of a pool that anything was asked for, strongly consistent, in the order of the request.
///
/// # Errors
/// [`StoreError`] when the table does not answer or an item cannot be read.
pub async fn load_members(store: &impl Store, pool: &StoredPool) -> Result<Vec<Purchase>, StoreError> {
    let range = Range::Partition {
        pk: keys::sub_account_pk(&pool.pool.sub_account).into(),
        sk_prefix: keys::members_prefix(&pool.pool.id).into(),
    };
    let mut members = Vec::with_capacity(pool.pool.numbers.len());
    let mut after = None;
    loop {
        let page = store.query(Query { range: range.clone(), limit: MEMBERS_PAGE, after }).await?;
        for item in &page.items {
            members.push(purchase_from_item(item)?.0);
        }
        after = page.next;
        if after.is_none() || members.len() >= POOL_NUMBERS_MAX {
            return Ok(members);
        }
    }
}

/// Makes a pool what its numbers say, as often as that leads on: the last number that ends, ends the pool. Whoever reads
/// them last sees them all, since each reads after its own commit. Returns the pool as it stands, and its numbers.
///
/// # Errors
/// [`StoreError`] when the table does not answer; the pool stays due and the sweep does this again.
pub async fn follow_members(
    store: &impl Store,
    mut pool: StoredPool,
    by: Actor,
    now: Instant,
    timing: &Timing,
    step_ms: i64,
) -> Result<(StoredPool, Vec<Purchase>), StoreError> {
    for _ in 0..DECIDE_AGAIN_MAX {
        let members = load_members(store, &pool).await?;
        let (next, ends) = match pool.pool.decide(&PoolEvent::Members(&members), by, now, timing) {
            Decision::Applied { next, effects } => (next, effects.ends),
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => return Ok((pool, members)),
        };
        let due_at = next.due_at(now, step_ms);
        match commit_pool(store, &pool, next, ends, &[], due_at).await? {
            Committed::Done(stored) => pool = *stored,
            Committed::Changed | Committed::Guarded | Committed::LockedBy(..) => {
                let key = keys::purchase(&pool.pool.sub_account, &pool.pool.id);
                let item = store.get(&key).await?;
                let item = item.ok_or_else(|| StoreError::Broken("a pool vanished".to_owned()))?;
                let (read, version) = pool_from_item(&item)?;
                pool = StoredPool { pool: read, version };
            }
        }
    }
    Err(StoreError::Unavailable("the pool kept changing".to_owned()))
}
