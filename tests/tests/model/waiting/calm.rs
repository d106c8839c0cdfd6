//! Who is at work, and calm weather.

use super::{CALM_ROUNDS, Due, Function, Phase, Standing, State, VerificationSweep, Waiter, Waiting, Webhook, Worker};

impl State {
    pub(super) fn running(&self) -> Vec<Function> {
        let webhook =
            |owner: u8| (self.webhooks[usize::from(owner)] != Webhook::Idle).then_some(Function::Webhook(owner));
        [
            (self.request != Waiter::Idle).then_some(Function::Request),
            webhook(0),
            webhook(1),
            (self.purchase_sweep != Waiter::Idle).then_some(Function::PurchaseSweep),
            (self.verification_sweep != VerificationSweep::Idle).then_some(Function::VerificationSweep),
            (self.worker != Worker::Idle).then_some(Function::Worker),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What Persona would say of an owner's inquiry.
    pub(super) fn newest_decision(&self, owner: usize) -> Option<u8> {
        (0u8..).zip(&self.decided[owner]).take_while(|(_, at)| at.is_some()).map(|(decision, _)| decision).last()
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.running().is_empty()
    }

    pub(super) fn has_ended(&self) -> bool {
        match self.purchase {
            Standing::NotAsked | Standing::Completed | Standing::Expired | Standing::Cancelled => true,
            Standing::Waiting | Standing::Buying => false,
        }
    }

    pub(super) fn purchase_is_due(&self) -> bool {
        match self.purchase {
            Standing::Waiting => self.due == Due::Soon || self.phase == Phase::Overdue,
            Standing::Buying => true,
            Standing::NotAsked | Standing::Completed | Standing::Expired | Standing::Cancelled => false,
        }
    }

    /// What comes of a state at rest when nothing goes wrong any more and nobody but the sweep begins anything; time
    /// stands still, so that what only the deadline would bring back is not brought back.
    pub(super) fn in_calm_weather(&self, model: &Waiting) -> Self {
        let mut state = self.clone();
        for _ in 0..CALM_ROUNDS {
            let before = state.clone();
            for owner in [0, 1] {
                if state.verifications[usize::from(owner)].due {
                    state.sent = false;
                    model.sweep_verification(&mut state, owner);
                    while state.verification_sweep != VerificationSweep::Idle {
                        model.verification_sweep(&mut state);
                    }
                    state.be_worked_on_if_sent(model);
                }
            }
            if state.purchase == Standing::Buying {
                model.tell(&mut state);
                model.work(&mut state);
            } else if state.purchase_is_due() {
                state.sent = false;
                model.sweep_purchase(&mut state);
                while state.purchase_sweep != Waiter::Idle {
                    let at = state.purchase_sweep;
                    state.purchase_sweep = model.go_on(&mut state, at, true);
                }
                state.be_worked_on_if_sent(model);
            }
            if state == before {
                break;
            }
        }
        state
    }

    pub(super) fn be_worked_on_if_sent(&mut self, model: &Waiting) {
        if self.sent {
            model.tell(self);
            while self.worker != Worker::Idle {
                model.work(self);
            }
        }
    }

    /// The same state once the deadline and its grace have passed.
    pub(super) fn when_overdue(mut self) -> Self {
        self.phase = Phase::Overdue;
        self
    }
}
