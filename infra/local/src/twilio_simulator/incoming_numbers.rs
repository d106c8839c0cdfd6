//! Numbers that an account owns: buying, listing, changing, giving back.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::available_numbers::{Pattern, is_area_code};
use super::carrier::Carrier;
use super::clock::Moment;
use super::credentials::Caller;
use super::faults::RepeatCreate;
use super::pages;
use super::parameters::Parameters;
use super::replies::{Reply, TwilioError, date, sid};
use super::stock::{self, NumberKind, Requirement};

/// How long a name may be, in characters.
const MAX_FRIENDLY_NAME: usize = 64;

/// Settings of a number that are plain texts: parameter, field, value of a new number (`None` is null). The defaults
/// are those of Twilio's examples.
const TEXTS: [(&str, &str, Option<&str>); 18] = [
    ("AddressSid", "address_sid", None),
    ("BundleSid", "bundle_sid", None),
    ("EmergencyAddressSid", "emergency_address_sid", None),
    ("EmergencyStatus", "emergency_status", Some("Active")),
    ("IdentitySid", "identity_sid", None),
    ("SmsApplicationSid", "sms_application_sid", Some("")),
    ("SmsFallbackMethod", "sms_fallback_method", Some("POST")),
    ("SmsFallbackUrl", "sms_fallback_url", Some("")),
    ("SmsMethod", "sms_method", Some("POST")),
    ("SmsUrl", "sms_url", Some("")),
    ("StatusCallback", "status_callback", Some("")),
    ("StatusCallbackMethod", "status_callback_method", Some("POST")),
    ("TrunkSid", "trunk_sid", None),
    ("VoiceApplicationSid", "voice_application_sid", Some("")),
    ("VoiceFallbackMethod", "voice_fallback_method", Some("POST")),
    ("VoiceFallbackUrl", "voice_fallback_url", None),
    ("VoiceMethod", "voice_method", Some("POST")),
    ("VoiceUrl", "voice_url", None),
];

/// A number that one of our accounts owns.
#[derive(Clone, Debug)]
pub(super) struct OwnedNumber {
    pub(super) sid: String,
    pub(super) account_sid: String,
    pub(super) phone_number: String,
    pub(super) friendly_name: String,
    kind: NumberKind,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    listed_from: Moment,
    voice_caller_id_lookup: bool,
    voice_receive_mode: String,
    texts: BTreeMap<&'static str, Option<String>>,
}

impl OwnedNumber {
    /// A number with the settings of a new one.
    pub(super) fn new(
        account_sid: &str,
        phone_number: &str,
        kind: NumberKind,
        created_at: OffsetDateTime,
        listed_from: Moment,
    ) -> Self {
        Self {
            sid: sid("PN"),
            account_sid: account_sid.to_owned(),
            phone_number: phone_number.to_owned(),
            friendly_name: stock::friendly_name(phone_number),
            kind,
            created_at,
            updated_at: created_at,
            listed_from,
            voice_caller_id_lookup: false,
            voice_receive_mode: "voice".to_owned(),
            texts: TEXTS.iter().map(|(_, field, default)| (*field, default.map(str::to_owned))).collect(),
        }
    }

    /// Takes over what a request sets. An empty text clears a setting.
    fn take(&mut self, parameters: &Parameters, now: OffsetDateTime) -> Result<(), TwilioError> {
        if let Some(friendly_name) = parameters.get("FriendlyName") {
            self.friendly_name = friendly_name.to_owned();
        }
        if let Some(lookup) = parameters.flag("VoiceCallerIdLookup")? {
            self.voice_caller_id_lookup = lookup;
        }
        if let Some(mode) = parameters.get("VoiceReceiveMode") {
            self.voice_receive_mode = mode.to_owned();
        }
        for (parameter, field, _) in TEXTS {
            if let Some(text) = parameters.given(parameter) {
                self.texts.insert(field, Some(text.to_owned()));
            }
        }
        self.updated_at = now;
        Ok(())
    }

