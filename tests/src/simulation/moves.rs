//! What may happen next in the chaos phase. Each move has a weight, and is taken only when it can be.

use adapters::queue::PurchaseMessage;
use domain::{AgencyId, Owner, PurchaseId, SubAccountId};
use purchase_check::Route;
use serde_json::Value;

use super::facts::Fact;
use super::invariants::Expected;
use super::operators;
use super::orders::{AGENCY, NUMBERS, Order, SUB_ACCOUNTS, number};
use super::schedule::{Invocation, Schedule};
use super::shared::State;
use super::size::Size;
use crate::events::{Caller, lean_event};

/// Invocations that run at the same time at most.
const RUNNING_MAX: usize = 5;
/// How often a message or a delivery is lost or doubled while faults are left, in percent each.
const MISCARRIED_PERCENT: usize = 10;

/// Something that may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// An invocation goes on to its next port call.
    GoOn,
    /// A customer asks for a number for the first time.
    Ask,
    /// A customer asks again for what was asked for.
    AskAgain,
    /// A message is delivered, lost, or delivered twice.
    DeliverMessage,
    /// An event of Persona's is delivered, lost, or delivered twice.
    DeliverWebhook,
    /// A person or a reviewer does something.
    PersonaMoves,
    /// The clock moves.
    TimePasses,
    /// The sweep starts.
    Sweep,
    /// A customer takes a purchase back.
    Cancel,
    /// Somebody sends a message by hand.
    HandMadeMessage,
    /// An operator decides on a number that is held.
    OperatorDecides,
    /// An operator turns the switch.
    TurnSwitch,
    /// An operator moves a sub-account under an agency, or out of it.
    ChangeAgency,
    /// The agency proves who it is.
    AgencyProves,
    /// A customer uses the key of one request for another.
    ReuseKey,
    /// A sub-account reads another's purchase, or takes it back.
    Pry,
    /// Somebody who is not Persona says that an inquiry is approved.
    Forge,
}

impl Move {
    /// Every move, and how often it is taken beside the others.
    const ALL: [(Self, usize); 17] = [
        (Self::GoOn, 90),
        (Self::Ask, 24),
        (Self::AskAgain, 1),
        (Self::DeliverMessage, 30),
        (Self::DeliverWebhook, 30),
        (Self::PersonaMoves, 14),
        (Self::TimePasses, 9),
        (Self::Sweep, 2),
        (Self::Cancel, 1),
        (Self::HandMadeMessage, 1),
        (Self::OperatorDecides, 6),
        (Self::TurnSwitch, 1),
        (Self::ChangeAgency, 2),
        (Self::AgencyProves, 1),
        (Self::ReuseKey, 1),
        (Self::Pry, 1),
        (Self::Forge, 1),
    ];
}

