//! Verifications in the table: load, apply what Persona says, wake who waits.

mod heard;
mod wait;

use domain::{
    Clearance, FormerInquiry, Inquiry, InquiryId, Instant, Owner, PhoneRequirement, Verification, VerificationState,
    clear_purchase,
};
use tracing::info;

pub use heard::{Cause, News, Observed, follow, take};
pub use wait::{Waiter, Waiting, wait};

use crate::items::keys::{OPENED_PREFIX, POINTER_PREFIX};
use crate::items::{
    AuditCause, AuditEntry, InquiryMap, StoredVerification, expect_version, keys, opening_write, pointer_messages,
    progress_write, remember_former, verification_from_item, verification_state_name, verification_to_item,
};
use crate::purchases::Stored;
use crate::queue::{Queue, QueueError};
use crate::store::{
    Condition, Item, Key, PK, Page, Query, Range, SK, Store, StoreError, TransactError, Write, read_all, write_all,
};

/// How often a change is decided anew after somebody else's came first.
pub const DECIDE_AGAIN_MAX: u32 = 5;

/// How many messages one delivery of Persona's sends for who waits; the rest follows from the due index. Bounds an answer
/// to Persona.
pub const WAKE_AT_ONCE_MAX: usize = 100;

/// Wait pointers read at once.
const POINTERS_PAGE: u32 = 100;

/// Entries of inquiries that were opened, read at once.
const OPENED_PAGE: u32 = 50;

/// When the table brings verifications back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revisits {
    /// How often Persona is asked about an open inquiry, in milliseconds.
    pub poll_age_ms: i64,
    /// How long after a verification its waiters are woken again, in milliseconds.
    pub step_ms: i64,
}

/// How many were woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Woken {
    /// Messages sent.
    pub messages: usize,
    /// The last pointer that was read, where more wait behind it.
    pub more_after: Option<Item>,
}

/// Why not everybody was woken.
#[derive(Debug, thiserror::Error)]
pub enum WakeError {
    /// The table did not say who waits.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not all messages could be sent.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Reads an owner's verification; an owner that has none is unverified, at version 0.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn load(store: &impl Store, owner: &Owner) -> Result<StoredVerification, StoreError> {
    let item = store.get(&keys::verification(owner)).await?;
    item.as_ref().map(verification_from_item).transpose().map(Option::unwrap_or_default)
}

/// Reads the verifications of all owners at once.
///
/// # Errors
/// [`StoreError`] when the table does not answer or an item cannot be read.
pub async fn load_all(store: &impl Store, owners: &[Owner]) -> Result<Vec<StoredVerification>, StoreError> {
    futures::future::try_join_all(owners.iter().map(|owner| load(store, owner))).await
}

/// Whether a purchase may be asked for at the carrier, by verifications read for `owners` in the same order, and by the
/// phone that its sub-account has.
#[must_use]
pub fn clearance(
    stored: &Stored,
    owners: &[Owner],
    verifications: &[StoredVerification],
    phone: PhoneRequirement,
) -> Clearance {
    let verifications = verifications.iter().map(|stored| &stored.verification);
    clear_purchase(stored.request().gated, owners.iter().zip(verifications)).and_phone(phone)
}

/// Every inquiry that was opened for the owner and that is not the current one: the audit names them.
///
/// # Errors
/// [`StoreError`] when the table does not answer.
pub async fn former_inquiries(
    store: &impl Store,
    owner: &Owner,
    known: &Verification,
) -> Result<Vec<InquiryId>, StoreError> {
    let opened = read_all(store, keys::owner_pk(owner), OPENED_PREFIX, OPENED_PAGE).await?;
    let keys = opened.iter().map(Key::of).collect::<Result<Vec<_>, _>>()?;
    let named = keys.iter().filter_map(|key| InquiryId::parse(key.sk.strip_prefix(OPENED_PREFIX)?).ok());
    Ok(named.filter(|inquiry| !known.is_current(inquiry)).collect())
}

