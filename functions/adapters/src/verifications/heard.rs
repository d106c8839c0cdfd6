//! What Persona says of an inquiry: applied, and followed by who is to be woken.

use domain::{
    Decision, EventId, FormerInquiry, InquiryEvent, Instant, Owner, Seen, VerificationEffect, VerificationEvent,
    VerificationPolicy,
};
use tracing::{error, info};

use super::{
    Change, DECIDE_AGAIN_MAX, Made, Revisits, WAKE_AT_ONCE_MAX, WakeError, commit_change, former_due, load, load_map,
    wake,
};
use crate::items::{AuditCause, remember_former};
use crate::persona::Looked;
use crate::queue::Queue;
use crate::store::{Store, StoreError, WriteError};

/// How we came to know what Persona says: named in the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// This event was delivered. The same event is applied once.
    Event(&'a EventId),
    /// We asked.
    Look {
        /// Whether Persona has redacted the inquiry.
        redacted: bool,
    },
}

impl Cause<'_> {
    fn for_audit(self, event: &InquiryEvent) -> AuditCause {
        let (inquiry, status) = (event.inquiry.clone(), event.status);
        match self {
            Self::Event(id) => AuditCause::Event { id: id.clone(), inquiry, status },
            Self::Look { .. } => AuditCause::Look { inquiry, status },
        }
    }

    fn is_redacted(self) -> bool {
        match self {
            Self::Event(_) => false,
            Self::Look { redacted } => redacted,
        }
    }
}

/// What Persona said of an inquiry that we opened for `owner`, and how we know.
#[derive(Debug, Clone, Copy)]
pub struct News<'a> {
    /// The owner.
    pub owner: &'a Owner,
    /// What Persona said.
    pub event: &'a InquiryEvent,
    /// How we know.
    pub cause: Cause<'a>,
}

impl<'a> News<'a> {
    /// What Persona answered when it was asked.
    #[must_use]
    pub fn answered(owner: &'a Owner, looked: &'a Looked) -> Self {
        let Looked { event, redacted } = looked;
        Self { owner, event, cause: Cause::Look { redacted: *redacted } }
    }
}

/// What applying an event led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// It changed the verification.
    Applied(VerificationEffect),
    /// It, or something newer, had been applied before.
    AlreadyDone(VerificationEffect),
    /// An operator's decision stands against it, or the inquiry is not one that we opened for this owner.
    Overruled,
}

/// Applies what Persona said, then wakes who waits if the owner is verified now: mark before wake, so that a purchase
/// that is about to wait sees the mark, or is in the list (promise P3). News that were applied before wake again, since
/// the first time may have died in between.
///
/// # Errors
/// [`WakeError`] when the table does not answer (the change may stand), others kept changing the item, or not all
/// messages were sent: the owner stays due.
pub async fn take(
    store: &impl Store,
    queue: &impl Queue,
    policy: &VerificationPolicy,
    revisits: &Revisits,
    news: News<'_>,
    now: Instant,
) -> Result<Observed, WakeError> {
    let observed = observe(store, policy, revisits, news, now).await?;
    let effect = match observed {
        Observed::Applied(effect) | Observed::AlreadyDone(effect) => effect,
        Observed::Overruled => VerificationEffect::None,
    };
    follow(store, queue, news.owner, effect).await?;
    Ok(observed)
}

/// Does what follows a change of a verification, or its repetition.
///
/// # Errors
/// [`WakeError`] when not all messages were sent: the owner stays due.
pub async fn follow(
    store: &impl Store,
    queue: &impl Queue,
    owner: &Owner,
    effect: VerificationEffect,
) -> Result<(), WakeError> {
    match effect {
        VerificationEffect::None => {}
        VerificationEffect::WakeWaiters => {
            let woken = wake(store, queue, owner, None, WAKE_AT_ONCE_MAX).await?;
            info!(messages = woken.messages, "The purchases that waited were sent to be bought.");
        }
    }
    Ok(())
}

/// Applies what Persona said, with an audit entry in the same transaction.
async fn observe(
    store: &impl Store,
    policy: &VerificationPolicy,
    revisits: &Revisits,
    news: News<'_>,
    now: Instant,
) -> Result<Observed, StoreError> {
    let News { owner, event, cause } = news;
    let policy = &policy.for_owner(owner);
    for _ in 0..DECIDE_AGAIN_MAX {
        let seen = load(store, owner).await?;
        // The order of an inquiry that another has replaced is kept in its own item.
        let former = if seen.verification.is_current(&event.inquiry) {
            None
        } else {
            let Some(map) = load_map(store, &event.inquiry).await? else { return Ok(Observed::Overruled) };
            if map.owner != *owner {
                error!(inquiry = %event.inquiry, metric = "bug", "What is said of somebody else's inquiry counts for nobody else.");
                return Ok(Observed::Overruled);
            }
            Some(map.former())
        };
        let observed = seen.verification.said(event.clone(), cause.is_redacted(), former.as_ref(), policy);
        let is_redaction = matches!(observed, VerificationEvent::Redacted(_));
        let news = former.as_ref().and_then(|former| Some((former, former.news(event, policy)?)));
        let remember = |(former, news): (&FormerInquiry, Seen), due| {
            remember_former(&event.inquiry, former.seen, Some(news), former.attempt, due)
        };
        let unchanged = match seen.verification.decide(&observed, now, policy) {
            Decision::Applied { next, effects } => {
                let cause = match is_redaction {
                    true => AuditCause::Redacted { inquiry: event.inquiry.clone() },
                    false => cause.for_audit(event),
                };
                // It is the current one now, and asked about as such.
                let remembered = news.map(|news| remember(news, None));
                let change = Made { next, cause, beside: Vec::from_iter(remembered) };
                match commit_change(store, owner, &seen, change, now, revisits).await? {
                    Change::Done => return Ok(Observed::Applied(effects)),
                    // This very event was applied before and something newer since: what stands now decides who is
                    // woken.
                    Change::Refused(refused) if refused.contains(&1) && !refused.contains(&0) => {
                        let standing = load(store, owner).await?.verification;
                        return Ok(Observed::AlreadyDone(standing.wake_up()));
                    }
                    Change::Refused(_) => continue,
                }
            }
            Decision::AlreadyDone { effects } => Observed::AlreadyDone(effects),
            Decision::Illegal(_) => Observed::Overruled,
        };
        let Some(news) = news else { return Ok(unchanged) };
        match store.write(remember(news, former_due(event.status.is_open(), now, revisits))).await {
            Ok(()) => return Ok(unchanged),
            Err(WriteError::Refused(_)) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
    Err(StoreError::Unavailable("the verification kept changing".to_owned()))
}
