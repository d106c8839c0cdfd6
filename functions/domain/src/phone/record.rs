//! What is remembered of a phone, over all sub-accounts.

use crate::ids::{SubAccountId, VerifySid};
use crate::instant::Instant;
use crate::phone_number::PhoneNumber;

use super::policy::PhoneLimit;
use super::{
    Channel, Counted, Dimension, PASSCODE_CHECKS_MAX, PASSCODE_LIFE_MS, PhoneVerificationId, RESEND_PAUSE_MS,
    RESEND_PAUSE_MS_MAX, SLOW_DOWN_MS, SLOWED_FOR_MS, START_LEASE_MS,
};

/// Whose passcode a phone waits for.
///
/// Twilio has one open verification per number and sends its passcode again to whoever asks: without this, a passcode
/// that a person enters at one sub-account would count at another, where somebody else asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The sub-account.
    pub sub_account: SubAccountId,
    /// When the passcode is no longer good, at the latest. Twilio counts from when it made the verification: within the
    /// start's lease, and before its answer.
    pub until: Instant,
}

/// The passcode that a phone was sent last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPasscode {
    /// The verification at Twilio. While it is open, another message brings the same passcode.
    pub sid: VerifySid,
    /// When its first message was sent: it is good from then on, however often it is sent again (Twilio Verify, "Rate
    /// limits and timeouts").
    pub since: Instant,
    /// Over which channel that was: there the phone counts as sent to, and as approved, however it is sent to again.
    pub channel: Channel,
    /// Wrong passcodes that were entered for it, whichever message they followed: sent again, it is still the same one, and
    /// has no more checks (Twilio, error 60202).
    pub wrong: u32,
}

/// Messages to a phone that were answered in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnsweredMessages {
    /// Since the first answer that counts.
    pub since: Instant,
    /// So many.
    pub messages: u32,
}

/// What is remembered of a phone until a day has passed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhoneRecord {
    /// Whose passcode it waits for.
    pub holder: Option<Holder>,
    /// Messages that were asked for and not answered.
    pub messages: u32,
    /// Those that were answered; none where the phone has not answered for a day.
    pub answered: Option<AnsweredMessages>,
    /// When the first of them was asked for, or the one that took the units.
    pub first_at: Instant,
    /// When the latest of them was asked for.
    pub last_at: Instant,
    /// When the number was slowed down.
    pub slowed_at: Option<Instant>,
    /// The limits in which it holds a unit: given back when it is approved.
    pub units: Vec<Dimension>,
    /// The passcode that it was sent last; none while nothing is known to have left.
    pub passcode: Option<SentPasscode>,
}

/// The phone that a sub-account has proved to have: the latest that was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPhone {
    /// The phone.
    pub number: PhoneNumber,
    /// How it was asked.
    pub channel: Channel,
    /// When it was approved.
    pub at: Instant,
    /// Since when the sub-account has had an approved phone: another one takes the place of the first, and not its time.
    pub since: Instant,
    /// By which verification.
    pub verification: PhoneVerificationId,
}

impl ApprovedPhone {
    /// Whether the sub-account had a phone by a purchase's deadline: an approval counts from when it was given, as Persona's
    /// does.
    #[must_use]
    pub fn in_time(&self, deadline: Instant) -> bool {
        self.since <= deadline
    }
}

impl PhoneRecord {
    /// The record as it looks at `now`: after its window nothing of it counts. Whoever waits for a passcode that is still
    /// good waits on.
    #[must_use]
    pub fn at(self, now: Instant, limit: &PhoneLimit) -> Self {
        let answered = self.answered_within(now, limit);
        if now.ms_since(self.first_at) < limit.window_ms {
            return Self { answered, ..self };
        }
        match self.holder {
            Some(holder) if holder.until > now => {
                Self { answered, holder: Some(holder), passcode: self.passcode, ..Self::default() }
            }
            Some(_) | None => Self { answered, ..Self::default() },
        }
    }

    /// When `sub_account` may have one more message sent; `None` means now.
    #[must_use]
    pub fn opens_at(&self, sub_account: &SubAccountId, now: Instant, limit: &PhoneLimit) -> Option<Instant> {
        let held = self
            .holder
            .as_ref()
            .filter(|holder| holder.sub_account != *sub_account && holder.until > now)
            .map(|holder| holder.until);
        let paused = match self.messages {
            0 => None,
            sent if sent >= limit.messages_max => Some(self.first_at.plus_ms(limit.window_ms)),
            sent => Some(self.last_at.plus_ms(resend_pause_ms(sent, limit))),
        };
        let used_up = self
            .answered
            .filter(|answered| answered.messages.saturating_add(self.messages) >= limit.messages_in_all_max)
            .map(|answered| answered.since.plus_ms(limit.window_ms));
        // Twilio compares no more: another message would bring what nobody can use.
        let unusable = self
            .passcode
            .as_ref()
            .filter(|passcode| passcode.wrong >= PASSCODE_CHECKS_MAX)
            .map(|passcode| passcode.since.plus_ms(PASSCODE_LIFE_MS));
        [held, paused, used_up, unusable].into_iter().flatten().max().filter(|at| *at > now)
    }

