//! The rules of Dialgate: who may buy, what a purchase may become, what an event may change.
//!
//! Nothing in this crate performs I/O, reads a clock, draws a random number or knows a wire format: time, ids and
//! randomness arrive as arguments, so that every rule can be tested as a table and replayed from a seed.
//!
//! Vocabulary: a *sub-account* is the platform's customer, an *agency* owns sub-accounts. A *verification* is the
//! state of one owner's proof of identity, a *purchase* is one request for numbers, *clearance* is the answer to
//! "may this sub-account do this now?". A *mark* is our purchase id, written on the number at the carrier.

mod action;
mod allowance;
mod clearance;
mod decision;
mod ids;
mod inquiry;
mod instant;
mod invariants;
mod limits;
mod operator;
mod phone;
mod phone_number;
mod pool;
mod purchase;
mod reconcile;
mod region;
mod verification;

pub use action::{Action, GatedActions};
pub use allowance::{Allowance, Urgency};
pub use clearance::{ActionClearance, Clearance, ClearanceRule, clear_action, clear_purchase, in_time};
pub use decision::{Decision, Illegal};
pub use ids::{
    AccountSid, AgencyId, EventId, IdError, IdempotencyKey, InquiryId, LeaseToken, Nonce, NumberSid, Owner, PurchaseId,
    SubAccountId, TemplateId, VerifySid, persona_reference,
};
pub use inquiry::{Attempt, EventClass, Inquiry, InquiryEvent, InquiryStatus, Seen, Source};
pub use instant::Instant;
pub use invariants::{
    Invariant, POOL_INVARIANTS, PURCHASE_INVARIANTS, VERIFICATION_INVARIANTS, a_pool_is_what_its_numbers_are, broken,
};
pub use limits::*;
pub use operator::{Operator, OperatorName, OperatorReason};
pub use phone::*;
pub use phone_number::{InvalidPhoneNumber, PhoneNumber};
pub use pool::{Fulfilment, Pool, PoolEffects, PoolEvent, PoolState};
pub use purchase::{
    Actor, AfterAbsent, BodyHash, EarlierCreates, FailedNumber, Happening, HistoryEntry, IfUnavailable, LatestCreate,
    Lock, MemberIndex, Place, Purchase, PurchaseEffects, PurchaseEvent, PurchaseState, Reason, Release, Slot, Timing,
    Visit,
};
pub use reconcile::{
    Guarded, ListedNumber, LockHolder, LockedNumber, Missing, Orphan, OrphanReason, Reconciliation, reconcile,
};
pub use region::{CountryCode, GatePolicy, NonGeographicClass, Region, UnitedStatesTerritory};
pub use verification::{
    AcceptedStatuses, FormerInquiry, NameCheck, OpenPlan, Opening, OperatorAction, Phase, Polling, Reviewer, RevokedBy,
    Verification, VerificationEffect, VerificationEvent, VerificationPolicy, VerificationState,
};
