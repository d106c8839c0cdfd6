//! Where every item stands.
//!
//! | item | partition key | sort key |
//! |---|---|---|
//! | profile | `S#sub-account` | `PROFILE` |
//! | purchase | `S#sub-account` | `P#purchase` |
//! | verification | `O#s#sub-account` or `O#a#agency` | `V` |
//! | wait pointer | as the verification | `W#purchase` |
//! | audit entry | as the verification | `A#what` |
//! | number lock | `N#account#number` | `LOCK` |
//! | inquiry map | `I#inquiry` | `INQUIRY` |

use domain::{AccountSid, AgencyId, InquiryId, Instant, Owner, PhoneNumber, PurchaseId, SubAccountId};

use crate::store::{Key, StoreError};

/// How many partitions the due index is spread over: enough for the writes of a busy platform, few enough to read
/// each every minute.
const DUE_SHARDS: [&str; 8] = ["D#0", "D#1", "D#2", "D#3", "D#4", "D#5", "D#6", "D#7"];

/// How the sort key of a wait pointer starts.
pub const POINTER_PREFIX: &str = "W#";
/// How the sort key of a purchase starts.
pub const PURCHASE_PREFIX: &str = "P#";
/// The sort key of a verification.
pub const VERIFICATION_SK: &str = "V";

/// A sub-account's stored profile.
#[must_use]
pub fn profile(sub_account: &SubAccountId) -> Key {
    Key::new(format!("S#{sub_account}"), "PROFILE")
}

/// A purchase.
#[must_use]
pub fn purchase(sub_account: &SubAccountId, id: &PurchaseId) -> Key {
    Key::new(format!("S#{sub_account}"), format!("{PURCHASE_PREFIX}{id}"))
}

/// An owner's verification.
#[must_use]
pub fn verification(owner: &Owner) -> Key {
    Key::new(owner_pk(owner), VERIFICATION_SK)
}

/// The pointer that says "this purchase waits for this owner".
#[must_use]
pub fn pointer(owner: &Owner, id: &PurchaseId) -> Key {
    Key::new(owner_pk(owner), format!("{POINTER_PREFIX}{id}"))
}

/// One entry of an owner's audit.
#[must_use]
pub fn audit(owner: &Owner, what: &str) -> Key {
    Key::new(owner_pk(owner), format!("A#{what}"))
}

/// The lock of a number in an account at the carrier.
#[must_use]
pub fn lock(account: &AccountSid, number: &PhoneNumber) -> Key {
    Key::new(format!("N#{account}#{number}"), "LOCK")
}

/// Which owner an inquiry was opened for.
#[must_use]
pub fn inquiry_map(inquiry: &InquiryId) -> Key {
    Key::new(format!("I#{inquiry}"), "INQUIRY")
}

/// The partition of everything that belongs to an owner's verification.
#[must_use]
pub fn owner_pk(owner: &Owner) -> String {
    match owner {
        Owner::SubAccount(id) => format!("O#s#{id}"),
        Owner::Agency(id) => format!("O#a#{id}"),
    }
}

/// What a key from the due index is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueKey {
    /// A purchase.
    Purchase(SubAccountId, PurchaseId),
    /// An owner's verification.
    Verification(Owner),
}

/// # Errors
/// [`StoreError::Broken`] when the key is of no item that is ever due.
pub fn due_key(key: &Key) -> Result<DueKey, StoreError> {
    let unknown = || StoreError::Broken("the due index holds a key of no item that is ever due".to_owned());
    if key.sk == VERIFICATION_SK {
        return owner_of_pk(&key.pk).map(DueKey::Verification);
    }
    let sub_account = key.pk.strip_prefix("S#").and_then(|id| SubAccountId::parse(id).ok()).ok_or_else(unknown)?;
    let id = key.sk.strip_prefix(PURCHASE_PREFIX).and_then(|id| PurchaseId::parse(id).ok()).ok_or_else(unknown)?;
    Ok(DueKey::Purchase(sub_account, id))
}

/// # Errors
/// [`StoreError::Broken`] when the partition is no owner's.
pub fn owner_of_pk(pk: &str) -> Result<Owner, StoreError> {
    let sub_account = pk.strip_prefix("O#s#").and_then(|id| SubAccountId::parse(id).ok()).map(Owner::SubAccount);
    let agency = || pk.strip_prefix("O#a#").and_then(|id| AgencyId::parse(id).ok()).map(Owner::Agency);
    sub_account.or_else(agency).ok_or_else(|| StoreError::Broken("a partition key is no owner's".to_owned()))
}

/// The shard of the due index that a partition's items are in.
#[must_use]
pub fn due_shard(pk: &str) -> &'static str {
    let spread = pk.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    DUE_SHARDS[spread % DUE_SHARDS.len()]
}

/// All shards of the due index.
pub fn due_shards() -> impl Iterator<Item = &'static str> {
    DUE_SHARDS.into_iter()
}

/// The local index's sort key of what is listed by time: the kind's prefix, then the time with leading zeros.
#[must_use]
pub fn by_time(prefix: &str, at: Instant, id: &str) -> String {
    format!("{prefix}{:015}#{id}", at.unix_ms())
}
