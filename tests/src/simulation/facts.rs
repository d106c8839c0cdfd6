//! What a schedule may have seen.

/// Makes the facts: a new one is one line here, and `state.facts.insert` where it happens.
macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What a schedule may have seen. A run whose schedules never see one of them tests less than it says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fact {
            $($(#[$doc])* $name,)+
        }

        impl Fact {
            /// Every fact.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

facts! {
    /// A port call failed before it was done.
    FailedBefore,
    /// A port call was done and its answer lost.
    AnswerLost,
    /// An invocation was killed.
    Killed,
    /// A create was answered as unknown and done.
    DoneButUnknown,
    /// A create landed after its answer was lost, later than the next look.
    LandedLate,
    /// A lease was taken over.
    LeaseTakenOver,
    /// A create was unknown, and its number recorded by a later look.
    InDoubtAndRecovered,
    /// A number's lock was another purchase's.
    LockTaken,
    /// The carrier had the number with a mark that is not ours.
    ForeignNumber,
    /// The carrier did not process a create.
    NotProcessed,
    /// The carrier had too many requests for a look.
    LookThrottled,
    /// The carrier did not accept our credential for a look.
    LookUnauthorised,
    /// A doubt was settled by two looks.
    Settled,
    /// A message was lost.
    MessageLost,
    /// A message was delivered twice.
    MessageTwice,
    /// A webhook was lost.
    WebhookLost,
    /// A webhook was delivered twice, or late.
    WebhookTwice,
    /// An inquiry was redacted before it was decided.
    Redacted,
    /// A verification was taken back.
    Revoked,
    /// A purchase was cancelled.
    Cancelled,
    /// A purchase expired.
    Expired,
    /// A purchase was held.
    Held,
    /// A purchase completed that had waited.
    CompletedAfterWaiting,
    /// A transaction was in conflict with another.
    Conflict,
    /// Two workers had the same purchase.
    TwoWorkers,
    /// Of several messages some were sent, and the sender was told of a failure.
    SentInPart,
    /// The index of what is due showed what is no more, or did not show what is.
    StaleIndex,
    /// An invocation's clock was not the others'.
    ClockSkew,
    /// A whole pool was bought.
    PoolCompleted,
    /// Of a pool some numbers were bought.
    PoolPartial,
    /// A pool was undone, and what was bought for it given back.
    PoolUndone,
    /// Another number was taken for one that was gone.
    Switched,
    /// An operator decided on a number that was held.
    OperatorDecided,
    /// An operator stopped buying while something was to be bought.
    SwitchedOff,
    /// A sub-account was moved under another agency while it waited.
    Moved,
    /// A number was bought in one account while its sub-account's profile named another.
    AccountFrozen,
    /// A purchase completed by what its agency proved.
    ClearedByAgency,
    /// A request was withdrawn as one too many.
    Withdrawn,
}

/// The facts of one schedule: one bit each, in the order of [`Fact::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts(u64);

impl Facts {
    /// Notes a fact.
    pub(super) fn insert(&mut self, fact: Fact) {
        self.0 |= 1 << (fact as u64);
    }

    /// Whether it was seen.
    pub fn contains(self, fact: Fact) -> bool {
        self.0 & (1 << (fact as u64)) != 0
    }
}

const _: () = assert!(Fact::ALL.len() <= 64, "one bit for each fact");
