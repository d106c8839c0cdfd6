//! Following a purchase and a verification, and taking a purchase back.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::persona::Identity;
use adapters::problem::{Problem, ProblemType};
use adapters::purchases::{self, Committed, Guard, StoredPurchase};
use adapters::queue::Queue;
use adapters::store::Store;
use adapters::verifications::{self, DECIDE_AGAIN_MAX};
use domain::{Actor, Clearance, Decision, Owner, PurchaseEvent, PurchaseId, PurchaseState, SubAccountId, Timing};
use futures::future::{try_join, try_join3};
use lambda_http::http::StatusCode;
use sha2::{Digest, Sha256};
use tracing::info;

use crate::session::Opened;
use crate::view::{Standing, purchase_view, verification_view};
use crate::{PurchaseCheck, unavailable};

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    pub(crate) async fn read_purchase(
        &self,
        request: &HttpRequest,
        sub_account: &SubAccountId,
        id: &PurchaseId,
    ) -> Result<HttpAnswer, Problem> {
        let own = Owner::SubAccount(sub_account.clone());
        let (stored, profile, verification) = try_join3(
            purchases::load(&self.store, sub_account, id),
            purchases::load_profile(&self.store, sub_account),
            verifications::load(&self.store, &own),
        )
        .await
        .map_err(|error| unavailable(&error))?;
        let stored = stored.ok_or_else(Problem::not_found)?;
        let mut owners = vec![own];
        let mut verifications = vec![verification];
        if let Some(agency) = profile.agency {
            owners.push(Owner::Agency(agency));
            let agency = verifications::load(&self.store, &owners[1]).await.map_err(|error| unavailable(&error))?;
            verifications.push(agency);
        }
        let standing = match (&stored.purchase.state, verifications::clearance(&stored, &owners, &verifications)) {
            (PurchaseState::Waiting, Clearance::NotCleared) => {
                Standing::Waiting(verifications.swap_remove(0).verification, None)
            }
            (PurchaseState::Waiting, Clearance::Cleared(_)) => Standing::Cleared,
            (
                PurchaseState::Buying(_)
                | PurchaseState::Completed { .. }
                | PurchaseState::Failed { .. }
                | PurchaseState::Expired { .. }
                | PurchaseState::Cancelled { .. }
                | PurchaseState::Held { .. },
                _,
            ) => Standing::Ended,
        };
        let answer = HttpAnswer::json(StatusCode::OK, &purchase_view(&stored.purchase, &standing));
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&answer.body)[..16]));
        let unchanged = request.header("if-none-match")?.is_some_and(|tags| names(tags, &tag));
        let answer = if unchanged { HttpAnswer::empty(StatusCode::NOT_MODIFIED) } else { answer }.with("etag", tag);
        Ok(match standing.retry_after_s(&stored.purchase) {
            None => answer,
            Some(seconds) => answer.with("retry-after", seconds.to_string()),
        })
    }

    /// Takes a purchase back while nothing was asked of the carrier. The condition of the commit is the version that
    /// was read, so a claim that comes first wins and this becomes a 409.
    pub(crate) async fn cancel(&self, sub_account: &SubAccountId, id: &PurchaseId) -> Result<HttpAnswer, Problem> {
        for _ in 0..DECIDE_AGAIN_MAX {
            let (stored, profile) = try_join(
                purchases::load(&self.store, sub_account, id),
                purchases::load_profile(&self.store, sub_account),
            )
            .await
            .map_err(|error| unavailable(&error))?;
            let stored = stored.ok_or_else(Problem::not_found)?;
            let now = self.ambient.now();
            let decision = stored.purchase.decide(&PurchaseEvent::Cancel, Actor::Customer, now, &Timing::default());
            let (next, effects) = match decision {
                Decision::Applied { next, effects } => (next, effects),
                Decision::AlreadyDone { .. } => return Ok(ended(&stored)),
                Decision::Illegal(_) => {
                    let detail = "Buying has begun, or the purchase has ended. Read it to see what became of it.";
                    return Err(Problem::new(ProblemType::PurchaseNotCancellable, detail));
                }
            };
            let owners = profile.owners(sub_account);
            let committed = purchases::commit(&self.store, &stored, next, effects, &owners, &Guard::None, None).await;
            match committed.map_err(|error| unavailable(&error))? {
                Committed::Done(stored) => {
                    info!(purchase = %id, "The customer took the purchase back.");
                    return Ok(ended(&stored));
                }
                Committed::Changed | Committed::Guarded | Committed::LockedBy(..) => {}
            }
        }
        Err(Problem::try_again())
    }

    pub(crate) async fn read_verification(&self, sub_account: &SubAccountId) -> Result<HttpAnswer, Problem> {
        let owner = Owner::SubAccount(sub_account.clone());
        let stored = verifications::load(&self.store, &owner).await.map_err(|error| unavailable(&error))?;
        let view = verification_view(&stored.verification, None, &self.settings.policy);
        Ok(HttpAnswer::json(StatusCode::OK, &view))
    }

    pub(crate) async fn open_verification(&self, sub_account: &SubAccountId) -> Result<HttpAnswer, Problem> {
        let owner = Owner::SubAccount(sub_account.clone());
        let stored = verifications::load(&self.store, &owner).await.map_err(|error| unavailable(&error))?;
        let opened = self.open_session(&owner, stored).await.map_err(|error| unavailable(&error))?;
        let policy = &self.settings.policy;
        match opened {
            Opened::Session(verification, session) => {
                let view = verification_view(&verification, Some(&session), policy);
                Ok(HttpAnswer::json(StatusCode::OK, &view))
            }
            Opened::NothingToDo(verification) => {
                Ok(HttpAnswer::json(StatusCode::OK, &verification_view(&verification, None, policy)))
            }
            Opened::NotNow(verification, seconds) => {
                let answer = HttpAnswer::json(StatusCode::OK, &verification_view(&verification, None, policy));
                Ok(answer.with("retry-after", seconds.to_string()))
            }
            Opened::Refused(_) => {
                let detail = "All attempts are used, or the verification was taken back. Contact support.";
                Err(Problem::new(ProblemType::VerificationLocked, detail))
            }
            Opened::PersonaDown => {
                const RETRY_AFTER_S: u32 = 5;
                let detail = "Persona does not answer. Waiting purchases are safe; ask again in a moment.";
                let problem = Problem::new(ProblemType::PersonaUnavailable, detail);
                Err(Problem { retry_after_s: Some(RETRY_AFTER_S), ..problem })
            }
        }
    }
}

fn ended(stored: &StoredPurchase) -> HttpAnswer {
    HttpAnswer::json(StatusCode::OK, &purchase_view(&stored.purchase, &Standing::Ended))
}

/// Whether `If-None-Match` names the tag; `*` names any (RFC 9110, section 13.1.2).
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|named| named == "*" || named.trim_start_matches("W/") == tag)
}
