//! One number of a purchase: what it may become, and what its next visit does. A purchase of a single number is one of
//! these; a pool ([`crate::Pool`]) has one for each of its numbers.
//!
//! ```text
//! waiting ──claim──▶ buying ──our number found, or bought──▶ completed ──its pool is undone──▶ releasing ──▶ released
//!    │                 │ ├──refused, nothing unknown; or settled──▶ failed
//!    │                 │ └──proof that contradicts us──▶ held (an operator must look: retry, fail or complete)
//!    │                 └──gone for sure, another of its area code──▶ buying that
//!    ├──expire──▶ expired      ├──cancel──▶ cancelled      └──number locked by another──▶ failed
//! ```
//! The carrier has no idempotency key for numbers, so exactly-once rests on the order of four steps, each of which
//! names what it expects to find (`functions/README.md`, "One buyer"): *claim* takes the number's lock and permits the
//! first create; *look* comes before every create; *permit* before every further one; *record* needs proof, and a
//! *failure* needs either a definite refusal with nothing unknown, or two looks that settle the doubt.

mod change;
mod ended;
mod event;
mod place;
mod slot;
mod state;

use change::Change;
pub use event::{Lock, PurchaseEffects, PurchaseEvent};
pub use place::{IfUnavailable, MemberIndex, Place};
pub use slot::{EarlierCreates, LatestCreate, Release, Slot};
pub use state::{FailedNumber, PurchaseState, Reason};

use crate::decision::Decision;
use crate::ids::{AccountSid, Owner, PurchaseId, SubAccountId};
use crate::instant::Instant;
use crate::invariants::{PURCHASE_INVARIANTS, broken_by};
use crate::phone_number::PhoneNumber;

/// SHA-256 of the parsed, default-filled request: the same key with another body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyHash(pub [u8; 32]);

/// One number of a request, as the table keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// The request's id; also our mark at the carrier.
    pub id: PurchaseId,
    /// Who asked.
    pub sub_account: SubAccountId,
    /// Whether it is the whole request, or one number of a pool.
    pub place: Place,
    /// The number that is wanted now: the one asked for, until it was gone and another was taken for it.
    pub number: PhoneNumber,
    /// Numbers that were wanted before and are gone: at most [`crate::SWITCHES_MAX`].
    pub given_up: Vec<PhoneNumber>,
    /// What to do when the number is gone.
    pub if_unavailable: IfUnavailable,
    /// Numbers of the same area code that the carrier had when the number was gone: at most
    /// [`crate::ALTERNATIVES_MAX`].
    pub alternatives: Vec<PhoneNumber>,
    /// Whether the number is in a gated region: decided once, when asked for.
    pub gated: bool,
    /// Whether it waits for an approved phone of its sub-account: decided once, when asked for.
    pub needs_phone: bool,
    /// What was asked under this id.
    pub body_hash: BodyHash,
    /// When it was asked for.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
    /// Until when its owner may prove who it is.
    pub deadline: Instant,
    /// Whose wait pointers stand for it; a pool's members have none of their own.
    pub pointers: Vec<Owner>,
    /// What became of it.
    pub state: PurchaseState,
    /// Who did what, when: at most [`HISTORY_ENTRIES_MAX`] entries.
    pub history: Vec<HistoryEntry>,
}

/// One entry of a purchase's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Instant,
    /// Who.
    pub by: Actor,
    /// What, and why.
    pub what: Happening,
}

/// Who acted on a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The customer, through the web app.
    Customer,
    /// `purchase-completion`.
    Completion,
    /// `sweeper`.
    Sweeper,
    /// A person of the platform.
    Operator,
}

/// What happened to a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// It was asked for.
    Requested,
    /// Buying began.
    Claimed,
    /// A dead lease changed hands.
    Reclaimed,
    /// A further create was permitted.
    Permitted,
    /// No further create is sent.
    Stopped(Reason),
    /// The carrier did not process a create, or a look.
    NotProcessed,
    /// The number was seen absent, once.
    SeenAbsent,
    /// The number is ours.
    Completed,
    /// The number is not ours.
    Failed(Reason),
    /// The lock of a settled failure was freed.
    Unlocked,
    /// Not verified in time.
    Expired,
    /// Taken back.
    Cancelled,
    /// An operator must look.
    Held,
    /// The number is gone; another of its area code is wanted instead.
    Switched,
    /// Its pool is undone: the number goes back to the carrier.
    Undone,
    /// The number is the carrier's again.
    Released,
    /// The carrier did not take it back yet.
    NotReleased,
    /// An operator lets it go on.
    Retried,
}

