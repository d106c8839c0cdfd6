//! The carrier of a schedule: lists that lag, creates that land late, answers that are lost.

use std::collections::{BTreeMap, VecDeque};

use adapters::twilio::{Created, OwnedNumber};
use domain::{AccountSid, Instant, NumberSid, PhoneNumber, Reason};

use super::facts::{Fact, Facts};
use super::orders::FOR_SALE;
use super::random::Random;
use crate::world::account;

/// Longest time that a create takes to land once it was sent, in milliseconds. With the lease (60 s) and the list's lag
/// it stays below the 180 s after which an absent number counts.
const LANDING_MS_MAX: i64 = 60_000;
/// Longest time until the list shows a number that was bought, in milliseconds.
const LIST_LAG_MS_MAX: i64 = 45_000;

/// What is known of how long a create takes until the list shows it, in milliseconds: three minutes from its request.
pub(super) const LANDING_KNOWN_MS: i64 = 180_000;

/// A number that one of our accounts owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) account: AccountSid,
    pub(super) sid: NumberSid,
    pub(super) mark: String,
    pub(super) created_at: Instant,
    pub(super) listed_from: Instant,
    pub(super) foreign: bool,
}

/// What a create asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) account: &'a AccountSid,
    pub(super) number: &'a PhoneNumber,
    pub(super) mark: &'a str,
}

/// A create that is still under way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Landing {
    sent_at: Instant,
    at: Instant,
    listed_from: Instant,
    account: AccountSid,
    number: PhoneNumber,
    mark: String,
}

impl Landing {
    /// How long it takes from its request until the list shows it, in milliseconds.
    fn takes_ms(&self) -> i64 {
        self.listed_from.ms_since(self.sent_at)
    }
}

/// What becomes of a create, where the number can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CreateFate {
    /// It is done.
    Done,
    /// Somebody else was faster.
    Gone,
    /// It is done, and its answer lost.
    DoneButUnknown,
    /// It is lost.
    Lost,
    /// It is done after so many milliseconds, and its answer lost.
    Late(i64),
    /// There are too many requests.
    NotProcessed,
    /// It is refused for good.
    Refused,
    /// It is done, unless the number is ours already: then it is refused as not available.
    RefusedIfOwned,
}

impl CreateFate {
    /// What becomes of a create that something goes wrong with.
    fn draw(weather: &mut Random) -> Self {
        match weather.below(9) {
            1 => Self::DoneButUnknown,
            2 => Self::Lost,
            3 => Self::Late(weather.ms(1, LANDING_MS_MAX)),
            4 => Self::NotProcessed,
            5 => Self::Refused,
            6 => Self::RefusedIfOwned,
            7 => Self::Gone,
            _ => Self::Done,
        }
    }
}

/// The carrier of a schedule.
#[derive(Debug, Default)]
pub(super) struct CarrierWorld {
    pub(super) owned: BTreeMap<PhoneNumber, Owned>,
    landing: Vec<Landing>,
    /// Whether a create took longer than is known of any.
    pub(super) landed_beyond_known: bool,
    /// How often each number was paid for by us.
    pub(super) charges: BTreeMap<PhoneNumber, u32>,
    /// How often each was given back by us.
    pub(super) releases: BTreeMap<PhoneNumber, u32>,
    /// Numbers that customers of other accounts have.
    elsewhere: Vec<PhoneNumber>,
    /// What becomes of the next creates, where that is given.
    pub(super) given: VecDeque<CreateFate>,
    sids: u64,
}

impl CarrierWorld {
    /// Somebody else's number stands in the platform's own account.
    pub(super) fn plant(&mut self, number: PhoneNumber, now: Instant) {
        let owned = Owned {
            account: account(),
            sid: self.sid(),
            mark: "somebody's desk".to_owned(),
            created_at: now,
            listed_from: now,
            foreign: true,
        };
        self.owned.entry(number).or_insert(owned);
    }

    /// What is under way lands when its time has come.
    pub(super) fn land(&mut self, now: Instant, facts: &mut Facts) {
        while let Some(place) = self.landing.iter().position(|landing| landing.at <= now) {
            let landing = self.landing.remove(place);
            facts.insert(Fact::LandedLate);
            self.landed_beyond_known |= landing.takes_ms() > LANDING_KNOWN_MS;
            let Landing { account, number, mark, .. } = &landing;
            self.buy(Asked { account, number, mark }, landing.at, landing.listed_from);
        }
    }

    pub(super) fn list(
        &self,
        account: &AccountSid,
        number: &PhoneNumber,
        now: Instant,
        facts: &mut Facts,
    ) -> Option<OwnedNumber> {
        let owned = self.owned.get(number).filter(|owned| owned.account == *account && owned.listed_from <= now)?;
        if owned.foreign {
            facts.insert(Fact::ForeignNumber);
        }
        Some(answer(number, owned))
    }

    pub(super) fn list_marked(&self, account: &AccountSid, mark: &str, now: Instant) -> Vec<OwnedNumber> {
        let shown = |owned: &Owned| owned.account == *account && owned.mark == mark && owned.listed_from <= now;
        let listed = self.owned.iter().filter(|(_, owned)| shown(owned));
        listed.map(|(number, owned)| answer(number, owned)).collect()
    }

