//! One schedule: chaos, then calm.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use adapters::ambient::Ambient;
use adapters::persona::sign;
use adapters::queue::PurchaseMessage;
use adapters::verifications::Revisits;
use domain::{GatePolicy, Instant, PhoneNumber, Timing, VerificationPolicy};
use futures::task::noop_waker;
use persona_webhook::PersonaWebhook;
use purchase_check::{PurchaseCheck, Route};
use purchase_completion::{PurchaseCompletion, SwitchCache};
use serde_json::Value;
use sweeper::Sweeper;

use super::invariants::{self, Violation};
use super::ports::Ports;
use super::shared::{Fact, Facts, Shared};
use super::weakness::Weakness;
use crate::events::{Caller, ask_event, http_event, sqs_event, webhook_event};
use crate::world::{TEMPLATE, account, secret, template};

/// The sub-accounts of a schedule.
const SUB_ACCOUNTS: [&str; 2] = ["LocA", "LocB"];
/// The numbers that they ask for: few, so that they meet. The last is not gated.
const NUMBERS: [&str; 4] = ["+12125550100", "+14165550100", "+17875550100", "+18765550100"];
/// Purchases asked for at least.
const PURCHASES_MIN: usize = 3;
/// Purchases asked for at most.
const PURCHASES_MAX: usize = 6;
/// Invocations that run at the same time at most.
const RUNNING_MAX: usize = 6;
/// Polls of one invocation before it counts as endless.
const POLLS_MAX: u32 = 4000;
/// Rounds of the calm phase before what has not ended counts as stranded: a round is a sweep.
const CALM_ROUNDS_MAX: u32 = 400;

/// What one schedule led to.
#[derive(Debug)]
pub struct Outcome {
    /// Broken invariants.
    pub violations: Vec<Violation>,
    /// What was seen.
    pub facts: Facts,
    /// Calls of ports.
    pub port_calls: u64,
    /// Purchases in the table at the end.
    pub purchases: usize,
}

/// One invocation of a function that is under way.
struct Running<'a> {
    future: Pin<Box<dyn Future<Output = Done> + 'a>>,
    polls: u32,
    /// The message that it works on, which comes back if it dies.
    message: Option<PurchaseMessage>,
    /// The delivery that it answers, which comes again unless it is answered with 200.
    delivery: Option<Value>,
}

/// What an invocation ended with.
enum Done {
    Well,
    Badly,
}

/// Plays the schedule of this seed.
#[must_use]
pub fn play(seed: u64) -> Outcome {
    play_on(&Shared::new(seed, None))
}

/// Plays the schedule of this seed with one defence left out.
#[must_use]
pub fn play_weakened(seed: u64, weakness: Weakness) -> Outcome {
    play_on(&Shared::new(seed, Some(weakness)))
}

fn play_on(shared: &Shared) -> Outcome {
    let mut schedule = Schedule { shared, running: Vec::new(), asked: 0 };
    schedule.chaos();
    schedule.calm();
    let mut state = shared.state();
    invariants::when_calm(&mut state);
    Outcome {
        violations: state.violations.clone(),
        facts: state.facts.clone(),
        port_calls: state.port_calls,
        purchases: invariants::purchases(&state).len(),
    }
}

struct Schedule<'a> {
    shared: &'a Shared,
    running: Vec<Running<'a>>,
    asked: usize,
}

impl<'a> Schedule<'a> {
    fn chaos(&mut self) {
        let steps = {
            let mut state = self.shared.state();
            state.faults_left = 1 + u32::try_from(state.random.below(8)).unwrap_or(0);
            state.fault_percent = [2, 5, 10, 20][state.random.below(4)];
            if state.random.chance(25) {
                let number = PhoneNumber::parse(NUMBERS[state.random.below(NUMBERS.len())]).expect("is a number");
                let now = state.now;
                state.carrier.plant(number, now);
            }
            120 + state.random.below(200)
        };
        for _ in 0..steps {
            self.step();
        }
        while self.asked < PURCHASES_MIN {
            self.ask();
            self.finish_running();
        }
    }

    fn step(&mut self) {
        let roll = self.shared.state().random.below(100);
        match roll {
            0..=54 => self.poll_any(),
            55..=62 => self.ask(),
            63..=72 => self.deliver_message(),
            73..=80 => self.deliver_webhook(),
            81..=89 => {
                let mut state = self.shared.state();
                let state = &mut *state;
                let now = state.now;
                state.persona.step(now, &mut state.random);
            }
            90..=94 => self.pass_time(),
            95..=97 => self.start_sweep(),
            98 => self.cancel(),
            _ => self.hand_made_message(),
        }
    }

