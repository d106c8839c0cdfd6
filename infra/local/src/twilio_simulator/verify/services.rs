//! Services: what verifications of one kind have in common.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::super::Settings;
use super::super::carrier::Carrier;
use super::super::pages;
use super::super::parameters::Parameters;
use super::super::replies::{Reply, TwilioError, date_v2, sid};
use super::super::request::Asked;
use super::resource;

/// How many characters a code may have.
const CODE_LENGTH: std::ops::RangeInclusive<usize> = 4..=10;

/// How many it has unless a service says otherwise.
const DEFAULT_CODE_LENGTH: usize = 6;

/// How long a service's name may be, in characters.
const MAX_FRIENDLY_NAME: usize = 32;

/// How many digits a service's name may have: more could be somebody's number.
const MAX_DIGITS_IN_NAME: usize = 4;

/// A service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) sid: String,
    pub(super) account_sid: String,
    pub(super) code_length: usize,
    pub(super) lookup_enabled: bool,
    pub(super) skip_sms_to_landlines: bool,
    pub(super) custom_code_enabled: bool,
    friendly_name: String,
    dtmf_input_required: bool,
    do_not_share_warning_enabled: bool,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl Service {
    /// The service that the settings name.
    pub(super) fn first(settings: &Settings) -> Self {
        Self {
            sid: settings.verify_service_sid.clone(),
            ..Self::new(&settings.account_sid, "Simulated service", OffsetDateTime::now_utc())
        }
    }

    fn new(account: &str, friendly_name: &str, now: OffsetDateTime) -> Self {
        Self {
            sid: sid("VA"),
            account_sid: account.to_owned(),
            code_length: DEFAULT_CODE_LENGTH,
            lookup_enabled: false,
            skip_sms_to_landlines: false,
            custom_code_enabled: false,
            friendly_name: friendly_name.to_owned(),
            dtmf_input_required: true,
            do_not_share_warning_enabled: false,
            created_at: now,
            updated_at: now,
        }
    }

    /// Takes over what a request sets.
    fn take(&mut self, parameters: &Parameters, now: OffsetDateTime) -> Result<(), TwilioError> {
        if let Some(name) = parameters.get("FriendlyName") {
            let digits = name.chars().filter(char::is_ascii_digit).count();
            if name.chars().count() > MAX_FRIENDLY_NAME || digits > MAX_DIGITS_IN_NAME {
                return Err(TwilioError::invalid_parameter("FriendlyName"));
            }
            name.clone_into(&mut self.friendly_name);
        }
        if let Some(length) = parameters.number("CodeLength")? {
            if !CODE_LENGTH.contains(&length) {
                return Err(TwilioError::invalid_parameter("CodeLength"));
            }
            self.code_length = length;
        }
        for (name, setting) in [
            ("LookupEnabled", &mut self.lookup_enabled),
            ("SkipSmsToLandlines", &mut self.skip_sms_to_landlines),
            ("CustomCodeEnabled", &mut self.custom_code_enabled),
            ("DtmfInputRequired", &mut self.dtmf_input_required),
            ("DoNotShareWarningEnabled", &mut self.do_not_share_warning_enabled),
        ] {
            *setting = parameters.flag(name)?.unwrap_or(*setting);
        }
        self.updated_at = now;
        Ok(())
    }

    fn json(&self, base_url: &str) -> Value {
        let url = format!("{base_url}/v2/Services/{}", self.sid);
        json!({
            "account_sid": self.account_sid,
            "code_length": self.code_length,
            "custom_code_enabled": self.custom_code_enabled,
            "date_created": date_v2(self.created_at),
            "date_updated": date_v2(self.updated_at),
            "default_template_sid": null,
            "do_not_share_warning_enabled": self.do_not_share_warning_enabled,
            "dtmf_input_required": self.dtmf_input_required,
            "friendly_name": self.friendly_name,
            "links": {
                "access_tokens": format!("{url}/AccessTokens"),
                "entities": format!("{url}/Entities"),
                "messaging_configurations": format!("{url}/MessagingConfigurations"),
                "rate_limits": format!("{url}/RateLimits"),
                "verification_checks": format!("{url}/VerificationCheck"),
                "verifications": format!("{url}/Verifications"),
                "webhooks": format!("{url}/Webhooks"),
            },
            "lookup_enabled": self.lookup_enabled,
            "passkeys": {
                "authenticator_attachment": null,
                "discoverable_credentials": null,
                "relying_party": {"id": null, "name": null, "origins": null},
                "user_verification": null,
            },
            "psd2_enabled": false,
            "push": {"apn_credential_sid": null, "fcm_credential_sid": null, "include_date": false},
            "sid": self.sid,
            "skip_sms_to_landlines": self.skip_sms_to_landlines,
            "totp": {"code_length": null, "issuer": null, "skew": null, "time_step": null},
            "tts_name": null,
            "url": url,
            "verify_event_subscription_enabled": false,
            "whatsapp": {"from": null, "msg_service_sid": null},
        })
    }
}

impl Carrier {
    /// An account's services, newest first.
    pub(super) fn list_services(&self, account: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let mine = self.verify.services.iter().rev().filter(|service| service.account_sid == account);
        let services: Vec<Value> = mine.map(|service| service.json(&asked.base_url)).collect();
        pages::page_v2(&format!("{}/v2/Services", asked.base_url), "services", &services, &asked.parameters)
    }

    /// Opens a service.
    pub(super) fn create_service(
        &mut self,
        account: &str,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        let name =
            asked.parameters.get("FriendlyName").ok_or_else(|| TwilioError::missing_parameter("FriendlyName"))?;
        let mut service = Service::new(account, name, now);
        service.take(&asked.parameters, now)?;
        let reply = Reply::json(201, service.json(&asked.base_url));
        self.verify.services.push(service);
        Ok(reply)
    }

    /// One service.
    pub(super) fn fetch_service(&self, service: &str, asked: &Asked) -> Result<Reply, TwilioError> {
        let service = self.service(service).ok_or_else(|| TwilioError::not_found(&resource(&asked.path)))?;
        Ok(Reply::json(200, service.json(&asked.base_url)))
    }

    /// Changes a service.
    pub(super) fn update_service(
        &mut self,
        service: &str,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        let found = self.verify.services.iter_mut().find(|candidate| candidate.sid == service);
        let service = found.ok_or_else(|| TwilioError::not_found(&resource(&asked.path)))?;
        let mut changed = service.clone();
        changed.take(&asked.parameters, now)?;
        *service = changed;
        Ok(Reply::json(200, service.json(&asked.base_url)))
    }

    /// The service with this SID.
    pub(super) fn service(&self, sid: &str) -> Option<&Service> {
        self.verify.services.iter().find(|service| service.sid == sid)
    }
}
