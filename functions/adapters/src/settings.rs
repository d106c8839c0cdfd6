//! The settings that several functions share, read from the environment, and the clients that they need.

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use domain::{
    AcceptedStatuses, AccountSid, Action, Allowance, CountryCode, GatePolicy, GatedActions, NameMatchPolicy,
    PERSONA_REQUESTS_DEFAULT, PERSONA_REQUESTS_KEPT, PhonePolicy, PhonePreset, TemplateId, Timing, VerificationPolicy,
};
use secrecy::ExposeSecret;
use std::time::Duration;

use crate::config::{BaseUrl, ConfigError, Environment, flag, malformed, number, parsed, required, secret};
use crate::dynamodb::DynamoDb;
use crate::items::action_of;
use crate::persona::{PersonaClient, PersonaSettings, SECRETS_MAX, SecretSource, WebhookSecret};
use crate::queue::Sqs;
use crate::twilio::{
    LookupClient, RATE_LIMIT_NAMES, TwilioAccess, TwilioClient, TwilioSettings, VerifyClient, VerifySettings,
};
use crate::verifications::Revisits;

/// Whole time of one AWS call with its repetitions, in milliseconds: a slow table must not eat a function's time-out.
const AWS_OPERATION_TIMEOUT_MS: u64 = 6_000;
/// Time of one try of an AWS call, in milliseconds.
const AWS_ATTEMPT_TIMEOUT_MS: u64 = 2_500;
/// Whole time of reading Persona's webhook secrets, in milliseconds: a delivery may wait for it, and Persona waits for five
/// seconds.
const SECRETS_OPERATION_TIMEOUT_MS: u64 = 1_500;
/// Time of one try of that, in milliseconds.
const SECRETS_ATTEMPT_TIMEOUT_MS: u64 = 1_000;
/// Most requests a minute that may be agreed with Persona: a thousand a second.
const PERSONA_REQUESTS_MAX: i64 = 60_000;
/// Days that a purchase may wait at most, in seconds: 30 days.
const PURCHASE_WAIT_S_MAX: i64 = 30 * 24 * 3600;

/// The AWS clients of one function.
#[derive(Debug)]
pub struct Aws {
    config: aws_config::SdkConfig,
}

