//! Persona's API over HTTPS. Asks for status fields only and reads nothing else; where names are compared, for the two names
//! besides, which pass through memory.

use std::time::Duration;

use domain::{InquiryId, Nonce, TemplateId};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;
use tracing::{error, warn};

use super::payload::{AccountList, InquiryList, InquiryWithLink, InquiryWithName, InquiryWithSession, NameField};
use super::{INQUIRIES_PER_QUESTION_MAX, Identity, Looked, OpenedInquiry, PersonaError, Session};
use crate::config::BaseUrl;
use crate::name_match::{NameOnId, PersonName};
use crate::outside::{self, BodyError, read_body};

/// The API's version that this client was written against; sent with every request, so that a setting in Persona's
/// dashboard cannot change the answers' form.
const PERSONA_VERSION: &str = "2025-12-08";

/// Largest answer that is read, in bytes: a page of 100 inquiries' statuses takes some 40 KB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The fields of an inquiry that say where it stands (Persona, "Retrieve an Inquiry").
const LOOKED_AT_FIELDS: &str = "status,completed-at,decisioned-at,updated-at,redacted-at";

/// The fields of an inquiry that hold the name on the ID (Persona, "Response body": sparse fieldsets), in both spellings.
const NAME_FIELDS: &str = "fields.name-first,fields.name-last,fields.name_first,fields.name_last";

/// How to reach Persona.
#[derive(Debug, Clone)]
pub struct PersonaSettings {
    /// Where its API is, `/api/v1` included.
    pub base_url: BaseUrl,
    /// The key of one environment.
    pub api_key: SecretString,
    /// The template that inquiries are made from.
    pub template: TemplateId,
    /// The whole time of one request, in milliseconds.
    pub timeout_ms: u64,
}

/// Persona's API.
#[derive(Debug, Clone)]
pub struct PersonaClient {
    http: Client,
    settings: PersonaSettings,
}

impl PersonaClient {
    /// # Errors
    /// When no HTTP client can be made on this machine.
    pub fn new(settings: PersonaSettings) -> Result<Self, reqwest::Error> {
        let http = outside::client(&settings.base_url, Duration::from_millis(settings.timeout_ms))?;
        Ok(Self { http, settings })
    }

    fn request(&self, request: RequestBuilder) -> RequestBuilder {
        request
            .bearer_auth(self.settings.api_key.expose_secret())
            .header("Persona-Version", PERSONA_VERSION)
            .header("Key-Inflection", "kebab")
    }

    /// The link that carries the person to another device. A resumed session comes without one; Persona gives the last
    /// one again while it is unused (API reference, "Generate a one-time link"). The session is worth having without it.
    async fn one_time_link(&self, inquiry: &InquiryId) -> Option<SecretString> {
        let path = format!("/inquiries/{inquiry}/generate-one-time-link?fields%5Binquiry%5D=status&include=");
        let asked: Result<InquiryWithLink, PersonaError> =
            ask(self.request(self.http.post(self.url(&path))).json(&json!({"meta": {}}))).await;
        match asked {
            Ok(answer) => Some(answer.meta.one_time_link.into()),
            Err(error) => {
                warn!(%error, %inquiry, "Persona gave no one-time link; the session goes without.");
                None
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.settings.base_url)
    }
}

impl Identity for PersonaClient {
    async fn open(&self, reference: &str, nonce: &Nonce) -> Result<OpenedInquiry, PersonaError> {
        let body = json!({
            "data": {"attributes": {"inquiry-template-id": self.settings.template.as_str(), "fields": {}}},
            "meta": {
                "auto-create-account": true,
                "auto-create-account-reference-id": reference,
                "auto-create-inquiry-session": true,
                "auto-create-one-time-link": true,
            },
        });
        let request = self
            .request(self.http.post(self.url("/inquiries?fields%5Binquiry%5D=status&include=")))
            .header("Idempotency-Key", nonce.as_str())
            .json(&body);
        let answer: InquiryWithSession = ask(request).await?;
        let id = InquiryId::parse(&answer.data.id).map_err(|_| PersonaError::Unknown)?;
        Ok(OpenedInquiry { id, session: session(answer) })
    }

    async fn resume(&self, inquiry: &InquiryId) -> Result<Session, PersonaError> {
        let path = format!("/inquiries/{inquiry}/resume?fields%5Binquiry%5D=status&include=");
        match ask(self.request(self.http.post(self.url(&path))).json(&json!({"meta": {}}))).await {
            Ok(answer) => {
                let Session { token, one_time_link } = session(answer);
                let one_time_link = match one_time_link {
                    Some(link) => Some(link),
                    None => self.one_time_link(inquiry).await,
                };
                Ok(Session { token, one_time_link })
            }
            Err(PersonaError::Answered(404 | 410)) => Err(PersonaError::Gone),
            Err(error @ (PersonaError::Unknown | PersonaError::Answered(_) | PersonaError::Gone)) => Err(error),
        }
    }

