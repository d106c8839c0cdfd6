//! A request for several numbers: what it may become, as its numbers do.
//!
//! ```text
//! waiting ──begin──▶ buying ──every number has ended──▶ completed, partially completed, failed, or held
//!    │                 └──all or nothing, and one failed──▶ releasing ──what was bought is given back──▶ failed
//!    ├──expire──▶ expired      └──cancel──▶ cancelled, both only while waiting
//! ```
//! Each number is a [`Purchase`] of its own, born when it is claimed. What the pool is follows from them and is read
//! from all of them, strongly consistent, after each that ends: a count that is kept beside them would drift.

use crate::decision::{Decision, Illegal};
use crate::ids::{Owner, PurchaseId, SubAccountId};
use crate::instant::Instant;
use crate::invariants::{POOL_INVARIANTS, broken_by};
use crate::phone_number::PhoneNumber;
use crate::purchase::{
    Actor, BodyHash, Happening, HistoryEntry, IfUnavailable, MemberIndex, Place, Purchase, PurchaseState, Reason,
    Timing,
};

/// A request for several numbers, as the table keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its id; also our mark on each of its numbers at the carrier.
    pub id: PurchaseId,
    /// Who asked.
    pub sub_account: SubAccountId,
    /// The numbers asked for: distinct, 1 to [`crate::POOL_NUMBERS_MAX`].
    pub numbers: Vec<PhoneNumber>,
    /// Whether it is worth something without all of them.
    pub fulfilment: Fulfilment,
    /// What to do when one of them is gone.
    pub if_unavailable: IfUnavailable,
    /// Whether any of the numbers is in a gated region: one gates them all.
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
    /// Whose wait pointers stand for it.
    pub pointers: Vec<Owner>,
    /// What became of it.
    pub state: PoolState,
    /// Who did what, when: at most [`crate::HISTORY_ENTRIES_MAX`] entries. Each number has its own beside it.
    pub history: Vec<HistoryEntry>,
}

/// Whether a pool is worth something without all of its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fulfilment {
    /// What can be had is kept.
    #[default]
    BestEffort,
    /// The first number that fails undoes the pool: what was bought is given back.
    AllOrNothing,
}

/// What became of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolState {
    /// Nothing was asked of the carrier.
    Waiting,
    /// Numbers are being bought.
    Buying,
    /// It is undone, for this reason: what was bought is given back.
    Releasing {
        /// Why the first number failed.
        reason: Reason,
    },
    /// All numbers are ours.
    Completed {
        /// Since when.
        at: Instant,
    },
    /// Some numbers are ours.
    PartiallyCompleted {
        /// Why the first of the others failed.
        reason: Reason,
        /// Since when.
        at: Instant,
    },
    /// No number is ours.
    Failed {
        /// Why the first number failed.
        reason: Reason,
        /// When that was decided.
        at: Instant,
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
    /// All numbers have ended, and an operator must look at one of them.
    Held {
        /// Why it was being undone, if it was.
        undone: Option<Reason>,
        /// Since when.
        at: Instant,
    },
}

/// What can happen to a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolEvent<'a> {
    /// The first of its numbers is claimed. Commit in that claim.
    Begin,
    /// The deadline and its grace have passed. Commit with "not cleared in time".
    Expire,
    /// The customer takes it back.
    Cancel,
    /// Its numbers are these, read strongly consistent; one that is not among them was not claimed yet.
    Members(&'a [Purchase]),
}

/// What goes into the same transaction as the pool's new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolEffects {
    /// Whether the wait pointers are deleted.
    pub ends: bool,
}

type Outcome = Decision<Pool, PoolEffects>;

impl Pool {
    /// What `event` does to this pool. Total; every pair of state and event has an answer.
    #[must_use]
    pub fn decide(&self, event: &PoolEvent<'_>, by: Actor, now: Instant, timing: &Timing) -> Outcome {
        let outcome = self.decided(event, by, now, timing);
        debug_assert_eq!(broken_by(&POOL_INVARIANTS, self, &outcome), None, "{event:?}");
        outcome
    }

