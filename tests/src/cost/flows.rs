//! What each step of a purchase costs.

use adapters::ambient::Ambient;
use adapters::persona::sign;
use domain::PhoneNumber;
use serde_json::{Value, json};

use super::{Counted, Latencies, Spent};
use crate::events::{Caller, ask_event, persona_event, sqs_event, webhook_event};
use crate::phone::{MemoryLookup, MemoryPasscodes, check_event, start_event};
use crate::world::{Answer, Neighbours, clock, secret, world};

/// A number in New York: gated.
const GATED: &str = "+12125550100";
/// A number in Jamaica: +1, and not gated.
const NOT_GATED: &str = "+18765550100";
/// Who buys.
const SUB: &str = "Loc_A1b2C3";
/// Its agency.
const AGENCY: &str = "Agency_1";

/// One step, and what it cost.
#[derive(Debug, Clone)]
pub struct Step {
    /// What was done.
    pub what: String,
    /// Capacity units.
    pub spent: Spent,
    /// Calls one after the other; those that are under way at the same time are one.
    pub round_trips: i64,
}

/// Every flow whose steps are counted.
#[derive(Debug)]
pub struct Flows {
    /// A deferred purchase of one number, by a person who needs less than a minute.
    pub deferred: Vec<Step>,
    /// The same, and Persona tells how far the person is.
    pub told: Vec<Step>,
    /// The same, by a person who needs three minutes, each with a sweep.
    pub slow: Vec<Step>,
    /// Requests with a sub-account's own token.
    pub own_token: Vec<Step>,
    /// Requests with an agency's token.
    pub agency_token: Vec<Step>,
    /// Passcodes to phones abroad, where the most limits count.
    pub passcodes: Vec<Step>,
}

impl Flows {
    /// Plays and counts them all.
    pub fn count() -> Self {
        Self {
            deferred: deferred_steps(false, 0),
            told: deferred_steps(true, 0),
            slow: deferred_steps(true, 3),
            own_token: own_token_steps(),
            agency_token: agency_token_steps(),
            passcodes: passcode_steps(),
        }
    }

    /// What each step of each flow costs, as lines for a person; the last says what a deferred purchase costs.
    pub fn describe(&self) -> String {
        let Spent { purchase, verification } = sum(&self.told);
        [
            table("a deferred purchase of one number, by a person who needs less than a minute", &self.deferred),
            table("the same, and Persona tells how far the person is", &self.told),
            table("the same, by a person who needs three minutes, each with a sweep", &self.slow),
            table("a sub-account's own token", &self.own_token),
            table("an agency's token", &self.agency_token),
            passcode_table(&self.passcodes),
            format!("units: deferred purchase {purchase}, verification {verification}"),
        ]
        .join("\n")
    }
}

/// What steps cost together.
pub fn sum(steps: &[Step]) -> Spent {
    let mut sum = Spent::default();
    for Step { spent, .. } in steps {
        sum.purchase += spent.purchase;
        sum.verification += spent.verification;
    }
    sum
}

/// What each step costs, and all of them, as lines for a person.
fn table(what: &str, steps: &[Step]) -> String {
    let line = |what: &str, round_trips: &str, Spent { purchase, verification }: Spent| {
        format!("  {what:<40} {round_trips:>11}  {purchase:<20} {verification:<20}").trim_end().to_owned()
    };
    let head = format!("{what}:\n  {:<40} {:>11}  {:<20} verification", "", "round trips", "purchase");
    let each = steps.iter().map(|step| line(&step.what, &step.round_trips.to_string(), step.spent));
    let lines: Vec<String> = std::iter::once(head).chain(each).chain([line("together", "", sum(steps))]).collect();
    lines.join("\n")
}

/// What each step of a passcode costs, as lines for a person: the table's units and its round trips.
fn passcode_table(steps: &[Step]) -> String {
    let head = format!("a passcode, besides Lookup and Verify:\n  {:<40} {:>11}  units", "", "round trips");
    let each = steps
        .iter()
        .map(|Step { what, spent, round_trips }| format!("  {what:<40} {round_trips:>11}  {}", spent.purchase));
    std::iter::once(head).chain(each).collect::<Vec<_>>().join("\n")
}

/// Passcodes: one that is entered after a wrong one, another that is sent twice, and a range that closes.
fn passcode_steps() -> Vec<Step> {
    let clock = clock();
    let world = world(&clock);
    let (lookup, passcodes) = (MemoryLookup::default(), MemoryPasscodes::new(&clock));
    let flow = Flow { counted: Counted::new(&world, Latencies::ONE), world: &world };
    let function = flow.counted.phones(&lookup, &passcodes);
    let phone = |last: u32| PhoneNumber::parse(&format!("+44740012345{last}")).expect("is a number");
    let start = |what: &str, key: &str, last: u32, status: u64| {
        let event = start_event(SUB, key, &json!({"phone_number": phone(last).as_str()}));
        let (step, answer) = flow.step(what, function.handle(event));
        let answer = Answer::of(answer);
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        (step, answer.body["id"].as_str().unwrap_or_default().to_owned())
    };
    let check = |what: &str, id: &str, code: &str| {
        let (step, answer) = flow.step(what, function.handle(check_event(SUB, id, code)));
        assert_eq!(Answer::of(answer).status, 200, "{what}");
        step
    };
    // So that every item is there, as it is on any day but the first.
    let (_, warm) = start("warm", "warm", 0, 201);
    check("warm", &warm, &passcodes.code(&phone(0)).expect("is under way"));
    let (started, id) = start("start", "first", 1, 201);
    let wrong = check("a wrong passcode", &id, "000000");
    let right = check("the right passcode", &id, &passcodes.code(&phone(1)).expect("is under way"));
    start("another", "second", 2, 201);
    clock.advance_s(30);
    let (again, _) = start("start, sent again", "third", 2, 201);
    start("a neighbour", "fourth", 3, 201);
    let (refused, _) = start("start, refused by a limit", "fifth", 4, 429);
    vec![started, wrong, right, again, refused]
}

