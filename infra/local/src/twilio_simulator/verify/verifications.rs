//! Verifications: sending a code, and what becomes of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::carrier::Carrier;
use super::super::clock::Moment;
use super::super::parameters::Parameters;
use super::super::replies::{Reply, TwilioError, date_v2, sid};
use super::super::request::Asked;
use super::super::stock;
use super::attempts::Attempt;
use super::resource;

/// How long a code is good, in milliseconds: 10 minutes
/// (<https://www.twilio.com/docs/verify/api/rate-limits-and-timeouts>).
const LIFETIME_MS: u64 = 10 * 60 * 1000;

/// How often one code is sent (same page); the next is error 60203.
const SENDS_MAX: usize = 5;

/// How many characters a code of the request's own may have.
const CUSTOM_CODE: std::ops::RangeInclusive<usize> = 4..=10;

/// How many tags a request may have.
const TAGS_MAX: usize = 10;

/// How long a tag and its value may be, in characters.
const TAG_LENGTH: usize = 128;

/// How a code is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Channel {
    Sms,
    Call,
    Whatsapp,
    Email,
    Sna,
}

impl Channel {
    /// The channel with this name. `auto` is not among them: accounts must be let in to it first.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        [Self::Sms, Self::Call, Self::Whatsapp, Self::Email, Self::Sna]
            .into_iter()
            .find(|channel| channel.name() == name)
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Call => "call",
            Self::Whatsapp => "whatsapp",
            Self::Email => "email",
            Self::Sna => "sna",
        }
    }

    /// Its name among what was sent, as Twilio's examples write it.
    const fn in_attempts(self) -> &'static str {
        match self {
            Self::Sms => "SMS",
            Self::Call => "CALL",
            Self::Whatsapp => "whatsapp",
            Self::Email => "EMAIL",
            Self::Sna => "sna",
        }
    }
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Waits for its code.
    Pending,
    /// The code came. Twilio forgets it at once.
    Approved,
    /// Taken back.
    Canceled,
    /// Too many wrong codes came; another start continues it and changes nothing (error 60202).
    MaxAttemptsReached,
}

/// A verification.
#[derive(Clone, Debug)]
pub(super) struct Verification {
    pub(super) sid: String,
    pub(super) service_sid: String,
    pub(super) account_sid: String,
    pub(super) to: String,
    pub(super) channel: Channel,
    pub(super) status: Status,
    pub(super) code: String,
    pub(super) wrong_checks: u32,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    expires: Moment,
    lookup: Value,
    sends: Vec<Value>,
}

impl Verification {
    /// Does Twilio still know it?
    pub(super) fn is_known(&self, now: Moment) -> bool {
        now < self.expires && self.status != Status::Approved
    }

    /// Would another start continue it?
    fn is_open(&self, now: Moment) -> bool {
        self.is_known(now) && matches!(self.status, Status::Pending | Status::MaxAttemptsReached)
    }

    fn json(&self, base_url: &str) -> Value {
        json!({
            "account_sid": self.account_sid,
            "amount": null,
            "channel": self.channel.name(),
            "date_created": date_v2(self.created_at),
            "date_updated": date_v2(self.updated_at),
            "lookup": self.lookup,
            "payee": null,
            "send_code_attempts": self.sends,
            "service_sid": self.service_sid,
            "sid": self.sid,
            "sna": null,
            "status": self.status,
            "to": self.to,
            "url": format!("{base_url}/v2/Services/{}/Verifications/{}", self.service_sid, self.sid),
            "valid": self.status == Status::Approved,
        })
    }

    /// With its code, which Twilio shows to nobody.
    pub(super) fn shown_to_tests(&self, now: Moment) -> Value {
        json!({
            "sid": self.sid,
            "to": self.to,
            "channel": self.channel.name(),
            "status": self.status,
            "known": self.is_known(now),
            "code": self.code,
            "sends": self.sends.len(),
            "wrong_checks": self.wrong_checks,
        })
    }
}