    /// A request, or a repetition of one.
    fn ask(&mut self) {
        if self.running.len() >= RUNNING_MAX {
            return;
        }
        let event = {
            let mut state = self.shared.state();
            let key = state.random.below(PURCHASES_MAX);
            self.asked = self.asked.max(key + 1);
            // A key stands for one request: who asks for what follows from it.
            let sub_account = SUB_ACCOUNTS[key % SUB_ACCOUNTS.len()];
            let number = NUMBERS[(key * 7 / 3) % NUMBERS.len()];
            ask_event(&Caller::sub_account(sub_account), sub_account, &format!("key-{key}"), number)
        };
        self.start_check(event);
    }

    fn cancel(&mut self) {
        let purchase = {
            let mut state = self.shared.state();
            let purchases = invariants::purchases(&state);
            let index = state.random.below(purchases.len());
            purchases.into_iter().nth(index)
        };
        let Some(purchase) = purchase else { return };
        let (sub_account, id) = (purchase.sub_account.to_string(), purchase.id.to_string());
        let caller = Caller::sub_account(&sub_account);
        let parameters = [("sub", sub_account.as_str()), ("id", id.as_str())];
        self.start_check(http_event(Route::CancelPurchase.key(), &parameters, &[], Some(&caller), ""));
    }

    fn hand_made_message(&mut self) {
        let mut state = self.shared.state();
        let purchases = invariants::purchases(&state);
        let index = state.random.below(purchases.len());
        if let Some(purchase) = purchases.into_iter().nth(index) {
            state.queue.push(PurchaseMessage { sub_account: purchase.sub_account, id: purchase.id, member: None });
        }
    }

    fn deliver_message(&mut self) {
        if self.running.len() >= RUNNING_MAX {
            return;
        }
        let message = {
            let mut state = self.shared.state();
            if state.queue.is_empty() {
                return;
            }
            let waiting = state.queue.len();
            let index = state.random.below(waiting);
            match if state.faults_left > 0 { state.random.below(12) } else { 2 } {
                0 => {
                    state.queue.swap_remove(index);
                    state.facts.insert(Fact::MessageLost);
                    return;
                }
                1 => {
                    state.facts.insert(Fact::MessageTwice);
                    state.queue[index].clone()
                }
                _ => state.queue.swap_remove(index),
            }
        };
        if self.running.iter().any(|running| running.message.as_ref() == Some(&message)) {
            self.shared.state().facts.insert(Fact::TwoWorkers);
        }
        self.start_completion(message);
    }

    fn deliver_webhook(&mut self) {
        if self.running.len() >= RUNNING_MAX {
            return;
        }
        let delivery = {
            let mut state = self.shared.state();
            if state.persona.deliveries.is_empty() {
                return;
            }
            let waiting = state.persona.deliveries.len();
            let index = state.random.below(waiting);
            match if state.faults_left > 0 { state.random.below(6) } else { 2 } {
                0 => {
                    state.persona.deliveries.swap_remove(index);
                    state.facts.insert(Fact::WebhookLost);
                    return;
                }
                1 => {
                    state.facts.insert(Fact::WebhookTwice);
                    state.persona.deliveries[index].clone()
                }
                _ => state.persona.deliveries.swap_remove(index),
            }
        };
        self.start_webhook(delivery);
    }

    fn pass_time(&mut self) {
        let mut state = self.shared.state();
        let ms = match state.random.below(20) {
            0..=9 => state.random.ms(100, 5_000),
            10..=15 => state.random.ms(5_000, 70_000),
            16..=18 => state.random.ms(60_000, 400_000),
            _ => state.random.ms(3_600_000, 80 * 3_600_000),
        };
        state.now = state.now.plus_ms(ms);
    }

    fn start_check(&mut self, event: Value) {
        let ports = Ports(self.shared);
        self.start(None, None, async move {
            let function = PurchaseCheck {
                store: ports,
                queue: ports,
                identity: ports,
                ambient: ports,
                settings: purchase_check::Settings {
                    gate: GatePolicy::default(),
                    policy: VerificationPolicy::default(),
                    revisits: revisits(),
                    purchase_wait_ms: 72 * 3600 * 1000,
                    template: template(),
                },
            };
            function.handle(event).await;
            Done::Well
        });
    }

    fn start_webhook(&mut self, delivery: Value) {
        let ports = Ports(self.shared);
        let body = delivery.to_string();
        self.start(None, Some(delivery), async move {
            let function = PersonaWebhook {
                store: ports,
                queue: ports,
                identity: ports,
                ambient: ports,
                settings: persona_webhook::Settings {
                    secrets: vec![secret()],
                    tolerance_s: 300,
                    policy: VerificationPolicy::default(),
                    revisits: revisits(),
                    template: TEMPLATE.to_owned(),
                },
            };
            let signature = sign(&secret(), body.as_bytes(), ports.now());
            let answer = function.handle(webhook_event(&body, &signature)).await;
            if answer["statusCode"] == 200 { Done::Well } else { Done::Badly }
        });
    }

