//! What can happen to a purchase, and what goes into the same transaction.

use super::Reason;
use crate::ids::{AccountSid, LeaseToken, NumberSid};
use crate::instant::Instant;

/// What can happen to a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurchaseEvent {
    /// A worker takes it on and is permitted its first create. Commit with the lock and, if gated, the clearance.
    Claim {
        /// The worker's token.
        token: LeaseToken,
        /// The account at the carrier.
        account: AccountSid,
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
    /// The permit was refused: the owner is not cleared any more.
    ClearanceLost {
        /// The worker's token.
        token: LeaseToken,
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
}