    fn decided(&self, event: &PoolEvent<'_>, by: Actor, now: Instant, timing: &Timing) -> Outcome {
        match (event, &self.state) {
            (PoolEvent::Begin, PoolState::Waiting) => self.applied(PoolState::Buying, Happening::Claimed, by, now),
            (PoolEvent::Begin, PoolState::Buying) => done(),
            (PoolEvent::Cancel, PoolState::Waiting) => {
                self.applied(PoolState::Cancelled { at: now }, Happening::Cancelled, by, now)
            }
            (PoolEvent::Cancel, PoolState::Cancelled { .. }) | (PoolEvent::Expire, PoolState::Expired { .. }) => done(),
            (PoolEvent::Expire, PoolState::Waiting) => {
                if now <= self.deadline.plus_ms(timing.expiry_grace_ms) {
                    return Decision::Illegal(Illegal::NotDue);
                }
                self.applied(PoolState::Expired { at: now }, Happening::Expired, by, now)
            }
            (PoolEvent::Cancel | PoolEvent::Expire, PoolState::Buying | PoolState::Releasing { .. }) => {
                Decision::Illegal(Illegal::BuyingHasBegun)
            }
            (PoolEvent::Members(members), state) => match self.follow(state, members, now) {
                Some(next) => {
                    let what = happening(&next);
                    self.applied(next, what, by, now)
                }
                None => done(),
            },
            (
                PoolEvent::Begin | PoolEvent::Cancel | PoolEvent::Expire,
                PoolState::Releasing { .. }
                | PoolState::Completed { .. }
                | PoolState::PartiallyCompleted { .. }
                | PoolState::Failed { .. }
                | PoolState::Expired { .. }
                | PoolState::Cancelled { .. }
                | PoolState::Held { .. },
            ) => Decision::Illegal(Illegal::HasEnded),
        }
    }

    /// Whether its numbers stand on their own: one was claimed at least.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        match self.state {
            PoolState::Waiting | PoolState::Expired { .. } | PoolState::Cancelled { .. } => false,
            PoolState::Buying
            | PoolState::Releasing { .. }
            | PoolState::Completed { .. }
            | PoolState::PartiallyCompleted { .. }
            | PoolState::Failed { .. }
            | PoolState::Held { .. } => true,
        }
    }

    /// One of its numbers as it is before anything was asked of the carrier for it; none beyond the pool's end.
    #[must_use]
    pub fn unborn(&self, index: MemberIndex) -> Option<Purchase> {
        Some(Purchase {
            id: self.id.clone(),
            sub_account: self.sub_account.clone(),
            place: Place::Member(index),
            number: self.numbers.get(index.get())?.clone(),
            given_up: Vec::new(),
            if_unavailable: self.if_unavailable,
            alternatives: Vec::new(),
            gated: self.gated,
            needs_phone: self.needs_phone,
            body_hash: self.body_hash,
            created_at: self.created_at,
            updated_at: self.created_at,
            deadline: self.deadline,
            pointers: Vec::new(),
            state: PurchaseState::Waiting,
            history: Vec::new(),
        })
    }

    /// When the table must bring this pool back by itself, at the latest; none once it has ended for good. `step_ms` is
    /// the sweep's short step: numbers that were claimed are due on their own, the others only here.
    #[must_use]
    pub fn due_at(&self, now: Instant, step_ms: i64) -> Option<Instant> {
        match self.state {
            PoolState::Waiting | PoolState::Buying | PoolState::Releasing { .. } => Some(now.plus_ms(step_ms)),
            PoolState::Completed { .. }
            | PoolState::PartiallyCompleted { .. }
            | PoolState::Failed { .. }
            | PoolState::Expired { .. }
            | PoolState::Cancelled { .. }
            | PoolState::Held { .. } => None,
        }
    }

    /// Which of its numbers are worth a message now, read as `members`: those nothing was asked for, and, once it is
    /// undone, those that are to be given back. The others are due on their own.
    #[must_use]
    pub fn to_visit(&self, members: &[Purchase]) -> Vec<MemberIndex> {
        let undone = self.undone().is_some();
        let worth = |index: &MemberIndex| {
            let member = members.iter().find(|member| member.place == Place::Member(*index));
            member.is_none_or(|member| match member.state {
                PurchaseState::Completed { .. } => undone,
                PurchaseState::Waiting => true,
                PurchaseState::Buying(_)
                | PurchaseState::Failed { .. }
                | PurchaseState::Expired { .. }
                | PurchaseState::Cancelled { .. }
                | PurchaseState::Releasing(_)
                | PurchaseState::Released { .. }
                | PurchaseState::Held { .. } => false,
            })
        };
        MemberIndex::all(self.numbers.len()).filter(worth).collect()
    }

    /// What the pool becomes when its numbers are these; none when it stays what it is.
    fn follow(&self, state: &PoolState, members: &[Purchase], now: Instant) -> Option<PoolState> {
        let undone = match state {
            PoolState::Waiting | PoolState::Expired { .. } | PoolState::Cancelled { .. } => return None,
            PoolState::Buying | PoolState::Releasing { .. } | PoolState::Held { .. } => {
                self.undone().or_else(|| self.undone_by(members))
            }
            // It has ended: only proof that contradicts a number's record changes it.
            PoolState::Completed { .. } | PoolState::PartiallyCompleted { .. } | PoolState::Failed { .. } => {
                let held = members.iter().any(is_held);
                return held.then_some(PoolState::Held { undone: None, at: now });
            }
        };
        let all_ended =
            members.len() == self.numbers.len() && members.iter().all(|member| has_ended(member, undone.is_some()));
        let next = match (all_ended, undone) {
            (false, None) => PoolState::Buying,
            (false, Some(reason)) => PoolState::Releasing { reason },
            (true, undone) if members.iter().any(is_held) => PoolState::Held { undone, at: now },
            (true, Some(reason)) => PoolState::Failed { reason, at: now },
            (true, None) => match first_failure(members) {
                None => PoolState::Completed { at: now },
                Some(reason) if members.iter().any(is_ours) => PoolState::PartiallyCompleted { reason, at: now },
                Some(reason) => PoolState::Failed { reason, at: now },
            },
        };
        let same = match (&next, state) {
            (PoolState::Held { undone, .. }, PoolState::Held { undone: before, .. }) => undone == before,
            (next, state) => next == state,
        };
        (!same).then_some(next)
    }

    /// Why it is being undone, if it is.
    #[must_use]
    pub fn undone(&self) -> Option<Reason> {
        match self.state {
            PoolState::Releasing { reason } => Some(reason),
            PoolState::Held { undone, .. } => undone,
            PoolState::Waiting
            | PoolState::Buying
            | PoolState::Completed { .. }
            | PoolState::PartiallyCompleted { .. }
            | PoolState::Failed { .. }
            | PoolState::Expired { .. }
            | PoolState::Cancelled { .. } => None,
        }
    }

    /// Why a pool that is asked for as a whole is undone by one of these.
    fn undone_by(&self, members: &[Purchase]) -> Option<Reason> {
        match self.fulfilment {
            Fulfilment::BestEffort => None,
            Fulfilment::AllOrNothing => first_failure(members),
        }
    }

    fn applied(&self, state: PoolState, what: Happening, by: Actor, now: Instant) -> Outcome {
        let mut next = Self { state, updated_at: now, ..self.clone() };
        HistoryEntry { at: now, by, what }.push_to(&mut next.history);
        let ends = next.due_at(now, 0).is_none();
        Decision::Applied { next, effects: PoolEffects { ends } }
    }
}

