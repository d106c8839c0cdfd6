//! A verification that is due: an open one to ask Persona about, a verified one as the outbox of who waits for it.

use std::collections::HashMap;

use adapters::ambient::Ambient;
use adapters::items::{VERSION, VISITS, verification_from_item};
use adapters::persona::Identity;
use adapters::queue::Queue;
use adapters::store::{Condition, DUE_AT, DUE_SHARD, Store, Value, Write};
use adapters::verifications::{self, Cause, Observed};
use domain::{InquiryEvent, InquiryId, Instant, Owner, VerificationEffect, VerificationState};
use tracing::{info, warn};

use crate::{Due, SweepError, Sweeper, Swept, Visited, visits_of};

/// How often Persona is asked about an inquiry that failed, before nobody expects a decision any more: with the doubling
/// intervals over two days, longer than what waits for it mostly does. A webhook still counts after that.
const FAILED_ASKS_MAX: i64 = 100;

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

    /// Wakes who still waits. Once nobody does, the owner is no longer due: whoever waits later reads it as verified.
    async fn visit_verified(
        &self,
        due: &Due,
        owner: &Owner,
        version: i64,
        pushed_to: Instant,
    ) -> Result<Visited, SweepError> {
        let woken = verifications::wake(&self.store, &self.queue, owner).await?;
        if woken.purchases == 0 {
            self.sleep(due, version, pushed_to).await?;
        }
        Ok(Visited::Sent(woken.purchases))
    }

    async fn sleep(&self, due: &Due, version: i64, pushed_to: Instant) -> Result<(), SweepError> {
        self.conditional(Write::Update {
            key: due.key.clone(),
            set: vec![],
            remove: vec![DUE_SHARD, DUE_AT, VISITS],
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
                let woken = verifications::wake(&self.store, &self.queue, owner).await?;
                info!(purchases = woken.purchases, "The purchases that waited were sent to be bought.");
            }
        }
        Ok(changed)
    }
}
