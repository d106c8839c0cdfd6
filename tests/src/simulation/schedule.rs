//! One schedule: chaos, then calm.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use adapters::items::keys;
use adapters::queue::PurchaseMessage;
use adapters::store::Key;
use domain::{InquiryStatus, Instant};
use serde_json::Value;

use super::facts::{Fact, Facts};
use super::functions::Functions;
use super::invariants::{self, Expected, Violation};
use super::operators;
use super::orders::Order;
use super::people::Delivery;
use super::ports::Ports;
use super::shared::{Shared, State};
use super::size::Size;
use super::weakness::Weakness;

/// How likely the chaos phase is to end when nothing is under way and nothing is on its way, in percent: what could
/// happen then happens in calm as well.
const QUIET_ENDS_PERCENT: usize = 20;
/// Port calls of one invocation before it counts as endless.
const CALLS_MAX: u32 = 4000;
/// Rounds of the calm phase before what has not ended counts as stranded: a round is a sweep.
const CALM_ROUNDS_MAX: u32 = 400;
/// How likely an invocation is to have a clock of its own while faults are left, in percent.
const SKEWED_PERCENT: usize = 8;
/// How far a buyer's clock may be from the others', in milliseconds.
const BUYERS_SKEW_MS_MAX: i64 = 2_000;
/// How far any other clock may be from the others', in milliseconds.
const OTHERS_SKEW_MS_MAX: i64 = 60_000;
/// Rounds of the calm phase in which operators decide on what is held.
const OPERATORS_ROUNDS: u32 = 20;
/// Least time between two sweeps, in milliseconds.
const SWEEP_MS: i64 = 60_000;
/// How long a sweep of the calm phase may be late, in milliseconds: what becomes due in the meantime is swept with it.
const LATE_SWEEP_MS: i64 = 600_000;

/// What one schedule led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Broken invariants.
    pub violations: Vec<Violation>,
    /// What was seen.
    pub facts: Facts,
    /// Calls of ports.
    pub port_calls: u64,
    /// Purchases in the table at the end.
    pub purchases: usize,
    /// Sub-accounts that have one.
    pub sub_accounts: usize,
    /// Faults that happened.
    pub faults: u32,
    /// All port calls with their fates, as one number: schedules that differ in it are distinct.
    pub trace: u64,
}

impl Outcome {
    /// Whether the schedule was weather enough to count: two sub-accounts, three purchases and one fault.
    pub fn counts(&self) -> bool {
        self.sub_accounts >= 2 && self.purchases >= 3 && self.faults >= 1
    }
}

/// One invocation of a function.
#[derive(Debug)]
pub(super) enum Invocation {
    /// `purchase-check` answers this event, and should so.
    Check(Value, Expected),
    /// `persona-webhook` takes this delivery, which comes again unless it is answered with 200.
    Webhook(Delivery),
    /// `persona-webhook` is sent this delivery by somebody who is not Persona.
    Forged(Delivery),
    /// `purchase-completion` works on this message, which comes back unless it is done with.
    Completion(PurchaseMessage),
    /// `sweeper` sweeps.
    Sweep,
}

impl Invocation {
    fn again(&self) -> Again {
        match self {
            Self::Completion(message) => Again::Message(message.clone()),
            Self::Webhook(delivery) => Again::Delivery(delivery.clone()),
            Self::Check(..) | Self::Forged(_) | Self::Sweep => Again::Nothing,
        }
    }
}

/// What is left to do for somebody else when an invocation fails or dies.
enum Again {
    Message(PurchaseMessage),
    Delivery(Delivery),
    Nothing,
}

/// An invocation that is under way. It ends with whether it went well.
struct Running<'a> {
    future: Pin<Box<dyn Future<Output = bool> + 'a>>,
    calls: u32,
    again: Again,
    /// How far its clock is from the others', in milliseconds.
    skew_ms: i64,
}

/// The schedule as it is played.
pub(super) struct Schedule<'a> {
    pub(super) shared: &'a Shared,
    functions: &'a Functions<'a>,
    running: Vec<Running<'a>>,
    pub(super) orders: Vec<Order>,
    /// How many of the orders were asked for.
    pub(super) asked: usize,
}

