//! What must hold of every change, whatever led to it: stated of what was and what is, and of nothing else. The rules say what
//! happens; these say what may not. They are numbered as in `functions/README.md`.
//!
//! `decide` asserts them after each transition, and `adapters` before each commit, in builds with debug assertions; the
//! simulation and the random sequences of events check them by name.

use crate::inquiry::Attempt;
use crate::limits::{ALTERNATIVES_MAX, CREATES_MAX, HISTORY_ENTRIES_MAX, SWITCHES_MAX};
use crate::pool::{Pool, PoolState};
use crate::purchase::{FailedNumber, Purchase, PurchaseState, Release};
use crate::verification::{RevokedBy, Verification, VerificationState};
use crate::{Decision, NumberSid};

/// Something that must hold of every change.
#[derive(Debug, Clone, Copy)]
pub struct Invariant<S> {
    /// What it says, with its number.
    pub name: &'static str,
    /// Whether a change from the first to the second keeps it.
    pub holds: fn(&S, &S) -> bool,
}

/// Of one number.
pub const PURCHASE_INVARIANTS: [Invariant<Purchase>; 7] = [
    Invariant { name: "I4: what was bought keeps its id", holds: what_was_bought_keeps_its_id },
    Invariant { name: "I7: buying ends by proof", holds: buying_ends_by_proof },
    Invariant { name: "I7: a doubt is not forgotten", holds: a_doubt_is_not_forgotten },
    Invariant { name: "I7: only what waits is given up", holds: only_what_waits_is_given_up },
    Invariant { name: "I8: a request stays what it was", holds: a_request_stays_what_it_was },
    Invariant { name: "I13: only a number of a pool goes back", holds: only_a_number_of_a_pool_goes_back },
    Invariant { name: "I15: no purchase grows with use", holds: no_purchase_grows_with_use },
];

/// Of a pool.
pub const POOL_INVARIANTS: [Invariant<Pool>; 4] = [
    Invariant { name: "I7: only what waits is given up", holds: only_a_pool_that_waits_is_given_up },
    Invariant { name: "I8: a request stays what it was", holds: a_pool_stays_what_it_was },
    Invariant { name: "I13: a pool ends once, and stays undone", holds: a_pool_ends_once },
    Invariant { name: "I15: no purchase grows with use", holds: no_pool_grows_with_use },
];

/// Of an owner's verification.
pub const VERIFICATION_INVARIANTS: [Invariant<Verification>; 3] = [
    Invariant { name: "I3: verified is for good", holds: verified_is_for_good },
    Invariant { name: "I3: the newest news stand", holds: the_newest_news_stand },
    Invariant { name: "I15: an inquiry uses one attempt", holds: an_inquiry_uses_one_attempt },
];

/// The first of these that a change breaks.
#[must_use]
pub fn broken<S>(invariants: &[Invariant<S>], before: &S, after: &S) -> Option<&'static str> {
    invariants.iter().find(|invariant| !(invariant.holds)(before, after)).map(|invariant| invariant.name)
}

/// The first of these that a decision breaks, if it changes anything.
pub(crate) fn broken_by<S, E, I>(
    invariants: &[Invariant<S>],
    before: &S,
    decision: &Decision<S, E, I>,
) -> Option<&'static str> {
    match decision {
        Decision::Applied { next, .. } => broken(invariants, before, next),
        Decision::AlreadyDone { .. } | Decision::Illegal(_) => None,
    }
}

/// A number that is ours stays ours under its id, goes back under it, or is held.
fn what_was_bought_keeps_its_id(before: &Purchase, after: &Purchase) -> bool {
    let follows = match &before.state {
        PurchaseState::Completed { .. } => {
            matches!(after.state, PurchaseState::Completed { .. } | PurchaseState::Releasing(_))
        }
        PurchaseState::Releasing(_) => {
            matches!(after.state, PurchaseState::Releasing(_) | PurchaseState::Released { .. })
        }
        PurchaseState::Waiting
        | PurchaseState::Buying(_)
        | PurchaseState::Failed { .. }
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. }
        | PurchaseState::Released { .. }
        | PurchaseState::Held { .. } => return true,
    };
    let same = follows && sid_of(&before.state) == sid_of(&after.state);
    same || matches!(after.state, PurchaseState::Held { .. })
}