/// A sub-account's first gated number, from the request to the number. `progress` is whether Persona also tells how far
/// the person is, before it tells the decision; `sweeps` how many minutes the person takes, each of which sweeps.
fn deferred_steps(progress: bool, sweeps: u32) -> Vec<Step> {
    let clock = clock();
    let world = world(&clock);
    let flow = Flow { counted: Counted::new(&world, Latencies::ONE), world: &world };
    let mut steps = vec![flow.ask("request, gated", &Caller::sub_account(SUB), "key-1", GATED)];
    if progress {
        clock.advance_s(1);
        steps.push(flow.deliver("started", "pending"));
    }
    for minute in 1..=sweeps {
        clock.advance_s(60);
        steps.push(flow.sweep(&format!("sweep of minute {minute}")));
    }
    if progress {
        clock.advance_s(1);
        steps.push(flow.deliver("completed", "completed"));
    }
    clock.advance_s(1);
    steps.push(flow.deliver("approved", "approved"));
    steps.extend(flow.complete());
    assert_eq!(world.carrier.charges(), 1, "the number was bought");
    // The verification is its waiters' outbox until a sweep has seen that nobody waits.
    clock.advance_s(60);
    steps.push(flow.sweep("sweep after the purchase"));
    steps
}

/// Requests of a sub-account's own token for what needs nobody: a number that is not gated, and a gated one of a
/// verified sub-account.
fn own_token_steps() -> Vec<Step> {
    let clock = clock();
    let world = world(&clock);
    let flow = Flow { counted: Counted::new(&world, Latencies::ONE), world: &world };
    let caller = Caller::sub_account(SUB);
    let mut steps = vec![flow.ask("request, own token, not gated", &caller, "key-1", NOT_GATED)];
    steps.extend(flow.complete());
    verify(&world);
    flow.counted.ledger.take();
    steps.push(flow.ask("request, own token, verified", &caller, "key-2", GATED));
    steps.extend(flow.complete());
    steps.push(flow.ask("the same request again", &caller, "key-2", GATED));
    steps
}

/// The same requests with an agency's token.
fn agency_token_steps() -> Vec<Step> {
    let clock = clock();
    let world = world(&clock);
    world.put_profile(SUB, AGENCY);
    let flow = Flow { counted: Counted::new(&world, Latencies::ONE), world: &world };
    let caller = Caller { claims: serde_json::json!({"agency": AGENCY, "scope": "purchases:read purchases:write"}) };
    let not_gated = flow.ask("request, agency's token, not gated", &caller, "key-1", NOT_GATED);
    verify(&world);
    flow.counted.ledger.take();
    vec![not_gated, flow.ask("request, agency's token, verified", &caller, "key-2", GATED)]
}

/// Makes the sub-account verified, by a purchase that nobody counts.
fn verify(world: &Neighbours<'_>) {
    world.ask(SUB, "to-verify", "+12125550199");
    let inquiry = world.persona.first().expect("an inquiry was opened");
    let at = adapters::rfc3339(world.now());
    let delivered = world.deliver(&persona_event("evt_a", "inquiry.approved", inquiry.as_str(), "approved", &at));
    assert_eq!(delivered.status, 200);
    assert_eq!(world.complete(), 0);
}

struct Flow<'w> {
    counted: Counted<'w>,
    world: &'w Neighbours<'w>,
}

impl Flow<'_> {
    fn step<T>(&self, what: &str, work: impl Future<Output = T>) -> (Step, T) {
        let timeline = &self.counted.timeline;
        let began_ms = timeline.now_ms();
        let done = timeline.run(work);
        let round_trips = timeline.now_ms() - began_ms;
        (Step { what: what.to_owned(), spent: self.counted.ledger.take(), round_trips }, done)
    }

    fn ask(&self, what: &str, caller: &Caller, key: &str, number: &str) -> Step {
        let check = self.counted.check();
        let (step, answer) = self.step(what, check.handle(ask_event(caller, SUB, key, number)));
        let answer = Answer::of(answer);
        assert!([200, 202].contains(&answer.status), "{answer:?}");
        step
    }

    fn deliver(&self, event: &str, status: &str) -> Step {
        let inquiry = self.world.persona.first().expect("an inquiry was opened");
        let now = self.world.clock.now();
        let (id, name) = (format!("evt_{event}"), format!("inquiry.{event}"));
        let body: Value = persona_event(&id, &name, inquiry.as_str(), status, &adapters::rfc3339(now));
        let body = body.to_string();
        let webhook = self.counted.webhook();
        let signed = webhook_event(&body, &sign(&secret(), body.as_bytes(), now));
        let (step, answer) = self.step(&format!("Persona's event, {event}"), webhook.handle(signed));
        assert_eq!(Answer::of(answer).status, 200);
        step
    }

    /// Every message that waits, each with a worker that starts fresh.
    fn complete(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some(message) = self.world.queue.pop() {
            let completion = self.counted.completion();
            let (step, response) =
                self.step("message: claim, look, buy, record", completion.handle(sqs_event(&message)));
            assert!(response.batch_item_failures.is_empty());
            steps.push(step);
        }
        steps
    }

    fn sweep(&self, what: &str) -> Step {
        let sweeper = self.counted.sweeper();
        let (step, swept) = self.step(what, sweeper.sweep());
        assert_eq!(swept.expect("the table in memory answers").failed, 0);
        step
    }
}
