//! Verify v2: sending and comparing passcodes (`twilio_verify_v2`; <https://www.twilio.com/docs/verify/api>).
//!
//! Services belong to the account whose credentials are used. What is known of live behaviour that no page of Twilio's
//! says (which verifications can be fetched, what the sixth wrong code gets) is from a live test of 2026-03-25 by one of
//! its customers.

mod attempts;
mod checks;
mod guard;
mod rate_limits;
mod safe_list;
mod services;
mod verifications;

use serde_json::{Value, json};
use time::OffsetDateTime;

use self::attempts::Attempt;
use self::guard::Guard;
pub(super) use self::guard::Orders;
use self::rate_limits::{Polls, RateLimit};
use self::safe_list::SafeNumber;
use self::services::Service;
use self::verifications::Verification;
use super::Settings;
use super::carrier::Carrier;
use super::operations::OperationName;
use super::parameters::Parameters;
use super::replies::{Reply, TwilioError};
use super::request::Asked;

/// A request to Verify, with the SIDs from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VerifyOperation {
    ListServices,
    CreateService,
    FetchService { service: String },
    UpdateService { service: String },
    DeleteService { service: String },
    Start { service: String },
    Fetch { service: String, verification: String },
    Update { service: String, verification: String },
    Check { service: String },
    ListRateLimits { service: String },
    CreateRateLimit { service: String },
    FetchRateLimit { service: String, limit: String },
    UpdateRateLimit { service: String, limit: String },
    DeleteRateLimit { service: String, limit: String },
    ListBuckets { service: String, limit: String },
    CreateBucket { service: String, limit: String },
    FetchBucket { service: String, limit: String, bucket: String },
    UpdateBucket { service: String, limit: String, bucket: String },
    DeleteBucket { service: String, limit: String, bucket: String },
    AddSafeNumber,
    FetchSafeNumber { number: String },
    DeleteSafeNumber { number: String },
    ListAttempts,
    FetchAttempt { attempt: String },
    Summary,
}

impl VerifyOperation {
    /// Reads a method and the parts of a path behind `/v2/`.
    pub(super) fn find(method: &str, segments: &[&str]) -> Option<Self> {
        let own = |text: &str| text.to_owned();
        Some(match (method, segments) {
            ("GET", ["Services"]) => Self::ListServices,
            ("POST", ["Services"]) => Self::CreateService,
            ("GET", ["Services", service]) => Self::FetchService { service: own(service) },
            ("POST", ["Services", service]) => Self::UpdateService { service: own(service) },
            ("DELETE", ["Services", service]) => Self::DeleteService { service: own(service) },
            ("POST", ["Services", service, "Verifications"]) => Self::Start { service: own(service) },
            ("GET", ["Services", service, "Verifications", verification]) => {
                Self::Fetch { service: own(service), verification: own(verification) }
            }
            ("POST", ["Services", service, "Verifications", verification]) => {
                Self::Update { service: own(service), verification: own(verification) }
            }
            ("POST", ["Services", service, "VerificationCheck"]) => Self::Check { service: own(service) },
            ("GET", ["Services", service, "RateLimits"]) => Self::ListRateLimits { service: own(service) },
            ("POST", ["Services", service, "RateLimits"]) => Self::CreateRateLimit { service: own(service) },
            ("GET", ["Services", service, "RateLimits", limit]) => {
                Self::FetchRateLimit { service: own(service), limit: own(limit) }
            }
            ("POST", ["Services", service, "RateLimits", limit]) => {
                Self::UpdateRateLimit { service: own(service), limit: own(limit) }
            }
            ("DELETE", ["Services", service, "RateLimits", limit]) => {
                Self::DeleteRateLimit { service: own(service), limit: own(limit) }
            }
            ("GET", ["Services", service, "RateLimits", limit, "Buckets"]) => {
                Self::ListBuckets { service: own(service), limit: own(limit) }
            }
            ("POST", ["Services", service, "RateLimits", limit, "Buckets"]) => {
                Self::CreateBucket { service: own(service), limit: own(limit) }
            }
            ("GET", ["Services", service, "RateLimits", limit, "Buckets", bucket]) => {
                Self::FetchBucket { service: own(service), limit: own(limit), bucket: own(bucket) }
            }
            ("POST", ["Services", service, "RateLimits", limit, "Buckets", bucket]) => {
                Self::UpdateBucket { service: own(service), limit: own(limit), bucket: own(bucket) }
            }
            ("DELETE", ["Services", service, "RateLimits", limit, "Buckets", bucket]) => {
                Self::DeleteBucket { service: own(service), limit: own(limit), bucket: own(bucket) }
            }
            ("POST", ["SafeList", "Numbers"]) => Self::AddSafeNumber,
            ("GET", ["SafeList", "Numbers", number]) => Self::FetchSafeNumber { number: own(number) },
            ("DELETE", ["SafeList", "Numbers", number]) => Self::DeleteSafeNumber { number: own(number) },
            ("GET", ["Attempts"]) => Self::ListAttempts,
            ("GET", ["Attempts", "Summary"]) => Self::Summary,
            ("GET", ["Attempts", attempt]) => Self::FetchAttempt { attempt: own(attempt) },
            _ => return None,
        })
    }

