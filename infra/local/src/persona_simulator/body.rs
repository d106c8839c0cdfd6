//! Reading request bodies: JSON objects whose members may be absent, `null`, or of one expected type.

use serde_json::Value;

use super::errors::ApiError;
use super::inflection;

/// The body as an object with kebab-case keys. No body at all is an empty object: some calls need none.
pub(super) fn document(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_slice(bytes) {
        Ok(value @ Value::Object(_)) => Ok(inflection::to_kebab(value)),
        Ok(_) => Err(ApiError::bad_request("The body must be a JSON object.")),
        Err(error) => Err(ApiError::bad_request(format!("The body is not JSON: {error}"))),
    }
}

/// An object somewhere in a body, with its path for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members<'a> {
    value: &'a Value,
    path: &'static str,
}

impl<'a> Members<'a> {
    /// The object at `pointer`; everything is absent if there is none. `path` names it in messages.
    pub(super) fn at(document: &'a Value, pointer: &str, path: &'static str) -> Self {
        Self { value: document.pointer(pointer).unwrap_or(&Value::Null), path }
    }

    /// The member, if it is there and not `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.typed(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// A text that must be there.
    pub(super) fn required_text(&self, name: &str) -> Result<String, ApiError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.typed(name, "a boolean", Value::as_bool)
    }

    /// A number of seconds, at least 1.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.typed(name, "a positive number of seconds", |value| value.as_u64().filter(|seconds| *seconds > 0))
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        self.typed(name, "a list of strings", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    /// The refusal of a request that lacks the member.
    pub(super) fn missing(&self, name: &str) -> ApiError {
        ApiError::bad_request(format!("{}.{name} is missing", self.path))
    }

    fn typed<T>(&self, name: &str, kind: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(ApiError::bad_request(format!("{}.{name} must be {kind}", self.path))),
        }
    }
}
