//! Wait pointers: whom to wake, and how many wait.

use domain::Owner;

use super::{Request, Stored};
use crate::items::{POINTERS, PURCHASE, VERSION, keys, pointer_item, pointers_value};
use crate::store::{Condition, Store, StoreError, TransactError, Value, Write};

/// Writes the pointers that make `owners` wake the purchase, and deletes those of others, in one transaction with the
/// purchase's record of them: what stands is known, whatever a profile says later. None when it has changed since it
/// was read. Nothing is written when they stand already.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the pointers may stand.
pub async fn point(store: &impl Store, stored: Stored, owners: &[Owner]) -> Result<Option<Stored>, StoreError> {
    let Request { id, sub_account, pointers, members, version, .. } = stored.request();
    if pointers == owners {
        return Ok(Some(stored));
    }
    let record = Write::Update {
        key: keys::purchase(sub_account, id),
        set: vec![(POINTERS, pointers_value(owners)), (VERSION, Value::N(version + 1))],
        remove: vec![],
        expect: Condition::Equals(VERSION, Value::N(version)),
    };
    let of_purchase = Condition::Equals(PURCHASE, Value::S(id.to_string().into()));
    let absent_or_of = Condition::Any(vec![Condition::ItemAbsent, of_purchase]);
    let missing = owners
        .iter()
        .filter(|owner| !pointers.contains(owner))
        .map(|owner| Write::Put { item: pointer_item(owner, sub_account, id, members), expect: absent_or_of.clone() });
    let stale = pointers.iter().filter(|owner| !owners.contains(owner));
    let stale = stale.map(|owner| Write::Delete { key: keys::pointer(owner, id), expect: None });
    match store.transact(std::iter::once(record).chain(missing).chain(stale).collect()).await {
        Ok(()) => Ok(Some(pointed(stored, owners))),
        Err(TransactError::Refused(_)) => Ok(None),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Takes a purchase back as if it had never been asked for, while nobody but its own request has touched it: one that is
/// too many. False when somebody has.
///
/// # Errors
/// [`StoreError`] when the table does not answer: it may be gone.
pub async fn withdraw(store: &impl Store, stored: &Stored) -> Result<bool, StoreError> {
    let Request { id, sub_account, pointers, version, .. } = stored.request();
    let purchase = Write::Delete {
        key: keys::purchase(sub_account, id),
        expect: Some(Condition::Equals(VERSION, Value::N(version))),
    };
    let pointers = pointers.iter().map(|owner| Write::Delete { key: keys::pointer(owner, id), expect: None });
    match store.transact(std::iter::once(purchase).chain(pointers).collect()).await {
        Ok(()) => Ok(true),
        Err(TransactError::Refused(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

fn pointed(mut stored: Stored, owners: &[Owner]) -> Stored {
    let (pointers, version) = match &mut stored {
        Stored::One(one) => (&mut one.purchase.pointers, &mut one.version),
        Stored::Pool(pool) => (&mut pool.pool.pointers, &mut pool.version),
    };
    owners.clone_into(pointers);
    *version += 1;
    stored
}
