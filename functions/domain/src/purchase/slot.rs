//! The carrier's side of one number that is being bought: who may act, and what is known of its creates.

use super::{AfterAbsent, Reason, Timing};
use crate::ids::{AccountSid, LeaseToken, NumberSid};
use crate::instant::Instant;
use crate::limits::{CREATE_WINDOW_MS, CREATES_MAX};

/// The carrier's side of one number that is being bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Who may act.
    pub token: LeaseToken,
    /// Until when.
    pub lease_until: Instant,
    /// The account at the carrier, frozen when buying began: a changed profile never moves a doubt elsewhere.
    pub account: AccountSid,
    /// When the first create was permitted that may have been processed.
    pub first_post: Instant,
    /// When the last create was permitted.
    pub last_post: Instant,
    /// How many were.
    pub creates: u32,
    /// What is known of the last one.
    pub latest: LatestCreate,
    /// What is known of those before it.
    pub earlier: EarlierCreates,
    /// Why no further create is sent; what settling will answer.
    pub refusal: Option<Reason>,
    /// When the number was first seen absent after the last create could no longer land.
    pub absent_at: Option<Instant>,
}

/// A number on its way back to the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The number's id at the carrier.
    pub sid: NumberSid,
    /// In which account.
    pub account: AccountSid,
    /// Who may act.
    pub token: LeaseToken,
    /// Until when.
    pub lease_until: Instant,
    /// Since when it is to go back.
    pub since: Instant,
}

/// What is known of the create that was permitted last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatestCreate {
    /// It may be under way, or done.
    Open,
    /// The carrier said that it did not process it, or refused it.
    NotProcessed,
}

/// What is known of the creates before the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierCreates {
    /// None of them is unknown.
    AllAnswered,
    /// At least one was never answered: it may land late.
    SomeUnknown,
}

impl Slot {
    /// A slot with its first permit: nothing was sent before.
    pub(super) fn first(token: LeaseToken, account: AccountSid, now: Instant, timing: &Timing) -> Self {
        Self {
            token,
            lease_until: now.plus_ms(timing.lease_ms),
            account,
            first_post: now,
            last_post: now,
            creates: 1,
            latest: LatestCreate::Open,
            earlier: EarlierCreates::AllAnswered,
            refusal: None,
            absent_at: None,
        }
    }

    /// What to do with a number that was seen absent at `now`, without a permit in hand.
    #[must_use]
    pub fn after_absent(&self, now: Instant, timing: &Timing) -> AfterAbsent {
        if self.may_create(now) {
            return AfterAbsent::Permit;
        }
        let settles_from = self.last_post.plus_ms(timing.settle_after_ms);
        let countable_from = self.absent_at.map_or(settles_from, |absent_at| absent_at.plus_ms(timing.settle_gap_ms));
        if now > countable_from { AfterAbsent::Settle } else { AfterAbsent::Wait { until: countable_from.plus_ms(1) } }
    }

    /// Up to [`CREATES_MAX`] within [`CREATE_WINDOW_MS`], and none after a refusal: then the slot only settles. The window
    /// opens with the first create that may have been processed: while the carrier takes none, or an operator lets none be
    /// sent, nothing is in doubt, and the purchase goes on waiting.
    pub(super) fn may_create(&self, now: Instant) -> bool {
        let in_window = self.nothing_was_sent() || now.ms_since(self.first_post) < CREATE_WINDOW_MS;
        self.refusal.is_none() && self.creates < CREATES_MAX && in_window
    }

    /// Whether the carrier has processed nothing of this slot, for sure.
    pub(super) fn nothing_was_sent(&self) -> bool {
        match (self.latest, self.earlier) {
            (LatestCreate::NotProcessed, EarlierCreates::AllAnswered) => self.creates == 0,
            (LatestCreate::Open, _) | (LatestCreate::NotProcessed, EarlierCreates::SomeUnknown) => false,
        }
    }

    /// What is known of all creates once the latest is one of the earlier: whoever held the lease may have sent it,
    /// unless the carrier had said that it did not process it.
    pub(super) fn all_creates(&self) -> EarlierCreates {
        match (self.latest, self.earlier) {
            (LatestCreate::Open, _) | (LatestCreate::NotProcessed, EarlierCreates::SomeUnknown) => {
                EarlierCreates::SomeUnknown
            }
            (LatestCreate::NotProcessed, EarlierCreates::AllAnswered) => EarlierCreates::AllAnswered,
        }
    }

    /// Whether every create but the last was answered: only then is a refusal of the last one definite.
    #[must_use]
    pub fn nothing_unknown(&self) -> bool {
        match self.earlier {
            EarlierCreates::AllAnswered => true,
            EarlierCreates::SomeUnknown => false,
        }
    }

    pub(super) fn reason_when_settled(&self) -> Reason {
        self.refusal.unwrap_or(Reason::CarrierUnresponsive)
    }
}
