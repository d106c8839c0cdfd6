//! Refusals, in the shape of docs.withpersona.com/errors: `{"errors":[{"title":…,"details":…}]}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refused request: the status and the text Persona answers with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {title}: {details}")]
pub(super) struct ApiError {
    status: StatusCode,
    title: &'static str,
    details: String,
}

impl ApiError {
    /// 400: the request cannot be read or contradicts itself.
    pub(super) fn bad_request(details: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, title: "Bad Request", details: details.into() }
    }

    /// 401: no API key, or not ours.
    pub(super) fn unauthorized() -> Self {
        let details = "The API key is missing or not valid for this environment.".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, title: "Unauthorized", details }
    }

    /// 404: no such object, or no such route.
    pub(super) fn not_found(details: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, title: "Record not found", details: details.into() }
    }

    /// 409: the object's state does not allow it.
    pub(super) fn conflict(details: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, title: "Conflict", details: details.into() }
    }

    /// 409: another account has this reference id.
    pub(super) fn not_unique() -> Self {
        Self { status: StatusCode::CONFLICT, title: "Record not unique", details: "Record not unique.".to_owned() }
    }

    /// 422: well formed, but not acceptable.
    pub(super) fn unprocessable(details: impl Into<String>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, title: "Unprocessable Entity", details: details.into() }
    }

    /// 429: over the rate limit.
    pub(super) fn too_many_requests() -> Self {
        let details = "Rate limit exceeded. Wait for ratelimit-reset seconds.".to_owned();
        Self { status: StatusCode::TOO_MANY_REQUESTS, title: "Too Many Requests", details }
    }

    /// A fault that was asked for.
    pub(super) fn injected(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status, title, details: "This fault was asked for through /simulator/faults.".to_owned() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"errors": [{"title": self.title, "details": self.details}]});
        (self.status, Json(body)).into_response()
    }
}
