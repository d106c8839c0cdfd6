//! Answers in Twilio's form: JSON, the error envelope, dates.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures::stream;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use uuid::Uuid;

/// Twilio's name for one request, which its support asks for.
const REQUEST_ID: HeaderName = HeaderName::from_static("twilio-request-id");

/// Which limit of a Verify service was reached (declared for `POST …/Verifications` in `twilio_verify_v2`).
const REACHED_RATE_LIMIT: HeaderName = HeaderName::from_static("twilio-reached-rate-limit");

/// What is in front of Twilio says this when Twilio does not.
const HTML: &str = "<html><head><title>Error</title></head><body><h1>The server did not answer</h1></body></html>";

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    retry_after_s: Option<u32>,
    reached_rate_limit: Option<String>,
    body: Option<Value>,
}

impl Reply {
    /// An answer with a JSON body.
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { status, retry_after_s: None, reached_rate_limit: None, body: Some(body) }
    }

    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, retry_after_s: None, reached_rate_limit: None, body: None }
    }

    /// Asks the client to come back later.
    pub(super) fn with_retry_after(self, retry_after_s: Option<u32>) -> Self {
        Self { retry_after_s, ..self }
    }

    /// Says something else in one field.
    pub(super) fn with_field(mut self, field: &str, value: Value) -> Self {
        if let Some(Value::Object(fields)) = &mut self.body {
            fields.insert(field.to_owned(), value);
        }
        self
    }

    /// Names the limit of a Verify service that was reached.
    pub(super) fn with_reached_rate_limit(self, unique_name: &str) -> Self {
        Self { reached_rate_limit: Some(unique_name.to_owned()), ..self }
    }

    /// The answer as it goes over the wire.
    pub(super) fn into_response(self) -> Response {
        let text = self.text();
        self.head(Body::from(text))
    }

    /// The head of the answer and half its body; then the connection ends.
    pub(super) fn into_truncated_response(self) -> Response {
        let text = self.text();
        let half = Bytes::from(text[..text.len() / 2].to_owned());
        let broken = stream::unfold(Some(half), |half| async {
            match half {
                Some(half) => Some((Ok(half), None)),
                None => {
                    // Lets the first half reach the client before the connection breaks.
                    tokio::task::yield_now().await;
                    Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
                }
            }
        });
        let mut response = self.head(Body::from_stream(broken));
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
        response
    }

    fn text(&self) -> String {
        self.body.as_ref().map(Value::to_string).unwrap_or_default()
    }

    fn head(self, body: Body) -> Response {
        let mut response = Response::new(body);
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(retry_after_s) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        if let Some(name) = self.reached_rate_limit.and_then(|name| HeaderValue::try_from(name).ok()) {
            headers.insert(REACHED_RATE_LIMIT, name);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Twilio API\""));
        }
        if let Ok(request_id) = HeaderValue::from_str(&sid("RQ")) {
            headers.insert(REQUEST_ID, request_id);
        }
        response
    }
}

/// An answer that is not Twilio's at all.
pub(super) fn html(status: u16) -> Response {
    let mut response = Response::new(Body::from(HTML));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// An error of Twilio's. Clients must go by `code`: Twilio documents no HTTP status for most of them, so those here are
/// the ones its clients' tests agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TwilioError {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
}

impl TwilioError {
    /// An error with its own words.
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 20003: wrong credentials, or credentials of another account.
    pub(super) fn unauthenticated() -> Self {
        Self::new(401, 20003, "Authentication Error - invalid username")
    }

    /// 403: what Twilio's dictionary says a restricted API key gets for a resource it has no permission for.
    pub(super) fn forbidden() -> Self {
        Self::new(403, 403, "Forbidden: the API key does not have permission for this resource")
    }

    /// 20404: nothing there.
    pub(super) fn not_found(path: &str) -> Self {
        Self::new(404, 20404, format!("The requested resource {path} was not found"))
    }

    /// 20004: the resource is there, the method is not.
    pub(super) fn method_not_allowed() -> Self {
        Self::new(405, 20004, "Method not allowed")
    }

    /// 400: a parameter is missing or malformed, and no code of its own is known for it.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, 400, message)
    }

    /// 20005: the account is suspended or closed.
    pub(super) fn account_not_active() -> Self {
        Self::new(403, 20005, "Account is not active")
    }

    /// 21421: the text is no telephone number.
    pub(super) fn invalid_number(input: &str) -> Self {
        Self::new(400, 21421, format!("PhoneNumber {input} is invalid"))
    }

    /// 21422: not for sale, or not any more.
    pub(super) fn unavailable_number(number: &str) -> Self {
        Self::new(400, 21422, format!("{number} is not available"))
    }

    /// 20001: a parameter that must be there is not (Twilio's words for a form).
    pub(super) fn missing_parameter(name: &str) -> Self {
        Self::new(400, 20001, format!("Missing required parameter {name} in the post body"))
    }

    /// 60200: Verify's word for any parameter that will not do.
    pub(super) fn invalid_parameter(name: &str) -> Self {
        Self::new(400, 60200, format!("Invalid parameter: {name}"))
    }

    /// 20429: too many requests, none of which was processed.
    pub(super) fn too_many_requests() -> Self {
        Self::new(429, 20429, "Too many requests")
    }

    /// 21451: the text is no area code.
    pub(super) fn invalid_area_code(input: &str) -> Self {
        Self::new(400, 21451, format!("AreaCode {input} is invalid"))
    }

    /// 21452: the area code is sold out.
    pub(super) fn empty_area_code(area_code: &str) -> Self {
        Self::new(400, 21452, format!("No phone numbers found in area code {area_code}"))
    }
}

impl From<TwilioError> for Reply {
    fn from(error: TwilioError) -> Self {
        Self::json(
            error.status,
            json!({
                "code": error.code,
                "message": error.message,
                "more_info": format!("https://www.twilio.com/docs/errors/{}", error.code),
                "status": error.status,
            }),
        )
    }
}

/// A new identifier: two letters and 32 hexadecimal digits.
pub(super) fn sid(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

/// A date as version 2010-04-01 writes it: RFC 2822, whole seconds.
pub(super) fn date(instant: OffsetDateTime) -> Value {
    // Fails for years before 1900 only, which no clock shows.
    instant.format(&Rfc2822).map_or(Value::Null, Value::String)
}

/// A date as version 2 writes it: ISO 8601 in UTC, whole seconds.
pub(super) fn date_v2(instant: OffsetDateTime) -> Value {
    instant.truncate_to_second().format(&Rfc3339).map_or(Value::Null, Value::String)
}
