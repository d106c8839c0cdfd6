//! Opening an inquiry at Persona: one caller at a time, the same inquiry after a crash, no session wasted.
//!
//! 1. Write {nonce, lease} on the verification, on condition of its version: one opener.
//! 2. Create at Persona with the nonce as `Idempotency-Key`: an opener that died is followed by one that sends the same
//!    nonce and gets the same inquiry. After an answer of 4xx or 5xx the nonce is spent, since Persona replays it.
//! 3. In one transaction: the inquiry's map entry, and the verification in progress.
//! 4. Only then the session leaves this function: an event about an inquiry that is not in the map is not ours.
//!
//! A live inquiry is resumed instead: the session is noted first, on condition of the version, and asked for then, so
//! that callers at the same time cost one session between them.
//!
//! Before either, the requests to Persona are taken of what all callers together may cause in a minute: however many pages
//! load, those of the sweep are left. Whoever has had a session before leaves half of what may come at once to others.

use adapters::ambient::Ambient;
use adapters::items::{AuditCause, InquiryMap, StoredVerification, keys};
use adapters::persona::{Identity, OpenedInquiry, PersonaError, Session};
use adapters::queue::Queue;
use adapters::store::{Condition, Store, StoreError, Value, Write};
use adapters::turns;
use adapters::verifications::{self, Change, DECIDE_AGAIN_MAX, Made, WakeError};
use domain::{
    Decision, InquiryId, Instant, Nonce, OPENING_LEASE_MS, OpenPlan, Opening, Owner, Urgency, Verification,
    VerificationEvent, persona_reference,
};
use tracing::{error, info, warn};

use crate::verification::PERSONA_DOWN_RETRY_AFTER_S;
use crate::{PurchaseCheck, Settings};

