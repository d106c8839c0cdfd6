//! Identifiers and secrets in Persona's forms.

use uuid::Uuid;

/// Digits and letters without those that are easily confused, as in Persona's own identifiers.
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Characters after the prefix. Persona documents identifiers as opaque and has changed their length before
/// (docs.withpersona.com/versioning), so nothing may rely on it.
const RANDOM_LENGTH: usize = 24;

/// A new identifier, such as `inq_` followed by 24 random characters. The prefix comes without its underscore.
pub(super) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", random_text(RANDOM_LENGTH))
}

/// A new webhook secret: `wbhsec_` followed by a UUID.
pub(super) fn new_webhook_secret() -> String {
    format!("wbhsec_{}", Uuid::new_v4())
}

/// `length` random characters.
pub(super) fn random_text(length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // Bytes 6 and 8 of a version 4 UUID are partly fixed; the first six are random throughout.
        for byte in Uuid::new_v4().as_bytes().iter().take(6).take(length - text.len()) {
            text.push(char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::new_id;

    #[test]
    fn identifiers_carry_their_prefix_and_differ() {
        let id = new_id("inq");
        assert!(id.starts_with("inq_") && id.len() == 28, "{id}");
        assert_ne!(id, new_id("inq"));
    }
}
