//! Phones: Lookup and Verify in memory, and phone-verification over them on one clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use adapters::ambient::Ambient;
use adapters::queue::Queue;
use adapters::store::Store;
use adapters::twilio::{Checking, LookupError, Passcodes, PhoneLookup, RateLimitValues, Sending, VerifyError};
use domain::{
    Channel, CheckAnswer, Instant, LineType, MessagePrices, PASSCODE_CHECKS_MAX, PASSCODE_LIFE_MS, PhoneNumber,
    PhonePolicy, PumpingRisk, Refusal, SubAccountId, VerifySid,
};
use phone_verification::{PhoneVerification, Route, Settings};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::events::{Caller, http_event};
use crate::locked;
use crate::logs;
use crate::memory_table::MemoryTable;
use crate::neighbours::{MemoryQueue, StillClock};
use crate::world::Answer;

/// Messages that Verify sends for one verification (error 60203 after that).
const SENDS_MAX: u32 = 5;

/// Lookup in memory: every number is a mobile phone without risk unless a test says otherwise.
#[derive(Debug, Default)]
pub struct MemoryLookup {
    lines: Mutex<BTreeMap<PhoneNumber, LineType>>,
    risks: Mutex<BTreeMap<PhoneNumber, PumpingRisk>>,
    missing: Mutex<BTreeSet<PhoneNumber>>,
    down: AtomicBool,
    blind: AtomicBool,
    asked: Mutex<Vec<(PhoneNumber, Package)>>,
}

/// What Lookup is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// The line type.
    LineType,
    /// The risk of pumping.
    PumpingRisk,
}

impl MemoryLookup {
    /// Every answer that was given, each of which is paid for.
    pub fn asked(&self) -> Vec<(PhoneNumber, Package)> {
        locked(&self.asked).clone()
    }

    /// Makes a number a line of this kind.
    pub fn set_line(&self, number: &PhoneNumber, line: LineType) {
        locked(&self.lines).insert(number.clone(), line);
    }

    /// Gives a number a score.
    pub fn set_risk(&self, number: &PhoneNumber, score: u8) {
        locked(&self.risks).insert(number.clone(), PumpingRisk { score, number_blocked: false });
    }

    /// Makes a number one that does not exist.
    pub fn set_missing(&self, number: &PhoneNumber) {
        locked(&self.missing).insert(number.clone());
    }

    /// Makes Fraud Guard block a number.
    pub fn block(&self, number: &PhoneNumber) {
        locked(&self.risks).insert(number.clone(), PumpingRisk { score: 0, number_blocked: true });
    }

    /// Answers nothing, or answers again.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Says 0 of every number, or what it knows.
    pub fn set_blind(&self, blind: bool) {
        self.blind.store(blind, Ordering::SeqCst);
    }

    fn up(&self, number: &PhoneNumber) -> Result<(), LookupError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(LookupError::Unavailable);
        }
        if locked(&self.missing).contains(number) { Err(LookupError::NotANumber) } else { Ok(()) }
    }
}

impl PhoneLookup for &MemoryLookup {
    async fn line_type(&self, number: &PhoneNumber) -> Result<LineType, LookupError> {
        self.up(number)?;
        locked(&self.asked).push((number.clone(), Package::LineType));
        Ok(locked(&self.lines).get(number).copied().unwrap_or(LineType::Mobile))
    }

    async fn pumping_risk(&self, number: &PhoneNumber, _: &SubAccountId) -> Result<PumpingRisk, LookupError> {
        self.up(number)?;
        locked(&self.asked).push((number.clone(), Package::PumpingRisk));
        let known = locked(&self.risks).get(number).copied().filter(|_| !self.blind.load(Ordering::SeqCst));
        Ok(known.unwrap_or(PumpingRisk { score: 0, number_blocked: false }))
    }
}

/// What happens to the next request to Verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyFault {
    /// A start is answered so, and nothing is sent.
    Start(Sending),
    /// A start is done, and not answered.
    StartLost,
    /// A start is done so many milliseconds later, and then answered.
    StartSlow(i64),
    /// A check is answered so, and nothing is compared.
    Check(Checking),
    /// A check is done, and not answered.
    CheckLost,
    /// The list of attempts is not available.
    Attempts(VerifyError),
    /// The list of attempts shows no conversion yet.
    AttemptsLag,
}

/// Verify in memory: one open verification per number, whoever asks; forgets what was approved.
#[derive(Debug)]
pub struct MemoryPasscodes<'clock> {
    clock: &'clock StillClock,
    inner: Mutex<VerifyState>,
}

