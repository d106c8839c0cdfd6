//! A verification that is due: an open one to ask Persona about, a verified one as the outbox of who waits for it.

use std::collections::HashMap;

use adapters::ambient::Ambient;
use adapters::items::{VERSION, VISITS, keys, verification_from_item};
use adapters::persona::Identity;
use adapters::queue::Queue;
use adapters::store::{Condition, DUE_AT, DUE_SHARD, Item, PK, SK, Store, Value, Write};
use adapters::verifications::{self, Cause, Observed, WAKE_AT_ONCE_MAX};
use domain::{InquiryEvent, InquiryId, Instant, Owner, VerificationEffect, VerificationState};
use tracing::{info, warn};

use crate::{Due, SweepError, Sweeper, Swept, Visited, visits_of};

/// How often Persona is asked about an inquiry that failed, before nobody expects a decision any more: with the doubling
/// intervals over two days, longer than what waits for it mostly does. A webhook still counts after that.
const FAILED_ASKS_MAX: i64 = 100;

/// Name of the attribute of a verification that holds where the last visit ended: the sort key of a wait pointer.
const WOKEN_UP_TO: &str = "woken_up_to";

/// Messages that one visit to one owner sends: with some 100 requests of ten at a time, seconds of a sweep's time.
const WAKE_IN_SWEEP_MAX: usize = 2_000;

impl<S: Store, Q: Queue, I: Identity, A: Ambient> Sweeper<S, Q, I, A> {
    pub(crate) async fn visit_verification(&self, due: Due, owner: Owner) -> Result<Visited, SweepError> {
        let stored = verification_from_item(&due.item)?;
        let now = self.ambient.now();
        let verified = stored.verification.verified_at().is_some();
        let next_at = match stored.verification.state {
            VerificationState::Verified { .. } => self.backed_off(&due, now, self.settings.revisits.step_ms),
            // Decided seldom and late, if ever: asked about ever more rarely, and not for ever.
            VerificationState::Failed => self.backed_off(&due, now, self.settings.revisits.poll_age_ms),
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview
            | VerificationState::Declined
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => now.plus_ms(self.settings.revisits.poll_age_ms),
        };
        if !self.push(&due, next_at).await? {
            return Ok(Visited::Nothing);
        }
        if verified {
            return self.visit_verified(&due, &owner, stored.version, next_at).await;
        }
        let given_up =
            stored.verification.state == VerificationState::Failed && visits_of(&due.item) >= FAILED_ASKS_MAX;
        let is_open = stored.verification.is_open() && !given_up;
        match stored.verification.inquiry {
            Some(inquiry) if is_open => Ok(Visited::Ask(owner, inquiry.id)),
            Some(_) | None => {
                self.sleep(&due, stored.version, next_at).await?;
                Ok(Visited::Nothing)
            }
        }
    }

    /// Wakes who still waits, from where the last visit ended. Once nobody does, the owner is no longer due: whoever waits
    /// later reads it as verified.
    async fn visit_verified(
        &self,
        due: &Due,
        owner: &Owner,
        version: i64,
        pushed_to: Instant,
    ) -> Result<Visited, SweepError> {
        let from = due.item.get(WOKEN_UP_TO).and_then(|last| waiter_key(owner, last));
        let from_the_start = from.is_none();
        let woken = verifications::wake(&self.store, &self.queue, owner, from, WAKE_IN_SWEEP_MAX).await?;
        if woken.messages == 0 && from_the_start {
            self.sleep(due, version, pushed_to).await?;
            return Ok(Visited::Nothing);
        }
        // Those at the front may take long: the next visit goes on behind them, soon, and then starts again.
        let (set, remove) = match woken.more_after.as_ref().and_then(|last| last.get(SK).cloned()) {
            Some(last) => {
                let soon = self.ambient.now().plus_ms(self.settings.revisits.step_ms);
                (vec![(WOKEN_UP_TO, last), (DUE_AT, Value::N(soon.unix_ms())), (VISITS, Value::N(0))], vec![])
            }
            None if from_the_start => return Ok(Visited::Sent(woken.messages)),
            None => (vec![], vec![WOKEN_UP_TO]),
        };
        let expect = Condition::Equals(DUE_AT, Value::N(pushed_to.unix_ms()));
        self.conditional(Write::Update { key: due.key.clone(), set, remove, expect }).await?;
        Ok(Visited::Sent(woken.messages))
    }

    pub(crate) async fn sleep(&self, due: &Due, version: i64, pushed_to: Instant) -> Result<(), SweepError> {
        self.conditional(Write::Update {
            key: due.key.clone(),
            set: vec![],
            remove: vec![DUE_SHARD, DUE_AT, VISITS, WOKEN_UP_TO],
            expect: Condition::All(vec![
                Condition::Equals(DUE_AT, Value::N(pushed_to.unix_ms())),
                Condition::Equals(VERSION, Value::N(version)),
            ]),
        })
        .await?;
        Ok(())
    }

    /// Asks Persona about a group of inquiries and applies what it says, exactly as if it had delivered it; whether all
    /// of it was.
    pub(crate) async fn ask(&self, group: &[(Owner, InquiryId)], swept: &mut Swept) -> bool {
        let inquiries: Vec<InquiryId> = group.iter().map(|(_, inquiry)| inquiry.clone()).collect();
        let owners: HashMap<&InquiryId, &Owner> = group.iter().map(|(owner, inquiry)| (inquiry, owner)).collect();
        swept.asked += inquiries.len();
        let events = match self.identity.look(&inquiries).await {
            Ok(events) => events,
            Err(error) => {
                warn!(%error, inquiries = inquiries.len(), "Persona could not be asked; the next sweep asks again.");
                swept.failed += inquiries.len();
                return false;
            }
        };
        let mut all_applied = true;
        for event in events {
            let Some(owner) = owners.get(&event.inquiry) else {
                continue;
            };
            match self.apply(owner, &event).await {
                Ok(changed) => swept.changed += usize::from(changed),
                Err(error) => {
                    warn!(%error, "What Persona said could not be applied; the next sweep asks again.");
                    swept.failed += 1;
                    all_applied = false;
                }
            }
        }
        all_applied
    }

    async fn apply(&self, owner: &Owner, event: &InquiryEvent) -> Result<bool, SweepError> {
        let now = self.ambient.now();
        let policy = &self.settings.policy;
        let revisits = &self.settings.revisits;
        let observed = verifications::observe(&self.store, policy, revisits, owner, event, Cause::Look, now).await?;
        let (changed, effect) = match observed {
            Observed::Applied(effect) => (true, effect),
            Observed::AlreadyDone(effect) => (false, effect),
            Observed::Overruled => (false, VerificationEffect::None),
        };
        match effect {
            VerificationEffect::None => {}
            VerificationEffect::WakeWaiters => {
                let woken = verifications::wake(&self.store, &self.queue, owner, None, WAKE_AT_ONCE_MAX).await?;
                info!(messages = woken.messages, "The purchases that waited were sent to be bought.");
            }
        }
        Ok(changed)
    }
}

/// The keys of the wait pointer with this sort key: where to go on behind.
fn waiter_key(owner: &Owner, last: &Value) -> Option<Item> {
    match last {
        Value::S(_) => Some(Item::from([(PK, Value::S(keys::owner_pk(owner).into())), (SK, last.clone())])),
        Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_) => None,
    }
}
