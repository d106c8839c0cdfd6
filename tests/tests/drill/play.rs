//! One row of the table: everybody asks the real handler, over neighbours in memory, on one clock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use adapters::items::{Profile, StoredProfile};
use adapters::store::{Condition, Store, Write};
use domain::{CountryCode, MessagePrices, PhoneNumber, SubAccountId};
use tests::logs::logged;
use tests::phone::{Package, PhoneWorld, sent_from, start_event};
use tests::simulation::random::Random;
use tests::world::{Answer, clock};

use crate::people::{CAMPAIGN_S, Intent, Person, answering, honest, pumping};
use crate::rows::{Campaign, Row};
use crate::world::{
    APPROVED_MICRODOLLARS, HONEST, LINE_TYPE_MICRODOLLARS, RISK_MICRODOLLARS, SubAccount, sub_accounts,
};

/// How long an honest person tries to get a first passcode, in seconds: 10 minutes.
const PATIENCE_S: i64 = 600;
/// How long the campaign waits for a number, in seconds; after that the number is given up.
const CAMPAIGN_PATIENCE_S: i64 = 900;
/// How often the campaign asks for one message.
const CAMPAIGN_TRIES_MAX: u32 = 3;

/// How soon a phone of the campaign that answers has entered a passcode, in seconds.
const ANSWERS_AFTER_S: i64 = 30;
/// How soon it asks for the next one, in seconds.
const ASKS_AGAIN_AFTER_S: i64 = 30;

/// What Lookup does in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    Up,
    Down,
    /// Every score is 0.
    Blind,
}

/// What a row came to. Money in millionths of a dollar.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) attack_cost: i64,
    pub(crate) attack_messages: u32,
    /// The most that one phone got.
    pub(crate) attack_messages_to_one: u32,
    pub(crate) attack_lookups: u32,
    pub(crate) honest_cost: i64,
    pub(crate) honest_refused: u32,
    pub(crate) strangers: u32,
    pub(crate) strangers_refused: u32,
    pub(crate) approved: u32,
    /// How often a low conversion was logged, which raises an alarm.
    pub(crate) alarms: usize,
    pub(crate) requests: u32,
}

/// What somebody does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Ask,
    Mistype,
    Enter,
}

/// Where somebody stands.
#[derive(Debug, Clone, Default)]
struct Progress {
    key: u32,
    tries: u32,
    messages: u32,
    by_call: bool,
    id: String,
    gave_up: bool,
}

struct Drill<'clock> {
    world: PhoneWorld<'clock>,
    people: Vec<Person>,
    progress: Vec<Progress>,
    agenda: BinaryHeap<Reverse<(i64, usize, Step)>>,
    now_s: i64,
    random: Random,
    outcome: Outcome,
}

