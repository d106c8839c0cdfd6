//! The table as it would be without one of its defences: what it writes otherwise, and what it tells otherwise.

use adapters::items::keys::{POINTER_PREFIX, PROFILE_SK, PURCHASE_PREFIX, VERIFICATION_SK, purchases_switch};
use adapters::items::{is_pool, purchase_from_item, purchase_to_item};
use adapters::store::{Condition, DUE_AT, DUE_SHARD, Item, Key, Page, Query, Range, Value, Write};
use domain::{EarlierCreates, Instant, Purchase, PurchaseState, Slot};

use super::shared::State;
use super::weakness::Weakness;

/// Wait pointers that are asked for when somebody is woken; fewer when they are counted.
const WOKEN_AT_ONCE: u32 = 100;

/// The write as a table without the defence does it; none when it does not do it at all.
pub(super) fn write(state: &State, write: Write) -> Option<Write> {
    let Some(weakness) = state.weakness else { return Some(write) };
    let anything = Condition::Any(vec![Condition::ItemAbsent, Condition::ItemPresent]);
    let key = write.key().ok()?;
    let (number, verification) = (is_number(&key), key.sk == VERIFICATION_SK);
    match (weakness, write) {
        (Weakness::LockNotCompared, Write::Put { item, .. }) if key.sk.starts_with("L#") => {
            Some(Write::Put { item, expect: anything })
        }
        (Weakness::VersionNotCompared, Write::Put { item, expect }) if number && expect != Condition::ItemAbsent => {
            Some(Write::Put { item, expect: anything })
        }
        (Weakness::PurchasesNotDue, Write::Put { item, expect }) if number => {
            Some(Write::Put { item: not_due(item), expect })
        }
        (Weakness::ProfileNotDue, Write::Put { item, expect }) if key.sk == PROFILE_SK => {
            Some(Write::Put { item: not_due(item), expect })
        }
        (Weakness::VerificationNotDue, Write::Put { item, expect }) if verification => {
            Some(Write::Put { item: not_due(item), expect })
        }
        (Weakness::DoubtForgotten, Write::Put { item, expect }) if number => {
            let item = with_slot(&item, |slot| slot.earlier = EarlierCreates::AllAnswered).unwrap_or(item);
            Some(Write::Put { item, expect })
        }
        (Weakness::PointersNotWritten, Write::Put { .. }) if key.sk.starts_with(POINTER_PREFIX) => None,
        (Weakness::PointersNotDeleted, Write::Delete { .. }) if key.sk.starts_with(POINTER_PREFIX) => None,
        (Weakness::ClearanceNotChecked, Write::Check { .. }) if verification => None,
        (Weakness::ExpiryNotChecked, Write::Check { expect: Condition::Not(_), .. }) if verification => None,
        (Weakness::PoolNotChecked, Write::Check { .. }) if key.sk.starts_with(PURCHASE_PREFIX) => None,
        (_, write) => Some(write),
    }
}

/// The transaction as such a table does it.
pub(super) fn transaction(state: &State, mut writes: Vec<Write>) -> Vec<Write> {
    let Some(weakness) = state.weakness else { return writes };
    if weakness == Weakness::TransactionsTorn {
        writes.truncate(1);
    }
    // The first create needs its clearance even here.
    if weakness == Weakness::PermitNotChecked && permits_further(&writes) {
        writes.retain(|write| !matches!(write, Write::Check { key, .. } if key.sk == VERIFICATION_SK));
    }
    writes.into_iter().filter_map(|one| write(state, one)).collect()
}

/// The item as such a table tells it.
pub(super) fn item(state: &State, key: &Key, item: Option<Item>) -> Option<Item> {
    let Some(weakness) = state.weakness else { return item };
    if weakness == Weakness::SwitchNotRead && *key == purchases_switch() {
        return None;
    }
    if weakness == Weakness::OrderForgotten && key.sk == VERIFICATION_SK {
        return item.map(without_order);
    }
    item
}

/// The page as such a table tells it.
pub(super) fn page(state: &State, query: &Query, page: Page) -> Page {
    let counts = matches!(&query.range, Range::Partition { sk_prefix, .. } if *sk_prefix == POINTER_PREFIX)
        && query.limit < WOKEN_AT_ONCE;
    if state.lacks(Weakness::NotCounted) && counts { Page::default() } else { page }
}

fn is_number(key: &Key) -> bool {
    key.sk.starts_with(PURCHASE_PREFIX) || key.sk.starts_with("N#")
}

fn permits_further(writes: &[Write]) -> bool {
    let first = writes.first().and_then(|write| match write {
        Write::Put { item, .. } => slot_of(item),
        Write::Update { .. } | Write::Delete { .. } | Write::Check { .. } => None,
    });
    first.is_some_and(|slot| slot.creates > 1)
}

fn slot_of(item: &Item) -> Option<Slot> {
    if is_pool(item) {
        return None;
    }
    match purchase_from_item(item).ok()?.0.state {
        PurchaseState::Buying(slot) => Some(slot),
        PurchaseState::Waiting
        | PurchaseState::Completed { .. }
        | PurchaseState::Failed { .. }
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. }
        | PurchaseState::Releasing(_)
        | PurchaseState::Released { .. }
        | PurchaseState::Held { .. } => None,
    }
}

/// The item with another slot; none where it has none.
fn with_slot(item: &Item, change: impl FnOnce(&mut Slot)) -> Option<Item> {
    let mut slot = slot_of(item)?;
    let (purchase, version) = purchase_from_item(item).ok()?;
    change(&mut slot);
    let due_at = match item.get(DUE_AT) {
        Some(Value::N(due_at)) => Some(Instant::from_unix_ms(*due_at)),
        Some(Value::S(_) | Value::Bool(_) | Value::Map(_) | Value::List(_)) | None => None,
    };
    Some(purchase_to_item(&Purchase { state: PurchaseState::Buying(slot), ..purchase }, version, due_at))
}

fn without_order(mut item: Item) -> Item {
    if let Some(Value::Map(inquiry)) = item.get("inquiry").cloned() {
        let mut inquiry = inquiry;
        inquiry.remove("seen_at");
        inquiry.remove("seen_class");
        item.insert("inquiry", Value::Map(inquiry));
    }
    item
}

fn not_due(mut item: Item) -> Item {
    item.remove(DUE_AT);
    item.remove(DUE_SHARD);
    item
}
