//! Twilio Verify v2: passcodes. They pass through memory only.
//!
//! Source: Twilio's OpenAPI document of Verify v2. A wrong passcode is a success with status `pending`; a verification
//! that was approved, expired or never was is 404.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use domain::{Channel, CheckAnswer, CountryCode, Instant, PhoneNumber, Refusal, VerifySid};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::TwilioAccess;
use super::client::{ErrorEnvelope, retry_after_s};
use super::verify_answer::{RATE_LIMIT_NAMES, meaning_of_check_refusal, meaning_of_start_refusal};
use crate::outside::{self, read_body};
use crate::rfc3339;

/// Largest answer that is read, in bytes: a page of 50 attempts takes some 40 KB.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How to reach Verify.
#[derive(Debug, Clone)]
pub struct VerifySettings {
    /// Where, and with which credential.
    pub twilio: TwilioAccess,
    /// The service that sends the passcodes (`VA…`).
    pub service: String,
    /// Which of [`RATE_LIMIT_NAMES`] the service has.
    pub rate_limits: Vec<&'static str>,
}

/// What our limits are about, passed along so that Twilio limits the same: no personal data among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RateLimitValues {
    /// The number's range.
    pub number_prefix: String,
    /// The sub-account.
    pub sub_account: String,
    /// The source address, hashed.
    pub source_address: Option<String>,
}

/// What Verify answered to a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// A passcode is under way.
    Sent(VerifySid),
    /// It refused.
    Refused {
        /// Why.
        why: Refusal,
        /// When asking again is worth it, in seconds.
        again_after_s: u32,
        /// Whether the number's whole range is refused.
        blocks_prefix: bool,
    },
    /// It is no number that can be sent anything.
    NotANumber,
    /// It did not process the request.
    NotProcessed {
        /// When it wants to be asked again, in seconds, if it said so.
        retry_after_s: Option<u32>,
    },
    /// It does not accept our credential or our settings: an operator must act.
    Misconfigured,
    /// No answer: a passcode may be under way.
    Unknown,
}

/// What Verify answered to a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checking {
    /// It compared the passcode.
    Answered(CheckAnswer),
    /// It knows no such verification any more: approved before, or expired. Its attempts say which.
    Gone,
    /// It did not process the request.
    NotProcessed {
        /// When it wants to be asked again, in seconds, if it said so.
        retry_after_s: Option<u32>,
    },
    /// It does not accept our credential or our settings: an operator must act.
    Misconfigured,
    /// No answer: the passcode may have been right.
    Unknown,
}

/// Why Verify did not say what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No answer, or none that can be read.
    #[error("Verify did not answer")]
    Unavailable,
    /// It does not accept our credential.
    #[error("Verify does not accept the credential")]
    Unauthorised,
}

/// Twilio's own count of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttemptSummary {
    /// Messages sent.
    pub attempts: u32,
    /// Of verifications that were approved.
    pub converted: u32,
}

/// Passcodes.
pub trait Passcodes: Send + Sync {
    /// Sends a passcode; while one is still good, the same one again. After a crash, or [`Sending::Unknown`], it may
    /// have been sent.
    fn start(
        &self,
        number: &PhoneNumber,
        channel: Channel,
        limits: &RateLimitValues,
    ) -> impl Future<Output = Sending> + Send;

    /// Compares a passcode. After a crash, or [`Checking::Unknown`], the verification may be approved.
    fn check(&self, sid: &VerifySid, code: &SecretString) -> impl Future<Output = Checking> + Send;

    /// Whether any attempt of a verification was converted: somebody entered the right passcode.
    fn was_converted(&self, sid: &VerifySid) -> impl Future<Output = Result<bool, VerifyError>> + Send;
}

/// Verify's API.
#[derive(Debug, Clone)]
pub struct VerifyClient {
    http: Client,
    settings: VerifySettings,
}

/// "Invalid parameter", which the message names (Twilio, error 60200).
const CODE_INVALID_PARAMETER: u32 = 60_200;

#[derive(Deserialize)]
struct VerificationResource {
    sid: String,
}

#[derive(Deserialize)]
struct CheckResource {
    status: String,
}

#[derive(Deserialize)]
struct AttemptList {
    attempts: Vec<AttemptResource>,
}

#[derive(Deserialize)]
struct AttemptResource {
    verification_sid: String,
    conversion_status: String,
}

#[derive(Deserialize)]
struct SummaryResource {
    total_attempts: u32,
    total_converted: u32,
}

impl VerifyClient {
    /// # Errors
    /// When no HTTP client can be made on this machine.
    pub fn new(settings: VerifySettings) -> Result<Self, reqwest::Error> {
        let http = outside::client(&settings.twilio.base_url, Duration::from_millis(settings.twilio.timeout_ms))?;
        Ok(Self { http, settings })
    }

    /// Twilio's count of the attempts since `after`, in a country over a channel or altogether.
    ///
    /// # Errors
    /// [`VerifyError`] when it does not answer, or does not accept our credential.
    pub async fn summary(
        &self,
        of: Option<(CountryCode, Channel)>,
        after: Instant,
    ) -> Result<AttemptSummary, VerifyError> {
        let (of, after) = (of.map(|(country, channel)| (country.to_string(), channel_word(channel))), rfc3339(after));
        let mut query =
            vec![("VerifyServiceSid", self.settings.service.as_str()), ("DateCreatedAfter", after.as_str())];
        if let Some((country, channel)) = &of {
            query.extend([("Country", country.as_str()), ("Channel", *channel)]);
        }
        let summary: SummaryResource = self.read("Attempts/Summary", &query).await?;
        Ok(AttemptSummary { attempts: summary.total_attempts, converted: summary.total_converted })
    }