impl Carrier {
    /// Sends a code, or the same one again.
    pub(super) fn start(
        &mut self,
        service_sid: &str,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        let parameters = &asked.parameters;
        self.verify.starts.push(json!({
            "to": parameters.get("To"),
            "channel": parameters.get("Channel"),
            "rate_limits": parameters.get("RateLimits"),
            "risk_check": parameters.get("RiskCheck"),
        }));
        let service = self.service(service_sid).ok_or_else(|| TwilioError::not_found(&resource(&asked.path)))?.clone();
        let to = parameters.get("To").ok_or_else(|| TwilioError::missing_parameter("To"))?;
        let channel = parameters.get("Channel").ok_or_else(|| TwilioError::missing_parameter("Channel"))?;
        let channel = Channel::by_name(channel).ok_or_else(|| TwilioError::invalid_parameter("Channel"))?;
        if !can_be_reached(to, channel) {
            return Err(invalid_to(to));
        }
        check_details(parameters)?;
        self.verify.guard.channel(channel)?;

        let moment = self.clock.now();
        let unchecked = parameters.get("RiskCheck") == Some("disable") || self.is_safe(to);
        if !unchecked {
            self.verify.guard.destination(to, channel, moment)?;
        }
        let line = self.lookup.known(to).line_type.unwrap_or_else(|| "mobile".to_owned());
        if channel == Channel::Sms && service.skip_sms_to_landlines && line == "landline" {
            return Err(TwilioError::new(403, 60205, "SMS is not supported by landline phone number"));
        }
        let open = self.verify.verifications.iter().position(|candidate| {
            candidate.service_sid == service.sid && candidate.to == to && candidate.is_open(moment)
        });
        if open.is_some_and(|open| self.verify.verifications[open].sends.len() >= SENDS_MAX) {
            return Err(TwilioError::new(429, 60203, "Max send attempts reached"));
        }
        if let Some(reply) = self.reached_rate_limit(&service.sid, parameters)? {
            return Ok(reply);
        }

        let lookup = if service.lookup_enabled { self.carrier_of(to, &line) } else { json!({}) };
        let index = open.unwrap_or_else(|| {
            let own = parameters.get("CustomCode").filter(|_| service.custom_code_enabled);
            self.verify.verifications.push(Verification {
                sid: sid("VE"),
                service_sid: service.sid.clone(),
                account_sid: service.account_sid.clone(),
                to: to.to_owned(),
                channel,
                status: Status::Pending,
                code: own.map_or_else(|| random_code(service.code_length), str::to_owned),
                wrong_checks: 0,
                created_at: now,
                updated_at: now,
                expires: self.clock.in_ms(LIFETIME_MS),
                lookup,
                sends: Vec::new(),
            });
            self.verify.verifications.len() - 1
        });
        let listed_from = self.clock.in_ms(self.verify.guard.attempts_lag_ms);
        let known = self.lookup.known(to);
        let verification = &mut self.verify.verifications[index];
        let attempt = Attempt::new(verification, channel, parameters.get("Locale"), &known, now, listed_from);
        verification.channel = channel;
        verification.updated_at = now;
        verification.sends.push(json!({
            "attempt_sid": attempt.sid,
            "channel": channel.in_attempts(),
            "time": date_v2(now),
        }));
        let reply = Reply::json(201, verification.json(&asked.base_url));
        self.verify.attempts.push(attempt);
        Ok(reply)
    }

    /// One verification. An approved one, and one that is over, is not there.
    pub(super) fn fetch_verification(
        &mut self,
        service: &str,
        verification: &str,
        asked: &Asked,
    ) -> Result<Reply, TwilioError> {
        let index = self.known_verification(service, verification, asked)?;
        let sid = self.verify.verifications[index].sid.clone();
        if let Some(retry_after_s) = self.verify.polls.reached(&sid, &self.clock) {
            return Ok(Reply::from(TwilioError::too_many_requests()).with_retry_after(Some(retry_after_s)));
        }
        Ok(Reply::json(200, self.verify.verifications[index].json(&asked.base_url)))
    }

