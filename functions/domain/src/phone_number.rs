//! A telephone number in E.164 form.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// How many digits follow the `+`. E.164 (ITU-T, section 6) allows up to 15; fewer than 7 is no subscriber's number.
const DIGITS: RangeInclusive<usize> = 7..=15;

/// How many digits follow the `+` in calling code 1: the code itself, three of area, three of exchange, four of line.
const NORTH_AMERICAN_DIGITS: usize = 11;

/// How many digits at the end may appear in a log.
const LOGGED_DIGITS: usize = 4;

/// A telephone number in strict E.164 form, such as `+12125550123`: a `+`, then only digits, no spaces, no extension,
/// no guessed country. Its form is right; whether anybody owns it, or the area code exists, is another question.
///
/// `Display` gives the whole number, for the carrier and the customer. `Debug` gives only the last four digits, so
/// that no log line can hold a whole number by accident.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number.
    ///
    /// # Errors
    /// The first thing that is wrong with it. The error never repeats the input.
    pub fn parse(input: &str) -> Result<Self, InvalidPhoneNumber> {
        let digits = input.strip_prefix('+').ok_or(InvalidPhoneNumber::NoPlus)?;
        if let Some(index) = digits.chars().position(|character| !character.is_ascii_digit()) {
            // Counted as a reader would: the `+` is the first character.
            return Err(InvalidPhoneNumber::NotADigit { position: index + 2 });
        }
        if digits.starts_with('0') {
            return Err(InvalidPhoneNumber::StartsWithZero);
        }
        if !DIGITS.contains(&digits.len()) {
            return Err(InvalidPhoneNumber::Length { digits: digits.len() });
        }
        if let Some(national) = digits.strip_prefix('1') {
            if digits.len() != NORTH_AMERICAN_DIGITS {
                return Err(InvalidPhoneNumber::NorthAmericanLength { digits: digits.len() });
            }
            let national = national.as_bytes();
            if matches!(national[0], b'0' | b'1') {
                return Err(InvalidPhoneNumber::AreaCode);
            }
            if matches!(national[3], b'0' | b'1') {
                return Err(InvalidPhoneNumber::Exchange);
            }
        }
        Ok(Self(input.to_owned()))
    }

    /// The whole number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last four digits: what a log may show.
    pub fn last_four(&self) -> &str {
        &self.0[self.0.len() - LOGGED_DIGITS..]
    }

    /// The three digits after `+1`; `None` for any other calling code.
    pub fn area_code(&self) -> Option<&str> {
        self.0.strip_prefix("+1").map(|national| &national[..3])
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    fn from_str(input: &str) -> Result<Self, InvalidPhoneNumber> {
        Self::parse(input)
    }
}

impl AsRef<str> for PhoneNumber {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PhoneNumber(…{})", self.last_four())
    }
}

/// What is wrong with a text that should have been a number in E.164 form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPhoneNumber {
    /// It does not start with `+`, so its country would have to be guessed.
    NoPlus,
    /// A character behind the `+` is no digit (0 to 9).
    NotADigit {
        /// Where, counted in characters from 1; the `+` is 1.
        position: usize,
    },
    /// No country's calling code starts with 0.
    StartsWithZero,
    /// Too few or too many digits for any country.
    Length {
        /// How many there are.
        digits: usize,
    },
    /// Too few or too many digits for calling code 1.
    NorthAmericanLength {
        /// How many there are, the calling code included.
        digits: usize,
    },
    /// An area code in calling code 1 starts with 2 to 9.
    AreaCode,
    /// The three digits behind the area code, in calling code 1, start with 2 to 9.
    Exchange,
}

impl fmt::Display for InvalidPhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlus => write!(
                formatter,
                "the phone number does not start with '+': write it in E.164 form with its country code, such as +12125550123"
            ),
            Self::NotADigit { position } => write!(
                formatter,
                "character {position} of the phone number is not a digit: after the '+', write only the digits 0 to 9"
            ),
            Self::StartsWithZero => write!(
                formatter,
                "the phone number has a 0 after its '+': write the country code there, without the 0 used for dialing"
            ),
            Self::Length { digits } => write!(
                formatter,
                "the phone number has {digits} digits: it needs {} to {}, the country code included",
                DIGITS.start(),
                DIGITS.end()
            ),
            Self::NorthAmericanLength { digits } => write!(
                formatter,
                "the phone number starts with +1 and has {digits} digits: it needs {NORTH_AMERICAN_DIGITS}, the 1 included"
            ),
            Self::AreaCode => write!(
                formatter,
                "the area code of the phone number starts with 0 or 1: area codes behind +1 start with 2 to 9"
            ),
            Self::Exchange => write!(
                formatter,
                "the three digits after the area code start with 0 or 1: behind +1 they start with 2 to 9"
            ),
        }
    }
}

impl Error for InvalidPhoneNumber {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_in_e164_form() {
        for number in ["+12125550123", "+15005550006", "+18765550123", "+442079460123", "+2901234", "+999123456789012"]
        {
            assert_eq!(PhoneNumber::parse(number).map(|parsed| parsed.to_string()), Ok(number.to_owned()));
        }
    }

    #[test]
    fn names_what_is_wrong() {
        use InvalidPhoneNumber as Wrong;
        for (input, wrong) in [
            ("", Wrong::NoPlus),
            ("12125550123", Wrong::NoPlus),
            (" +12125550123", Wrong::NoPlus),
            ("＋12125550123", Wrong::NoPlus),
            ("+1 2125550123", Wrong::NotADigit { position: 3 }),
            ("+1212555012a", Wrong::NotADigit { position: 12 }),
            ("+1212555012３", Wrong::NotADigit { position: 12 }),
            ("+12125550123 ", Wrong::NotADigit { position: 13 }),
            ("++12125550123", Wrong::NotADigit { position: 2 }),
            ("+02125550123", Wrong::StartsWithZero),
            ("+", Wrong::Length { digits: 0 }),
            ("+290123", Wrong::Length { digits: 6 }),
            ("+2901234567890123", Wrong::Length { digits: 16 }),
            ("+1212555012", Wrong::NorthAmericanLength { digits: 10 }),
            ("+121255501234", Wrong::NorthAmericanLength { digits: 12 }),
            ("+10125550123", Wrong::AreaCode),
            ("+11125550123", Wrong::AreaCode),
            ("+12120550123", Wrong::Exchange),
            ("+12121550123", Wrong::Exchange),
        ] {
            assert_eq!(PhoneNumber::parse(input), Err(wrong), "{input}");
        }
    }

    #[test]
    fn shows_only_the_last_four_digits_to_a_log() {
        let number = PhoneNumber::parse("+12125550123").expect("is in E.164 form");
        assert_eq!(format!("{number:?}"), "PhoneNumber(…0123)");
        assert_eq!(number.last_four(), "0123");
        assert_eq!(number.to_string(), "+12125550123");
    }

    #[test]
    fn knows_the_area_code_of_calling_code_1_only() {
        let area_code =
            |number| PhoneNumber::parse(number).ok().and_then(|parsed| parsed.area_code().map(str::to_owned));
        assert_eq!(area_code("+17875550123"), Some("787".to_owned()));
        assert_eq!(area_code("+442079460123"), None);
    }
}
