//! What may happen next in the chaos phase. Each move has a weight, and is taken only when it can be.

use std::sync::LazyLock;

use adapters::queue::PurchaseMessage;
use domain::{IdempotencyKey, PhoneNumber, PurchaseId, SubAccountId};
use purchase_check::Route;
use serde_json::Value;

use super::facts::Fact;
use super::schedule::{Invocation, Schedule};
use super::shared::State;
use crate::events::{Caller, ask_event, http_event};

/// The sub-accounts of a schedule.
const SUB_ACCOUNTS: [&str; 2] = ["LocA", "LocB"];
/// The numbers that they ask for: few, so that they meet. The last is not gated.
const NUMBERS: [&str; 4] = ["+12125550100", "+14165550100", "+17875550100", "+18765550100"];
/// Purchases that a schedule asks for at least.
const PURCHASES_MIN: usize = 3;
/// Purchases that a schedule asks for at most.
const PURCHASES_MAX: usize = 4;
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
}

impl Move {
    /// Every move, and how often it is taken beside the others.
    const ALL: [(Self, usize); 10] = [
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
    ];
}

/// One request that a customer makes, and repeats until it is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    sub_account: usize,
    number: usize,
}

impl Schedule<'_> {
    /// Decides who asks for what: at least two sub-accounts, at least three purchases.
    pub(super) fn draw_orders(&mut self) {
        let mut state = self.shared.state();
        let count = [PURCHASES_MIN, PURCHASES_MIN, PURCHASES_MIN, PURCHASES_MAX][state.random.below(4)];
        for key in 0..count {
            let sub_account = if key < SUB_ACCOUNTS.len() { key } else { state.random.below(SUB_ACCOUNTS.len()) };
            self.orders.push(Order { sub_account, number: state.random.below(NUMBERS.len()) });
        }
        if state.random.chance(25) {
            let number = PhoneNumber::parse(NUMBERS[state.random.below(NUMBERS.len())]).expect("is a number");
            let now = state.now;
            state.carrier.plant(number, now);
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
            Move::Cancel => room && !state.known.purchases.is_empty(),
            Move::HandMadeMessage => !state.known.purchases.is_empty(),
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
                state.persona.step(state.now, &mut state.random);
            }
            Move::TimePasses => self.pass_time(),
            Move::Sweep => self.start(Invocation::Sweep),
            Move::Cancel => self.cancel(),
            Move::HandMadeMessage => {
                let mut state = self.shared.state();
                let message = message_of_any(&mut state);
                state.queue.extend(message);
            }
        }
    }

    /// A request, or a repetition of one.
    pub(super) fn ask(&mut self, key: usize) {
        let (event, _) = request(key, self.orders[key]);
        self.start(Invocation::Check(event.clone()));
    }

    /// Whether the order under this key led to a purchase.
    pub(super) fn stands(&self, key: usize) -> bool {
        let (_, id) = request(key, self.orders[key]);
        self.shared.state().known.purchases.iter().any(|purchase| purchase.id == *id)
    }

    fn cancel(&mut self) {
        let purchase = message_of_any(&mut self.shared.state());
        let Some(PurchaseMessage { sub_account, id, .. }) = purchase else { return };
        let parameters = [("sub", sub_account.as_str()), ("id", id.as_str())];
        let caller = Caller::sub_account(sub_account.as_str());
        let event = http_event(Route::CancelPurchase.key(), &parameters, &[], Some(&caller), "");
        self.start(Invocation::Check(event));
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

/// A message for any purchase that is there.
fn message_of_any(state: &mut State) -> Option<PurchaseMessage> {
    let index = state.random.below(state.known.purchases.len());
    let purchase = state.known.purchases.get(index)?;
    Some(PurchaseMessage { sub_account: purchase.sub_account.clone(), id: purchase.id.clone(), member: None })
}

/// The request for an order, and the purchase that it leads to.
fn request(key: usize, order: Order) -> &'static (Value, PurchaseId) {
    &REQUESTS[(key * SUB_ACCOUNTS.len() + order.sub_account) * NUMBERS.len() + order.number]
}

/// The requests under each key, of each sub-account, for each number.
static REQUESTS: LazyLock<Vec<(Value, PurchaseId)>> = LazyLock::new(|| {
    let of_key = |key: usize| {
        SUB_ACCOUNTS.into_iter().flat_map(move |sub_account| {
            let (caller, header) = (Caller::sub_account(sub_account), format!("key-{key}"));
            let of = SubAccountId::parse(sub_account).expect("is a word");
            let id = PurchaseId::of(&of, &IdempotencyKey::parse(&header).expect("is a key"));
            NUMBERS.into_iter().map(move |number| (ask_event(&caller, sub_account, &header, number), id.clone()))
        })
    };
    (0..PURCHASES_MAX).flat_map(of_key).collect()
});
