//! How strict the defences are: one object, three presets between conversion and fraud.

use crate::region::CountryCode;

use super::{ApprovedPhone, DAY_MS, Dimension, Limit, NameMatchPolicy};

/// The presets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhonePreset {
    /// For conversion: only what is surely fraud is refused.
    Open,
    /// The default.
    Balanced,
    /// Against fraud: only countries that are served, only mobile phones, no doubtful score.
    Strict,
}

/// Which countries may be asked for, of those that are not blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedCountries {
    /// All; those that a sub-account does not serve under tight limits.
    All,
    /// Those that the sub-account serves.
    Served,
}

/// Which lines may receive a passcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineTypePolicy {
    /// Any: Twilio is not asked.
    NotAsked,
    /// Those that can: mobile and internet phones, and landlines by call.
    Reachable,
    /// Mobile phones.
    MobileOnly,
}

/// What happens to a score between `review_from` and `refuse_from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// The passcode is sent, and the event counted for somebody to look at.
    Send,
    /// The same, but only where the sub-account serves the country; elsewhere it is refused.
    SendWhereServed,
    /// It is refused.
    Refuse,
}

/// What Twilio's SMS pumping risk score leads to. The bands are Twilio's own (Lookup, "SMS pumping risk": low to 60,
/// mild to 75, moderate to 90, high from 90), half-open here because the page's bounds overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskPolicy {
    /// From here a number waits once before it is sent a passcode.
    pub slow_from: u8,
    /// From here somebody looks.
    pub review_from: u8,
    /// What that means.
    pub review: Review,
    /// From here no passcode is sent, and the number's range is refused for a while.
    pub refuse_from: u8,
    /// Whether a number that Fraud Guard blocks is refused whatever its score. Twilio: "at the cost of false positives".
    pub refuse_blocked_numbers: bool,
}

/// How many messages one phone may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneLimit {
    /// Within this time, in milliseconds.
    pub window_ms: i64,
    /// So many, unless one of them is answered.
    pub messages_max: u32,
    /// So many in all, answered or not, over all sub-accounts.
    pub messages_in_all_max: u32,
    /// Whether the pause between two of them grows.
    pub growing_pause: bool,
}

/// The limits. What is `None` is not counted at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneLimits {
    /// Messages to one phone.
    pub phone: PhoneLimit,
    /// A range of 1,000 numbers outside the United States and Canada.
    pub prefix: Option<Limit>,
    /// A range of 1,000 numbers in the United States and Canada, where a message costs a tenth and no score exists.
    pub prefix_us_ca: Option<Limit>,
    /// One sub-account in one country.
    pub sub_account_country: Option<Limit>,
    /// A country, over all sub-accounts that do not serve it.
    pub unserved_country: Option<Limit>,
    /// One sub-account.
    pub sub_account: Option<Limit>,
    /// One source address.
    pub address: Option<Limit>,
}

/// How strict the defences are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhonePolicy {
    /// Which countries may be asked for.
    pub countries: AllowedCountries,
    /// Countries that are never asked for.
    pub blocked_countries: Vec<CountryCode>,
    /// Countries that every sub-account serves.
    pub home_countries: Vec<CountryCode>,
    /// The limits.
    pub limits: PhoneLimits,
    /// Which lines may receive a passcode.
    pub line_types: LineTypePolicy,
    /// What the risk score leads to; `None` does not ask for it.
    pub risk: Option<RiskPolicy>,
    /// Whether a purchase waits until its sub-account has an approved phone.
    pub required_for_purchases: bool,
    /// Whether the name on the ID must be that of the phone's owner.
    pub name_match: NameMatchPolicy,
}

/// Whether a purchase needs a phone that was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneRequirement {
    /// It may go on.
    Met,
    /// The customer verifies a phone first: `next_action` is `verify_phone`.
    VerifyPhone,
}

/// Whether a sub-account with this approved phone may buy, where the platform requires one.
#[must_use]
pub fn phone_requirement(required: bool, approved: Option<&ApprovedPhone>) -> PhoneRequirement {
    if required && approved.is_none() { PhoneRequirement::VerifyPhone } else { PhoneRequirement::Met }
}

/// Countries that Twilio Verify does not send to (error 60238), and North Korea, where no carrier takes messages.
const BLOCKED: [&str; 4] = ["CU", "IR", "KP", "SY"];

/// Where the platform sells its numbers.
const HOME: [&str; 3] = ["US", "CA", "PR"];

fn countries(codes: &[&str]) -> Vec<CountryCode> {
    codes.iter().filter_map(|code| CountryCode::new(code)).collect()
}

