//! The phone that a sub-account has proved to have, as other functions read it.

use domain::{ApprovedPhone, Instant, PhoneRequirement, SubAccountId, phone_requirement};

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

/// Whether the sub-account has the phone that it needs; read only where it needs one.
///
/// # Errors
/// As [`load_approved`].
pub async fn requirement(
    store: &impl Store,
    sub_account: &SubAccountId,
    required: bool,
) -> Result<PhoneRequirement, StoreError> {
    requirement_where(store, sub_account, required, |_| true).await
}

/// Whether the sub-account has had the phone that a purchase needs since its deadline, at the latest.
///
/// # Errors
/// As [`load_approved`].
pub async fn requirement_by(
    store: &impl Store,
    sub_account: &SubAccountId,
    required: bool,
    deadline: Instant,
) -> Result<PhoneRequirement, StoreError> {
    requirement_where(store, sub_account, required, |phone| phone.in_time(deadline)).await
}

async fn requirement_where(
    store: &impl Store,
    sub_account: &SubAccountId,
    required: bool,
    counts: impl FnOnce(&ApprovedPhone) -> bool,
) -> Result<PhoneRequirement, StoreError> {
    let approved = if required { load_approved(store, sub_account).await? } else { None };
    Ok(phone_requirement(required, approved.filter(counts).as_ref()))
}
