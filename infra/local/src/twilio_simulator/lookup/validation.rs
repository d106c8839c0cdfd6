//! Is it a number, and of which country?

use super::super::calling_codes;

/// How many digits a number behind calling code 1 has.
const NORTH_AMERICAN_DIGITS: usize = 10;

/// How few digits a number behind any other calling code has.
const NATIONAL_DIGITS_MIN: usize = 4;

/// How many digits a number has at most, its calling code included (ITU-T E.164).
const DIGITS_MAX: usize = 15;

/// What a text turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Validated {
    /// A number.
    Valid(Number),
    /// None, and why (`ValidationError` of `twilio_lookups_v2`).
    Invalid { error: &'static str },
}

/// A number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) e164: String,
    pub(super) calling_code: &'static str,
    pub(super) country: &'static str,
}

/// Reads a number in E.164 form, or in the national form of a country.
pub(super) fn validate(text: &str, country: &str) -> Validated {
    let invalid = |error| Validated::Invalid { error };
    let punctuation = |character: char| character.is_whitespace() || "()-.".contains(character);
    let kept: String = text.chars().filter(|character| !punctuation(*character)).collect();
    let e164 = if kept.starts_with('+') {
        kept
    } else {
        let Some(calling_code) = calling_codes::of_country(country) else { return invalid("INVALID_COUNTRY_CODE") };
        format!("+{calling_code}{}", kept.trim_start_matches('0'))
    };
    let digits = &e164[1..];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return invalid("NOT_A_NUMBER");
    }
    let Some((calling_code, country)) = calling_codes::of(&e164) else { return invalid("INVALID_COUNTRY_CODE") };
    let national = digits.len() - calling_code.len();
    let north_american = calling_code == "1";
    let shortest = if north_american { NORTH_AMERICAN_DIGITS } else { NATIONAL_DIGITS_MIN };
    let longest = if north_american { NORTH_AMERICAN_DIGITS } else { DIGITS_MAX - calling_code.len() };
    if national < shortest {
        return invalid("TOO_SHORT");
    }
    if national > longest {
        return invalid("TOO_LONG");
    }
    // Area code and exchange start with 2 to 9.
    let starts = digits.as_bytes();
    if north_american && !(starts[1] >= b'2' && starts[4] >= b'2') {
        return invalid("INVALID_BUT_POSSIBLE");
    }
    Validated::Valid(Number { calling_code, country, e164 })
}

impl Number {
    /// The digits behind the calling code.
    pub(super) fn national(&self) -> &str {
        &self.e164[1 + self.calling_code.len()..]
    }

    /// As people of its country write it; without the spaces that each country sets its own way.
    pub(super) fn national_format(&self) -> String {
        let national = self.national();
        if self.calling_code == "1" {
            format!("({}) {}-{}", &national[..3], &national[3..6], &national[6..])
        } else {
            format!("0{national}")
        }
    }
}
