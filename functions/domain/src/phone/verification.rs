//! One phone verification: from asking for a passcode to its end.

use core::fmt;

use sha2::{Digest, Sha256};

use crate::decision::Decision;
use crate::ids::{IdError, IdempotencyKey, SubAccountId, VerifySid};
use crate::instant::Instant;
use crate::phone_number::PhoneNumber;
use crate::purchase::BodyHash;
use crate::region::CountryCode;

use super::{ATTEMPTS_LAG_MS, PASSCODE_CHECKS_MAX, PASSCODE_LIFE_MS, Refusal, START_LEASE_MS};

/// One phone verification: `phv_` and 32 hexadecimal digits, a function of the sub-account and its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneVerificationId(String);

impl PhoneVerificationId {
    const PREFIX: &str = "phv_";
    const HASH_BYTES: usize = 16;

    /// The id of what `sub_account` asks for under `key`: 128 bits of SHA-256(sub ‖ 0 ‖ key).
    #[must_use]
    pub fn of(sub_account: &SubAccountId, key: &IdempotencyKey) -> Self {
        let hash = Sha256::new().chain_update(sub_account.as_str()).chain_update([0]).chain_update(key.as_str());
        Self(format!("{}{}", Self::PREFIX, data_encoding::HEXLOWER.encode(&hash.finalize()[..Self::HASH_BYTES])))
    }

    /// # Errors
    /// [`IdError::Form`] when the text is not `phv_` and 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(IdError::Form)?;
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() == Self::HASH_BYTES * 2 && digits.bytes().all(hexadecimal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Form)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneVerificationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How a passcode travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A text message.
    Sms,
    /// A call that reads it out.
    Call,
    /// A WhatsApp message.
    Whatsapp,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 3] = [Self::Sms, Self::Call, Self::Whatsapp];
}

/// One phone verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneVerification {
    /// Its id.
    pub id: PhoneVerificationId,
    /// Who asked.
    pub sub_account: SubAccountId,
    /// Of the parsed and default-filled request.
    pub body_hash: BodyHash,
    /// The phone.
    pub number: PhoneNumber,
    /// The phone's country.
    pub country: CountryCode,
    /// How the passcode travels.
    pub channel: Channel,
    /// When it was asked for.
    pub created_at: Instant,
    /// What has become of it.
    pub state: PhoneState,
}

/// What has become of a phone verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneState {
    /// Its units are taken; whether Twilio has sent a passcode is not known yet.
    Starting {
        /// Who began it has this long; then another may go on.
        lease_until: Instant,
    },
    /// A defence refused it. Asked again under the same key after `again_at`, it is screened anew.
    Refused {
        /// Why.
        why: Refusal,
        /// When asking again is worth it.
        again_at: Instant,
    },
    /// A passcode is under way.
    Pending {
        /// The verification at Twilio.
        sid: VerifySid,
        /// When its first message was sent: another one for the same passcode does not make it good for longer.
        sent_at: Instant,
        /// Wrong passcodes so far.
        checks: u32,
    },
    /// The right passcode was entered.
    Approved {
        /// When.
        at: Instant,
    },
    /// Too many wrong passcodes.
    UsedUp {
        /// When.
        at: Instant,
    },
    /// Nobody entered it in time.
    Expired {
        /// When that was noticed.
        at: Instant,
    },
}

/// What happens to a phone verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneEvent {
    /// Somebody goes on with a start whose lease is over, or with a refused one whose time has come.
    Resumed,
    /// Twilio has sent a passcode.
    Sent {
        /// The verification at Twilio.
        sid: VerifySid,
        /// When its first message was sent.
        since: Instant,
    },
    /// A defence refused.
    Refused {
        /// Why.
        why: Refusal,
        /// When asking again is worth it.
        again_at: Instant,
    },
    /// Twilio has checked a passcode.
    Checked(CheckAnswer),
    /// Twilio has forgotten the verification; its list of attempts says what it was.
    Settled {
        /// Whether one of the attempts was converted: somebody had entered the right passcode.
        converted: bool,
    },
}

/// What Twilio answers to a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckAnswer {
    /// The right passcode.
    Right,
    /// A wrong one.
    Wrong,
    /// There were too many (error 60202).
    UsedUp,
}

