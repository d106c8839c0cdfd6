//! The items of a few attributes: lock, wait pointer, switch, inquiry map, audit entry.

use domain::{AccountSid, InquiryId, Instant, Operator, Owner, Purchase, PurchaseId, SubAccountId, VerificationState};

use super::{Fields, PURCHASE, SLOT, VERSION, copied, keys, n, s, unreadable, verification_state_name};
use crate::queue::PurchaseMessage;
use crate::store::{BY_TIME, Item, Key, PK, SK, StoreError, Value};

/// The lock that says which number of which purchase may own a number in an account at the carrier.
#[must_use]
pub fn lock_item(account: &AccountSid, purchase: &Purchase) -> Item {
    with_key(
        keys::lock(account, &purchase.number),
        [
            (PURCHASE, copied(purchase.id.as_str())),
            (SLOT, s(keys::slot_name(purchase))),
            ("sub_account", copied(purchase.sub_account.as_str())),
        ],
    )
}

/// The purchase that has a lock, and whose it is.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn lock_holder(item: &Item) -> Result<(SubAccountId, PurchaseId), StoreError> {
    let fields = Fields(item);
    Ok((fields.parsed("sub_account", SubAccountId::parse)?, fields.parsed(PURCHASE, PurchaseId::parse)?))
}

/// The pointer that says "this purchase of this sub-account waits for this owner". `members` is how many numbers a pool
/// has; 0 for a purchase of one number.
#[must_use]
pub fn pointer_item(owner: &Owner, sub_account: &SubAccountId, id: &PurchaseId, members: usize) -> Item {
    with_key(
        keys::pointer(owner, id),
        [
            (PURCHASE, copied(id.as_str())),
            ("sub_account", copied(sub_account.as_str())),
            ("members", Value::N(i64::try_from(members).unwrap_or(0))),
        ],
    )
}

/// The messages that wake the purchase which a pointer names: one for each of its numbers.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn pointer_messages(item: &Item) -> Result<Vec<PurchaseMessage>, StoreError> {
    let fields = Fields(item);
    let sub_account = fields.parsed("sub_account", SubAccountId::parse)?;
    let id = fields.parsed(PURCHASE, PurchaseId::parse)?;
    let members = usize::try_from(fields.number("members")?).map_err(|_| unreadable("members"))?;
    Ok(PurchaseMessage::for_each(&sub_account, &id, members))
}

/// Whether numbers are bought at all: an operator's switch. There is none until an operator turns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchasesSwitch {
    /// Whether numbers are bought.
    pub on: bool,
    /// Raised by each change; 0 when the table has none yet.
    pub version: i64,
}

impl PurchasesSwitch {
    /// The switch that nobody has turned yet.
    pub const UNTOUCHED: Self = Self { on: true, version: 0 };

    /// # Errors
    /// [`StoreError::Broken`] when an attribute cannot be read.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let fields = Fields(item);
        Ok(Self { on: fields.bool("on")?, version: fields.number(VERSION)? })
    }
}

/// The item of the switch.
#[must_use]
pub fn switch_item(switch: PurchasesSwitch) -> Item {
    with_key(keys::purchases_switch(), [("on", Value::Bool(switch.on)), (VERSION, Value::N(switch.version))])
}

/// What an operator did to a purchase, a profile or the switch, in the same partition as that: `what` is part of the key,
/// so that it is written once.
#[must_use]
pub fn operator_audit_item(pk: &str, what: &str, at: Instant, operator: &Operator) -> Item {
    let mut item = with_key(
        Key::new(pk.to_owned(), format!("A#{what}")),
        [(BY_TIME, s(keys::by_time("A#", at, what))), ("at", n(at)), ("why", copied(operator.reason.as_str()))],
    );
    if let Some(name) = &operator.name {
        item.insert("by", copied(name.as_str()));
    }
    item
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

pub(super) fn with_key<const N: usize>(key: Key, attributes: [(&'static str, Value); N]) -> Item {
    [(PK, s(key.pk)), (SK, s(key.sk))].into_iter().chain(attributes).collect()
}
