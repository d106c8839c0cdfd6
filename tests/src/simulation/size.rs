//! How much happens in a schedule. What goes wrong mostly does so with few purchases and one or two faults, in a fraction
//! of the time that a large schedule takes; what needs more of everything has its share, too.

use super::orders::SUB_ACCOUNTS;
use super::random::Random;

/// Schedules that are large, in percent.
const LARGE_PERCENT: usize = 5;

/// How much happens in a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// As little as counts: three purchases, one or two faults, a few dozen moves.
    Small,
    /// Up to five purchases, up to six faults, up to ninety moves.
    Large,
}

impl Size {
    pub(super) fn draw(random: &mut Random) -> Self {
        if random.chance(LARGE_PERCENT) { Self::Large } else { Self::Small }
    }

    /// How many purchases are asked for.
    pub(super) fn purchases(self, random: &mut Random) -> usize {
        match self {
            Self::Small => 3,
            Self::Large => [3, 3, 3, 4, 4, 5][random.below(6)],
        }
    }

    /// How likely a request is to be for one number alone whatever the dice say, in percent: each number of a pool is as
    /// much work as one alone.
    pub(super) fn alone_percent(self) -> usize {
        match self {
            Self::Small => 80,
            Self::Large => 0,
        }
    }

    /// How likely each sub-account is to have proved who it is before, in percent: most of the work is for those that have
    /// not.
    pub(super) fn verified_percent(self) -> [usize; SUB_ACCOUNTS.len()] {
        match self {
            Self::Small => [50, 40],
            Self::Large => [35, 0],
        }
    }

    /// How many moves the chaos phase has at most.
    pub(super) fn moves(self, random: &mut Random) -> usize {
        match self {
            Self::Small => 6 + random.below(22),
            Self::Large => 40 + random.below(50),
        }
    }

    /// How likely a port call is to fail while faults are left, in percent. Where none does, the few faults are left for
    /// what else goes wrong: creates, deliveries, clocks.
    pub(super) fn fault_percent(self, random: &mut Random) -> usize {
        match self {
            Self::Small => [0, 4, 8, 16, 32][random.below(5)],
            Self::Large => [4, 8, 16, 32][random.below(4)],
        }
    }

    /// How many faults may happen.
    pub(super) fn faults(self, random: &mut Random) -> u32 {
        match self {
            Self::Small => [1, 1, 2][random.below(3)],
            Self::Large => [1, 2, 3, 4, 5, 6][random.below(6)],
        }
    }
}
