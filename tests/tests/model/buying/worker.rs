//! What a worker does between two of its reads, writes and requests.

use domain::{AfterAbsent, PurchaseEvent, Reason, Visit};

use super::{
    Buying, CARRIER_TIMEOUT, Fate, Finding, Flight, Guard, Lands, LeftOut, Moved, NOW, Number, Sid, Standing, State,
    TIMING, Worker,
};

impl Buying {
    pub(super) fn visit(&self, state: &mut State, worker: u8, index: u8) {
        let token = self.tokens[usize::from(worker)].clone();
        let next = match self.purchase(index, &state.purchases[usize::from(index)]).visit(NOW) {
            Visit::Claim => {
                let guard = if self.lacks(LeftOut::ClaimsClearance) { Guard::None } else { Guard::Cleared };
                let event = PurchaseEvent::Claim { token, account: self.account.clone(), number: self.number.clone() };
                match self.change(state, index, &event, guard) {
                    Moved::Done if self.lacks(LeftOut::Look) => Worker::Sends(index, TIMING.lease_ms),
                    Moved::Done => Worker::Looks(index, Some(TIMING.lease_ms)),
                    Moved::Locked => {
                        let event = PurchaseEvent::LockTaken { same_sub_account: false };
                        self.change(state, index, &event, Guard::None);
                        Worker::Idle
                    }
                    Moved::Not | Moved::Guarded => Worker::Idle,
                }
            }
            Visit::LeaseHeld { .. } if !self.lacks(LeftOut::Lease) => Worker::Idle,
            Visit::LeaseHeld { .. } | Visit::Reclaim => {
                if self.lacks(LeftOut::Lease)
                    && let Standing::Buying(leased) = &mut state.purchases[usize::from(index)]
                {
                    leased.lease_until = 0;
                }
                let guard = if self.lacks(LeftOut::ReclaimWithoutClearance) { Guard::Cleared } else { Guard::None };
                match self.change(state, index, &PurchaseEvent::Reclaim { token }, guard) {
                    Moved::Done if self.lacks(LeftOut::Look) => Worker::FoundAbsent(index),
                    Moved::Done => Worker::Looks(index, None),
                    Moved::Not | Moved::Guarded | Moved::Locked => Worker::Idle,
                }
            }
            Visit::LastLook { .. } if self.lacks(LeftOut::LastLook) => Worker::Knows(index, Finding::AbsentAtLast),
            Visit::LastLook { .. } => Worker::LooksLast(index),
            Visit::Release => unreachable!("this model has no pools"),
            Visit::Nothing => Worker::Idle,
        };
        state.workers[usize::from(worker)] = next;
    }

    /// What the carrier's list says to a purchase: none when it does not show the number.
    pub(super) fn look(&self, state: &State, index: u8) -> Option<Finding> {
        match state.number {
            Number::Free | Number::Elsewhere => None,
            Number::Ours(mark) if mark == index => Some(Finding::SeenOurs),
            Number::Ours(_) | Number::ByHand | Number::Overwritten if self.lacks(LeftOut::Mark) => {
                Some(Finding::SeenOurs)
            }
            Number::Ours(_) | Number::ByHand | Number::Overwritten => Some(Finding::SeenForeign),
        }
    }

    pub(super) fn step(&self, state: &mut State, worker: u8) {
        let next = match state.workers[usize::from(worker)] {
            Worker::Idle => return,
            Worker::Looks(index, permit) => match (self.look(state, index), permit) {
                (Some(finding), _) => Worker::Knows(index, finding),
                (None, Some(lease)) => Worker::Sends(index, lease),
                (None, None) => Worker::FoundAbsent(index),
            },
            Worker::FoundAbsent(index) => self.after_absent(state, worker, index),
            Worker::Sends(index, lease) => {
                if self.still_fits(lease) {
                    match self.create(state, index) {
                        Some(finding) => Worker::Knows(index, finding),
                        None => self.not_available(index),
                    }
                } else {
                    Worker::Idle
                }
            }
            Worker::LooksAgain(index) => match self.look(state, index) {
                Some(finding) => Worker::Knows(index, finding),
                None => Worker::Knows(index, Finding::NotAvailable),
            },
            Worker::LooksLast(index) => match self.look(state, index) {
                Some(Finding::SeenOurs) => Worker::Knows(index, Finding::SeenOurs),
                Some(_) | None => Worker::Knows(index, Finding::AbsentAtLast),
            },
            Worker::Knows(index, finding) => {
                let event = self.event(state, worker, finding);
                self.change(state, index, &event, Guard::None);
                Worker::Idle
            }
        };
        state.workers[usize::from(worker)] = next;
    }

