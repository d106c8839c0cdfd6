//! Waiting: one purchase, which its sub-account's or its agency's verification may clear, and everybody who may wake it.
//!
//! What the model has, beside the rules of `domain`: the request, a webhook for each of the two owners, the sweep's visit
//! to the purchase and to a verification, and a worker, each stopping for any time, or for good, between any two of its
//! reads and writes; a cancellation; the deadline and its grace. Persona approves and takes back at any time. It may
//! deliver each event any number of times, in any order, or never; a message may arrive at any time, or never.
//! What comes of a state when nobody is told of anything any more is [`State::in_calm_weather`]'s to say.

mod calm;
mod check;
mod functions;
mod table;

use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use domain::{
    AccountSid, AgencyId, EventClass, IdempotencyKey, InquiryId, InquiryStatus, Instant, LeaseToken, NumberSid, Owner,
    PhoneNumber, Purchase, PurchaseId, SubAccountId, Timing, VerificationPolicy, VerificationState,
};
use stateright::Property;
use tests::purchases::waiting;

/// The lengths of time of the rules. Only the grace has a part here.
const TIMING: Timing = Timing { lease_ms: 2, settle_after_ms: 5, settle_gap_ms: 1, expiry_grace_ms: 5 };
/// Until when the owner may prove who it is.
const DEADLINE: Instant = Instant::from_unix_ms(10);
/// How many functions run at the same time.
const RUNNING_MAX: usize = 3;
/// Rounds of sweeping within which calm weather must have changed everything that it will.
const CALM_ROUNDS: usize = 6;
/// The most that Persona decides about one inquiry.
const DECISIONS_MAX: usize = 3;
/// The sub-account among the owners.
const OWN: usize = 0;
/// Both owners.
const OWNERS: [usize; 2] = [OWN, 1];

/// What Persona decides about the two owners' inquiries, in order, as far as it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persona {
    /// The sub-account's is approved and taken back, its agency's is approved.
    DecidesBoth,
    /// The sub-account's is approved, taken back and approved again, its agency's stays open.
    GivesAgain,
}

impl Persona {
    fn decisions(self, owner: usize) -> &'static [InquiryStatus] {
        use InquiryStatus::{Approved, Declined};
        match (self, owner) {
            (Self::DecidesBoth, OWN) => &[Approved, Declined],
            (Self::DecidesBoth, _) => &[Approved],
            (Self::GivesAgain, OWN) => &[Approved, Declined, Approved],
            (Self::GivesAgain, _) => &[],
        }
    }
}

impl Persona {
    /// What only these decisions make possible.
    fn example(self) -> Property<Waiting> {
        match self {
            Self::DecidesBoth => Property::sometimes("the agency clears the purchase", |_, state: &State| {
                state.purchase == Standing::Buying && !state.verifications[OWN].is_verified()
            }),
            Self::GivesAgain => Property::sometimes("what was taken back is given again", |_, state: &State| {
                state.decided[OWN][2].is_some() && state.verifications[OWN].is_verified()
            }),
        }
    }
}

/// A rule of the protocol that the model can do without, to prove that its loss is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// Nothing: the protocol as it is.
    Nothing,
    /// The request reads the verifications again after its pointers are written.
    SecondRead,
    /// The webhook marks verified before it lists who waits.
    MarkBeforeList,
    /// A verified owner stays due while anybody waits for it.
    VerificationAsOutbox,
    /// A repeated event repeats the wake-up. (Changes nothing here: see `main.rs`.)
    RepeatedWake,
    /// An owner stops being due only as it was read.
    SleepsCondition,
    /// Persona is asked about open inquiries.
    Poll,
    /// Events are ordered by Persona's own time.
    EventOrder,
    /// A pointer is written for the agency too.
    AgencysPointer,
    /// The second read reads the agency too.
    AgencysRead,
    /// A pointer is written only while the purchase waits.
    PointersCheck,
    /// The sweep's first push is to its short step.
    SweepsShortStep,
    /// The sweep writes pointers before it reads the verifications.
    SweepsOrder,
    /// The claim checks the clearance in its transaction.
    ClaimsClearance,
    /// The claim counts only a proof that came before the deadline.
    ClaimsDeadline,
    /// A purchase ends in one transaction with its pointers.
    OneTransaction,
    /// A purchase is left alone until a grace after its deadline.
    ExpirysGrace,
    /// Before a purchase expires, Persona is asked about the inquiries of its owners.
    ExpiryAsksFirst,
    /// Expiring checks in its transaction that nobody proved itself in time.
    ExpirysClearance,
}

