//! Identifiers: newtypes that can only be made from text of the right form.

use core::fmt;

use sha2::{Digest, Sha256};

use crate::limits::{IDEMPOTENCY_KEY_CHARS_MAX, OWNER_ID_CHARS_MAX, VENDOR_ID_CHARS_MAX};

/// Text that is no id of the wanted kind. Says what is wrong, never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdError {
    /// Nothing was given.
    Empty,
    /// More characters than the kind allows.
    TooLong,
    /// A character outside the kind's alphabet.
    Character,
    /// The prefix or length of the kind is missing.
    Form,
}

impl fmt::Display for IdError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "is empty",
            Self::TooLong => "is too long",
            Self::Character => "has a character that is not allowed",
            Self::Form => "does not have the form of such an id",
        })
    }
}

fn word(text: &str, chars_max: usize) -> Result<String, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > chars_max {
        return Err(IdError::TooLong);
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        return Err(IdError::Character);
    }
    Ok(text.to_owned())
}

macro_rules! word_id {
    ($(#[$doc:meta])* $name:ident, $chars_max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Accepts 1 or more of `A-Z a-z 0-9 _ -`, case-sensitive.
            ///
            /// # Errors
            /// An [`IdError`] that says what is wrong with the text.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                word(text, $chars_max).map(Self)
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

word_id!(
    /// The platform's customer (HighLevel: a location). Up to 64 characters.
    SubAccountId,
    OWNER_ID_CHARS_MAX
);
word_id!(
    /// An owner of sub-accounts. Up to 64 characters.
    AgencyId,
    OWNER_ID_CHARS_MAX
);
word_id!(
    /// An inquiry at Persona (`inq_…`); opaque.
    InquiryId,
    VENDOR_ID_CHARS_MAX
);
word_id!(
    /// An inquiry template at Persona (`itmpl_…`); opaque.
    TemplateId,
    VENDOR_ID_CHARS_MAX
);
word_id!(
    /// One event at Persona (`evt_…`), or one look of ours; opaque.
    EventId,
    VENDOR_ID_CHARS_MAX
);
word_id!(
    /// A number at Twilio (`PN…`); opaque.
    NumberSid,
    VENDOR_ID_CHARS_MAX
);
word_id!(
    /// An account at Twilio (`AC…`); opaque.
    AccountSid,
    VENDOR_ID_CHARS_MAX
);
word_id!(
    /// A verification at Twilio (`VE…`); opaque.
    VerifySid,
    VENDOR_ID_CHARS_MAX
);
word_id!(
    /// Names the holder of a lease on a purchase: random, fresh with each claim.
    LeaseToken,
    VENDOR_ID_CHARS_MAX
);
word_id!(
    /// Names one attempt to open an inquiry: random, sent to Persona as its `Idempotency-Key`.
    Nonce,
    VENDOR_ID_CHARS_MAX
);

impl LeaseToken {
    /// The token of no worker: whoever comes next takes over.
    #[must_use]
    pub fn nobody() -> Self {
        Self("nobody".to_owned())
    }
}

/// The caller's `Idempotency-Key`: 1 to 128 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// # Errors
    /// An [`IdError`] that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > IDEMPOTENCY_KEY_CHARS_MAX {
            return Err(IdError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(IdError::Character);
        }
        Ok(Self(text.to_owned()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One request for numbers: `pur_` and 32 hexadecimal digits, a function of the sub-account and its idempotency key.
///
/// The caller therefore knows nothing of another's ids, and the same key finds the same purchase with no second item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PurchaseId(String);

impl PurchaseId {
    const PREFIX: &str = "pur_";
    const HASH_BYTES: usize = 16;

    /// The id of the purchase that `sub_account` asks for under `key`: 128 bits of SHA-256(sub ‖ 0 ‖ key).
    #[must_use]
    pub fn of(sub_account: &SubAccountId, key: &IdempotencyKey) -> Self {
        let digest = Sha256::new().chain_update(sub_account.as_str()).chain_update([0]).chain_update(&key.0).finalize();
        Self(format!("{}{}", Self::PREFIX, data_encoding::HEXLOWER.encode(&digest[..Self::HASH_BYTES])))
    }

    /// # Errors
    /// [`IdError::Form`] when the text is not `pur_` and 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(IdError::Form)?;
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() == Self::HASH_BYTES * 2 && digits.bytes().all(hexadecimal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Form)
        }
    }

    /// The id as text; also our mark on the number at the carrier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PurchaseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whose verification it is. An agency's covers all its sub-accounts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// One sub-account for itself.
    SubAccount(SubAccountId),
    /// An agency for all its sub-accounts.
    Agency(AgencyId),
}

/// What Persona knows an owner by: `s_` or `a_` and the first 26 characters of the lower-case base32 of SHA-256 of
/// the id. Ours are case-sensitive and Persona's reference ids are not, so the id itself would let two owners meet.
#[must_use]
pub fn persona_reference(owner: &Owner) -> String {
    const HASH_CHARS: usize = 26;
    let (prefix, id) = match owner {
        Owner::SubAccount(id) => ("s_", id.as_str()),
        Owner::Agency(id) => ("a_", id.as_str()),
    };
    let encoded = data_encoding::BASE32_NOPAD.encode(&Sha256::digest(id)).to_ascii_lowercase();
    format!("{prefix}{}", &encoded[..HASH_CHARS])
}
