//! Real servers that a stack may use instead of its simulators, as the environment names them.

use crate::error::{Error, Result};

/// Where Twilio's own Lookup is.
const LOOKUPS: &str = "https://lookups.twilio.com";
/// Where Twilio's own Verify is.
const VERIFY: &str = "https://verify.twilio.com";

/// The servers to use instead of simulators; none by default.
#[derive(Debug, Clone, Default)]
pub struct Neighbours {
    /// A Persona environment, from `PERSONA_BASE_URL`.
    pub persona: Option<RealPersona>,
    /// A Twilio account, from `TWILIO_API_BASE_URL`.
    pub twilio: Option<RealTwilio>,
}

/// A Persona environment. Its webhook cannot reach this machine by itself and is not registered.
#[derive(Debug, Clone)]
pub struct RealPersona {
    /// Root of its API.
    pub base_url: String,
    /// Its API key, from `PERSONA_API_KEY`.
    pub api_key: String,
    /// The inquiry template, from `PERSONA_TEMPLATE_ID`.
    pub template_id: String,
    /// Its webhook's secrets, comma-separated, from `PERSONA_WEBHOOK_SECRETS`.
    pub webhook_secrets: String,
}

/// A Twilio account. What is bought there costs money.
#[derive(Debug, Clone)]
pub struct RealTwilio {
    /// Root of its API.
    pub base_url: String,
    /// The account, from `TWILIO_ACCOUNT_SID`.
    pub account_sid: String,
    /// What may buy there, from `TWILIO_AUTH_TOKEN`.
    pub auth_token: String,
    /// A restricted API key of it, which may search, from `TWILIO_API_KEY_SID`.
    pub api_key_sid: String,
    /// That key's secret, from `TWILIO_API_KEY_SECRET`.
    pub api_key_secret: String,
    /// Root of its Lookup, from `TWILIO_LOOKUPS_BASE_URL`; Twilio's own by default.
    pub lookups_base_url: String,
    /// Root of its Verify, from `TWILIO_VERIFY_BASE_URL`; Twilio's own by default.
    pub verify_base_url: String,
    /// The Verify service, from `TWILIO_VERIFY_SERVICE_SID`.
    pub verify_service_sid: String,
}

impl Neighbours {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`Error::SettingMissing`] if an address is set without the credentials that go with it.
    pub fn from_environment() -> Result<Self> {
        Self::from_variables(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let needed =
            |given: &'static str, needed: &'static str| variable(needed).ok_or(Error::SettingMissing { given, needed });
        let persona = variable("PERSONA_BASE_URL")
            .map(|base_url| {
                Ok::<_, Error>(RealPersona {
                    base_url,
                    api_key: needed("PERSONA_BASE_URL", "PERSONA_API_KEY")?,
                    template_id: needed("PERSONA_BASE_URL", "PERSONA_TEMPLATE_ID")?,
                    webhook_secrets: needed("PERSONA_BASE_URL", "PERSONA_WEBHOOK_SECRETS")?,
                })
            })
            .transpose()?;
        let twilio = variable("TWILIO_API_BASE_URL")
            .map(|base_url| {
                Ok::<_, Error>(RealTwilio {
                    base_url,
                    account_sid: needed("TWILIO_API_BASE_URL", "TWILIO_ACCOUNT_SID")?,
                    auth_token: needed("TWILIO_API_BASE_URL", "TWILIO_AUTH_TOKEN")?,
                    api_key_sid: needed("TWILIO_API_BASE_URL", "TWILIO_API_KEY_SID")?,
                    api_key_secret: needed("TWILIO_API_BASE_URL", "TWILIO_API_KEY_SECRET")?,
                    lookups_base_url: variable("TWILIO_LOOKUPS_BASE_URL").unwrap_or_else(|| LOOKUPS.to_owned()),
                    verify_base_url: variable("TWILIO_VERIFY_BASE_URL").unwrap_or_else(|| VERIFY.to_owned()),
                    verify_service_sid: needed("TWILIO_API_BASE_URL", "TWILIO_VERIFY_SERVICE_SID")?,
                })
            })
            .transpose()?;
        Ok(Self { persona, twilio })
    }

    /// The variable that names a real server, if one is used.
    #[must_use]
    pub fn first_real(&self) -> Option<&'static str> {
        match (&self.persona, &self.twilio) {
            (Some(_), _) => Some("PERSONA_BASE_URL"),
            (None, Some(_)) => Some("TWILIO_API_BASE_URL"),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Neighbours;

    #[test]
    fn nothing_set_means_simulators() {
        let neighbours = Neighbours::from_variables(|_| None).expect("nothing is needed");
        assert_eq!(neighbours.first_real(), None);
    }

    #[test]
    fn an_address_without_its_credentials_is_refused_by_name() {
        let only_address = |name: &str| (name == "PERSONA_BASE_URL").then(|| "https://example.com/api/v1".to_owned());
        let message = Neighbours::from_variables(only_address).expect_err("the key is missing").to_string();
        assert_eq!(message, "PERSONA_API_KEY must be set too when PERSONA_BASE_URL is");
    }
}