    /// As the resource of one kind shows it, which does not say the kind again, or as the resource of all kinds does.
    fn json_at(&self, kind: Option<NumberKind>) -> Value {
        let mut number = self.json();
        if let (Some(_), Value::Object(fields)) = (kind, &mut number) {
            fields.remove("type");
        }
        number
    }

    fn json(&self) -> Value {
        let mut number = json!({
            "account_sid": self.account_sid,
            "address_requirements":
                stock::offer(&self.phone_number).map_or("none", |offer| offer.requirement.address_requirements()),
            "api_version": "2010-04-01",
            "beta": false,
            "capabilities": {"voice": true, "sms": true, "mms": true, "fax": false},
            "date_created": date(self.created_at),
            "date_updated": date(self.updated_at),
            "emergency_address_status": "unregistered",
            "friendly_name": self.friendly_name,
            "origin": "twilio",
            "phone_number": self.phone_number,
            "sid": self.sid,
            "status": "in-use",
            "type": self.kind.in_number(),
            "uri": format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers/{}.json", self.account_sid, self.sid),
            "voice_caller_id_lookup": self.voice_caller_id_lookup,
            "voice_receive_mode": self.voice_receive_mode,
        });
        for (field, text) in &self.texts {
            number[*field] = json!(text);
        }
        number
    }
}

impl Carrier {
    /// Buys a number. An own number is updated or refused, as ordered.
    pub(super) fn create_number(
        &mut self,
        account: &str,
        kind: Option<NumberKind>,
        parameters: &Parameters,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        check_friendly_name(parameters)?;
        let number = match (parameters.get("PhoneNumber"), parameters.get("AreaCode"), kind) {
            (_, Some(_), Some(_)) => {
                return Err(TwilioError::new(400, 21457, "AreaCode is not supported for this resource"));
            }
            // The words of Twilio's own answer (twilio/twilio-cli, issue 98).
            (None, None, _) | (Some(_), Some(_), None) => {
                return Err(TwilioError::bad_request("did or area_code is required"));
            }
            (Some(number), None, _) => number.to_owned(),
            (None, Some(area_code), None) => self.draw(area_code)?,
        };
        if number == stock::MAGIC_INVALID || !stock::is_e164(&number) {
            return Err(TwilioError::invalid_number(&number));
        }
        if let Some(own) =
            self.numbers.iter_mut().find(|owned| owned.account_sid == account && owned.phone_number == number)
        {
            return match self.repeat_create {
                RepeatCreate::Update => {
                    own.take(parameters, now)?;
                    Ok(Reply::json(201, own.json_at(kind)))
                }
                RepeatCreate::Refuse => Err(TwilioError::unavailable_number(&number)),
            };
        }
        let offer = stock::offer(&number).filter(|_| {
            // The magic number is sold to every account.
            self.is_for_sale(&number) || (number == stock::MAGIC_FOR_SALE && !self.taken_by_others.contains(&number))
        });
        let offer = offer
            .filter(|_| number != stock::MAGIC_UNAVAILABLE)
            .ok_or_else(|| TwilioError::unavailable_number(&number))?;
        if let Some(kind) = kind.filter(|kind| *kind != offer.kind) {
            let message = format!("{number} is not of type {}", kind.in_number());
            return Err(TwilioError::new(400, 21458, message));
        }
        match offer.requirement {
            Requirement::Address if parameters.get("AddressSid").is_none() => {
                return Err(TwilioError::new(400, 21631, "Phone Number Requires an Address"));
            }
            Requirement::Bundle if parameters.get("BundleSid").is_none() => {
                return Err(TwilioError::new(400, 21649, "Phone Number Requires a Bundle"));
            }
            Requirement::Nothing | Requirement::Address | Requirement::Bundle => {}
        }
        let listed_from = self.clock.in_ms(self.list_lag_ms);
        let mut owned = OwnedNumber::new(account, &number, offer.kind, now, listed_from);
        owned.take(parameters, now)?;
        let reply = Reply::json(201, owned.json_at(kind));
        self.numbers.push(owned);
        *self.charges.entry(number).or_default() += 1;
        Ok(reply)
    }

