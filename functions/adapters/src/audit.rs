//! Reading an owner's audit, newest first.

use domain::Owner;
use futures::future::try_join_all;

use crate::items::{AuditEntry, keys};
use crate::store::{Item, Key, Query, Range, Store, StoreError};

/// A page of an owner's audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The entries, newest first.
    pub entries: Vec<AuditEntry>,
    /// Where the next page starts; none when this was the last.
    pub next: Option<Item>,
}

/// Reads up to `limit` entries of the owner's audit, newest first, strongly consistent.
///
/// # Errors
/// [`StoreError`] when the table does not answer or an entry cannot be read.
pub async fn audit_page(
    store: &impl Store,
    owner: &Owner,
    limit: u32,
    after: Option<Item>,
) -> Result<AuditPage, StoreError> {
    let range = Range::Newest { pk: keys::owner_pk(owner).into(), prefix: keys::AUDIT_PREFIX.into() };
    let page = store.query(Query { range, limit, after }).await?;
    // The index has the keys only.
    let keys = page.items.iter().map(Key::of).collect::<Result<Vec<_>, _>>()?;
    let items = try_join_all(keys.iter().map(|key| store.get(key))).await?;
    let entries = items.iter().flatten().map(AuditEntry::from_item).collect::<Result<_, _>>()?;
    Ok(AuditPage { entries, next: page.next })
}