/// What asking for a session led to.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A live session.
    Session(Verification, Session),
    /// Another caller is at it, or just was; ask again in so many seconds.
    NotNow(Verification, u32),
    /// The owner needs none.
    NothingToDo(Verification),
    /// The owner gets none.
    Refused(Verification),
    /// Persona did not give one.
    PersonaDown,
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// Starts or resumes the verification of `owner`, which was read as `stored`.
    pub(crate) async fn open_session(&self, owner: &Owner, stored: StoredVerification) -> Result<Opened, StoreError> {
        let now = self.ambient.now();
        match stored.verification.open_plan(now, &self.settings.template, &self.settings.policy) {
            OpenPlan::Create => self.create(owner, stored).await,
            OpenPlan::Resume(inquiry) => self.resume(owner, stored, &inquiry).await,
            OpenPlan::TooSoon { at } => Ok(Opened::NotNow(stored.verification, at.whole_seconds_from(now))),
            OpenPlan::NothingToDo => Ok(Opened::NothingToDo(stored.verification)),
            OpenPlan::Refused => Ok(Opened::Refused(stored.verification)),
        }
    }

    async fn resume(
        &self,
        owner: &Owner,
        stored: StoredVerification,
        inquiry: &InquiryId,
    ) -> Result<Opened, StoreError> {
        // For the session, and then for its link, or for what Persona says when it gives no session.
        if let Err(at) = self.take_requests(2, Urgency::Again).await? {
            return Ok(Opened::NotNow(stored.verification, at.whole_seconds_from(self.ambient.now())));
        }
        let now = self.ambient.now();
        let Settings { policy, revisits, .. } = &self.settings;
        let next = match stored.verification.decide(&VerificationEvent::Resumed, now, policy) {
            Decision::Applied { next, .. } => next,
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => {
                return Ok(Opened::NothingToDo(stored.verification));
            }
        };
        let cause = AuditCause::Resumed { inquiry: inquiry.clone() };
        let change = Made { next: next.clone(), cause, beside: vec![] };
        match verifications::commit_change(&self.store, owner, &stored, change, now, revisits).await? {
            Change::Done => {}
            Change::Refused(_) => {
                self.give_back_requests(2).await?;
                return Ok(Opened::NotNow(next, 1));
            }
        }
        match self.identity.resume(inquiry).await {
            Ok(session) => {
                info!(owner = %keys::owner_pk(owner), %inquiry, "The inquiry was resumed.");
                Ok(Opened::Session(next, session))
            }
            // Not now: our key, or our rate.
            Err(error @ PersonaError::Answered(status @ (401 | 403 | 408 | 429))) => {
                warn!(%error, %inquiry, "Persona refused to resume the inquiry; that counts as no session.");
                tell_refusal(status);
                let noted = StoredVerification { verification: next, version: stored.version + 1, ..stored.clone() };
                let next = stored.verification.session_refused(now);
                self.forget_session(owner, inquiry, noted, next, now).await?;
                Ok(Opened::PersonaDown)
            }
            // It broke off over there: a session may have been made.
            Err(error @ (PersonaError::Unknown | PersonaError::Answered(500..))) => {
                warn!(%error, %inquiry, "The inquiry could not be resumed.");
                Ok(Opened::PersonaDown)
            }
            // Which status a redacted inquiry or a used-up one has is not documented (Persona, "Resume an inquiry").
            Err(refusal @ (PersonaError::Gone | PersonaError::Answered(_))) => {
                self.ask_why(owner, inquiry, refusal).await
            }
        }
    }

    /// Writes back what stood before a session was noted, with an entry where the audit has one of the session, unless
    /// somebody else has changed the verification since: then one too many is counted, and the next one comes later.
    async fn forget_session(
        &self,
        owner: &Owner,
        inquiry: &InquiryId,
        noted: StoredVerification,
        next: Verification,
        now: Instant,
    ) -> Result<(), StoreError> {
        let change = Made { next, cause: AuditCause::NotResumed { inquiry: inquiry.clone() }, beside: vec![] };
        verifications::commit_change(&self.store, owner, &noted, change, now, &self.settings.revisits).await.map(|_| ())
    }

    /// Persona does not resume the inquiry: it is gone; or further than we know, since an event of it was lost or is
    /// still under way; or it stands as we know it, and Persona has a reason of its own. What Persona says of it decides.
    ///
    /// Inquiries are paid for, so a new one is made only when this one is gone: redacted, or not there; or when Persona's
    /// sessions of it may be used up ("Inquiry sessions"). One that is still there is asked for again later, by ever longer
    /// pauses; that each time counts as a session lets it give way in the end to a new one.
    async fn ask_why(&self, owner: &Owner, inquiry: &InquiryId, refusal: PersonaError) -> Result<Opened, StoreError> {
        let said = match self.identity.look(std::slice::from_ref(inquiry)).await {
            Ok(said) => said,
            Err(error) => {
                warn!(%error, %inquiry, "The inquiry cannot be resumed, and Persona does not say why.");
                return Ok(Opened::PersonaDown);
            }
        };
        let gone = match said.first() {
            Some(looked) => looked.redacted,
            // Left out where we do not understand what Persona says of it, too: that makes no new one.
            None => refusal == PersonaError::Gone,
        };
        match self.take_all(owner, said).await {
            Ok(()) => {}
            Err(WakeError::Store(error)) => return Err(error),
            // The verification stands, and its owner is due: the sweep wakes who waits.
            Err(WakeError::Queue(error)) => warn!(%error, "Not everybody who waits was woken."),
        }
        let stored = verifications::load(&self.store, owner).await?;
        if !stored.verification.is_current(inquiry) {
            return Ok(Opened::NotNow(stored.verification, 1));
        }
        let now = self.ambient.now();
        match stored.verification.open_plan(now, &self.settings.template, &self.settings.policy) {
            OpenPlan::Create => self.create(owner, stored).await,
            OpenPlan::Resume(_) if gone => self.create(owner, stored).await,
            OpenPlan::Resume(_) => Ok(Opened::NotNow(stored.verification, 1)),
            OpenPlan::TooSoon { at } if gone || stored.verification.may_have_used_its_sessions() => {
                Ok(match self.create(owner, stored).await? {
                    // The session that was noted keeps the next page waiting, too.
                    Opened::NotNow(verification, _) => Opened::NotNow(verification, at.whole_seconds_from(now)),
                    opened @ (Opened::Session(..)
                    | Opened::NothingToDo(_)
                    | Opened::Refused(_)
                    | Opened::PersonaDown) => opened,
                })
            }
            OpenPlan::TooSoon { at } => {
                warn!(%refusal, %inquiry, "Persona does not resume an inquiry that is open; it is asked again later.");
                Ok(Opened::NotNow(stored.verification, at.whole_seconds_from(now)))
            }
            OpenPlan::NothingToDo => Ok(Opened::NothingToDo(stored.verification)),
            OpenPlan::Refused => Ok(Opened::Refused(stored.verification)),
        }
    }

    async fn create(&self, owner: &Owner, stored: StoredVerification) -> Result<Opened, StoreError> {
        let now = self.ambient.now();
        let template = &self.settings.template;
        let nonce = match &stored.opening {
            Some(opening) if opening.lease_until > now => {
                return Ok(Opened::NotNow(stored.verification, opening.lease_until.whole_seconds_from(now)));
            }
            // Whoever held it died: the same nonce gives the inquiry that it may have made.
            Some(opening) if opening.template.as_ref() == Some(template) => opening.nonce.clone(),
            // Persona refuses the same nonce with another template.
            Some(_) | None => self.fresh_nonce()?,
        };
        if let Err(at) = self.take_requests(1, Urgency::First).await? {
            return Ok(Opened::NotNow(stored.verification, at.whole_seconds_from(now)));
        }
        let lease_until = now.plus_ms(OPENING_LEASE_MS);
        let opening = Opening { nonce: nonce.clone(), template: Some(template.clone()), lease_until };
        let claimed = StoredVerification { opening: Some(opening), ..stored };
        match verifications::commit_opening(&self.store, owner, claimed.clone()).await? {
            Change::Done => {}
            Change::Refused(_) => {
                self.give_back_requests(1).await?;
                return Ok(Opened::NotNow(claimed.verification, 1));
            }
        }
        match self.identity.open(&persona_reference(owner), &nonce).await {
            Ok(opened) => self.opened(owner, &nonce, opened).await,
            Err(PersonaError::Unknown) => {
                warn!("Persona did not answer; the next opener sends the same key.");
                Ok(Opened::PersonaDown)
            }
            Err(error @ (PersonaError::Answered(_) | PersonaError::Gone)) => {
                warn!(%error, "Persona opened no inquiry; the next opener sends a fresh key.");
                tell_no_inquiry(error);
                let lease_until = self.ambient.now().plus_ms(REFUSED_PAUSE_MS);
                let opening = Opening { nonce: self.fresh_nonce()?, template: Some(template.clone()), lease_until };
                let freed = StoredVerification { opening: Some(opening), version: claimed.version + 1, ..claimed };
                // Refused, somebody else is at it already, which frees it as well.
                verifications::commit_opening(&self.store, owner, freed).await?;
                Ok(Opened::PersonaDown)
            }
        }
    }

    fn fresh_nonce(&self) -> Result<Nonce, StoreError> {
        let nonce = Nonce::parse(&self.ambient.random_id());
        nonce.map_err(|_| StoreError::Broken("a random id is no nonce".to_owned()))
    }

    /// Takes requests to Persona of what all callers together may cause; refused, when there may be room.
    pub(crate) async fn take_requests(
        &self,
        requests: i64,
        urgency: Urgency,
    ) -> Result<Result<(), Instant>, StoreError> {
        let (kept, now) = (keys::callers_allowance(), self.ambient.now());
        let taken =
            turns::take_of(&self.store, &kept, &self.settings.callers_allowance, (requests, urgency), now).await?;
        if let Err(at) = taken {
            let wait_s = at.whole_seconds_from(now);
            warn!(wait_s, metric = "persona_busy", "Persona is asked as much as callers may make us ask it.");
        }
        Ok(taken)
    }

    /// Another caller came first: what was taken leads to no request.
    async fn give_back_requests(&self, requests: i64) -> Result<(), StoreError> {
        let (kept, allowance) = (keys::callers_allowance(), &self.settings.callers_allowance);
        turns::give_back_to(&self.store, &kept, allowance, requests).await
    }

    /// Writes down which owner the inquiry is for, before anybody can act on it.
    async fn opened(&self, owner: &Owner, nonce: &Nonce, opened: OpenedInquiry) -> Result<Opened, StoreError> {
        let OpenedInquiry { id, session } = opened;
        let Settings { policy, revisits, template, .. } = &self.settings;
        let event = VerificationEvent::Opened { inquiry: id.clone(), template: template.clone() };
        for _ in 0..DECIDE_AGAIN_MAX {
            let now = self.ambient.now();
            let stored = verifications::load(&self.store, owner).await?;
            if stored.opening.as_ref().is_none_or(|opening| opening.nonce != *nonce) {
                // Another opener with this nonce got the same inquiry and wrote it down.
                return Ok(Opened::NotNow(stored.verification, 1));
            }
            let next = match stored.verification.decide(&event, now, policy) {
                Decision::Applied { next, .. } => next,
                Decision::AlreadyDone { .. } | Decision::Illegal(_) => {
                    return Ok(Opened::NothingToDo(stored.verification));
                }
            };
            let map = InquiryMap::new(owner.clone(), template.clone());
            let of_owner = Condition::Equals("owner", Value::S(keys::owner_pk(owner).into()));
            let expect = Condition::Any(vec![Condition::ItemAbsent, of_owner]);
            let mapped = Write::Put { item: map.to_item(&id, now), expect };
            let cause = AuditCause::Opened { inquiry: id.clone() };
            let change = Made { next: next.clone(), cause, beside: vec![mapped] };
            match verifications::commit_change(&self.store, owner, &stored, change, now, revisits).await? {
                Change::Done => {
                    info!(owner = %keys::owner_pk(owner), inquiry = %id, "An inquiry was opened.");
                    return Ok(Opened::Session(next, session));
                }
                Change::Refused(_) => {}
            }
        }
        Err(StoreError::Unavailable("the verification kept changing".to_owned()))
    }
}

