//! The body of a request for a number.

use adapters::http_event::HttpRequest;
use adapters::problem::{Problem, ProblemType};
use domain::{BodyHash, IdempotencyKey, PhoneNumber};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Largest body, in bytes: one number takes under 100.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What is asked for, understood.
pub(crate) struct Asking {
    pub(crate) key: IdempotencyKey,
    pub(crate) number: PhoneNumber,
    /// Of the parsed and default-filled request: spaces and the order of fields make no difference.
    pub(crate) hash: BodyHash,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    kind: Kind,
    phone_number: String,
    #[serde(default)]
    if_unavailable: IfUnavailable,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Number,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum IfUnavailable {
    #[default]
    Fail,
}

impl Asking {
    /// Reads a request. Nothing is written for one that cannot be read, so its key stays free.
    pub(crate) fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let key_problem = |what: &str| {
            let detail = format!(
                "The header Idempotency-Key {what}. Send 1 to 128 printable ASCII characters, and the same ones when \
                 you repeat the request."
            );
            Problem::new(ProblemType::IdempotencyKeyMissing, detail)
        };
        let key = request.header("idempotency-key")?.ok_or_else(|| key_problem("is missing"))?;
        let key = IdempotencyKey::parse(key).map_err(|error| key_problem(&error.to_string()))?;
        if request.body.len() > BODY_BYTES_MAX {
            return Err(Problem::new(ProblemType::InvalidRequest, "The body is larger than 16 KB."));
        }
        let mut json = serde_json::Deserializer::from_slice(&request.body);
        let body: Body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = error.path().to_string();
            let place = if place == "." { "The body".to_owned() } else { format!("The field `{place}`") };
            let detail = format!("{place} cannot be understood: {}.", error.inner());
            Problem::new(ProblemType::InvalidRequest, detail)
        })?;
        json.end()
            .map_err(|_| Problem::new(ProblemType::InvalidRequest, "Something follows the JSON object in the body."))?;
        let number = PhoneNumber::parse(&body.phone_number)
            .map_err(|error| Problem::new(ProblemType::InvalidPhoneNumber, format!("{error}.")))?;
        let (kind, if_unavailable) = match (body.kind, body.if_unavailable) {
            (Kind::Number, IfUnavailable::Fail) => ("number", "fail"),
        };
        let text = [kind, number.as_str(), if_unavailable].join("\0");
        Ok(Self { key, number, hash: BodyHash(Sha256::digest(text).into()) })
    }
}
