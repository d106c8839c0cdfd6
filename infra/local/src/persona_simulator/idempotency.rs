//! Repeated POSTs (docs.withpersona.com/idempotence): the first answer to an `Idempotency-Key` is kept for 24 hours,
//! whatever it was, and given again; the same key with other parameters is refused.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::clock::{Clock, Moment};
use super::errors::ApiError;

/// How long an answer is kept, in simulated seconds.
const KEPT_S: u64 = 24 * 60 * 60;

/// The kept answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_key: HashMap<String, Answer>,
}

/// What a key was first used for, and what was answered.
#[derive(Debug)]
struct Answer {
    request: Request,
    status: StatusCode,
    body: Bytes,
    forgotten_at: Moment,
}

/// The parameters of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Path and query.
    pub(super) target: String,
    /// Its body.
    pub(super) body: Bytes,
}

impl Answers {
    /// The answer to give again, none if the key is new, or the refusal of changed parameters.
    pub(super) fn recall(&mut self, key: &str, request: &Request, now: Moment) -> Result<Option<Response>, ApiError> {
        self.by_key.retain(|_, answer| now < answer.forgotten_at);
        match self.by_key.get(key) {
            None => Ok(None),
            Some(answer) if answer.request == *request => {
                let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Ok(Some((answer.status, [json], answer.body.clone()).into_response()))
            }
            Some(_) => Err(ApiError::bad_request(
                "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            )),
        }
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, key: String, request: Request, status: StatusCode, body: Bytes, clock: &Clock) {
        let forgotten_at = clock.after(clock.now(), KEPT_S);
        self.by_key.insert(key, Answer { request, status, body, forgotten_at });
    }
}
