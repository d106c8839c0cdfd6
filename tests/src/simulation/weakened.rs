//! The table as it would be without one of its defences: what it writes otherwise, and what it tells otherwise.

use adapters::items::keys::{
    LOCK_PREFIX, MEMBER_PREFIX, POINTER_PREFIX, PROFILE_SK, PURCHASE_PREFIX, VERIFICATION_SK, purchases_switch,
};
use adapters::items::purchase_from_item;
use adapters::store::{Condition, DUE_AT, DUE_SHARD, Item, Key, Page, Query, Range, Value, Write};
use domain::{PhoneNumber, Timing};

use super::shared::State;
use super::weakness::Weakness;

/// Wait pointers that are asked for when somebody is woken; fewer when they are counted, and one to see whether anybody
/// waits at all.
const WOKEN_AT_ONCE: u32 = 100;

/// The write as a table without the defence does it; none when it does not do it at all.
pub(super) fn write(state: &State, write: Write) -> Option<Write> {
    let Some(weakness) = state.weakness else { return Some(write) };
    let anything = Condition::Any(vec![Condition::ItemAbsent, Condition::ItemPresent]);
    let key = write.key().ok()?;
    let (number, verification) = (is_number(&key), key.sk == VERIFICATION_SK);
    match (weakness, write) {
        (Weakness::LockNotCompared, Write::Put { item, .. }) if key.sk.starts_with(LOCK_PREFIX) => {
            Some(Write::Put { item, expect: anything })
        }
        (Weakness::LockNotKept, Write::Put { item, .. }) if is_kept_lock(state, &key) => {
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
    if weakness == Weakness::PermitNotChecked && writes.iter().any(permits_another_create) {
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
    if weakness == Weakness::NotReadAgain && key.sk == VERIFICATION_SK {
        return state.first_read.clone().or(item);
    }
    if weakness == Weakness::OrderForgotten && key.sk == VERIFICATION_SK {
        return item.map(without_order);
    }
    if is_number(key) { item.map(|item| number(state, weakness, item)) } else { item }
}

/// What is told of a number that is being bought.
fn number(state: &State, weakness: Weakness, mut item: Item) -> Item {
    let Some(Value::Map(mut slot)) = item.get("slot").cloned() else { return item };
    let timing = Timing::default();
    let last_post = match slot.get("last_post") {
        Some(Value::N(last_post)) => *last_post,
        _ => return item,
    };
    if weakness == Weakness::DoubtForgotten {
        // As if every create for it had been answered.
        slot.insert("latest", Value::S("not_processed".into()));
        slot.insert("earlier", Value::S("all_answered".into()));
    }
    if weakness == Weakness::SettlingNotAwaited {
        slot.insert("last_post", Value::N(last_post - timing.settle_after_ms));
        // Where nothing further is sent, the lease only waits for that.
        if let (Some(Value::N(lease_until)), Some(_)) = (slot.get("lease_until").cloned(), slot.get("refusal")) {
            slot.insert("lease_until", Value::N(lease_until - timing.settle_after_ms));
        }
    }
    if weakness == Weakness::SecondLookSkipped && slot.get("absent_at").is_none() {
        // As if it had been looked for just early enough.
        slot.insert("absent_at", Value::N(last_post + timing.settle_after_ms - timing.settle_gap_ms));
    }
    if weakness == Weakness::AccountNotFrozen
        && let Ok((purchase, _)) = purchase_from_item(&item)
    {
        let account = state.known.account(&purchase.sub_account);
        slot.insert("account", Value::S(account.as_str().to_owned().into()));
    }
    item.insert("slot", Value::Map(slot));
    item
}

/// The page as such a table tells it.
pub(super) fn page(state: &State, query: &Query, page: Page) -> Page {
    let counts = matches!(&query.range, Range::Partition { sk_prefix, .. } if *sk_prefix == POINTER_PREFIX)
        && (2..WOKEN_AT_ONCE).contains(&query.limit);
    if state.lacks(Weakness::NotCounted) && counts { Page::default() } else { page }
}

fn is_number(key: &Key) -> bool {
    key.sk.starts_with(PURCHASE_PREFIX) || key.sk.starts_with(MEMBER_PREFIX)
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

/// Whether the key is of a lock that is kept until the last look for its number.
fn is_kept_lock(state: &State, key: &Key) -> bool {
    let number = key.sk.strip_prefix(LOCK_PREFIX).and_then(|number| PhoneNumber::parse(number).ok());
    number.is_some_and(|number| state.known.is_given_up(&number))
}

/// Whether the write is of a number that more than one create was permitted for.
fn permits_another_create(write: &Write) -> bool {
    let Write::Put { item, .. } = write else { return false };
    let Some(Value::Map(slot)) = item.get("slot") else { return false };
    matches!(slot.get("creates"), Some(Value::N(2..)))
}

fn not_due(mut item: Item) -> Item {
    item.remove(DUE_AT);
    item.remove(DUE_SHARD);
    item
}
