//! Comparing the name on an ID with the owner of the phone that the sub-account has proved to have.
//!
//! Visits find what is to be compared; the vendors are asked after everything else, so that their slowness delays names
//! alone.

use std::sync::{Mutex, PoisonError};

use adapters::ambient::Ambient;
use adapters::items::{AuditCause, keys, name_level_name};
use adapters::name_match::NameMatch;
use adapters::persona::Identity;
use adapters::phones;
use adapters::queue::Queue;
use adapters::store::{Store, StoreError};
use adapters::verifications::{self, Change, DECIDE_AGAIN_MAX, Made, WAKE_AT_ONCE_MAX};
use domain::{
    Decision, InquiryId, Instant, NameLevels, Owner, PhoneNumber, SWEEP_PERSONA_REQUESTS_MAX, VerificationEffect,
    VerificationEvent, judge_names,
};
use futures::stream::{self, StreamExt};
use tracing::{info, warn};

use crate::{Overdue, SweepError, Sweeper, Swept, log};

/// Names found in one sweep at most. As many are compared as its questions leave requests to Persona for; what is left
/// comes again.
const NAMES_MAX: usize = 60;
/// Names compared at the same time: hides the vendors' latency, some hundred milliseconds each.
const NAMES_AT_ONCE: usize = 4;
/// How long after its deadline a purchase is kept while the names of an approval that came in time could not be compared,
/// in milliseconds: a day, for an outage of a vendor's.
const NAMES_LATE_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// What one sweep compares, in the order in which it was found due: by a visit to the verification, to its phone, or to both.
#[derive(Debug, Default)]
pub(crate) struct Comparisons(Mutex<Vec<(Owner, InquiryId, PhoneNumber)>>);

impl Comparisons {
    /// Whether another one would still be compared.
    pub(crate) fn has_room(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len() < NAMES_MAX
    }

    /// Adds one.
    pub(crate) fn add(&self, owner: Owner, inquiry: InquiryId, phone: PhoneNumber) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !found.iter().any(|(known, ..)| *known == owner) {
            found.push((owner, inquiry, phone));
        }
    }
}

impl<S: Store, Q: Queue, I: Identity, N: NameMatch, A: Ambient> Sweeper<S, Q, I, N, A> {
    /// Compares what was found, until the sweep must end. What fails or is left was pushed, and comes again.
    pub(crate) async fn compare_all(&self, found: Comparisons, started_at: Instant, swept: &mut Swept) {
        let found = found.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let requests_left = SWEEP_PERSONA_REQUESTS_MAX.saturating_sub(swept.questions);
        let mut compared = stream::iter(found.into_iter().take(requests_left))
            .map(async |(owner, inquiry, phone)| match self.is_late(started_at) {
                true => Ok(false),
                false => self.compare_names(&owner, inquiry, &phone).await.map(|()| true),
            })
            .buffered(NAMES_AT_ONCE);
        while let Some(done) = compared.next().await {
            match done {
                Ok(done) => swept.compared += usize::from(done),
                Err(failure) => {
                    swept.failed += 1;
                    log(&failure);
                }
            }
        }
    }

    /// Whether a purchase that is about to expire waits for an approval that came in time, and for which there is a phone:
    /// that its names were not compared yet is our delay, or a vendor's.
    pub(crate) async fn is_being_compared(&self, overdue: &Overdue) -> Result<bool, StoreError> {
        let request = overdue.stored.request();
        let too_late = self.ambient.now() > request.deadline.plus_ms(NAMES_LATE_MS_MAX);
        if overdue.identified || too_late {
            return Ok(false);
        }
        for stored in verifications::load_all(&self.store, &overdue.owners).await? {
            let in_time = stored.verification.awaits_names_since().is_some_and(|at| at <= request.deadline);
            if in_time && stored.verification.needs_phone() {
                return Ok(phones::load_approved(&self.store, request.sub_account).await?.is_some());
            }
        }
        Ok(false)
    }

    /// Compares the names of an approved inquiry, and writes down how well they fit: then the approval counts, and who
    /// waits is woken, or an operator decides.
    ///
    /// After a crash between the vendors' answers and our record the names are compared, and paid for, once more.
    async fn compare_names(&self, owner: &Owner, inquiry: InquiryId, phone: &PhoneNumber) -> Result<(), SweepError> {
        let levels = self.names.levels(&inquiry, phone).await?;
        let event = VerificationEvent::NamesCompared(inquiry.clone(), levels);
        for _ in 0..DECIDE_AGAIN_MAX {
            let (now, revisits) = (self.ambient.now(), &self.settings.revisits);
            let seen = verifications::load(&self.store, owner).await?;
            let (next, effect) = match seen.verification.decide(&event, now, &self.settings.policy) {
                Decision::Applied { next, effects } => (next, effects),
                Decision::AlreadyDone { .. } | Decision::Illegal(_) => return Ok(()),
            };
            let cause = AuditCause::NamesCompared { inquiry: inquiry.clone(), levels };
            let change = Made { next, cause, beside: vec![] };
            match verifications::commit_change(&self.store, owner, &seen, change, now, revisits).await? {
                Change::Done => {
                    tell(owner, levels);
                    return match effect {
                        VerificationEffect::None => Ok(()),
                        VerificationEffect::WakeWaiters => {
                            verifications::wake(&self.store, &self.queue, owner, None, WAKE_AT_ONCE_MAX).await?;
                            Ok(())
                        }
                    };
                }
                Change::Refused(_) => {}
            }
        }
        Ok(())
    }
}

fn tell(owner: &Owner, levels: NameLevels) {
    let (owner, first, last) = (keys::owner_pk(owner), name_level_name(&levels.first), name_level_name(&levels.last));
    if judge_names(levels).counts() {
        info!(owner, first, last, "The name on the ID fits the phone's owner, as far as anybody knows.");
    } else {
        warn!(owner, first, last, metric = "name_mismatch", "The name on the ID does not fit the phone's owner.");
    }
}
