//! Verifications: the checks of a document and of a face that an inquiry consists of, with the events of their lives.
//! docs.withpersona.com/integration-testing names their order for simulated ones: what is shown comes before the
//! verification is made. In the flow a verification is made when its step begins, and what is shown follows.

use super::clock::Moment;
use super::documents::Class;
use super::errors::ApiError;
use super::event::Snapshot;
use super::ids;
use super::inquiry::{Move, Status};
use super::world::{Actor, World, refuse_redacted};

/// How often a verification can be tried, unless the template says otherwise (help article "Retries": 5).
pub(super) const ATTEMPTS_MAX: usize = 5;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A document.
    GovernmentId,
    /// A face.
    Selfie,
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Made, nothing was shown.
    Initiated,
    /// Something was shown.
    Submitted,
    /// Held.
    Passed,
    /// Did not hold.
    Failed,
    /// Its inquiry expired before anything was shown.
    Canceled,
}

/// A check of a document or of a face.
#[derive(Clone, Debug)]
pub(super) struct Verification {
    /// `ver_…`
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) progress: Progress,
    /// When it was made.
    pub(super) created_at: Moment,
}

/// Pictures that were shown: a document's, or a face's.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    /// `doc_…` or `self_…`
    pub(super) id: String,
    pub(super) kind: Kind,
    /// When they were shown.
    pub(super) created_at: Moment,
}

impl Kind {
    /// The type of its resource.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::GovernmentId => "verification/government-id",
            Self::Selfie => "verification/selfie",
        }
    }

    /// The type of its pictures' resource.
    pub(super) fn capture_text(self) -> &'static str {
        match self {
            Self::GovernmentId => "document/government-id",
            Self::Selfie => "selfie/profile-and-center",
        }
    }
}

impl Progress {
    /// Its name on the wire.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Submitted => "submitted",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

impl World {
    /// Makes a verification, unless one of its kind waits already. The first one starts the inquiry.
    pub(super) fn begin_verification(&mut self, inquiry_id: &str, kind: Kind) -> Result<(), ApiError> {
        let index = self.started(inquiry_id)?;
        if self.records.inquiries[index].verification_in(kind, Progress::Initiated).is_some() {
            return Ok(());
        }
        let verification =
            Verification { id: ids::new_id("ver"), kind, progress: Progress::Initiated, created_at: self.clock.now() };
        self.records.inquiries[index].verifications.push(verification.clone());
        let inquiry_id = inquiry_id.to_owned();
        self.emit("verification.created", Snapshot::Verification { verification, inquiry_id });
        Ok(())
    }

    /// Shows what the verification of that kind asks for, and ends it as passed or failed.
    pub(super) fn finish_verification(&mut self, inquiry_id: &str, kind: Kind, end: Progress) -> Result<(), ApiError> {
        self.show_pictures(inquiry_id, kind)?;
        self.end_verification(inquiry_id, kind, end)
    }

    /// A verification of that kind from its beginning to its end, in the order of simulated ones.
    pub(super) fn simulate_verification(
        &mut self,
        inquiry_id: &str,
        kind: Kind,
        end: Progress,
    ) -> Result<(), ApiError> {
        self.started(inquiry_id)?;
        self.show_pictures(inquiry_id, kind)?;
        self.begin_verification(inquiry_id, kind)?;
        self.end_verification(inquiry_id, kind, end)
    }

    /// The position of an inquiry that has begun, by this if not before.
    fn started(&mut self, inquiry_id: &str) -> Result<usize, ApiError> {
        let index = self.index(inquiry_id)?;
        refuse_redacted(&self.records.inquiries[index])?;
        if self.records.inquiries[index].status == Status::Created {
            self.perform_at(index, Move::Start, Actor::EndUser)?;
        }
        Ok(index)
    }

    fn show_pictures(&mut self, inquiry_id: &str, kind: Kind) -> Result<(), ApiError> {
        let index = self.index(inquiry_id)?;
        let now = self.clock.now();
        let capture = Capture {
            id: ids::new_id(match kind {
                Kind::GovernmentId => "doc",
                Kind::Selfie => "self",
            }),
            kind,
            created_at: now,
        };
        self.records.inquiries[index].captures.push(capture.clone());
        let names = match kind {
            Kind::GovernmentId => ["document.created", "document.submitted", "document.processed"],
            Kind::Selfie => ["selfie.created", "selfie.submitted", "selfie.processed"],
        };
        for (name, status) in names.into_iter().zip(["initiated", "submitted", "processed"]) {
            let (capture, inquiry_id) = (capture.clone(), inquiry_id.to_owned());
            self.emit(name, Snapshot::Capture { capture, status, inquiry_id });
        }
        Ok(())
    }

    fn end_verification(&mut self, inquiry_id: &str, kind: Kind, end: Progress) -> Result<(), ApiError> {
        let index = self.index(inquiry_id)?;
        let last = if end == Progress::Passed { "verification.passed" } else { "verification.failed" };
        for (name, progress) in [("verification.submitted", Progress::Submitted), (last, end)] {
            let waiting = self.records.inquiries[index].verifications.iter_mut().rfind(|check| check.kind == kind);
            let Some(verification) = waiting else {
                return Err(ApiError::conflict("Verification was not created"));
            };
            verification.progress = progress;
            let snapshot =
                Snapshot::Verification { verification: verification.clone(), inquiry_id: inquiry_id.to_owned() };
            self.emit(name, snapshot);
        }
        Ok(())
    }

    /// Cancels what waits for pictures: the inquiry has expired.
    pub(super) fn cancel_verifications(&mut self, index: usize) {
        let inquiry = &mut self.records.inquiries[index];
        let inquiry_id = inquiry.id.clone();
        let waiting = inquiry.verifications.iter_mut().filter(|check| check.progress == Progress::Initiated);
        let mut canceled = Vec::new();
        for verification in waiting {
            verification.progress = Progress::Canceled;
            canceled.push(verification.clone());
        }
        for verification in canceled {
            let inquiry_id = inquiry_id.clone();
            self.emit("verification.canceled", Snapshot::Verification { verification, inquiry_id });
        }
    }
}

/// What the end user chose so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Choices {
    /// The document's country.
    pub(super) country: Option<&'static super::documents::Country>,
    /// Its class.
    pub(super) class: Option<&'static Class>,
}