    /// Takes a verification back, or says that its code came another way.
    pub(super) fn update_verification(
        &mut self,
        service: &str,
        verification: &str,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        let status = asked.parameters.get("Status").ok_or_else(|| TwilioError::missing_parameter("Status"))?;
        let status = match status {
            "canceled" => Status::Canceled,
            "approved" => Status::Approved,
            _ => return Err(TwilioError::invalid_parameter("Status")),
        };
        let index = self.known_verification(service, verification, asked)?;
        let verification = &mut self.verify.verifications[index];
        verification.status = status;
        verification.updated_at = now;
        let (sid, reply) = (verification.sid.clone(), Reply::json(200, verification.json(&asked.base_url)));
        if status == Status::Approved {
            self.convert(&sid, now);
        }
        Ok(reply)
    }

    /// Where the verification with this SID, or of this number, is; the latest one.
    fn known_verification(&self, service: &str, wanted: &str, asked: &Asked) -> Result<usize, TwilioError> {
        let now = self.clock.now();
        self.verify
            .verifications
            .iter()
            .rposition(|candidate| {
                candidate.service_sid == service
                    && (candidate.sid == wanted || candidate.to == wanted)
                    && candidate.is_known(now)
            })
            .ok_or_else(|| TwilioError::not_found(&resource(&asked.path)))
    }

    /// A number's carrier, as a service with lookups shows it.
    fn carrier_of(&self, to: &str, line: &str) -> Value {
        let known = self.lookup.known(to);
        let kind = if line.ends_with("Voip") { "voip" } else { line };
        json!({
            "carrier": {
                "error_code": null,
                "mobile_country_code": known.mobile_country_code.as_deref().unwrap_or("001"),
                "mobile_network_code": known.mobile_network_code.as_deref().unwrap_or("01"),
                "name": known.carrier_name.as_deref().unwrap_or("Simulated Mobile"),
                "type": kind,
            }
        })
    }
}

/// 60200, with the value, as Verify says it of `To` only.
fn invalid_to(to: &str) -> TwilioError {
    TwilioError::new(400, 60200, format!("Invalid parameter `To`: {to}"))
}

/// Is it an address of this channel?
pub(super) fn can_be_reached(to: &str, channel: Channel) -> bool {
    match channel {
        Channel::Email => to.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.')),
        Channel::Sms | Channel::Call | Channel::Whatsapp | Channel::Sna => stock::is_e164(to),
    }
}

/// What a start may say besides.
fn check_details(parameters: &Parameters) -> Result<(), TwilioError> {
    let invalid = |name: &str| Err(TwilioError::invalid_parameter(name));
    if parameters.get("RiskCheck").is_some_and(|check| !matches!(check, "enable" | "disable")) {
        return invalid("RiskCheck");
    }
    if parameters.get("CustomCode").is_some_and(|code| !CUSTOM_CODE.contains(&code.chars().count())) {
        return invalid("CustomCode");
    }
    if parameters.get("Locale").is_some_and(|locale| !is_locale(locale)) {
        return invalid("Locale");
    }
    if parameters.get("DeviceIp").is_some_and(|address| address.parse::<std::net::IpAddr>().is_err()) {
        return invalid("DeviceIp");
    }
    let tags = parameters.get("Tags").map(serde_json::from_str::<Map<String, Value>>).transpose();
    let fits = |text: &str| text.chars().count() <= TAG_LENGTH;
    match tags {
        Ok(tags) => {
            let tags = tags.unwrap_or_default();
            let good = |(name, value): (&String, &Value)| fits(name) && value.as_str().is_some_and(fits);
            if tags.len() > TAGS_MAX || !tags.iter().all(good) { invalid("Tags") } else { Ok(()) }
        }
        Err(_) => invalid("Tags"),
    }
}

/// Two letters, or two letters, a hyphen and two capitals: `pt-BR`.
fn is_locale(text: &str) -> bool {
    match text.as_bytes() {
        [language @ .., b'-', country_0, country_1] if language.len() == 2 => {
            language.iter().all(u8::is_ascii_lowercase)
                && country_0.is_ascii_uppercase()
                && country_1.is_ascii_uppercase()
        }
        language => language.len() == 2 && language.iter().all(u8::is_ascii_lowercase),
    }
}

/// A code that nobody can guess.
fn random_code(length: usize) -> String {
    Uuid::new_v4().as_bytes().iter().take(length).map(|byte| char::from(b'0' + byte % 10)).collect()
}
