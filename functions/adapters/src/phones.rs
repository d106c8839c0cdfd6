//! The phone that a sub-account has proved to have, as other functions read it.

use domain::{ApprovedPhone, SubAccountId};

use crate::items::{approved_phone_from_item, keys};
use crate::store::{Store, StoreError};

/// Reads the latest phone of a sub-account that was approved, if any.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn load_approved(
    store: &impl Store,
    sub_account: &SubAccountId,
) -> Result<Option<ApprovedPhone>, StoreError> {
    let item = store.get(&keys::approved_phone(sub_account)).await?;
    item.as_ref().map(approved_phone_from_item).transpose()
}
