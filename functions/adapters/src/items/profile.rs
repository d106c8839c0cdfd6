//! What is stored about a sub-account.

use domain::{AccountSid, AgencyId, CountryCode, Instant, OPEN_PURCHASES_MAX_DEFAULT, Owner, SubAccountId};

use super::purchase::place;
use super::{AGENCY, Fields, VERSION, copied, keys, s, unreadable};
use crate::store::{Item, StoreError, Value};

/// What is stored about a sub-account. One that has no profile belongs to no agency, buys in the default account and has
/// the default limits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The agency whose verification covers it too.
    pub agency: Option<AgencyId>,
    /// Its account at the carrier.
    pub account: Option<AccountSid>,
    /// Purchases that may wait at the same time, where it is not the default.
    pub open_purchases_max: Option<u32>,
    /// The countries whose phones it verifies, besides the platform's home countries.
    pub countries: Vec<CountryCode>,
}

/// A profile as the table keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredProfile {
    /// The profile.
    pub profile: Profile,
    /// Raised by each change; 0 when the table has none yet.
    pub version: i64,
}

impl Profile {
    /// Whose verification covers the sub-account: its own first, then its agency's.
    #[must_use]
    pub fn owners(&self, sub_account: &SubAccountId) -> Vec<Owner> {
        let own = Owner::SubAccount(sub_account.clone());
        std::iter::once(own).chain(self.agency.clone().map(Owner::Agency)).collect()
    }

    /// Purchases that may wait at the same time.
    #[must_use]
    pub fn open_purchases_max(&self) -> u32 {
        self.open_purchases_max.unwrap_or(OPEN_PURCHASES_MAX_DEFAULT)
    }
}

impl StoredProfile {
    /// # Errors
    /// [`StoreError::Broken`] when an attribute cannot be read.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let fields = Fields(item);
        let open_purchases_max = fields
            .optional_number("open_purchases_max")?
            .map(|number| u32::try_from(number).map_err(|_| unreadable("open_purchases_max")))
            .transpose()?;
        let countries = match item.get("countries") {
            None => &[],
            Some(_) => fields.list("countries")?,
        };
        let countries = countries.iter().map(|country| match country {
            Value::S(code) => CountryCode::new(code).ok_or_else(|| unreadable("countries")),
            Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_) => Err(unreadable("countries")),
        });
        let profile = Profile {
            agency: fields.optional_parsed(AGENCY, AgencyId::parse)?,
            account: fields.optional_parsed("account", AccountSid::parse)?,
            open_purchases_max,
            countries: countries.collect::<Result<_, _>>()?,
        };
        Ok(Self { profile, version: fields.number(VERSION)? })
    }

    /// The profile's item; due at `due_at`, until its change has reached all that waits.
    #[must_use]
    pub fn to_item(&self, sub_account: &SubAccountId, due_at: Option<Instant>) -> Item {
        let Profile { agency, account, open_purchases_max, countries } = &self.profile;
        let mut item = Item::from([(VERSION, Value::N(self.version))]);
        if let Some(agency) = agency {
            item.insert(AGENCY, copied(agency.as_str()));
        }
        if let Some(account) = account {
            item.insert("account", copied(account.as_str()));
        }
        if let Some(number) = open_purchases_max {
            item.insert("open_purchases_max", Value::N((*number).into()));
        }
        if !countries.is_empty() {
            let countries = countries.iter().map(|country| s(country.to_string())).collect();
            item.insert("countries", Value::List(countries));
        }
        place(&mut item, keys::profile(sub_account), due_at);
        item
    }
}
