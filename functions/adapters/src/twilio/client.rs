//! Twilio's v2010 API over HTTPS: form-encoded requests, JSON answers.

use std::time::Duration;

use domain::{AccountSid, NumberSid, PhoneNumber};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tracing::{error, warn};

use super::answer::{is_our_mistake, meaning_of_refusal, parse_created_at};
use super::stock::{AvailableNumber, Stock, StockError, StockQuery};
use super::stock_answer::{StockAnswer, meaning_of_search_refusal, read_stock};
use super::{Carrier, Created, LookError, OwnedNumber};
use crate::config::BaseUrl;
use crate::outside::{self, read_body};

/// Largest answer that is read, in bytes. One number takes some 2 KB, and the list is asked for one number; one that is
/// for sale some 500 bytes, so that Twilio's largest page of 1000 fits.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Numbers asked for at once: a mark has at most a pool's, of 100 (Twilio allows 1000).
const PAGE_SIZE: &str = "200";
/// Twilio's code for what is not there.
const CODE_NOT_FOUND: u32 = 20_404;

/// Longest time that the carrier may ask us to wait, in seconds: an hour.
const RETRY_AFTER_S_MAX: u32 = 3600;

/// How to reach Twilio.
#[derive(Debug, Clone)]
pub struct TwilioSettings {
    /// Where its API is.
    pub base_url: BaseUrl,
    /// The account whose stock is searched.
    pub account: AccountSid,
    /// The user name: the parent account, or an API key.
    pub user: String,
    /// The password: the account's token, or the key's secret.
    pub password: SecretString,
    /// The whole time of one request, in milliseconds. Less than the lease that permits it.
    pub timeout_ms: u64,
}

/// Twilio's API.
#[derive(Debug, Clone)]
pub struct TwilioClient {
    pub(super) http: Client,
    pub(super) settings: TwilioSettings,
}

#[derive(Deserialize)]
struct NumberList {
    incoming_phone_numbers: Vec<NumberResource>,
}

#[derive(Deserialize)]
pub(super) struct NumberResource {
    sid: String,
    phone_number: String,
    #[serde(default)]
    friendly_name: Option<String>,
    #[serde(default)]
    date_created: Option<String>,
}

/// What every refusal of Twilio's says; the rest of it may repeat what was sent, and is not read.
#[derive(Deserialize)]
pub(super) struct ErrorEnvelope {
    pub(super) code: Option<u32>,
}

impl TwilioClient {
    /// # Errors
    /// When no HTTP client can be made on this machine.
    pub fn new(settings: TwilioSettings) -> Result<Self, reqwest::Error> {
        let http = outside::client(&settings.base_url, Duration::from_millis(settings.timeout_ms))?;
        Ok(Self { http, settings })
    }

    pub(super) fn numbers_url(&self, account: &AccountSid) -> String {
        format!("{}/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json", self.settings.base_url)
    }

    fn stock_url(&self, query: &StockQuery) -> String {
        let TwilioSettings { base_url, account, .. } = &self.settings;
        format!("{base_url}/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{}", query.resource())
    }

    fn number_url(&self, account: &AccountSid, sid: &NumberSid) -> String {
        format!("{}/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json", self.settings.base_url)
    }

    async fn list(&self, account: &AccountSid, filter: (&str, &str)) -> Result<Vec<NumberResource>, LookError> {
        let query = [filter, ("PageSize", PAGE_SIZE)];
        let request = self.request(self.http.get(self.numbers_url(account))).query(&query);
        let response = request.send().await.map_err(|_| LookError::Unknown)?;
        if is_gone(&response) {
            // A list that has nothing is an empty list: only the account can be missing.
            return Err(absence(response).await.err().unwrap_or(LookError::NoAccount));
        }
        let body = answered(response, StatusCode::OK).await?;
        let list: NumberList = serde_json::from_slice(&body).map_err(|_| LookError::Unknown)?;
        Ok(list.incoming_phone_numbers)
    }

    pub(super) fn request(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth(&self.settings.user, Some(self.settings.password.expose_secret()))
    }
}

impl Carrier for TwilioClient {
    async fn find(&self, account: &AccountSid, number: &PhoneNumber) -> Result<Option<OwnedNumber>, LookError> {
        // The filter is a pattern, so that a longer number may match: only the very number counts.
        let listed = self.list(account, ("PhoneNumber", number.as_str())).await?;
        let exact = listed.into_iter().find(|resource| resource.phone_number == number.as_str());
        exact.map(|resource| resource.into_owned_number().ok_or(LookError::Unknown)).transpose()
    }

    async fn find_marked(&self, account: &AccountSid, mark: &str) -> Result<Vec<OwnedNumber>, LookError> {
        let listed = self.list(account, ("FriendlyName", mark)).await?;
        let marked = listed.into_iter().filter(|resource| resource.friendly_name.as_deref() == Some(mark));
        marked.map(|resource| resource.into_owned_number().ok_or(LookError::Unknown)).collect()
    }

