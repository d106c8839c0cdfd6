//! Accounts and sub-accounts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::Settings;
use super::carrier::Carrier;
use super::pages;
use super::parameters::Parameters;
use super::replies::{Reply, TwilioError, date, sid};
use super::stock;

/// How many sub-accounts an account may have (Twilio's default).
const MAX_SUB_ACCOUNTS: usize = 1000;

/// What the account has before it buys anything, in hundredths of a dollar.
const OPENING_BALANCE_CENTS: u32 = 100_000;

/// What a local number costs at its purchase, in hundredths of a dollar.
const LOCAL_PRICE_CENTS: u32 = 115;

/// What a toll-free number costs at its purchase, in hundredths of a dollar.
const TOLL_FREE_PRICE_CENTS: u32 = 215;

/// Lists of an account, by their names in `subresource_uris` and in paths.
const SUBRESOURCES: [(&str, &str); 3] = [
    ("available_phone_numbers", "AvailablePhoneNumbers"),
    ("incoming_phone_numbers", "IncomingPhoneNumbers"),
    ("balance", "Balance"),
];

/// An account of ours.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) sid: String,
    pub(super) auth_token: String,
    pub(super) status: Status,
    friendly_name: String,
    owner_account_sid: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

/// Whether an account can do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Active,
    /// Keeps its numbers, buys none.
    Suspended,
    /// Has lost its numbers, for good.
    Closed,
}

impl Status {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "suspended" => Some(Self::Suspended),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }
}

impl Account {
    /// The account that the settings name.
    pub(super) fn main(settings: &Settings) -> Self {
        let now = OffsetDateTime::now_utc();
        Self {
            sid: settings.account_sid.clone(),
            auth_token: settings.auth_token.clone(),
            status: Status::Active,
            friendly_name: "Simulated account".to_owned(),
            owner_account_sid: settings.account_sid.clone(),
            created_at: now,
            updated_at: now,
        }
    }

    fn json(&self) -> Value {
        let uri = format!("/2010-04-01/Accounts/{}", self.sid);
        let subresource_uris: Map<String, Value> = SUBRESOURCES
            .iter()
            .map(|(name, path)| ((*name).to_owned(), Value::String(format!("{uri}/{path}.json"))))
            .collect();
        json!({
            "auth_token": self.auth_token,
            "date_created": date(self.created_at),
            "date_updated": date(self.updated_at),
            "friendly_name": self.friendly_name,
            "owner_account_sid": self.owner_account_sid,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": subresource_uris,
            "type": "Full",
            "uri": format!("{uri}.json"),
        })
    }
}

impl Carrier {
    /// The account and its sub-accounts, newest first.
    pub(super) fn list_accounts(&self, parameters: &Parameters) -> Result<Reply, TwilioError> {
        let accounts: Vec<Value> = self
            .accounts
            .iter()
            .rev()
            .filter(|account| parameters.get("FriendlyName").is_none_or(|name| account.friendly_name == name))
            .filter(|account| {
                parameters.get("Status").is_none_or(|status| Status::parse(status) == Some(account.status))
            })
            .map(Account::json)
            .collect();
        pages::page("/2010-04-01/Accounts.json", "accounts", &accounts, parameters)
    }

    /// Opens a sub-account.
    pub(super) fn create_account(
        &mut self,
        parameters: &Parameters,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        if self.accounts.len() > MAX_SUB_ACCOUNTS {
            return Err(TwilioError::new(400, 21480, "Account has reached its maximum number of subaccounts"));
        }
        let friendly_name = parameters.get("FriendlyName").map_or_else(
            // Twilio's default: when it was opened.
            || format!("SubAccount Created at {now}"),
            str::to_owned,
        );
        let account = Account {
            sid: sid("AC"),
            auth_token: sid(""),
            status: Status::Active,
            friendly_name,
            owner_account_sid: self.settings.account_sid.clone(),
            created_at: now,
            updated_at: now,
        };
        let reply = Reply::json(201, account.json());
        self.accounts.push(account);
        Ok(reply)
    }

    /// One account.
    pub(super) fn fetch_account(&self, sid: &str) -> Result<Reply, TwilioError> {
        self.account(sid).map(|account| Reply::json(200, account.json())).ok_or_else(|| TwilioError::not_found(sid))
    }

    /// Changes an account's name or status. A closed sub-account loses its numbers and stays closed.
    pub(super) fn update_account(
        &mut self,
        sid: &str,
        parameters: &Parameters,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        let main = sid == self.settings.account_sid;
        let account =
            self.accounts.iter_mut().find(|account| account.sid == sid).ok_or_else(|| TwilioError::not_found(sid))?;
        let status = match parameters.get("Status") {
            None => account.status,
            Some(_) if main => {
                return Err(TwilioError::new(400, 21477, "Unable to update Status for a parent account"));
            }
            Some(_) if account.status == Status::Closed => {
                return Err(TwilioError::new(400, 21479, "Unable to update Status, the subaccount is closed"));
            }
            Some(text) => Status::parse(text)
                .ok_or_else(|| TwilioError::new(400, 21475, format!("Unable to update Status, {text} is invalid")))?,
        };
        account.status = status;
        if let Some(friendly_name) = parameters.get("FriendlyName") {
            account.friendly_name = friendly_name.to_owned();
        }
        account.updated_at = now;
        let reply = Reply::json(200, account.json());
        if status == Status::Closed {
            let (lost, kept) =
                std::mem::take(&mut self.numbers).into_iter().partition(|owned| owned.account_sid == sid);
            self.numbers = kept;
            self.released
                .extend(lost.into_iter().map(|owned: super::incoming_numbers::OwnedNumber| owned.phone_number));
        }
        Ok(reply)
    }

    /// What is left after the numbers were paid. There is one balance: sub-accounts spend the account's.
    pub(super) fn balance(&self, account: &str) -> Reply {
        let spent_cents: u32 = self
            .charges
            .iter()
            .map(|(number, times)| {
                let price_cents = match stock::offer(number).map(|offer| offer.kind) {
                    Some(stock::NumberKind::TollFree) => TOLL_FREE_PRICE_CENTS,
                    Some(stock::NumberKind::Local | stock::NumberKind::Mobile) | None => LOCAL_PRICE_CENTS,
                };
                price_cents * times
            })
            .sum();
        let left_cents = i64::from(OPENING_BALANCE_CENTS) - i64::from(spent_cents);
        let sign = if left_cents < 0 { "-" } else { "" };
        let left_cents = left_cents.abs();
        Reply::json(
            200,
            json!({
                "account_sid": account,
                "balance": format!("{sign}{}.{:02}", left_cents / 100, left_cents % 100),
                "currency": "USD",
            }),
        )
    }
}
