//! Where one number stands in its request.

use crate::action::Action;
use crate::limits::POOL_NUMBERS_MAX;

/// Whether a number is the whole request, or one of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// It is all that was asked for.
    Alone,
    /// It is this one of a pool.
    Member(MemberIndex),
}

impl Place {
    /// What is done by asking for the number, for the gate.
    #[must_use]
    pub const fn action(self) -> Action {
        match self {
            Self::Alone => Action::PhoneNumberPurchase,
            Self::Member(_) => Action::NumberPoolPurchase,
        }
    }

    /// Whether the number is one of a pool.
    #[must_use]
    pub const fn is_member(self) -> bool {
        match self {
            Self::Alone => false,
            Self::Member(_) => true,
        }
    }
}

/// Which number of a pool, counted from 0; below [`POOL_NUMBERS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberIndex(u8);

impl MemberIndex {
    /// The member at this place; `None` beyond the largest pool.
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        u8::try_from(index).ok().filter(|_| index < POOL_NUMBERS_MAX).map(Self)
    }

    /// The members of a pool of so many numbers, in order.
    pub fn all(numbers: usize) -> impl Iterator<Item = Self> {
        (0..numbers).map_while(Self::new)
    }

    /// The place, counted from 0.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

/// What to do when a number is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfUnavailable {
    /// Fail, and name alternatives.
    #[default]
    Fail,
    /// Take another number of the same area code.
    SameAreaCode,
}