impl PhonePolicy {
    /// The preset's settings.
    ///
    /// Twilio's "Preventing toll fraud" names the layers and their order, and tells to allow what is expected and to
    /// limit all else tightly; it names no number. The numbers here are ours: `balanced` from what an honest sub-account
    /// does (some hundred verifications a day, 98 of 100 answered within minutes), the others around it. The attack
    /// drill (`make drill`) measures all three.
    ///
    /// The ceilings on what is answered are far from honest people too. A phone: twice what it may be sent unanswered, as
    /// whoever manages several sub-accounts may verify one phone for each. A sub-account: under `balanced` five times that
    /// hundred a day, under `open` twenty times, under `strict` twice.
    #[must_use]
    pub fn of(preset: PhonePreset) -> Self {
        let bands = RiskPolicy {
            slow_from: 60,
            review_from: 75,
            review: Review::SendWhereServed,
            refuse_from: 90,
            refuse_blocked_numbers: true,
        };
        // Twilio sends five times per verification, then refuses (error 60203).
        let phone = PhoneLimit { window_ms: DAY_MS, messages_max: 5, messages_in_all_max: 10, growing_pause: true };
        match preset {
            PhonePreset::Open => Self {
                countries: AllowedCountries::All,
                blocked_countries: countries(&BLOCKED),
                home_countries: countries(&HOME),
                limits: PhoneLimits {
                    phone: PhoneLimit { messages_max: 10, messages_in_all_max: 20, ..phone },
                    prefix: Some(Limit::per_day(10, 5)),
                    prefix_us_ca: Some(Limit::per_hour(50, 2)),
                    sub_account_country: Some(Limit::per_hour(200, 2)),
                    unserved_country: Some(Limit::per_day(20, 5)),
                    sub_account: Some(Limit::per_hour(500, 2).with_a_day_max(2_000)),
                    address: Some(Limit::per_hour(30, 2)),
                },
                line_types: LineTypePolicy::Reachable,
                risk: Some(RiskPolicy { slow_from: 75, review: Review::Send, refuse_blocked_numbers: false, ..bands }),
                required_for_purchases: false,
                name_match: NameMatchPolicy::Off,
            },
            PhonePreset::Balanced => Self {
                countries: AllowedCountries::All,
                blocked_countries: countries(&BLOCKED),
                home_countries: countries(&HOME),
                limits: PhoneLimits {
                    phone,
                    prefix: Some(Limit::per_day(2, 5)),
                    prefix_us_ca: Some(Limit::per_hour(20, 2)),
                    sub_account_country: Some(Limit::per_hour(50, 2)),
                    unserved_country: Some(Limit::per_day(4, 5)),
                    sub_account: Some(Limit::per_hour(100, 2).with_a_day_max(500)),
                    address: Some(Limit::per_hour(10, 2)),
                },
                line_types: LineTypePolicy::Reachable,
                risk: Some(bands),
                required_for_purchases: false,
                name_match: NameMatchPolicy::Off,
            },
            PhonePreset::Strict => Self {
                countries: AllowedCountries::Served,
                blocked_countries: countries(&BLOCKED),
                home_countries: countries(&HOME),
                limits: PhoneLimits {
                    phone: PhoneLimit { messages_max: 3, messages_in_all_max: 6, ..phone },
                    prefix: Some(Limit::per_day(1, 5)),
                    prefix_us_ca: Some(Limit::per_hour(5, 2)),
                    sub_account_country: Some(Limit::per_hour(20, 5)),
                    unserved_country: Some(Limit::per_day(1, 10)),
                    sub_account: Some(Limit::per_hour(40, 5).with_a_day_max(200)),
                    address: Some(Limit::per_hour(5, 5)),
                },
                line_types: LineTypePolicy::MobileOnly,
                risk: Some(RiskPolicy { review: Review::Refuse, ..bands }),
                required_for_purchases: true,
                name_match: NameMatchPolicy::Require,
            },
        }
    }

    /// The limit of a dimension for numbers of `country`, if it is counted.
    #[must_use]
    pub fn limit(&self, dimension: &Dimension, country: CountryCode) -> Option<Limit> {
        match dimension {
            Dimension::Prefix(_) if has_no_risk_score(country) => self.limits.prefix_us_ca,
            Dimension::Prefix(_) => self.limits.prefix,
            Dimension::SubAccountCountry(..) => self.limits.sub_account_country,
            Dimension::UnservedCountry(_) => self.limits.unserved_country,
            Dimension::SubAccount(_) => self.limits.sub_account,
            Dimension::Address(_) => self.limits.address,
        }
    }

    /// The risk policy for numbers of `country`: none where Twilio's score means nothing.
    #[must_use]
    pub fn risk_for(&self, country: CountryCode) -> Option<RiskPolicy> {
        if has_no_risk_score(country) { None } else { self.risk }
    }
}

/// Twilio: the "algorithm isn't designed for US or Canadian traffic"; it is recommended everywhere else, the other
/// countries of calling code 1 among them.
fn has_no_risk_score(country: CountryCode) -> bool {
    matches!(country.letters(), ['U', 'S'] | ['C', 'A'])
}