fn sid_of(state: &PurchaseState) -> Option<&NumberSid> {
    match state {
        PurchaseState::Completed { sid, .. }
        | PurchaseState::Releasing(Release { sid, .. })
        | PurchaseState::Released { sid, .. } => Some(sid),
        PurchaseState::Held { sid, .. } => sid.as_ref(),
        PurchaseState::Waiting
        | PurchaseState::Buying(_)
        | PurchaseState::Failed { .. }
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. } => None,
    }
}

/// From buying the ways out are completed, held, and failed: at once only where nothing that was sent is unknown, else only
/// after it was seen absent and with its lock kept.
fn buying_ends_by_proof(before: &Purchase, after: &Purchase) -> bool {
    let PurchaseState::Buying(slot) = &before.state else { return true };
    match &after.state {
        PurchaseState::Buying(_) | PurchaseState::Completed { .. } | PurchaseState::Held { .. } => true,
        PurchaseState::Failed { lock: FailedNumber::Unlocked, .. } => slot.nothing_unknown(),
        PurchaseState::Failed { lock: FailedNumber::LockedUntil { .. }, .. } => slot.absent_at.is_some(),
        PurchaseState::Waiting
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. }
        | PurchaseState::Releasing(_)
        | PurchaseState::Released { .. } => false,
    }
}

/// While a create is unknown, no other number is wanted, and nothing makes it known but an end.
fn a_doubt_is_not_forgotten(before: &Purchase, after: &Purchase) -> bool {
    let (PurchaseState::Buying(was), PurchaseState::Buying(is)) = (&before.state, &after.state) else { return true };
    was.nothing_unknown() || !is.nothing_unknown() && before.number == after.number
}

/// Expired and cancelled is only what nothing was asked for.
fn only_what_waits_is_given_up(before: &Purchase, after: &Purchase) -> bool {
    match &after.state {
        PurchaseState::Expired { .. } | PurchaseState::Cancelled { .. } => {
            before.state == PurchaseState::Waiting || before.state == after.state
        }
        PurchaseState::Waiting
        | PurchaseState::Buying(_)
        | PurchaseState::Completed { .. }
        | PurchaseState::Failed { .. }
        | PurchaseState::Releasing(_)
        | PurchaseState::Released { .. }
        | PurchaseState::Held { .. } => true,
    }
}

/// What was asked for under an id, by whom, when and until when never changes; what is gated stays so.
fn a_request_stays_what_it_was(before: &Purchase, after: &Purchase) -> bool {
    let request = |of: &Purchase| (of.place, of.if_unavailable, of.needs_phone, of.body_hash);
    let times = |of: &Purchase| (of.created_at, of.deadline);
    before.id == after.id
        && before.sub_account == after.sub_account
        && request(before) == request(after)
        && times(before) == times(after)
        && before.gated <= after.gated
}

/// A number goes back only where its pool may be undone.
fn only_a_number_of_a_pool_goes_back(before: &Purchase, after: &Purchase) -> bool {
    let goes_back = |purchase: &Purchase| matches!(purchase.state, PurchaseState::Releasing(_));
    goes_back(before) || !goes_back(after) || after.place.is_member()
}

/// However often it is visited, answered and repeated.
fn no_purchase_grows_with_use(_: &Purchase, after: &Purchase) -> bool {
    let creates = after.slot().map_or(0, |slot| slot.creates);
    creates <= CREATES_MAX
        && after.given_up.len() <= SWITCHES_MAX
        && after.alternatives.len() <= ALTERNATIVES_MAX
        && after.history.len() <= HISTORY_ENTRIES_MAX
}

fn only_a_pool_that_waits_is_given_up(before: &Pool, after: &Pool) -> bool {
    match after.state {
        PoolState::Expired { .. } | PoolState::Cancelled { .. } => {
            before.state == PoolState::Waiting || before.state == after.state
        }
        PoolState::Waiting
        | PoolState::Buying
        | PoolState::Releasing { .. }
        | PoolState::Completed { .. }
        | PoolState::PartiallyCompleted { .. }
        | PoolState::Failed { .. }
        | PoolState::Held { .. } => true,
    }
}

fn a_pool_stays_what_it_was(before: &Pool, after: &Pool) -> bool {
    let request = |of: &Pool| (of.fulfilment, of.if_unavailable, of.gated, of.needs_phone, of.body_hash);
    let times = |of: &Pool| (of.created_at, of.deadline);
    before.id == after.id
        && before.sub_account == after.sub_account
        && before.numbers == after.numbers
        && request(before) == request(after)
        && times(before) == times(after)
}

