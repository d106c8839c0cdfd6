//! Asking for a number: the order of writes and reads that leaves no purchase stranded.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::items::StoredVerification;
use adapters::persona::Identity;
use adapters::problem::{Problem, ProblemType};
use adapters::purchases::{self, Asked, StoredPurchase};
use adapters::queue::{PurchaseMessage, Queue};
use adapters::regions::region_of;
use adapters::store::Store;
use adapters::verifications::{self, Waiting};
use domain::{Actor, Clearance, Happening, HistoryEntry, Owner, Purchase, PurchaseId, PurchaseState, SubAccountId};
use futures::future::try_join3;
use lambda_http::http::StatusCode;
use tracing::{info, warn};

use crate::body::Asking;
use crate::session::Opened;
use crate::view::{Standing, purchase_view};
use crate::{PurchaseCheck, unavailable};

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// Puts the purchase while reading who its owners are; sends it on if they are cleared; otherwise makes it wait
    /// and hands out a session at Persona. Asking again under the same key repeats whatever of this was lost.
    ///
    /// After a crash anywhere here the purchase, if it was put, is due in the table and goes on by itself.
    pub(crate) async fn ask(&self, request: &HttpRequest, sub_account: SubAccountId) -> Result<HttpAnswer, Problem> {
        let asking = Asking::read(request)?;
        let purchase = self.purchase(asking, sub_account);
        let sub_account = purchase.sub_account.clone();
        let own = Owner::SubAccount(sub_account.clone());
        let (hash, now, step_ms) = (purchase.body_hash, purchase.created_at, self.settings.revisits.step_ms);
        let (asked, profile, verification) = try_join3(
            purchases::ask(&self.store, purchase, now, step_ms),
            purchases::load_profile(&self.store, &sub_account),
            verifications::load(&self.store, &own),
        )
        .await
        .map_err(|error| unavailable(&error))?;
        let (status, stored) = match asked {
            Asked::New(stored) => (StatusCode::ACCEPTED, stored),
            Asked::Before(stored) if stored.purchase.body_hash == hash => (StatusCode::OK, stored),
            Asked::Before(_) => {
                let detail = "This Idempotency-Key was used for another request. Use a fresh key for a new purchase.";
                return Err(Problem::new(ProblemType::IdempotencyKeyReused, detail));
            }
        };
        if stored.purchase.state != PurchaseState::Waiting {
            return Ok(answer(status, &stored.purchase, &Standing::Ended));
        }
        let standing = match verifications::clearance(&stored, std::slice::from_ref(&own), &[verification]) {
            Clearance::Cleared(_) => self.send(&stored).await,
            Clearance::NotCleared => self.wait(&stored, &profile.owners(&sub_account)).await?,
        };
        Ok(answer(status, &stored.purchase, &standing))
    }

    fn purchase(&self, asking: Asking, sub_account: SubAccountId) -> Purchase {
        let now = self.ambient.now();
        Purchase {
            id: PurchaseId::of(&sub_account, &asking.key),
            sub_account,
            gated: self.settings.gate.gates(region_of(asking.number.as_str())),
            number: asking.number,
            body_hash: asking.hash,
            created_at: now,
            updated_at: now,
            deadline: now.plus_ms(self.settings.purchase_wait_ms),
            state: PurchaseState::Waiting,
            history: vec![HistoryEntry { at: now, by: Actor::Customer, what: Happening::Requested }],
        }
    }

    /// A message that cannot be sent is no reason to refuse: the purchase stands, and the sweep sends another.
    async fn send(&self, stored: &StoredPurchase) -> Standing {
        let StoredPurchase { purchase, .. } = stored;
        let message = PurchaseMessage { sub_account: purchase.sub_account.clone(), id: purchase.id.clone() };
        match self.queue.send(vec![message]).await {
            Ok(()) => info!(purchase = %purchase.id, "The purchase was sent to be bought."),
            Err(error) => {
                warn!(purchase = %purchase.id, %error, "The purchase stands, but was not sent; the sweep will send it.");
            }
        }
        Standing::Cleared
    }

    async fn wait(&self, stored: &StoredPurchase, owners: &[Owner]) -> Result<Standing, Problem> {
        let waiting = verifications::wait(&self.store, stored, owners).await.map_err(|error| unavailable(&error))?;
        match waiting {
            Waiting::Cleared(_) => Ok(self.send(stored).await),
            Waiting::Moved => Ok(Standing::Cleared),
            Waiting::ForOwners(verifications) => {
                info!(purchase = %stored.purchase.id, "The purchase waits for its verification.");
                let own = verifications.into_iter().next().unwrap_or_default();
                self.open_for(stored, own).await
            }
        }
    }

    /// The purchase waits whatever becomes of this: Persona being down is no reason to refuse it.
    async fn open_for(&self, stored: &StoredPurchase, own: StoredVerification) -> Result<Standing, Problem> {
        let owner = Owner::SubAccount(stored.purchase.sub_account.clone());
        let opened = self.open_session(&owner, own.clone()).await.map_err(|error| unavailable(&error))?;
        Ok(match opened {
            Opened::Session(verification, session) => Standing::Waiting(verification, Some(session)),
            Opened::NotNow(verification, _) | Opened::NothingToDo(verification) | Opened::Refused(verification) => {
                Standing::Waiting(verification, None)
            }
            Opened::PersonaDown => Standing::Waiting(own.verification, None),
        })
    }
}

fn answer(status: StatusCode, purchase: &Purchase, standing: &Standing) -> HttpAnswer {
    let location = format!("/v1/sub-accounts/{}/purchases/{}", purchase.sub_account, purchase.id);
    let answer = HttpAnswer::json(status, &purchase_view(purchase, standing)).with("location", location);
    match standing.retry_after_s(purchase) {
        None => answer,
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
    }
}
