//! The three answers to an event.

/// What an event does to a state. Deliveries repeat and overtake each other, so "already done" is an answer of its
/// own, apart from "cannot be".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<S, E, I = Illegal> {
    /// The event changes the state to `next`; `effects` follow once `next` is committed.
    Applied {
        /// The new state.
        next: S,
        /// What the shell does in the same commit, or after it.
        effects: E,
    },
    /// The event's change is there already, or something newer is. Its effects may be repeated safely.
    AlreadyDone {
        /// What the shell does again: a repeated event repeats its wake-up.
        effects: E,
    },
    /// The event has no place in this state; nothing changes.
    Illegal(I),
}

/// Why an event has no place in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Illegal {
    /// Buying has begun: from here only the carrier's answer ends the purchase.
    BuyingHasBegun,
    /// The purchase has ended.
    HasEnded,
    /// Nothing has been asked of the carrier yet.
    NotBuying,
    /// Another worker holds the lease.
    NotYourLease,
    /// The carrier has been asked often enough, long enough, or has refused.
    NoFurtherCreate,
    /// The deadline and its grace have not passed.
    NotDue,
    /// An operator must decide first.
    OperatorDecides,
    /// There is nothing for an operator to decide.
    NotHeld,
}