impl Aws {
    /// Reads region, credentials and endpoint as the SDK always does.
    pub async fn load() -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(Duration::from_millis(AWS_OPERATION_TIMEOUT_MS))
            .operation_attempt_timeout(Duration::from_millis(AWS_ATTEMPT_TIMEOUT_MS))
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
        Self { config }
    }

    /// The table that `TABLE_NAME` names.
    ///
    /// # Errors
    /// [`ConfigError`] when the variable is not set.
    pub fn table(&self, environment: &impl Environment) -> Result<DynamoDb, ConfigError> {
        Ok(DynamoDb::with_config(&self.config, required(environment, "TABLE_NAME")?))
    }

    /// The queue that `PURCHASE_QUEUE_URL` names.
    ///
    /// # Errors
    /// [`ConfigError`] when the variable is not set.
    pub fn queue(&self, environment: &impl Environment) -> Result<Sqs, ConfigError> {
        Ok(Sqs::new(aws_sdk_sqs::Client::new(&self.config), required(environment, "PURCHASE_QUEUE_URL")?))
    }

    /// Persona, by `PERSONA_BASE_URL`, `PERSONA_API_KEY`, `PERSONA_TEMPLATE_ID` and `PERSONA_TIMEOUT_MS`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing or malformed.
    pub async fn persona(&self, environment: &impl Environment) -> Result<PersonaClient, ConfigError> {
        let settings = PersonaSettings {
            base_url: parsed(environment, "PERSONA_BASE_URL", BaseUrl::parse)?,
            api_key: secret(environment, &self.secrets(), "PERSONA_API_KEY").await?,
            template: template(environment)?,
            timeout_ms: milliseconds(environment, "PERSONA_TIMEOUT_MS", 4_000, 100..=10_000)?,
        };
        PersonaClient::new(settings).map_err(|_| malformed("SSL_CERT_FILE", "names no readable certificates"))
    }

    /// Where the secrets that Persona signs with are kept: `PERSONA_WEBHOOK_SECRETS`, newest first, separated by commas.
    #[must_use]
    pub fn webhook_secrets<E: Environment + Send + Sync>(&self, environment: E) -> ManagedWebhookSecrets<E> {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(Duration::from_millis(SECRETS_OPERATION_TIMEOUT_MS))
            .operation_attempt_timeout(Duration::from_millis(SECRETS_ATTEMPT_TIMEOUT_MS))
            .build();
        let config = aws_sdk_secretsmanager::config::Builder::from(&self.config).timeout_config(timeouts).build();
        ManagedWebhookSecrets { environment, manager: aws_sdk_secretsmanager::Client::from_conf(config) }
    }

    /// Twilio with the credential that can buy: `TWILIO_API_BASE_URL`, `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN` and
    /// `TWILIO_TIMEOUT_MS`; and the account that sub-accounts without one of their own buy in.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing or malformed.
    pub async fn twilio(&self, environment: &impl Environment) -> Result<(TwilioClient, AccountSid), ConfigError> {
        let account = parsed(environment, "TWILIO_ACCOUNT_SID", AccountSid::parse)?;
        let settings = TwilioSettings {
            base_url: parsed(environment, "TWILIO_API_BASE_URL", BaseUrl::parse)?,
            account: account.clone(),
            user: account.to_string(),
            password: secret(environment, &self.secrets(), "TWILIO_AUTH_TOKEN").await?,
            timeout_ms: milliseconds(environment, "TWILIO_TIMEOUT_MS", 10_000, 100..=30_000)?,
        };
        let client =
            TwilioClient::new(settings).map_err(|_| malformed("SSL_CERT_FILE", "names no readable certificates"))?;
        Ok((client, account))
    }

    /// Lookup with the restricted key: `TWILIO_LOOKUPS_BASE_URL`, `TWILIO_API_KEY_SID`, `TWILIO_API_KEY_SECRET` and
    /// `TWILIO_LOOKUP_TIMEOUT_MS`. Short: what Lookup does not say in time, the limits decide alone.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing or malformed.
    pub async fn lookup(&self, environment: &impl Environment) -> Result<LookupClient, ConfigError> {
        let timeout_ms = milliseconds(environment, "TWILIO_LOOKUP_TIMEOUT_MS", 2_000, 100..=5_000)?;
        let settings = self.restricted_twilio(environment, "TWILIO_LOOKUPS_BASE_URL", timeout_ms).await?;
        LookupClient::new(settings).map_err(|_| malformed("SSL_CERT_FILE", "names no readable certificates"))
    }

    /// Verify with the restricted key: `TWILIO_VERIFY_BASE_URL`, `TWILIO_API_KEY_SID`, `TWILIO_API_KEY_SECRET`,
    /// `TWILIO_VERIFY_SERVICE_SID`, `TWILIO_VERIFY_RATE_LIMITS` and `TWILIO_TIMEOUT_MS`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing or malformed.
    pub async fn passcodes(&self, environment: &impl Environment) -> Result<VerifyClient, ConfigError> {
        let timeout_ms = milliseconds(environment, "TWILIO_TIMEOUT_MS", 10_000, 100..=30_000)?;
        let settings = VerifySettings {
            twilio: self.restricted_twilio(environment, "TWILIO_VERIFY_BASE_URL", timeout_ms).await?,
            service: required(environment, "TWILIO_VERIFY_SERVICE_SID")?,
            rate_limits: verify_rate_limits(environment)?,
        };
        VerifyClient::new(settings).map_err(|_| malformed("SSL_CERT_FILE", "names no readable certificates"))
    }

    async fn restricted_twilio(
        &self,
        environment: &impl Environment,
        base_url: &str,
        timeout_ms: u64,
    ) -> Result<TwilioAccess, ConfigError> {
        Ok(TwilioAccess {
            base_url: parsed(environment, base_url, BaseUrl::parse)?,
            user: parsed(environment, "TWILIO_API_KEY_SID", api_key_sid)?,
            password: secret(environment, &self.secrets(), "TWILIO_API_KEY_SECRET").await?,
            timeout_ms,
        })
    }

    /// Twilio with the credential that can search and not buy: `TWILIO_API_BASE_URL`, `TWILIO_ACCOUNT_SID`,
    /// `TWILIO_API_KEY_SID`, `TWILIO_API_KEY_SECRET` and `TWILIO_SEARCH_TIMEOUT_MS`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing or malformed.
    pub async fn stock(&self, environment: &impl Environment) -> Result<TwilioClient, ConfigError> {
        let settings = TwilioSettings {
            base_url: parsed(environment, "TWILIO_API_BASE_URL", BaseUrl::parse)?,
            account: parsed(environment, "TWILIO_ACCOUNT_SID", AccountSid::parse)?,
            user: parsed(environment, "TWILIO_API_KEY_SID", api_key_sid)?,
            password: secret(environment, &self.secrets(), "TWILIO_API_KEY_SECRET").await?,
            timeout_ms: milliseconds(environment, "TWILIO_SEARCH_TIMEOUT_MS", 5_000, 100..=9_000)?,
        };
        TwilioClient::new(settings).map_err(|_| malformed("SSL_CERT_FILE", "names no readable certificates"))
    }

    fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.config)
    }
}

