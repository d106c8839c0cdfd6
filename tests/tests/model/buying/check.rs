//! Every step that can happen, and what must hold.

use domain::{PurchaseEvent, Reason};
use stateright::{Model, Property};

use super::{
    Action, Asked, Buying, Cleared, FailedLock, Fate, Finding, Guard, Lands, Leased, Number, Overdue, Sid, Standing,
    State, Why, Worker, property,
};

impl Model for Buying {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            purchases: [Standing::Waiting; 2],
            lock: None,
            number: Number::Free,
            flying: [None; 2],
            overdue_landing: Overdue::Never,
            workers: [Worker::Idle; 2],
            clearance: Cleared::Verified,
            asked_uncleared: Asked::Never,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (worker, stage) in (0u8..).zip(&state.workers) {
            match stage {
                Worker::Idle => actions.extend([0, 1].map(|purchase| Action::Visit { worker, purchase })),
                Worker::Looks(_, permit) => {
                    actions.push(Action::Step { worker });
                    if permit.is_some() {
                        actions.push(Action::TooMany { worker });
                    }
                }
                Worker::Sends(index, lease) => {
                    actions.push(Action::Step { worker });
                    if self.still_fits(*lease) {
                        actions.push(Action::TooMany { worker });
                        actions.push(Action::Refuse { worker });
                        if state.number == Number::Ours(*index) {
                            actions.push(Action::NotAvailable { worker });
                        }
                        for fate in [Fate::Done, Fate::Flies, Fate::FliesForADay, Fate::Lost] {
                            actions.push(Action::Unknown { worker, fate });
                        }
                    }
                }
                Worker::FoundAbsent(_) | Worker::LooksAgain(_) | Worker::Knows(..) | Worker::LooksLast(_) => {
                    actions.push(Action::Step { worker });
                }
            }
            if *stage != Worker::Idle {
                actions.push(Action::Crash { worker });
            }
        }
        for (flight, place) in (0u8..).zip(&state.flying) {
            if place.is_some() {
                actions.extend([Action::Land { flight }, Action::Lose { flight }]);
            }
        }
        if state.number == Number::Free {
            actions.push(Action::SellElsewhere);
            // By hand, between a look and its create: nobody can prevent that, so nobody does it here.
            let between = |worker: &Worker| matches!(worker, Worker::Sends(..) | Worker::FoundAbsent(_));
            if state.flying == [None; 2] && !state.workers.iter().any(between) {
                actions.push(Action::BuyByHand);
            }
        }
        if state.clearance == Cleared::Verified {
            actions.push(Action::Revoke);
        }
        actions.extend([0, 1].map(|purchase| Action::Cancel { purchase }));
        if !state.holds_time() {
            actions.push(Action::Tick);
        }
        let buying = |standing: &Standing| matches!(standing, Standing::Buying(_));
        if state.is_at_rest() && !state.purchases.iter().any(buying) {
            actions.push(Action::Day);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Visit { worker, purchase } => self.visit(&mut state, worker, purchase),
            Action::Step { worker } => self.step(&mut state, worker),
            Action::TooMany { worker } => {
                let index = state.workers[usize::from(worker)].asks()?;
                state.workers[usize::from(worker)] = Worker::Knows(index, Finding::NotProcessed);
            }
            Action::Refuse { worker } => {
                let index = state.workers[usize::from(worker)].asks()?;
                state.note_asked(index);
                let refused = Finding::Refused;
                state.workers[usize::from(worker)] = Worker::Knows(index, refused);
            }
            Action::NotAvailable { worker } => {
                let index = state.workers[usize::from(worker)].asks()?;
                state.note_asked(index);
                state.workers[usize::from(worker)] = self.not_available(index);
            }
            Action::Unknown { worker, fate } => {
                let index = state.workers[usize::from(worker)].asks()?;
                self.unknown(&mut state, worker, index, fate)?;
            }
            Action::Crash { worker } => state.workers[usize::from(worker)] = Worker::Idle,
            Action::Land { flight } => {
                let flight = state.flying[usize::from(flight)].take()?;
                if flight.lands == Lands::WithinADay {
                    state.overdue_landing = Overdue::Happened;
                }
                state.execute(flight.purchase);
            }
            Action::Lose { flight } => {
                state.flying[usize::from(flight)].take()?;
            }
            Action::SellElsewhere => state.number = Number::Elsewhere,
            Action::BuyByHand => state.number = Number::ByHand,
            Action::Revoke => state.clearance = Cleared::Revoked(0),
            Action::Cancel { purchase } => {
                self.change(&mut state, purchase, &PurchaseEvent::Cancel, Guard::None);
            }
            Action::Tick => state.tick(),
            Action::Day => state.day(),
        }
        let state = state.sorted();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(property::TOUCHED, |_, state: &State| state.number != Number::Overwritten),
            Property::always(property::UNCLEARED, |_, state: &State| state.asked_uncleared == Asked::Never),
            Property::always(property::OWNED, |_, state: &State| {
                (0u8..).zip(&state.purchases).all(|(index, standing)| {
                    !matches!(standing, Standing::Completed(_)) || state.number == Number::Ours(index)
                })
            }),
            Property::always(property::HELD, |_, state: &State| {
                let held = state.purchases.iter().any(|standing| matches!(standing, Standing::Held(_)));
                !held || state.number == Number::ByHand || state.overdue_landing == Overdue::Happened
            }),
            Property::always(property::ENDS, |model: &Self, state: &State| {
                !state.is_at_rest()
                    || state.in_calm_weather(model).is_some_and(|end| end.has_ended(0) && end.has_ended(1))
            }),
            Property::always(property::ACCOUNTED, |model: &Self, state: &State| {
                if !state.is_at_rest() {
                    return true;
                }
                let Some(end) = state.in_calm_weather(model) else {
                    return true;
                };
                match end.number {
                    Number::Ours(index) => {
                        matches!(end.purchases[usize::from(index)], Standing::Completed(_) | Standing::Held(_))
                    }
                    Number::Free | Number::Elsewhere | Number::ByHand | Number::Overwritten => true,
                }
            }),
            Property::sometimes(
                "two workers are at one purchase",
                |_, state: &State| matches!(state.workers, [Worker::Looks(first, None), Worker::Sends(second, _)] if first == second),
            ),
            Property::sometimes("a create that was not answered is found to be ours", |_, state: &State| {
                state.workers.contains(&Worker::Knows(0, Finding::SeenOurs))
            }),
            Property::sometimes(
                "a further create is permitted in doubt, and lands before the first",
                |_, state: &State| state.flying[0].is_some_and(|flight| state.number == Number::Ours(flight.purchase)),
            ),
            Property::sometimes("our own number is said to be not available", |_, state: &State| {
                state.number == Number::Ours(0) && state.workers.contains(&Worker::LooksAgain(0))
            }),
            Property::sometimes("a permit is refused", |_, state: &State| {
                matches!(
                    state.purchases[0],
                    Standing::Buying(Leased { refusal: Some(Reason::VerificationRevoked), .. })
                )
            }),
            Property::sometimes("a refusal has to be settled", |_, state: &State| {
                matches!(state.purchases[0], Standing::Buying(Leased { refusal: Some(Reason::NumberUnavailable), .. }))
            }),
            Property::sometimes("a doubt is settled as failed", |_, state: &State| {
                matches!(
                    state.purchases[0],
                    Standing::Failed(Why(Reason::CarrierUnresponsive), FailedLock::LastLookInADay)
                )
            }),
            Property::sometimes("the other purchase loses to the lock", |_, state: &State| {
                matches!(
                    state.purchases,
                    [Standing::Buying(_), Standing::Failed(Why(Reason::NumberUnavailable), FailedLock::Unlocked)]
                )
            }),
            Property::sometimes("the last look finds an overdue create", |_, state: &State| {
                matches!(state.purchases[0], Standing::Held(Some(Sid::OfOurs)))
                    && state.overdue_landing == Overdue::Happened
            }),
            Property::sometimes("a number fails, and the next purchase gets it", |_, state: &State| {
                matches!(
                    state.purchases,
                    [Standing::Failed(Why(Reason::CarrierUnresponsive), FailedLock::Unlocked), Standing::Completed(_)]
                )
            }),
        ]
    }
}
