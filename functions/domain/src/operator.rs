//! What an operator of the platform brings along: a name, and a reason that the audit keeps.

use crate::ids::IdError;
use crate::limits::{OPERATOR_NAME_CHARS_MAX, OPERATOR_REASON_CHARS_MAX};

/// Who at the platform decided, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The subject of its token, where the token has one that can be written down.
    pub name: Option<OperatorName>,
    /// Why.
    pub reason: OperatorReason,
}

/// The subject of an operator's token: 1 to [`OPERATOR_NAME_CHARS_MAX`] printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorName(String);

/// Why an operator decided: 1 to [`OPERATOR_REASON_CHARS_MAX`] characters of one line, spaces at the ends removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorReason(String);

impl OperatorName {
    /// # Errors
    /// An [`IdError`] that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(IdError::Character);
        }
        bounded(text, OPERATOR_NAME_CHARS_MAX).map(Self)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OperatorReason {
    /// # Errors
    /// An [`IdError`] that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.chars().any(char::is_control) {
            return Err(IdError::Character);
        }
        bounded(text.trim(), OPERATOR_REASON_CHARS_MAX).map(Self)
    }

    /// The reason as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn bounded(text: &str, chars_max: usize) -> Result<String, IdError> {
    match text.chars().count() {
        0 => Err(IdError::Empty),
        chars if chars > chars_max => Err(IdError::TooLong),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_bounded_line() {
        let reason = |text: &str| OperatorReason::parse(text).map(|reason| reason.0);
        assert_eq!(reason("  passport seen by phone "), Ok("passport seen by phone".to_owned()));
        assert_eq!(reason(&"é".repeat(OPERATOR_REASON_CHARS_MAX)), Ok("é".repeat(OPERATOR_REASON_CHARS_MAX)));
        assert_eq!(reason(&"é".repeat(OPERATOR_REASON_CHARS_MAX + 1)), Err(IdError::TooLong));
        assert_eq!(reason(" \u{a0} "), Err(IdError::Empty));
        assert_eq!(reason("two\nlines"), Err(IdError::Character));
    }

    #[test]
    fn a_name_is_printable_and_bounded() {
        let name = |text: &str| OperatorName::parse(text).map(|name| name.0);
        assert_eq!(name("auth0|jo.smith@platform.example"), Ok("auth0|jo.smith@platform.example".to_owned()));
        for (text, error) in [("", IdError::Empty), ("jo\u{7}", IdError::Character), ("zoé", IdError::Character)] {
            assert_eq!(name(text), Err(error), "{text}");
        }
        assert_eq!(name(&"a".repeat(OPERATOR_NAME_CHARS_MAX + 1)), Err(IdError::TooLong));
    }
}