/// Persona's webhook secrets in Secrets Manager.
#[derive(Debug)]
pub struct ManagedWebhookSecrets<E> {
    environment: E,
    manager: aws_sdk_secretsmanager::Client,
}

impl<E: Environment + Send + Sync> SecretSource for ManagedWebhookSecrets<E> {
    async fn read(&self) -> Result<Vec<WebhookSecret>, ConfigError> {
        const NAME: &str = "PERSONA_WEBHOOK_SECRETS";
        let text = secret(&self.environment, &self.manager, NAME).await?;
        let texts = text.expose_secret().split(',').map(str::trim).filter(|text| !text.is_empty());
        let parsed: Result<Vec<_>, _> = texts.map(WebhookSecret::parse).collect();
        let secrets = parsed.map_err(|problem| malformed(NAME, problem))?;
        if secrets.is_empty() {
            return Err(ConfigError::Missing(NAME.to_owned()));
        }
        if secrets.len() > SECRETS_MAX {
            return Err(malformed(NAME, format!("must not hold more than {SECRETS_MAX} secrets")));
        }
        Ok(secrets)
    }
}

/// `PHONE_POLICY` (`open`, `balanced` or `strict`), `PHONE_HOME_COUNTRIES` and `PHONE_BLOCKED_COUNTRIES`, both
/// separated by commas; `PHONE_REQUIRED` (`preset`, `true` or `false`) and `NAME_MATCH` (`preset`, `off`, `report` or
/// `require`), which may say otherwise than the preset.
///
/// # Errors
/// [`ConfigError::Malformed`] when one is of no use.
pub fn phone_policy(environment: &impl Environment) -> Result<PhonePolicy, ConfigError> {
    let preset = match environment.variable("PHONE_POLICY").as_deref() {
        None | Some("balanced") => PhonePreset::Balanced,
        Some("open") => PhonePreset::Open,
        Some("strict") => PhonePreset::Strict,
        Some(_) => return Err(malformed("PHONE_POLICY", "must be open, balanced or strict")),
    };
    let mut policy = PhonePolicy::of(preset);
    if let Some(countries) = countries(environment, "PHONE_HOME_COUNTRIES")? {
        policy.home_countries = countries;
    }
    if let Some(countries) = countries(environment, "PHONE_BLOCKED_COUNTRIES")? {
        policy.blocked_countries = countries;
    }
    policy.required_for_purchases = match environment.variable("PHONE_REQUIRED").as_deref() {
        None | Some("preset") => policy.required_for_purchases,
        Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(malformed("PHONE_REQUIRED", "must be preset, true or false")),
    };
    policy.name_match = match environment.variable("NAME_MATCH").as_deref() {
        None | Some("preset") => policy.name_match,
        Some("off") => NameMatchPolicy::Off,
        Some("report") => NameMatchPolicy::Report,
        Some("require") => NameMatchPolicy::Require,
        Some(_) => return Err(malformed("NAME_MATCH", "must be preset, off, report or require")),
    };
    Ok(policy)
}