    pub(super) fn after_absent(&self, state: &mut State, worker: u8, index: u8) -> Worker {
        // Its own lease, or the visit is over: a lease that has changed hands refuses every event but proof.
        let Standing::Buying(leased) = state.purchases[usize::from(index)] else {
            return Worker::Idle;
        };
        let token = self.tokens[usize::from(worker)].clone();
        let mut timing = TIMING;
        if self.lacks(LeftOut::SettlingWaits) {
            timing.settle_after_ms = 0;
        }
        match self.slot(&leased).after_absent(NOW, &timing) {
            AfterAbsent::Permit if self.lacks(LeftOut::Permit) => Worker::Sends(index, leased.lease_until),
            AfterAbsent::Permit => {
                let event = PurchaseEvent::Permit { token: token.clone() };
                match self.change(state, index, &event, Guard::Cleared) {
                    Moved::Done => Worker::Sends(index, TIMING.lease_ms),
                    Moved::Not | Moved::Locked => Worker::Idle,
                    Moved::Guarded => {
                        let reason = Reason::VerificationRevoked;
                        let refused = PurchaseEvent::PermitRefused { token: Some(token), reason };
                        self.change(state, index, &refused, Guard::None);
                        Worker::Idle
                    }
                }
            }
            AfterAbsent::Settle | AfterAbsent::Wait { .. } => {
                self.change(state, index, &PurchaseEvent::SeenAbsent { token: Some(token) }, Guard::None);
                Worker::Idle
            }
        }
    }

    pub(super) fn not_available(&self, index: u8) -> Worker {
        if self.lacks(LeftOut::LookAfterNotAvailable) {
            Worker::Knows(index, Finding::NotAvailable)
        } else {
            Worker::LooksAgain(index)
        }
    }

    pub(super) fn still_fits(&self, lease: i64) -> bool {
        CARRIER_TIMEOUT < lease || self.lacks(LeftOut::ClockCheck)
    }

    /// The carrier gets a create: what its answer is read as, or none for "not available".
    pub(super) fn create(&self, state: &mut State, index: u8) -> Option<Finding> {
        state.note_asked(index);
        let answer = match state.number {
            Number::Elsewhere => None,
            Number::Free | Number::Ours(_) | Number::ByHand | Number::Overwritten => Some(state.number),
        };
        state.execute(index);
        answer.map(|before| match before {
            Number::Free => Finding::Bought,
            Number::Ours(mark) if mark == index => Finding::Bought,
            Number::Ours(_) | Number::ByHand | Number::Overwritten | Number::Elsewhere => {
                if self.lacks(LeftOut::ReadBack) { Finding::Bought } else { Finding::BoughtWrong }
            }
        })
    }

    pub(super) fn event(&self, state: &State, worker: u8, finding: Finding) -> PurchaseEvent {
        let token = self.tokens[usize::from(worker)].clone();
        let sid = match state.number {
            Number::Ours(_) | Number::Free | Number::Elsewhere => Sid::OfOurs,
            Number::ByHand | Number::Overwritten => Sid::OfByHand,
        };
        match finding {
            Finding::SeenOurs => PurchaseEvent::SeenOurs { sid: self.sid(sid).clone() },
            Finding::SeenForeign => PurchaseEvent::SeenForeign { token, same_sub_account: false },
            Finding::AbsentAtLast => PurchaseEvent::SeenAbsent { token: None },
            Finding::Bought => PurchaseEvent::Bought { sid: self.sid(sid).clone() },
            Finding::BoughtWrong => PurchaseEvent::BoughtWrong { sid: self.sid(sid).clone() },
            Finding::NotAvailable => PurchaseEvent::Refused { token, reason: Reason::NumberUnavailable },
            Finding::Refused => PurchaseEvent::Refused { token, reason: Reason::CarrierRefused },
            Finding::NotProcessed => PurchaseEvent::NotProcessed { token, retry_at: NOW.plus_ms(1) },
        }
    }

    /// A create whose answer never comes.
    pub(super) fn unknown(&self, state: &mut State, worker: u8, index: u8, fate: Fate) -> Option<()> {
        let last_post =
            if let Standing::Buying(leased) = state.purchases[usize::from(index)] { leased.last_post } else { 0 };
        match fate {
            Fate::Done => state.execute(index),
            Fate::Lost => {}
            Fate::Flies | Fate::FliesForADay => {
                let free = state.flying.iter().position(Option::is_none)?;
                let lands = match fate {
                    Fate::FliesForADay => Lands::WithinADay,
                    Fate::Flies | Fate::Done | Fate::Lost => Lands::Within((last_post + TIMING.settle_after_ms).max(0)),
                };
                state.flying[free] = Some(Flight { purchase: index, lands });
            }
        }
        state.note_asked(index);
        state.workers[usize::from(worker)] =
            if self.lacks(LeftOut::UnknownIsNotFailed) { Worker::Knows(index, Finding::Refused) } else { Worker::Idle };
        Some(())
    }
}
