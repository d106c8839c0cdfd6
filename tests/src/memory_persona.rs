//! Persona in memory, with memory, so that a test can ask what happened.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

use adapters::persona::{Identity, Looked, OpenedInquiry, PersonaError, Session};
use domain::{InquiryEvent, InquiryId, InquiryStatus, Instant, Nonce, Source};

use crate::locked;

/// The token of every session in memory: a test that searches for it finds leaks.
pub const SESSION_TOKEN: &str = "session-token-canary-7f3a";
/// The link of every session in memory.
pub const ONE_TIME_LINK: &str = "https://persona.example/verify?code=one-time-link-canary-9b1c";

/// Persona in memory.
#[derive(Debug, Default)]
pub struct MemoryPersona {
    inner: Mutex<PersonaState>,
}

#[derive(Debug, Default)]
struct PersonaState {
    by_nonce: BTreeMap<String, InquiryId>,
    inquiries: BTreeMap<InquiryId, (InquiryStatus, Instant)>,
    sessions: u32,
    sessions_of: BTreeMap<InquiryId, u32>,
    redacted: BTreeSet<InquiryId>,
    redactions: usize,
    redacted_accounts: BTreeSet<String>,
    refuses_created: bool,
    ignores_the_filter: bool,
    looks: u32,
    failures: VecDeque<PersonaFault>,
}

impl PersonaState {
    fn give_session(&mut self, inquiry: &InquiryId) {
        self.sessions += 1;
        *self.sessions_of.entry(inquiry.clone()).or_default() += 1;
    }
}

/// What happens to the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonaFault {
    /// It is not done, and fails so.
    Before(PersonaError),
    /// It is done, and fails so.
    After(PersonaError),
}

impl MemoryPersona {
    /// How many inquiries were made.
    pub fn inquiries(&self) -> usize {
        locked(&self.inner).inquiries.len()
    }

    /// How many sessions were handed out.
    pub fn sessions(&self) -> u32 {
        locked(&self.inner).sessions
    }

    /// How many sessions the inquiry with most of them has.
    pub fn most_sessions(&self) -> u32 {
        locked(&self.inner).sessions_of.values().copied().max().unwrap_or(0)
    }

    /// How often it was asked about inquiries.
    pub fn looks(&self) -> u32 {
        locked(&self.inner).looks
    }

    /// The inquiry that was made first.
    pub fn first(&self) -> Option<InquiryId> {
        locked(&self.inner).inquiries.keys().next().cloned()
    }

    /// The inquiry that was made last.
    pub fn latest(&self) -> Option<InquiryId> {
        locked(&self.inner).inquiries.keys().next_back().cloned()
    }

    /// Gives an inquiry a status.
    pub fn set(&self, inquiry: &InquiryId, status: InquiryStatus, at: Instant) {
        locked(&self.inner).inquiries.insert(inquiry.clone(), (status, at));
    }

    /// Redacts an inquiry: its status stays, and it cannot be resumed.
    pub fn redact(&self, inquiry: &InquiryId) {
        locked(&self.inner).redacted.insert(inquiry.clone());
    }

    /// Forgets an inquiry, as if it had never been made.
    pub fn lose(&self, inquiry: &InquiryId) {
        locked(&self.inner).inquiries.remove(inquiry);
    }

    /// From now on one that nobody has begun cannot be resumed, as Persona's documentation has it.
    pub fn refuse_created(&self) {
        locked(&self.inner).refuses_created = true;
    }

    /// From now on it answers about all inquiries, whichever it is asked about.
    pub fn ignore_the_filter(&self) {
        locked(&self.inner).ignores_the_filter = true;
    }

    /// How often an inquiry was redacted at our request.
    pub fn redactions(&self) -> usize {
        locked(&self.inner).redactions
    }