fn countries(environment: &impl Environment, name: &str) -> Result<Option<Vec<CountryCode>>, ConfigError> {
    let Some(text) = environment.variable(name) else { return Ok(None) };
    let parsed: Option<Vec<CountryCode>> = text.split(',').map(|code| CountryCode::new(code.trim())).collect();
    match parsed {
        Some(countries) => Ok(Some(countries)),
        None => Err(malformed(name, "must be countries of two capital letters, separated by commas")),
    }
}

/// Twilio refuses a limit that its service does not have, so only those that are named here are passed along.
fn verify_rate_limits(environment: &impl Environment) -> Result<Vec<&'static str>, ConfigError> {
    const NAME: &str = "TWILIO_VERIFY_RATE_LIMITS";
    let Some(text) = environment.variable(NAME) else { return Ok(Vec::new()) };
    let known = |word: &str| RATE_LIMIT_NAMES.into_iter().find(|name| *name == word.trim());
    let parsed: Option<Vec<&'static str>> = text.split(',').map(known).collect();
    parsed.ok_or_else(|| malformed(NAME, format!("must be of {}, separated by commas", RATE_LIMIT_NAMES.join(", "))))
}

/// The id of an API key at Twilio: `SK` and 32 hexadecimal digits. The account's own id would be the user name of a
/// credential that can buy.
fn api_key_sid(text: &str) -> Result<String, &'static str> {
    let digits = text.strip_prefix("SK").unwrap_or_default();
    let right = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if right { Ok(text.to_owned()) } else { Err("must be SK and 32 hexadecimal digits") }
}

/// `PERSONA_TEMPLATE_ID`: what inquiries are made from.
///
/// # Errors
/// [`ConfigError`] when it is not set, or no id.
pub fn template(environment: &impl Environment) -> Result<TemplateId, ConfigError> {
    parsed(environment, "PERSONA_TEMPLATE_ID", TemplateId::parse)
}

/// `PERSONA_REQUESTS_PER_MINUTE`, what Persona answers us in a minute: of it, what callers may cause.
///
/// # Errors
/// [`ConfigError::Malformed`] when it is out of bounds.
pub fn callers_allowance(environment: &impl Environment) -> Result<Allowance, ConfigError> {
    let bounds = PERSONA_REQUESTS_KEPT + Allowance::REQUESTS_MIN..=PERSONA_REQUESTS_MAX;
    let requests = number(environment, "PERSONA_REQUESTS_PER_MINUTE", PERSONA_REQUESTS_DEFAULT, bounds)?;
    Ok(Allowance::of_any_minute(requests - PERSONA_REQUESTS_KEPT))
}

/// `SWEEP_STEP_S` and `POLL_AGE_S`.
///
/// # Errors
/// [`ConfigError::Malformed`] when one is out of bounds.
pub fn revisits(environment: &impl Environment) -> Result<Revisits, ConfigError> {
    Ok(Revisits {
        poll_age_ms: number(environment, "POLL_AGE_S", 120, 1..=3600)? * 1000,
        step_ms: number(environment, "SWEEP_STEP_S", 60, 1..=3600)? * 1000,
    })
}