/// One that has ended can only be held, and one that is being undone is undone, for the reason that it was.
fn a_pool_ends_once(before: &Pool, after: &Pool) -> bool {
    match (before.state, after.state) {
        (was, is) if was == is => true,
        (
            PoolState::Completed { .. } | PoolState::PartiallyCompleted { .. } | PoolState::Failed { .. },
            PoolState::Held { .. },
        ) => true,
        (
            PoolState::Completed { .. }
            | PoolState::PartiallyCompleted { .. }
            | PoolState::Failed { .. }
            | PoolState::Expired { .. }
            | PoolState::Cancelled { .. },
            _,
        ) => false,
        (PoolState::Releasing { reason } | PoolState::Held { undone: Some(reason), .. }, is) => match is {
            PoolState::Releasing { reason: kept }
            | PoolState::Failed { reason: kept, .. }
            | PoolState::Held { undone: Some(kept), .. } => kept == reason,
            PoolState::Waiting
            | PoolState::Buying
            | PoolState::Completed { .. }
            | PoolState::PartiallyCompleted { .. }
            | PoolState::Expired { .. }
            | PoolState::Cancelled { .. }
            | PoolState::Held { undone: None, .. } => false,
        },
        (PoolState::Waiting | PoolState::Buying | PoolState::Held { undone: None, .. }, _) => true,
    }
}

fn no_pool_grows_with_use(_: &Pool, after: &Pool) -> bool {
    after.history.len() <= HISTORY_ENTRIES_MAX
}

/// A verified owner becomes something else only by an operator's decision, or by a newer one of Persona's.
fn verified_is_for_good(before: &Verification, after: &Verification) -> bool {
    let Some(verified_at) = before.verified_at() else { return true };
    match after.state {
        VerificationState::Verified { at } => {
            at == verified_at || (at < verified_at && before.stands_on_a_completion())
        }
        VerificationState::Revoked { at, by } => match by {
            RevokedBy::Persona => at > verified_at || before.stands_on_a_completion(),
            RevokedBy::Operator => true,
        },
        VerificationState::Unverified
        | VerificationState::InProgress { .. }
        | VerificationState::InReview { .. }
        | VerificationState::Declined
        | VerificationState::Failed
        | VerificationState::Expired
        | VerificationState::Locked => false,
    }
}

/// What is known of an inquiry is never older than what was.
fn the_newest_news_stand(before: &Verification, after: &Verification) -> bool {
    let Some(was) = &before.inquiry else { return true };
    after.inquiry.as_ref().is_some_and(|is| was.id != is.id || was.seen <= is.seen)
}

/// Attempts are used one by one, each by an inquiry that had used none and has used one from then on, until an operator
/// gives all of them back: even then, an inquiry that used one uses no other. Of one that becomes the current one again,
/// what it was before is not in the verification: the random sequences keep it (`tests/src/sequences.rs`).
fn an_inquiry_uses_one_attempt(before: &Verification, after: &Verification) -> bool {
    let same = before.inquiry.as_ref().zip(after.inquiry.as_ref()).filter(|(was, is)| was.id == is.id);
    if after.attempts_used == before.attempts_used + 1 {
        return same.is_some_and(|(was, is)| (was.attempt, is.attempt) == (Attempt::Unused, Attempt::Used));
    }
    let kept = same.is_none_or(|(was, is)| was.attempt == is.attempt || is.attempt == Attempt::Used);
    kept && [0, before.attempts_used].contains(&after.attempts_used)
}

/// I13: whether a pool is what its numbers are, read as `members`; what is still under way agrees with anything.
#[must_use]
pub fn a_pool_is_what_its_numbers_are(pool: &Pool, members: &[Purchase]) -> bool {
    let is_ours = |member: &Purchase| matches!(member.state, PurchaseState::Completed { .. });
    let (all_there, ours) =
        (members.len() == pool.numbers.len(), members.iter().filter(|member| is_ours(member)).count());
    match pool.state {
        PoolState::Waiting | PoolState::Expired { .. } | PoolState::Cancelled { .. } => members.is_empty(),
        PoolState::Buying | PoolState::Releasing { .. } | PoolState::Held { .. } => true,
        PoolState::Completed { .. } => all_there && ours == members.len(),
        PoolState::PartiallyCompleted { .. } => all_there && (1..members.len()).contains(&ours),
        PoolState::Failed { .. } => all_there && ours == 0,
    }
}
