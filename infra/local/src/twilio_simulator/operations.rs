//! What a request asks for, by its method and path.

use axum::http::Method;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::replies::TwilioError;
use super::stock::NumberKind;
use super::verify::VerifyOperation;

/// A request that Twilio knows, with the SIDs and names from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    ListAccounts,
    CreateAccount,
    FetchAccount { account: String },
    UpdateAccount { account: String },
    ReadBalance { account: String },
    ListCountries { account: String },
    FetchCountry { account: String, country: String },
    SearchNumbers { account: String, country: String, kind: NumberKind },
    ListNumbers { account: String, kind: Option<NumberKind> },
    CreateNumber { account: String, kind: Option<NumberKind> },
    FetchNumber { account: String, number: String },
    UpdateNumber { account: String, number: String },
    ReleaseNumber { account: String, number: String },
    Lookup { number: String },
    Verify(VerifyOperation),
}

/// An operation without its data, as a fault names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OperationName {
    /// Every request.
    Any,
    /// Buying.
    #[default]
    CreateNumber,
    /// Listing what an account owns.
    ListNumbers,
    /// Reading one number by its SID.
    FetchNumber,
    /// Changing one number.
    UpdateNumber,
    /// Giving one number back.
    ReleaseNumber,
    /// Searching, and listing countries.
    SearchNumbers,
    /// Reading the balance.
    ReadBalance,
    /// Opening a sub-account.
    CreateAccount,
    /// Listing or reading accounts.
    ReadAccounts,
    /// Changing an account.
    UpdateAccount,
    /// Asking about a number.
    Lookup,
    /// Sending a passcode.
    StartVerification,
    /// Comparing a passcode.
    CheckVerification,
    /// Reading a verification.
    FetchVerification,
    /// Ending a verification.
    UpdateVerification,
    /// Listing, reading and counting what was sent.
    ReadAttempts,
    /// Verify's services, their limits and the safe list.
    ManageVerify,
}

impl OperationName {
    /// May the restricted API key do it? It searches what is for sale, asks about numbers, and sends and compares
    /// passcodes. It sees nothing that is owned, and changes no setting.
    pub(super) fn is_the_restricted_keys(self) -> bool {
        match self {
            Self::SearchNumbers
            | Self::Lookup
            | Self::StartVerification
            | Self::CheckVerification
            | Self::FetchVerification
            | Self::UpdateVerification
            | Self::ReadAttempts => true,
            Self::Any
            | Self::CreateNumber
            | Self::ListNumbers
            | Self::FetchNumber
            | Self::UpdateNumber
            | Self::ReleaseNumber
            | Self::ReadBalance
            | Self::CreateAccount
            | Self::ReadAccounts
            | Self::UpdateAccount
            | Self::ManageVerify => false,
        }
    }
}

impl Operation {
    /// Reads a method and a path.
    ///
    /// # Errors
    /// 20404 for an unknown path (also one without `.json`, where Twilio answers XML), 20004 for an unknown method.
    pub(super) fn parse(method: &Method, path: &str) -> Result<Self, TwilioError> {
        if let Some(operation) = Self::find(method, path) {
            return Ok(operation);
        }
        let elsewhere =
            [Method::GET, Method::POST, Method::DELETE].iter().any(|other| Self::find(other, path).is_some());
        Err(if elsewhere { TwilioError::method_not_allowed() } else { TwilioError::not_found(path) })
    }

