//! `dialgate purchases`: what is not over yet. Read from the due index, which nothing leaves before its end: nothing is
//! scanned, and nothing is changed.

use adapters::items::{keys, keys::DueKey};
use adapters::purchases;
use adapters::store::{DUE_AT, Item, Key, Query, Range, Store, StoreError, Value};
use domain::{Instant, PurchaseId, SubAccountId};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::redrive::{age, state_of};

/// Entries of the index read at once.
const PAGE_ENTRIES: u32 = 500;
/// Reads of the table at the same time.
const READS_AT_ONCE: usize = 16;
/// Purchases that are told at most, so that a busy platform's do not fill the memory.
pub const PURCHASES_TOLD_MAX: usize = 10_000;
/// How long after its time a visit counts as late, in milliseconds: the sweep comes every minute.
const LATE_MS: i64 = 5 * 60 * 1000;

/// A purchase that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPurchase {
    /// Whose it is.
    pub sub_account: SubAccountId,
    /// Its id.
    pub id: PurchaseId,
    /// How it stands, or what of it cannot be read.
    pub standing: Result<Standing, String>,
    /// When the sweep looks at it next.
    pub due_at: Instant,
}

/// How a purchase stands that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: &'static str,
    /// How many numbers it is for.
    pub numbers: usize,
    /// When it was asked for.
    pub created_at: Instant,
}

/// The purchases that are not over, of one sub-account or of all; those that are due first come first within a shard of the
/// index. At most [`PURCHASES_TOLD_MAX`]. One that cannot be read hides no other.
///
/// # Errors
/// [`StoreError`] when the table does not answer, or an entry of the index is none of ours.
pub async fn open_purchases(
    store: &impl Store,
    sub_account: Option<&SubAccountId>,
    progress: impl Fn(usize),
) -> Result<Vec<OpenPurchase>, StoreError> {
    let mut open = Vec::new();
    for shard in keys::due_shards() {
        let mut after = None;
        loop {
            let range = Range::Due { shard: shard.into(), until_ms: i64::MAX };
            let page = store.query(Query { range, limit: PAGE_ENTRIES, after }).await?;
            let entries: Result<Vec<Entry>, StoreError> =
                page.items.iter().filter_map(|item| Entry::of(item).transpose()).collect();
            let wanted =
                entries?.into_iter().filter(|entry| sub_account.is_none_or(|wanted| *wanted == entry.sub_account));
            let read: Vec<Option<OpenPurchase>> =
                stream::iter(wanted).map(|entry| entry.read(store)).buffered(READS_AT_ONCE).try_collect().await?;
            open.extend(read.into_iter().flatten());
            progress(open.len());
            if open.len() >= PURCHASES_TOLD_MAX {
                open.truncate(PURCHASES_TOLD_MAX);
                return Ok(open);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(open)
}

impl OpenPurchase {
    /// Whether its visit should have been, so that somebody should look at the sweep.
    #[must_use]
    pub fn is_late(&self, now: Instant) -> bool {
        now.ms_since(self.due_at) > LATE_MS
    }

    /// Its state, or that it has none that can be read.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.standing.as_ref().map_or("unreadable", |standing| standing.state)
    }

    /// One line for a person.
    #[must_use]
    pub fn line(&self, now: Instant) -> String {
        let Self { sub_account, id, standing, due_at } = self;
        let visit = if self.is_late(now) {
            format!("its visit is {} late", age(now, *due_at))
        } else {
            format!("looked at again in {}", age(*due_at, now))
        };
        let how = match standing {
            Ok(Standing { numbers: 1, created_at, .. }) => format!("1 number, asked for {} ago", age(now, *created_at)),
            Ok(Standing { numbers, created_at, .. }) => {
                format!("{numbers} numbers, asked for {} ago", age(now, *created_at))
            }
            Err(why) => why.clone(),
        };
        format!("{id} of {sub_account}: {}, {how}, {visit}", self.state())
    }
}

/// A purchase in the index.
struct Entry {
    sub_account: SubAccountId,
    id: PurchaseId,
    due_at: Instant,
}

impl Entry {
    /// None for what is no purchase by itself: a number of a pool, a verification, a profile, a phone.
    fn of(item: &Item) -> Result<Option<Self>, StoreError> {
        let Some(Value::N(due_at)) = item.get(DUE_AT) else {
            return Err(StoreError::Broken("an entry of the due index has no time".to_owned()));
        };
        Ok(match keys::due_key(&Key::of(item)?)? {
            DueKey::Purchase(sub_account, id) => Some(Self { sub_account, id, due_at: Instant::from_unix_ms(*due_at) }),
            DueKey::Member(..)
            | DueKey::Profile(_)
            | DueKey::Verification(_)
            | DueKey::ApprovedPhone(_)
            | DueKey::FormerInquiry(_) => None,
        })
    }

    async fn read(self, store: &impl Store) -> Result<Option<OpenPurchase>, StoreError> {
        let Self { sub_account, id, due_at } = self;
        let standing = match purchases::load(store, &sub_account, &id).await {
            Ok(None) => return Ok(None),
            Ok(Some(stored)) => {
                let request = stored.request();
                let (numbers, created_at) = (request.members.max(1), request.created_at);
                Ok(Standing { state: state_of(&stored), numbers, created_at })
            }
            // The index was read just now, so what is broken is this one item.
            Err(StoreError::Broken(why)) => Err(why),
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
        };
        Ok(Some(OpenPurchase { sub_account, id, standing, due_at }))
    }
}
