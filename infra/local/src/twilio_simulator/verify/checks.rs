//! Comparing a code.

use serde_json::json;
use time::OffsetDateTime;

use super::super::carrier::Carrier;
use super::super::replies::{Reply, TwilioError, date_v2};
use super::super::request::Asked;
use super::resource;
use super::verifications::Status;

/// How many wrong codes are compared (<https://www.twilio.com/docs/verify/api/rate-limits-and-timeouts>); the next
/// check is error 60202.
const CHECKS_MAX: u32 = 5;

/// How many characters a code may have.
const CODE_LENGTH: std::ops::RangeInclusive<usize> = 4..=10;

impl Carrier {
    /// Compares a code. A wrong one is no error: the verification stays pending, with HTTP 201 as the right one.
    ///
    /// An approved, expired or cancelled verification is not found, as one that never was.
    pub(super) fn check(&mut self, service: &str, asked: &Asked, now: OffsetDateTime) -> Result<Reply, TwilioError> {
        let parameters = &asked.parameters;
        let code = parameters.get("Code").filter(|code| CODE_LENGTH.contains(&code.chars().count()));
        let code = code.ok_or_else(|| TwilioError::invalid_parameter("Code"))?;
        let (to, sid) = (parameters.get("To"), parameters.get("VerificationSid"));
        if to.is_none() && sid.is_none() {
            return Err(TwilioError::invalid_parameter("To"));
        }
        let moment = self.clock.now();
        let verification = self
            .verify
            .verifications
            .iter_mut()
            .rev()
            .find(|candidate| {
                candidate.service_sid == service
                    && to.is_none_or(|to| candidate.to == to)
                    && sid.is_none_or(|sid| candidate.sid == sid)
                    && candidate.is_known(moment)
                    && candidate.status != Status::Canceled
            })
            .ok_or_else(|| TwilioError::not_found(&resource(&asked.path)))?;
        if verification.status == Status::MaxAttemptsReached {
            return Err(TwilioError::new(429, 60202, "Max check attempts reached"));
        }
        let approved = verification.code == code;
        if approved {
            verification.status = Status::Approved;
        } else {
            verification.wrong_checks += 1;
        }
        verification.updated_at = now;
        // The answer to the last wrong code still says pending.
        let reply = Reply::json(
            201,
            json!({
                "account_sid": verification.account_sid,
                "amount": null,
                "channel": verification.channel.name(),
                "date_created": date_v2(verification.created_at),
                "date_updated": date_v2(verification.updated_at),
                "payee": null,
                "service_sid": verification.service_sid,
                "sid": verification.sid,
                "sna_attempts_error_codes": [],
                "status": verification.status,
                "to": verification.to,
                "valid": approved,
            }),
        );
        if verification.wrong_checks >= CHECKS_MAX {
            verification.status = Status::MaxAttemptsReached;
        }
        let sid = verification.sid.clone();
        if approved {
            self.convert(&sid, now);
        }
        Ok(reply)
    }
}
