//! The table: a purchase as `domain` knows it, and its conditional change.

use domain::{
    Actor, Decision, EarlierCreates, FailedNumber, Lock, NumberSid, Purchase, PurchaseEvent, PurchaseState, Slot,
};
use tests::purchases::waiting;

use super::{
    Buying, CREATES_OFFSET, FAR_TICKS, FailedLock, Guard, LOOK_PAST_TICKS, Leased, LeftOut, Moved, NOW,
    POST_PAST_TICKS, Sid, Standing, State, TIMING, Why,
};

impl Buying {
    pub(super) fn sid(&self, sid: Sid) -> &NumberSid {
        match sid {
            Sid::OfOurs => &self.sid_of_ours,
            Sid::OfByHand => &self.sid_by_hand,
        }
    }

    pub(super) fn sid_back(&self, sid: &NumberSid) -> Sid {
        if *sid == self.sid_of_ours { Sid::OfOurs } else { Sid::OfByHand }
    }

    pub(super) fn slot(&self, leased: &Leased) -> Slot {
        Slot {
            token: self.tokens[usize::from(leased.token)].clone(),
            lease_until: NOW.plus_ms(leased.lease_until),
            account: self.account.clone(),
            first_post: NOW,
            last_post: NOW.plus_ms(leased.last_post),
            creates: leased.creates + CREATES_OFFSET,
            latest: leased.latest,
            earlier: leased.earlier,
            refusal: leased.refusal,
            absent_at: leased.absent_at.map(|ticks| NOW.plus_ms(ticks)),
        }
    }

    /// The purchase as `domain` knows it. Its slot's first request is always "now": the window of 24 h has no part here.
    pub(super) fn purchase(&self, purchase: u8, standing: &Standing) -> Purchase {
        let state = match standing {
            Standing::Waiting => PurchaseState::Waiting,
            Standing::Buying(leased) => PurchaseState::Buying(self.slot(leased)),
            Standing::Completed(sid) => {
                PurchaseState::Completed { sid: self.sid(*sid).clone(), account: self.account.clone(), at: NOW }
            }
            Standing::Failed(Why(reason), lock) => PurchaseState::Failed {
                reason: *reason,
                at: NOW,
                lock: match lock {
                    FailedLock::Unlocked => FailedNumber::Unlocked,
                    FailedLock::LastLookInADay => FailedNumber::LockedUntil {
                        last_look_at: NOW.plus_ms(FAR_TICKS),
                        account: self.account.clone(),
                    },
                    FailedLock::LastLookIsDue => {
                        FailedNumber::LockedUntil { last_look_at: NOW, account: self.account.clone() }
                    }
                },
            },
            Standing::Cancelled => PurchaseState::Cancelled { at: NOW },
            Standing::Held(sid) => PurchaseState::Held {
                sid: sid.map(|sid| self.sid(sid).clone()),
                account: Some(self.account.clone()),
                at: NOW,
            },
        };
        let id = self.ids[usize::from(purchase)].clone();
        let sub_account = self.sub_accounts[usize::from(purchase)].clone();
        Purchase { deadline: NOW.plus_ms(FAR_TICKS), state, ..waiting(sub_account, id, self.number.clone(), NOW) }
    }

    pub(super) fn standing(&self, purchase: &Purchase) -> Standing {
        match &purchase.state {
            PurchaseState::Waiting => Standing::Waiting,
            PurchaseState::Buying(slot) => {
                // A claim counts from one, every other slot came from `slot` with its offset.
                let creates = slot.creates.checked_sub(CREATES_OFFSET).unwrap_or(slot.creates);
                let token = self.tokens.iter().position(|token| *token == slot.token).expect("one of ours");
                Standing::Buying(Leased {
                    token: u8::try_from(token).expect("two workers"),
                    lease_until: slot.lease_until.ms_since(NOW).max(0),
                    last_post: slot.last_post.ms_since(NOW).max(-POST_PAST_TICKS),
                    creates,
                    latest: slot.latest,
                    earlier: slot.earlier,
                    refusal: slot.refusal,
                    absent_at: slot.absent_at.map(|at| at.ms_since(NOW).max(-LOOK_PAST_TICKS)),
                })
            }
            PurchaseState::Completed { sid, .. } => Standing::Completed(self.sid_back(sid)),
            PurchaseState::Failed { reason, lock, .. } => Standing::Failed(
                Why(*reason),
                match lock {
                    FailedNumber::Unlocked => FailedLock::Unlocked,
                    FailedNumber::LockedUntil { last_look_at, .. } if *last_look_at > NOW => FailedLock::LastLookInADay,
                    FailedNumber::LockedUntil { .. } => FailedLock::LastLookIsDue,
                },
            ),
            PurchaseState::Cancelled { .. } => Standing::Cancelled,
            PurchaseState::Held { sid, .. } => Standing::Held(sid.as_ref().map(|sid| self.sid_back(sid))),
            PurchaseState::Expired { .. } | PurchaseState::Releasing(_) | PurchaseState::Released { .. } => {
                unreachable!("this model has no deadline and no pools")
            }
        }
    }

