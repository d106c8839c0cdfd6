//! Buying: two purchases of two sub-accounts want one number in one account at the carrier, and two workers.
//!
//! What the model has, beside the rules of `domain`: the table (a purchase's change, the number's lock and the
//! clearance in one transaction), the carrier (an answer that comes, is lost, or comes after the number was bought; a
//! create that lands late, or far later than the carrier ever should), a customer of another carrier and a person who
//! buys by hand, a revocation, a cancellation. A worker may stop for any time at each step, or for good. A message is
//! only a hint, so a worker may be told of any purchase at any time: twice, late, or in the wrong order. That nobody
//! may ever be told is left to [`State::in_calm_weather`], which has nothing but the due index.
//!
//! Time is in ticks, and every instant is kept relative to now, so that the past does not make states differ. A tick
//! stands for half a lease.

mod calm;
mod check;
mod table;
mod worker;

use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use domain::{
    AccountSid, CREATES_MAX, EarlierCreates, IdempotencyKey, Instant, LatestCreate, LeaseToken, NumberSid, PhoneNumber,
    PurchaseId, Reason, SubAccountId, Timing,
};

/// The lengths of time of the rules, in ticks instead of milliseconds. As in production, a lease and the gap between two
/// looks pass well before a create can no longer land.
const TIMING: Timing = Timing { lease_ms: 2, settle_after_ms: 5, settle_gap_ms: 1, expiry_grace_ms: 1 };
/// The whole time of one request to the carrier, in ticks.
const CARRIER_TIMEOUT: i64 = 1;
/// Now, in every state.
const NOW: Instant = Instant::from_unix_ms(1_000);
/// How often a slot may ask the carrier here; `domain` says [`CREATES_MAX`], which would only repeat itself.
const CREATES_HERE: u32 = 2;
/// What is added to a slot's creates on the way to `domain`, so that its own limit is met after [`CREATES_HERE`].
const CREATES_OFFSET: u32 = CREATES_MAX - CREATES_HERE;
/// How long ago a create can be for its age to matter, in ticks: beyond that it cannot land.
const POST_PAST_TICKS: i64 = TIMING.settle_after_ms + 1;
/// How long ago a look can be for its age to matter, in ticks: beyond that another one settles.
const LOOK_PAST_TICKS: i64 = TIMING.settle_gap_ms + 1;
/// Visits within which calm weather must have ended everything.
const CALM_VISITS_MAX: usize = 40;
/// A purchase that waits for its deadline is due then; the other model has deadlines.
const FAR_TICKS: i64 = 1_000_000_000;

/// A rule of the protocol that the model can do without, to prove that its loss is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// Nothing: the protocol as it is.
    Nothing,
    /// Look before every create.
    Look,
    /// The look compares the mark.
    Mark,
    /// The claim takes the number's lock.
    Lock,
    /// The claim checks the clearance in its transaction.
    ClaimsClearance,
    /// A further create needs a permit, with the clearance in its transaction.
    Permit,
    /// A dead lease changes hands without a clearance check.
    ReclaimWithoutClearance,
    /// Taking over a lease, what its holder may have sent becomes unknown.
    ReclaimsDoubt,
    /// A permit does not end the doubt about creates before it.
    PermitsDoubt,
    /// A live lease is left to its holder. (Changes nothing here: see `main.rs`.)
    Lease,
    /// The clock is checked right before sending.
    ClockCheck,
    /// What the carrier does not answer is unknown, never failed.
    UnknownIsNotFailed,
    /// A refusal is definite only if no create of the slot is unknown.
    DefiniteOnlyIfNothingUnknown,
    /// "Not available" is believed only after another look. (Changes nothing here: see `main.rs`.)
    LookAfterNotAvailable,
    /// Failing needs the lease's token.
    FailsToken,
    /// Looks that settle come after the last create can land.
    SettlingWaits,
    /// Settling needs two looks.
    SecondSettlingLook,
    /// A settled failure keeps the number's lock.
    KeptLock,
    /// Before that lock is freed, the carrier is asked once more.
    LastLook,
    /// A settled failure stays due.
    SettledFailureIsDue,
    /// From the claim on, a purchase cannot be cancelled.
    CancelOnlyWhileWaiting,
    /// An answered create is read back. (Changes nothing here: see `main.rs`.)
    ReadBack,
}