    fn find(method: &Method, path: &str) -> Option<Self> {
        if let Some(path) = path.strip_prefix("/v2/") {
            return Self::find_v2(method, path);
        }
        let segments: Vec<&str> =
            path.strip_prefix("/2010-04-01/Accounts")?.strip_suffix(".json")?.split('/').collect();
        Some(match (method.as_str(), segments.as_slice()) {
            ("GET", [""]) => Self::ListAccounts,
            ("POST", [""]) => Self::CreateAccount,
            ("GET", ["", account]) => Self::FetchAccount { account: account.to_string() },
            ("POST", ["", account]) => Self::UpdateAccount { account: account.to_string() },
            ("GET", ["", account, "Balance"]) => Self::ReadBalance { account: account.to_string() },
            ("GET", ["", account, "AvailablePhoneNumbers"]) => Self::ListCountries { account: account.to_string() },
            ("GET", ["", account, "AvailablePhoneNumbers", country]) => {
                Self::FetchCountry { account: account.to_string(), country: country.to_string() }
            }
            ("GET", ["", account, "AvailablePhoneNumbers", country, kind]) => Self::SearchNumbers {
                account: account.to_string(),
                country: country.to_string(),
                kind: NumberKind::by_path(kind)?,
            },
            (method @ ("GET" | "POST"), ["", account, "IncomingPhoneNumbers", rest @ ..]) if rest.len() < 2 => {
                let account = account.to_string();
                match (method, rest.first().map(|last| (NumberKind::by_path(last), last))) {
                    ("GET", None) => Self::ListNumbers { account, kind: None },
                    ("GET", Some((Some(kind), _))) => Self::ListNumbers { account, kind: Some(kind) },
                    ("GET", Some((None, number))) => Self::FetchNumber { account, number: number.to_string() },
                    (_, None) => Self::CreateNumber { account, kind: None },
                    (_, Some((Some(kind), _))) => Self::CreateNumber { account, kind: Some(kind) },
                    (_, Some((None, number))) => Self::UpdateNumber { account, number: number.to_string() },
                }
            }
            ("DELETE", ["", account, "IncomingPhoneNumbers", number]) if NumberKind::by_path(number).is_none() => {
                Self::ReleaseNumber { account: account.to_string(), number: number.to_string() }
            }
            _ => return None,
        })
    }

    /// Lookup and Verify, below `/v2/`.
    fn find_v2(method: &Method, path: &str) -> Option<Self> {
        let segments: Option<Vec<String>> =
            path.split('/').map(|part| percent_decode_str(part).decode_utf8().ok().map(Into::into)).collect();
        let segments = segments?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (method.as_str(), segments.as_slice()) {
            ("GET", ["PhoneNumbers", number]) => Some(Self::Lookup { number: number.to_string() }),
            (method, segments) => VerifyOperation::find(method, segments).map(Self::Verify),
        }
    }

    /// The name by which a fault finds it.
    pub(super) fn name(&self) -> OperationName {
        match self {
            Self::ListAccounts | Self::FetchAccount { .. } => OperationName::ReadAccounts,
            Self::CreateAccount => OperationName::CreateAccount,
            Self::UpdateAccount { .. } => OperationName::UpdateAccount,
            Self::ReadBalance { .. } => OperationName::ReadBalance,
            Self::ListCountries { .. } | Self::FetchCountry { .. } | Self::SearchNumbers { .. } => {
                OperationName::SearchNumbers
            }
            Self::ListNumbers { .. } => OperationName::ListNumbers,
            Self::CreateNumber { .. } => OperationName::CreateNumber,
            Self::FetchNumber { .. } => OperationName::FetchNumber,
            Self::UpdateNumber { .. } => OperationName::UpdateNumber,
            Self::ReleaseNumber { .. } => OperationName::ReleaseNumber,
            Self::Lookup { .. } => OperationName::Lookup,
            Self::Verify(operation) => operation.name(),
        }
    }

    /// Has it no account in its path, so that it is about the caller's own?
    pub(super) fn is_the_callers(&self) -> bool {
        matches!(self, Self::Lookup { .. } | Self::Verify(_))
    }

    /// The account in its path.
    pub(super) fn account(&self) -> Option<&str> {
        match self {
            Self::ListAccounts | Self::CreateAccount | Self::Lookup { .. } | Self::Verify(_) => None,
            Self::FetchAccount { account }
            | Self::UpdateAccount { account }
            | Self::ReadBalance { account }
            | Self::ListCountries { account }
            | Self::FetchCountry { account, .. }
            | Self::SearchNumbers { account, .. }
            | Self::ListNumbers { account, .. }
            | Self::CreateNumber { account, .. }
            | Self::FetchNumber { account, .. }
            | Self::UpdateNumber { account, .. }
            | Self::ReleaseNumber { account, .. } => Some(account),
        }
    }
}
