//! What a limit is about.

use crate::ids::SubAccountId;
use crate::phone_number::PhoneNumber;
use crate::region::CountryCode;

/// How many digits at a number's end are left open in its prefix: a range of 1,000 numbers, the smallest block in which
/// numbering plans hand them to carriers.
pub const PREFIX_DIGITS_OPEN: usize = 3;

/// What a limit is about. Each has one window of constant size in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// A range of numbers, whoever asks: campaigns run through ranges.
    Prefix(String),
    /// One sub-account in one country.
    SubAccountCountry(SubAccountId, CountryCode),
    /// A country, over all sub-accounts that do not serve it.
    UnservedCountry(CountryCode),
    /// One sub-account in all countries.
    SubAccount(SubAccountId),
    /// The address that the person behind the request has, as a hash.
    Address(String),
}

/// The range that a number is in: its digits without the last [`PREFIX_DIGITS_OPEN`].
#[must_use]
pub fn prefix_of(number: &PhoneNumber) -> String {
    let digits = number.as_str().trim_start_matches('+');
    digits[..digits.len() - PREFIX_DIGITS_OPEN].to_owned()
}