/// Everything there is, between two steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    purchases: [Standing; 2],
    /// Which purchase has the number's lock.
    lock: Option<u8>,
    number: Number,
    /// Creates whose sender has given up on them; the empty places last.
    flying: [Option<Flight>; 2],
    /// Whether one has landed later than the carrier ever should.
    overdue_landing: Overdue,
    workers: [Worker; 2],
    /// The first sub-account's clearance; the second keeps its own.
    clearance: Cleared,
    /// Whether a number was asked for when its sub-account had been without clearance for a lease.
    asked_uncleared: Asked,
}

/// A purchase, as far as its slot's history differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Standing {
    Waiting,
    Buying(Leased),
    Completed(Sid),
    Failed(Why, FailedLock),
    Cancelled,
    Held(Option<Sid>),
}

/// `domain::Slot`, its instants in ticks from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Leased {
    token: u8,
    lease_until: i64,
    last_post: i64,
    creates: u32,
    latest: LatestCreate,
    earlier: EarlierCreates,
    refusal: Option<Reason>,
    absent_at: Option<i64>,
}

impl Hash for Leased {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.token, self.lease_until, self.last_post, self.creates, self.absent_at).hash(hasher);
        discriminant(&self.latest).hash(hasher);
        discriminant(&self.earlier).hash(hasher);
        self.refusal.map(|reason| discriminant(&reason)).hash(hasher);
    }
}

/// `domain::Reason`, which has no use for a hash of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Why(Reason);

impl Hash for Why {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        discriminant(&self.0).hash(hasher);
    }
}

/// What became of a failed number's lock. The last look is a day away, or due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum FailedLock {
    Unlocked,
    LastLookInADay,
    LastLookIsDue,
}

/// The number's id at the carrier, by who bought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sid {
    OfOurs,
    OfByHand,
}

/// Who has the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Number {
    Free,
    /// A customer of the carrier that is not in our account.
    Elsewhere,
    /// Our account, but bought by a person, with no mark.
    ByHand,
    /// Our account, bought for this purchase and marked with it.
    Ours(u8),
    /// Our account, somebody else's, and a create of ours has changed its mark.
    Overwritten,
}

/// A create on its way, whose sender has given up on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Flight {
    purchase: u8,
    lands: Lands,
}

/// Until when a create may land.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Lands {
    /// In so many ticks at the latest: what the rules count on.
    Within(i64),
    /// Later than that: what the kept lock and the last look are for.
    WithinADay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Overdue {
    Never,
    Happened,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asked {
    Never,
    Happened,
}

/// A sub-account's clearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Cleared {
    Verified,
    /// Taken back so many ticks ago; counted up to a lease.
    Revoked(i64),
}

/// Where a worker stands in its visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Worker {
    Idle,
    /// About to ask the carrier's list; with a permit in hand, that permit's lease ends in so many ticks.
    Looks(u8, Option<i64>),
    /// Found it absent, without a permit in hand.
    FoundAbsent(u8),
    /// May create; the lease that permits it ends in so many ticks.
    Sends(u8, i64),
    /// Was told "not available", and looks before believing it.
    LooksAgain(u8),
    /// Knows what to commit.
    Knows(u8, Finding),
    /// About to look a last time.
    LooksLast(u8),
}

impl Worker {
    /// The purchase for which it is about to ask the carrier's list, or for the number.
    fn asks(self) -> Option<u8> {
        match self {
            Self::Looks(index, _) | Self::Sends(index, _) => Some(index),
            Self::Idle | Self::FoundAbsent(_) | Self::LooksAgain(_) | Self::Knows(..) | Self::LooksLast(_) => None,
        }
    }
}

