//! One purchase of one number: what it may become, and what its next visit does.
//!
//! ```text
//! waiting ──claim──▶ buying ──our number found, or bought──▶ completed
//!    │                  ├──refused, nothing unknown; or settled──▶ failed
//!    │                  └──proof that contradicts us──▶ held (an operator must look)
//!    ├──expire──▶ expired      ├──cancel──▶ cancelled      └──number locked by another──▶ failed
//! ```
//! The carrier has no idempotency key for numbers, so exactly-once rests on the order of four steps, each of which
//! names what it expects to find (`functions/README.md`, "One buyer"): *claim* takes the number's lock and permits the
//! first create; *look* comes before every create; *permit* before every further one; *record* needs proof, and a
//! *failure* needs either a definite refusal with nothing unknown, or two looks that settle the doubt.

use crate::decision::{Decision, Illegal};
use crate::ids::{AccountSid, LeaseToken, NumberSid, PurchaseId, SubAccountId};
use crate::instant::Instant;
use crate::limits::{CREATE_WINDOW_MS, CREATES_MAX, HISTORY_ENTRIES_MAX, LAST_LOOK_AFTER_MS};
use crate::phone_number::PhoneNumber;

/// SHA-256 of the parsed, default-filled request: the same key with another body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyHash(pub [u8; 32]);

/// One request for one number, as the table keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Its id; also our mark at the carrier.
    pub id: PurchaseId,
    /// Who asked.
    pub sub_account: SubAccountId,
    /// The number asked for.
    pub number: PhoneNumber,
    /// Whether the number is in a gated region: decided once, when asked for.
    pub gated: bool,
    /// What was asked under this id.
    pub body_hash: BodyHash,
    /// When it was asked for.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
    /// Until when its owner may prove who it is.
    pub deadline: Instant,
    /// What became of it.
    pub state: PurchaseState,
    /// Who did what, when: at most [`HISTORY_ENTRIES_MAX`] entries.
    pub history: Vec<HistoryEntry>,
}

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
    /// What the carrier shows contradicts what we did: an operator must look. The number stays locked.
    Held {
        /// The number's id at the carrier, where one is known.
        sid: Option<NumberSid>,
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

/// The carrier's side of one number that is being bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Who may act.
    pub token: LeaseToken,
    /// Until when.
    pub lease_until: Instant,
    /// The account at the carrier, frozen when buying began: a changed profile never moves a doubt elsewhere.
    pub account: AccountSid,
    /// When the first create was permitted.
    pub first_post: Instant,
    /// When the last create was permitted.
    pub last_post: Instant,
    /// How many were.
    pub creates: u32,
    /// What is known of the last one.
    pub latest: LatestCreate,
    /// What is known of those before it.
    pub earlier: EarlierCreates,
    /// Why no further create is sent; what settling will answer.
    pub refusal: Option<Reason>,
    /// When the number was first seen absent after the last create could no longer land.
    pub absent_at: Option<Instant>,
}

/// What is known of the create that was permitted last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatestCreate {
    /// It may be under way, or done.
    Open,
    /// The carrier said that it did not process it, or refused it.
    NotProcessed,
}

