//! Following a purchase, and taking it back.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::items::StoredVerification;
use adapters::persona::Identity;
use adapters::phones;
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::profiles;
use adapters::purchases::{self, Commit, Committed, Stored, commit_pool, load_members};
use adapters::queue::Queue;
use adapters::store::{Store, StoreError};
use adapters::verifications::{self, DECIDE_AGAIN_MAX};
use domain::{
    Actor, Clearance, Decision, Owner, PhoneRequirement, PoolEvent, PurchaseEvent, PurchaseId, SubAccountId, Timing,
};
use futures::future::try_join3;
use lambda_http::http::StatusCode;
use sha2::{Digest, Sha256};
use tracing::info;

use crate::PurchaseCheck;
use crate::view::{Members, Shown, Standing};

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
            profiles::load(&self.store, sub_account),
            verifications::load(&self.store, &own),
        )
        .await
        .map_err(|error| unavailable(&error))?;
        let stored = stored.ok_or_else(Problem::not_found)?;
        let owners = profile.owners(sub_account);
        let mut verifications = vec![verification];
        if stored.request().waits && stored.request().gated {
            // The agency's, where there is one.
            let others = verifications::load_all(&self.store, &owners[1..]).await;
            verifications.extend(others.map_err(|error| unavailable(&error))?);
        }
        let standing = if stored.request().waits {
            let needed = stored.request().needs_phone || verifications[0].verification.needs_phone();
            let phone = phones::requirement(&self.store, sub_account, needed).await;
            standing(&stored, &owners, verifications, phone.map_err(|error| unavailable(&error))?)
        } else {
            Standing::Ended
        };
        let shown = self.shown(stored, standing).await?;
        let answer = HttpAnswer::json(StatusCode::OK, &shown.view());
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&answer.body)[..16]));
        let unchanged = request.header("if-none-match")?.is_some_and(|tags| names(tags, &tag));
        let answer = if unchanged { HttpAnswer::empty(StatusCode::NOT_MODIFIED) } else { answer }.with("etag", tag);
        Ok(match shown.retry_after_s() {
            None => answer,
            Some(seconds) => answer.with("retry-after", seconds.to_string()),
        })
    }

    /// A purchase with its numbers: a pool that has begun has them in items of their own.
    pub(crate) async fn shown(&self, stored: Stored, standing: Standing) -> Result<Shown, Problem> {
        let members = match &stored {
            Stored::Pool(pool) if pool.pool.has_begun() => {
                load_members(&self.store, pool).await.map_err(|error| unavailable(&error))?
            }
            Stored::Pool(_) | Stored::One(_) => Vec::new(),
        };
        Ok(Shown { stored, standing, members: Members::Read(members) })
    }

    /// Takes a purchase back while nothing was asked of the carrier. The condition of the commit is the version that
    /// was read, so a claim that comes first wins and this becomes a 409.
    pub(crate) async fn cancel(&self, sub_account: &SubAccountId, id: &PurchaseId) -> Result<HttpAnswer, Problem> {
        for _ in 0..DECIDE_AGAIN_MAX {
            let stored = purchases::load(&self.store, sub_account, id).await.map_err(|error| unavailable(&error))?;
            let stored = stored.ok_or_else(Problem::not_found)?;
            match self.cancel_once(stored).await.map_err(|error| unavailable(&error))? {
                Cancelled::Now(stored) => {
                    info!(purchase = %id, "The customer took the purchase back.");
                    return Ok(ended(stored));
                }
                Cancelled::Before(stored) => return Ok(ended(stored)),
                Cancelled::TooLate => {
                    let detail = "Buying has begun, or the purchase has ended. Read it to see what became of it.";
                    return Err(Problem::new(ProblemType::PurchaseNotCancellable, detail));
                }
                Cancelled::Changed => {}
            }
        }
        Err(Problem::try_again())
    }

    async fn cancel_once(&self, stored: Stored) -> Result<Cancelled, StoreError> {
        let (now, timing) = (self.ambient.now(), Timing::default());
        Ok(match stored {
            Stored::One(seen) => match seen.purchase.decide(&PurchaseEvent::Cancel, Actor::Customer, now, &timing) {
                Decision::Applied { next, effects } => {
                    let commit = Commit { seen: &seen, next, effects, guards: vec![], due_at: None };
                    match purchases::commit(&self.store, commit).await? {
                        Committed::Done(stored) => Cancelled::Now(Stored::One(*stored)),
                        Committed::Changed | Committed::Guarded | Committed::LockedBy(..) => Cancelled::Changed,
                    }
                }
                Decision::AlreadyDone { .. } => Cancelled::Before(Stored::One(seen)),
                Decision::Illegal(_) => Cancelled::TooLate,
            },
            Stored::Pool(seen) => match seen.pool.decide(&PoolEvent::Cancel, Actor::Customer, now, &timing) {
                Decision::Applied { next, effects } => {
                    match commit_pool(&self.store, &seen, next, effects.ends, &[], None).await? {
                        Committed::Done(stored) => Cancelled::Now(Stored::Pool(*stored)),
                        Committed::Changed | Committed::Guarded | Committed::LockedBy(..) => Cancelled::Changed,
                    }
                }
                Decision::AlreadyDone { .. } => Cancelled::Before(Stored::Pool(seen)),
                Decision::Illegal(_) => Cancelled::TooLate,
            },
        })
    }
}

/// What became of taking a purchase back.
enum Cancelled {
    Now(Stored),
    Before(Stored),
    TooLate,
    Changed,
}

fn ended(stored: Stored) -> HttpAnswer {
    let members = Members::Read(Vec::new());
    HttpAnswer::json(StatusCode::OK, &Shown { stored, standing: Standing::Ended, members }.view())
}

/// What a purchase that waits stands on, by verifications read for `owners` in the same order, and by the phone, read
/// where the purchase or the sub-account's own verification needs one.
pub(crate) fn standing(
    stored: &Stored,
    owners: &[Owner],
    verifications: Vec<StoredVerification>,
    phone: PhoneRequirement,
) -> Standing {
    let for_purchase = if stored.request().needs_phone { phone } else { PhoneRequirement::Met };
    match verifications::clearance(stored, owners, &verifications, for_purchase) {
        Clearance::Cleared(_) => Standing::Cleared,
        Clearance::NeedsPhone => Standing::NeedsPhone,
        Clearance::NotCleared => {
            let own = verifications.into_iter().next().unwrap_or_default().verification;
            let needed = stored.request().needs_phone || own.needs_phone();
            Standing::Waiting(own, if needed { phone } else { PhoneRequirement::Met }, None)
        }
    }
}

/// Whether `If-None-Match` names the tag; `*` names any (RFC 9110, section 13.1.2).
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|named| named == "*" || named.trim_start_matches("W/") == tag)
}