/// Whose inquiry it is, and what is remembered of it; none if nobody's, or if it was forgotten.
///
/// # Errors
/// [`StoreError`] when the table does not answer or the item cannot be read.
pub async fn load_map(store: &impl Store, inquiry: &InquiryId) -> Result<Option<InquiryMap>, StoreError> {
    let item = store.get(&keys::inquiry_map(inquiry)).await?;
    item.as_ref().map(InquiryMap::from_item).transpose()
}

/// A change of a verification.
#[derive(Debug)]
pub struct Made {
    /// What it becomes.
    pub next: Verification,
    /// What changed it.
    pub cause: AuditCause,
    /// What else is written in the same transaction.
    pub beside: Vec<Write>,
}

/// Writes a change over the verification that was read as `seen`, with its audit entry (position 1 of the transaction)
/// and, where another inquiry becomes the current one, the order of the one that it replaces.
///
/// How far the person is in the open inquiry is written without an entry, and Persona is asked when it would have been:
/// that is news of nothing decided, and comes several times an inquiry. It is not applied twice either, since its time
/// stands in the verification.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the change may stand.
pub async fn commit_change(
    store: &impl Store,
    owner: &Owner,
    seen: &StoredVerification,
    change: Made,
    now: Instant,
    revisits: &Revisits,
) -> Result<Change, StoreError> {
    let Made { next, cause, beside } = change;
    let (from, to) = (seen.verification.state, next.state);
    if beside.is_empty() && next.only_progresses(&seen.verification) {
        let next = StoredVerification { verification: next, opening: seen.opening.clone(), version: seen.version + 1 };
        return changed(store.write(progress_write(owner, &next)).await.map_err(Into::into));
    }
    let replaced = match (&seen.verification.inquiry, &next.inquiry) {
        (Some(before), Some(after)) if before.id != after.id => {
            let is_open = matches!(from, VerificationState::InProgress { .. } | VerificationState::InReview { .. });
            remember_replaced(store, before, former_due(is_open, now, revisits)).await?
        }
        (Some(_) | None, _) => None,
    };
    let opening = match &cause {
        AuditCause::Opened { .. } | AuditCause::Erased { .. } => None,
        AuditCause::Event { .. }
        | AuditCause::Look { .. }
        | AuditCause::Redacted { .. }
        | AuditCause::Resumed { .. }
        | AuditCause::NotResumed { .. }
        | AuditCause::NamesCompared { .. }
        | AuditCause::Operator { .. }
        | AuditCause::Profile { .. }
        | AuditCause::Forgotten { .. } => seen.opening.clone(),
    };
    let entry = AuditEntry::new(now, cause, &from, &to);
    let audit = Write::Put { item: entry.to_item(owner, seen.version), expect: Condition::ItemAbsent };
    let beside = std::iter::once(audit).chain(beside).chain(replaced).collect();
    let next = StoredVerification { verification: next, opening, version: seen.version };
    let change = commit(store, owner, next, beside, now, revisits).await?;
    if change == Change::Done {
        let (from, to) = (verification_state_name(&from), verification_state_name(&to));
        info!(owner = %keys::owner_pk(owner), from, to, "The verification changed.");
    }
    Ok(change)
}

/// What is to be remembered of the inquiry that another replaces, which Persona is asked about for a while; nothing if it
/// was forgotten (an erased owner's inquiries are).
async fn remember_replaced(
    store: &impl Store,
    inquiry: &Inquiry,
    due: Option<(Instant, u32)>,
) -> Result<Option<Write>, StoreError> {
    let Some(map) = load_map(store, &inquiry.id).await? else { return Ok(None) };
    Ok(Some(remember_former(&inquiry.id, map.seen, inquiry.seen, inquiry.attempt, due)))
}

/// When Persona is asked about an inquiry that another has replaced, and from how many asks on that counts.
fn former_due(is_open: bool, now: Instant, revisits: &Revisits) -> Option<(Instant, u32)> {
    let asks = if is_open { 0 } else { FormerInquiry::steady_asks(revisits.poll_age_ms) };
    let ms = FormerInquiry::next_ask_ms(asks, revisits.poll_age_ms)?;
    Some((now.plus_ms(ms), asks))
}

