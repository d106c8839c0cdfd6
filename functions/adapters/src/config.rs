//! The environment, read once at start. A missing or malformed variable stops the function with one line that names
//! it and never shows its value.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;

/// What is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    Missing(String),
    /// The variable's value is of no use.
    #[error("the environment variable {name} {problem}")]
    Malformed {
        /// Which variable.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The secret that the variable points to cannot be read.
    #[error("the secret that {name} points to cannot be read: {problem}")]
    Secret {
        /// Which variable.
        name: String,
        /// What Secrets Manager says.
        problem: String,
    },
}

/// The environment as the settings' source; tests bring their own.
pub trait Environment {
    /// The variable's value; an empty one counts as not set.
    fn variable(&self, name: &str) -> Option<String>;
}

/// This process's environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// The variable's value.
///
/// # Errors
/// [`ConfigError::Missing`] when it is not set.
pub fn required(environment: &impl Environment, name: &str) -> Result<String, ConfigError> {
    environment.variable(name).ok_or_else(|| ConfigError::Missing(name.to_owned()))
}

/// The variable's value, parsed by `parse`.
///
/// # Errors
/// [`ConfigError`] when it is not set, or `parse` refuses it.
pub fn parsed<T, E: fmt::Display>(
    environment: &impl Environment,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, ConfigError> {
    parse(&required(environment, name)?).map_err(|problem| malformed(name, problem))
}

/// A whole number within bounds, or `default` when the variable is not set.
///
/// # Errors
/// [`ConfigError::Malformed`] when it is no number, or out of bounds.
pub fn number(
    environment: &impl Environment,
    name: &str,
    default: i64,
    bounds: std::ops::RangeInclusive<i64>,
) -> Result<i64, ConfigError> {
    let Some(text) = environment.variable(name) else {
        return Ok(default);
    };
    match i64::from_str(&text) {
        Ok(number) if bounds.contains(&number) => Ok(number),
        _ => Err(malformed(name, format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))),
    }
}

/// `true` or `false`, or `default` when the variable is not set.
///
/// # Errors
/// [`ConfigError::Malformed`] for anything else.
pub fn flag(environment: &impl Environment, name: &str, default: bool) -> Result<bool, ConfigError> {
    match environment.variable(name).as_deref() {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(malformed(name, "must be true or false")),
    }
}

/// A secret: the variable's own value, or, when `NAME_ARN` is set, the value that Secrets Manager keeps under it.
///
/// # Errors
/// [`ConfigError`] when neither is set, or the secret cannot be read.
pub async fn secret(
    environment: &impl Environment,
    manager: &aws_sdk_secretsmanager::Client,
    name: &str,
) -> Result<SecretString, ConfigError> {
    if let Some(value) = environment.variable(name) {
        return Ok(value.into());
    }
    let name_arn = format!("{name}_ARN");
    let Some(arn) = environment.variable(&name_arn) else {
        return Err(ConfigError::Missing(name.to_owned()));
    };
    let answer = manager.get_secret_value().secret_id(arn).send().await.map_err(|error| {
        use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
        ConfigError::Secret { name: name_arn.clone(), problem: error.code().unwrap_or("no answer").to_owned() }
    })?;
    match answer.secret_string.filter(|value| !value.is_empty()) {
        Some(value) => Ok(value.into()),
        None => Err(ConfigError::Secret { name: name_arn, problem: "it is empty".to_owned() }),
    }
}

/// Where a vendor's API is: `https`, or plain `http` to this machine only. Without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    loopback: bool,
}

impl BaseUrl {
    /// # Errors
    /// What is wrong with the address.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = reqwest::Url::parse(text).map_err(|_| "is not a web address")?;
        let host = url.host_str().ok_or("has no host")?;
        let loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err("must start with https:// (plain http is only for this machine)"),
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err("must be an address without user, query or fragment");
        }
        Ok(Self { text: text.trim_end_matches('/').to_owned(), loopback })
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The error of a variable whose value is of no use.
pub fn malformed(name: &str, problem: impl fmt::Display) -> ConfigError {
    ConfigError::Malformed { name: name.to_owned(), problem: problem.to_string() }
}