    fn start_completion(&mut self, message: PurchaseMessage) {
        let ports = Ports(self.shared);
        let event = sqs_event(&message);
        self.start(Some(message), None, async move {
            let function = PurchaseCompletion {
                store: ports,
                carrier: ports,
                ambient: ports,
                switch: SwitchCache::default(),
                settings: purchase_completion::Settings {
                    account: account(),
                    gate: GatePolicy::default(),
                    timing: Timing::default(),
                    carrier_timeout_ms: 10_000,
                    step_ms: 60_000,
                },
            };
            let failed = function.handle(event).await.batch_item_failures;
            if failed.is_empty() { Done::Well } else { Done::Badly }
        });
    }

    fn start_sweep(&mut self) {
        let ports = Ports(self.shared);
        self.start(None, None, async move {
            let function = Sweeper {
                store: ports,
                queue: ports,
                identity: ports,
                ambient: ports,
                settings: sweeper::Settings {
                    policy: VerificationPolicy::default(),
                    revisits: revisits(),
                    timing: Timing::default(),
                    template: template(),
                },
            };
            let _swept = function.sweep().await;
            Done::Well
        });
    }

    fn start(
        &mut self,
        message: Option<PurchaseMessage>,
        delivery: Option<Value>,
        future: impl Future<Output = Done> + 'a,
    ) {
        self.running.push(Running { future: Box::pin(future), polls: 0, message, delivery });
    }

    fn poll_any(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let index = self.shared.state().random.below(self.running.len());
        self.poll(index);
    }

    /// Lets one invocation go on to its next port call.
    fn poll(&mut self, index: usize) {
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        let running = &mut self.running[index];
        running.polls += 1;
        let polled = running.future.as_mut().poll(&mut context);
        let killed = std::mem::take(&mut self.shared.state().killed);
        let done = match polled {
            Poll::Ready(done) => Some(done),
            Poll::Pending if killed => Some(Done::Badly),
            Poll::Pending if running.polls > POLLS_MAX => {
                let seen = "an invocation never ends".to_owned();
                self.shared.state().violate(Violation { invariant: "I12: every invocation ends", seen });
                Some(Done::Badly)
            }
            Poll::Pending => None,
        };
        let Some(done) = done else { return };
        let ended = self.running.swap_remove(index);
        if let Done::Badly = done {
            let mut state = self.shared.state();
            state.queue.extend(ended.message);
            state.persona.deliveries.extend(ended.delivery);
        }
    }

    fn finish_running(&mut self) {
        while !self.running.is_empty() {
            self.poll(0);
        }
    }

    /// Nothing fails any more: what is under way ends, what waits is delivered, and the sweep comes every minute.
    fn calm(&mut self) {
        self.shared.state().faults_left = 0;
        self.finish_running();
        {
            let mut state = self.shared.state();
            let state = &mut *state;
            state.calm_since = Some(state.now);
            state.persona.settle(state.now, &mut state.random);
        }
        for _ in 0..CALM_ROUNDS_MAX {
            self.drain();
            let next = self.next_due();
            let Some(next) = next else { return };
            {
                let mut state = self.shared.state();
                let minute = state.now.plus_ms(60_000);
                state.now = minute.max(next);
                let now = state.now;
                let state = &mut *state;
                state.carrier.land(now, &mut state.facts);
            }
            self.start_sweep();
            self.finish_running();
        }
    }

    fn drain(&mut self) {
        loop {
            let (message, delivery) = {
                let mut state = self.shared.state();
                (state.queue.pop(), state.persona.deliveries.pop())
            };
            if message.is_none() && delivery.is_none() {
                return;
            }
            if let Some(message) = message {
                self.start_completion(message);
            }
            if let Some(delivery) = delivery {
                self.start_webhook(delivery);
            }
            self.finish_running();
        }
    }

    /// When the table brings something back next; none when nothing is left to do.
    fn next_due(&self) -> Option<Instant> {
        let state = self.shared.state();
        let due = |item: &adapters::store::Item| match item.get("due_at") {
            Some(adapters::store::Value::N(due_at)) => Some(Instant::from_unix_ms(*due_at)),
            _ => None,
        };
        state.table.values().filter_map(due).min()
    }
}

fn revisits() -> Revisits {
    Revisits { poll_age_ms: 120_000, step_ms: 60_000 }
}
