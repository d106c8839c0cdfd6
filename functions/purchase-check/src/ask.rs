//! Asking for numbers: the order of writes and reads that leaves no purchase stranded.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::items::StoredVerification;
use adapters::persona::Identity;
use adapters::phones;
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::profiles;
use adapters::purchases::{self, Asked, Stored, StoredPool, StoredPurchase, withdraw};
use adapters::queue::Queue;
use adapters::regions::region_of;
use adapters::store::{Store, StoreError};
use adapters::verifications::{self, Waiter, Waiting};
use domain::{
    Action, Actor, ApprovedPhone, Clearance, Happening, HistoryEntry, Instant, Owner, PhoneNumber, PhoneRequirement,
    Place, Pool, PoolState, Purchase, PurchaseId, PurchaseState, SubAccountId, phone_requirement,
};
use futures::future::try_join4;
use lambda_http::http::StatusCode;
use tracing::{info, warn};

use crate::PurchaseCheck;
use crate::body::{Asking, Wanted};
use crate::session::Opened;
use crate::view::{Shown, Standing};

/// How long after a purchase was put another request may still take it back as one too many, in milliseconds: longer
/// than a function may run.
const WITHDRAWAL_MS_MAX: i64 = 60_000;

/// When a request that was one too many is worth repeating, in seconds.
const QUOTA_RETRY_AFTER_S: u32 = 60;