/// What became of a change of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It stands.
    Done,
    /// These positions of the transaction were refused; 0 is the verification itself.
    Refused(Vec<usize>),
}

/// Writes `next` over the verification that was read at `next.version`, together with `beside`, and says when the
/// table brings it back: an open one to ask Persona, a verified one at the next sweep and until nobody waits for it any
/// more, since the first wake-up may be cut short or lost, and one whose names are to be compared at the next sweep.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the change may stand.
async fn commit(
    store: &impl Store,
    owner: &Owner,
    next: StoredVerification,
    beside: Vec<Write>,
    now: Instant,
    revisits: &Revisits,
) -> Result<Change, StoreError> {
    let expect = expect_version(next.version);
    let due_at = if next.verification.is_for_us() {
        Some(now)
    } else {
        next.verification.next_ask_ms(0, revisits.poll_age_ms).map(|ms| now.plus_ms(ms))
    };
    let next = StoredVerification { version: next.version + 1, ..next };
    let put = Write::Put { item: verification_to_item(owner, &next, due_at), expect };
    changed(write_all(store, std::iter::once(put).chain(beside).collect()).await)
}

/// Writes who opens an inquiry over the verification that was read at `next.version`. When it is due stays as it is.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the change may stand.
pub async fn commit_opening(store: &impl Store, owner: &Owner, next: StoredVerification) -> Result<Change, StoreError> {
    let next = StoredVerification { version: next.version + 1, ..next };
    changed(store.write(opening_write(owner, &next)).await.map_err(Into::into))
}

fn changed(written: Result<(), TransactError>) -> Result<Change, StoreError> {
    match written {
        Ok(()) => Ok(Change::Done),
        Err(TransactError::Refused(refused)) => {
            Ok(Change::Refused(refused.into_iter().map(|(position, _)| position).collect()))
        }
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Sends messages for the purchases that wait for `owner`, from behind the pointer `after`, until at least `messages_max`
/// are sent. Repeating it is harmless.
///
/// The list is strongly consistent and comes after the verification was written, so that a purchase whose pointer was
/// written before is in it, and one whose pointer comes later reads the verification as it is now (promise P3).
///
/// # Errors
/// [`WakeError`] when not all messages were sent; the owner stays due.
pub async fn wake(
    store: &impl Store,
    queue: &impl Queue,
    owner: &Owner,
    mut after: Option<Item>,
    messages_max: usize,
) -> Result<Woken, WakeError> {
    let mut sent = 0;
    loop {
        let page = waiters(store, owner, POINTERS_PAGE, after).await?;
        let mut messages = Vec::new();
        let mut last = None;
        let mut pointers = page.items.iter().peekable();
        while let Some(pointer) = pointers.next_if(|_| sent + messages.len() < messages_max) {
            messages.extend(pointer_messages(pointer)?);
            last = Some(pointer);
        }
        sent += messages.len();
        let read_all = pointers.peek().is_none();
        after = if read_all { page.next } else { last.map(key_alone) };
        if !messages.is_empty() {
            queue.send(messages).await?;
        }
        if after.is_none() {
            return Ok(Woken { messages: sent, more_after: None });
        }
        if !read_all || sent >= messages_max {
            info!(owner = %keys::owner_pk(owner), messages = sent, "More purchases wait than one wake-up sends for; the sweep goes on.");
            return Ok(Woken { messages: sent, more_after: after });
        }
    }
}

/// The pointers of up to `limit` purchases that wait for `owner`, strongly consistent, from behind `after`.
///
/// # Errors
/// [`StoreError`] when the table does not answer.
pub async fn waiters(store: &impl Store, owner: &Owner, limit: u32, after: Option<Item>) -> Result<Page, StoreError> {
    let range = Range::Partition { pk: keys::owner_pk(owner).into(), sk_prefix: POINTER_PREFIX.into() };
    store.query(Query { range, limit, after }).await
}

/// An item's keys: where the next page starts.
fn key_alone(item: &Item) -> Item {
    item.iter()
        .filter(|(name, _)| *name == PK || *name == SK)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