impl Schedule<'_> {
    /// Decides who asks for what, at least two sub-accounts and at least three purchases, and what is there before.
    pub(super) fn draw_orders(&mut self, size: Size) {
        let mut state = self.shared.state();
        let state = &mut *state;
        let count = size.purchases(&mut state.random);
        self.orders.extend((0..count).map(|key| Order::draw(key, size, &mut state.random)));
        operators::plant(state, size);
        if state.random.chance(20) {
            let number = number(state.random.below(NUMBERS.len()));
            let now = state.now;
            state.carrier.plant(number, now);
        }
        if state.random.chance(20) {
            let number = number(state.random.below(NUMBERS.len()));
            state.carrier.sell_elsewhere(number);
        }
    }

    /// Takes one of the moves that can be taken.
    pub(super) fn step(&mut self) {
        let (possible, mut roll) = {
            let mut state = self.shared.state();
            let possible = Move::ALL.map(|(next, weight)| (next, if self.can(next, &state) { weight } else { 0 }));
            let all = possible.iter().map(|(_, weight)| weight).sum();
            (possible, state.random.below(all))
        };
        for (next, weight) in possible {
            if roll < weight {
                return self.take(next);
            }
            roll -= weight;
        }
    }

    /// Whether nothing is under way, and nothing is on its way.
    pub(super) fn is_quiet(&self) -> bool {
        let state = self.shared.state();
        let moves = [Move::GoOn, Move::Ask, Move::DeliverMessage, Move::DeliverWebhook];
        !moves.into_iter().any(|next| self.can(next, &state))
    }

    fn can(&self, next: Move, state: &State) -> bool {
        let room = self.under_way() < RUNNING_MAX;
        match next {
            Move::GoOn => self.under_way() > 0,
            Move::Ask => room && self.asked < self.orders.len(),
            Move::AskAgain => room && self.asked > 0,
            Move::DeliverMessage => room && !state.queue.is_empty(),
            Move::DeliverWebhook => room && !state.persona.deliveries.is_empty(),
            Move::PersonaMoves => !state.persona.inquiries.is_empty(),
            Move::TimePasses => true,
            Move::Sweep => room,
            Move::Cancel => room && state.known.requests() > 0,
            Move::HandMadeMessage => state.known.requests() > 0,
            Move::OperatorDecides => room && operators::held(state).is_some(),
            Move::TurnSwitch | Move::ChangeAgency => room,
            Move::AgencyProves => true,
            // Where requests are withdrawn, a key may be free again.
            Move::ReuseKey => room && self.asked > 0 && !state.limited,
            Move::Pry => room && state.known.requests() > 0,
            Move::Forge => room && !state.persona.inquiries.is_empty(),
        }
    }

    fn take(&mut self, next: Move) {
        match next {
            Move::GoOn => {
                let index = self.shared.state().random.below(self.under_way());
                self.go_on(index);
            }
            Move::Ask => {
                self.asked += 1;
                self.ask(self.asked - 1);
            }
            Move::AskAgain => {
                let key = self.shared.state().random.below(self.asked);
                self.ask(key);
            }
            Move::DeliverMessage => self.deliver_message(),
            Move::DeliverWebhook => self.deliver_webhook(),
            Move::PersonaMoves => {
                let mut state = self.shared.state();
                let state = &mut *state;
                state.persona.step(state.now, &mut state.random, &mut state.facts);
            }
            Move::TimePasses => self.pass_time(),
            Move::Sweep => self.start(Invocation::Sweep),
            Move::Cancel => self.cancel(),
            Move::HandMadeMessage => {
                let mut state = self.shared.state();
                let message = message_of_any(&mut state);
                state.queue.extend(message);
            }
            Move::OperatorDecides => {
                let event = operators::decides(&mut self.shared.state());
                event.into_iter().for_each(|event| self.start(Invocation::Check(event, Expected::Anything)));
            }
            Move::TurnSwitch => {
                let on = self.shared.state().random.chance(60);
                self.start(Invocation::Check(operators::turns_switch(on), Expected::Anything));
            }
            Move::ChangeAgency => {
                let (under_agency, to_other_account) = {
                    let mut state = self.shared.state();
                    (state.random.chance(60), state.random.chance(30))
                };
                let event = operators::moves_sub_account(under_agency, to_other_account);
                self.start(Invocation::Check(event, Expected::Anything));
            }
            Move::AgencyProves => {
                let mut state = self.shared.state();
                let now = state.now;
                let agency = Owner::Agency(AgencyId::parse(AGENCY).expect("is a word"));
                operators::verify(&mut state, agency, now);
            }
            Move::ReuseKey => {
                let key = self.shared.state().random.below(self.asked);
                if self.stands(key) {
                    let event = self.orders[key].otherwise().event(key);
                    self.start(Invocation::Check(event, Expected::Reused));
                }
            }
            Move::Pry => self.pry(),
            Move::Forge => {
                let forged = {
                    let mut state = self.shared.state();
                    let State { persona, random, now, .. } = &mut *state;
                    persona.forge(random.below(persona.inquiries.len()), *now)
                };
                forged.into_iter().for_each(|delivery| self.start(Invocation::Forged(delivery)));
            }
        }
    }

    /// A request, or a repetition of one.
    pub(super) fn ask(&mut self, key: usize) {
        self.start(self.request(key));
    }

    /// Whether the order under this key led to a purchase.
    pub(super) fn stands(&self, key: usize) -> bool {
        let id = self.orders[key].purchase(key);
        self.shared.state().known.has(id)
    }

    fn cancel(&mut self) {
        let purchase = message_of_any(&mut self.shared.state());
        let Some(PurchaseMessage { sub_account, id, .. }) = purchase else { return };
        let event = follow_event(Route::CancelPurchase, &sub_account, &id, sub_account.as_str());
        self.start(Invocation::Check(event, Expected::Anything));
    }

    fn pry(&mut self) {
        let (purchase, reads) = {
            let mut state = self.shared.state();
            (message_of_any(&mut state), state.random.chance(50))
        };
        let Some(PurchaseMessage { sub_account, id, .. }) = purchase else { return };
        let others = SUB_ACCOUNTS.into_iter().find(|other| *other != sub_account.as_str()).unwrap_or_default();
        let route = if reads { Route::ReadPurchase } else { Route::CancelPurchase };
        self.start(Invocation::Check(follow_event(route, &sub_account, &id, others), Expected::Hidden));
    }

    fn deliver_message(&mut self) {
        let message = {
            let mut state = self.shared.state();
            let waiting = state.queue.len();
            let index = state.random.below(waiting);
            if state.goes_wrong(MISCARRIED_PERCENT) {
                state.facts.insert(Fact::MessageLost);
                state.queue.swap_remove(index);
                return;
            }
            if state.goes_wrong(MISCARRIED_PERCENT) {
                state.facts.insert(Fact::MessageTwice);
                state.queue[index].clone()
            } else {
                state.queue.swap_remove(index)
            }
        };
        if self.is_worked_on(&message) {
            self.shared.state().facts.insert(Fact::TwoWorkers);
        }
        self.start(Invocation::Completion(message));
    }

    fn deliver_webhook(&mut self) {
        let delivery = {
            let mut state = self.shared.state();
            let waiting = state.persona.deliveries.len();
            let index = state.random.below(waiting);
            if state.goes_wrong(MISCARRIED_PERCENT) {
                state.facts.insert(Fact::WebhookLost);
                state.persona.lose(index);
                return;
            }
            if state.goes_wrong(MISCARRIED_PERCENT) {
                state.facts.insert(Fact::WebhookTwice);
                state.persona.deliveries[index].clone()
            } else {
                state.persona.deliveries.swap_remove(index)
            }
        };
        self.start(Invocation::Webhook(delivery));
    }

    fn pass_time(&mut self) {
        let mut state = self.shared.state();
        let ms = match state.random.below(30) {
            0..=14 => state.random.ms(100, 5_000),
            15..=23 => state.random.ms(5_000, 70_000),
            24..=28 => state.random.ms(60_000, 400_000),
            _ => state.random.ms(3_600_000, 80 * 3_600_000),
        };
        state.now = state.now.plus_ms(ms);
    }
}

/// A request about one purchase, by this caller.
fn follow_event(route: Route, sub_account: &SubAccountId, id: &PurchaseId, caller: &str) -> Value {
    let parameters = [("sub", sub_account.as_str()), ("id", id.as_str())];
    lean_event(route.key(), &parameters, &[], Some(&Caller::sub_account(caller)), "")
}

/// A message for any number of any purchase that is there.
fn message_of_any(state: &mut State) -> Option<PurchaseMessage> {
    let index = state.random.below(state.known.requests());
    let (sub_account, id, members) = state.known.request(index)?;
    let mut messages = PurchaseMessage::for_each(&sub_account, &id, members);
    let index = state.random.below(messages.len());
    Some(messages.swap_remove(index))
}
