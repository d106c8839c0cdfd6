//! How the domain's values stand in the table. One module per item; the keys are in [`keys`].

mod action;
mod audit;
mod history;
mod inquiry;
pub mod keys;
mod phone;
mod pool;
mod profile;
mod purchase;
mod small;
mod verification;

pub use action::{action_name, action_of};
pub use audit::{AuditCause, AuditEntry, inquiry_status_name, operator_action_name};
pub use inquiry::{InquiryMap, remember_former};
pub use phone::{
    Versioned, approved_phone_from_item, approved_phone_to_item, channel_name, conversion_from_item,
    conversion_to_item, phone_record_from_item, phone_record_to_item, phone_state_name, phone_verification_from_item,
    phone_verification_to_item, refusal_name, window_from_item, window_to_item,
};
pub use pool::{fulfilment_name, is_pool, pool_from_item, pool_state_name, pool_to_item};
pub use profile::{Profile, StoredProfile};
pub use purchase::{
    POINTERS, if_unavailable_name, pointers_value, purchase_from_item, purchase_to_item, reason_name, state_name,
};
pub use small::{
    PurchasesSwitch, TURN_AT, lock_holder, lock_item, locked_number, operator_audit_item, pointer_item,
    pointer_messages, switch_item, turn_from_item, turn_item,
};
pub use verification::{
    StoredVerification, name_level_name, opening_write, progress_write, revoked_by_name, verification_from_item,
    verification_state_name, verification_to_item,
};

use domain::Instant;

use crate::store::{Condition, Item, StoreError, Text, Value};

/// Name of the attribute that every change of a purchase or verification raises by one.
pub const VERSION: &str = "version";
/// Name of the attribute that holds what became of a purchase or verification.
pub const STATE: &str = "state";
/// Name of the attribute that holds when an owner proved who it is; only a verified owner has it.
pub const VERIFIED_AT: &str = "verified_at";
/// Name of the attribute of a lock or a wait pointer that holds the purchase which it is about.
pub const PURCHASE: &str = "purchase";
/// Name of the attribute of a lock that holds which number of which purchase has it.
pub const SLOT: &str = "slot";
/// Name of the attribute of a profile that holds the agency.
pub const AGENCY: &str = "agency";
/// Name of the attribute of an approved phone that holds since when its sub-account has had one.
pub const PHONE_SINCE: &str = "since";
/// Name of the attribute of an approved phone that holds when it was approved.
pub const PHONE_APPROVED_AT: &str = "approved_at";
/// How often a sweep has visited the item since it last changed: the sweep backs off by it.
pub const VISITS: &str = "visits";

/// What a change of an item that was read at `version` expects to find; 0 is one that was not there.
#[must_use]
pub fn expect_version(version: i64) -> Condition {
    match version {
        0 => Condition::ItemAbsent,
        version => Condition::Equals(VERSION, Value::N(version)),
    }
}

/// Reads attributes of one item, with errors that name the attribute and never its value.
pub(crate) struct Fields<'a>(pub(crate) &'a Item);

impl<'a> Fields<'a> {
    pub(crate) fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        self.optional_text(name)?.ok_or_else(|| unreadable(name))
    }

    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::S(text)) => Ok(Some(text)),
            Some(_) => Err(unreadable(name)),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Result<i64, StoreError> {
        self.optional_number(name)?.ok_or_else(|| unreadable(name))
    }

    pub(crate) fn optional_number(&self, name: &str) -> Result<Option<i64>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::N(number)) => Ok(Some(*number)),
            Some(_) => Err(unreadable(name)),
        }
    }

    pub(crate) fn instant(&self, name: &str) -> Result<Instant, StoreError> {
        self.number(name).map(Instant::from_unix_ms)
    }

    pub(crate) fn optional_instant(&self, name: &str) -> Result<Option<Instant>, StoreError> {
        Ok(self.optional_number(name)?.map(Instant::from_unix_ms))
    }

    pub(crate) fn bool(&self, name: &str) -> Result<bool, StoreError> {
        match self.0.get(name) {
            Some(Value::Bool(bool)) => Ok(*bool),
            _ => Err(unreadable(name)),
        }
    }

    /// False where the attribute is not there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, StoreError> {
        if self.0.contains_key(name) { self.bool(name) } else { Ok(false) }
    }

    pub(crate) fn map(&self, name: &str) -> Result<Fields<'a>, StoreError> {
        self.optional_map(name)?.ok_or_else(|| unreadable(name))
    }

    pub(crate) fn optional_map(&self, name: &str) -> Result<Option<Fields<'a>>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Map(item)) => Ok(Some(Fields(item))),
            Some(_) => Err(unreadable(name)),
        }
    }

    pub(crate) fn list(&self, name: &str) -> Result<&'a [Value], StoreError> {
        if self.0.contains_key(name) { self.optional_list(name) } else { Err(unreadable(name)) }
    }

    /// The attribute's values; none where it is not there.
    pub(crate) fn optional_list(&self, name: &str) -> Result<&'a [Value], StoreError> {
        match self.0.get(name) {
            None => Ok(&[]),
            Some(Value::List(values)) => Ok(values),
            Some(Value::S(_) | Value::N(_) | Value::Bool(_) | Value::Map(_)) => Err(unreadable(name)),
        }
    }

    /// The attribute's text, parsed.
    pub(crate) fn parsed<T, E>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, StoreError> {
        parse(self.text(name)?).map_err(|_| unreadable(name))
    }

    /// The attribute's text, parsed, where it is there.
    pub(crate) fn optional_parsed<T, E>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        self.optional_text(name)?.map(|text| parse(text).map_err(|_| unreadable(name))).transpose()
    }
}

pub(crate) fn unreadable(name: &str) -> StoreError {
    StoreError::Broken(format!("the attribute `{name}` of an item cannot be read"))
}

/// Text: a word of ours costs nothing, text that was made is taken; an id is copied with [`copied`].
pub(crate) fn s(text: impl Into<Text>) -> Value {
    Value::S(text.into())
}

/// Text that somebody else keeps.
pub(crate) fn copied(text: &str) -> Value {
    Value::S(Text::Owned(text.to_owned()))
}

pub(crate) fn n(instant: Instant) -> Value {
    Value::N(instant.unix_ms())
}

/// Pairs an enum's values with their names in the table and the contract, both ways, so that neither can be forgotten.
macro_rules! names {
    ($(#[$doc:meta])* $vis:vis $name:ident, $parse_vis:vis $parse:ident, $type:ty, { $($value:pat => $text:literal => $make:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[must_use]
        $vis fn $name(value: &$type) -> &'static str {
            match value { $($value => $text),+ }
        }

        $parse_vis fn $parse(text: &str) -> Option<$type> {
            match text { $($text => Some($make),)+ _ => None }
        }
    };
}
pub(crate) use names;
