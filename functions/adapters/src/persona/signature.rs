//! The signature of a delivery: `Persona-Signature: t=<unix seconds>,v1=<64 hex digits>`, where `v1` is
//! HMAC-SHA256 over `<t>.<raw body>` with the whole secret text as key; while a secret is rotated, two such sets stand
//! beside each other with a space (Persona, "Webhooks best practices").
//!
//! Only [`verify`] can make a [`VerifiedWebhook`], and nothing parses a body that is not one.

use std::collections::BTreeSet;
use std::fmt;

use domain::Instant;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header's name, as HTTP APIs of API Gateway pass it on: lower case.
pub const SIGNATURE_HEADER: &str = "persona-signature";

/// Longest header that is looked at, in bytes: four sets take some 320.
const HEADER_BYTES_MAX: usize = 1024;

/// Sets that are tried: Persona sends two while rotating; each costs one HMAC per secret.
const SETS_MAX: usize = 4;

/// Length of HMAC-SHA256 in hexadecimal digits.
const SIGNATURE_HEX_DIGITS: usize = 64;

/// Digits of a time that is tried: past the year 5000, and far from overflow.
const TIME_DIGITS_MAX: usize = 11;

/// How Persona's secrets start (Persona, "Webhooks best practices"): another key of Persona's, put there by mistake, is none.
pub const SECRET_PREFIX: &str = "wbhsec_";

/// Shortest secret that is accepted, in characters with its prefix; Persona's have over 40.
pub const SECRET_CHARS_MIN: usize = 16;

/// Different characters that a secret has at least behind its prefix. Persona's is a UUID in form: a random one has fewer
/// in one of a billion cases.
pub const SECRET_DIFFERENT_CHARS_MIN: usize = 8;

/// Words that stand in what is meant to be replaced. A random text of Persona's form holds one of them in one of ten
/// million cases.
pub const PLACEHOLDER_WORDS: [&str; 5] = ["change", "example", "placeholder", "secret", "webhook"];

/// The secret that Persona's own page shows.
const PUBLISHED_SECRET: &str = "wbhsec_abcdefgh-1234-5678-9ijk-lmnopqrstuvw";

/// A body that was signed with one of our secrets.
#[derive(Debug)]
pub struct VerifiedWebhook<'a> {
    body: &'a [u8],
    freshness: Freshness,
}

/// Whether a delivery was signed just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Within the tolerance.
    Fresh,
    /// Authentic but old: perhaps a late retry, perhaps a replay. Its content counts for nothing but a reason to ask.
    Stale,
}

/// No signature of ours, or none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the delivery carries no valid signature")]
pub struct BadSignature;

/// A secret that Persona signs with, as the keyed HMAC. Prints as redacted.
#[derive(Clone)]
pub struct WebhookSecret(Hmac<Sha256>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret([redacted])")
    }
}

/// A text that cannot be a secret, or that anybody could guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must hold webhook secrets as Persona gives them: {SECRET_PREFIX} and more, {SECRET_CHARS_MIN} characters at least, \
     none of them a space, no placeholder"
)]
pub struct WebhookSecretError;

impl WebhookSecret {
    /// # Errors
    /// [`WebhookSecretError`] for an empty, short, spaced, monotonous or published text: whoever guesses it would be
    /// believed.
    pub fn parse(text: &str) -> Result<Self, WebhookSecretError> {
        let random = text.strip_prefix(SECRET_PREFIX).ok_or(WebhookSecretError)?;
        let different = random.chars().collect::<BTreeSet<_>>().len();
        let lower_case = random.to_lowercase();
        let guessable = different < SECRET_DIFFERENT_CHARS_MIN
            || text == PUBLISHED_SECRET
            || PLACEHOLDER_WORDS.iter().any(|word| lower_case.contains(word));
        if guessable || text.chars().count() < SECRET_CHARS_MIN || text.chars().any(char::is_whitespace) {
            return Err(WebhookSecretError);
        }
        <Hmac<Sha256> as KeyInit>::new_from_slice(text.as_bytes()).map(Self).map_err(|_| WebhookSecretError)
    }
}