#[derive(Debug, Default)]
struct VerifyState {
    open: BTreeMap<PhoneNumber, OpenVerification>,
    converted: BTreeMap<VerifySid, bool>,
    sent: Vec<(PhoneNumber, Channel, Instant)>,
    limits: Vec<RateLimitValues>,
    checks: u32,
    made: u32,
    faults: Vec<VerifyFault>,
}

#[derive(Debug)]
struct OpenVerification {
    sid: VerifySid,
    code: String,
    began_at: Instant,
    sends: u32,
    checks: u32,
}

impl<'clock> MemoryPasscodes<'clock> {
    /// Verify without any verification.
    pub fn new(clock: &'clock StillClock) -> Self {
        Self { clock, inner: Mutex::default() }
    }

    /// The passcode that a person with this phone reads.
    pub fn code(&self, number: &PhoneNumber) -> Option<String> {
        locked(&self.inner).open.get(number).map(|open| open.code.clone())
    }

    /// Every message that was sent.
    pub fn sent(&self) -> Vec<(PhoneNumber, Channel, Instant)> {
        locked(&self.inner).sent.clone()
    }

    /// How many messages were sent.
    pub fn messages(&self) -> usize {
        locked(&self.inner).sent.len()
    }

    /// How many passcodes were compared.
    pub fn checks(&self) -> u32 {
        locked(&self.inner).checks
    }

    /// The limits that were passed along with the latest start.
    pub fn latest_limits(&self) -> Option<RateLimitValues> {
        locked(&self.inner).limits.last().cloned()
    }

    /// What happens to the next requests of its kind, one fault each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = VerifyFault>) {
        locked(&self.inner).faults.extend(faults);
    }

    fn fault(state: &mut VerifyState, is: impl Fn(&VerifyFault) -> bool) -> Option<VerifyFault> {
        let place = state.faults.iter().position(is)?;
        Some(state.faults.remove(place))
    }

    fn send(&self, state: &mut VerifyState, number: &PhoneNumber, channel: Channel) -> Sending {
        let now = self.clock.now();
        state.open.retain(|_, open| now.ms_since(open.began_at) < PASSCODE_LIFE_MS);
        if !state.open.contains_key(number) {
            state.made += 1;
            let sid = VerifySid::parse(&format!("VE{:032x}", state.made)).expect("is a word");
            state.converted.insert(sid.clone(), false);
            let code = format!("{:06}", (u64::from(state.made) * 7919) % 1_000_000);
            let open = OpenVerification { sid, code, began_at: now, sends: 0, checks: 0 };
            state.open.insert(number.clone(), open);
        }
        let Some(open) = state.open.get_mut(number) else { return Sending::Unknown };
        if open.sends >= SENDS_MAX {
            return Sending::Refused { why: Refusal::Limit, again_after_s: 600, blocks_prefix: false };
        }
        open.sends += 1;
        let sid = open.sid.clone();
        state.sent.push((number.clone(), channel, now));
        Sending::Sent(sid)
    }

    fn compare(&self, state: &mut VerifyState, sid: &VerifySid, code: &str) -> Checking {
        let now = self.clock.now();
        state.open.retain(|_, open| now.ms_since(open.began_at) < PASSCODE_LIFE_MS);
        let Some((number, open)) = state.open.iter_mut().find(|(_, open)| open.sid == *sid) else {
            return Checking::Gone;
        };
        if open.checks >= PASSCODE_CHECKS_MAX {
            return Checking::Answered(CheckAnswer::UsedUp);
        }
        open.checks += 1;
        if open.code != code {
            return Checking::Answered(CheckAnswer::Wrong);
        }
        let number = number.clone();
        state.open.remove(&number);
        state.converted.insert(sid.clone(), true);
        Checking::Answered(CheckAnswer::Right)
    }
}