fn done() -> Outcome {
    Decision::AlreadyDone { effects: PoolEffects::default() }
}

fn happening(state: &PoolState) -> Happening {
    match state {
        PoolState::Waiting => Happening::Requested,
        PoolState::Buying => Happening::Retried,
        PoolState::Releasing { .. } => Happening::Undone,
        PoolState::Completed { .. } | PoolState::PartiallyCompleted { .. } => Happening::Completed,
        PoolState::Failed { reason, .. } => Happening::Failed(*reason),
        PoolState::Expired { .. } => Happening::Expired,
        PoolState::Cancelled { .. } => Happening::Cancelled,
        PoolState::Held { .. } => Happening::Held,
    }
}

/// Whether nothing more happens to a number by itself; in a pool that is undone, one that is ours still has to go back.
fn has_ended(member: &Purchase, undone: bool) -> bool {
    match member.state {
        PurchaseState::Waiting | PurchaseState::Buying(_) | PurchaseState::Releasing(_) => false,
        PurchaseState::Completed { .. } => !undone,
        PurchaseState::Failed { .. }
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. }
        | PurchaseState::Released { .. }
        | PurchaseState::Held { .. } => true,
    }
}

fn is_held(member: &Purchase) -> bool {
    matches!(member.state, PurchaseState::Held { .. })
}

fn is_ours(member: &Purchase) -> bool {
    matches!(member.state, PurchaseState::Completed { .. })
}

/// Why the first number that failed did, in the order in which they were asked for.
fn first_failure(members: &[Purchase]) -> Option<Reason> {
    let failed = members.iter().filter_map(|member| match member.state {
        PurchaseState::Failed { reason, .. } => Some((member.place, reason)),
        PurchaseState::Released { .. } => Some((member.place, Reason::PoolUndone)),
        PurchaseState::Waiting
        | PurchaseState::Buying(_)
        | PurchaseState::Completed { .. }
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. }
        | PurchaseState::Releasing(_)
        | PurchaseState::Held { .. } => None,
    });
    failed.min_by_key(|(place, _)| *place).map(|(_, reason)| reason)
}