    /// The record once its passcode was entered: nobody waits for it, and what the phone was sent was answered.
    #[must_use]
    pub fn approved(self, now: Instant, limit: &PhoneLimit) -> Self {
        let earlier = self.answered_within(now, limit).unwrap_or(AnsweredMessages { since: now, messages: 0 });
        let messages = earlier.messages.saturating_add(self.messages);
        let answered = Some(AnsweredMessages { messages, ..earlier });
        Self { answered, first_at: self.first_at, last_at: self.last_at, slowed_at: self.slowed_at, ..Self::default() }
    }

    /// Whether it has answered within the last window.
    #[must_use]
    pub fn has_answered(&self, now: Instant, limit: &PhoneLimit) -> bool {
        self.answered_within(now, limit).is_some()
    }

    fn answered_within(&self, now: Instant, limit: &PhoneLimit) -> Option<AnsweredMessages> {
        self.answered.filter(|answered| now.ms_since(answered.since) < limit.window_ms)
    }

    /// Whether the next message that `sub_account` asks for takes a unit of every limit: the first one does, and what is sent
    /// again does not. The units that another sub-account's start took are no reason to take none.
    #[must_use]
    pub fn takes_units(&self, sub_account: &SubAccountId) -> bool {
        let own = self.holder.as_ref().is_some_and(|holder| holder.sub_account == *sub_account);
        self.units.is_empty() || !own
    }

    /// Until when another sub-account waits for the passcode of Twilio's verification `sid`: its start came first, and both
    /// were answered with the one that is under way. `None` when nobody else does.
    #[must_use]
    pub fn taken_by_another(&self, sub_account: &SubAccountId, sid: &VerifySid) -> Option<Instant> {
        self.under_way_since(sid)?;
        self.holder.as_ref().filter(|holder| holder.sub_account != *sub_account).map(|holder| holder.until)
    }

    /// The record with one message more asked for; `units` are those that the first one takes.
    #[must_use]
    pub fn asked(self, sub_account: &SubAccountId, now: Instant, units: Vec<Dimension>) -> Self {
        let takes = self.takes_units(sub_account);
        let begins = self.messages == 0 || (takes && !units.is_empty());
        let until = now.plus_ms(START_LEASE_MS + PASSCODE_LIFE_MS);
        Self {
            holder: Some(Holder { sub_account: sub_account.clone(), until }),
            messages: self.messages.saturating_add(1),
            answered: self.answered,
            first_at: if begins { now } else { self.first_at },
            last_at: now,
            slowed_at: self.slowed_at,
            units: if takes { units } else { self.units },
            passcode: self.passcode,
        }
    }

    /// Since when Twilio's verification `sid` is known to be under way; `None` for one that is not known yet.
    #[must_use]
    pub fn under_way_since(&self, sid: &VerifySid) -> Option<Instant> {
        self.passcode.as_ref().filter(|passcode| passcode.sid == *sid).map(|passcode| passcode.since)
    }

    /// The record once Twilio has answered `sub_account` that its verification `sid` is under way over `channel`, which was
    /// not known yet.
    #[must_use]
    pub fn sent(self, sub_account: &SubAccountId, sid: VerifySid, channel: Channel, now: Instant) -> Self {
        let until = now.plus_ms(PASSCODE_LIFE_MS);
        Self {
            holder: Some(Holder { sub_account: sub_account.clone(), until }),
            passcode: Some(SentPasscode { sid, since: now, channel, wrong: 0 }),
            ..self
        }
    }

    /// Whether it is the passcode of Twilio's verification `sid` that the phone waits for, for `sub_account`.
    #[must_use]
    pub fn waits_for(&self, sub_account: &SubAccountId, sid: &VerifySid) -> bool {
        let held = self.holder.as_ref().is_some_and(|holder| holder.sub_account == *sub_account);
        held && self.passcode.as_ref().is_some_and(|passcode| passcode.sid == *sid)
    }

    /// Wrong passcodes that were entered for Twilio's verification `sid`, as far as they are known here.
    #[must_use]
    pub fn wrong_for(&self, sid: &VerifySid) -> u32 {
        self.passcode.as_ref().filter(|passcode| passcode.sid == *sid).map_or(0, |passcode| passcode.wrong)
    }

    /// The record with so many wrong passcodes.
    #[must_use]
    pub fn with_wrong(self, wrong: u32) -> Self {
        Self { passcode: self.passcode.map(|passcode| SentPasscode { wrong, ..passcode }), ..self }
    }

    /// As what a message counts that is sent now: a phone is counted once, with the first one.
    #[must_use]
    pub fn counts_as(&self) -> Counted {
        if self.passcode.is_none() { Counted::Sent } else { Counted::SentAgain }
    }

    /// Until when the number waits because it is slowed down; `None` when it has waited already.
    #[must_use]
    pub fn slow_down(&self, now: Instant) -> Option<Instant> {
        match self.slowed_at {
            Some(at) if now.ms_since(at) < SLOW_DOWN_MS => Some(at.plus_ms(SLOW_DOWN_MS)),
            Some(at) if now.ms_since(at) < SLOWED_FOR_MS => None,
            Some(_) | None => Some(now.plus_ms(SLOW_DOWN_MS)),
        }
    }
}

/// The pause after `sent` messages, in milliseconds: each doubles it.
fn resend_pause_ms(sent: u32, limit: &PhoneLimit) -> i64 {
    if !limit.growing_pause {
        return 0;
    }
    let doublings = sent.saturating_sub(1).min(16);
    (RESEND_PAUSE_MS << doublings).min(RESEND_PAUSE_MS_MAX)
}
