//! A request as it came.

use axum::http::HeaderMap;
use axum::http::header::HOST;

use super::parameters::Parameters;

/// A request, apart from its method and who sent it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Path, not decoded.
    pub(super) path: String,
    /// Path and query, as errors repeat them.
    pub(super) uri: String,
    /// What the request calls this server: what the addresses in a version-2 answer start with.
    pub(super) base_url: String,
    /// Its query or its form.
    pub(super) parameters: Parameters,
}

/// What a request calls this server.
pub(super) fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    format!("http://{host}")
}