/// What a check comes to, for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckResult {
    /// The phone is approved.
    Approved,
    /// It was approved before.
    AlreadyApproved,
    /// The passcode is wrong.
    WrongCode,
    /// The passcode is no longer good: ask for another.
    Expired,
    /// Too many wrong passcodes: wait, then ask for another.
    UsedUp,
    /// No passcode has been sent.
    NotSent,
}

/// What follows an event in the same commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneEffect {
    /// Nothing.
    None,
    /// One message more was sent.
    CountSent,
    /// One passcode more was checked, and wrong.
    CountChecked,
    /// One was checked, and right: the phone is the sub-account's, and its units go back.
    Approve,
}

/// Why an event has no place in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneIllegal {
    /// Somebody else is at it, or its time has not come.
    NotDue,
    /// The passcode has been sent.
    AlreadySent,
    /// No passcode has been sent.
    NotSent,
    /// It has ended.
    HasEnded,
}

/// What an event does to a phone verification.
pub type PhoneDecision = Decision<PhoneVerification, PhoneEffect, PhoneIllegal>;

impl PhoneVerification {
    /// What `event` does. Total: every pair of state and event has an answer, listed in the snapshot `phone_table`.
    #[must_use]
    pub fn decide(&self, event: &PhoneEvent, now: Instant) -> PhoneDecision {
        match event {
            PhoneEvent::Resumed => self.resumed(now),
            PhoneEvent::Sent { sid, since } => self.sent(sid, *since),
            PhoneEvent::Refused { why, again_at } => self.refused(*why, *again_at),
            PhoneEvent::Checked(answer) => self.checked(*answer, now),
            PhoneEvent::Settled { converted } => self.settled(*converted, now),
        }
    }

    /// What a check comes to without asking Twilio; `None` where Twilio must be asked.
    #[must_use]
    pub fn known_result(&self) -> Option<CheckResult> {
        match self.state {
            PhoneState::Starting { .. } | PhoneState::Refused { .. } => Some(CheckResult::NotSent),
            PhoneState::Pending { .. } => None,
            PhoneState::Approved { .. } => Some(CheckResult::AlreadyApproved),
            PhoneState::UsedUp { .. } => Some(CheckResult::UsedUp),
            PhoneState::Expired { .. } => Some(CheckResult::Expired),
        }
    }

    /// Wrong passcodes, as far as they decide anything: none where none is entered, or no more.
    #[must_use]
    pub fn wrong(&self) -> u32 {
        match self.state {
            PhoneState::Pending { checks, .. } => checks,
            PhoneState::UsedUp { .. } => PASSCODE_CHECKS_MAX,
            PhoneState::Starting { .. }
            | PhoneState::Refused { .. }
            | PhoneState::Approved { .. }
            | PhoneState::Expired { .. } => 0,
        }
    }

    /// The verification with at least so many wrong passcodes: those that followed an earlier message count, as it brought
    /// the same one.
    #[must_use]
    pub fn with_wrong(self, wrong: u32) -> Self {
        let state = match self.state {
            PhoneState::Pending { sid, sent_at, checks } => {
                PhoneState::Pending { sid, sent_at, checks: checks.max(wrong) }
            }
            state @ (PhoneState::Starting { .. }
            | PhoneState::Refused { .. }
            | PhoneState::Approved { .. }
            | PhoneState::UsedUp { .. }
            | PhoneState::Expired { .. }) => state,
        };
        Self { state, ..self }
    }

    /// Until when the passcode is good, while one is under way.
    #[must_use]
    pub fn good_until(&self) -> Option<Instant> {
        match self.state {
            PhoneState::Pending { sent_at, .. } => Some(sent_at.plus_ms(PASSCODE_LIFE_MS)),
            PhoneState::Starting { .. }
            | PhoneState::Refused { .. }
            | PhoneState::Approved { .. }
            | PhoneState::UsedUp { .. }
            | PhoneState::Expired { .. } => None,
        }
    }

    fn resumed(&self, now: Instant) -> PhoneDecision {
        match self.state {
            PhoneState::Starting { lease_until: until } | PhoneState::Refused { again_at: until, .. }
                if until <= now =>
            {
                self.moved(PhoneState::Starting { lease_until: now.plus_ms(START_LEASE_MS) }, PhoneEffect::None)
            }
            PhoneState::Starting { .. } | PhoneState::Refused { .. } => Decision::Illegal(PhoneIllegal::NotDue),
            PhoneState::Pending { .. } => Decision::Illegal(PhoneIllegal::AlreadySent),
            PhoneState::Approved { .. } | PhoneState::UsedUp { .. } | PhoneState::Expired { .. } => {
                Decision::Illegal(PhoneIllegal::HasEnded)
            }
        }
    }

