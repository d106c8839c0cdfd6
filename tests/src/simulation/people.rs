//! Persona of a schedule: people who show an ID or walk away, reviewers who change their mind, deliveries.

use std::collections::BTreeMap;

use adapters::rfc3339;
use domain::{InquiryId, InquiryStatus, Instant};
use serde_json::Value;

use super::random::Random;
use crate::events::persona_event;

/// Persona of a schedule.
#[derive(Debug, Default)]
pub(super) struct PersonaWorld {
    pub(super) by_nonce: BTreeMap<String, InquiryId>,
    pub(super) inquiries: BTreeMap<InquiryId, (InquiryStatus, Instant)>,
    /// How many inquiries each key made: one, whatever was lost.
    pub(super) made_under: BTreeMap<String, u32>,
    /// Deliveries that are still to come, each at any time, in any order.
    pub(super) deliveries: Vec<Value>,
    events: u64,
}

impl PersonaWorld {
    /// One inquiry goes one step further, as people and reviewers take it.
    pub(super) fn step(&mut self, now: Instant, random: &mut Random) {
        if self.inquiries.is_empty() {
            return;
        }
        let index = random.below(self.inquiries.len());
        let Some((id, (status, _))) = self.inquiries.iter().nth(index).map(|(id, seen)| (id.clone(), *seen)) else {
            return;
        };
        let next = match (status, random.below(10)) {
            (InquiryStatus::Created, 0) | (InquiryStatus::Pending, 0) => InquiryStatus::Expired,
            (InquiryStatus::Created, _) => InquiryStatus::Pending,
            (InquiryStatus::Pending, 1) => InquiryStatus::Failed,
            (InquiryStatus::Pending, _) => InquiryStatus::Completed,
            (InquiryStatus::Completed | InquiryStatus::Failed, 0) => InquiryStatus::Declined,
            (InquiryStatus::Completed | InquiryStatus::Failed, 1) => InquiryStatus::NeedsReview,
            (InquiryStatus::Completed | InquiryStatus::NeedsReview, _) => InquiryStatus::Approved,
            (InquiryStatus::Approved, 0) => InquiryStatus::Declined,
            (InquiryStatus::Declined, 0..=2) => InquiryStatus::Approved,
            (InquiryStatus::Failed | InquiryStatus::Approved | InquiryStatus::Declined | InquiryStatus::Expired, _) => {
                return;
            }
        };
        self.inquiries.insert(id.clone(), (next, now));
        self.tell(&id, next, now);
    }

    /// A resumed inquiry is pending again.
    pub(super) fn resume(&mut self, id: &InquiryId, now: Instant) -> bool {
        match self.inquiries.get_mut(id) {
            Some((status @ InquiryStatus::Expired, at)) => {
                (*status, *at) = (InquiryStatus::Pending, now);
                true
            }
            Some((InquiryStatus::Created | InquiryStatus::Pending, _)) => true,
            Some(_) | None => false,
        }
    }

    /// Everybody comes to an end: who has not finished walks away, and reviewers decide. Half of it is never delivered.
    pub(super) fn settle(&mut self, now: Instant, random: &mut Random) {
        let open: Vec<(InquiryId, InquiryStatus)> =
            self.inquiries.iter().map(|(id, (status, _))| (id.clone(), *status)).collect();
        for (id, status) in open {
            let last = match status {
                InquiryStatus::Created | InquiryStatus::Pending => InquiryStatus::Expired,
                InquiryStatus::Failed => InquiryStatus::Declined,
                InquiryStatus::Completed | InquiryStatus::NeedsReview => {
                    if random.chance(70) {
                        InquiryStatus::Approved
                    } else {
                        InquiryStatus::Declined
                    }
                }
                InquiryStatus::Expired | InquiryStatus::Approved | InquiryStatus::Declined => continue,
            };
            self.inquiries.insert(id.clone(), (last, now));
            if random.chance(50) {
                self.tell(&id, last, now);
            }
        }
    }

    fn tell(&mut self, id: &InquiryId, status: InquiryStatus, at: Instant) {
        let (name, status) = match status {
            InquiryStatus::Created => ("inquiry.created", "created"),
            InquiryStatus::Pending => ("inquiry.started", "pending"),
            InquiryStatus::Completed => ("inquiry.completed", "completed"),
            InquiryStatus::Failed => ("inquiry.failed", "failed"),
            InquiryStatus::Expired => ("inquiry.expired", "expired"),
            InquiryStatus::NeedsReview => ("inquiry.marked-for-review", "needs_review"),
            InquiryStatus::Approved => ("inquiry.approved", "approved"),
            InquiryStatus::Declined => ("inquiry.declined", "declined"),
        };
        self.events += 1;
        let event_id = format!("evt_{}", self.events);
        self.deliveries.push(persona_event(&event_id, name, id.as_str(), status, &rfc3339(at)));
    }
}