impl VerifiedWebhook<'_> {
    /// The bytes that were signed.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body
    }

    /// Whether they were signed just now.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }
}

/// How far Persona's clock may be ahead of ours for what it signs to be asked about at least, in seconds.
const AHEAD_S: i64 = 300;

/// Accepts `body` if any set of the header is right under any of `secrets`.
///
/// Work is bounded: a header over 1 KB or with more than four sets is refused unread. Comparison takes constant time.
/// A delivery signed more than `tolerance_s` ago, or so far in the future, is authentic but stale; one signed further in
/// the future than five minutes is refused, since no clock of Persona's makes it. Of several right sets the freshest
/// counts, in whichever order they stand. What is believed and what is not is listed in `vectors/persona-signature.json`.
///
/// # Errors
/// [`BadSignature`], without saying why: the sender of a forgery learns nothing.
pub fn verify<'a>(
    header: &str,
    body: &'a [u8],
    secrets: &[WebhookSecret],
    now: Instant,
    tolerance_s: i64,
) -> Result<VerifiedWebhook<'a>, BadSignature> {
    let mut stale = false;
    for set in sets(header) {
        let age_s = set.age_s(now);
        let authentic = secrets.iter().any(|secret| mac(secret, set.time, body).verify_slice(&set.signature).is_ok());
        if authentic && (-tolerance_s..=tolerance_s).contains(&age_s) {
            return Ok(VerifiedWebhook { body, freshness: Freshness::Fresh });
        }
        // One that is right and from far in the future counts for nothing, and hides no other.
        stale |= authentic && age_s >= -AHEAD_S.max(tolerance_s);
    }
    if stale { Ok(VerifiedWebhook { body, freshness: Freshness::Stale }) } else { Err(BadSignature) }
}

/// The header that Persona would send for `body` at `now`.
#[must_use]
pub fn sign(secret: &WebhookSecret, body: &[u8], now: Instant) -> String {
    let time = (now.unix_ms() / 1000).to_string();
    let signature = hex::encode(mac(secret, &time, body).finalize().into_bytes());
    format!("t={time},v1={signature}")
}

/// Whether the header has the form of one that was signed, by whomever; within `tolerance_s`, if that is asked.
pub(super) fn looks_signed(header: &str, now: Instant, tolerance_s: Option<i64>) -> bool {
    let in_time = |set: &SignatureSet<'_>| tolerance_s.is_none_or(|most| (-most..=most).contains(&set.age_s(now)));
    sets(header).iter().any(in_time)
}

struct SignatureSet<'a> {
    /// The digits as sent: they are what is signed.
    time: &'a str,
    time_s: i64,
    signature: [u8; SIGNATURE_HEX_DIGITS / 2],
}

impl SignatureSet<'_> {
    fn age_s(&self, now: Instant) -> i64 {
        now.unix_ms() / 1000 - self.time_s
    }
}

/// The sets that are tried; none of a header that is too long or has too many.
fn sets(header: &str) -> Vec<SignatureSet<'_>> {
    let texts = || header.split(' ').filter(|set| !set.is_empty());
    if header.len() > HEADER_BYTES_MAX || texts().count() > SETS_MAX {
        return Vec::new();
    }
    texts().filter_map(parse_set).collect()
}

/// `t=<digits>,v1=<64 hex digits>` and nothing else: no second time, no other version, no spaces.
fn parse_set(set: &str) -> Option<SignatureSet<'_>> {
    let (time, signature) = set.split_once(',')?;
    let time = time.strip_prefix("t=")?;
    let digits = (1..=TIME_DIGITS_MAX).contains(&time.len()) && time.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (time.len() == 1 || !time.starts_with('0'));
    let signature = signature.strip_prefix("v1=")?;
    if !canonical || signature.len() != SIGNATURE_HEX_DIGITS {
        return None;
    }
    let mut bytes = [0; SIGNATURE_HEX_DIGITS / 2];
    hex::decode_to_slice(signature, &mut bytes).ok()?;
    Some(SignatureSet { time, time_s: time.parse().ok()?, signature: bytes })
}

fn mac(WebhookSecret(keyed): &WebhookSecret, time: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed.clone();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}
