//! Who asks for passcodes: honest people and a campaign, as the issue of this drill states their mixtures.

use domain::{LineType, PhoneNumber};
use tests::simulation::random::Random;

use crate::world::{ATTACKED, ATTACKED_SUB_ACCOUNTS, HONEST, SubAccount};

/// Honest people.
pub(crate) const USERS: usize = 20_000;
/// The campaign's numbers.
pub(crate) const TARGETS: usize = 5_000;
/// Ranges of the campaign in one country; numbers follow each other within one.
const RANGES_PER_COUNTRY: usize = 2;
/// How long the whole drill takes, in seconds: a day.
const DAY_S: i64 = 24 * 3600;
/// Phones of a campaign that answers: bought or hired ones, two in each country, side by side.
pub(crate) const OWNED: usize = 40;
/// Sub-accounts that a campaign that answers goes through.
const OWNED_SUB_ACCOUNTS: usize = 4;
/// When the campaign begins and ends, in seconds after the drill's start.
pub(crate) const CAMPAIGN_S: (i64, i64) = (9 * 3600, 17 * 3600);
/// Addresses that the campaign rotates over.
const CAMPAIGN_ADDRESSES: usize = 500;
/// Offices and carriers whose people share one address.
const SHARED_ADDRESSES: usize = 40;

/// Somebody who asks for passcodes.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) number: PhoneNumber,
    pub(crate) sub_account: String,
    pub(crate) address: String,
    pub(crate) score: u8,
    pub(crate) line: LineType,
    /// When they ask first, in seconds after the drill's start.
    pub(crate) asks_at_s: i64,
    pub(crate) intent: Intent,
}

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// To be verified.
    Honest {
        /// Asks again so often, because the passcode is slow to come.
        resends: u32,
        /// Enters it in the end.
        converts: bool,
        /// Types it wrong first.
        mistypes: bool,
        /// Asks from abroad, or is the first from their country.
        stranger: bool,
    },
    /// Messages: asks again for as long as it gets any.
    Campaign {
        /// Messages wanted.
        messages: u32,
    },
    /// Messages to phones of its own: enters each passcode, then asks again, all day.
    Answering,
}

/// Scores: 97 % below 60, 2 % from 60 to 75, 1 % from 75.
fn honest_score(random: &mut Random) -> u8 {
    let band = random.below(100);
    let score = match band {
        0..97 => random.below(60),
        97..99 => 60 + random.below(15),
        _ => 75 + random.below(26),
    };
    u8::try_from(score).unwrap_or(100)
}

/// Scores: 40 % from 90 up, 30 % from 60 to 90, 30 % below 60.
fn campaign_score(random: &mut Random) -> u8 {
    let band = random.below(100);
    let score = match band {
        0..40 => 90 + random.below(11),
        40..70 => 60 + random.below(30),
        _ => random.below(60),
    };
    u8::try_from(score).unwrap_or(100)
}

/// 95 % mobile, 3 % internet phones, 1 % landlines, 1 % that nobody knows.
fn honest_line(random: &mut Random) -> LineType {
    match random.below(100) {
        0..95 => LineType::Mobile,
        95..98 => LineType::NonFixedVoip,
        98 => LineType::Landline,
        _ => LineType::Unknown,
    }
}

/// The honest people: 55 % from the home countries, the others from where their sub-account sells; 3 % ask from a
/// country of any kind. 15 % share an address; 10 % ask again once or twice; 98 % enter the passcode.
pub(crate) fn honest(random: &mut Random, sub_accounts: &[SubAccount]) -> Vec<Person> {
    let person = |index: usize, random: &mut Random| {
        let sub_account = &sub_accounts[random.below(sub_accounts.len())];
        let stranger = random.chance(3);
        let country = if stranger {
            random.below(HONEST.len())
        } else if sub_account.abroad.is_empty() || random.chance(55) {
            match random.below(100) {
                0..82 => 0,
                82..96 => 1,
                _ => 2,
            }
        } else {
            sub_account.abroad[random.below(sub_account.abroad.len())]
        };
        let address = if random.chance(15) {
            format!("198.51.100.{}", random.below(SHARED_ADDRESSES))
        } else {
            format!("10.{}.{}.{}", index >> 16, (index >> 8) & 255, index & 255)
        };
        let resends = match random.below(100) {
            0..8 => 1,
            8..10 => 2,
            _ => 0,
        };
        Person {
            number: HONEST[country].number(random.next()),
            sub_account: sub_account.id.clone(),
            address,
            score: honest_score(random),
            line: honest_line(random),
            asks_at_s: random.ms(0, DAY_S - 3600),
            intent: Intent::Honest { resends, converts: random.chance(98), mistypes: random.chance(5), stranger },
        }
    };
    (0..USERS).map(|index| person(index, random)).collect()
}

/// The campaign: numbers in sequence, 250 in each of 20 countries, over 50 sub-accounts and 500 addresses, three
/// messages each. All of them are mobile phones: the line type gives none away.
pub(crate) fn pumping(random: &mut Random) -> Vec<Person> {
    let per_range = TARGETS / ATTACKED.len() / RANGES_PER_COUNTRY;
    let mut targets = Vec::new();
    for country in &ATTACKED {
        for _ in 0..RANGES_PER_COUNTRY {
            let start = random.next();
            targets.extend(
                (0..per_range).map(|step| country.number(start.wrapping_add(u64::try_from(step).unwrap_or(0)))),
            );
        }
    }
    let person = |number: PhoneNumber| Person {
        number,
        sub_account: format!("Loc{}", random.below(ATTACKED_SUB_ACCOUNTS)),
        address: format!("203.0.{}.{}", 113 + random.below(CAMPAIGN_ADDRESSES) / 250, random.below(250)),
        score: campaign_score(random),
        line: LineType::Mobile,
        asks_at_s: random.ms(CAMPAIGN_S.0, CAMPAIGN_S.1),
        intent: Intent::Campaign { messages: 3 },
    };
    targets.into_iter().map(person).collect()
}

/// The campaign that answers: each of its phones asks from an address of its own, again as soon as it has answered. They
/// are mobile phones without a history, so that no score gives them away.
pub(crate) fn answering(random: &mut Random) -> Vec<Person> {
    let per_country = OWNED / ATTACKED.len();
    let mut owned = Vec::new();
    for country in &ATTACKED {
        let start = random.next();
        owned.extend((0..per_country).map(|step| country.number(start.wrapping_add(u64::try_from(step).unwrap_or(0)))));
    }
    let person = |(index, number): (usize, PhoneNumber)| Person {
        number,
        sub_account: format!("Loc{}", index % OWNED_SUB_ACCOUNTS),
        address: format!("203.0.115.{index}"),
        score: u8::try_from(random.below(60)).unwrap_or(0),
        line: LineType::Mobile,
        asks_at_s: CAMPAIGN_S.0 + random.ms(0, 60),
        intent: Intent::Answering,
    };
    owned.into_iter().enumerate().map(person).collect()
}
