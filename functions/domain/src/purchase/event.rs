//! What can happen to a purchase, and what goes into the same transaction.

use super::Reason;
use crate::ids::{AccountSid, LeaseToken, NumberSid};
use crate::instant::Instant;
use crate::phone_number::PhoneNumber;

/// What can happen to a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurchaseEvent {
    /// A worker takes it on and is permitted its first create. Commit with the lock and, if gated, the clearance.
    Claim {
        /// The worker's token.
        token: LeaseToken,
        /// The account at the carrier.
        account: AccountSid,
        /// The number asked for, or another of its area code where that one is locked by another sub-account.
        number: PhoneNumber,
    },
    /// A worker takes over a dead lease. No clearance: it may only look, record or fail.
    Reclaim {
        /// The worker's token.
        token: LeaseToken,
    },
    /// A further create is permitted. Commit with the clearance, if gated.
    Permit {
        /// The worker's token.
        token: LeaseToken,
    },
    /// No further create is permitted: its owners are not cleared any more, or its pool is undone. Without a token for a
    /// number of a pool for which nothing was asked yet.
    PermitRefused {
        /// The worker's token.
        token: Option<LeaseToken>,
        /// Why: [`Reason::VerificationRevoked`] or [`Reason::PoolUndone`].
        reason: Reason,
    },
    /// The number is gone for sure, and this one of its area code is wanted instead. Commit with both locks and, if
    /// gated, the clearance.
    Switch {
        /// The worker's token.
        token: LeaseToken,
        /// The number that is wanted from now on.
        number: PhoneNumber,
        /// Whether that one is in a gated region.
        gated: bool,
    },
    /// Its pool is undone: a number that was bought goes back. Commit with "the pool is being undone".
    Undo {
        /// The worker's token.
        token: LeaseToken,
    },
    /// The carrier says that the number is not ours any more: deleted now, or gone before.
    Released,
    /// The carrier did not say so.
    NotReleased {
        /// The worker's token.
        token: LeaseToken,
        /// When to try again.
        retry_at: Instant,
    },
    /// An operator lets what is held go on: the next visit looks first.
    OperatorRetry,
    /// An operator says that the number is not ours.
    OperatorFail,
    /// An operator says that the number is ours, under this id.
    OperatorComplete {
        /// The number's id at the carrier.
        sid: NumberSid,
    },
    /// The number's lock is another purchase's.
    LockTaken {
        /// Whether that purchase is the same sub-account's.
        same_sub_account: bool,
    },
    /// The carrier's list shows the number with our mark.
    SeenOurs {
        /// The number's id at the carrier.
        sid: NumberSid,
    },
    /// The carrier's list shows the number with another mark or none.
    SeenForeign {
        /// The worker's token.
        token: LeaseToken,
        /// Whether the mark is another purchase of the same sub-account.
        same_sub_account: bool,
    },
    /// The carrier's list does not show the number, or at the last look not with our mark.
    SeenAbsent {
        /// The worker's token; none at the last look, when there is no lease.
        token: Option<LeaseToken>,
    },
    /// Our own create was answered, and the answer read back: our number, our mark, made after our first request.
    Bought {
        /// The number's id at the carrier.
        sid: NumberSid,
    },
    /// Our own create was answered, but the answer is another number, another mark, or older than our request.
    BoughtWrong {
        /// The number's id at the carrier.
        sid: NumberSid,
    },
    /// The carrier refused our create for good.
    Refused {
        /// The worker's token.
        token: LeaseToken,
        /// Why.
        reason: Reason,
    },
    /// The carrier said that it did not process our create, or will not talk to us.
    NotProcessed {
        /// The worker's token.
        token: LeaseToken,
        /// When to try again.
        retry_at: Instant,
    },
    /// The carrier would not say what it has; this visit has no create under way.
    NotSeen {
        /// The worker's token.
        token: LeaseToken,
        /// When to look again.
        retry_at: Instant,
        /// Whether this visit sent the latest create, and was told that the number cannot be had: so it bought nothing.
        refused: bool,
    },
    /// The carrier has no such account.
    NoAccount {
        /// The worker's token.
        token: LeaseToken,
    },
    /// The deadline and its grace have passed. Commit with "not cleared in time".
    Expire,
    /// The customer takes it back.
    Cancel,
}

/// What goes into the same transaction as the new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurchaseEffects {
    /// What happens to the number's lock.
    pub lock: Lock,
    /// Whether the wait pointers are deleted: a purchase that ends has none.
    pub ends: bool,
    /// Whether an operator must be told that a number may be ours without a purchase that owns it.
    pub orphan: bool,
}

/// What happens to the number's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lock {
    /// It stays as it is.
    #[default]
    Unchanged,
    /// It is taken; refused where another purchase has it.
    Take,
    /// It is freed.
    Free,
    /// The one of the number before is freed, and that of the number that is wanted now taken; refused where another
    /// purchase has it.
    Move,
}
