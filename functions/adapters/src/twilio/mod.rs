//! Twilio: the ports that buy numbers, search for them, send passcodes and know phones, their clients, and what the
//! answers mean.

mod access;
mod answer;
mod client;
mod inventory;
mod lookup;
mod stock;
mod stock_answer;
mod verify;
mod verify_answer;

use std::future::Future;

use domain::{AccountSid, Instant, NumberSid, PhoneNumber, Reason};

pub use access::TwilioAccess;
pub use answer::{is_our_mistake, meaning_of_refusal, parse_created_at};
pub use client::{TwilioClient, TwilioSettings};
pub use inventory::{Inventory, InventoryPage, NextPage};
pub use lookup::{LookupClient, LookupError, PhoneLookup};
pub use stock::{
    AreaCode, AvailableNumber, Capabilities, NumberKind, NumberPattern, STOCK_LIMIT_MAX, Stock, StockError, StockQuery,
};
pub use stock_answer::{StockAnswer, meaning_of_search_refusal, read_stock};
pub use verify::{
    AttemptSummary, Checking, Passcodes, RateLimitValues, Sending, VerifyClient, VerifyError, VerifySettings,
};
pub use verify_answer::{RATE_LIMIT_NAMES, meaning_of_check_refusal, meaning_of_start_refusal};

/// A number in an account at the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedNumber {
    /// Its id.
    pub sid: NumberSid,
    /// The number.
    pub number: PhoneNumber,
    /// What is written on it; ours is a purchase's id.
    pub mark: String,
    /// When it was bought, by the carrier's clock, in whole seconds; none where the answer's date cannot be read.
    pub created_at: Option<Instant>,
}

/// What the carrier answered to a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It says that the number is ours now.
    Bought(OwnedNumber),
    /// The number cannot be had: it is gone, or already ours. Look before believing either (Twilio, error 21422).
    NotAvailable,
    /// It refused for good.
    Refused(Reason),
    /// It did not process the request: too many at once (Twilio, error 20429).
    NotProcessed {
        /// When it wants to be asked again, in seconds, if it said so.
        retry_after_s: Option<u32>,
    },
    /// It does not accept our credential: an operator must act, and asking at once is no use.
    Unauthorised,
    /// No answer, an answer that cannot be read, or a fault of its own: the number may be ours now or later.
    Unknown,
}

/// Why the carrier did not say what it has, or take back what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// Too many requests at once.
    #[error("the carrier has too many requests")]
    NotProcessed {
        /// When it wants to be asked again, in seconds, if it said so.
        retry_after_s: Option<u32>,
    },
    /// It does not accept our credential.
    #[error("the carrier does not accept the credential")]
    Unauthorised,
    /// It has no such account.
    #[error("the carrier has no such account")]
    NoAccount,
    /// No answer, or none that can be read.
    #[error("the carrier did not answer")]
    Unknown,
}

/// Numbers at the carrier.
pub trait Carrier: Send + Sync {
    /// Every number of the account that is exactly this one: none or one.
    fn find(
        &self,
        account: &AccountSid,
        number: &PhoneNumber,
    ) -> impl Future<Output = Result<Option<OwnedNumber>, LookError>> + Send;

    /// Numbers of the account that carry exactly this mark: a purchase's, so at most a pool's.
    fn find_marked(
        &self,
        account: &AccountSid,
        mark: &str,
    ) -> impl Future<Output = Result<Vec<OwnedNumber>, LookError>> + Send;

    /// The number with this id; none when the account has none.
    fn fetch(
        &self,
        account: &AccountSid,
        sid: &NumberSid,
    ) -> impl Future<Output = Result<Option<OwnedNumber>, LookError>> + Send;

    /// Gives the number with this id back; also fine when it is not there any more. There is no undo, and no grace
    /// period. After a crash, or an error, it may be gone.
    fn release(&self, account: &AccountSid, sid: &NumberSid) -> impl Future<Output = Result<(), LookError>> + Send;

    /// Buys exactly this number and writes `mark` on it. After a crash, or [`Created::Unknown`], the number may be
    /// bought, or be bought up to three minutes later.
    fn create(&self, account: &AccountSid, number: &PhoneNumber, mark: &str) -> impl Future<Output = Created> + Send;
}
