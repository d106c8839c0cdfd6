//! What each defence says, in the order of what it costs.

use crate::instant::Instant;
use crate::region::CountryCode;

use super::policy::{AllowedCountries, LineTypePolicy, PhonePolicy, Review, RiskPolicy};
use super::{Channel, PREFIX_BLOCK_MS, PhoneRecord};

/// Why no passcode is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The number's country is not open.
    Country,
    /// A limit is reached.
    Limit,
    /// The line cannot receive a passcode over this channel.
    LineType,
    /// The number looks like pumping: it waits before it may ask again.
    SlowedDown,
    /// The number looks like pumping.
    Risk,
    /// The channel is not available.
    Channel,
}

/// What a defence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screened {
    /// The next defence decides.
    Passed,
    /// It passes, and somebody should look at it.
    PassedForReview,
    /// No passcode is sent.
    Refused {
        /// Why.
        why: Refusal,
        /// When asking again is worth it.
        again_at: Instant,
        /// Whether the whole range is refused until then.
        blocks_prefix: bool,
    },
}

/// What kind of line a number is (Twilio Lookup, "Line type intelligence").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineType {
    /// A mobile phone.
    Mobile,
    /// A landline.
    Landline,
    /// Voice over IP at one place.
    FixedVoip,
    /// Voice over IP anywhere.
    NonFixedVoip,
    /// A personal number.
    Personal,
    /// Free for the caller.
    TollFree,
    /// Dear for the caller.
    Premium,
    /// Shared between caller and called.
    SharedCost,
    /// A company's number anywhere.
    UniversalAccess,
    /// A voice mailbox.
    Voicemail,
    /// A pager.
    Pager,
    /// Nobody knows.
    Unknown,
}

impl LineType {
    /// Every kind of line.
    pub const ALL: [Self; 12] = [
        Self::Mobile,
        Self::Landline,
        Self::FixedVoip,
        Self::NonFixedVoip,
        Self::Personal,
        Self::TollFree,
        Self::Premium,
        Self::SharedCost,
        Self::UniversalAccess,
        Self::Voicemail,
        Self::Pager,
        Self::Unknown,
    ];
}

/// What Twilio says of a number's risk of pumping at this very moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PumpingRisk {
    /// 0 to 100.
    pub score: u8,
    /// Whether Fraud Guard blocks the number.
    pub number_blocked: bool,
}

/// Whether a number of this country may be asked for; `country` is `None` where no country is known for it.
#[must_use]
pub fn screen_country(policy: &PhonePolicy, country: Option<CountryCode>, served: bool, now: Instant) -> Screened {
    let open = match (country, policy.countries) {
        (None, _) => false,
        (Some(country), _) if policy.blocked_countries.contains(&country) => false,
        (Some(_), AllowedCountries::All) => true,
        (Some(_), AllowedCountries::Served) => served,
    };
    if open {
        Screened::Passed
    } else {
        let again_at = now.plus_ms(super::COUNTRY_AGAIN_MS);
        Screened::Refused { why: Refusal::Country, again_at, blocks_prefix: false }
    }
}

/// Whether a line of this kind can, and may, receive a passcode over the channel.
#[must_use]
pub fn screen_line_type(policy: LineTypePolicy, line: LineType, channel: Channel, now: Instant) -> Screened {
    let voip = match policy {
        LineTypePolicy::NotAsked => return Screened::Passed,
        LineTypePolicy::Reachable => true,
        LineTypePolicy::MobileOnly => false,
    };
    let fits = match (line, channel) {
        (LineType::Mobile | LineType::Unknown, _) => true,
        // "Send SMS only to mobile" (Twilio, "Preventing toll fraud"); a landline can be called.
        (LineType::Landline, Channel::Call) => voip,
        (LineType::Landline, Channel::Sms | Channel::Whatsapp) => false,
        (LineType::FixedVoip | LineType::NonFixedVoip, _) => voip,
        (
            LineType::Personal
            | LineType::TollFree
            | LineType::Premium
            | LineType::SharedCost
            | LineType::UniversalAccess
            | LineType::Voicemail
            | LineType::Pager,
            _,
        ) => false,
    };
    if fits {
        Screened::Passed
    } else {
        let again_at = now.plus_ms(super::COUNTRY_AGAIN_MS);
        Screened::Refused { why: Refusal::LineType, again_at, blocks_prefix: false }
    }
}

/// What the risk says, for a phone with this record in a country that the sub-account serves or not.
#[must_use]
pub fn screen_risk(
    policy: &RiskPolicy,
    risk: PumpingRisk,
    record: &PhoneRecord,
    served: bool,
    now: Instant,
) -> Screened {
    let again_at = now.plus_ms(PREFIX_BLOCK_MS);
    if (risk.number_blocked && policy.refuse_blocked_numbers) || risk.score >= policy.refuse_from {
        return Screened::Refused { why: Refusal::Risk, again_at, blocks_prefix: true };
    }
    if risk.score >= policy.review_from {
        return match (policy.review, served) {
            (Review::Send, _) | (Review::SendWhereServed, true) => Screened::PassedForReview,
            (Review::SendWhereServed, false) | (Review::Refuse, _) => {
                Screened::Refused { why: Refusal::Risk, again_at, blocks_prefix: false }
            }
        };
    }
    if risk.score >= policy.slow_from {
        return match record.slow_down(now) {
            None => Screened::Passed,
            Some(again_at) => Screened::Refused { why: Refusal::SlowedDown, again_at, blocks_prefix: false },
        };
    }
    Screened::Passed
}