    /// The name by which a fault finds it.
    pub(super) fn name(&self) -> OperationName {
        match self {
            Self::Start { .. } => OperationName::StartVerification,
            Self::Check { .. } => OperationName::CheckVerification,
            Self::Fetch { .. } => OperationName::FetchVerification,
            Self::Update { .. } => OperationName::UpdateVerification,
            Self::ListAttempts | Self::FetchAttempt { .. } | Self::Summary => OperationName::ReadAttempts,
            Self::ListServices
            | Self::CreateService
            | Self::FetchService { .. }
            | Self::UpdateService { .. }
            | Self::DeleteService { .. }
            | Self::ListRateLimits { .. }
            | Self::CreateRateLimit { .. }
            | Self::FetchRateLimit { .. }
            | Self::UpdateRateLimit { .. }
            | Self::DeleteRateLimit { .. }
            | Self::ListBuckets { .. }
            | Self::CreateBucket { .. }
            | Self::FetchBucket { .. }
            | Self::UpdateBucket { .. }
            | Self::DeleteBucket { .. }
            | Self::AddSafeNumber
            | Self::FetchSafeNumber { .. }
            | Self::DeleteSafeNumber { .. } => OperationName::ManageVerify,
        }
    }

    /// The service in its path.
    fn service(&self) -> Option<&str> {
        match self {
            Self::FetchService { service }
            | Self::UpdateService { service }
            | Self::DeleteService { service }
            | Self::Start { service }
            | Self::Fetch { service, .. }
            | Self::Update { service, .. }
            | Self::Check { service }
            | Self::ListRateLimits { service }
            | Self::CreateRateLimit { service }
            | Self::FetchRateLimit { service, .. }
            | Self::UpdateRateLimit { service, .. }
            | Self::DeleteRateLimit { service, .. }
            | Self::ListBuckets { service, .. }
            | Self::CreateBucket { service, .. }
            | Self::FetchBucket { service, .. }
            | Self::UpdateBucket { service, .. }
            | Self::DeleteBucket { service, .. } => Some(service),
            Self::ListServices
            | Self::CreateService
            | Self::AddSafeNumber
            | Self::FetchSafeNumber { .. }
            | Self::DeleteSafeNumber { .. }
            | Self::ListAttempts
            | Self::FetchAttempt { .. }
            | Self::Summary => None,
        }
    }
}

/// What Verify remembers.
#[derive(Debug)]
pub(super) struct Verify {
    services: Vec<Service>,
    /// Oldest first. What is over stays, so that it can be told apart from what never was.
    verifications: Vec<Verification>,
    /// Everything that was sent, oldest first.
    attempts: Vec<Attempt>,
    rate_limits: Vec<RateLimit>,
    safe_list: Vec<SafeNumber>,
    guard: Guard,
    polls: Polls,
    /// Every start that had the right credentials, in the order they arrived.
    starts: Vec<Value>,
}

impl Verify {
    /// One service, and nothing sent yet.
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            services: vec![Service::first(settings)],
            verifications: Vec::new(),
            attempts: Vec::new(),
            rate_limits: Vec::new(),
            safe_list: Vec::new(),
            guard: Guard::default(),
            polls: Polls::default(),
            starts: Vec::new(),
        }
    }

    /// The phone number that a request is about.
    pub(super) fn number_in(&self, operation: &VerifyOperation, parameters: &Parameters) -> Option<String> {
        let by_sid = |sid: &str| {
            self.verifications.iter().find(|verification| verification.sid == sid).map(|found| found.to.clone())
        };
        match operation {
            VerifyOperation::Start { .. } => parameters.get("To").map(str::to_owned),
            VerifyOperation::Check { .. } => {
                parameters.get("To").map(str::to_owned).or_else(|| by_sid(parameters.get("VerificationSid")?))
            }
            VerifyOperation::Fetch { verification, .. } | VerifyOperation::Update { verification, .. } => {
                by_sid(verification)
            }
            VerifyOperation::FetchSafeNumber { number } | VerifyOperation::DeleteSafeNumber { number } => {
                Some(number.clone())
            }
            VerifyOperation::AddSafeNumber => parameters.get("PhoneNumber").map(str::to_owned),
            VerifyOperation::ListAttempts => parameters.get("ChannelData.To").map(str::to_owned),
            VerifyOperation::ListServices
            | VerifyOperation::CreateService
            | VerifyOperation::FetchService { .. }
            | VerifyOperation::UpdateService { .. }
            | VerifyOperation::DeleteService { .. }
            | VerifyOperation::ListRateLimits { .. }
            | VerifyOperation::CreateRateLimit { .. }
            | VerifyOperation::FetchRateLimit { .. }
            | VerifyOperation::UpdateRateLimit { .. }
            | VerifyOperation::DeleteRateLimit { .. }
            | VerifyOperation::ListBuckets { .. }
            | VerifyOperation::CreateBucket { .. }
            | VerifyOperation::FetchBucket { .. }
            | VerifyOperation::UpdateBucket { .. }
            | VerifyOperation::DeleteBucket { .. }
            | VerifyOperation::FetchAttempt { .. }
            | VerifyOperation::Summary => None,
        }
    }
}

