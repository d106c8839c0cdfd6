//! The bodies of requests, read strictly: unknown fields are refused, and nothing is written for a request that cannot
//! be read, so its key stays free.

use adapters::http_event::HttpRequest;
use adapters::items::{fulfilment_name, if_unavailable_name};
use adapters::problem::{Problem, ProblemType};
use adapters::request_body::read_object;
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
        let key = request.idempotency_key()?;
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
    Ok(read_object(request, BODY_BYTES_MAX)?)
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