/// Plays the schedule of this seed.
#[must_use]
pub fn play(seed: u64) -> Outcome {
    play_surely(seed, None)
}

/// Plays the schedule of this seed with one defence left out.
#[must_use]
pub fn play_weakened(seed: u64, weakness: Weakness) -> Outcome {
    play_surely(seed, Some(weakness))
}

/// I12: no handler panics, and neither does what it asserts.
fn play_surely(seed: u64, weakness: Option<Weakness>) -> Outcome {
    let shared = Shared::new(seed, weakness);
    catch_unwind(AssertUnwindSafe(|| play_on(&shared))).unwrap_or_else(|_| {
        let seen = "standard error says which".to_owned();
        shared.state().violate(Violation { invariant: "I12: nothing panics", seen });
        outcome(&mut shared.state())
    })
}

fn play_on(shared: &Shared) -> Outcome {
    let functions = Functions::over(Ports(shared));
    let mut schedule = Schedule::of(shared, &functions, Vec::new());
    let size = {
        let mut state = shared.state();
        state.size = Size::draw(&mut state.random);
        state.size
    };
    schedule.draw_orders(size);
    schedule.chaos(size);
    schedule.calm();
    let mut state = shared.state();
    invariants::when_calm(&mut state);
    outcome(&mut state)
}

fn outcome(state: &mut State) -> Outcome {
    Outcome {
        facts: state.facts,
        port_calls: state.port_calls,
        purchases: state.known.requests(),
        sub_accounts: state.known.sub_accounts(),
        faults: state.faults,
        trace: state.trace.finish(),
        violations: std::mem::take(&mut state.violations),
    }
}

impl<'a> Schedule<'a> {
    /// A schedule of these orders, of which nothing has happened.
    pub(super) fn of(shared: &'a Shared, functions: &'a Functions<'a>, orders: Vec<Order>) -> Self {
        Self { shared, functions, running: Vec::new(), orders, asked: 0 }
    }

    /// Everything is asked for, everybody proves who it is, and then all is calm.
    pub(super) fn play_straight(&mut self) {
        self.ask_for_all();
        {
            let mut state = self.shared.state();
            let now = state.now;
            state.persona.decide_all(InquiryStatus::Approved, now);
        }
        self.calm();
    }

    fn chaos(&mut self, size: Size) {
        let moves = {
            let mut state = self.shared.state();
            state.faults_left = size.faults(&mut state.random);
            state.fault_percent = size.fault_percent(&mut state.random);
            size.moves(&mut state.random)
        };
        for _ in 0..moves {
            if self.is_quiet() && self.shared.state().random.chance(QUIET_ENDS_PERCENT) {
                break;
            }
            self.step();
        }
        // What went well so far goes wrong at the next call.
        self.shared.state().fault_percent = 100;
        for _ in 0..moves {
            if self.shared.state().faults > 0 {
                return;
            }
            self.step();
        }
    }

    /// The request under this key.
    pub(super) fn request(&self, key: usize) -> Invocation {
        Invocation::Check(self.orders[key].event(key), Expected::Purchase(self.orders[key].purchase(key)))
    }

    /// Does something to what everything shares.
    pub(super) fn with_state<T>(&self, doing: impl FnOnce(&mut State) -> T) -> T {
        doing(&mut self.shared.state())
    }

    /// A worker takes on one number of the first request, which does nothing before it goes on.
    pub(super) fn work_on(&mut self, member: usize) {
        let (sub_account, id, members) =
            self.with_state(|state| state.known.request(0)).expect("something was asked for");
        let message = PurchaseMessage::for_each(&sub_account, &id, members).swap_remove(member);
        self.start(Invocation::Completion(message));
    }

    /// Lets what was started last make so many port calls, if it has as many.
    pub(super) fn go_on_by(&mut self, calls: u32) {
        let before = self.running.len();
        for _ in 0..calls {
            if before > 0 && self.running.len() == before {
                self.go_on(before - 1);
            }
        }
    }

    /// Everything that is under way dies.
    pub(super) fn kill_all(&mut self) {
        self.running.clear();
    }

    /// So much later, a worker takes on the first number of the first request, and ends.
    pub(super) fn later(&mut self, ms: i64) {
        self.with_state(|state| state.now = state.now.plus_ms(ms));
        self.work_on(0);
        self.finish();
    }