/// What a worker commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Finding {
    SeenOurs,
    SeenForeign,
    /// Absent at the last look.
    AbsentAtLast,
    Bought,
    BoughtWrong,
    /// Refused as not available.
    NotAvailable,
    /// Refused for a reason of the carrier's own.
    Refused,
    NotProcessed,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// A worker is told of a purchase: it claims, takes over, or leaves it.
    Visit { worker: u8, purchase: u8 },
    /// A worker does what it is about to do, and the carrier answers.
    Step { worker: u8 },
    /// A worker asks the carrier, which has too many requests.
    TooMany { worker: u8 },
    /// A worker creates and learns nothing, because this becomes of the request.
    Unknown { worker: u8, fate: Fate },
    /// A worker creates, and the carrier refuses for a reason of its own.
    Refuse { worker: u8 },
    /// A worker creates what is ours already, and is told that it is not available.
    NotAvailable { worker: u8 },
    /// A worker dies.
    Crash { worker: u8 },
    /// A create lands.
    Land { flight: u8 },
    /// A create is lost.
    Lose { flight: u8 },
    /// Another carrier's customer gets the number.
    SellElsewhere,
    /// A person buys the number for our account.
    BuyByHand,
    /// The first sub-account's verification is taken back.
    Revoke,
    /// A customer takes its purchase back.
    Cancel { purchase: u8 },
    /// Time goes by.
    Tick,
    /// Much time goes by.
    Day,
}

/// What becomes of a request that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    Flies,
    FliesForADay,
    Lost,
}

/// What a change led to.
enum Moved {
    Done,
    Not,
    Guarded,
    Locked,
}

/// The protocol, with one rule left out, or none.
pub(crate) struct Buying {
    left_out: LeftOut,
    sub_accounts: [SubAccountId; 2],
    ids: [PurchaseId; 2],
    tokens: [LeaseToken; 2],
    account: AccountSid,
    sid_of_ours: NumberSid,
    sid_by_hand: NumberSid,
    number: PhoneNumber,
}

impl Buying {
    pub(crate) fn without(left_out: LeftOut) -> Self {
        let sub_accounts = ["first", "second"].map(|id| SubAccountId::parse(id).expect("an id"));
        let key = IdempotencyKey::parse("key").expect("a key");
        Self {
            left_out,
            ids: [PurchaseId::of(&sub_accounts[0], &key), PurchaseId::of(&sub_accounts[1], &key)],
            sub_accounts,
            tokens: ["worker-0", "worker-1"].map(|token| LeaseToken::parse(token).expect("a token")),
            account: AccountSid::parse("AC0").expect("an id"),
            sid_of_ours: NumberSid::parse("PN0").expect("an id"),
            sid_by_hand: NumberSid::parse("PN1").expect("an id"),
            number: PhoneNumber::parse("+12125550123").expect("a number"),
        }
    }

    fn lacks(&self, rule: LeftOut) -> bool {
        self.left_out == rule
    }
}

/// What must hold in the same transaction.
#[derive(Clone, Copy)]
enum Guard {
    None,
    Cleared,
}

/// Names of the properties, as the tests of what is left out know them.
pub(crate) mod property {
    pub(crate) const TOUCHED: &str = "a number that was not bought for a purchase is never touched for it";
    pub(crate) const UNCLEARED: &str = "nothing is asked for once the clearance has been gone for a lease";
    pub(crate) const OWNED: &str = "a completed purchase has its number";
    pub(crate) const HELD: &str = "a purchase is held only if a person bought by hand or a create landed overdue";
    pub(crate) const ENDS: &str = "from every rest the due index alone ends every purchase";
    pub(crate) const ACCOUNTED: &str =
        "from every rest each number bought ends with a purchase that is completed or held";
}
