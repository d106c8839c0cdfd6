//! The parameters of a request, from its query or its form.

use axum::Form;
use axum::extract::{FromRequest, Request};
use axum::http::Method;

use super::replies::TwilioError;

/// Names and values in the order they came. Names are PascalCase and compared exactly; Twilio ignores unknown ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads them: from the query of a GET, from the form of a POST, none for anything else.
    pub(super) async fn read(request: Request) -> Result<Self, TwilioError> {
        if request.method() != Method::GET && request.method() != Method::POST {
            return Ok(Self::default());
        }
        match Form::from_request(request, &()).await {
            Ok(Form(pairs)) => Ok(Self(pairs)),
            Err(rejection) => Err(TwilioError::bad_request(rejection.body_text())),
        }
    }

    /// The first value with this name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// The first value with this name, empty or not: an update with an empty value clears a setting.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, TwilioError> {
        self.get(name)
            .map(|value| value.parse().map_err(|_| TwilioError::bad_request(format!("{name} {value} is not a number"))))
            .transpose()
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, TwilioError> {
        self.get(name)
            .map(|value| match value.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(TwilioError::bad_request(format!("{name} {value} is neither true nor false"))),
            })
            .transpose()
    }

    /// All of them, for the addresses of pages.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
