//! Whose phone is it: passcodes, and the defences against SMS pumping that stand before every message.
//!
//! Pumping is the fraud in which somebody asks for passcodes to numbers that pay them a share of each message. Its mark
//! is that nobody ever enters a passcode. So every limit here counts *unanswered* verifications: an approval gives its
//! unit back, which lets limits be tight for a campaign and far away for honest people. Whoever answers as well, with phones of
//! their own, meets two ceilings that count answered ones too: per phone, and per sub-account and day.

mod conversion;
mod dimension;
mod distinct;
mod limits;
mod name_match;
mod policy;
mod record;
mod screening;
mod verification;
mod window;

pub use conversion::{
    CONVERSION_DAYS, CONVERSION_PERCENT_MIN, CONVERSION_SENT_MIN, Conversion, ConversionCounts, Counted, DayCounts,
    MessagePrices,
};
pub use dimension::{Dimension, PREFIX_DIGITS_OPEN, prefix_of};
pub use distinct::DistinctPhones;
pub use limits::*;
pub use name_match::{NameLevel, NameLevels, NameMatch, NameMatchPolicy, NameStanding, judge_names, name_standing};
pub use policy::{
    AllowedCountries, LineTypePolicy, PhoneLimit, PhoneLimits, PhonePolicy, PhonePreset, PhoneRequirement, Review,
    RiskPolicy, phone_requirement,
};
pub use record::{AnsweredMessages, ApprovedPhone, Holder, PhoneRecord, SentPasscode};
pub use screening::{LineType, PumpingRisk, Refusal, Screened, screen_country, screen_line_type, screen_risk};
pub use verification::{
    Channel, CheckAnswer, CheckResult, PhoneDecision, PhoneEffect, PhoneEvent, PhoneIllegal, PhoneState,
    PhoneVerification, PhoneVerificationId,
};
pub use window::{Limit, Tally, Window};
