//! Persona: the port that the handlers use, its client, and what makes a delivery trustworthy.

mod client;
mod payload;
mod secrets;
mod signature;

use std::future::Future;

use domain::{InquiryEvent, InquiryId, Nonce};
use secrecy::SecretString;

pub use client::{PersonaClient, PersonaSettings};
pub use payload::{Delivery, Drift, parse_delivery};
pub use secrets::{SECRETS_MAX, SecretSource, WebhookSecrets};
pub use signature::{
    BadSignature, Freshness, PLACEHOLDER_WORDS, SECRET_CHARS_MIN, SECRET_DIFFERENT_CHARS_MIN, SECRET_PREFIX,
    SIGNATURE_HEADER, VerifiedWebhook, WebhookSecret, WebhookSecretError, sign, verify,
};

/// Inquiries that one question may name (Persona, "List all inquiries": `filter[inquiry-id]`, at most 100).
pub const INQUIRIES_PER_QUESTION_MAX: usize = 100;

/// A live session of an inquiry: bearer secrets that open a person's documents. Handed to the caller, never kept.
#[derive(Debug, Clone)]
pub struct Session {
    /// For the embedded flow in the browser.
    pub token: SecretString,
    /// A link that carries the person to another device.
    pub one_time_link: Option<SecretString>,
}

/// An inquiry that was just opened, with its first session.
#[derive(Debug, Clone)]
pub struct OpenedInquiry {
    /// Its id.
    pub id: InquiryId,
    /// Its session.
    pub session: Session,
}

/// What Persona says of an inquiry when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Its status, and since when.
    pub event: InquiryEvent,
    /// Whether it was redacted: its status stays, and nobody can go on with it (Persona, "Redact an inquiry").
    pub redacted: bool,
}

/// Why Persona did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PersonaError {
    /// No answer, or none that can be read: it may have been done. Ask again with the same key.
    #[error("Persona did not answer")]
    Unknown,
    /// Persona answered with this status. Its idempotency store keeps that answer: ask again with a fresh key.
    #[error("Persona answered with status {0}")]
    Answered(u16),
    /// Persona has no such inquiry.
    #[error("Persona has no such inquiry")]
    Gone,
}

/// Identity checks at Persona.
pub trait Identity: Send + Sync {
    /// Opens an inquiry under our reference for its owner, with a session. `nonce` is Persona's `Idempotency-Key`:
    /// after a crash the same nonce gives the same inquiry.
    fn open(&self, reference: &str, nonce: &Nonce) -> impl Future<Output = Result<OpenedInquiry, PersonaError>> + Send;

    /// Gives a live session of an open inquiry; an expired one is put back to pending.
    fn resume(&self, inquiry: &InquiryId) -> impl Future<Output = Result<Session, PersonaError>> + Send;

    /// What Persona says now of up to [`INQUIRIES_PER_QUESTION_MAX`] inquiries: status and times, nothing personal.
    /// One that Persona does not know is left out, and so is one that was not asked about.
    fn look(&self, inquiries: &[InquiryId]) -> impl Future<Output = Result<Vec<Looked>, PersonaError>> + Send;

    /// Redacts an inquiry: what Persona knows of the person by it is gone for good. One that is gone, or never was, is
    /// fine.
    fn redact(&self, inquiry: &InquiryId) -> impl Future<Output = Result<(), PersonaError>> + Send;

    /// Redacts whatever Persona keeps under our reference for an owner: the account, with every inquiry that belongs to
    /// it. None is fine.
    fn redact_accounts(&self, reference: &str) -> impl Future<Output = Result<(), PersonaError>> + Send;
}
