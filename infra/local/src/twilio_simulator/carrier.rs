//! Everything the simulator remembers, and how it answers one request.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde::Serialize;
use time::OffsetDateTime;

use super::Settings;
use super::accounts::{Account, Status};
use super::clock::{Clock, Moment};
use super::credentials::{Caller, Presented};
use super::faults::{Delivery, Fault, FaultQueue, RepeatCreate};
use super::incoming_numbers::OwnedNumber;
use super::lookup::Lookup;
use super::operations::{Operation, OperationName};
use super::parameters::Parameters;
use super::replies::{Reply, TwilioError};
use super::request::Asked;
use super::verify::Verify;

/// The state of the simulator.
pub(super) struct Carrier {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    /// The account, then its sub-accounts in the order they were opened.
    pub(super) accounts: Vec<Account>,
    /// Numbers that the account and its sub-accounts own, oldest first.
    pub(super) numbers: Vec<OwnedNumber>,
    /// Numbers that other customers of Twilio own.
    pub(super) taken_by_others: BTreeSet<String>,
    /// How often each number was bought: an update of an own number is no purchase.
    pub(super) charges: BTreeMap<String, u32>,
    /// Every purchase request that had the right credentials, in the order they arrived.
    pub(super) creates: Vec<CreateSeen>,
    /// Numbers that were given back, in that order.
    pub(super) released: Vec<String>,
    pub(super) faults: FaultQueue,
    pub(super) list_lag_ms: u64,
    pub(super) repeat_create: RepeatCreate,
    /// What Lookup knows.
    pub(super) lookup: Lookup,
    /// What Verify remembers.
    pub(super) verify: Verify,
    /// Requests that were not answered and take effect later.
    late: Vec<Late>,
}

/// A request that takes effect later.
struct Late {
    due: Moment,
    caller: Caller,
    operation: Operation,
    asked: Asked,
}

/// A purchase request as it arrived.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CreateSeen {
    pub(super) account_sid: String,
    pub(super) phone_number: Option<String>,
    pub(super) area_code: Option<String>,
    pub(super) friendly_name: Option<String>,
}

