//! A verification as its owner sees it: how far it is, a session to go on with, and what Persona says right now.

use adapters::ambient::Ambient;
use adapters::http_event::HttpAnswer;
use adapters::items::{StoredVerification, keys};
use adapters::persona::{Identity, Looked};
use adapters::phones;
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::profiles;
use adapters::queue::Queue;
use adapters::store::{Store, StoreError};
use adapters::turns;
use adapters::verifications::{self, News, WAKE_AT_ONCE_MAX, WakeError};
use domain::{InquiryId, Instant, Owner, PhoneRequirement, RevokedBy, Urgency, Verification, VerificationState};
use futures::future::try_join;
use lambda_http::http::StatusCode;
use tracing::{info, warn};

use crate::session::Opened;
use crate::view::{covered_view, verification_view};
use crate::{PurchaseCheck, Settings};

/// When asking again is worth it while Persona is down, in seconds.
pub(crate) const PERSONA_DOWN_RETRY_AFTER_S: u32 = 5;

/// What an owner's verification stands on.
pub(crate) enum Proof {
    /// On itself.
    Own(StoredVerification),
    /// The owner is a sub-account, and its agency's verification, which is this, covers it: it is asked for nothing.
    Agency(StoredVerification),
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// Shows how far the verification is.
    pub(crate) async fn read_verification(&self, owner: &Owner) -> Result<HttpAnswer, Problem> {
        self.proof_answer(owner, &self.proof(owner).await?).await
    }

    /// Starts or resumes the verification, unless the owner has one already.
    pub(crate) async fn open_verification(&self, owner: &Owner) -> Result<HttpAnswer, Problem> {
        let stored = match self.proof(owner).await? {
            Proof::Own(stored) => stored,
            covered @ Proof::Agency(_) => return self.proof_answer(owner, &covered).await,
        };
        let phone = self.phone_for_names(owner, &stored.verification).await?;
        let opened = self.open_session(owner, stored).await.map_err(|error| unavailable(&error))?;
        let policy = &self.settings.policy;
        match opened {
            Opened::Session(verification, session) => {
                let view = verification_view(&verification, Some(&session), policy, phone);
                Ok(HttpAnswer::json(StatusCode::OK, &view))
            }
            Opened::NothingToDo(verification) => {
                Ok(HttpAnswer::json(StatusCode::OK, &verification_view(&verification, None, policy, phone)))
            }
            Opened::NotNow(verification, seconds) => {
                let answer = HttpAnswer::json(StatusCode::OK, &verification_view(&verification, None, policy, phone));
                Ok(answer.with("retry-after", seconds.to_string()))
            }
            Opened::Refused(_) => {
                let detail = "All attempts are used, or the verification was taken back. Contact support.";
                Err(Problem::new(ProblemType::VerificationLocked, detail))
            }
            Opened::PersonaDown => Err(persona_down()),
        }
    }

    /// Asks Persona now, with the effects of a webhook: mark, then wake. One ask an owner every few seconds.
    ///
    /// After a crash anywhere here the owner is due, and the sweep asks or wakes.
    pub(crate) async fn refresh_verification(&self, owner: &Owner) -> Result<HttpAnswer, Problem> {
        let stored = match self.proof(owner).await? {
            Proof::Own(stored) => stored,
            covered @ Proof::Agency(_) => return self.proof_answer(owner, &covered).await,
        };
        let Some(inquiry) = worth_asking(&stored) else {
            return self.proof_answer(owner, &Proof::Own(stored)).await;
        };
        let now = self.ambient.now();
        let turn = turns::take(&self.store, &keys::refresh(owner), now).await.map_err(|error| unavailable(&error))?;
        if let Err(at) = turn {
            return Err(asked_enough("Persona was asked a moment ago; ask again later.", at, now));
        }
        let woken = if stored.verification.verified_at().is_some() {
            verifications::wake(&self.store, &self.queue, owner, None, WAKE_AT_ONCE_MAX).await.map(|_| ())
        } else {
            let room = self.take_requests(1, Urgency::Sooner).await.map_err(|error| unavailable(&error))?;
            if let Err(at) = room {
                turns::give_back(&self.store, &keys::refresh(owner), now).await.map_err(|error| unavailable(&error))?;
                let detail = "Persona is asked by many at this moment. What it decides arrives by itself.";
                return Err(asked_enough(detail, at, now));
            }
            let said = self.identity.look(std::slice::from_ref(&inquiry)).await.map_err(|error| {
                warn!(%error, %inquiry, "Persona could not be asked.");
                persona_down()
            })?;
            info!(%inquiry, "Persona was asked at the caller's request.");
            self.take_all(owner, said).await
        };
        match woken {
            Ok(()) => self.read_verification(owner).await,
            Err(WakeError::Store(error)) => Err(unavailable(&error)),
            Err(WakeError::Queue(error)) => {
                warn!(%error, "Not everybody who waits was woken; the sweep wakes them.");
                Err(Problem::try_again())
            }
        }
    }

