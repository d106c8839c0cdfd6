//! The items of a few attributes: lock, wait pointer, switch, turns to ask Persona, an operator's audit entry.

use domain::{AccountSid, Instant, LockHolder, Operator, Owner, PhoneNumber, Purchase, PurchaseId, SubAccountId};

use super::{Fields, PURCHASE, SLOT, VERSION, copied, keys, n, s, unreadable};
use crate::queue::PurchaseMessage;
use crate::store::{BY_TIME, EXPIRES_AT, Item, Key, PK, SK, StoreError, Value};

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

/// The number that a lock is about, and the number of a purchase that has it.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn locked_number(item: &Item) -> Result<(PhoneNumber, LockHolder), StoreError> {
    let fields = Fields(item);
    let number = fields.parsed(SK, |sk| {
        sk.strip_prefix(keys::LOCK_PREFIX).and_then(|digits| PhoneNumber::parse(digits).ok()).ok_or(())
    })?;
    let (sub_account, purchase) = lock_holder(item)?;
    let member = match fields.text(SLOT)? {
        alone if alone == purchase.as_str() => None,
        slot => Some(keys::member_of_sk(slot).filter(|(of, _)| *of == purchase).ok_or_else(|| unreadable(SLOT))?.1),
    };
    Ok((number, LockHolder { sub_account, purchase, member }))
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

/// What an operator did to a purchase or the switch, in the same partition as that: `what` is part of the key, so that it is
/// written once, and `did` says it.
#[must_use]
pub fn operator_audit_item(pk: &str, what: &str, did: &'static str, at: Instant, operator: &Operator) -> Item {
    let mut item = with_key(
        Key::new(pk.to_owned(), format!("{}{what}", keys::AUDIT_PREFIX)),
        [
            (BY_TIME, s(keys::by_time(keys::AUDIT_PREFIX, at, what))),
            ("at", n(at)),
            ("did", s(did)),
            ("why", copied(operator.reason.as_str())),
        ],
    );
    if let Some(name) = &operator.name {
        item.insert("by", copied(name.as_str()));
    }
    item
}

/// Name of the attribute that holds when a turn to ask Persona was taken, or until when an allowance is spoken for.
pub const TURN_AT: &str = "at";

/// A turn to ask Persona that was taken at `at`, or an allowance that is spoken for until then; forgotten after an hour.
#[must_use]
pub fn turn_item(turn: Key, at: Instant) -> Item {
    const KEPT_S: i64 = 3600;
    with_key(turn, [(TURN_AT, n(at)), (EXPIRES_AT, Value::N(at.unix_ms() / 1000 + KEPT_S))])
}

/// When the turn was last taken, or until when the allowance is spoken for.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn turn_from_item(item: &Item) -> Result<Instant, StoreError> {
    Fields(item).instant(TURN_AT)
}

pub(super) fn with_key<const N: usize>(key: Key, attributes: [(&'static str, Value); N]) -> Item {
    [(PK, s(key.pk)), (SK, s(key.sk))].into_iter().chain(attributes).collect()
}
