//! What an account at the carrier has, compared with what the table says that it has.
//!
//! Nothing here changes anything: it names what no longer fits, for a person, and says which locks may be freed.

use std::collections::BTreeMap;

use crate::ids::{NumberSid, PurchaseId, SubAccountId};
use crate::instant::Instant;
use crate::limits::RECONCILE_YOUNG_MS;
use crate::phone_number::PhoneNumber;
use crate::purchase::{FailedNumber, MemberIndex, Purchase, PurchaseState};

/// A number that the carrier lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedNumber {
    /// The number.
    pub number: PhoneNumber,
    /// Its id there.
    pub sid: NumberSid,
    /// The purchase that is written on it; none where anything else is.
    pub mark: Option<PurchaseId>,
}

/// A lock, and what it guards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedNumber {
    /// The number.
    pub number: PhoneNumber,
    /// Whose the lock is.
    pub holder: LockHolder,
    /// How that stands.
    pub guards: Guarded,
}

/// One number of a purchase, as a lock names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// Whose purchase.
    pub sub_account: SubAccountId,
    /// Which one.
    pub purchase: PurchaseId,
    /// Which of its numbers, in a pool.
    pub member: Option<MemberIndex>,
}

/// What a lock guards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guarded {
    /// A number that is ours.
    Completed {
        /// Its id at the carrier.
        sid: NumberSid,
        /// Since when.
        at: Instant,
    },
    /// A number that is being bought or given back: whoever works on it decides.
    UnderWay,
    /// A number that failed, and is looked for a last time: what was sent for it may be done after all.
    Settled,
    /// A number that an operator must decide about.
    Held,
    /// Nothing: its holder is not there, or has no claim to this number any more.
    Nothing,
}

impl Guarded {
    /// What a lock on `number` guards whose holder reads so; none where there is no such purchase.
    #[must_use]
    pub fn by(holder: Option<&Purchase>, number: &PhoneNumber) -> Self {
        let Some(purchase) = holder.filter(|purchase| purchase.number == *number) else {
            return Self::Nothing;
        };
        match &purchase.state {
            PurchaseState::Completed { sid, at, .. } => Self::Completed { sid: sid.clone(), at: *at },
            PurchaseState::Buying(_) | PurchaseState::Releasing(_) => Self::UnderWay,
            PurchaseState::Failed { lock: FailedNumber::LockedUntil { .. }, .. } => Self::Settled,
            PurchaseState::Held { .. } => Self::Held,
            PurchaseState::Waiting
            | PurchaseState::Failed { lock: FailedNumber::Unlocked, .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
            | PurchaseState::Released { .. } => Self::Nothing,
        }
    }
}

/// A number at the carrier that carries a mark of ours, or is owned by us, and does not fit what the table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// As the carrier lists it.
    pub listed: ListedNumber,
    /// Why it does not fit.
    pub why: OrphanReason,
}

/// Why a number at the carrier does not fit what the table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrphanReason {
    /// Its mark is ours, and no purchase owns it.
    NobodyOwnsIt,
    /// Its mark is one purchase, and another one owns it.
    AnotherOwnsIt(LockHolder),
    /// Its purchase has failed, and the customer was told so: it was done later than is known of any.
    ItsPurchaseFailed(LockHolder),
    /// A purchase owns the number under another id: it was given back and bought again outside.
    OwnedUnder(LockHolder, NumberSid),
}

/// A number that the table says is ours, and the carrier does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The number.
    pub number: PhoneNumber,
    /// Whose it is.
    pub holder: LockHolder,
    /// Its id at the carrier, while it had one.
    pub sid: NumberSid,
}

/// What does not fit, each list in the order of the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// Numbers at the carrier that nobody, or somebody else, owns.
    pub orphans: Vec<Orphan>,
    /// Numbers that we own and the carrier does not list.
    pub missing: Vec<Missing>,
    /// Locks that guard nothing.
    pub empty_locks: Vec<LockedNumber>,
    /// How many numbers fit.
    pub fitting: usize,
    /// How many numbers somebody works on, or an operator must decide about: not judged here.
    pub under_way: usize,
    /// How many numbers the carrier lists that have never been ours.
    pub foreign: usize,
}

/// Compares. The locks must have been read before the carrier was asked, so that what was completed by then is listed;
/// what was completed less than [`RECONCILE_YOUNG_MS`] before `now` may not be listed yet, and is not missing. A number
/// that was bought after the locks were read looks like an orphan: read its lock once more before naming it.
#[must_use]
pub fn reconcile(
    listed: impl IntoIterator<Item = ListedNumber>,
    locked: impl IntoIterator<Item = LockedNumber>,
    now: Instant,
) -> Reconciliation {
    let mut found = Reconciliation::default();
    // By number: a page that moved while it was read may show a number twice.
    let mut listed: BTreeMap<PhoneNumber, ListedNumber> =
        listed.into_iter().map(|listed| (listed.number.clone(), listed)).collect();
    let mut empty = BTreeMap::new();
    let locked: BTreeMap<PhoneNumber, LockedNumber> =
        locked.into_iter().map(|locked| (locked.number.clone(), locked)).collect();
    for (number, locked) in locked {
        match &locked.guards {
            Guarded::Completed { sid, at } => match listed.remove(&number) {
                Some(listed) if listed.sid == *sid => found.fitting += 1,
                Some(listed) => {
                    let why = OrphanReason::OwnedUnder(locked.holder.clone(), sid.clone());
                    found.orphans.push(Orphan { listed, why });
                }
                None if now.ms_since(*at) < RECONCILE_YOUNG_MS => found.under_way += 1,
                None => found.missing.push(Missing { number, holder: locked.holder, sid: sid.clone() }),
            },
            Guarded::UnderWay | Guarded::Settled | Guarded::Held => {
                let listed = listed.remove(&number).and_then(|listed| Some((listed.mark.clone()?, listed)));
                match listed {
                    Some((mark, listed)) if mark != locked.holder.purchase => {
                        found.orphans.push(Orphan { listed, why: OrphanReason::AnotherOwnsIt(locked.holder) });
                    }
                    Some((_, listed)) if locked.guards == Guarded::Settled => {
                        found.orphans.push(Orphan { listed, why: OrphanReason::ItsPurchaseFailed(locked.holder) });
                    }
                    Some(_) | None => found.under_way += 1,
                }
            }
            Guarded::Nothing => {
                empty.insert(number, locked);
            }
        }
    }
    for (_, listed) in listed {
        match listed.mark {
            Some(_) => found.orphans.push(Orphan { listed, why: OrphanReason::NobodyOwnsIt }),
            None => found.foreign += 1,
        }
    }
    found.orphans.sort_by(|one, other| one.listed.number.cmp(&other.listed.number));
    found.empty_locks = empty.into_values().collect();
    found
}
