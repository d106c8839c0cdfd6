//! Persona of a schedule: people who show an ID or walk away, reviewers who change their mind, deliveries.

use std::sync::LazyLock;

use adapters::persona::Looked;
use adapters::rfc3339;
use domain::{InquiryEvent, InquiryId, InquiryStatus, Instant, Nonce, Source};

use super::facts::{Fact, Facts};
use super::random::Random;
use crate::events::persona_event;

/// Persona of a schedule.
#[derive(Debug, Default)]
pub(super) struct PersonaWorld {
    pub(super) inquiries: Vec<PersonasInquiry>,
    /// Deliveries that are still to come, each at any time, in any order.
    pub(super) deliveries: Vec<Delivery>,
    /// Inquiries that were approved at some time.
    approved: Vec<InquiryId>,
    /// Whether the news of an approval was lost: only asking finds it.
    pub(super) approval_unheard: bool,
    events: u64,
}

/// An inquiry as Persona has it.
#[derive(Debug)]
pub(super) struct PersonasInquiry {
    id: InquiryId,
    /// The key that it was made under.
    pub(super) nonce: Nonce,
    status: InquiryStatus,
    at: Instant,
    /// Whether it was redacted, undecided: it stays as it is.
    redacted: bool,
}

/// An event that Persona delivers, as often as it must.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    event: u64,
    name: &'static str,
    inquiry: InquiryId,
    status: &'static str,
    at: Instant,
}

impl Delivery {
    /// The body of the delivery: what [`persona_event`] makes, without making it anew each time.
    pub(super) fn body(&self) -> String {
        static BODY: LazyLock<String> =
            LazyLock::new(|| persona_event("~event~", "~name~", "~inquiry~", "~status~", "~at~").to_string());
        let mut body = String::with_capacity(BODY.len() + 64);
        for part in BODY.split('~') {
            match part {
                "event" => body.push_str(&format!("evt_{}", self.event)),
                "name" => body.push_str(self.name),
                "inquiry" => body.push_str(self.inquiry.as_str()),
                "status" => body.push_str(self.status),
                "at" => body.push_str(&rfc3339(self.at)),
                same => body.push_str(same),
            }
        }
        body
    }
}

impl PersonaWorld {
    /// Makes an inquiry, or gives the one that was made under this key before.
    pub(super) fn open(&mut self, nonce: &Nonce, key_counts: bool, now: Instant) -> InquiryId {
        if let Some(made) = self.inquiries.iter().find(|inquiry| key_counts && inquiry.nonce == *nonce) {
            return made.id.clone();
        }
        let id = InquiryId::parse(&format!("inq_{:024}", self.inquiries.len())).expect("is a word");
        let (nonce, status) = (nonce.clone(), InquiryStatus::Created);
        self.inquiries.push(PersonasInquiry { id: id.clone(), nonce, status, at: now, redacted: false });
        id
    }

    /// Whether an inquiry stands approved.
    pub(super) fn is_approved(&self, id: &InquiryId) -> bool {
        self.inquiries.iter().any(|inquiry| inquiry.id == *id && inquiry.status == InquiryStatus::Approved)
    }

    /// Whether an inquiry was approved at some time.
    pub(super) fn was_approved(&self, id: &InquiryId) -> bool {
        self.approved.contains(id)
    }

    /// What Persona says of these inquiries. Asked, it answers in whole seconds.
    pub(super) fn look(&self, inquiries: &[InquiryId]) -> Vec<Looked> {
        let known = inquiries.iter().filter_map(|id| {
            let known = self.inquiries.iter().find(|inquiry| inquiry.id == *id)?;
            let PersonasInquiry { id, status, at, redacted, .. } = known;
            let (status, at, redacted) = (*status, at.whole_second(), *redacted);
            let event = InquiryEvent { inquiry: id.clone(), status, at, source: Source::Answer };
            Some(Looked { event, redacted })
        });
        known.collect()
    }

    /// What somebody who is not Persona says of an inquiry.
    pub(super) fn forge(&self, index: usize, at: Instant) -> Option<Delivery> {
        let inquiry = self.inquiries.get(index)?.id.clone();
        Some(Delivery { event: u64::MAX, name: "inquiry.approved", inquiry, status: "approved", at })
    }

    /// A delivery never comes.
    pub(super) fn lose(&mut self, index: usize) {
        let lost = self.deliveries.swap_remove(index);
        self.approval_unheard |= lost.status == "approved";
    }

    /// One inquiry goes one step further, as people and reviewers take it; seldom it is redacted instead.
    pub(super) fn step(&mut self, now: Instant, random: &mut Random, facts: &mut Facts) {
        let index = random.below(self.inquiries.len());
        let Some(PersonasInquiry { status, redacted, .. }) = self.inquiries.get_mut(index) else { return };
        if *redacted {
            return;
        }
        let status = *status;
        let decided = [InquiryStatus::Failed, InquiryStatus::Approved, InquiryStatus::Declined].contains(&status);
        if !decided && random.chance(8) {
            *redacted = true;
            facts.insert(Fact::Redacted);
            return;
        }
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
        self.move_to(index, next, now);
        self.tell(index);
    }

    /// A resumed inquiry is pending again.
    pub(super) fn resume(&mut self, id: &InquiryId, now: Instant) -> bool {
        let Some(index) = self.inquiries.iter().position(|inquiry| inquiry.id == *id) else { return false };
        if self.inquiries[index].redacted {
            return false;
        }
        match self.inquiries[index].status {
            InquiryStatus::Expired => {
                self.move_to(index, InquiryStatus::Pending, now);
                true
            }
            InquiryStatus::Created | InquiryStatus::Pending => true,
            InquiryStatus::Completed
            | InquiryStatus::Failed
            | InquiryStatus::NeedsReview
            | InquiryStatus::Approved
            | InquiryStatus::Declined => false,
        }
    }

    /// Everybody comes to an end: who has not finished does or walks away, and reviewers decide. Half of it is never
    /// delivered.
    pub(super) fn settle(&mut self, now: Instant, random: &mut Random) {
        for index in 0..self.inquiries.len() {
            if self.inquiries[index].redacted {
                continue;
            }
            let last = match self.inquiries[index].status {
                InquiryStatus::Created | InquiryStatus::Pending if random.chance(50) => InquiryStatus::Expired,
                InquiryStatus::Created | InquiryStatus::Pending => InquiryStatus::Approved,
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
            self.move_to(index, last, now);
            if random.chance(50) {
                self.tell(index);
            } else {
                self.approval_unheard |= last == InquiryStatus::Approved;
            }
        }
    }

    /// The same is decided of everybody, and Persona says so.
    pub(super) fn decide_all(&mut self, decision: InquiryStatus, now: Instant) {
        for index in 0..self.inquiries.len() {
            if self.inquiries[index].redacted {
                continue;
            }
            self.move_to(index, decision, now);
            self.tell(index);
        }
    }

    fn move_to(&mut self, index: usize, status: InquiryStatus, now: Instant) {
        let inquiry = &mut self.inquiries[index];
        (inquiry.status, inquiry.at) = (status, now);
        if status == InquiryStatus::Approved {
            self.approved.push(inquiry.id.clone());
        }
    }

    fn tell(&mut self, index: usize) {
        let PersonasInquiry { id, status, at, .. } = &self.inquiries[index];
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
        self.deliveries.push(Delivery { event: self.events, name, inquiry: id.clone(), status, at: *at });
    }
}
