//! How to reach Lookup and Verify: no account is named there, the credential's own counts.

use secrecy::SecretString;

use crate::config::BaseUrl;

/// How to reach one of Twilio's APIs.
#[derive(Debug, Clone)]
pub struct TwilioAccess {
    /// Where it is.
    pub base_url: BaseUrl,
    /// The user name: an API key's id.
    pub user: String,
    /// The password: the key's secret.
    pub password: SecretString,
    /// The whole time of one request, in milliseconds.
    pub timeout_ms: u64,
}
