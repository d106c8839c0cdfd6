//! Transactions that were in conflict with another: DynamoDB cancels one of the two, and the SDK takes that for final.

use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::{Client, Config};
use std::time::Duration;

/// Tries of one call. The numbers of a pool are claimed side by side, and each claim checks the same pool.
const TRIES_MAX: u32 = 6;
/// Pause before the second try, in milliseconds; doubled with each, and spread by the SDK's own jitter.
const FIRST_PAUSE_MS: u64 = 25;

/// Reasons for which a cancelled transaction may stand when it is tried again, as it is ("Error handling with DynamoDB").
/// Nothing of it was written, and the same token may be used.
const PASSING: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// A client that tries a transaction again which was in conflict with another.
pub(crate) fn client(config: &aws_config::SdkConfig) -> Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(TRIES_MAX)
        .with_initial_backoff(Duration::from_millis(FIRST_PAUSE_MS));
    let config = Config::from(config).to_builder().retry_config(retries).retry_classifier(Conflicts).build();
    Client::from_conf(config)
}

/// Whether this is a reason that may pass.
pub(crate) fn is_passing(code: &str) -> bool {
    PASSING.contains(&code)
}

#[derive(Debug)]
struct Conflicts;

impl ClassifyRetry for Conflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err).and_then(|error| error.as_operation_error());
        match error.and_then(|error| error.downcast_ref::<TransactWriteItemsError>()) {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if cancelled.cancellation_reasons().iter().any(|reason| reason.code().is_some_and(is_passing)) =>
            {
                RetryAction::transient_error()
            }
            Some(_) | None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "transaction conflicts"
    }
}