    /// A number of this area code that nobody owns.
    fn draw(&self, area_code: &str) -> Result<String, TwilioError> {
        if !is_area_code(area_code) {
            return Err(TwilioError::invalid_area_code(area_code));
        }
        stock::numbers_of_area_code(area_code)
            .into_iter()
            .find(|number| self.is_for_sale(number))
            .ok_or_else(|| TwilioError::empty_area_code(area_code))
    }

    /// Lists an account's numbers, newest first. `PhoneNumber` is a pattern that may match anywhere in a number;
    /// `FriendlyName` must be the whole name.
    pub(super) fn list_numbers(
        &self,
        account: &str,
        kind: Option<NumberKind>,
        parameters: &Parameters,
    ) -> Result<Reply, TwilioError> {
        let now = self.clock.now();
        // A `+` that was not escaped arrives as a space.
        let pattern = parameters.get("PhoneNumber").map(|text| {
            Pattern::parse(text.trim())
                .ok_or_else(|| TwilioError::bad_request(format!("PhoneNumber {text} is invalid")))
        });
        let pattern = pattern.transpose()?;
        let hosted = parameters.get("Origin") == Some("hosted");
        parameters.flag("Beta")?;
        let numbers: Vec<Value> = self
            .numbers
            .iter()
            .rev()
            .filter(|owned| owned.account_sid == account && owned.listed_from <= now && !hosted)
            .filter(|owned| kind.is_none_or(|kind| owned.kind == kind))
            .filter(|owned| pattern.as_ref().is_none_or(|pattern| pattern.matches(&owned.phone_number)))
            .filter(|owned| parameters.get("FriendlyName").is_none_or(|name| owned.friendly_name == name))
            .map(|owned| owned.json_at(kind))
            .collect();
        let path = match kind {
            None => format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json"),
            Some(kind) => format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{}.json", kind.path()),
        };
        pages::page(&path, "incoming_phone_numbers", &numbers, parameters)
    }

    /// One number by its SID.
    pub(super) fn fetch_number(&self, account: &str, number: &str, uri: &str) -> Result<Reply, TwilioError> {
        self.numbers
            .iter()
            .find(|owned| owned.account_sid == account && owned.sid == number)
            .map(|owned| Reply::json(200, owned.json()))
            .ok_or_else(|| TwilioError::not_found(uri))
    }

    /// Changes a number, or moves it to another account of ours.
    pub(super) fn update_number(
        &mut self,
        caller: &Caller,
        account: &str,
        number: &str,
        uri: &str,
        parameters: &Parameters,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        check_friendly_name(parameters)?;
        let target = parameters.get("AccountSid").filter(|target| *target != account);
        if let Some(target) = target {
            if *caller != Caller::Account {
                return Err(TwilioError::new(
                    400,
                    21474,
                    "Transferring a number needs the parent account's credentials",
                ));
            }
            if self.account(target).is_none() {
                return Err(TwilioError::new(400, 21471, format!("Account {target} does not exist")));
            }
        }
        let owned = self
            .numbers
            .iter_mut()
            .find(|owned| owned.account_sid == account && owned.sid == number)
            .ok_or_else(|| TwilioError::not_found(uri))?;
        owned.take(parameters, now)?;
        if let Some(target) = target {
            owned.account_sid = target.to_owned();
        }
        Ok(Reply::json(200, owned.json()))
    }

    /// Gives a number back. It is for sale again at once; money does not come back.
    pub(super) fn release_number(&mut self, account: &str, number: &str, uri: &str) -> Result<Reply, TwilioError> {
        let index = self
            .numbers
            .iter()
            .position(|owned| owned.account_sid == account && owned.sid == number)
            .ok_or_else(|| TwilioError::not_found(uri))?;
        let released = self.numbers.remove(index);
        self.released.push(released.phone_number);
        Ok(Reply::empty(204))
    }
}

fn check_friendly_name(parameters: &Parameters) -> Result<(), TwilioError> {
    match parameters.get("FriendlyName") {
        Some(name) if name.chars().count() > MAX_FRIENDLY_NAME => {
            Err(TwilioError::bad_request(format!("FriendlyName is longer than {MAX_FRIENDLY_NAME} characters")))
        }
        Some(_) | None => Ok(()),
    }
}
