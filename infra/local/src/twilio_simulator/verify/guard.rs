//! What Verify refuses to send: Geo Permissions, Fraud Guard, and channels that are not set up.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::super::calling_codes;
use super::super::clock::Moment;
use super::super::replies::TwilioError;
use super::verifications::Channel;

/// How long Fraud Guard blocks a prefix, in seconds: 12 hours, renewed while the fraud goes on (error 60410).
const FRAUD_GUARD_S: u64 = 12 * 3600;

/// The body of `POST /simulator/verify`; what is left out stays as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Orders {
    /// Countries that get nothing, by their two letters.
    geo_blocked: Option<BTreeSet<String>>,
    /// Prefixes that get no SMS, in addition.
    #[serde(default)]
    fraud_guard: Vec<Block>,
    /// Channels that are disabled.
    disabled_channels: Option<BTreeSet<Channel>>,
    /// Can e-mail be sent? No, unless a mailer is set up.
    mailer: Option<bool>,
    /// How much later than it was sent an attempt is listed.
    attempts_lag_ms: Option<u64>,
}

/// A prefix that Fraud Guard blocks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    prefix: String,
    /// For how long, in seconds.
    #[serde(default = "fraud_guard_s")]
    for_s: u64,
}

const fn fraud_guard_s() -> u64 {
    FRAUD_GUARD_S
}

/// What is refused.
#[derive(Debug, Default)]
pub(super) struct Guard {
    pub(super) attempts_lag_ms: u64,
    geo_blocked: BTreeSet<String>,
    fraud_guard: Vec<(String, Moment)>,
    disabled_channels: BTreeSet<Channel>,
    mailer: bool,
}

impl Guard {
    /// Takes orders; `in_s` gives the moment that many seconds from now.
    pub(super) fn order(&mut self, orders: Orders, in_s: impl Fn(u64) -> Moment) {
        if let Some(countries) = orders.geo_blocked {
            self.geo_blocked = countries;
        }
        if let Some(channels) = orders.disabled_channels {
            self.disabled_channels = channels;
        }
        self.fraud_guard.extend(orders.fraud_guard.into_iter().map(|block| (block.prefix, in_s(block.for_s))));
        self.mailer = orders.mailer.unwrap_or(self.mailer);
        self.attempts_lag_ms = orders.attempts_lag_ms.unwrap_or(self.attempts_lag_ms);
    }

    /// Can this channel be used at all?
    pub(super) fn channel(&self, channel: Channel) -> Result<(), TwilioError> {
        if self.disabled_channels.contains(&channel) {
            let message = format!("Delivery channel disabled: {}", channel.name().to_uppercase());
            return Err(TwilioError::new(400, 60223, message));
        }
        match channel {
            Channel::Email if !self.mailer => {
                Err(TwilioError::new(400, 60217, "A Mailer must be associated with the service"))
            }
            // Silent network authentication needs what carriers set up (error 60001).
            Channel::Sna => Err(TwilioError::new(400, 60001, "Downstream Authentication Failed")),
            Channel::Sms | Channel::Call | Channel::Whatsapp | Channel::Email => Ok(()),
        }
    }

    /// May this number be sent to? The words are those of Twilio's page on Geo Permissions and of error 60410.
    pub(super) fn destination(&self, to: &str, channel: Channel, now: Moment) -> Result<(), TwilioError> {
        if let Some((_, country)) = calling_codes::of(to).filter(|(_, country)| self.geo_blocked.contains(*country)) {
            let message = format!(
                "The destination phone number has been blocked by Verify Geo-Permissions. {country} is blocked for {} \
                 channel for all services",
                channel.name()
            );
            return Err(TwilioError::new(403, 60605, message));
        }
        let blocked = |(prefix, until): &(String, Moment)| to.starts_with(prefix) && now < *until;
        if channel == Channel::Sms && self.fraud_guard.iter().any(blocked) {
            let message =
                "The destination phone number has been temporarily blocked by Twilio due to fraudulent activities";
            return Err(TwilioError::new(403, 60410, message));
        }
        Ok(())
    }
}