    pub(super) fn fetch(&self, sid: &NumberSid) -> Option<OwnedNumber> {
        self.owned.iter().find(|(_, owned)| owned.sid == *sid).map(|(number, owned)| answer(number, owned))
    }

    /// A customer of another account gets the number.
    pub(super) fn sell_elsewhere(&mut self, number: PhoneNumber) {
        if !self.owned.contains_key(&number) {
            self.elsewhere.push(number);
        }
    }

    /// Whether a create for this number with this mark is still under way that takes no longer than `ms`, until the list
    /// shows it.
    pub(super) fn is_under_way(&self, number: &PhoneNumber, mark: &str, ms: i64) -> bool {
        let mut of_it = self.landing.iter().filter(|landing| landing.number == *number && landing.mark == mark);
        of_it.any(|landing| landing.takes_ms() <= ms)
    }

    /// What is for sale in an area code.
    pub(super) fn for_sale(&self, area_code: &str) -> impl Iterator<Item = &'static str> {
        let free = |number: &PhoneNumber| !self.owned.contains_key(number) && !self.elsewhere.contains(number);
        FOR_SALE.into_iter().filter(move |number| {
            number[2..].starts_with(area_code) && PhoneNumber::parse(number).is_ok_and(|number| free(&number))
        })
    }

    /// Takes a number back; whose it was.
    pub(super) fn release(&mut self, sid: &NumberSid) -> Option<(PhoneNumber, Owned)> {
        let number = self.owned.iter().find(|(_, owned)| owned.sid == *sid).map(|(number, _)| number.clone())?;
        *self.releases.entry(number.clone()).or_default() += 1;
        self.owned.remove_entry(&number)
    }

    pub(super) fn create(
        &mut self,
        asked: Asked<'_>,
        now: Instant,
        weather: &mut Random,
        faulty: bool,
        facts: &mut Facts,
    ) -> Created {
        let Asked { account, number, mark } = asked;
        let lag = if faulty { weather.ms(0, LIST_LAG_MS_MAX) } else { 0 };
        let listed_from = now.plus_ms(lag);
        if self.elsewhere.contains(number) {
            return Created::NotAvailable;
        }
        let drawn = if faulty { CreateFate::draw(weather) } else { CreateFate::Done };
        let owned = self.owned.contains_key(number);
        if self.owned.get(number).is_some_and(|owned| owned.account != *account) {
            return Created::NotAvailable;
        }
        match self.given.pop_front().unwrap_or(drawn) {
            CreateFate::Gone if !owned => {
                self.elsewhere.push(number.clone());
                Created::NotAvailable
            }
            CreateFate::DoneButUnknown => {
                facts.insert(Fact::DoneButUnknown);
                self.buy(asked, now, listed_from);
                Created::Unknown
            }
            CreateFate::Lost => Created::Unknown,
            CreateFate::Late(ms) => {
                self.landing.push(Landing {
                    sent_at: now,
                    at: now.plus_ms(ms),
                    listed_from: listed_from.plus_ms(ms),
                    account: account.clone(),
                    number: number.clone(),
                    mark: mark.to_owned(),
                });
                Created::Unknown
            }
            CreateFate::NotProcessed => {
                facts.insert(Fact::NotProcessed);
                Created::NotProcessed { retry_after_s: Some(20) }
            }
            CreateFate::Refused => Created::Refused(Reason::CarrierRefused),
            CreateFate::RefusedIfOwned if owned => Created::NotAvailable,
            CreateFate::Done | CreateFate::Gone | CreateFate::RefusedIfOwned => self.buy(asked, now, listed_from),
        }
    }

    fn buy(&mut self, asked: Asked<'_>, now: Instant, listed_from: Instant) -> Created {
        let Asked { account, number, mark } = asked;
        if let Some(owned) = self.owned.get_mut(number) {
            // A number is one account's in the world: what lands after that is refused.
            if owned.account != *account {
                return Created::NotAvailable;
            }
            // A repeated create acts as an update; whoever it belonged to, the mark is overwritten. That is why a look
            // comes before every create.
            mark.clone_into(&mut owned.mark);
            return Created::Bought(answer(number, owned));
        }
        *self.charges.entry(number.clone()).or_default() += 1;
        let owned = Owned {
            account: account.clone(),
            sid: self.sid(),
            mark: mark.to_owned(),
            created_at: now.whole_second(),
            listed_from,
            foreign: false,
        };
        let answered = answer(number, &owned);
        self.owned.insert(number.clone(), owned);
        Created::Bought(answered)
    }

    fn sid(&mut self) -> NumberSid {
        self.sids += 1;
        NumberSid::parse(&format!("PN{:032}", self.sids)).expect("is a word")
    }
}

fn answer(number: &PhoneNumber, owned: &Owned) -> OwnedNumber {
    OwnedNumber {
        sid: owned.sid.clone(),
        number: number.clone(),
        mark: owned.mark.clone(),
        created_at: Some(owned.created_at),
    }
}
