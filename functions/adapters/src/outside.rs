//! What all clients of the outside world share: the HTTP client, and bodies with a limit.

use std::time::Duration;

use reqwest::{Client, Response, redirect};

use crate::config::BaseUrl;

/// How long connecting may take, in milliseconds, of the request's whole time.
const CONNECT_TIMEOUT_MS: u64 = 2_000;

/// Why a body could not be read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Longer than the limit.
    TooLarge,
    /// The connection ended or hung before the body did.
    Cut,
}

/// A client for one vendor: no redirects (a vendor's API makes none, and they would carry credentials elsewhere), no
/// proxy from the environment, no plain http but to this machine.
pub(crate) fn client(base_url: &BaseUrl, timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .https_only(!base_url.is_loopback())
        .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
        .timeout(timeout)
        .build()
}

/// Reads a body of at most `bytes_max`.
pub(crate) async fn read_body(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| BodyError::Cut)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