    fn service_url(&self, path: &str) -> String {
        format!("{}/v2/Services/{}/{path}", self.settings.twilio.base_url, self.settings.service)
    }

    fn request(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth(&self.settings.twilio.user, Some(self.settings.twilio.password.expose_secret()))
    }

    async fn read<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, VerifyError> {
        let url = format!("{}/v2/{path}", self.settings.twilio.base_url);
        let response =
            self.request(self.http.get(url)).query(query).send().await.map_err(|_| VerifyError::Unavailable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(VerifyError::Unauthorised),
            _ => return Err(VerifyError::Unavailable),
        }
        let body = read_body(response, ANSWER_BYTES_MAX).await.map_err(|_| VerifyError::Unavailable)?;
        serde_json::from_slice(&body).map_err(|_| VerifyError::Unavailable)
    }

    /// The limits that the service has, by name, as Verify wants them; none where it has none.
    fn rate_limits(&self, values: &RateLimitValues) -> Option<String> {
        let value = |name: &str| match name {
            "number_prefix" => Some(values.number_prefix.as_str()),
            "sub_account" => Some(values.sub_account.as_str()),
            _ => values.source_address.as_deref(),
        };
        let passed: BTreeMap<&str, &str> = RATE_LIMIT_NAMES
            .into_iter()
            .filter(|name| self.settings.rate_limits.contains(name))
            .filter_map(|name| value(name).map(|value| (name, value)))
            .collect();
        if passed.is_empty() { None } else { serde_json::to_string(&passed).ok() }
    }
}

impl Passcodes for VerifyClient {
    async fn start(&self, number: &PhoneNumber, channel: Channel, limits: &RateLimitValues) -> Sending {
        let mut form = vec![("To", number.to_string()), ("Channel", channel_word(channel).to_owned())];
        form.extend(self.rate_limits(limits).map(|limits| ("RateLimits", limits)));
        let request = self.request(self.http.post(self.service_url("Verifications"))).form(&form);
        let Ok(response) = request.send().await else {
            return Sending::Unknown;
        };
        match answer::<VerificationResource>(response).await {
            Answer::Done(resource) => VerifySid::parse(&resource.sid).map_or(Sending::Unknown, Sending::Sent),
            // Any other parameter than the number is ours: the limits' names, the channel, the service's settings.
            Answer::Refused { code: Some(CODE_INVALID_PARAMETER), names_to: false, .. } => Sending::Misconfigured,
            Answer::Refused { status, code, retry_after_s, .. } => {
                meaning_of_start_refusal(status, code, retry_after_s)
            }
            Answer::Unreadable => Sending::Unknown,
        }
    }

    async fn check(&self, sid: &VerifySid, code: &SecretString) -> Checking {
        let form = [("VerificationSid", sid.as_str()), ("Code", code.expose_secret())];
        let request = self.request(self.http.post(self.service_url("VerificationCheck"))).form(&form);
        let Ok(response) = request.send().await else {
            return Checking::Unknown;
        };
        match answer::<CheckResource>(response).await {
            Answer::Done(resource) => match resource.status.as_str() {
                "approved" => Checking::Answered(CheckAnswer::Right),
                "pending" => Checking::Answered(CheckAnswer::Wrong),
                "max_attempts_reached" => Checking::Answered(CheckAnswer::UsedUp),
                "canceled" | "deleted" | "failed" | "expired" => Checking::Gone,
                _ => Checking::Unknown,
            },
            Answer::Refused { status, code, retry_after_s, .. } => {
                meaning_of_check_refusal(status, code, retry_after_s)
            }
            Answer::Unreadable => Checking::Unknown,
        }
    }

    async fn was_converted(&self, sid: &VerifySid) -> Result<bool, VerifyError> {
        let query = [("VerificationSid", sid.as_str()), ("PageSize", "50")];
        let list: AttemptList = self.read("Attempts", &query).await?;
        // Only what is said of this very verification counts.
        Ok(list
            .attempts
            .iter()
            .any(|attempt| attempt.verification_sid == sid.as_str() && attempt.conversion_status == "converted"))
    }
}

enum Answer<T> {
    Done(T),
    Refused {
        status: u16,
        code: Option<u32>,
        retry_after_s: Option<u32>,
        /// Whether the message speaks of the parameter `To`.
        names_to: bool,
    },
    Unreadable,
}

async fn answer<T: DeserializeOwned>(response: Response) -> Answer<T> {
    let status = response.status();
    let retry_after_s = retry_after_s(&response);
    let body = read_body(response, ANSWER_BYTES_MAX).await.ok();
    if matches!(status, StatusCode::OK | StatusCode::CREATED) {
        let resource = body.and_then(|body| serde_json::from_slice(&body).ok());
        return resource.map_or(Answer::Unreadable, Answer::Done);
    }
    let envelope = body.as_ref().and_then(|body| serde_json::from_slice::<ErrorEnvelope>(body).ok());
    let message = body.and_then(|body| serde_json::from_slice::<Message>(&body).ok());
    let names_to = message.is_some_and(|message| message.names("To"));
    Answer::Refused {
        status: status.as_u16(),
        code: envelope.and_then(|envelope| envelope.code),
        retry_after_s,
        names_to,
    }
}

/// What Twilio says of a refusal to people, which may repeat what was sent: only searched for the name of a parameter.
#[derive(Deserialize)]
struct Message {
    message: String,
}

impl Message {
    fn names(&self, parameter: &str) -> bool {
        self.message.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == parameter)
    }
}

fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "sms",
        Channel::Call => "call",
        Channel::Whatsapp => "whatsapp",
    }
}