/// Plays a row's day. What people do depends on the seed and on what they are answered, on nothing else.
pub(crate) fn play(seed: u64, row: &Row) -> Outcome {
    let (outcome, logged) = logged(|| play_day(seed, row));
    Outcome { alarms: logged.matches(r#""metric":"conversion_low""#).count(), ..outcome }
}

fn play_day(seed: u64, Row { policy, lookup, campaign, .. }: &Row) -> Outcome {
    let clock = clock();
    let mut random = Random::new(seed);
    let sub_accounts = sub_accounts(&mut random);
    let mut people = honest(&mut random, &sub_accounts);
    people.extend(match campaign {
        Campaign::None => Vec::new(),
        Campaign::Pumping => pumping(&mut random),
        Campaign::Answering => answering(&mut random),
    });
    let world = PhoneWorld::new(&clock, policy.clone());
    sub_accounts.iter().for_each(|sub_account| put_profile(&world, sub_account));
    for person in &people {
        world.lookup.set_risk(&person.number, person.score);
        world.lookup.set_line(&person.number, person.line);
    }
    world.lookup.set_down(*lookup == Lookup::Down);
    world.lookup.set_blind(*lookup == Lookup::Blind);
    let agenda = people.iter().enumerate().map(|(index, person)| Reverse((person.asks_at_s, index, Step::Ask)));
    let mut drill = Drill {
        agenda: agenda.collect(),
        progress: vec![Progress::default(); people.len()],
        people,
        world,
        now_s: 0,
        random,
        outcome: Outcome::default(),
    };
    while let Some(Reverse((at_s, index, step))) = drill.agenda.pop() {
        drill.world.clock.advance_s(at_s - drill.now_s);
        drill.now_s = at_s;
        drill.outcome.requests += 1;
        match step {
            Step::Ask => drill.ask(index),
            Step::Mistype => drill.enter(index, "00000000"),
            Step::Enter => {
                let code = drill.world.passcodes.code(&drill.people[index].number).unwrap_or_default();
                drill.enter(index, if code.is_empty() { "0000" } else { &code });
            }
        }
    }
    drill.settle()
}

impl Drill<'_> {
    fn ask(&mut self, index: usize) {
        let person = self.people[index].clone();
        let progress = self.progress[index].clone();
        let channel = if progress.by_call { "call" } else { "sms" };
        let body = serde_json::json!({
            "phone_number": person.number.as_str(), "channel": channel,
        });
        let key = format!("{index}-{}", progress.key);
        let answer = self.world.handle(sent_from(&person.address, start_event(&person.sub_account, &key, &body)));
        match answer.status {
            201 => self.sent(index, &answer),
            // Somebody who got nothing, honest or not, does as told: waits, or changes the channel.
            _ => self.refused(index, &answer),
        }
    }

    fn sent(&mut self, index: usize, answer: &Answer) {
        let retry_after_s = retry_after_s(answer);
        let pause_s = self.random.ms(20, 90);
        let progress = &mut self.progress[index];
        progress.messages += 1;
        progress.tries = 0;
        progress.key += 1;
        progress.id = answer.body["id"].as_str().unwrap_or_default().to_owned();
        match self.people[index].intent {
            Intent::Campaign { messages } if progress.messages < messages => {
                self.later(index, retry_after_s.max(1), Step::Ask);
            }
            Intent::Campaign { .. } => {}
            Intent::Answering => self.later(index, ANSWERS_AFTER_S, Step::Enter),
            Intent::Honest { resends, .. } if progress.messages <= resends => {
                self.later(index, retry_after_s.max(pause_s), Step::Ask);
            }
            Intent::Honest { converts: true, mistypes, .. } => {
                if mistypes {
                    self.later(index, pause_s, Step::Mistype);
                }
                self.later(index, pause_s + 10, Step::Enter);
            }
            Intent::Honest { converts: false, .. } => {}
        }
    }

    fn refused(&mut self, index: usize, answer: &Answer) {
        let retry_after_s = retry_after_s(answer);
        let progress = &mut self.progress[index];
        progress.tries += 1;
        match self.people[index].intent {
            Intent::Campaign { .. } => {
                if progress.tries < CAMPAIGN_TRIES_MAX && retry_after_s <= CAMPAIGN_PATIENCE_S {
                    self.later(index, retry_after_s, Step::Ask);
                }
            }
            Intent::Answering => self.ask_all_day(index, retry_after_s),
            Intent::Honest { converts, .. } => {
                if answer.problem() == "phone-line-unsuitable" && !progress.by_call {
                    progress.by_call = true;
                    progress.key += 1;
                    self.later(index, self.random.clone().ms(5, 30).max(31), Step::Ask);
                    return;
                }
                let waited_s = self.now_s - self.people[index].asks_at_s;
                if progress.messages == 0 && waited_s + retry_after_s <= PATIENCE_S {
                    self.later(index, retry_after_s, Step::Ask);
                } else if progress.messages == 0 {
                    progress.gave_up = true;
                } else if converts {
                    // No second message, but the first has come by now.
                    self.later(index, 10, Step::Enter);
                }
            }
        }
    }

    fn enter(&mut self, index: usize, code: &str) {
        let id = self.progress[index].id.clone();
        let answer = self.world.check(&self.people[index].sub_account, &id, code);
        let approved = u32::from(answer.body["result"] == "approved");
        match self.people[index].intent {
            Intent::Honest { .. } => self.outcome.approved += approved,
            Intent::Campaign { .. } => {}
            Intent::Answering => {
                self.outcome.attack_cost += i64::from(approved) * APPROVED_MICRODOLLARS;
                self.ask_all_day(index, ASKS_AGAIN_AFTER_S);
            }
        }
    }

    /// As long as the campaign lasts.
    fn ask_all_day(&mut self, index: usize, after_s: i64) {
        if self.now_s + after_s < CAMPAIGN_S.1 {
            self.later(index, after_s, Step::Ask);
        }
    }

    fn later(&mut self, index: usize, after_s: i64, step: Step) {
        self.agenda.push(Reverse((self.now_s + after_s, index, step)));
    }

    /// Adds up what was paid, for whom, and who got nothing.
    fn settle(mut self) -> Outcome {
        let attacked: HashMap<&str, bool> = self
            .people
            .iter()
            .map(|person| (person.number.as_str(), !matches!(person.intent, Intent::Honest { .. })))
            .collect();
        let is_attack = |number: &str| attacked.get(number).copied().unwrap_or(false);
        let prices = MessagePrices::default();
        let mut messages: HashMap<PhoneNumber, u32> = HashMap::new();
        for (number, _, _) in self.world.passcodes.sent() {
            let country = adapters::regions::country_of(&number).expect("everybody has a country");
            let cost = prices.of(country);
            if is_attack(number.as_str()) {
                self.outcome.attack_cost += cost;
                self.outcome.attack_messages += 1;
                let to_it = messages.entry(number).or_default();
                *to_it += 1;
                self.outcome.attack_messages_to_one = self.outcome.attack_messages_to_one.max(*to_it);
            } else {
                self.outcome.honest_cost += cost;
            }
        }
        for (number, package) in self.world.lookup.asked() {
            let cost = match package {
                Package::LineType => LINE_TYPE_MICRODOLLARS,
                Package::PumpingRisk => RISK_MICRODOLLARS,
            };
            if is_attack(number.as_str()) {
                self.outcome.attack_cost += cost;
                self.outcome.attack_lookups += 1;
            } else {
                self.outcome.honest_cost += cost;
            }
        }
        self.outcome.honest_cost += i64::from(self.outcome.approved) * APPROVED_MICRODOLLARS;
        for (person, progress) in self.people.iter().zip(&self.progress) {
            if let Intent::Honest { stranger, .. } = person.intent {
                let refused = u32::from(progress.gave_up);
                self.outcome.honest_refused += refused;
                if stranger {
                    self.outcome.strangers += 1;
                    self.outcome.strangers_refused += refused;
                }
            }
        }
        self.outcome
    }
}

fn retry_after_s(answer: &Answer) -> i64 {
    answer.headers["retry-after"].as_str().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn put_profile(world: &PhoneWorld<'_>, sub_account: &SubAccount) {
    let countries = sub_account.in_profile.iter().filter_map(|index| CountryCode::new(HONEST[*index].code)).collect();
    let id = SubAccountId::parse(&sub_account.id).expect("is a word");
    let item = StoredProfile { profile: Profile { countries, ..Profile::default() }, version: 1 }.to_item(&id, None);
    let write = Write::Put { item, expect: Condition::ItemAbsent };
    futures::executor::block_on((&world.table).write(write)).expect("the table in memory answers");
}