/// What is known of the creates before the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierCreates {
    /// None of them is unknown.
    AllAnswered,
    /// At least one was never answered: it may land late.
    SomeUnknown,
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
}

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
    /// The carrier did not process a create.
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
    /// What `event` does to this purchase. Total: every pair of state and event has an answer, listed in the snapshot
    /// `purchase_table`.
    #[must_use]
    pub fn decide(&self, event: &PurchaseEvent, by: Actor, now: Instant, timing: &Timing) -> Outcome {
        let change = Change { purchase: self, by, now };
        match &self.state {
            PurchaseState::Waiting => change.waiting(event, timing),
            PurchaseState::Buying(slot) => change.buying(slot, event, timing),
            PurchaseState::Completed { sid, .. } => change.completed(sid, event),
            PurchaseState::Failed { reason, at, lock } => change.failed(*reason, *at, lock, event),
            PurchaseState::Expired { .. } | PurchaseState::Cancelled { .. } => change.ended(event),
            PurchaseState::Held { sid, .. } => change.held(sid.as_ref(), event),
        }
    }

    /// What a worker that was told of this purchase does at `now`.
    #[must_use]
    pub fn visit(&self, now: Instant) -> Visit {
        match &self.state {
            PurchaseState::Waiting => Visit::Claim,
            PurchaseState::Buying(slot) if slot.lease_until > now => Visit::LeaseHeld { until: slot.lease_until },
            PurchaseState::Buying(_) => Visit::Reclaim,
            PurchaseState::Failed { lock: FailedNumber::LockedUntil { last_look_at, account }, .. }
                if *last_look_at <= now =>
            {
                Visit::LastLook { account: account.clone() }
            }
            PurchaseState::Failed { .. }
            | PurchaseState::Completed { .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
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
            PurchaseState::Failed { lock: FailedNumber::LockedUntil { last_look_at, .. }, .. } => Some(*last_look_at),
            PurchaseState::Failed { lock: FailedNumber::Unlocked, .. }
            | PurchaseState::Completed { .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
            | PurchaseState::Held { .. } => None,
        }
    }
}

impl Slot {
    /// What to do with a number that was seen absent at `now`, without a permit in hand.
    #[must_use]
    pub fn after_absent(&self, now: Instant, timing: &Timing) -> AfterAbsent {
        if self.may_create(now) {
            return AfterAbsent::Permit;
        }
        let settles_from = self.last_post.plus_ms(timing.settle_after_ms);
        let countable_from = self.absent_at.map_or(settles_from, |absent_at| absent_at.plus_ms(timing.settle_gap_ms));
        if now > countable_from { AfterAbsent::Settle } else { AfterAbsent::Wait { until: countable_from.plus_ms(1) } }
    }

    /// Up to [`CREATES_MAX`] within [`CREATE_WINDOW_MS`], and none after a refusal: then the slot only settles.
    fn may_create(&self, now: Instant) -> bool {
        self.refusal.is_none() && self.creates < CREATES_MAX && now.ms_since(self.first_post) < CREATE_WINDOW_MS
    }

    /// What is known of all creates once the latest is one of the earlier: whoever held the lease may have sent it,
    /// unless the carrier had said that it did not process it.
    fn all_creates(&self) -> EarlierCreates {
        match (self.latest, self.earlier) {
            (LatestCreate::Open, _) | (LatestCreate::NotProcessed, EarlierCreates::SomeUnknown) => {
                EarlierCreates::SomeUnknown
            }
            (LatestCreate::NotProcessed, EarlierCreates::AllAnswered) => EarlierCreates::AllAnswered,
        }
    }

    fn nothing_unknown(&self) -> bool {
        match self.earlier {
            EarlierCreates::AllAnswered => true,
            EarlierCreates::SomeUnknown => false,
        }
    }

    fn reason_when_settled(&self) -> Reason {
        self.refusal.unwrap_or(Reason::CarrierUnresponsive)
    }
}

/// One event on one purchase.
struct Change<'a> {
    purchase: &'a Purchase,
    by: Actor,
    now: Instant,
}

