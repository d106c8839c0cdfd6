//! Profiles and the switch, as the functions read them.

use domain::{Owner, SubAccountId};

use crate::items::{Profile, PurchasesSwitch, StoredProfile, keys, pointer_messages};
use crate::purchases;
use crate::queue::Queue;
use crate::store::{Item, Store, StoreError};
use crate::verifications::{self, Waiting, WakeError};

/// Wait pointers read at once.
const POINTERS_PAGE: u32 = 100;

/// Reads a sub-account's profile; one that has none gets the empty profile, at version 0.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn load_stored(store: &impl Store, sub_account: &SubAccountId) -> Result<StoredProfile, StoreError> {
    let item = store.get(&keys::profile(sub_account)).await?;
    item.as_ref().map(StoredProfile::from_item).transpose().map(Option::unwrap_or_default)
}

/// Reads a sub-account's profile, without its version.
///
/// # Errors
/// As [`load_stored`].
pub async fn load(store: &impl Store, sub_account: &SubAccountId) -> Result<Profile, StoreError> {
    load_stored(store, sub_account).await.map(|stored| stored.profile)
}

/// Reads whether numbers are bought at all.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn load_switch(store: &impl Store) -> Result<PurchasesSwitch, StoreError> {
    let item = store.get(&keys::purchases_switch()).await?;
    item.as_ref().map_or(Ok(PurchasesSwitch::UNTOUCHED), PurchasesSwitch::from_item)
}

/// The version of a profile's item.
///
/// # Errors
/// [`StoreError::Broken`] when it cannot be read.
pub fn version_of(item: &Item) -> Result<i64, StoreError> {
    StoredProfile::from_item(item).map(|stored| stored.version)
}

/// After a change of the profile: what waits waits for the owners that it names now, and what they clear is sent to be
/// bought. Every purchase that waits has a pointer of its sub-account's own, whatever its agency; one that gets it only
/// now reads the profile after that. Repeating it is harmless. Returns the messages sent.
///
/// # Errors
/// [`WakeError`] when it did not reach all of them; the profile stays due and the sweep does this again.
pub async fn reach_waiters(
    store: &impl Store,
    queue: &impl Queue,
    sub_account: &SubAccountId,
) -> Result<usize, WakeError> {
    let own = Owner::SubAccount(sub_account.clone());
    let (mut after, mut sent) = (None, 0);
    loop {
        let page = verifications::waiters(store, &own, POINTERS_PAGE, after).await?;
        for pointer in &page.items {
            let Some(message) = pointer_messages(pointer)?.into_iter().next() else { continue };
            let Some(stored) = purchases::load(store, sub_account, &message.id).await? else { continue };
            let owners = load(store, sub_account).await?.owners(sub_account);
            match verifications::wait(store, stored, owners, None).await? {
                Waiting::Cleared(stored, _) => {
                    let messages = stored.messages();
                    sent += messages.len();
                    queue.send(messages).await?;
                }
                Waiting::Waits(_) | Waiting::Moved(_) => {}
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(sent);
        }
    }
}