    async fn fetch(&self, account: &AccountSid, sid: &NumberSid) -> Result<Option<OwnedNumber>, LookError> {
        let request = self.request(self.http.get(self.number_url(account, sid)));
        let response = request.send().await.map_err(|_| LookError::Unknown)?;
        if is_gone(&response) {
            return absence(response).await.map(|()| None);
        }
        let body = answered(response, StatusCode::OK).await?;
        let resource: NumberResource = serde_json::from_slice(&body).map_err(|_| LookError::Unknown)?;
        resource.into_owned_number().map(Some).ok_or(LookError::Unknown)
    }

    async fn release(&self, account: &AccountSid, sid: &NumberSid) -> Result<(), LookError> {
        let request = self.request(self.http.delete(self.number_url(account, sid)));
        let response = request.send().await.map_err(|_| LookError::Unknown)?;
        if is_gone(&response) {
            return absence(response).await;
        }
        answered(response, StatusCode::NO_CONTENT).await.map(|_| ())
    }

    async fn create(&self, account: &AccountSid, number: &PhoneNumber, mark: &str) -> Created {
        let form = [("PhoneNumber", number.as_str()), ("FriendlyName", mark)];
        let request = self.request(self.http.post(self.numbers_url(account))).form(&form);
        let Ok(response) = request.send().await else {
            return Created::Unknown;
        };
        let status = response.status();
        let retry_after_s = retry_after_s(&response);
        let body = read_body(response, ANSWER_BYTES_MAX).await;
        if status == StatusCode::CREATED || status == StatusCode::OK {
            let resource = body.ok().and_then(|body| serde_json::from_slice::<NumberResource>(&body).ok());
            return resource.and_then(NumberResource::into_owned_number).map_or(Created::Unknown, Created::Bought);
        }
        let envelope = body.ok().and_then(|body| serde_json::from_slice::<ErrorEnvelope>(&body).ok());
        let code = envelope.and_then(|envelope| envelope.code);
        if let Some(code) = code.filter(|code| is_our_mistake(*code)) {
            error!(code, metric = "bug", "The carrier says that our request is wrong.");
        }
        meaning_of_refusal(status.as_u16(), code, retry_after_s)
    }
}

impl Stock for TwilioClient {
    async fn search(&self, query: &StockQuery) -> Result<Vec<AvailableNumber>, StockError> {
        let request = self.request(self.http.get(self.stock_url(query))).query(&query.parameters());
        let response = request.send().await.map_err(|_| StockError::Unknown)?;
        let status = response.status();
        let retry_after_s = retry_after_s(&response);
        let body = read_body(response, ANSWER_BYTES_MAX).await;
        if status != StatusCode::OK {
            let envelope = body.ok().and_then(|body| serde_json::from_slice::<ErrorEnvelope>(&body).ok());
            let code = envelope.and_then(|envelope| envelope.code);
            return Err(meaning_of_search_refusal(status.as_u16(), code, retry_after_s));
        }
        let body = body.map_err(|_| StockError::Unknown)?;
        let StockAnswer { numbers, unreadable } = read_stock(&body, query).ok_or(StockError::Unknown)?;
        if unreadable > 0 {
            let found = numbers.len();
            warn!(unreadable, found, country = %query.country, "Some numbers of the carrier's stock cannot be read.");
        }
        Ok(numbers)
    }
}

impl NumberResource {
    pub(super) fn into_owned_number(self) -> Option<OwnedNumber> {
        Some(OwnedNumber {
            sid: NumberSid::parse(&self.sid).ok()?,
            number: PhoneNumber::parse(&self.phone_number).ok()?,
            mark: self.friendly_name.unwrap_or_default(),
            created_at: self.date_created.as_deref().and_then(parse_created_at),
        })
    }
}

fn is_gone(response: &Response) -> bool {
    response.status() == StatusCode::NOT_FOUND
}

/// Only Twilio's own word that something is not there counts; a 404 without it may come from between us.
async fn absence(response: Response) -> Result<(), LookError> {
    let body = read_body(response, ANSWER_BYTES_MAX).await.map_err(|_| LookError::Unknown)?;
    match serde_json::from_slice::<ErrorEnvelope>(&body) {
        Ok(ErrorEnvelope { code: Some(CODE_NOT_FOUND) }) => Ok(()),
        Ok(_) | Err(_) => Err(LookError::Unknown),
    }
}

/// The body of an answer with the wanted status.
async fn answered(response: Response, wanted: StatusCode) -> Result<Vec<u8>, LookError> {
    answered_within(response, wanted, ANSWER_BYTES_MAX).await
}

/// The body, of at most `bytes_max`, of an answer with the wanted status.
pub(super) async fn answered_within(
    response: Response,
    wanted: StatusCode,
    bytes_max: usize,
) -> Result<Vec<u8>, LookError> {
    let retry_after_s = retry_after_s(&response);
    match response.status() {
        status if status == wanted => read_body(response, bytes_max).await.map_err(|_| LookError::Unknown),
        StatusCode::TOO_MANY_REQUESTS => Err(LookError::NotProcessed { retry_after_s }),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(LookError::Unauthorised),
        _ => Err(LookError::Unknown),
    }
}

pub(super) fn retry_after_s(response: &Response) -> Option<u32> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse::<u32>().ok()?;
    Some(seconds.min(RETRY_AFTER_S_MAX))
}
