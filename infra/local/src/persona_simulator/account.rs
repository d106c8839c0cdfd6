//! Accounts: whom inquiries belong to. Rules: docs.withpersona.com/accounts and the reference pages of the single calls.

use serde_json::{Map, Value, json};

use super::clock::Moment;
use super::errors::ApiError;
use super::event::Snapshot;
use super::ids;
use super::world::World;

/// The one type of accounts that the simulator knows.
const ACCOUNT_TYPE: &str = "acttp_SimulatedUserAccountType01";

/// An account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// `act_…`
    pub(super) id: String,
    /// What its owner calls it. Unique without regard to case.
    pub(super) reference_id: Option<String>,
    pub(super) created_at: Moment,
    pub(super) updated_at: Moment,
    /// When its personal data was deleted, if it was.
    pub(super) redacted_at: Option<Moment>,
    /// The account that it was merged into, if it was.
    pub(super) merged_into: Option<String>,
    pub(super) tags: Vec<String>,
    /// As they were sent: their names are the account type's own.
    pub(super) fields: Map<String, Value>,
}

/// A request for an account, checked.
#[derive(Clone, Debug)]
pub(super) struct NewAccount {
    pub(super) reference_id: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) fields: Map<String, Value>,
}

impl Account {
    /// The resource in kebab-case. An account has no status that says "verified": `account-status` is the owner's own.
    pub(super) fn resource(&self) -> Value {
        let status = if self.merged_into.is_some() { "Archived" } else { "Default" };
        json!({
            "type": "account",
            "id": self.id,
            "attributes": {
                "reference-id": self.reference_id,
                "account-type-name": "User",
                "account-status": status,
                "created-at": self.created_at.seconds_text(),
                "updated-at": self.updated_at.seconds_text(),
                "redacted-at": self.redacted_at.map(Moment::seconds_text),
                "tags": self.tags,
                "fields": self.fields,
            },
            "relationships": {"account-type": {"data": {"type": "account-type", "id": ACCOUNT_TYPE}}}
        })
    }

    /// Deletes what is personal. The reference id stays: Persona does not take it for personal.
    pub(super) fn redact(&mut self, now: Moment) {
        self.redacted_at = Some(now);
        self.updated_at = now;
        self.fields.clear();
    }
}

impl World {
    /// Every account, newest first.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.records.accounts.iter().rev()
    }

    /// The account of that id.
    pub(super) fn account(&self, id: &str) -> Result<&Account, ApiError> {
        self.account_index(id).map(|index| &self.records.accounts[index])
    }

    /// Makes an account; 409 if one has its reference id.
    pub(super) fn create_account(&mut self, new: NewAccount) -> Result<&Account, ApiError> {
        if let Some(reference_id) = &new.reference_id
            && self.accounts().any(|account| account.is_called(reference_id))
        {
            return Err(ApiError::not_unique());
        }
        let id = self.add_account(new).id;
        self.account(&id)
    }

    /// The account of that reference id, made if there is none.
    pub(super) fn account_of(&mut self, reference_id: String) -> Account {
        let found = self.accounts().find(|account| account.is_called(&reference_id)).cloned();
        found.unwrap_or_else(|| self.add_account(NewAccount::called(Some(reference_id))))
    }

    /// A new account, with the event that tells of it.
    pub(super) fn add_account(&mut self, new: NewAccount) -> Account {
        let now = self.clock.now();
        let account = Account {
            id: ids::new_id("act"),
            reference_id: new.reference_id,
            created_at: now,
            updated_at: now,
            redacted_at: None,
            merged_into: None,
            tags: new.tags,
            fields: new.fields,
        };
        self.records.accounts.push(account.clone());
        self.emit("account.created", Snapshot::Account(Box::new(account.clone())));
        account
    }

    /// Merges accounts into another one: their inquiries move, their attributes do not, and they end. Each can be merged
    /// once (reference page "Consolidate into an Account"). Persona works on it after its answer; here it is done at once.
    pub(super) fn consolidate(&mut self, into: &str, sources: &[String]) -> Result<(), ApiError> {
        let destination = self.account_index(into)?;
        let mut indexes = Vec::with_capacity(sources.len());
        for source in sources {
            let index = self.account_index(source)?;
            if index == destination || self.records.accounts[index].merged_into.is_some() {
                return Err(ApiError::unprocessable(format!("Account {source} cannot be consolidated")));
            }
            indexes.push(index);
        }
        let now = self.clock.now();
        for index in indexes {
            let source = &mut self.records.accounts[index];
            source.merged_into = Some(into.to_owned());
            source.updated_at = now;
            let source_id = source.id.clone();
            for inquiry in
                self.records.inquiries.iter_mut().filter(|inquiry| inquiry.account_id.as_ref() == Some(&source_id))
            {
                inquiry.account_id = Some(into.to_owned());
            }
            self.emit_account("account.consolidated-with", index);
            self.emit_account("account.archived", index);
        }
        self.emit_account("account.consolidated", destination);
        Ok(())
    }

    /// Deletes an account's personal data and that of all its inquiries. A second time changes nothing.
    pub(super) fn redact_account(&mut self, id: &str) -> Result<(), ApiError> {
        let now = self.clock.now();
        let index = self.account_index(id)?;
        if self.records.accounts[index].redacted_at.is_some() {
            return Ok(());
        }
        self.records.accounts[index].redact(now);
        let owned = self.inquiries().filter(|inquiry| inquiry.account_id.as_deref() == Some(id));
        for inquiry in owned.map(|inquiry| inquiry.id.clone()).collect::<Vec<_>>() {
            self.redact(&inquiry)?;
        }
        self.emit_account("account.redacted", index);
        Ok(())
    }

    fn account_index(&self, id: &str) -> Result<usize, ApiError> {
        let found = self.records.accounts.iter().position(|account| account.id == id);
        found.ok_or_else(|| ApiError::not_found("The account does not exist."))
    }

    fn emit_account(&mut self, name: &'static str, index: usize) {
        let snapshot = Snapshot::Account(Box::new(self.records.accounts[index].clone()));
        self.emit(name, snapshot);
    }
}

impl NewAccount {
    /// An account with nothing but a reference id, if that.
    pub(super) fn called(reference_id: Option<String>) -> Self {
        Self { reference_id, tags: Vec::new(), fields: Map::new() }
    }
}

impl Account {
    /// Whether this is its reference id. Persona compares them without case; a merged account has given its own up.
    pub(super) fn is_called(&self, reference_id: &str) -> bool {
        let own = self.reference_id.as_ref().filter(|_| self.merged_into.is_none());
        own.is_some_and(|own| own.to_lowercase() == reference_id.to_lowercase())
    }
}
