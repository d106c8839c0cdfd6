//! Defences that a port leaves out, one at a time: a rule that can be left out without any schedule failing is not
//! tested, or not needed. Production code has no such switches; the ports lie instead.

/// One defence, left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// The carrier's list never shows anything: the look before every create is blind.
    LookSeesNothing,
    /// A number's lock is written over whoever has it.
    LockNotCompared,
    /// The owner's verification is not checked in the transaction that permits a create.
    ClearanceNotChecked,
    /// A purchase is written over whatever version stands.
    VersionNotCompared,
    /// Of a transaction only the first write is done.
    TransactionsTorn,
    /// Wait pointers are not written.
    PointersNotWritten,
    /// A verification is never due: it is no outbox of its waiters, and Persona is never asked.
    VerificationNotDue,
    /// Purchases are never due: nothing but messages brings them back.
    PurchasesNotDue,
    /// A lost answer of Persona's makes a new inquiry: its idempotency key is ignored.
    NonceIgnored,
    /// The look does not compare the mark: whatever is there looks like the purchase's that asks.
    MarkNotCompared,
    /// What Persona said before is not remembered: an older event counts like a new one.
    OrderForgotten,
    /// A purchase that ends leaves its wait pointers.
    PointersNotDeleted,
    /// A purchase expires whether its owners have proved who they are or not.
    ExpiryNotChecked,
    /// How many wait is not counted.
    NotCounted,
    /// The operator's switch is not read.
    SwitchNotRead,
    /// A profile's change is not due: what waits is not told.
    ProfileNotDue,
    /// The owner's verification is not checked in the transaction that permits a further create.
    PermitNotChecked,
    /// What was sent before and never answered is not remembered: a refusal looks definite.
    DoubtForgotten,
    /// The pool is not checked in the transaction that permits a create for one of its numbers.
    PoolNotChecked,
    /// What was sent is settled at once, not once it can no longer land.
    SettlingNotAwaited,
    /// One look settles what was sent.
    SecondLookSkipped,
    /// A number whose failure was settled is free at once for others.
    LockNotKept,
    /// The last look for a number whose failure was settled is blind.
    LastLookBlind,
    /// Buying goes on in whatever account the profile names now.
    AccountNotFrozen,
    /// Once a request has written its wait pointers, it does not see what was proved since it first looked.
    NotReadAgain,
}

impl Weakness {
    /// Every weakness.
    pub const ALL: [Self; 25] = [
        Self::LookSeesNothing,
        Self::LockNotCompared,
        Self::ClearanceNotChecked,
        Self::VersionNotCompared,
        Self::TransactionsTorn,
        Self::PointersNotWritten,
        Self::VerificationNotDue,
        Self::PurchasesNotDue,
        Self::NonceIgnored,
        Self::MarkNotCompared,
        Self::OrderForgotten,
        Self::PointersNotDeleted,
        Self::ExpiryNotChecked,
        Self::NotCounted,
        Self::SwitchNotRead,
        Self::ProfileNotDue,
        Self::PermitNotChecked,
        Self::DoubtForgotten,
        Self::PoolNotChecked,
        Self::SettlingNotAwaited,
        Self::SecondLookSkipped,
        Self::LockNotKept,
        Self::LastLookBlind,
        Self::AccountNotFrozen,
        Self::NotReadAgain,
    ];
}
