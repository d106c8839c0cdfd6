//! How the domain's values stand in the table. One module per item; the keys are in [`keys`].

pub mod keys;
mod purchase;
mod small;
mod verification;

pub use purchase::{purchase_from_item, purchase_to_item, reason_name, state_name};
pub use small::{InquiryMap, Profile, audit_item, inquiry_map_item, lock_item, pointer_item, pointer_target};
pub use verification::{
    StoredVerification, revoked_by_name, verification_from_item, verification_state_name, verification_to_item,
};

use domain::Instant;

use crate::store::{Item, StoreError, Text, Value};

/// Name of the attribute that every change of a purchase or verification raises by one.
pub const VERSION: &str = "version";
/// Name of the attribute that holds what became of a purchase or verification.
pub const STATE: &str = "state";
/// Name of the attribute that holds when an owner proved who it is; only a verified owner has it.
pub const VERIFIED_AT: &str = "verified_at";
/// Name of the attribute of a lock that holds the purchase which has it.
pub const PURCHASE: &str = "purchase";
/// How often a sweep has visited the item since it last changed: the sweep backs off by it.
pub const VISITS: &str = "visits";

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
        match self.0.get(name) {
            Some(Value::List(values)) => Ok(values),
            _ => Err(unreadable(name)),
        }
    }

    /// The attribute's text, parsed.
    pub(crate) fn parsed<T, E>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, StoreError> {
        parse(self.text(name)?).map_err(|_| unreadable(name))
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
    ($(#[$doc:meta])* $vis:vis $name:ident, $parse:ident, $type:ty, { $($value:pat => $text:literal => $make:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[must_use]
        $vis fn $name(value: &$type) -> &'static str {
            match value { $($value => $text),+ }
        }

        fn $parse(text: &str) -> Option<$type> {
            match text { $($text => Some($make),)+ _ => None }
        }
    };
}
pub(crate) use names;
