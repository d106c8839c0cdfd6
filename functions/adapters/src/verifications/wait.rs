//! Making a purchase wait, in the order of writes and reads that strands none.

use domain::{Clearance, ClearanceRule, Owner, PhoneRequirement};
use futures::future::try_join4;

use super::{DECIDE_AGAIN_MAX, clearance, load_all, waiters};
use crate::items::StoredVerification;
use crate::phones;
use crate::profiles;
use crate::purchases::{self, Stored};
use crate::store::{Store, StoreError};

/// What a purchase that may wait found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// It is cleared, by this rule: a message is worth sending.
    Cleared(Stored, ClearanceRule),
    /// It waits for its owners, or for a phone.
    Waits(Waiter),
    /// It no longer waits, or is not there any more.
    Moved(Option<Stored>),
}

/// A purchase that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    /// The purchase, with its pointers.
    pub stored: Stored,
    /// Whom it waits for, as the stored profile says.
    pub owners: Vec<Owner>,
    /// Their verifications, in the same order.
    pub verifications: Vec<StoredVerification>,
    /// Whether one of them has proved who it is, or none needs to: then the phone is all that is missing.
    pub identified: bool,
    /// Whether an approved phone is missing.
    pub phone: PhoneRequirement,
    /// How many purchases of its sub-account wait, itself included; counted up to what was asked for, if it was.
    pub waiting: usize,
}

/// Makes a purchase wait: pointers first, then a strongly consistent read of its profile, of all owners and of the phone.
/// Whichever way this interleaves with "mark verified, then list pointers", with "change the profile, then list pointers",
/// or with "write the approved phone, then list pointers", at least one of the two sees the other (promise P3).
/// `count_up_to` asks how many wait, in the same round trip.
///
/// # Errors
/// [`StoreError`] when the table does not answer; the purchase is due and the sweep does this again.
pub async fn wait(
    store: &impl Store,
    mut stored: Stored,
    mut owners: Vec<Owner>,
    count_up_to: Option<u32>,
) -> Result<Waiting, StoreError> {
    for _ in 0..DECIDE_AGAIN_MAX {
        let request = stored.request();
        if !request.waits {
            return Ok(Waiting::Moved(Some(stored)));
        }
        let (sub_account, id) = (request.sub_account.clone(), request.id.clone());
        let Some(pointed) = purchases::point(store, stored, &owners).await? else {
            match purchases::load(store, &sub_account, &id).await? {
                Some(reloaded) => stored = reloaded,
                None => return Ok(Waiting::Moved(None)),
            }
            continue;
        };
        stored = pointed;
        let own = Owner::SubAccount(sub_account.clone());
        let count = async {
            match count_up_to {
                Some(limit) => waiters(store, &own, limit, None).await.map(|page| page.items.len()),
                None => Ok(0),
            }
        };
        let (required, deadline) = (stored.request().needs_phone, stored.request().deadline);
        let (profile, verifications, phone, waiting) = try_join4(
            profiles::load(store, &sub_account),
            load_all(store, &owners),
            phones::requirement_by(store, &sub_account, required, deadline),
            count,
        )
        .await?;
        let current = profile.owners(&sub_account);
        if current != owners {
            owners = current;
            continue;
        }
        let identified = match clearance(&stored, &owners, &verifications, phone) {
            Clearance::Cleared(rule) => return Ok(Waiting::Cleared(stored, rule)),
            Clearance::NotCleared => false,
            Clearance::NeedsPhone => true,
        };
        return Ok(Waiting::Waits(Waiter { stored, owners, verifications, identified, phone, waiting }));
    }
    Err(StoreError::Unavailable("the purchase kept changing".to_owned()))
}
