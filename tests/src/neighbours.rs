//! The carrier, the queue, the clock, and Persona by its own file: in memory, with memory, so that a test can ask what happened.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use adapters::ambient::Ambient;
use adapters::queue::{PurchaseMessage, Queue, QueueError};
use adapters::twilio::{
    AvailableNumber, Capabilities, Carrier, Created, LookError, NumberPattern, OwnedNumber, Stock, StockError,
    StockQuery,
};
use domain::{AccountSid, Instant, NumberSid, PhoneNumber};

use crate::locked;
pub use crate::memory_persona::{MemoryPersona, ONE_TIME_LINK, PersonaFault, SESSION_TOKEN};

/// A clock that moves only when told, and ids in order.
#[derive(Debug)]
pub struct StillClock {
    now_ms: AtomicI64,
    ids: AtomicU64,
}

impl StillClock {
    /// A clock that shows `now`.
    pub fn at(now: Instant) -> Self {
        Self { now_ms: AtomicI64::new(now.unix_ms()), ids: AtomicU64::new(0) }
    }

    /// Moves the clock.
    pub fn advance_s(&self, seconds: i64) {
        self.advance_ms(seconds * 1000);
    }

    /// Moves the clock.
    pub fn advance_ms(&self, milliseconds: i64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Ambient for &StillClock {
    fn now(&self) -> Instant {
        Instant::from_unix_ms(self.now_ms.load(Ordering::SeqCst))
    }

    fn random_id(&self) -> String {
        format!("{:032x}", self.ids.fetch_add(1, Ordering::SeqCst))
    }
}

/// A queue in memory.
#[derive(Debug, Default)]
pub struct MemoryQueue {
    messages: Mutex<VecDeque<PurchaseMessage>>,
    down: Mutex<bool>,
}

impl MemoryQueue {
    /// Takes the next message.
    pub fn pop(&self) -> Option<PurchaseMessage> {
        locked(&self.messages).pop_front()
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        locked(&self.messages).len()
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses, or takes again, what is sent.
    pub fn set_down(&self, down: bool) {
        *locked(&self.down) = down;
    }
}

impl Queue for &MemoryQueue {
    async fn send(&self, messages: Vec<PurchaseMessage>) -> Result<(), QueueError> {
        if *locked(&self.down) {
            return Err(QueueError("injected".to_owned()));
        }
        locked(&self.messages).extend(messages);
        Ok(())
    }
}

/// A number that is for sale where its area code is.
pub fn for_sale(number: &str) -> AvailableNumber {
    let number: PhoneNumber = number.parse().expect("is a number");
    let query = StockQuery::same_area_code(&number, 1).expect("has an area code");
    AvailableNumber {
        number,
        kind: query.kind,
        country: query.country,
        locality: None,
        region: None,
        capabilities: Capabilities { voice: true, sms: true, mms: false, fax: false },
        address_required: false,
    }
}

/// The carrier in memory.
#[derive(Debug)]
pub struct MemoryCarrier<'clock> {
    clock: &'clock StillClock,
    inner: Mutex<CarrierState>,
}

#[derive(Debug, Default)]
struct CarrierState {
    owned: BTreeMap<(AccountSid, PhoneNumber), OwnedNumber>,
    charges: u32,
    sids: u32,
    creates: u32,
    faults: VecDeque<CarrierFault>,
    looks_let_through: u32,
    look_faults: VecDeque<LookError>,
    release_faults: VecDeque<ReleaseFault>,
    releases: u32,
    offers: Vec<AvailableNumber>,
    searches: Vec<StockQuery>,
    search_faults: VecDeque<StockError>,
    landing: Vec<(AccountSid, PhoneNumber, String)>,
}

/// What happens to the next create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierFault {
    /// It is not done, and answered so.
    Instead(Created),
    /// It is done, and answered so.
    After(Created),
    /// It is answered as unknown, and done when [`MemoryCarrier::land`] is called.
    LandsLate,
    /// It is done, but the answer shows this mark.
    WrongMark(String),
    /// It is done, but the answer says that it was made at this time.
    MadeAt(Instant),
}

/// What happens to the next release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseFault {
    /// It is not done.
    Before(LookError),
    /// It is done, and its answer lost.
    After(LookError),
}

impl CarrierState {
    fn look_fault(&mut self) -> Option<LookError> {
        if self.looks_let_through > 0 {
            self.looks_let_through -= 1;
            return None;
        }
        self.look_faults.pop_front()
    }
}