impl Carrier {
    /// Does what is asked of Verify.
    pub(super) fn verify(
        &mut self,
        account: &str,
        operation: &VerifyOperation,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Reply, TwilioError> {
        // A service of another account does not exist.
        if let Some(service) = operation.service() {
            let mine = |candidate: &Service| candidate.sid == service && candidate.account_sid == account;
            if !self.verify.services.iter().any(mine) {
                return Err(TwilioError::not_found(&resource(&asked.path)));
            }
        }
        match operation {
            VerifyOperation::ListServices => self.list_services(account, asked),
            VerifyOperation::CreateService => self.create_service(account, asked, now),
            VerifyOperation::FetchService { service } => self.fetch_service(service, asked),
            VerifyOperation::UpdateService { service } => self.update_service(service, asked, now),
            VerifyOperation::DeleteService { service } => {
                self.verify.services.retain(|kept| kept.sid != *service);
                Ok(Reply::empty(204))
            }
            VerifyOperation::Start { service } => self.start(service, asked, now),
            VerifyOperation::Fetch { service, verification } => self.fetch_verification(service, verification, asked),
            VerifyOperation::Update { service, verification } => {
                self.update_verification(service, verification, asked, now)
            }
            VerifyOperation::Check { service } => self.check(service, asked, now),
            VerifyOperation::ListRateLimits { service } => self.list_rate_limits(service, asked),
            VerifyOperation::CreateRateLimit { service } => self.create_rate_limit(account, service, asked, now),
            VerifyOperation::FetchRateLimit { limit, .. } => self.fetch_rate_limit(limit, asked),
            VerifyOperation::UpdateRateLimit { limit, .. } => self.update_rate_limit(limit, asked, now),
            VerifyOperation::DeleteRateLimit { limit, .. } => self.delete_rate_limit(limit, asked),
            VerifyOperation::ListBuckets { limit, .. } => self.list_buckets(limit, asked),
            VerifyOperation::CreateBucket { limit, .. } => self.create_bucket(limit, asked, now),
            VerifyOperation::FetchBucket { limit, bucket, .. } => self.fetch_bucket(limit, bucket, asked),
            VerifyOperation::UpdateBucket { limit, bucket, .. } => self.update_bucket(limit, bucket, asked, now),
            VerifyOperation::DeleteBucket { limit, bucket, .. } => self.delete_bucket(limit, bucket, asked),
            VerifyOperation::AddSafeNumber => self.add_safe_number(asked),
            VerifyOperation::FetchSafeNumber { number } => self.fetch_safe_number(number, asked),
            VerifyOperation::DeleteSafeNumber { number } => self.delete_safe_number(number, asked),
            VerifyOperation::ListAttempts => self.list_attempts(account, asked),
            VerifyOperation::FetchAttempt { attempt } => self.fetch_attempt(account, attempt, asked),
            VerifyOperation::Summary => self.summary(account, asked),
        }
    }

    /// Takes orders for what Verify refuses.
    pub(super) fn order_verify(&mut self, orders: Orders) {
        let clock = &self.clock;
        self.verify.guard.order(orders, |wait_s| clock.in_ms(wait_s.saturating_mul(1000)));
    }

    /// What a test may want to know of Verify, the codes among it.
    pub(super) fn verify_state(&self) -> Value {
        let verifications: Vec<Value> = self
            .verify
            .verifications
            .iter()
            .map(|verification| verification.shown_to_tests(self.clock.now()))
            .collect();
        json!({ "verifications": verifications, "starts": self.verify.starts, "sent": self.verify.attempts.len() })
    }
}

/// A resource as errors of version 2 name it.
fn resource(path: &str) -> String {
    path.strip_prefix("/v2").unwrap_or(path).to_owned()
}
