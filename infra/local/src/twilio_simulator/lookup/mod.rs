//! Lookup v2: what is known about a number (`twilio_lookups_v2`; <https://www.twilio.com/docs/lookup/v2-api>).

mod identity;
mod packages;
mod phones;
mod validation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use self::packages::Package;
pub(super) use self::phones::Known;
use self::phones::Phones;
use self::validation::{Number, Validated};
use super::carrier::Carrier;
use super::replies::{Reply, TwilioError};
use super::request::Asked;

/// Longest texts that are taken, in characters, by parameter (a live test of 2026-03-29 by a customer of Twilio).
const LENGTHS: [(&str, usize); 9] = [
    ("FirstName", 128),
    ("LastName", 128),
    ("AddressLine1", 256),
    ("AddressLine2", 256),
    ("City", 256),
    ("State", 256),
    ("PostalCode", 10),
    ("AddressCountryCode", 2),
    ("PartnerSubId", 64),
];

/// What Lookup knows, and how it goes wrong.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    phones: Phones,
    /// Every number is free of risk, whatever is known of it.
    blind: bool,
    /// May lines of Canadian numbers be told? Canada's carriers want an authorisation first (error 60601).
    canada_authorised: bool,
    /// Packages that answer with an error code of their own.
    errors: BTreeMap<Package, u32>,
    /// Every request that had the right credentials, in the order they arrived.
    seen: Vec<Seen>,
}

/// A request as it arrived. Names are not kept.
#[derive(Clone, Debug, Serialize)]
struct Seen {
    phone_number: String,
    fields: String,
    partner_sub_id: Option<String>,
}

/// The body of `POST /simulator/lookup`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Orders {
    /// What is known of numbers, in addition; of two that fit a number the later counts.
    #[serde(default)]
    phones: Vec<Known>,
    blind: Option<bool>,
    canada_authorised: Option<bool>,
    /// In place of those ordered before.
    errors: Option<BTreeMap<Package, u32>>,
}

impl Lookup {
    /// Takes orders.
    pub(super) fn order(&mut self, orders: Orders) {
        self.phones.extend(orders.phones);
        self.blind = orders.blind.unwrap_or(self.blind);
        self.canada_authorised = orders.canada_authorised.unwrap_or(self.canada_authorised);
        if let Some(errors) = orders.errors {
            self.errors = errors;
        }
    }

    /// What was asked so far.
    pub(super) fn seen(&self) -> Value {
        json!(self.seen)
    }

    /// What is known of a number.
    pub(super) fn known(&self, number: &str) -> Known {
        self.phones.of(number)
    }
}

impl Carrier {
    /// Says what is known of a number. An invalid number is an answer like any other.
    pub(super) fn look_up(&mut self, number: &str, asked: &Asked, now: OffsetDateTime) -> Result<Reply, TwilioError> {
        let parameters = &asked.parameters;
        let fields = parameters.get("Fields").unwrap_or_default();
        self.lookup.seen.push(Seen {
            phone_number: number.to_owned(),
            fields: fields.to_owned(),
            partner_sub_id: parameters.get("PartnerSubId").map(str::to_owned),
        });
        let packages: Vec<Package> = fields
            .split(',')
            .map(str::trim)
            .filter(|field| !field.is_empty() && *field != "validation")
            .map(|field| {
                Package::by_name(field)
                    .ok_or_else(|| TwilioError::bad_request(format!("Fields {field} is not a field")))
            })
            .collect::<Result<_, _>>()?;
        for (name, longest) in LENGTHS {
            if parameters.get(name).is_some_and(|value| value.chars().count() > longest) {
                return Err(TwilioError::bad_request(format!("{name} is longer than {longest} characters")));
            }
        }
        let validated = validation::validate(number, parameters.get("CountryCode").unwrap_or("US"));

        let mut answer = Map::new();
        for package in Package::ALL {
            let told = match &validated {
                Validated::Valid(valid) if packages.contains(&package) => self.package(package, valid, asked, now),
                Validated::Valid(_) | Validated::Invalid { .. } => Value::Null,
            };
            answer.insert(package.name().to_owned(), told);
        }
        let shown = match &validated {
            Validated::Valid(valid) => {
                answer.insert("calling_country_code".to_owned(), json!(valid.calling_code));
                answer.insert("country_code".to_owned(), json!(valid.country));
                answer.insert("national_format".to_owned(), json!(valid.national_format()));
                answer.insert("valid".to_owned(), json!(true));
                // Twilio's examples have null for the older packages and an empty list for the newer ones.
                let newer = packages.iter().any(|package| package.is_newer());
                answer.insert("validation_errors".to_owned(), if newer { json!([]) } else { Value::Null });
                valid.e164.clone()
            }
            Validated::Invalid { error } => {
                for absent in ["calling_country_code", "country_code", "national_format"] {
                    answer.insert(absent.to_owned(), Value::Null);
                }
                answer.insert("valid".to_owned(), json!(false));
                answer.insert("validation_errors".to_owned(), json!([error]));
                number.to_owned()
            }
        };
        answer.insert("url".to_owned(), json!(format!("{}/v2/PhoneNumbers/{shown}", asked.base_url)));
        answer.insert("phone_number".to_owned(), json!(shown));
        Ok(Reply::json(200, Value::Object(answer)))
    }

    /// One package's answer; its errors are in it, with HTTP 200.
    fn package(&self, package: Package, number: &Number, asked: &Asked, now: OffsetDateTime) -> Value {
        if let Some(code) = self.lookup.errors.get(&package) {
            return package.failed(*code);
        }
        let known = self.lookup.known(&number.e164);
        let ours = self.numbers.iter().any(|owned| owned.phone_number == number.e164);
        match package {
            Package::LineTypeIntelligence => {
                if number.country == "CA" && !self.lookup.canada_authorised {
                    return package.failed(packages::NOT_AUTHORISED_IN_CANADA);
                }
                packages::line_type(&known, number, ours)
            }
            Package::SmsPumpingRisk => packages::sms_pumping_risk(&known, number, self.lookup.blind, now),
            Package::LineStatus => packages::line_status(&known),
            Package::CallerName => packages::caller_name(&known, number),
            Package::IdentityMatch => identity::identity_match(&known, number, &asked.parameters),
            Package::SimSwap
            | Package::CallForwarding
            | Package::ReassignedNumber
            | Package::PhoneNumberQualityScore
            | Package::PreFill => package.failed(packages::NOT_ENABLED),
        }
    }
}