impl<'clock> MemoryCarrier<'clock> {
    /// A carrier that owns nothing.
    pub fn new(clock: &'clock StillClock) -> Self {
        Self { clock, inner: Mutex::default() }
    }

    /// What happens to the next creates, one fault each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = CarrierFault>) {
        locked(&self.inner).faults.extend(faults);
    }

    /// What happens to the next looks, one fault each.
    pub fn fail_next_looks(&self, faults: impl IntoIterator<Item = LookError>) {
        locked(&self.inner).look_faults.extend(faults);
    }

    /// So many looks are answered before what was ordered happens to the next ones.
    pub fn let_looks_through(&self, looks: u32) {
        locked(&self.inner).looks_let_through = looks;
    }

    /// What happens to the next releases, one fault each.
    pub fn fail_next_releases(&self, faults: impl IntoIterator<Item = ReleaseFault>) {
        locked(&self.inner).release_faults.extend(faults);
    }

    /// How many numbers were given back.
    pub fn releases(&self) -> u32 {
        locked(&self.inner).releases
    }

    /// How many numbers are owned.
    pub fn owned(&self) -> usize {
        locked(&self.inner).owned.len()
    }

    /// What happens to the next searches, one fault each.
    pub fn fail_next_searches(&self, faults: impl IntoIterator<Item = StockError>) {
        locked(&self.inner).search_faults.extend(faults);
    }

    /// Puts these numbers up for sale, behind those that are. Whatever is owned here is not found, offered or not.
    pub fn offer(&self, numbers: impl IntoIterator<Item = AvailableNumber>) {
        locked(&self.inner).offers.extend(numbers);
    }

    /// What was searched for, in order.
    pub fn searches(&self) -> Vec<StockQuery> {
        locked(&self.inner).searches.clone()
    }

    /// How many numbers were paid for.
    pub fn charges(&self) -> u32 {
        locked(&self.inner).charges
    }

    /// How many creates were asked for.
    pub fn creates(&self) -> u32 {
        locked(&self.inner).creates
    }

    /// What is written on a number of an account.
    pub fn mark(&self, account: &AccountSid, number: &PhoneNumber) -> Option<String> {
        locked(&self.inner).owned.get(&(account.clone(), number.clone())).map(|owned| owned.mark.clone())
    }

    /// Gives the account a number that we did not buy; the number there.
    pub fn plant(&self, account: &AccountSid, number: &PhoneNumber, mark: &str) -> OwnedNumber {
        let mut state = locked(&self.inner);
        let charges = state.charges;
        let planted = self.own(&mut state, account, number, mark);
        state.charges = charges;
        planted
    }

    /// The account's numbers, in order; the next look's fault instead, if one was ordered.
    pub(crate) fn listed(&self, account: &AccountSid) -> Result<Vec<OwnedNumber>, LookError> {
        let mut state = locked(&self.inner);
        let fault = state.look_fault();
        let owned = state.owned.iter().filter(|((of, _), _)| of == account);
        fault.map_or_else(|| Ok(owned.map(|(_, owned)| owned.clone()).collect()), Err)
    }

    /// Somebody writes another mark on a number that is owned.
    pub fn rename(&self, account: &AccountSid, number: &PhoneNumber, mark: &str) {
        if let Some(owned) = locked(&self.inner).owned.get_mut(&(account.clone(), number.clone())) {
            mark.clone_into(&mut owned.mark);
        }
    }

    /// The creates that were under way land now.
    pub fn land(&self) {
        let mut state = locked(&self.inner);
        for (account, number, mark) in std::mem::take(&mut state.landing) {
            self.own(&mut state, &account, &number, &mark);
        }
    }

    fn own(&self, state: &mut CarrierState, account: &AccountSid, number: &PhoneNumber, mark: &str) -> OwnedNumber {
        let key = (account.clone(), number.clone());
        if let Some(owned) = state.owned.get_mut(&key) {
            // A repeated create acts as an update (reported in danielberkompas/ex_twilio, pull request 116).
            mark.clone_into(&mut owned.mark);
            return owned.clone();
        }
        state.charges += 1;
        state.sids += 1;
        let owned = OwnedNumber {
            sid: NumberSid::parse(&format!("PN{:032}", state.sids)).expect("is a word"),
            number: number.clone(),
            mark: mark.to_owned(),
            created_at: Some(self.clock.now().whole_second()),
        };
        state.owned.insert(key, owned.clone());
        owned
    }
}

