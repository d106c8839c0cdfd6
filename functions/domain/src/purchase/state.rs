//! What may become of one number.

use super::{Release, Slot};
use crate::ids::{AccountSid, NumberSid};
use crate::instant::Instant;

/// What became of a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurchaseState {
    /// Nothing was asked of the carrier. Shown as `awaiting_verification` or `queued`, by clearance.
    Waiting,
    /// A create may have been sent.
    Buying(Slot),
    /// The number is ours.
    Completed {
        /// The number's id at the carrier.
        sid: NumberSid,
        /// In which account.
        account: AccountSid,
        /// When that was recorded.
        at: Instant,
    },
    /// The number is not ours.
    Failed {
        /// Why.
        reason: Reason,
        /// When that was decided.
        at: Instant,
        /// What became of the number's lock.
        lock: FailedNumber,
    },
    /// Its owner did not prove who it is in time.
    Expired {
        /// When that was decided.
        at: Instant,
    },
    /// The customer took it back before buying began.
    Cancelled {
        /// When.
        at: Instant,
    },
    /// It was bought, its pool is undone, and it goes back to the carrier.
    Releasing(Release),
    /// It was bought, and is the carrier's again.
    Released {
        /// The number's id while it was ours.
        sid: NumberSid,
        /// When that was known.
        at: Instant,
    },
    /// What the carrier shows contradicts what we did: an operator must look. The number stays locked.
    Held {
        /// The number's id at the carrier, where one is known.
        sid: Option<NumberSid>,
        /// In which account, where anything was asked of the carrier.
        account: Option<AccountSid>,
        /// Since when.
        at: Instant,
    },
}

/// What became of a failed number's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailedNumber {
    /// It is free for others.
    Unlocked,
    /// The failure was settled, not definite: the lock stays until one last look at this instant finds the number
    /// absent.
    LockedUntil {
        /// When to look.
        last_look_at: Instant,
        /// In which account.
        account: AccountSid,
    },
}

/// Why a number failed: a closed list, part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Somebody else has it.
    NumberUnavailable,
    /// The sub-account has it, or is buying it.
    DuplicatePurchase,
    /// The carrier refused for a reason of its own.
    CarrierRefused,
    /// The carrier wants an address or document for this number.
    AddressRequired,
    /// The carrier's account may not buy.
    AccountRestricted,
    /// The verification was taken back before the number was bought.
    VerificationRevoked,
    /// The carrier gave no definite answer within all tries.
    CarrierUnresponsive,
    /// Another number of its pool failed, and the pool was asked for as a whole.
    PoolUndone,
}