/// Everything there is, between two steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    phase: Phase,
    purchase: Standing,
    /// When the sweep visits the purchase.
    due: Due,
    /// Who would wake the purchase.
    pointers: [bool; 2],
    verifications: [Known; 2],
    /// How much Persona has decided of each owner's inquiry: when, in order.
    decided: [[Option<Phase>; DECISIONS_MAX]; 2],
    request: Waiter,
    webhooks: [Webhook; 2],
    purchase_sweep: Waiter,
    verification_sweep: VerificationSweep,
    worker: Worker,
    /// Which webhooks were at work at the deadline; the grace is longer than any of them may take.
    begun_in_time: [bool; 2],
    course: Course,
    /// Whether a message was sent since the purchase became cleared.
    sent: bool,
    /// What must never happen, once it has.
    wrong: Option<Wrong>,
}

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Wrong {
    /// Buying began without a proof in time.
    ClaimedUncleared,
    /// The purchase expired although a proof in time stood in the table.
    ExpiredCleared,
    /// The purchase expired while a function that was told of a proof in time, in time, was still at work.
    ExpiredEarly,
    /// The purchase expired although Persona, asked, would have shown a proof in time.
    ExpiredUnasked,
    /// An older event changed what a newer one had said.
    Regressed,
}

/// Whether anything crashed or was taken back so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Course {
    Smooth,
    Rough,
}

/// When it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Phase {
    BeforeDeadline,
    InGrace,
    Overdue,
}

impl Phase {
    /// An instant of this phase; `order` tells apart what happens in it.
    fn instant(self, order: i64) -> Instant {
        let begins = match self {
            Self::BeforeDeadline => 0,
            Self::InGrace => 11,
            Self::Overdue => 20,
        };
        Instant::from_unix_ms(begins + order)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Standing {
    NotAsked,
    Waiting,
    Buying,
    Completed,
    Expired,
    Cancelled,
}

/// When the sweep visits a waiting purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Due {
    /// Within the short step.
    Soon,
    /// When its deadline and grace have passed.
    AtDeadline,
}

/// A verification as the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    state: VerificationState,
    seen: Option<(EventClass, Instant)>,
    due: bool,
}

impl Known {
    fn is_verified(&self) -> bool {
        matches!(self.state, VerificationState::Verified { .. })
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        discriminant(&self.state).hash(hasher);
        if let VerificationState::Verified { at } | VerificationState::Revoked { at, .. } = self.state {
            at.hash(hasher);
        }
        self.seen.map(|(class, at)| (discriminant(&class), at)).hash(hasher);
        self.due.hash(hasher);
    }
}

/// The request, and the sweep's visit to the purchase: the same steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Waiter {
    Idle,
    /// Writes the pointers, on condition that the purchase waits.
    Points,
    /// Reads both verifications.
    Reads,
    /// Without the right order: writes the pointers after it has read "not cleared".
    PointsAfterReading,
    /// Found it not cleared: lets it sleep until the deadline.
    PutsOff,
    /// Found it overdue and not cleared in time: asks Persona about whoever is open.
    Asks,
    /// Persona has said nothing that helps.
    Expires,
}

/// A delivery of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Webhook {
    Idle,
    /// Applies this decision.
    Marks(u8),
    /// Lists who waits, and sends.
    Lists,
    /// Without the right order: applies this decision after it has listed.
    MarksAfterListing(u8),
}