impl Carrier for &MemoryCarrier<'_> {
    async fn find(&self, account: &AccountSid, number: &PhoneNumber) -> Result<Option<OwnedNumber>, LookError> {
        let mut state = locked(&self.inner);
        match state.look_fault() {
            Some(fault) => Err(fault),
            None => Ok(state.owned.get(&(account.clone(), number.clone())).cloned()),
        }
    }

    async fn find_marked(&self, account: &AccountSid, mark: &str) -> Result<Vec<OwnedNumber>, LookError> {
        let mut state = locked(&self.inner);
        match state.look_fault() {
            Some(fault) => Err(fault),
            None => {
                let owned = state.owned.iter().filter(|((of, _), owned)| of == account && owned.mark == mark);
                Ok(owned.map(|(_, owned)| owned.clone()).collect())
            }
        }
    }

    async fn fetch(&self, account: &AccountSid, sid: &NumberSid) -> Result<Option<OwnedNumber>, LookError> {
        let mut state = locked(&self.inner);
        match state.look_fault() {
            Some(fault) => Err(fault),
            None => {
                let mut owned = state.owned.iter().filter(|((of, _), owned)| of == account && owned.sid == *sid);
                Ok(owned.next().map(|(_, owned)| owned.clone()))
            }
        }
    }

    async fn release(&self, account: &AccountSid, sid: &NumberSid) -> Result<(), LookError> {
        let mut state = locked(&self.inner);
        let fault = state.release_faults.pop_front();
        if let Some(ReleaseFault::Before(error)) = fault {
            return Err(error);
        }
        let before = state.owned.len();
        state.owned.retain(|(of, _), owned| of != account || owned.sid != *sid);
        if state.owned.len() < before {
            state.releases += 1;
        }
        match fault {
            Some(ReleaseFault::After(error)) => Err(error),
            Some(ReleaseFault::Before(_)) | None => Ok(()),
        }
    }

    async fn create(&self, account: &AccountSid, number: &PhoneNumber, mark: &str) -> Created {
        let mut state = locked(&self.inner);
        state.creates += 1;
        match state.faults.pop_front() {
            None => Created::Bought(self.own(&mut state, account, number, mark)),
            Some(CarrierFault::Instead(answer)) => answer,
            Some(CarrierFault::After(answer)) => {
                self.own(&mut state, account, number, mark);
                answer
            }
            Some(CarrierFault::LandsLate) => {
                state.landing.push((account.clone(), number.clone(), mark.to_owned()));
                Created::Unknown
            }
            Some(CarrierFault::WrongMark(wrong)) => {
                let owned = self.own(&mut state, account, number, mark);
                Created::Bought(OwnedNumber { mark: wrong, ..owned })
            }
            Some(CarrierFault::MadeAt(at)) => {
                let owned = self.own(&mut state, account, number, mark);
                Created::Bought(OwnedNumber { created_at: Some(at), ..owned })
            }
        }
    }
}

impl Stock for &MemoryCarrier<'_> {
    async fn search(&self, query: &StockQuery) -> Result<Vec<AvailableNumber>, StockError> {
        let mut state = locked(&self.inner);
        state.searches.push(query.clone());
        if let Some(fault) = state.search_faults.pop_front() {
            return Err(fault);
        }
        let area_code = query.area_code.map(|area_code| area_code.to_string());
        let found = state.offers.iter().filter(|offer| {
            (offer.country, offer.kind) == (query.country, query.kind)
                && area_code.as_deref().is_none_or(|code| offer.number.area_code() == Some(code))
                && query.contains.as_ref().is_none_or(|pattern| contains(&offer.number, pattern))
                && !state.owned.keys().any(|(_, owned)| *owned == offer.number)
        });
        Ok(found.take(query.limit.try_into().unwrap_or(usize::MAX)).cloned().collect())
    }
}

/// Whether a pattern of digits and `*` is in a number. Letters match nothing here.
fn contains(number: &PhoneNumber, pattern: &NumberPattern) -> bool {
    let pattern = pattern.as_str().as_bytes();
    let same = |window: &[u8]| window.iter().zip(pattern).all(|(digit, wanted)| wanted == digit || *wanted == b'*');
    number.as_str().as_bytes()[1..].windows(pattern.len()).any(same)
}