    /// One conditional change of a purchase: decided on what stands, committed with the lock and the clearance.
    ///
    /// The functions decide on what they read, commit on its version and decide anew when that fails, so what stands
    /// is what counts in the end.
    pub(super) fn change(&self, state: &mut State, index: u8, event: &PurchaseEvent, guard: Guard) -> Moved {
        let place = usize::from(index);
        let mut purchase = self.purchase(index, &state.purchases[place]);
        let event = self.crippled(&mut purchase, event);
        let mut timing = TIMING;
        if self.lacks(LeftOut::SettlingWaits) {
            timing.settle_after_ms = 0;
        }
        let Decision::Applied { mut next, mut effects } = purchase.decide(&event, Actor::Completion, NOW, &timing)
        else {
            return Moved::Not;
        };
        match guard {
            Guard::Cleared if !state.cleared(index) => return Moved::Guarded,
            Guard::Cleared | Guard::None => {}
        }
        if let PurchaseState::Failed { lock, .. } = &mut next.state
            && matches!(lock, FailedNumber::LockedUntil { .. })
            && self.lacks(LeftOut::KeptLock)
        {
            effects.lock = Lock::Free;
        }
        let forgets = matches!(event, PurchaseEvent::Reclaim { .. }) && self.lacks(LeftOut::ReclaimsDoubt)
            || matches!(event, PurchaseEvent::Permit { .. }) && self.lacks(LeftOut::PermitsDoubt);
        if let PurchaseState::Buying(slot) = &mut next.state
            && forgets
        {
            slot.earlier = EarlierCreates::AllAnswered;
        }
        match effects.lock {
            Lock::Unchanged => {}
            Lock::Take if self.lacks(LeftOut::Lock) => {}
            Lock::Take => {
                if state.lock.is_some_and(|owner| owner != index) {
                    return Moved::Locked;
                }
                state.lock = Some(index);
            }
            Lock::Move => unreachable!("this model has no other numbers"),
            Lock::Free => {
                if state.lock == Some(index) {
                    state.lock = None;
                }
            }
        }
        state.purchases[place] = self.standing(&next);
        Moved::Done
    }

    /// The event, and the purchase that it meets, as they would be without the rule that is left out.
    pub(super) fn crippled(&self, purchase: &mut Purchase, event: &PurchaseEvent) -> PurchaseEvent {
        let mut event = event.clone();
        let PurchaseState::Buying(slot) = &mut purchase.state else {
            return event;
        };
        if self.lacks(LeftOut::FailsToken)
            && let PurchaseEvent::PermitRefused { token: Some(token), .. }
            | PurchaseEvent::SeenForeign { token, .. }
            | PurchaseEvent::SeenAbsent { token: Some(token) }
            | PurchaseEvent::Refused { token, .. } = &mut event
        {
            *token = slot.token.clone();
        }
        if self.lacks(LeftOut::DefiniteOnlyIfNothingUnknown) && matches!(event, PurchaseEvent::Refused { .. }) {
            slot.earlier = EarlierCreates::AllAnswered;
        }
        if self.lacks(LeftOut::SecondSettlingLook) && slot.absent_at.is_none() {
            slot.absent_at = Some(slot.last_post.plus_ms(TIMING.settle_after_ms - TIMING.settle_gap_ms));
        }
        if self.lacks(LeftOut::CancelOnlyWhileWaiting) && matches!(event, PurchaseEvent::Cancel) {
            purchase.state = PurchaseState::Waiting;
        }
        event
    }
}