/// Whether this request put the purchase, and how many may wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quota {
    /// It did: one too many is withdrawn.
    New(u32),
    /// It was there.
    Before(u32),
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// Puts the purchase while reading who its owners are; sends it on if they are cleared; otherwise makes it wait
    /// and hands out a session at Persona. Asking again under the same key repeats whatever of this was lost.
    ///
    /// After a crash anywhere here the purchase, if it was put, is due in the table and goes on by itself.
    pub(crate) async fn ask(&self, request: &HttpRequest, sub_account: SubAccountId) -> Result<HttpAnswer, Problem> {
        let asking = Asking::read(request)?;
        let now = self.ambient.now();
        let (hash, step_ms) = (asking.hash, self.settings.revisits.step_ms);
        let new = self.purchase(asking, sub_account.clone(), now);
        let own = Owner::SubAccount(sub_account.clone());
        let (asked, profile, verification, approved) = try_join4(
            purchases::ask(&self.store, new, now, step_ms),
            profiles::load(&self.store, &sub_account),
            verifications::load(&self.store, &own),
            self.approved_phone(&sub_account),
        )
        .await
        .map_err(|error| unavailable(&error))?;
        let open_max = profile.open_purchases_max();
        let (status, stored, quota) = match asked {
            Asked::New(stored) => (StatusCode::ACCEPTED, stored, Quota::New(open_max)),
            Asked::Before(stored) if stored.request().body_hash == hash => {
                (StatusCode::OK, stored, Quota::Before(open_max))
            }
            Asked::Before(_) => {
                let detail = "This Idempotency-Key was used for another request. Use a fresh key for a new purchase.";
                return Err(Problem::new(ProblemType::IdempotencyKeyReused, detail));
            }
        };
        if !stored.request().waits {
            let shown = self.shown(stored, Standing::Ended).await?;
            return Ok(answer(status, &shown));
        }
        // One that was asked for under another policy, and so was not read here, is read where it waits.
        let phone = phone_requirement(stored.request().needs_phone, approved.as_ref());
        let owners = std::slice::from_ref(&own);
        let (stored, standing) = match verifications::clearance(&stored, owners, &[verification], phone) {
            Clearance::Cleared(_) => self.send(stored).await,
            Clearance::NotCleared | Clearance::NeedsPhone => {
                self.wait(stored, profile.owners(&sub_account), quota).await?
            }
        };
        let shown = self.shown(stored, standing).await?;
        Ok(answer(status, &shown))
    }

    async fn approved_phone(&self, sub_account: &SubAccountId) -> Result<Option<ApprovedPhone>, StoreError> {
        if self.settings.phone_required { phones::load_approved(&self.store, sub_account).await } else { Ok(None) }
    }

    fn purchase(&self, asking: Asking, sub_account: SubAccountId, now: Instant) -> Stored {
        let needs_phone = self.settings.phone_required;
        let gates =
            |action, number: &PhoneNumber| self.settings.gate.requires(action, Some(region_of(number.as_str())));
        let Asking { key, wanted, if_unavailable, hash: body_hash } = asking;
        let id = PurchaseId::of(&sub_account, &key);
        let deadline = now.plus_ms(self.settings.purchase_wait_ms);
        let (created_at, updated_at, pointers) = (now, now, Vec::new());
        let history = vec![HistoryEntry { at: now, by: Actor::Customer, what: Happening::Requested }];
        let version = 1;
        match wanted {
            Wanted::Number(number) => {
                let purchase = Purchase {
                    gated: gates(Action::PhoneNumberPurchase, &number),
                    needs_phone,
                    place: Place::Alone,
                    given_up: Vec::new(),
                    alternatives: Vec::new(),
                    state: PurchaseState::Waiting,
                    id,
                    sub_account,
                    number,
                    if_unavailable,
                    body_hash,
                    created_at,
                    updated_at,
                    deadline,
                    pointers,
                    history,
                };
                Stored::One(StoredPurchase { purchase, version })
            }
            Wanted::Pool(numbers, fulfilment) => {
                let pool = Pool {
                    gated: numbers.iter().any(|number| gates(Action::NumberPoolPurchase, number)),
                    needs_phone,
                    state: PoolState::Waiting,
                    id,
                    sub_account,
                    numbers,
                    fulfilment,
                    if_unavailable,
                    body_hash,
                    created_at,
                    updated_at,
                    deadline,
                    pointers,
                    history,
                };
                Stored::Pool(StoredPool { pool, version })
            }
        }
    }

    /// A message that cannot be sent is no reason to refuse: the purchase stands, and the sweep sends another.
    async fn send(&self, stored: Stored) -> (Stored, Standing) {
        let id = stored.request().id;
        match self.queue.send(stored.messages()).await {
            Ok(()) => info!(purchase = %id, "The purchase was sent to be bought."),
            Err(error) => {
                warn!(purchase = %id, %error, "The purchase stands, but was not sent; the sweep will send it.");
            }
        }
        (stored, Standing::Cleared)
    }

    async fn wait(&self, stored: Stored, owners: Vec<Owner>, quota: Quota) -> Result<(Stored, Standing), Problem> {
        let (Quota::New(open_max) | Quota::Before(open_max)) = quota;
        let waiting = verifications::wait(&self.store, stored, owners, Some(open_max.saturating_add(1)))
            .await
            .map_err(|error| unavailable(&error))?;
        match waiting {
            Waiting::Cleared(stored, _) => Ok(self.send(stored).await),
            Waiting::Moved(Some(stored)) => Ok((stored, Standing::Cleared)),
            // Withdrawn by the request that put it, at this very moment.
            Waiting::Moved(None) => Err(Problem::try_again()),
            Waiting::Waits(waiter) => {
                if waiter.waiting > usize::try_from(open_max).unwrap_or(usize::MAX) {
                    self.too_many(&waiter, quota).await?;
                }
                let id = waiter.stored.request().id;
                if waiter.identified {
                    info!(purchase = %id, "The purchase waits for an approved phone.");
                    return Ok((waiter.stored, Standing::NeedsPhone));
                }
                info!(purchase = %id, "The purchase waits for its verification.");
                let own = waiter.verifications.into_iter().next().unwrap_or_default();
                self.open_for(waiter.stored, own, waiter.phone).await
            }
        }
    }

    /// One too many: the request that put the purchase takes it back, so that its key stays free. It was counted with its
    /// own pointer in place, so that of many requests at once none gets past the limit.
    async fn too_many(&self, waiter: &Waiter, quota: Quota) -> Result<(), Problem> {
        let request = waiter.stored.request();
        match quota {
            Quota::New(open_max) => {
                let withdrawn = withdraw(&self.store, &waiter.stored).await.map_err(|error| unavailable(&error))?;
                if !withdrawn {
                    // Somebody works on it: then it stays.
                    return Ok(());
                }
                warn!(sub_account = %request.sub_account, metric = "too_many_open_purchases", "A sub-account asks for more than may wait.");
                let detail = format!(
                    "{open_max} purchases of this sub-account wait for its verification, and no more may. Finish the \
                     verification, or take purchases back; then send this again."
                );
                let problem = Problem::new(ProblemType::TooManyOpenPurchases, detail);
                Err(Problem { retry_after_s: Some(QUOTA_RETRY_AFTER_S), ..problem })
            }
            // Whoever put it a moment ago may be taking it back: nothing is promised that may be gone.
            Quota::Before(_) if self.ambient.now().ms_since(request.created_at) < WITHDRAWAL_MS_MAX => {
                Err(Problem::try_again())
            }
            Quota::Before(_) => Ok(()),
        }
    }

    /// The purchase waits whatever becomes of this: Persona being down is no reason to refuse it.
    async fn open_for(
        &self,
        stored: Stored,
        own: StoredVerification,
        phone: PhoneRequirement,
    ) -> Result<(Stored, Standing), Problem> {
        let owner = Owner::SubAccount(stored.request().sub_account.clone());
        let opened = self.open_session(&owner, own.clone()).await.map_err(|error| unavailable(&error))?;
        let (verification, session) = match opened {
            Opened::Session(verification, session) => (verification, Some(session)),
            Opened::NotNow(verification, _) | Opened::NothingToDo(verification) | Opened::Refused(verification) => {
                (verification, None)
            }
            Opened::PersonaDown => (own.verification, None),
        };
        let phone = match phone {
            PhoneRequirement::VerifyPhone => phone,
            PhoneRequirement::Met => self.phone_for_names(&owner, &verification).await?,
        };
        Ok((stored, Standing::Waiting(verification, phone, session)))
    }
}

fn answer(status: StatusCode, shown: &Shown) -> HttpAnswer {
    let request = shown.stored.request();
    let location = format!("/v1/sub-accounts/{}/purchases/{}", request.sub_account, request.id);
    let answer = HttpAnswer::json(status, &shown.view()).with("location", location);
    match shown.retry_after_s() {
        None => answer,
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
    }
}