    /// One more request is made.
    pub(super) fn ask_for(&mut self, order: Order) {
        self.orders.push(order);
        self.ask_for_all();
        self.drain();
    }

    /// What Persona has to say is delivered, one piece of news at most.
    pub(super) fn drain_news(&mut self) {
        let news = self.with_state(|state| state.persona.deliveries.pop());
        news.into_iter().for_each(|news| self.run(Invocation::Webhook(news)));
    }

    /// Everything is asked for, one after the other.
    pub(super) fn ask_for_all(&mut self) {
        while self.asked < self.orders.len() {
            self.run(self.request(self.asked));
            self.asked += 1;
        }
    }

    /// Nothing fails any more: what is under way ends, customers repeat what was not answered, what waits is delivered,
    /// and the sweep comes every minute.
    pub(super) fn calm(&mut self) {
        self.shared.state().faults_left = 0;
        self.finish();
        if self.shared.state().off_since.is_some() {
            self.run(Invocation::Check(operators::turns_switch(true), Expected::Anything));
        }
        for key in 0..self.orders.len() {
            if !self.stands(key) {
                self.run(self.request(key));
            }
        }
        {
            let mut state = self.shared.state();
            let state = &mut *state;
            invariants::when_quiet(state);
            state.calm_since = Some(state.now);
            state.persona.settle(state.now, &mut state.random);
        }
        for round in 0..CALM_ROUNDS_MAX {
            self.drain();
            // Operators come to work, too, and decide on some of what is held.
            if round < OPERATORS_ROUNDS && self.shared.state().random.chance(50) {
                let event = operators::decides(&mut self.shared.state());
                event.into_iter().for_each(|event| self.run(Invocation::Check(event, Expected::Anything)));
            }
            let again = operators::decides_again(&self.shared.state());
            again.into_iter().for_each(|event| self.run(Invocation::Check(event, Expected::Anything)));
            if !self.wait() {
                return;
            }
            self.run(Invocation::Sweep);
        }
    }

    /// Delivers what waits, and what comes of it, until nothing does.
    pub(super) fn drain(&mut self) {
        loop {
            let (message, delivery) = {
                let mut state = self.shared.state();
                (state.queue.pop(), state.persona.deliveries.pop())
            };
            if message.is_none() && delivery.is_none() {
                return;
            }
            if let Some(message) = message {
                self.run(Invocation::Completion(message));
            }
            if let Some(delivery) = delivery {
                self.run(Invocation::Webhook(delivery));
            }
        }
    }

    /// Waits until the table brings something back; false when nothing is left to do.
    fn wait(&mut self) -> bool {
        let mut state = self.shared.state();
        let state = &mut *state;
        // Where a decision went against somebody, asking finds nothing, unless it was reversed and the news was lost.
        let worth_waiting =
            |key: &Key| (state.persona.approval_unheard && key.sk == keys::VERIFICATION_SK) || state.is_to_be_done(key);
        let due = || {
            let due = state.rows.due().filter(|(_, key)| worth_waiting(key));
            due.map(|(due_at, _)| Instant::from_unix_ms(due_at))
        };
        let Some(first) = due().min() else { return false };
        let latest = first.plus_ms(LATE_SWEEP_MS);
        let last = due().filter(|due_at| *due_at <= latest).max().unwrap_or(first);
        state.now = state.now.plus_ms(SWEEP_MS).max(last);
        state.carrier.land(state.now, &mut state.facts);
        true
    }

