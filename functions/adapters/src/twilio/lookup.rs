//! Twilio Lookup v2: what kind of line a number is, how risky it is at this moment, whose name it carries.
//!
//! Source: Twilio's OpenAPI document of Lookup v2, and its pages "Line type intelligence", "SMS pumping risk" and
//! "Identity match". Each package says in its own `error_code` that it has nothing, in an answer with status 200.

use std::future::Future;
use std::time::Duration;

use domain::{LineType, NameLevel, NameLevels, PhoneNumber, PumpingRisk, SubAccountId};
use reqwest::{Client, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::TwilioAccess;
use crate::name_match::{NameLookup, PersonName};
use crate::outside::{self, read_body};

/// Largest answer that is read, in bytes: all packages of one number take some 3 KB.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Why nothing is known. A number that nobody can say anything about looks the same as a Lookup that is down: the
/// limits alone stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No answer, none that can be read, or too many requests.
    #[error("Lookup did not answer")]
    Unavailable,
    /// It does not accept our credential, or does not do this for our account: an operator must act.
    #[error("Lookup does not accept the credential, or the package is not enabled")]
    Unauthorised,
    /// It answered that it has nothing (the package's own error code).
    #[error("Lookup has nothing on the number: {0}")]
    Nothing(u32),
    /// There is no such number.
    #[error("Lookup knows no such number")]
    NotANumber,
}

/// What is known of phones.
pub trait PhoneLookup: Send + Sync {
    /// What kind of line it is.
    fn line_type(&self, number: &PhoneNumber) -> impl Future<Output = Result<LineType, LookupError>> + Send;

    /// How risky it is to send it a message now. Changes within seconds: never kept.
    fn pumping_risk(
        &self,
        number: &PhoneNumber,
        sub_account: &SubAccountId,
    ) -> impl Future<Output = Result<PumpingRisk, LookupError>> + Send;
}

/// Lookup's API.
#[derive(Debug, Clone)]
pub struct LookupClient {
    http: Client,
    settings: TwilioAccess,
}

/// Whether the number exists at all: where not, no package is there (Twilio, "Lookup v2": `valid`).
#[derive(Deserialize)]
struct Validity {
    valid: Option<bool>,
}

#[derive(Deserialize)]
struct WithLineType {
    line_type_intelligence: Option<LineTypePackage>,
}

#[derive(Deserialize)]
struct LineTypePackage {
    #[serde(rename = "type")]
    line_type: Option<String>,
    error_code: Option<u32>,
}

#[derive(Deserialize)]
struct WithRisk {
    sms_pumping_risk: Option<RiskPackage>,
}

#[derive(Deserialize)]
struct RiskPackage {
    sms_pumping_risk_score: Option<u8>,
    number_blocked: Option<bool>,
    error_code: Option<u32>,
}

#[derive(Deserialize)]
struct WithNames {
    identity_match: Option<NamesPackage>,
}

#[derive(Deserialize)]
struct NamesPackage {
    first_name_match: Option<String>,
    last_name_match: Option<String>,
    error_code: Option<u32>,
}

impl LookupClient {
    /// # Errors
    /// When no HTTP client can be made on this machine.
    pub fn new(settings: TwilioAccess) -> Result<Self, reqwest::Error> {
        let http = outside::client(&settings.base_url, Duration::from_millis(settings.timeout_ms))?;
        Ok(Self { http, settings })
    }

    async fn ask<T: DeserializeOwned>(&self, number: &PhoneNumber, query: &[(&str, &str)]) -> Result<T, LookupError> {
        let url = format!("{}/v2/PhoneNumbers/{number}", self.settings.base_url);
        let password = self.settings.password.expose_secret();
        let request = self.http.get(url).query(query).basic_auth(&self.settings.user, Some(password));
        let response = request.send().await.map_err(|_| LookupError::Unavailable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(LookupError::Unauthorised),
            _ => return Err(LookupError::Unavailable),
        }
        let body = read_body(response, ANSWER_BYTES_MAX).await.map_err(|_| LookupError::Unavailable)?;
        let Validity { valid } = serde_json::from_slice(&body).map_err(|_| LookupError::Unavailable)?;
        if valid == Some(false) {
            return Err(LookupError::NotANumber);
        }
        serde_json::from_slice(&body).map_err(|_| LookupError::Unavailable)
    }
}

