//! Inquiry sessions and one-time links: the two ways an end user gets into an inquiry.
//! Rules: docs.withpersona.com/inquiry-sessions, /resuming-inquiries and /inquiry-expiration.

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::clock::Moment;
use super::ids;

/// Sessions an inquiry can have in its whole life.
pub(super) const SESSIONS_MAX: usize = 25;

/// How long an unused one-time link works, in simulated seconds, unless the request says otherwise: 24 hours.
pub(super) const ONE_TIME_LINK_LIFE_S: u64 = 24 * 60 * 60;

/// How long a used one-time link still leads to its session, in simulated seconds: 5 minutes.
pub(super) const ONE_TIME_LINK_GRACE_S: u64 = 5 * 60;

/// Length of the code in a one-time link and in its short form.
const LINK_CODE_LENGTH: usize = 24;
const SHORT_CODE_LENGTH: usize = 8;

/// One visit of an end user to an inquiry.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// `iqse_…`
    pub(super) id: String,
    /// When it was made.
    pub(super) created_at: Moment,
    /// When its token stops working: the inquiry's expiry at the time the session was made. Resuming does not extend it.
    pub(super) expires_at: Moment,
    /// What became of it.
    pub(super) state: SessionState,
    /// The token that opens it. A secret: it gives access to the inquiry's personal data.
    pub(super) token: String,
}

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionState {
    /// Nobody opened it yet; resuming the inquiry hands it out again.
    Unused,
    /// The end user began in it.
    Started(Moment),
    /// It ended with its inquiry, or by its own clock.
    Expired(Moment),
}

impl SessionState {
    /// Its name on the wire.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Unused => "created",
            Self::Started(_) => "active",
            Self::Expired(_) => "expired",
        }
    }
}

impl Session {
    /// A new session with its token.
    pub(super) fn new(key: &hmac::Key, issuer: &str, now: Moment, expires_at: Moment) -> Self {
        let id = ids::new_id("iqse");
        let token = token(key, issuer, &id, now, expires_at);
        Self { id, created_at: now, expires_at, state: SessionState::Unused, token }
    }

    /// Whether it has not ended.
    pub(super) fn is_open(&self) -> bool {
        match self.state {
            SessionState::Unused | SessionState::Started(_) => true,
            SessionState::Expired(_) => false,
        }
    }

    /// Whether its token opens the inquiry.
    pub(super) fn is_live(&self, now: Moment) -> bool {
        self.is_open() && now < self.expires_at
    }

    /// Whether resuming may hand it out again.
    pub(super) fn is_reusable(&self, now: Moment) -> bool {
        self.state == SessionState::Unused && now < self.expires_at
    }
}

/// A link that opens an inquiry once, without a token.
#[derive(Clone, Debug)]
pub(super) struct OneTimeLink {
    code: String,
    short_code: String,
    /// When it stops working, if nobody used it.
    pub(super) expires_at: Moment,
    used: Option<Use>,
}

/// The one use of a link.
#[derive(Clone, Debug)]
struct Use {
    /// Until when the link still leads to the same session.
    grace_ends: Moment,
    token: String,
}

/// What following a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// A new session; it is the link's one use.
    First,
    /// The session of its first use, by this token: mail scanners and impatient people follow a link twice.
    Again(String),
    /// Nothing: it was used, or its time is over.
    Over,
}

impl OneTimeLink {
    /// A new, unused link.
    pub(super) fn new(expires_at: Moment) -> Self {
        let code = format!("us1-{}", ids::random_text(LINK_CODE_LENGTH));
        Self { code, short_code: ids::random_text(SHORT_CODE_LENGTH), expires_at, used: None }
    }

    /// Whether this is its code, or its short one.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code == code || self.short_code == code
    }

    /// Whether nobody used it yet and it still works.
    pub(super) fn is_unused(&self, now: Moment) -> bool {
        self.used.is_none() && now < self.expires_at
    }

    /// What following it leads to.
    pub(super) fn follow(&self, now: Moment) -> Followed {
        match &self.used {
            Some(used) if now < used.grace_ends => Followed::Again(used.token.clone()),
            None if now < self.expires_at => Followed::First,
            Some(_) | None => Followed::Over,
        }
    }

    /// Notes its one use.
    pub(super) fn used(&mut self, grace_ends: Moment, token: String) {
        self.used = Some(Use { grace_ends, token });
    }

    /// The link and its short form, below the simulator's own address.
    pub(super) fn meta(&self, public_url: &str) -> Value {
        json!({
            "one-time-link": format!("{public_url}/verify?code={}", self.code),
            "one-time-link-short": format!("{public_url}/verify?code={}", self.short_code),
        })
    }
}

/// A JSON Web Token with the claims of the example on Persona's "Resume an Inquiry" reference page, signed with HS256.
fn token(key: &hmac::Key, issuer: &str, session_id: &str, now: Moment, expires_at: Moment) -> String {
    let header = json!({"alg": "HS256"});
    let claims = json!({
        "sub": session_id,
        "aud": "persona-verify",
        "iss": issuer,
        "iat": now.unix_s(),
        "nbf": now.unix_s(),
        "exp": expires_at.unix_s(),
        "jti": Uuid::new_v4().to_string(),
        "sid": session_id,
    });
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = BASE64URL_NOPAD.encode(hmac::sign(key, signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}
