//! The two settings that shape every body: the API's version and the casing of keys.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::errors::ApiError;
use super::inflection::Inflection;

/// Every version of docs.withpersona.com/changelog. The default is the last one whose differences are documented:
/// what 2026-09-29 changes is not public, it is answered like its predecessor.
const VERSIONS: [&str; 11] = [
    "2020-05-18",
    "2021-02-21",
    "2021-05-14",
    "2021-07-05",
    "2021-07-15",
    "2021-08-18",
    "2022-09-01",
    "2023-01-05",
    "2025-10-27",
    DEFAULT_VERSION,
    "2026-09-29",
];

/// The version of a request that names none.
const DEFAULT_VERSION: &str = "2025-12-08";

/// Since this version personal data stands below `attributes.fields` only, the names of fields are not inflected, and
/// nothing is included unless asked for (changelog of 2025-10-27).
const FIELDS_ONLY_SINCE: &str = "2025-10-27";

/// One of Persona's API versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version(&'static str);

impl Version {
    /// The version of that date, if there is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        VERSIONS.into_iter().find(|version| *version == text).map(Self)
    }

    /// Its date.
    pub(super) fn text(self) -> &'static str {
        self.0
    }

    /// Whether personal data stands below `attributes.fields` only.
    pub(super) fn is_fields_only(self) -> bool {
        // Dates in this form sort as texts.
        self.0 >= FIELDS_ONLY_SINCE
    }
}

/// How a body is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wire {
    /// Which attributes there are.
    pub(super) version: Version,
    /// How keys are written.
    pub(super) inflection: Inflection,
}

impl Default for Wire {
    fn default() -> Self {
        Self { version: Version(DEFAULT_VERSION), inflection: Inflection::Kebab }
    }
}

impl Wire {
    /// A response with this body, its keys inflected.
    pub(super) fn respond(self, status: StatusCode, body: Value) -> Response {
        (status, Json(self.inflect(body))).into_response()
    }

    /// The body with its keys inflected.
    pub(super) fn inflect(self, body: Value) -> Value {
        self.inflection.apply(body, self.version.is_fields_only())
    }
}

impl<S: Sync> FromRequestParts<S> for Wire {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let header = |name: &str| parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let mut wire = Self::default();
        if let Some(text) = header("persona-version") {
            wire.version = Version::parse(&text)
                .ok_or_else(|| ApiError::bad_request(format!("Persona-Version {text} is not a version of this API")))?;
        }
        if let Some(text) = header("key-inflection") {
            wire.inflection = Inflection::parse(&text)
                .ok_or_else(|| ApiError::bad_request("Key-Inflection must be one of camel, kebab, snake"))?;
        }
        Ok(wire)
    }
}