impl PhoneLookup for LookupClient {
    async fn line_type(&self, number: &PhoneNumber) -> Result<LineType, LookupError> {
        let answer: WithLineType = self.ask(number, &[("Fields", "line_type_intelligence")]).await?;
        let package = answer.line_type_intelligence.ok_or(LookupError::Unavailable)?;
        known(package.error_code)?;
        Ok(line_type_of(package.line_type.as_deref().unwrap_or_default()))
    }

    async fn pumping_risk(&self, number: &PhoneNumber, sub_account: &SubAccountId) -> Result<PumpingRisk, LookupError> {
        // Twilio: the tenant's id makes the score more accurate.
        let query = [("Fields", "sms_pumping_risk"), ("PartnerSubId", sub_account.as_str())];
        let answer: WithRisk = self.ask(number, &query).await?;
        let package = answer.sms_pumping_risk.ok_or(LookupError::Unavailable)?;
        known(package.error_code)?;
        let score = package.sms_pumping_risk_score.ok_or(LookupError::Unavailable)?;
        Ok(PumpingRisk { score, number_blocked: package.number_blocked.unwrap_or(false) })
    }
}

impl NameLookup for LookupClient {
    async fn name_levels(&self, number: &PhoneNumber, name: &PersonName) -> Result<NameLevels, LookupError> {
        let query = [
            ("Fields", "identity_match"),
            ("FirstName", name.first.expose_secret()),
            ("LastName", name.last.expose_secret()),
        ];
        let answer: WithNames = self.ask(number, &query).await?;
        let package = answer.identity_match.ok_or(LookupError::Unavailable)?;
        known(package.error_code)?;
        let level = |text: Option<String>| name_level_of(text.as_deref().unwrap_or("no_data_available"));
        Ok(NameLevels { first: level(package.first_name_match)?, last: level(package.last_name_match)? })
    }
}

fn known(error_code: Option<u32>) -> Result<(), LookupError> {
    match error_code {
        None => Ok(()),
        // The provider's fault, or its quota or rate: not a word about the number.
        Some(60_608 | 60_611 | 60_613 | 60_616) => Err(LookupError::Unavailable),
        // Out of coverage, for want of Canada's authorisation as well; not supported there; no mobile phone.
        Some(code @ (60_600 | 60_601 | 60_607 | 60_612)) => Err(LookupError::Nothing(code)),
        // The package is not enabled, the region is another one, or the request is not understood: not a word about the
        // number either, and it stays so until somebody acts.
        Some(60_606 | 60_614 | 60_617 | 60_618 | 60_619) => Err(LookupError::Unauthorised),
        // One that we do not know must not decide anything.
        Some(_) => Err(LookupError::Unavailable),
    }
}

/// A kind that is newer than this list is not known, which refuses nobody.
fn line_type_of(text: &str) -> LineType {
    match text {
        "mobile" => LineType::Mobile,
        "landline" => LineType::Landline,
        "fixedVoip" => LineType::FixedVoip,
        "nonFixedVoip" => LineType::NonFixedVoip,
        "personal" => LineType::Personal,
        "tollFree" => LineType::TollFree,
        "premium" => LineType::Premium,
        "sharedCost" => LineType::SharedCost,
        "uan" => LineType::UniversalAccess,
        "voicemail" => LineType::Voicemail,
        "pager" => LineType::Pager,
        _ => LineType::Unknown,
    }
}

fn name_level_of(text: &str) -> Result<NameLevel, LookupError> {
    match text {
        "exact_match" => Ok(NameLevel::Exact),
        "high_partial_match" => Ok(NameLevel::HighPartial),
        "partial_match" => Ok(NameLevel::Partial),
        "no_match" => Ok(NameLevel::None),
        "no_data_available" => Ok(NameLevel::NoData),
        // A level that we do not know must not decide anything.
        _ => Err(LookupError::Unavailable),
    }
}