    async fn redact(&self, inquiry: &InquiryId) -> Result<(), PersonaError> {
        let path = format!("/inquiries/{inquiry}?fields%5Binquiry%5D=status&include=");
        redacted(ask(self.request(self.http.delete(self.url(&path)))).await)
    }

    async fn redact_accounts(&self, reference: &str) -> Result<(), PersonaError> {
        // No attribute of an account is asked for that says anything of the person.
        let query = [("filter[reference-id]", reference), ("fields[account]", "created-at"), ("page[size]", "100")];
        let found: AccountList = ask(self.request(self.http.get(self.url("/accounts"))).query(&query)).await?;
        for account in found.data {
            if !is_word(&account.id) {
                return Err(PersonaError::Unknown);
            }
            let path = format!("/accounts/{}?fields%5Baccount%5D=created-at&include=", account.id);
            redacted(ask(self.request(self.http.delete(self.url(&path)))).await)?;
        }
        Ok(())
    }

    async fn look(&self, inquiries: &[InquiryId]) -> Result<Vec<Looked>, PersonaError> {
        let ids: Vec<&str> = inquiries.iter().take(INQUIRIES_PER_QUESTION_MAX).map(InquiryId::as_str).collect();
        let query = [
            ("filter[inquiry-id]", ids.join(",")),
            ("fields[inquiry]", LOOKED_AT_FIELDS.to_owned()),
            ("page[size]", INQUIRIES_PER_QUESTION_MAX.to_string()),
        ];
        let answer: InquiryList = ask(self.request(self.http.get(self.url("/inquiries"))).query(&query)).await?;
        let understood = answer.data.into_iter().filter_map(|listed| match listed.looked() {
            Ok(looked) if inquiries.contains(&looked.event.inquiry) => Some(looked),
            Ok(_) => {
                error!(
                    metric = "drift",
                    "Persona says something of an inquiry that it was not asked about; it is left out."
                );
                None
            }
            Err(what) => {
                // Which one is not said: an id that is in a strange place may be anything.
                warn!(?what, metric = "drift", "Persona says of an inquiry what we do not understand; it is left out.");
                None
            }
        });
        Ok(understood.collect())
    }
}

impl NameOnId for PersonaClient {
    async fn name_on_id(&self, inquiry: &InquiryId) -> Result<Option<PersonName>, PersonaError> {
        // Nothing but the two names; templates made before and after October 2025 spell them differently.
        let query = [("fields[inquiry]", NAME_FIELDS), ("include", "")];
        let url = self.url(&format!("/inquiries/{inquiry}"));
        let fields = match ask::<InquiryWithName>(self.request(self.http.get(url)).query(&query)).await {
            Ok(answer) => answer.data.attributes.fields,
            // Redacted, or never there: nobody knows the name any more.
            Err(PersonaError::Gone | PersonaError::Answered(404 | 410)) => return Ok(None),
            Err(error @ (PersonaError::Unknown | PersonaError::Answered(_))) => return Err(error),
        };
        let text = |field: Option<NameField>| {
            field.and_then(|field| field.value).filter(|name| !name.trim().is_empty()).map(SecretString::from)
        };
        Ok(text(fields.first).zip(text(fields.last)).map(|(first, last)| PersonName { first, last }))
    }
}

/// What is gone already, or was redacted before, needs no more (API reference, "Redact an inquiry", "Redact an
/// account"; "Errors").
fn redacted(answer: Result<IgnoredAny, PersonaError>) -> Result<(), PersonaError> {
    match answer {
        Ok(IgnoredAny) | Err(PersonaError::Gone | PersonaError::Answered(404 | 409 | 410)) => Ok(()),
        Err(error @ (PersonaError::Unknown | PersonaError::Answered(_))) => Err(error),
    }
}

/// Whether an id of Persona's can stand in a path as it is.
fn is_word(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn session(answer: InquiryWithSession) -> Session {
    Session { token: answer.meta.session_token.into(), one_time_link: answer.meta.one_time_link.map(Into::into) }
}

/// Sends a request and reads its answer. Bodies of refusals are never read: they echo fields.
async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, PersonaError> {
    let response: Response = request.send().await.map_err(|_| PersonaError::Unknown)?;
    let status = response.status();
    if !matches!(status, StatusCode::OK | StatusCode::CREATED) {
        return Err(PersonaError::Answered(status.as_u16()));
    }
    let body = read_body(response, ANSWER_BYTES_MAX).await.map_err(|error| match error {
        BodyError::TooLarge | BodyError::Cut => PersonaError::Unknown,
    })?;
    serde_json::from_slice(&body).map_err(|_| PersonaError::Unknown)
}