impl Change<'_> {
    fn waiting(&self, event: &PurchaseEvent, timing: &Timing) -> Outcome {
        match event {
            PurchaseEvent::Claim { token, account } => {
                let slot = Slot {
                    token: token.clone(),
                    lease_until: self.now.plus_ms(timing.lease_ms),
                    account: account.clone(),
                    first_post: self.now,
                    last_post: self.now,
                    creates: 1,
                    latest: LatestCreate::Open,
                    earlier: EarlierCreates::AllAnswered,
                    refusal: None,
                    absent_at: None,
                };
                let effects = PurchaseEffects { lock: Lock::Take, ..PurchaseEffects::default() };
                self.applied(PurchaseState::Buying(slot), Happening::Claimed, effects)
            }
            PurchaseEvent::LockTaken { same_sub_account } => {
                let reason = taken(*same_sub_account);
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                let state = PurchaseState::Failed { reason, at: self.now, lock: FailedNumber::Unlocked };
                self.applied(state, Happening::Failed(reason), effects)
            }
            PurchaseEvent::Cancel => {
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                self.applied(PurchaseState::Cancelled { at: self.now }, Happening::Cancelled, effects)
            }
            PurchaseEvent::Expire => {
                if self.now <= self.purchase.deadline.plus_ms(timing.expiry_grace_ms) {
                    return Decision::Illegal(Illegal::NotDue);
                }
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                self.applied(PurchaseState::Expired { at: self.now }, Happening::Expired, effects)
            }
            // Proof that a number was bought for a purchase that never began: money, so never dropped.
            PurchaseEvent::Bought { sid } | PurchaseEvent::BoughtWrong { sid } | PurchaseEvent::SeenOurs { sid } => {
                self.hold(Some(sid), true)
            }
            PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::ClearanceLost { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. } => Decision::Illegal(Illegal::NotBuying),
        }
    }

    fn buying(&self, slot: &Slot, event: &PurchaseEvent, timing: &Timing) -> Outcome {
        match event {
            PurchaseEvent::Claim { .. } | PurchaseEvent::LockTaken { .. } => done(),
            PurchaseEvent::Cancel | PurchaseEvent::Expire => Decision::Illegal(Illegal::BuyingHasBegun),
            // Proof needs no lease: whoever proves the number ends the purchase.
            PurchaseEvent::SeenOurs { sid } | PurchaseEvent::Bought { sid } => {
                let state = PurchaseState::Completed { sid: sid.clone(), account: slot.account.clone(), at: self.now };
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                self.applied(state, Happening::Completed, effects)
            }
            PurchaseEvent::BoughtWrong { sid } => self.hold(Some(sid), true),
            PurchaseEvent::Reclaim { token } => {
                if slot.lease_until > self.now && slot.token != *token {
                    return Decision::Illegal(Illegal::NotYourLease);
                }
                self.reclaim(slot, token, timing)
            }
            PurchaseEvent::Permit { token } => self.with_lease(slot, token, || self.permit(slot, timing)),
            PurchaseEvent::ClearanceLost { token } => {
                let reason = Reason::VerificationRevoked;
                self.with_lease(slot, token, || match slot.latest {
                    LatestCreate::NotProcessed => self.fail_or_stop(slot, reason, timing),
                    LatestCreate::Open => self.stop(slot, reason, timing),
                })
            }
            PurchaseEvent::SeenForeign { token, same_sub_account } => self.with_lease(slot, token, || {
                // Whatever we may have sent and not heard of could be this number: never guess.
                if slot.nothing_unknown() { self.fail(taken(*same_sub_account)) } else { self.hold(None, true) }
            }),
            PurchaseEvent::Refused { token, reason } => {
                self.with_lease(slot, token, || self.fail_or_stop(slot, *reason, timing))
            }
            PurchaseEvent::NotProcessed { token, retry_at } => self.with_lease(slot, token, || {
                // Not processed costs no try.
                let next = Slot {
                    latest: LatestCreate::NotProcessed,
                    creates: slot.creates.saturating_sub(1),
                    lease_until: *retry_at,
                    ..slot.clone()
                };
                self.applied(PurchaseState::Buying(next), Happening::NotProcessed, PurchaseEffects::default())
            }),
            PurchaseEvent::SeenAbsent { token } => match token {
                Some(token) => self.with_lease(slot, token, || self.seen_absent(slot, timing)),
                None => Decision::Illegal(Illegal::NotYourLease),
            },
        }
    }

    fn completed(&self, owned: &NumberSid, event: &PurchaseEvent) -> Outcome {
        match event {
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } if sid == owned => done(),
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                self.hold(Some(sid), true)
            }
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::ClearanceLost { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::Expire
            | PurchaseEvent::Cancel => Decision::Illegal(Illegal::HasEnded),
        }
    }

    fn failed(&self, reason: Reason, at: Instant, lock: &FailedNumber, event: &PurchaseEvent) -> Outcome {
        match (event, lock) {
            (
                PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid },
                FailedNumber::Unlocked | FailedNumber::LockedUntil { .. },
            ) => self.hold(Some(sid), true),
            (PurchaseEvent::SeenAbsent { token: None }, FailedNumber::LockedUntil { last_look_at, .. }) => {
                if self.now < *last_look_at {
                    return Decision::Illegal(Illegal::NotDue);
                }
                let state = PurchaseState::Failed { reason, at, lock: FailedNumber::Unlocked };
                let effects = PurchaseEffects { lock: Lock::Free, ..PurchaseEffects::default() };
                self.applied(state, Happening::Unlocked, effects)
            }
            (PurchaseEvent::SeenAbsent { .. }, FailedNumber::Unlocked) => done(),
            (
                PurchaseEvent::Claim { .. }
                | PurchaseEvent::Reclaim { .. }
                | PurchaseEvent::Permit { .. }
                | PurchaseEvent::ClearanceLost { .. }
                | PurchaseEvent::LockTaken { .. }
                | PurchaseEvent::SeenForeign { .. }
                | PurchaseEvent::SeenAbsent { .. }
                | PurchaseEvent::Refused { .. }
                | PurchaseEvent::NotProcessed { .. }
                | PurchaseEvent::Expire
                | PurchaseEvent::Cancel,
                FailedNumber::Unlocked | FailedNumber::LockedUntil { .. },
            ) => Decision::Illegal(Illegal::HasEnded),
        }
    }

    /// Expired or cancelled: ended while nothing had been asked of the carrier.
    fn ended(&self, event: &PurchaseEvent) -> Outcome {
        match event {
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                self.hold(Some(sid), true)
            }
            PurchaseEvent::Cancel => match self.purchase.state {
                PurchaseState::Cancelled { .. } => done(),
                PurchaseState::Expired { .. }
                | PurchaseState::Waiting
                | PurchaseState::Buying(_)
                | PurchaseState::Completed { .. }
                | PurchaseState::Failed { .. }
                | PurchaseState::Held { .. } => Decision::Illegal(Illegal::HasEnded),
            },
            PurchaseEvent::Expire => match self.purchase.state {
                PurchaseState::Expired { .. } => done(),
                PurchaseState::Cancelled { .. }
                | PurchaseState::Waiting
                | PurchaseState::Buying(_)
                | PurchaseState::Completed { .. }
                | PurchaseState::Failed { .. }
                | PurchaseState::Held { .. } => Decision::Illegal(Illegal::HasEnded),
            },
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::ClearanceLost { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. } => Decision::Illegal(Illegal::HasEnded),
        }
    }

    fn held(&self, known: Option<&NumberSid>, event: &PurchaseEvent) -> Outcome {
        match event {
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                if known == Some(sid) {
                    done()
                } else {
                    self.hold(Some(sid), true)
                }
            }
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::ClearanceLost { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::Expire
            | PurchaseEvent::Cancel => Decision::Illegal(Illegal::OperatorDecides),
        }
    }

    fn with_lease(&self, slot: &Slot, token: &LeaseToken, then: impl FnOnce() -> Outcome) -> Outcome {
        if slot.token == *token { then() } else { Decision::Illegal(Illegal::NotYourLease) }
    }

    fn reclaim(&self, slot: &Slot, token: &LeaseToken, timing: &Timing) -> Outcome {
        let next = Slot {
            token: token.clone(),
            lease_until: self.now.plus_ms(timing.lease_ms),
            earlier: slot.all_creates(),
            ..slot.clone()
        };
        self.applied(PurchaseState::Buying(next), Happening::Reclaimed, PurchaseEffects::default())
    }

    fn permit(&self, slot: &Slot, timing: &Timing) -> Outcome {
        if !slot.may_create(self.now) {
            return Decision::Illegal(Illegal::NoFurtherCreate);
        }
        let next = Slot {
            lease_until: self.now.plus_ms(timing.lease_ms),
            last_post: self.now,
            creates: slot.creates + 1,
            latest: LatestCreate::Open,
            earlier: slot.all_creates(),
            absent_at: None,
            ..slot.clone()
        };
        self.applied(PurchaseState::Buying(next), Happening::Permitted, PurchaseEffects::default())
    }

    /// A refusal is definite only if no create of this slot is unknown; otherwise what was sent must settle first.
    fn fail_or_stop(&self, slot: &Slot, reason: Reason, timing: &Timing) -> Outcome {
        if slot.nothing_unknown() { self.fail(reason) } else { self.stop(slot, reason, timing) }
    }

    fn stop(&self, slot: &Slot, reason: Reason, timing: &Timing) -> Outcome {
        let settles_from = slot.last_post.plus_ms(timing.settle_after_ms);
        let next = Slot {
            latest: LatestCreate::NotProcessed,
            refusal: Some(reason),
            lease_until: settles_from.plus_ms(1).max(self.now),
            ..slot.clone()
        };
        self.applied(PurchaseState::Buying(next), Happening::Stopped(reason), PurchaseEffects::default())
    }

    fn seen_absent(&self, slot: &Slot, timing: &Timing) -> Outcome {
        match (slot.after_absent(self.now, timing), slot.absent_at) {
            (AfterAbsent::Permit | AfterAbsent::Wait { .. }, _) => done(),
            (AfterAbsent::Settle, None) => {
                let next = Slot {
                    absent_at: Some(self.now),
                    lease_until: self.now.plus_ms(timing.settle_gap_ms).plus_ms(1),
                    ..slot.clone()
                };
                self.applied(PurchaseState::Buying(next), Happening::SeenAbsent, PurchaseEffects::default())
            }
            (AfterAbsent::Settle, Some(_)) => {
                let reason = slot.reason_when_settled();
                let lock = FailedNumber::LockedUntil {
                    last_look_at: slot.last_post.plus_ms(LAST_LOOK_AFTER_MS),
                    account: slot.account.clone(),
                };
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                let state = PurchaseState::Failed { reason, at: self.now, lock };
                self.applied(state, Happening::Failed(reason), effects)
            }
        }
    }

    /// A definite failure: the carrier's own word, and nothing of ours can still land.
    fn fail(&self, reason: Reason) -> Outcome {
        let effects = PurchaseEffects { lock: Lock::Free, ends: true, orphan: false };
        let state = PurchaseState::Failed { reason, at: self.now, lock: FailedNumber::Unlocked };
        self.applied(state, Happening::Failed(reason), effects)
    }

    fn hold(&self, sid: Option<&NumberSid>, orphan: bool) -> Outcome {
        let effects = PurchaseEffects { lock: Lock::Unchanged, ends: true, orphan };
        self.applied(PurchaseState::Held { sid: sid.cloned(), at: self.now }, Happening::Held, effects)
    }

    fn applied(&self, state: PurchaseState, what: Happening, effects: PurchaseEffects) -> Outcome {
        let mut history = self.purchase.history.clone();
        if history.len() >= HISTORY_ENTRIES_MAX {
            history.remove(1);
        }
        history.push(HistoryEntry { at: self.now, by: self.by, what });
        let next = Purchase { state, updated_at: self.now, history, ..self.purchase.clone() };
        Decision::Applied { next, effects }
    }
}

fn done() -> Outcome {
    Decision::AlreadyDone { effects: PurchaseEffects::default() }
}

fn taken(same_sub_account: bool) -> Reason {
    if same_sub_account { Reason::DuplicatePurchase } else { Reason::NumberUnavailable }
}
