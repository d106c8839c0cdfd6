//! Comparing the name on an ID with the owner of the phone that the sub-account has proved to have.

use std::sync::atomic::{AtomicUsize, Ordering};

use adapters::ambient::Ambient;
use adapters::items::{AuditCause, StoredVerification, keys, name_level_name};
use adapters::name_match::NameMatch;
use adapters::persona::Identity;
use adapters::queue::Queue;
use adapters::store::Store;
use adapters::verifications::{self, Change, DECIDE_AGAIN_MAX, Made, WAKE_AT_ONCE_MAX};
use domain::{
    ApprovedPhone, Decision, InquiryId, NameLevels, Owner, VerificationEffect, VerificationEvent, judge_names,
};
use tracing::{info, warn};

use crate::{SweepError, Sweeper};

/// Names compared in one sweep at most: as many requests to Persona as questions, of the 300 a minute that an environment
/// of Persona's has. What is left stays due, and comes first in the next sweep.
const NAMES_MAX: usize = 60;

/// How many names one sweep may still compare.
#[derive(Debug, Default)]
pub(crate) struct NamesBudget(AtomicUsize);

impl NamesBudget {
    /// How many were taken.
    pub(crate) fn spent(&self) -> usize {
        self.0.load(Ordering::Relaxed).min(NAMES_MAX)
    }

    /// Takes one; false when none is left.
    pub(crate) fn take(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) < NAMES_MAX
    }
}

impl<S: Store, Q: Queue, I: Identity, N: NameMatch, A: Ambient> Sweeper<S, Q, I, N, A> {
    /// Compares the names of an approved inquiry, if that is still to be done, and writes down how well they fit: then
    /// the approval counts, and who waits is woken, or an operator decides.
    ///
    /// After a crash between the vendors' answers and our record the names are compared, and paid for, once more.
    pub(crate) async fn compare_names(
        &self,
        owner: &Owner,
        stored: &StoredVerification,
        phone: &ApprovedPhone,
    ) -> Result<(), SweepError> {
        let Some(inquiry) = stored.verification.names_to_compare().cloned() else { return Ok(()) };
        let levels = self.names.levels(&inquiry, &phone.number).await?;
        self.record_levels(owner, inquiry, levels).await
    }

    async fn record_levels(&self, owner: &Owner, inquiry: InquiryId, levels: NameLevels) -> Result<(), SweepError> {
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
                    self.tell_levels(owner, levels);
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

    fn tell_levels(&self, owner: &Owner, levels: NameLevels) {
        let (owner, first, last) =
            (keys::owner_pk(owner), name_level_name(&levels.first), name_level_name(&levels.last));
        if judge_names(levels).counts() {
            info!(owner, first, last, "The name on the ID fits the phone's owner, as far as anybody knows.");
        } else {
            warn!(owner, first, last, metric = "name_mismatch", "The name on the ID is not that of the phone's owner.");
        }
    }
}
