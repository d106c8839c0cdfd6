//! Everything that an account owns, page by page.

use std::future::Future;

use domain::AccountSid;
use reqwest::StatusCode;
use serde::Deserialize;

use super::client::{NumberResource, TwilioClient, answered_within};
use super::{LookError, OwnedNumber};

/// Numbers of one page: the most that Twilio gives ("Twilio's response", `PageSize`).
const PAGE_SIZE: &str = "1000";
/// Largest page that is read, in bytes. A number takes some 2 KB.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Everything that an account owns.
pub trait Inventory: Send + Sync {
    /// The account's numbers, newest first, as many as one page has; the first page without `next`. What is bought or
    /// given back meanwhile may be missed, or seen twice.
    fn page(
        &self,
        account: &AccountSid,
        next: Option<NextPage>,
    ) -> impl Future<Output = Result<InventoryPage, LookError>> + Send;
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryPage {
    /// Its numbers.
    pub numbers: Vec<OwnedNumber>,
    /// How many there were besides whose id or number has no form that we know.
    pub unreadable: usize,
    /// Where the list goes on; none when this was the last page.
    pub next: Option<NextPage>,
}

/// Where a list goes on: the path and query that the carrier gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage(pub String);

#[derive(Deserialize)]
struct NumberPage {
    incoming_phone_numbers: Vec<NumberResource>,
    next_page_uri: Option<String>,
}

impl Inventory for TwilioClient {
    async fn page(&self, account: &AccountSid, next: Option<NextPage>) -> Result<InventoryPage, LookError> {
        let request = match next {
            // Only a path of the same list: our credential goes nowhere else.
            Some(NextPage(path)) if path.starts_with(&list_path(account)) => {
                self.http.get(format!("{}{path}", self.settings.base_url))
            }
            Some(NextPage(_)) => return Err(LookError::Unknown),
            None => self.http.get(self.numbers_url(account)).query(&[("PageSize", PAGE_SIZE)]),
        };
        let response = self.request(request).send().await.map_err(|_| LookError::Unknown)?;
        let body = answered_within(response, StatusCode::OK, PAGE_BYTES_MAX).await?;
        let page: NumberPage = serde_json::from_slice(&body).map_err(|_| LookError::Unknown)?;
        let listed = page.incoming_phone_numbers.len();
        let numbers: Vec<OwnedNumber> =
            page.incoming_phone_numbers.into_iter().filter_map(NumberResource::into_owned_number).collect();
        Ok(InventoryPage { unreadable: listed - numbers.len(), numbers, next: page.next_page_uri.map(NextPage) })
    }
}

fn list_path(account: &AccountSid) -> String {
    format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json?")
}
