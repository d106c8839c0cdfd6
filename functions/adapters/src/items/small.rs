//! The items of a few attributes: profile, lock, wait pointer, inquiry map, audit entry.

use domain::{
    AccountSid, AgencyId, InquiryId, Instant, Owner, PhoneNumber, PurchaseId, SubAccountId, VerificationState,
};

use super::{Fields, PURCHASE, copied, keys, n, s, verification_state_name};
use crate::store::{BY_TIME, Item, Key, PK, SK, StoreError, Value};

/// What is stored about a sub-account. One that has no profile belongs to no agency and buys in the default account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The agency whose verification covers it too.
    pub agency: Option<AgencyId>,
    /// Its account at the carrier.
    pub account: Option<AccountSid>,
}

impl Profile {
    /// # Errors
    /// [`StoreError::Broken`] when an attribute cannot be read.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let fields = Fields(item);
        let agency = fields.optional_text("agency")?.map(|_| fields.parsed("agency", AgencyId::parse)).transpose()?;
        let account =
            fields.optional_text("account")?.map(|_| fields.parsed("account", AccountSid::parse)).transpose()?;
        Ok(Self { agency, account })
    }

    /// Whose verification covers the sub-account: its own first, then its agency's.
    #[must_use]
    pub fn owners(&self, sub_account: &SubAccountId) -> Vec<Owner> {
        let own = Owner::SubAccount(sub_account.clone());
        std::iter::once(own).chain(self.agency.clone().map(Owner::Agency)).collect()
    }
}

/// The lock that says which purchase may own a number.
#[must_use]
pub fn lock_item(account: &AccountSid, number: &PhoneNumber, sub_account: &SubAccountId, id: &PurchaseId) -> Item {
    with_key(
        keys::lock(account, number),
        [(PURCHASE, copied(id.as_str())), ("sub_account", copied(sub_account.as_str()))],
    )
}

/// The pointer that says "this purchase of this sub-account waits for this owner".
#[must_use]
pub fn pointer_item(owner: &Owner, sub_account: &SubAccountId, id: &PurchaseId) -> Item {
    with_key(keys::pointer(owner, id), [(PURCHASE, copied(id.as_str())), ("sub_account", copied(sub_account.as_str()))])
}

/// The purchase that a wait pointer or a lock names.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn pointer_target(item: &Item) -> Result<(SubAccountId, PurchaseId), StoreError> {
    let fields = Fields(item);
    Ok((fields.parsed("sub_account", SubAccountId::parse)?, fields.parsed(PURCHASE, PurchaseId::parse)?))
}

/// Which owner an inquiry was opened for, and from which template: what makes an event ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InquiryMap {
    /// The owner.
    pub owner: Owner,
    /// The template's id at Persona.
    pub template: String,
}

impl InquiryMap {
    /// # Errors
    /// [`StoreError::Broken`] when an attribute cannot be read.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let fields = Fields(item);
        Ok(Self { owner: keys::owner_of_pk(fields.text("owner")?)?, template: fields.text("template")?.to_owned() })
    }
}

/// The item that makes an inquiry ours.
#[must_use]
pub fn inquiry_map_item(inquiry: &InquiryId, map: &InquiryMap, at: Instant) -> Item {
    with_key(
        keys::inquiry_map(inquiry),
        [("owner", s(keys::owner_pk(&map.owner))), ("template", copied(&map.template)), ("created_at", n(at))],
    )
}

/// One line of an owner's audit: what happened (also its key, so that it is written once), and what it led to.
#[must_use]
pub fn audit_item(owner: &Owner, what: &str, at: Instant, from: &VerificationState, to: &VerificationState) -> Item {
    with_key(
        keys::audit(owner, what),
        [
            (BY_TIME, s(keys::by_time("A#", at, what))),
            ("at", n(at)),
            ("from", s(verification_state_name(from))),
            ("to", s(verification_state_name(to))),
        ],
    )
}

fn with_key<const N: usize>(key: Key, attributes: [(&'static str, Value); N]) -> Item {
    [(PK, s(key.pk)), (SK, s(key.sk))].into_iter().chain(attributes).collect()
}
