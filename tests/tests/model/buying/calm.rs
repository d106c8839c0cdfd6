//! Time, the carrier, and calm weather.

use super::{
    Asked, Buying, CALM_VISITS_MAX, Cleared, FailedLock, LOOK_PAST_TICKS, Lands, LeftOut, NOW, Number, POST_PAST_TICKS,
    Standing, State, TIMING, Worker,
};

impl State {
    pub(super) fn cleared(&self, index: u8) -> bool {
        index != 0 || self.clearance == Cleared::Verified
    }

    pub(super) fn note_asked(&mut self, index: u8) {
        if index == 0 && self.clearance == Cleared::Revoked(TIMING.lease_ms) {
            self.asked_uncleared = Asked::Happened;
        }
    }

    /// The carrier processes a create. One for a number that the account has already changes its mark, as reported
    /// of Twilio (github.com/stevegraham/twilio-rb, issue 7).
    pub(super) fn execute(&mut self, index: u8) {
        self.number = match self.number {
            Number::Free => Number::Ours(index),
            Number::Ours(mark) if mark == index => Number::Ours(index),
            Number::Elsewhere => Number::Elsewhere,
            Number::Ours(_) | Number::ByHand | Number::Overwritten => Number::Overwritten,
        };
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.workers == [Worker::Idle; 2] && self.flying == [None; 2]
    }

    pub(super) fn tick(&mut self) {
        for standing in &mut self.purchases {
            if let Standing::Buying(leased) = standing {
                leased.lease_until = (leased.lease_until - 1).max(0);
                leased.last_post = (leased.last_post - 1).max(-POST_PAST_TICKS);
                leased.absent_at = leased.absent_at.map(|at| (at - 1).max(-LOOK_PAST_TICKS));
            }
        }
        for worker in &mut self.workers {
            match worker {
                Worker::Looks(_, Some(lease)) | Worker::Sends(_, lease) => *lease = (*lease - 1).max(0),
                Worker::Idle
                | Worker::Looks(_, None)
                | Worker::FoundAbsent(_)
                | Worker::LooksAgain(_)
                | Worker::Knows(..)
                | Worker::LooksLast(_) => {}
            }
        }
        for flight in self.flying.iter_mut().flatten() {
            if let Lands::Within(ticks) = &mut flight.lands {
                *ticks -= 1;
            }
        }
        if let Cleared::Revoked(ticks) = &mut self.clearance {
            *ticks = (*ticks + 1).min(TIMING.lease_ms);
        }
    }

    pub(super) fn day(&mut self) {
        for standing in &mut self.purchases {
            if let Standing::Failed(_, lock @ FailedLock::LastLookInADay) = standing {
                *lock = FailedLock::LastLookIsDue;
            }
        }
        if let Cleared::Revoked(ticks) = &mut self.clearance {
            *ticks = TIMING.lease_ms;
        }
    }

    /// Whether a create that is on its way must land or be lost before time goes on.
    pub(super) fn holds_time(&self) -> bool {
        self.flying.iter().flatten().any(|flight| flight.lands == Lands::Within(0))
    }

    /// What comes of a state at rest when nothing goes wrong any more and only the due index brings purchases back;
    /// none when they have not ended after [`CALM_VISITS_MAX`] visits.
    pub(super) fn in_calm_weather(&self, model: &Buying) -> Option<Self> {
        let mut state = self.clone();
        for _ in 0..CALM_VISITS_MAX {
            let due = |index: &u8| {
                let standing = &state.purchases[usize::from(*index)];
                let for_its_deadline = *standing == Standing::Waiting && !state.cleared(*index);
                let dropped = matches!(standing, Standing::Failed(..)) && model.lacks(LeftOut::SettledFailureIsDue);
                !for_its_deadline && !dropped && model.purchase(*index, standing).due_at(NOW, 1).is_some()
            };
            let Some(index) = [0, 1].into_iter().find(due) else {
                return Some(state);
            };
            if let Standing::Buying(leased) = state.purchases[usize::from(index)] {
                (0..leased.lease_until).for_each(|_| state.tick());
            }
            if matches!(state.purchases[usize::from(index)], Standing::Failed(_, FailedLock::LastLookInADay)) {
                state.day();
            }
            model.visit(&mut state, 0, index);
            while state.workers[0] != Worker::Idle {
                model.step(&mut state, 0);
            }
        }
        None
    }

    /// Whether a purchase has ended, or waits for its deadline, which the other model has.
    pub(super) fn has_ended(&self, index: u8) -> bool {
        match self.purchases[usize::from(index)] {
            Standing::Waiting => !self.cleared(index),
            Standing::Buying(_) | Standing::Failed(_, FailedLock::LastLookInADay | FailedLock::LastLookIsDue) => false,
            Standing::Completed(_)
            | Standing::Failed(_, FailedLock::Unlocked)
            | Standing::Cancelled
            | Standing::Held(_) => true,
        }
    }

    /// The same state with its workers and its creates in one order: which is which makes no difference.
    pub(super) fn sorted(mut self) -> Self {
        if self.flying[0].is_none() || (self.flying[1].is_some() && self.flying[1] < self.flying[0]) {
            self.flying.swap(0, 1);
        }
        if self.workers[1] < self.workers[0] {
            self.workers.swap(0, 1);
            for standing in &mut self.purchases {
                if let Standing::Buying(leased) = standing {
                    leased.token = 1 - leased.token;
                }
            }
        }
        self
    }
}
