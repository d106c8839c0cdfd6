//! The bodies of requests, read strictly: unknown fields are refused, and nothing is written for a request that cannot
//! be read, so its key stays free.

use adapters::http_event::HttpRequest;
use adapters::items::{fulfilment_name, if_unavailable_name};
use adapters::problem::{Problem, ProblemType};
use domain::{BodyHash, Fulfilment, IdempotencyKey, IfUnavailable, POOL_NUMBERS_MAX, PhoneNumber};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Largest body, in bytes: the numbers of the largest pool take some 2,000.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What is asked for, understood.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) key: IdempotencyKey,
    pub(crate) wanted: Wanted,
    pub(crate) if_unavailable: IfUnavailable,
    /// Of the parsed and default-filled request: spaces and the order of fields make no difference.
    pub(crate) hash: BodyHash,
}

/// One number, or several.
#[derive(Debug)]
pub(crate) enum Wanted {
    Number(PhoneNumber),
    Pool(Vec<PhoneNumber>, Fulfilment),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    kind: Kind,
    phone_number: Option<String>,
    phone_numbers: Option<Vec<String>>,
    fulfilment: Option<FulfilmentBody>,
    #[serde(default)]
    if_unavailable: IfUnavailableBody,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Number,
    NumberPool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum IfUnavailableBody {
    #[default]
    Fail,
    SameAreaCode,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum FulfilmentBody {
    #[default]
    BestEffort,
    AllOrNothing,
}

impl From<IfUnavailableBody> for IfUnavailable {
    fn from(body: IfUnavailableBody) -> Self {
        match body {
            IfUnavailableBody::Fail => Self::Fail,
            IfUnavailableBody::SameAreaCode => Self::SameAreaCode,
        }
    }
}

impl From<FulfilmentBody> for Fulfilment {
    fn from(body: FulfilmentBody) -> Self {
        match body {
            FulfilmentBody::BestEffort => Self::BestEffort,
            FulfilmentBody::AllOrNothing => Self::AllOrNothing,
        }
    }
}

impl Asking {
    /// Reads a request for numbers.
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
        let body: Body = read_body(request)?;
        let if_unavailable = body.if_unavailable.into();
        let wanted = match body {
            Body { kind: Kind::Number, phone_number: Some(text), phone_numbers: None, fulfilment: None, .. } => {
                Wanted::Number(number(&text)?)
            }
            Body { kind: Kind::NumberPool, phone_number: None, phone_numbers: Some(texts), fulfilment, .. } => {
                Wanted::Pool(numbers(&texts)?, fulfilment.unwrap_or_default().into())
            }
            Body { kind, .. } => {
                let detail = match kind {
                    Kind::Number => {
                        "A `number` has the field `phone_number`, and neither `phone_numbers` nor `fulfilment`."
                    }
                    Kind::NumberPool => "A `number_pool` has the field `phone_numbers`, and no `phone_number`.",
                };
                return Err(Problem::new(ProblemType::InvalidRequest, detail));
            }
        };
        let hash = hash(&wanted, if_unavailable);
        Ok(Self { key, wanted, if_unavailable, hash })
    }
}

/// Reads a JSON object.
///
/// # Errors
/// A 400 problem that names the field, never its value.
pub(crate) fn read_body<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let invalid = |detail: &str| Problem::new(ProblemType::InvalidRequest, detail);
    if request.body.len() > BODY_BYTES_MAX {
        return Err(invalid("The body is larger than 16 KB."));
    }
    // Serde would read `["number", "+1…"]` as the fields in their order: a body without a name in it.
    if request.body.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid("The body is not a JSON object."));
    }
    let mut json = serde_json::Deserializer::from_slice(&request.body);
    let body: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        let found = error.inner().to_string();
        // The name of a field that is not ours is what was sent, too.
        let place = if place == "." || found.starts_with("unknown field") {
            "The body".to_owned()
        } else {
            format!("The field `{place}`")
        };
        invalid(&format!("{place} cannot be understood: {}.", without_what_was_sent(&found)))
    })?;
    json.end().map_err(|_| invalid("Something follows the JSON object in the body."))?;
    Ok(body)
}

/// What an error of the parser says of what it expects. What it says of what it found quotes the request, which may hold
/// anything: that part is left out.
fn without_what_was_sent(error: &str) -> String {
    if error.starts_with("missing field") || error.starts_with("duplicate field") {
        return error.to_owned();
    }
    match error.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if error.starts_with("EOF") || error.starts_with("expected") => error.to_owned(),
        None => "it is not as documented".to_owned(),
    }
}

/// Reads one number.
///
/// # Errors
/// A 400 problem that says what is wrong with it.
pub(crate) fn number(text: &str) -> Result<PhoneNumber, Problem> {
    PhoneNumber::parse(text).map_err(|error| Problem::new(ProblemType::InvalidPhoneNumber, format!("{error}.")))
}

fn numbers(texts: &[String]) -> Result<Vec<PhoneNumber>, Problem> {
    let invalid = |detail: String| Problem::new(ProblemType::InvalidRequest, detail);
    if texts.is_empty() || texts.len() > POOL_NUMBERS_MAX {
        let detail = format!("The field `phone_numbers` must have 1 to {POOL_NUMBERS_MAX} numbers.");
        return Err(invalid(detail));
    }
    let mut numbers: Vec<PhoneNumber> = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        let number = PhoneNumber::parse(text).map_err(|error| {
            Problem::new(ProblemType::InvalidPhoneNumber, format!("Number {} of the pool: {error}.", place + 1))
        })?;
        if numbers.contains(&number) {
            return Err(invalid(format!("Number {} of the pool is in it twice.", place + 1)));
        }
        numbers.push(number);
    }
    Ok(numbers)
}

fn hash(wanted: &Wanted, if_unavailable: IfUnavailable) -> BodyHash {
    let (kind, numbers) = match wanted {
        Wanted::Number(number) => ("number", std::slice::from_ref(number)),
        Wanted::Pool(numbers, fulfilment) => (fulfilment_name(fulfilment), numbers.as_slice()),
    };
    let numbers = numbers.iter().map(PhoneNumber::as_str);
    let words: Vec<&str> = std::iter::once(kind).chain(numbers).chain([if_unavailable_name(&if_unavailable)]).collect();
    BodyHash(Sha256::digest(words.join("\0")).into())
}