/// `ACCEPTED_STATUSES`, `ATTEMPT_LIMIT`, and whether names are compared, as [`phone_policy`] reads it.
///
/// # Errors
/// [`ConfigError::Malformed`] when one is of no use.
pub fn verification_policy(environment: &impl Environment) -> Result<VerificationPolicy, ConfigError> {
    let default = VerificationPolicy::default();
    let accepted = match environment.variable("ACCEPTED_STATUSES").as_deref() {
        None | Some("approved") => AcceptedStatuses::Approved,
        Some("approved,completed" | "completed,approved") => AcceptedStatuses::ApprovedOrCompleted,
        Some(_) => {
            return Err(malformed("ACCEPTED_STATUSES", "must be approved, or approved,completed"));
        }
    };
    let attempts_max = number(environment, "ATTEMPT_LIMIT", default.attempts_max.into(), 1..=100)?;
    Ok(VerificationPolicy {
        accepted,
        attempts_max: u32::try_from(attempts_max).unwrap_or(default.attempts_max),
        name_match: phone_policy(environment)?.name_match,
    })
}

/// `GATE_NON_GEOGRAPHIC`, `GATE_US_TERRITORIES` and `GATED_ACTIONS`.
///
/// # Errors
/// [`ConfigError::Malformed`] when one is of no use.
pub fn gate_policy(environment: &impl Environment) -> Result<GatePolicy, ConfigError> {
    let default = GatePolicy::default();
    Ok(GatePolicy {
        gate_non_geographic: flag(environment, "GATE_NON_GEOGRAPHIC", default.gate_non_geographic)?,
        gate_us_territories: flag(environment, "GATE_US_TERRITORIES", default.gate_us_territories)?,
        actions: gated_actions(environment)?,
    })
}

/// `GATED_ACTIONS`: names of actions, separated by commas, or `none`.
fn gated_actions(environment: &impl Environment) -> Result<GatedActions, ConfigError> {
    const NAME: &str = "GATED_ACTIONS";
    let actions = match environment.variable(NAME).as_deref() {
        None => return Ok(GatedActions::default()),
        Some("none") => Ok(Vec::new()),
        Some(names) => names.split(',').map(|name| action_of(name.trim()).ok_or(())).collect(),
    };
    let actions: Vec<Action> =
        actions.map_err(|()| malformed(NAME, "must be none, or names of actions separated by commas"))?;
    Ok(GatedActions::of(&actions))
}

/// `PURCHASE_WAIT_S`, in milliseconds: how long a purchase waits for its verification.
///
/// # Errors
/// [`ConfigError::Malformed`] when it is out of bounds.
pub fn purchase_wait_ms(environment: &impl Environment) -> Result<i64, ConfigError> {
    Ok(number(environment, "PURCHASE_WAIT_S", 72 * 3600, 1..=PURCHASE_WAIT_S_MAX)? * 1000)
}

/// `LEASE_S`, `SETTLE_AFTER_S`, `SETTLE_GAP_S` and `EXPIRY_GRACE_S`.
///
/// # Errors
/// [`ConfigError::Malformed`] when one is out of bounds.
pub fn timing(environment: &impl Environment) -> Result<Timing, ConfigError> {
    Ok(Timing {
        lease_ms: number(environment, "LEASE_S", 60, 1..=170)? * 1000,
        settle_after_ms: number(environment, "SETTLE_AFTER_S", 180, 1..=3600)? * 1000,
        settle_gap_ms: number(environment, "SETTLE_GAP_S", 60, 1..=3600)? * 1000,
        expiry_grace_ms: number(environment, "EXPIRY_GRACE_S", 300, 1..=3600)? * 1000,
    })
}

/// A time-out, in milliseconds.
///
/// # Errors
/// [`ConfigError::Malformed`] when it is out of bounds.
pub fn milliseconds(
    environment: &impl Environment,
    name: &str,
    default: i64,
    bounds: std::ops::RangeInclusive<i64>,
) -> Result<u64, ConfigError> {
    number(environment, name, default, bounds).map(i64::unsigned_abs)
}