    fn sent(&self, sid: &VerifySid, since: Instant) -> PhoneDecision {
        match &self.state {
            PhoneState::Starting { .. } | PhoneState::Refused { .. } => {
                self.moved(PhoneState::Pending { sid: sid.clone(), sent_at: since, checks: 0 }, PhoneEffect::CountSent)
            }
            PhoneState::Pending { .. } => Decision::AlreadyDone { effects: PhoneEffect::None },
            PhoneState::Approved { .. } | PhoneState::UsedUp { .. } | PhoneState::Expired { .. } => {
                Decision::Illegal(PhoneIllegal::HasEnded)
            }
        }
    }

    fn refused(&self, why: Refusal, again_at: Instant) -> PhoneDecision {
        match self.state {
            PhoneState::Starting { .. } | PhoneState::Refused { .. } => {
                self.moved(PhoneState::Refused { why, again_at }, PhoneEffect::None)
            }
            PhoneState::Pending { .. } => Decision::Illegal(PhoneIllegal::AlreadySent),
            PhoneState::Approved { .. } | PhoneState::UsedUp { .. } | PhoneState::Expired { .. } => {
                Decision::Illegal(PhoneIllegal::HasEnded)
            }
        }
    }

    fn checked(&self, answer: CheckAnswer, now: Instant) -> PhoneDecision {
        match (&self.state, answer) {
            (PhoneState::Pending { .. }, CheckAnswer::Right) => {
                self.moved(PhoneState::Approved { at: now }, PhoneEffect::Approve)
            }
            (PhoneState::Pending { .. }, CheckAnswer::UsedUp) => {
                self.moved(PhoneState::UsedUp { at: now }, PhoneEffect::CountChecked)
            }
            (PhoneState::Pending { sid, sent_at, checks }, CheckAnswer::Wrong) => {
                let checks = checks.saturating_add(1);
                let state = if checks >= PASSCODE_CHECKS_MAX {
                    PhoneState::UsedUp { at: now }
                } else {
                    PhoneState::Pending { sid: sid.clone(), sent_at: *sent_at, checks }
                };
                self.moved(state, PhoneEffect::CountChecked)
            }
            // Twilio's word, however late it comes: the person has shown the passcode.
            (PhoneState::UsedUp { .. } | PhoneState::Expired { .. }, CheckAnswer::Right) => {
                self.moved(PhoneState::Approved { at: now }, PhoneEffect::Approve)
            }
            (PhoneState::Approved { .. }, _)
            | (PhoneState::UsedUp { .. } | PhoneState::Expired { .. }, CheckAnswer::Wrong | CheckAnswer::UsedUp) => {
                Decision::AlreadyDone { effects: PhoneEffect::None }
            }
            (PhoneState::Starting { .. } | PhoneState::Refused { .. }, _) => Decision::Illegal(PhoneIllegal::NotSent),
        }
    }

    fn settled(&self, converted: bool, now: Instant) -> PhoneDecision {
        match self.state {
            PhoneState::Pending { .. } if converted => {
                self.moved(PhoneState::Approved { at: now }, PhoneEffect::Approve)
            }
            // While its list may lag, Twilio's silence about a conversion decides nothing.
            PhoneState::Pending { sent_at, .. } if now < sent_at.plus_ms(PASSCODE_LIFE_MS + ATTEMPTS_LAG_MS) => {
                Decision::AlreadyDone { effects: PhoneEffect::None }
            }
            PhoneState::Pending { .. } => self.moved(PhoneState::Expired { at: now }, PhoneEffect::None),
            PhoneState::Approved { .. } | PhoneState::UsedUp { .. } | PhoneState::Expired { .. } => {
                Decision::AlreadyDone { effects: PhoneEffect::None }
            }
            PhoneState::Starting { .. } | PhoneState::Refused { .. } => Decision::Illegal(PhoneIllegal::NotSent),
        }
    }

    fn moved(&self, state: PhoneState, effects: PhoneEffect) -> PhoneDecision {
        Decision::Applied { next: Self { state, ..self.clone() }, effects }
    }
}