impl Passcodes for &MemoryPasscodes<'_> {
    async fn start(&self, number: &PhoneNumber, channel: Channel, limits: &RateLimitValues) -> Sending {
        let mut state = locked(&self.inner);
        state.limits.push(limits.clone());
        let is = |fault: &VerifyFault| {
            matches!(fault, VerifyFault::Start(_) | VerifyFault::StartLost | VerifyFault::StartSlow(_))
        };
        match MemoryPasscodes::fault(&mut state, is) {
            Some(VerifyFault::Start(answer)) => answer,
            Some(VerifyFault::StartSlow(milliseconds)) => {
                self.clock.advance_ms(milliseconds);
                self.send(&mut state, number, channel)
            }
            Some(_) => {
                self.send(&mut state, number, channel);
                Sending::Unknown
            }
            None => self.send(&mut state, number, channel),
        }
    }

    async fn check(&self, sid: &VerifySid, code: &SecretString) -> Checking {
        let mut state = locked(&self.inner);
        state.checks += 1;
        let is = |fault: &VerifyFault| matches!(fault, VerifyFault::Check(_) | VerifyFault::CheckLost);
        match MemoryPasscodes::fault(&mut state, is) {
            Some(VerifyFault::Check(answer)) => answer,
            Some(_) => {
                self.compare(&mut state, sid, code.expose_secret());
                Checking::Unknown
            }
            None => self.compare(&mut state, sid, code.expose_secret()),
        }
    }

    async fn was_converted(&self, sid: &VerifySid) -> Result<bool, VerifyError> {
        let mut state = locked(&self.inner);
        let is = |fault: &VerifyFault| matches!(fault, VerifyFault::Attempts(_) | VerifyFault::AttemptsLag);
        match MemoryPasscodes::fault(&mut state, is) {
            Some(VerifyFault::Attempts(error)) => Err(error),
            Some(_) => Ok(false),
            None => Ok(state.converted.get(sid).copied().unwrap_or(false)),
        }
    }
}

/// phone-verification over its neighbours in memory.
#[derive(Debug)]
pub struct PhoneWorld<'clock> {
    /// The clock.
    pub clock: &'clock StillClock,
    /// The table.
    pub table: MemoryTable,
    /// The purchase queue.
    pub queue: MemoryQueue,
    /// Lookup.
    pub lookup: MemoryLookup,
    /// Verify.
    pub passcodes: MemoryPasscodes<'clock>,
    /// How strict the defences are.
    pub policy: PhonePolicy,
}

impl<'clock> PhoneWorld<'clock> {
    /// A fresh world under a policy.
    pub fn new(clock: &'clock StillClock, policy: PhonePolicy) -> Self {
        logs::install();
        Self {
            clock,
            table: MemoryTable::default(),
            queue: MemoryQueue::default(),
            lookup: MemoryLookup::default(),
            passcodes: MemoryPasscodes::new(clock),
            policy,
        }
    }

    /// Answers an event.
    pub fn handle(&self, event: Value) -> Answer {
        Answer::of(futures::executor::block_on(self.function(&self.table, &self.queue).handle(event)))
    }

    /// The function, over this table and this queue.
    pub fn function<S: Store, Q: Queue>(
        &self,
        store: S,
        queue: Q,
    ) -> PhoneVerification<S, Q, &MemoryLookup, &MemoryPasscodes<'clock>, &'clock StillClock> {
        PhoneVerification {
            store,
            queue,
            lookup: &self.lookup,
            passcodes: &self.passcodes,
            ambient: self.clock,
            settings: Settings { policy: self.policy.clone(), prices: MessagePrices::default() },
        }
    }

    /// Asks for a passcode as its own sub-account, for a person at `address`.
    pub fn start_from(&self, sub_account: &str, key: &str, number: &PhoneNumber, address: &str) -> Answer {
        let event = start_event(sub_account, key, &json!({"phone_number": number.as_str()}));
        self.handle(sent_from(address, event))
    }

    /// Asks for a passcode by SMS as its own sub-account.
    pub fn start(&self, sub_account: &str, key: &str, number: &PhoneNumber) -> Answer {
        self.handle(start_event(sub_account, key, &json!({"phone_number": number.as_str()})))
    }

    /// Checks a passcode as its own sub-account.
    pub fn check(&self, sub_account: &str, id: &str, code: &str) -> Answer {
        self.handle(check_event(sub_account, id, code))
    }
}

/// A request for a passcode.
pub fn start_event(sub_account: &str, key: &str, body: &Value) -> Value {
    let headers = [("Idempotency-Key", key)];
    let caller = Caller::sub_account(sub_account);
    http_event(Route::Start.key(), &[("sub", sub_account)], &headers, Some(&caller), &body.to_string())
}

/// The same request, as the gateway sees it from an address.
pub fn sent_from(address: &str, mut event: Value) -> Value {
    event["requestContext"]["http"]["sourceIp"] = json!(address);
    event
}

/// A check of a passcode.
pub fn check_event(sub_account: &str, id: &str, code: &str) -> Value {
    let caller = Caller::sub_account(sub_account);
    let body = json!({"code": code}).to_string();
    http_event(Route::Check.key(), &[("sub", sub_account), ("id", id)], &[], Some(&caller), &body)
}