/// The sweep's visit to a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum VerificationSweep {
    Idle,
    /// Asks Persona about this owner's inquiry.
    Asks(u8),
    /// Applies what Persona said.
    Marks(u8, u8),
    /// Lists who waits for this verified owner, and sends.
    Lists(u8, Read),
    /// Found nobody: takes this owner out of the due index.
    Sleeps(u8, Read),
}

/// Whether a verification is still as the sweep read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Read {
    Unchanged,
    Changed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    /// Claims, on condition that this owner is verified in time.
    Claims(u8),
    /// Has claimed; buys, and records the end.
    Ends,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// The customer asks, for the first time or again.
    Ask,
    /// The request goes on.
    Request,
    /// Persona decides.
    Decide { owner: u8 },
    /// Persona delivers a decision.
    Deliver { owner: u8, decision: u8 },
    /// A webhook goes on.
    Webhook { owner: u8 },
    /// The sweep visits the purchase.
    SweepPurchase,
    /// That visit goes on.
    PurchaseSweep,
    /// The sweep visits a verification.
    SweepVerification { owner: u8 },
    /// That visit goes on.
    VerificationSweep,
    /// A worker is told of the purchase, and reads.
    Tell,
    /// The worker goes on.
    Worker,
    /// A function dies.
    Crash(Function),
    /// The customer takes the purchase back.
    Cancel,
    /// Time goes by.
    NextPhase,
}

/// What may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Request,
    Webhook(u8),
    PurchaseSweep,
    VerificationSweep,
    Worker,
}

/// The protocol, with one rule left out, or none.
pub(crate) struct Waiting {
    left_out: LeftOut,
    persona: Persona,
    owners: [Owner; 2],
    inquiries: [InquiryId; 2],
    policy: VerificationPolicy,
    asked: Purchase,
    token: LeaseToken,
    account: AccountSid,
    sid: NumberSid,
}

impl Waiting {
    pub(crate) fn without(left_out: LeftOut, persona: Persona) -> Self {
        let sub_account = SubAccountId::parse("own").expect("an id");
        let key = IdempotencyKey::parse("key").expect("a key");
        let (id, asked_at) = (PurchaseId::of(&sub_account, &key), Phase::BeforeDeadline.instant(0));
        let number = PhoneNumber::parse("+12125550123").expect("a number");
        Self {
            left_out,
            persona,
            owners: [Owner::SubAccount(sub_account.clone()), Owner::Agency(AgencyId::parse("agency").expect("an id"))],
            inquiries: ["inq_own", "inq_agency"].map(|id| InquiryId::parse(id).expect("an id")),
            policy: VerificationPolicy::default(),
            asked: Purchase { deadline: DEADLINE, ..waiting(sub_account, id, number, asked_at) },
            token: LeaseToken::parse("token").expect("a token"),
            account: AccountSid::parse("AC0").expect("an id"),
            sid: NumberSid::parse("PN0").expect("an id"),
        }
    }

    fn lacks(&self, rule: LeftOut) -> bool {
        self.left_out == rule
    }
}

/// Names of the properties, as the tests of what is left out know them.
pub(crate) mod property {
    pub(crate) const CLEARED: &str = "buying begins only with a proof in time";
    pub(crate) const EXPIRED_CLEARED: &str = "nothing expires that was proved in time";
    pub(crate) const EXPIRED_EARLY: &str = "nothing expires while a proof in time is being written down";
    pub(crate) const EXPIRED_UNASKED: &str = "nothing expires that Persona would say was proved in time";
    pub(crate) const ORDER: &str = "an older event changes nothing";
    pub(crate) const AT_ONCE: &str = "with no crash and no revocation, what is proved in time is sent at once";
    pub(crate) const WOKEN: &str =
        "from every rest the due index alone completes what is proved in time, before the deadline";
    pub(crate) const FOUND: &str = "from every rest an approval is found without its webhook";
    pub(crate) const ENDS: &str = "from every rest the purchase ends once it is overdue, and its pointers with it";
    pub(crate) const SLEEPS: &str = "from every rest a verified owner is left alone once nobody waits";
}