impl Carrier {
    /// Nobody owns anything yet.
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            clock: Clock::new(settings.clock_scale),
            accounts: vec![Account::main(&settings)],
            verify: Verify::new(&settings),
            lookup: Lookup::default(),
            settings,
            numbers: Vec::new(),
            taken_by_others: BTreeSet::new(),
            charges: BTreeMap::new(),
            creates: Vec::new(),
            released: Vec::new(),
            faults: FaultQueue::default(),
            list_lag_ms: 0,
            repeat_create: RepeatCreate::default(),
            late: Vec::new(),
        }
    }

    /// Back to the beginning.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.settings.clone());
    }

    /// Answers a request of Twilio's API, or lets it go wrong as ordered.
    pub(super) fn answer(&mut self, method: &Method, presented: Option<Presented>, asked: &Asked) -> Delivery {
        self.settle();
        let parameters = &asked.parameters;
        let permitted = self.caller(presented).and_then(|caller| {
            let operation = Operation::parse(method, &asked.path)?;
            self.permit(&caller, &operation)?;
            Ok((caller, operation))
        });
        let (caller, operation) = match permitted {
            Ok(permitted) => permitted,
            Err(error) => return Delivery::Whole(error.into()),
        };
        if let Operation::CreateNumber { account, .. } = &operation {
            self.creates.push(CreateSeen {
                account_sid: account.clone(),
                phone_number: parameters.get("PhoneNumber").map(str::to_owned),
                area_code: parameters.get("AreaCode").map(str::to_owned),
                friendly_name: parameters.get("FriendlyName").map(str::to_owned),
            });
        }
        match self.faults.take(operation.name(), self.number_in(&operation, parameters).as_deref()) {
            None => Delivery::Whole(self.carry_out(&caller, operation, asked)),
            Some(Fault::CommitThenTimeout { then }) => {
                self.carry_out(&caller, operation, asked);
                Delivery::Nothing(then)
            }
            Some(Fault::TimeoutWithoutCommit { then }) => Delivery::Nothing(then),
            Some(Fault::LateLanding { ms, then }) => {
                let due = self.clock.in_ms(ms);
                self.late.push(Late { due, caller, operation, asked: asked.clone() });
                Delivery::Nothing(then)
            }
            Some(Fault::ErrorAfterCommit { status, code }) => {
                self.carry_out(&caller, operation, asked);
                Delivery::Whole(ordered_error(status, code, None).into())
            }
            Some(Fault::Status { status, code, message, retry_after_s }) => {
                Delivery::Whole(Reply::from(ordered_error(status, code, message)).with_retry_after(retry_after_s))
            }
            Some(Fault::TruncatedBody) => Delivery::Truncated(self.carry_out(&caller, operation, asked)),
            Some(Fault::Altered { field, value }) => {
                Delivery::Whole(self.carry_out(&caller, operation, asked).with_field(&field, value))
            }
            Some(Fault::NotJson { status }) => {
                self.carry_out(&caller, operation, asked);
                Delivery::Html { status }
            }
        }
    }

    /// Lets the requests take effect whose time has come, in the order of their times.
    pub(super) fn settle(&mut self) {
        let now = self.clock.now();
        let (mut due, waiting): (Vec<Late>, Vec<Late>) =
            std::mem::take(&mut self.late).into_iter().partition(|late| late.due <= now);
        self.late = waiting;
        due.sort_by_key(|late| late.due);
        for late in due {
            // Nobody waits for the answer any more.
            self.carry_out(&late.caller, late.operation, &late.asked);
        }
    }

    /// How many requests have not taken effect yet.
    pub(super) fn late_count(&self) -> usize {
        self.late.len()
    }

    /// The account with this SID.
    pub(super) fn account(&self, sid: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.sid == sid)
    }

    /// Whose credentials these are.
    fn caller(&self, presented: Option<Presented>) -> Result<Caller, TwilioError> {
        let presented = presented.ok_or_else(TwilioError::unauthenticated)?;
        if presented.name == self.settings.api_key_sid && presented.secret == self.settings.api_key_secret {
            return Ok(Caller::ApiKey);
        }
        match self.account(&presented.name) {
            Some(account) if account.auth_token == presented.secret => {
                Ok(if account.sid == self.settings.account_sid {
                    Caller::Account
                } else {
                    Caller::SubAccount(account.sid.clone())
                })
            }
            Some(_) | None => Err(TwilioError::unauthenticated()),
        }
    }

    /// May this caller do that, and can that account have it done?
    fn permit(&self, caller: &Caller, operation: &Operation) -> Result<(), TwilioError> {
        let name = operation.name();
        let own = match caller {
            Caller::Account | Caller::ApiKey => true,
            Caller::SubAccount(sid) => operation.is_the_callers() || operation.account() == Some(sid),
        };
        if !own {
            return Err(TwilioError::unauthenticated());
        }
        let (about_accounts, reads) = match name {
            OperationName::ReadAccounts => (true, true),
            OperationName::CreateAccount | OperationName::UpdateAccount => (true, false),
            OperationName::ListNumbers
            | OperationName::FetchNumber
            | OperationName::SearchNumbers
            | OperationName::ReadBalance
            | OperationName::FetchVerification
            | OperationName::ReadAttempts => (false, true),
            OperationName::CreateNumber
            | OperationName::UpdateNumber
            | OperationName::ReleaseNumber
            | OperationName::Lookup
            | OperationName::StartVerification
            | OperationName::CheckVerification
            | OperationName::UpdateVerification
            | OperationName::ManageVerify
            | OperationName::Any => (false, false),
        };
        if *caller == Caller::ApiKey {
            // Twilio answers a restricted key at the accounts as if it did not know the key (help article "Error
            // 20003 when using restricted API keys").
            if about_accounts {
                return Err(TwilioError::unauthenticated());
            }
            if !name.is_the_restricted_keys() {
                return Err(TwilioError::forbidden());
            }
        }
        let own = operation.is_the_callers().then(|| self.account_of(caller));
        let Some(sid) = own.or(operation.account()) else { return Ok(()) };
        let account =
            self.account(sid).ok_or_else(|| TwilioError::not_found(&format!("/2010-04-01/Accounts/{sid}")))?;
        match account.status {
            Status::Active => Ok(()),
            Status::Suspended | Status::Closed if about_accounts || reads => Ok(()),
            Status::Suspended | Status::Closed => Err(TwilioError::account_not_active()),
        }
    }

    /// The account whose Verify services and charges a caller uses.
    fn account_of<'a>(&'a self, caller: &'a Caller) -> &'a str {
        match caller {
            Caller::Account | Caller::ApiKey => &self.settings.account_sid,
            Caller::SubAccount(sid) => sid,
        }
    }

    /// The number a request is about.
    fn number_in(&self, operation: &Operation, parameters: &Parameters) -> Option<String> {
        match operation {
            Operation::CreateNumber { .. } | Operation::ListNumbers { .. } => {
                parameters.get("PhoneNumber").map(str::to_owned)
            }
            Operation::FetchNumber { number, .. }
            | Operation::UpdateNumber { number, .. }
            | Operation::ReleaseNumber { number, .. } => {
                self.numbers.iter().find(|owned| owned.sid == *number).map(|owned| owned.phone_number.clone())
            }
            Operation::Lookup { number } => Some(number.clone()),
            Operation::Verify(operation) => self.verify.number_in(operation, parameters),
            Operation::ListAccounts
            | Operation::CreateAccount
            | Operation::FetchAccount { .. }
            | Operation::UpdateAccount { .. }
            | Operation::ReadBalance { .. }
            | Operation::ListCountries { .. }
            | Operation::FetchCountry { .. }
            | Operation::SearchNumbers { .. } => None,
        }
    }

    /// Does what is asked.
    fn carry_out(&mut self, caller: &Caller, operation: Operation, asked: &Asked) -> Reply {
        let now = OffsetDateTime::now_utc();
        let (uri, parameters) = (asked.uri.as_str(), &asked.parameters);
        let answered = match operation {
            Operation::ListAccounts => self.list_accounts(parameters),
            Operation::CreateAccount => self.create_account(parameters, now),
            Operation::FetchAccount { account } => self.fetch_account(&account),
            Operation::UpdateAccount { account } => self.update_account(&account, parameters, now),
            Operation::ReadBalance { account } => Ok(self.balance(&account)),
            Operation::ListCountries { account } => Ok(super::available_numbers::countries(&account)),
            Operation::FetchCountry { account, country } => super::available_numbers::country(&account, &country),
            Operation::SearchNumbers { account, country, kind } => self.search(&account, &country, kind, parameters),
            Operation::ListNumbers { account, kind } => self.list_numbers(&account, kind, parameters),
            Operation::CreateNumber { account, kind } => self.create_number(&account, kind, parameters, now),
            Operation::FetchNumber { account, number } => self.fetch_number(&account, &number, uri),
            Operation::UpdateNumber { account, number } => {
                self.update_number(caller, &account, &number, uri, parameters, now)
            }
            Operation::ReleaseNumber { account, number } => self.release_number(&account, &number, uri),
            Operation::Lookup { number } => self.look_up(&number, asked, now),
            Operation::Verify(operation) => {
                let account = self.account_of(caller).to_owned();
                self.verify(&account, &operation, asked, now)
            }
        };
        answered.unwrap_or_else(Reply::from)
    }
}

/// The error that was ordered.
fn ordered_error(status: u16, code: u32, message: Option<String>) -> TwilioError {
    TwilioError::new(status, code, message.unwrap_or_else(|| format!("Error {code}, as ordered from the simulator")))
}
