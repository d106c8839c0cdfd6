//! Bodies of requests, read strictly: a JSON object with no field that is not documented, and nothing behind it.

use serde::de::DeserializeOwned;

use crate::http_event::HttpRequest;
use crate::problem::{Problem, ProblemType};

/// Why a body cannot be read. None of it repeats what was sent, which may hold anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than any that is right.
    #[error("The body is larger than {} KB.", .bytes_max / 1024)]
    TooLarge {
        /// The largest that is read, in bytes.
        bytes_max: usize,
    },
    /// It is something else.
    #[error("The body is not a JSON object.")]
    NotAnObject,
    /// A field, or the whole, is not as documented.
    #[error("{place} cannot be understood: {expected}.")]
    Unreadable {
        /// The field, if it is one of ours, or the body: the start of a sentence.
        place: String,
        /// What should be there.
        expected: String,
    },
    /// It goes on behind the object.
    #[error("Something follows the JSON object in the body.")]
    Followed,
}

/// Reads a JSON object of at most `bytes_max` bytes.
///
/// # Errors
/// [`BodyError`], which names the field, never its value.
pub fn read_object<T: DeserializeOwned>(request: &HttpRequest, bytes_max: usize) -> Result<T, BodyError> {
    if request.body.len() > bytes_max {
        return Err(BodyError::TooLarge { bytes_max });
    }
    // Serde would read `["number", "+1…"]` as the fields in their order: a body without a name in it.
    if request.body.trim_ascii_start().first() != Some(&b'{') {
        return Err(BodyError::NotAnObject);
    }
    let mut json = serde_json::Deserializer::from_slice(&request.body);
    let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        let found = error.inner().to_string();
        // The name of a field that is not ours is what was sent, too.
        let ours = place != "." && !found.starts_with("unknown field");
        let place = if ours { format!("The field `{place}`") } else { "The body".to_owned() };
        BodyError::Unreadable { place, expected: without_what_was_sent(&found) }
    })?;
    json.end().map_err(|_| BodyError::Followed)?;
    Ok(body)
}

/// What an error of the parser says of what it expects. What it says of what it found quotes the request: that part is
/// left out.
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

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::new(ProblemType::InvalidRequest, error.to_string())
    }
}
