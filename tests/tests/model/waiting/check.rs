//! Every step that can happen, and what must hold.

use domain::{PurchaseEvent, VerificationState};
use stateright::{Model, Property};

use super::{
    Action, Course, DECISIONS_MAX, Due, Function, Known, OWN, OWNERS, Phase, RUNNING_MAX, Standing, State,
    VerificationSweep, Waiter, Waiting, Webhook, Worker, Wrong, property,
};

impl Model for Waiting {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let open =
            Known { state: VerificationState::InProgress { phase: domain::Phase::NeedsUser }, seen: None, due: true };
        vec![State {
            phase: Phase::BeforeDeadline,
            purchase: Standing::NotAsked,
            due: Due::Soon,
            pointers: [false; 2],
            verifications: [open; 2],
            decided: [[None; DECISIONS_MAX]; 2],
            request: Waiter::Idle,
            webhooks: [Webhook::Idle; 2],
            purchase_sweep: Waiter::Idle,
            verification_sweep: VerificationSweep::Idle,
            worker: Worker::Idle,
            begun_in_time: [false; 2],
            course: Course::Smooth,
            sent: false,
            wrong: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let running = state.running();
        for function in &running {
            actions.push(match function {
                Function::Request => Action::Request,
                Function::Webhook(owner) => Action::Webhook { owner: *owner },
                Function::PurchaseSweep => Action::PurchaseSweep,
                Function::VerificationSweep => Action::VerificationSweep,
                Function::Worker => Action::Worker,
            });
            actions.push(Action::Crash(*function));
        }
        if running.len() < RUNNING_MAX {
            let may_ask = state.phase == Phase::BeforeDeadline || state.purchase != Standing::NotAsked;
            if may_ask && state.request == Waiter::Idle {
                actions.push(Action::Ask);
            }
            for owner in [0, 1] {
                if state.webhooks[usize::from(owner)] == Webhook::Idle {
                    let decided = (0u8..).zip(state.decided[usize::from(owner)]).filter(|(_, at)| at.is_some());
                    actions.extend(decided.map(|(decision, _)| Action::Deliver { owner, decision }));
                }
                let due = state.verifications[usize::from(owner)].due;
                if due && state.verification_sweep == VerificationSweep::Idle {
                    actions.push(Action::SweepVerification { owner });
                }
            }
            if state.purchase == Standing::Waiting && state.purchase_is_due() && state.purchase_sweep == Waiter::Idle {
                actions.push(Action::SweepPurchase);
            }
            if state.worker == Worker::Idle {
                actions.push(Action::Tell);
            }
        }
        for owner in [0, 1] {
            let decided = state.decided[usize::from(owner)].iter().flatten().count();
            let matters = state.phase != Phase::Overdue && !(state.has_ended() && state.purchase != Standing::NotAsked);
            if matters && decided < self.persona.decisions(usize::from(owner)).len() {
                actions.push(Action::Decide { owner });
            }
        }
        actions.push(Action::Cancel);
        // The grace is longer than any function may take.
        if state.phase == Phase::BeforeDeadline || state.begun_in_time == [false; 2] {
            actions.push(Action::NextPhase);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Ask => self.ask(&mut state),
            Action::Request => state.request = self.go_on(&mut state, last.request, false),
            Action::Decide { owner } => {
                let decided = &mut state.decided[usize::from(owner)];
                let next = decided.iter().position(Option::is_none)?;
                decided[next] = Some(state.phase);
            }
            Action::Deliver { owner, decision } => {
                state.webhooks[usize::from(owner)] = Webhook::Marks(decision);
            }
            Action::Webhook { owner } => self.webhook(&mut state, usize::from(owner)),
            Action::SweepPurchase => self.sweep_purchase(&mut state),
            Action::PurchaseSweep => state.purchase_sweep = self.go_on(&mut state, last.purchase_sweep, true),
            Action::SweepVerification { owner } => self.sweep_verification(&mut state, owner),
            Action::VerificationSweep => self.verification_sweep(&mut state),
            Action::Tell => self.tell(&mut state),
            Action::Worker => self.work(&mut state),
            Action::Crash(function) => self.crash(&mut state, function),
            Action::Cancel => {
                self.change(&mut state, &PurchaseEvent::Cancel);
            }
            Action::NextPhase => match state.phase {
                Phase::BeforeDeadline => {
                    state.phase = Phase::InGrace;
                    state.begun_in_time = state.webhooks.map(|webhook| webhook != Webhook::Idle);
                }
                Phase::InGrace => state.phase = Phase::Overdue,
                Phase::Overdue => return None,
            },
        }
        if state.course == Course::Rough {
            // Only said of a smooth course.
            state.sent = false;
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(property::CLEARED, |_, state: &State| state.wrong != Some(Wrong::ClaimedUncleared)),
            Property::always(property::EXPIRED_CLEARED, |_, state: &State| state.wrong != Some(Wrong::ExpiredCleared)),
            Property::always(property::EXPIRED_EARLY, |_, state: &State| state.wrong != Some(Wrong::ExpiredEarly)),
            Property::always(property::EXPIRED_UNASKED, |_, state: &State| state.wrong != Some(Wrong::ExpiredUnasked)),
            Property::always(property::ORDER, |_, state: &State| state.wrong != Some(Wrong::Regressed)),
            Property::always(property::AT_ONCE, |model: &Self, state: &State| {
                let waits = state.purchase == Standing::Waiting && state.is_at_rest();
                !waits || state.course == Course::Rough || state.sent || !model.cleared_in_time(state)
            }),
            Property::always(property::WOKEN, |model: &Self, state: &State| {
                if !state.is_at_rest() || state.phase != Phase::BeforeDeadline {
                    return true;
                }
                let calm = state.in_calm_weather(model);
                !(calm.purchase == Standing::Waiting && model.cleared_in_time(&calm))
            }),
            Property::always(property::FOUND, |model: &Self, state: &State| {
                if !state.is_at_rest() || state.decided[1][0].is_none() {
                    return true;
                }
                model.verification(&state.in_calm_weather(model), 1).verified_at().is_some()
            }),
            Property::always(property::ENDS, |model: &Self, state: &State| {
                if !state.is_at_rest() {
                    return true;
                }
                let end = state.in_calm_weather(model).when_overdue().in_calm_weather(model);
                end.has_ended() && end.pointers == [false; 2]
            }),
            Property::always(property::SLEEPS, |model: &Self, state: &State| {
                if !state.is_at_rest() {
                    return true;
                }
                let end = state.in_calm_weather(model).when_overdue().in_calm_weather(model);
                OWNERS.iter().all(|owner| {
                    model.verification(&end, *owner).verified_at().is_none() || !end.verifications[*owner].due
                })
            }),
            self.persona.example(),
            Property::sometimes("request, webhook and sweep run at once", |_, state: &State| {
                state.request == Waiter::Reads
                    && state.webhooks[OWN] == Webhook::Lists
                    && state.purchase_sweep == Waiter::PutsOff
            }),
            Property::sometimes("the purchase sleeps until its deadline", |_, state: &State| {
                state.purchase == Standing::Waiting && state.due == Due::AtDeadline
            }),
            Property::sometimes("a proof that came too late does not count", |_, state: &State| {
                state.purchase == Standing::Expired && state.verifications[OWN].is_verified()
            }),
            Property::sometimes("a proof in time is written down within the grace", |_, state: &State| {
                state.phase == Phase::InGrace && state.begun_in_time[OWN] && state.webhooks[OWN] == Webhook::Lists
            }),
            Property::sometimes("a proof is taken back between a worker's read and its claim", |_, state: &State| {
                state.worker == Worker::Claims(0)
                    && matches!(state.verifications[OWN].state, VerificationState::Revoked { .. })
            }),
            Property::sometimes("a cancellation overtakes a claim", |_, state: &State| {
                state.purchase == Standing::Cancelled && matches!(state.worker, Worker::Claims(_))
            }),
        ]
    }
}