    /// Starts an invocation, which does nothing before it goes on.
    pub(super) fn start(&mut self, invocation: Invocation) {
        let skew_ms = self.skew_ms(&invocation);
        let again = invocation.again();
        let (functions, ports) = (self.functions, Ports(self.shared));
        // One box of the right size each: a handler's future takes some ten thousand bytes, and is copied once.
        let future: Pin<Box<dyn Future<Output = bool> + 'a>> = match invocation {
            Invocation::Check(event, expected) => Box::pin(functions.check(event, expected, ports)),
            Invocation::Forged(delivery) => Box::pin(functions.forged(delivery, ports)),
            Invocation::Webhook(delivery) => Box::pin(functions.webhook(delivery, ports)),
            Invocation::Completion(message) => Box::pin(functions.completion(message)),
            Invocation::Sweep => Box::pin(functions.sweep()),
        };
        self.running.push(Running { future, calls: 0, again, skew_ms });
    }

    /// Lets an invocation begin and end while nothing else is under way.
    pub(super) fn run(&mut self, invocation: Invocation) {
        let again = invocation.again();
        let (functions, ports) = (self.functions, Ports(self.shared));
        let mut future = pin!(async move {
            match invocation {
                Invocation::Check(event, expected) => functions.check(event, expected, ports).await,
                Invocation::Forged(delivery) => functions.forged(delivery, ports).await,
                Invocation::Webhook(delivery) => functions.webhook(delivery, ports).await,
                Invocation::Completion(message) => functions.completion(message).await,
                Invocation::Sweep => functions.sweep().await,
            }
        });
        let mut calls = 0;
        let well = loop {
            calls += CALLS_MAX;
            if let Some(well) = poll(self.shared, future.as_mut(), CALLS_MAX, calls, 0) {
                break well;
            }
        };
        repeat(&mut self.shared.state(), again, well);
    }

    /// How far an invocation's clock is from the others': a buyer's stays within what the carrier's dates allow, the others'
    /// within a good part of an expiry's grace.
    fn skew_ms(&self, invocation: &Invocation) -> i64 {
        let mut state = self.shared.state();
        if !state.goes_wrong(SKEWED_PERCENT) {
            return 0;
        }
        state.facts.insert(Fact::ClockSkew);
        let most = match invocation {
            Invocation::Completion(_) => BUYERS_SKEW_MS_MAX,
            Invocation::Check(..) | Invocation::Webhook(_) | Invocation::Forged(_) | Invocation::Sweep => {
                OTHERS_SKEW_MS_MAX
            }
        };
        state.random.ms(-most, most)
    }

    /// How many invocations are under way.
    pub(super) fn under_way(&self) -> usize {
        self.running.len()
    }

    pub(super) fn is_worked_on(&self, message: &PurchaseMessage) -> bool {
        self.running.iter().any(|running| matches!(&running.again, Again::Message(other) if other == message))
    }

    /// Lets one invocation make its next port call.
    pub(super) fn go_on(&mut self, index: usize) {
        self.poll(index, 1);
    }

    /// Lets everything that is under way end, one after the other.
    pub(super) fn finish(&mut self) {
        while !self.running.is_empty() {
            self.poll(0, CALLS_MAX);
        }
    }

    fn poll(&mut self, index: usize, calls: u32) {
        let shared = self.shared;
        let running = &mut self.running[index];
        running.calls += calls;
        if let Some(well) = poll(shared, running.future.as_mut(), calls, running.calls, running.skew_ms) {
            let ended = self.running.swap_remove(index);
            repeat(&mut shared.state(), ended.again, well);
        }
    }
}

/// Lets an invocation make so many port calls, `calls_so_far` with those before; how it ended, if it has.
fn poll(
    shared: &Shared,
    future: Pin<&mut (impl Future<Output = bool> + ?Sized)>,
    calls: u32,
    calls_so_far: u32,
    skew_ms: i64,
) -> Option<bool> {
    {
        let mut state = shared.state();
        state.turns_left = calls;
        state.skew_ms = skew_ms;
    }
    let polled = future.poll(&mut Context::from_waker(Waker::noop()));
    let mut state = shared.state();
    let killed = std::mem::take(&mut state.killed);
    match polled {
        Poll::Ready(well) => Some(well),
        Poll::Pending if killed => Some(false),
        Poll::Pending if calls_so_far <= 2 * CALLS_MAX => None,
        Poll::Pending => {
            let seen = "an invocation never ends".to_owned();
            state.violate(Violation { invariant: "I12: every invocation ends", seen });
            Some(false)
        }
    }
}

/// What did not go well comes again, if anybody repeats it.
fn repeat(state: &mut State, again: Again, well: bool) {
    match again {
        Again::Message(message) if !well => state.queue.push(message),
        Again::Delivery(delivery) if !well => state.persona.deliveries.push(delivery),
        Again::Message(_) | Again::Delivery(_) | Again::Nothing => {}
    }
}