    /// Every inquiry that was redacted, and every reference whose accounts were.
    pub fn redacted(&self) -> BTreeSet<String> {
        let state = locked(&self.inner);
        state.redacted.iter().map(InquiryId::to_string).chain(state.redacted_accounts.iter().cloned()).collect()
    }

    /// From now on nothing fails.
    pub fn end_failures(&self) {
        locked(&self.inner).failures.clear();
    }

    /// The next requests fail so, one fault each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = PersonaFault>) {
        locked(&self.inner).failures.extend(faults);
    }
}

impl Identity for &MemoryPersona {
    async fn open(&self, _reference: &str, nonce: &Nonce) -> Result<OpenedInquiry, PersonaError> {
        let mut state = locked(&self.inner);
        let fault = state.failures.pop_front();
        if let Some(PersonaFault::Before(error)) = fault {
            return Err(error);
        }
        let fresh = InquiryId::parse(&format!("inq_{:024}", state.by_nonce.len())).expect("is a word");
        let id = state.by_nonce.entry(nonce.as_str().to_owned()).or_insert(fresh).clone();
        state.inquiries.entry(id.clone()).or_insert((InquiryStatus::Created, Instant::default()));
        if let Some(PersonaFault::After(error)) = fault {
            return Err(error);
        }
        state.give_session(&id);
        Ok(OpenedInquiry { id, session: session() })
    }

    async fn resume(&self, inquiry: &InquiryId) -> Result<Session, PersonaError> {
        let mut state = locked(&self.inner);
        if let Some(PersonaFault::Before(error) | PersonaFault::After(error)) = state.failures.pop_front() {
            return Err(error);
        }
        let Some((status, _)) = state.inquiries.get(inquiry) else { return Err(PersonaError::Gone) };
        let resumable = match status {
            InquiryStatus::Created => !state.refuses_created,
            InquiryStatus::Pending | InquiryStatus::Expired => true,
            InquiryStatus::Completed
            | InquiryStatus::Failed
            | InquiryStatus::NeedsReview
            | InquiryStatus::Approved
            | InquiryStatus::Declined => false,
        };
        if !resumable || state.redacted.contains(inquiry) {
            return Err(PersonaError::Answered(409));
        }
        state.give_session(inquiry);
        Ok(session())
    }

    async fn redact(&self, inquiry: &InquiryId) -> Result<(), PersonaError> {
        let mut state = locked(&self.inner);
        if let Some(PersonaFault::Before(error) | PersonaFault::After(error)) = state.failures.pop_front() {
            return Err(error);
        }
        state.redacted.insert(inquiry.clone());
        state.redactions += 1;
        Ok(())
    }

    async fn redact_accounts(&self, reference: &str) -> Result<(), PersonaError> {
        let mut state = locked(&self.inner);
        if let Some(PersonaFault::Before(error) | PersonaFault::After(error)) = state.failures.pop_front() {
            return Err(error);
        }
        state.redacted_accounts.insert(reference.to_owned());
        Ok(())
    }

    async fn look(&self, inquiries: &[InquiryId]) -> Result<Vec<Looked>, PersonaError> {
        let mut state = locked(&self.inner);
        if let Some(PersonaFault::Before(error) | PersonaFault::After(error)) = state.failures.pop_front() {
            return Err(error);
        }
        state.looks += 1;
        let all = state.ignores_the_filter.then(|| state.inquiries.keys().cloned().collect::<Vec<_>>());
        let listed = all.as_deref().unwrap_or(inquiries);
        let known = listed.iter().filter_map(|id| {
            let (status, at) = *state.inquiries.get(id)?;
            let event = InquiryEvent { inquiry: id.clone(), status, at, source: Source::Answer };
            Some(Looked { event, redacted: state.redacted.contains(id) })
        });
        Ok(known.collect())
    }
}

fn session() -> Session {
    Session { token: SESSION_TOKEN.to_owned().into(), one_time_link: Some(ONE_TIME_LINK.to_owned().into()) }
}