    /// The verification that counts for this owner: its own, unless its stored profile names an agency that is
    /// verified while it is not itself.
    pub(crate) async fn proof(&self, owner: &Owner) -> Result<Proof, Problem> {
        self.load_proof(owner).await.map_err(|error| unavailable(&error))
    }

    async fn load_proof(&self, owner: &Owner) -> Result<Proof, StoreError> {
        let Owner::SubAccount(sub_account) = owner else {
            return verifications::load(&self.store, owner).await.map(Proof::Own);
        };
        let (own, profile) =
            try_join(verifications::load(&self.store, owner), profiles::load(&self.store, sub_account)).await?;
        let Some(agency) = profile.agency.filter(|_| own.verification.verified_at().is_none()) else {
            return Ok(Proof::Own(own));
        };
        let agency = verifications::load(&self.store, &Owner::Agency(agency)).await?;
        Ok(if agency.verification.verified_at().is_some() { Proof::Agency(agency) } else { Proof::Own(own) })
    }

    /// Applies what Persona said, exactly as if it had delivered it.
    ///
    /// # Errors
    /// [`WakeError`] when the table or the queue does not answer: what was said before that stands, and who waits is due.
    pub(crate) async fn take_all(&self, owner: &Owner, said: Vec<Looked>) -> Result<(), WakeError> {
        let Settings { policy, revisits, .. } = &self.settings;
        for looked in &said {
            let news = News::answered(owner, looked);
            verifications::take(&self.store, &self.queue, policy, revisits, news, self.ambient.now()).await?;
        }
        Ok(())
    }

    async fn proof_answer(&self, owner: &Owner, proof: &Proof) -> Result<HttpAnswer, Problem> {
        let view = match proof {
            Proof::Own(stored) => {
                let phone = self.phone_for_names(owner, &stored.verification).await?;
                verification_view(&stored.verification, None, &self.settings.policy, phone)
            }
            Proof::Agency(stored) => covered_view(&stored.verification),
        };
        Ok(HttpAnswer::json(StatusCode::OK, &view))
    }

    /// Whether an approved phone is missing for the name on the ID to be compared with its owner's; read only where the
    /// verification waits for that.
    pub(crate) async fn phone_for_names(
        &self,
        owner: &Owner,
        verification: &Verification,
    ) -> Result<PhoneRequirement, Problem> {
        let Owner::SubAccount(sub_account) = owner else { return Ok(PhoneRequirement::Met) };
        let phone = phones::requirement(&self.store, sub_account, verification.needs_phone()).await;
        phone.map_err(|error| unavailable(&error))
    }
}

fn asked_enough(detail: &'static str, again_at: Instant, now: Instant) -> Problem {
    let problem = Problem::new(ProblemType::TooManyRequests, detail);
    Problem { retry_after_s: Some(again_at.whole_seconds_from(now)), ..problem }
}

fn persona_down() -> Problem {
    let detail = "Persona does not answer. Waiting purchases are safe; ask again in a moment.";
    let problem = Problem::new(ProblemType::PersonaUnavailable, detail);
    Problem { retry_after_s: Some(PERSONA_DOWN_RETRY_AFTER_S), ..problem }
}

/// The inquiry that Persona can say something of that counts.
fn worth_asking(stored: &StoredVerification) -> Option<InquiryId> {
    match stored.verification.state {
        VerificationState::Revoked { by: RevokedBy::Operator, .. } => None,
        VerificationState::Unverified
        | VerificationState::InProgress { .. }
        | VerificationState::InReview { .. }
        | VerificationState::Verified { .. }
        | VerificationState::Declined
        | VerificationState::Failed
        | VerificationState::Expired
        | VerificationState::Locked
        | VerificationState::Revoked { by: RevokedBy::Persona, .. } => {
            stored.verification.inquiry.as_ref().map(|inquiry| inquiry.id.clone())
        }
    }
}
