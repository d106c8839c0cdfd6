//! What Twilio's answers to a search mean.

use std::collections::BTreeMap;

use domain::{CountryCode, PhoneNumber};
use serde::Deserialize;
use serde_json::Value;

use super::stock::{AvailableNumber, Capabilities, StockError, StockQuery};

/// A search's answer, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockAnswer {
    /// What can be sold, and was searched for.
    pub numbers: Vec<AvailableNumber>,
    /// How many entries could not be read. They are left out: one strange number must not hide the others.
    pub unreadable: usize,
}

#[derive(Deserialize)]
struct NumberList {
    available_phone_numbers: Vec<Value>,
}

#[derive(Deserialize)]
struct NumberResource {
    phone_number: String,
    #[serde(default)]
    iso_country: Option<String>,
    #[serde(default)]
    locality: Option<String>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    address_requirements: Option<String>,
    #[serde(default)]
    capabilities: Option<BTreeMap<String, Value>>,
}

/// Reads the body of a search's 200; `None` for one that is no list of numbers.
///
/// The area code is compared here as well: Twilio documents its filter for the United States and Canada only.
#[must_use]
pub fn read_stock(body: &[u8], query: &StockQuery) -> Option<StockAnswer> {
    let list: NumberList = serde_json::from_slice(body).ok()?;
    let entries = list.available_phone_numbers.len();
    let read: Vec<AvailableNumber> =
        list.available_phone_numbers.into_iter().filter_map(|entry| read_number(entry, query)).collect();
    let unreadable = entries - read.len();
    let area_code = query.area_code.map(|area_code| area_code.to_string());
    let wanted = |number: &AvailableNumber| area_code.is_none() || number.number.area_code() == area_code.as_deref();
    let limit = usize::try_from(query.page_size()).unwrap_or(usize::MAX);
    Some(StockAnswer { numbers: read.into_iter().filter(wanted).take(limit).collect(), unreadable })
}

fn read_number(entry: Value, query: &StockQuery) -> Option<AvailableNumber> {
    let resource: NumberResource = serde_json::from_value(entry).ok()?;
    let country = match resource.iso_country {
        Some(iso) => CountryCode::new(&iso)?,
        None => query.country,
    };
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    Some(AvailableNumber {
        number: PhoneNumber::parse(&resource.phone_number).ok()?,
        kind: query.kind,
        country,
        locality: given(resource.locality),
        region: given(resource.region),
        capabilities: capabilities_of(&resource.capabilities.unwrap_or_default()),
        address_required: resource.address_requirements.as_deref() != Some("none"),
    })
}

/// Twilio writes the names in lower case in its specification, and `SMS` and `MMS` in real answers; `fax` may be absent.
fn capabilities_of(flags: &BTreeMap<String, Value>) -> Capabilities {
    let can =
        |name: &str| flags.iter().any(|(key, value)| key.eq_ignore_ascii_case(name) && value == &Value::Bool(true));
    Capabilities { voice: can("voice"), sms: can("sms"), mms: can("mms"), fax: can("fax") }
}

/// What an answer to a search means that is no 200, by HTTP status and by the error's code where the body had one.
#[must_use]
pub fn meaning_of_search_refusal(status: u16, code: Option<u32>, retry_after_s: Option<u32>) -> StockError {
    match (status, code) {
        (429, _) | (_, Some(20_429)) => StockError::NotProcessed { retry_after_s },
        (401 | 403, _) => StockError::Unauthorised,
        // A kind that a country does not have is a resource that is not there. Without Twilio's own code it may as well
        // be another server's word, and a wrong address must not look like an empty stock.
        (404, Some(_)) => StockError::NotOffered,
        (400..=499, Some(_)) => StockError::Refused,
        (_, Some(_) | None) => StockError::Unknown,
    }
}