/// Somebody must act: our key may not do this, or a quota is used up (Persona, "Errors": 401, 403).
pub(crate) fn tell_refusal(status: u16) {
    if matches!(status, 401 | 403) {
        error!(status, metric = METRIC, "Persona refuses our key, or a quota of it is used up.");
    }
}

/// Somebody must act where Persona refuses to open any inquiry: the template may be wrong, archived or not published
/// (Persona, "Errors"). Too many at once, or too slow, is over by itself, as are failures of Persona's own.
fn tell_no_inquiry(refusal: PersonaError) {
    match refusal {
        PersonaError::Answered(status @ (401 | 403)) => tell_refusal(status),
        PersonaError::Answered(408 | 429 | 500..) | PersonaError::Unknown => {}
        PersonaError::Answered(_) | PersonaError::Gone => {
            error!(%refusal, metric = METRIC, "Persona opens no inquiry of our template: is it published, and its id right?");
        }
    }
}

/// How the log names what Persona refuses until somebody mends it.
const METRIC: &str = "persona_refused";

/// How long nobody asks again after Persona refused to open an inquiry, in milliseconds: as long as its answer says to wait,
/// so that no page that is loaded again and again does nothing but ask.
const REFUSED_PAUSE_MS: i64 = PERSONA_DOWN_RETRY_AFTER_S as i64 * 1000;
