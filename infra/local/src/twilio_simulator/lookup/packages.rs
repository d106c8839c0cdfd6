//! The packages of a lookup, apart from the match of identities.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::super::replies::date_v2;
use super::phones::{CarrierRisk, Known};
use super::validation::Number;

/// A package's own error: the account has no authorisation of Canada's carriers (60601).
pub(super) const NOT_AUTHORISED_IN_CANADA: u32 = 60601;

/// A package's own error: it is not enabled for the account (60606). The simulator's word for packages that nothing of
/// ours asks for.
pub(super) const NOT_ENABLED: u32 = 60606;

/// A package's own error: it does not cover this country (60607).
pub(super) const UNSUPPORTED_COUNTRY: u32 = 60607;

/// The score of a number of which nothing is known, where low risk ends at 60.
const UNREMARKABLE_SCORE: u8 = 4;

/// What a request can ask for besides the number itself (`Fields` of `twilio_lookups_v2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Package {
    CallerName,
    SimSwap,
    CallForwarding,
    LineStatus,
    LineTypeIntelligence,
    IdentityMatch,
    ReassignedNumber,
    SmsPumpingRisk,
    PhoneNumberQualityScore,
    PreFill,
}

impl Package {
    /// All of them.
    pub(super) const ALL: [Self; 10] = [
        Self::CallerName,
        Self::SimSwap,
        Self::CallForwarding,
        Self::LineStatus,
        Self::LineTypeIntelligence,
        Self::IdentityMatch,
        Self::ReassignedNumber,
        Self::SmsPumpingRisk,
        Self::PhoneNumberQualityScore,
        Self::PreFill,
    ];

    /// The package with this name.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|package| package.name() == name)
    }

    /// Its name among `Fields` and in an answer.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::CallerName => "caller_name",
            Self::SimSwap => "sim_swap",
            Self::CallForwarding => "call_forwarding",
            Self::LineStatus => "line_status",
            Self::LineTypeIntelligence => "line_type_intelligence",
            Self::IdentityMatch => "identity_match",
            Self::ReassignedNumber => "reassigned_number",
            Self::SmsPumpingRisk => "sms_pumping_risk",
            Self::PhoneNumberQualityScore => "phone_number_quality_score",
            Self::PreFill => "pre_fill",
        }
    }

    /// Do Twilio's examples of it have an empty list of validation errors, and not null?
    pub(super) const fn is_newer(self) -> bool {
        match self {
            Self::IdentityMatch
            | Self::ReassignedNumber
            | Self::SmsPumpingRisk
            | Self::PhoneNumberQualityScore
            | Self::PreFill => true,
            Self::CallerName | Self::SimSwap | Self::CallForwarding | Self::LineStatus | Self::LineTypeIntelligence => {
                false
            }
        }
    }

    /// What it tells, all of it unknown.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::CallerName => &["caller_name", "caller_type"],
            Self::SimSwap => &["carrier_name", "last_sim_swap", "mobile_country_code", "mobile_network_code"],
            Self::CallForwarding => &["call_forwarding_enabled"],
            Self::LineStatus => &["status"],
            Self::LineTypeIntelligence => &["carrier_name", "mobile_country_code", "mobile_network_code", "type"],
            Self::IdentityMatch => &[
                "address_country_match",
                "address_lines_match",
                "city_match",
                "date_of_birth_match",
                "error_message",
                "first_name_match",
                "last_name_match",
                "national_id_match",
                "postal_code_match",
                "state_match",
                "summary_score",
            ],
            Self::ReassignedNumber => &["is_number_reassigned", "last_verified_date"],
            Self::SmsPumpingRisk => &[
                "carrier_risk_category",
                "number_blocked",
                "number_blocked_date",
                "number_blocked_last_3_months",
                "sms_pumping_risk_score",
            ],
            Self::PhoneNumberQualityScore => &[
                "carrier_risk_category",
                "carrier_risk_score",
                "disposable_phone_risk_category",
                "disposable_phone_risk_score",
                "quality_category",
                "quality_score",
                "velocity_risk_category",
                "velocity_risk_score",
            ],
            Self::PreFill => &["address_line", "country_code", "first_name", "last_name", "postal_code", "state"],
        }
    }

    /// Its answer when it failed: its own error's code, and nothing else.
    pub(super) fn failed(self, code: u32) -> Value {
        let mut answer = json!({ "error_code": code });
        if self == Self::ReassignedNumber {
            // The one package that describes its code as a text.
            answer["error_code"] = json!(code.to_string());
        }
        for field in self.fields() {
            answer[*field] = Value::Null;
        }
        answer
    }
}

/// What kind of line it is.
pub(super) fn line_type(known: &Known, number: &Number, ours: bool) -> Value {
    let by_number = if number.calling_code == "1" {
        match &number.national()[..3] {
            "800" | "833" | "844" | "855" | "866" | "877" | "888" => "tollFree",
            "900" => "premium",
            "500" | "533" | "544" | "566" | "577" | "588" => "personal",
            // Twilio's own numbers.
            _ if ours => "nonFixedVoip",
            _ => "mobile",
        }
    } else {
        "mobile"
    };
    json!({
        "carrier_name": known.carrier_name.as_deref().unwrap_or("Simulated Mobile"),
        "error_code": null,
        "mobile_country_code": known.mobile_country_code.as_deref().unwrap_or("001"),
        "mobile_network_code": known.mobile_network_code.as_deref().unwrap_or("01"),
        "type": known.line_type.as_deref().unwrap_or(by_number),
    })
}

/// How likely messages to it are fraud. The score and the carrier's risk are independent of each other; a number that
/// Fraud Guard never saw has no history.
pub(super) fn sms_pumping_risk(known: &Known, number: &Number, blind: bool, now: OffsetDateTime) -> Value {
    let (score, category, blocked) = if blind {
        (0, CarrierRisk::Low, false)
    } else {
        (
            known.sms_pumping_risk_score.unwrap_or(UNREMARKABLE_SCORE).min(100),
            known.carrier_risk_category.unwrap_or(CarrierRisk::Low),
            known.number_blocked.unwrap_or(false),
        )
    };
    // Canadian numbers return no carrier.
    let category = (number.country != "CA").then_some(category);
    let seen = known.number_blocked.filter(|_| !blind);
    json!({
        "carrier_risk_category": category,
        "error_code": null,
        "number_blocked": blocked,
        "number_blocked_date": blocked.then(|| date_v2(now)),
        "number_blocked_last_3_months": seen,
        "sms_pumping_risk_score": score,
    })
}

/// Does the line work?
pub(super) fn line_status(known: &Known) -> Value {
    json!({ "error_code": null, "status": known.line_status.as_deref().unwrap_or("active") })
}

/// Under which name it calls; the United States only.
pub(super) fn caller_name(known: &Known, number: &Number) -> Value {
    if number.country != "US" {
        return Package::CallerName.failed(UNSUPPORTED_COUNTRY);
    }
    let kind = known.caller_name.as_ref().map_or("UNDETERMINED", |_| "CONSUMER");
    json!({ "caller_name": known.caller_name, "caller_type": kind, "error_code": null })
}
