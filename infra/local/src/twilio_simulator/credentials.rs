//! Who is asking.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A name and a secret, as HTTP Basic authentication carries them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Presented {
    pub(super) name: String,
    pub(super) secret: String,
}

/// Whose credentials they turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// The account itself: everything, everywhere.
    Account,
    /// One of its sub-accounts: everything, in its own place.
    SubAccount(String),
    /// The restricted API key: searching numbers that are for sale.
    ApiKey,
}

/// The credentials of a request; `None` if it has none that can be read.
pub(super) fn presented(headers: &HeaderMap) -> Option<Presented> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, secret) = decoded.split_once(':')?;
    Some(Presented { name: name.to_owned(), secret: secret.to_owned() })
}