/// The lengths of time that the rules use, in milliseconds. Template parameters; the defaults are the design's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a worker may act on one claim or permit.
    pub lease_ms: i64,
    /// How long after its permit a create may still land.
    pub settle_after_ms: i64,
    /// Least time between the two looks that settle a doubt.
    pub settle_gap_ms: i64,
    /// How long after its deadline a purchase is left alone: more than a function's time-out and any clock skew.
    pub expiry_grace_ms: i64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { lease_ms: 60_000, settle_after_ms: 180_000, settle_gap_ms: 60_000, expiry_grace_ms: 300_000 }
    }
}

/// What a worker that was told of a purchase does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visit {
    /// Take it on.
    Claim,
    /// Take over a dead lease.
    Reclaim,
    /// Another worker is at it until then.
    LeaseHeld {
        /// The end of that lease.
        until: Instant,
    },
    /// Look a last time for a number whose purchase was settled as failed, and free its lock.
    LastLook {
        /// The account at the carrier.
        account: AccountSid,
    },
    /// Give the number back: its pool is undone.
    Release,
    /// Nothing: it has ended.
    Nothing,
}

/// What a worker that found the number absent does, unless it holds a permit already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterAbsent {
    /// Ask for a permit and create.
    Permit,
    /// Note that it was absent: enough such looks settle the doubt.
    Settle,
    /// Come back.
    Wait {
        /// When.
        until: Instant,
    },
}

type Outcome = Decision<Purchase, PurchaseEffects>;

impl Purchase {
    /// Its slot, while it is being bought.
    #[must_use]
    pub fn slot(&self) -> Option<&Slot> {
        match &self.state {
            PurchaseState::Buying(slot) => Some(slot),
            PurchaseState::Waiting
            | PurchaseState::Completed { .. }
            | PurchaseState::Failed { .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
            | PurchaseState::Releasing(_)
            | PurchaseState::Released { .. }
            | PurchaseState::Held { .. } => None,
        }
    }

    /// What `event` does to this purchase. Total: every pair of state and event has an answer, listed in the snapshot
    /// `purchase_table`.
    #[must_use]
    pub fn decide(&self, event: &PurchaseEvent, by: Actor, now: Instant, timing: &Timing) -> Outcome {
        let change = Change { purchase: self, by, now };
        let outcome = match &self.state {
            PurchaseState::Waiting => change.waiting(event, timing),
            PurchaseState::Buying(slot) => change.buying(slot, event, timing),
            PurchaseState::Completed { sid, account, .. } => change.completed(sid, account, event, timing),
            PurchaseState::Failed { reason, at, lock } => change.failed(*reason, *at, lock, event),
            PurchaseState::Expired { .. } | PurchaseState::Cancelled { .. } => change.ended(event),
            PurchaseState::Releasing(release) => change.releasing(release, event, timing),
            PurchaseState::Released { sid, .. } => change.released(sid, event),
            PurchaseState::Held { sid, account, .. } => change.held(sid.as_ref(), account.as_ref(), event, timing),
        };
        debug_assert_eq!(broken_by(&PURCHASE_INVARIANTS, self, &outcome), None, "{event:?}");
        outcome
    }

    /// What a worker that was told of this purchase does at `now`.
    #[must_use]
    pub fn visit(&self, now: Instant) -> Visit {
        match &self.state {
            PurchaseState::Waiting => Visit::Claim,
            PurchaseState::Buying(slot) if slot.lease_until > now => Visit::LeaseHeld { until: slot.lease_until },
            PurchaseState::Buying(_) => Visit::Reclaim,
            PurchaseState::Releasing(release) if release.lease_until > now => {
                Visit::LeaseHeld { until: release.lease_until }
            }
            PurchaseState::Releasing(_) => Visit::Release,
            PurchaseState::Failed { lock: FailedNumber::LockedUntil { last_look_at, account }, .. }
                if *last_look_at <= now =>
            {
                Visit::LastLook { account: account.clone() }
            }
            PurchaseState::Failed { .. }
            | PurchaseState::Completed { .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
            | PurchaseState::Released { .. }
            | PurchaseState::Held { .. } => Visit::Nothing,
        }
    }

    /// When the table must bring this purchase back by itself, at the latest; none once it has ended for good.
    /// `step_ms` is the sweep's short step.
    #[must_use]
    pub fn due_at(&self, now: Instant, step_ms: i64) -> Option<Instant> {
        match &self.state {
            PurchaseState::Waiting => Some(now.plus_ms(step_ms)),
            PurchaseState::Buying(slot) => Some(slot.lease_until),
            PurchaseState::Releasing(release) => Some(release.lease_until),
            PurchaseState::Failed { lock: FailedNumber::LockedUntil { last_look_at, .. }, .. } => Some(*last_look_at),
            PurchaseState::Failed { lock: FailedNumber::Unlocked, .. }
            | PurchaseState::Completed { .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
            | PurchaseState::Released { .. }
            | PurchaseState::Held { .. } => None,
        }
    }
}
