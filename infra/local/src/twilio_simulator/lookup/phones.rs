//! What is known of single numbers and of whole ranges.

use serde::{Deserialize, Serialize};

/// Numbers with answers that never change, and what they are: carrier's risk, blocked, score
/// (<https://www.twilio.com/docs/lookup/magic-numbers-for-lookup/testing-sms-pumping-risk-with-magic-numbers>, as
/// `codeready-toolchain/toolchain-e2e` quotes it). Twilio gives them to test credentials only.
const MAGIC: [(&str, CarrierRisk, bool, u8); 3] = [
    ("+441234567890", CarrierRisk::High, false, 2),
    ("+441234567891", CarrierRisk::High, true, 34),
    ("+911234567890", CarrierRisk::Low, false, 2),
];

/// What is known of a number, or of all numbers that start alike. What is not known is left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Known {
    /// The number; with a `*` at its end every number that starts so.
    pub(super) phone_number: String,
    /// `mobile` and eleven others; by its area code, else mobile.
    pub(in super::super) line_type: Option<String>,
    pub(in super::super) carrier_name: Option<String>,
    pub(in super::super) mobile_country_code: Option<String>,
    pub(in super::super) mobile_network_code: Option<String>,
    /// `active`, `inactive`, `reachable`, `unreachable` or `unknown`; active.
    pub(super) line_status: Option<String>,
    /// 0 to 100.
    pub(super) sms_pumping_risk_score: Option<u8>,
    pub(super) carrier_risk_category: Option<CarrierRisk>,
    pub(super) number_blocked: Option<bool>,
    pub(super) caller_name: Option<String>,
    /// Who owns the phone.
    pub(super) owner: Option<Owner>,
}

/// How risky a carrier is. Says nothing of the number itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CarrierRisk {
    Low,
    Mild,
    Moderate,
    High,
}

/// The owner of a phone as its carrier knows them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) address_line_1: Option<String>,
    pub(super) city: Option<String>,
    pub(super) state: Option<String>,
    pub(super) postal_code: Option<String>,
    pub(super) country: Option<String>,
    pub(super) national_id: Option<String>,
    /// Eight digits: year, month, day.
    pub(super) date_of_birth: Option<String>,
}

/// Everything that is known.
#[derive(Debug, Default)]
pub(super) struct Phones(Vec<Known>);

impl Phones {
    /// Adds what is known.
    pub(super) fn extend(&mut self, phones: Vec<Known>) {
        self.0.extend(phones);
    }

    /// What is known of a number: the latest that fits it.
    pub(super) fn of(&self, number: &str) -> Known {
        let fits = |known: &&Known| match known.phone_number.strip_suffix('*') {
            Some(start) => number.starts_with(start),
            None => number == known.phone_number,
        };
        self.0.iter().rev().find(fits).cloned().unwrap_or_else(|| {
            let magic = MAGIC.iter().find(|(magic, ..)| *magic == number);
            magic.map_or_else(Known::default, |(_, risk, blocked, score)| Known {
                carrier_risk_category: Some(*risk),
                number_blocked: Some(*blocked),
                sms_pumping_risk_score: Some(*score),
                ..Known::default()
            })
        })
    }
}
