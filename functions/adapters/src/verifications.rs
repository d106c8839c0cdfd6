//! Verifications in the table: load, apply what Persona says, wake who waits.

use domain::{
    Clearance, ClearanceRule, Decision, EventId, InquiryEvent, Instant, Owner, Verification, VerificationEffect,
    VerificationEvent, VerificationPolicy, clear_purchase,
};
use futures::future::try_join3;
use tracing::info;

use crate::items::keys::POINTER_PREFIX;
use crate::items::{
    StoredVerification, audit_item, expect_version, keys, pointer_messages, verification_from_item,
    verification_state_name, verification_to_item,
};
use crate::profiles;
use crate::purchases::{self, Stored};
use crate::queue::{Queue, QueueError};
use crate::store::{Condition, Item, PK, Page, Query, Range, SK, Store, StoreError, TransactError, Write};

/// How often a change is decided anew after somebody else's came first.
pub const DECIDE_AGAIN_MAX: u32 = 5;

/// How many messages one delivery of Persona's sends for who waits; the rest follows from the due index. Bounds an answer
/// to Persona.
pub const WAKE_AT_ONCE_MAX: usize = 100;

/// Wait pointers read at once.
const POINTERS_PAGE: u32 = 100;

/// When the table brings verifications back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revisits {
    /// How long after the last news of an open inquiry Persona is asked, in milliseconds.
    pub poll_age_ms: i64,
    /// How long after a verification its waiters are woken again, in milliseconds.
    pub step_ms: i64,
}

/// How we came to know what Persona says: named in the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// This event was delivered. The same event is applied once.
    Event(&'a EventId),
    /// We asked. The same answer may change something again: an inquiry that expired, whose resumption was lost, still
    /// is expired.
    Look,
}

impl Cause<'_> {
    /// What the audit calls a change of the verification from this version.
    fn audit_name(self, event: &InquiryEvent, version: i64) -> String {
        match self {
            Self::Event(id) => id.to_string(),
            Self::Look => format!("look#{}#{version}", event.inquiry),
        }
    }
}

/// What applying an event led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// It changed the verification.
    Applied(VerificationEffect),
    /// It, or something newer, had been applied before.
    AlreadyDone(VerificationEffect),
    /// An operator's decision stands against it.
    Overruled,
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

/// Whether a purchase may be asked for at the carrier, by verifications read for `owners` in the same order.
#[must_use]
pub fn clearance(stored: &Stored, owners: &[Owner], verifications: &[StoredVerification]) -> Clearance {
    let verifications = verifications.iter().map(|stored| &stored.verification);
    clear_purchase(stored.request().gated, owners.iter().zip(verifications))
}

/// Applies what Persona says of an inquiry that we opened for `owner`, with an audit entry in the same transaction.
///
/// # Errors
/// [`StoreError`] when the table does not answer (the change may stand), or others kept changing the item.
pub async fn observe(
    store: &impl Store,
    policy: &VerificationPolicy,
    revisits: &Revisits,
    owner: &Owner,
    event: &InquiryEvent,
    cause: Cause<'_>,
    now: Instant,
) -> Result<Observed, StoreError> {
    let observed = VerificationEvent::Observed(event.clone());
    for _ in 0..DECIDE_AGAIN_MAX {
        let seen = load(store, owner).await?;
        let (next, effect) = match seen.verification.decide(&observed, now, policy) {
            Decision::Applied { next, effects } => (next, effects),
            Decision::AlreadyDone { effects } => return Ok(Observed::AlreadyDone(effects)),
            Decision::Illegal(_) => return Ok(Observed::Overruled),
        };
        let (from, to) = (seen.verification.state, next.state);
        let next = StoredVerification { verification: next, opening: seen.opening.clone(), version: seen.version };
        let name = cause.audit_name(event, seen.version);
        let audit = Write::Put { item: audit_item(owner, &name, now, &from, &to), expect: Condition::ItemAbsent };
        match commit(store, owner, next, vec![audit], now, revisits).await? {
            Change::Done => {
                info!(
                    owner = %keys::owner_pk(owner), from = verification_state_name(&from),
                    to = verification_state_name(&to), cause = name, "The verification changed."
                );
                return Ok(Observed::Applied(effect));
            }
            // This very event was applied before and something newer since: what stands now decides who is woken.
            Change::Refused(refused) if refused.contains(&1) && !refused.contains(&0) => {
                let standing = load(store, owner).await?.verification;
                return Ok(Observed::AlreadyDone(effect_of(&standing)));
            }
            Change::Refused(_) => {}
        }
    }
    Err(StoreError::Unavailable("the verification kept changing".to_owned()))
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
/// table brings it back: an open one to ask Persona, a verified one until nobody waits for it any more.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the change may stand.
pub async fn commit(
    store: &impl Store,
    owner: &Owner,
    next: StoredVerification,
    beside: Vec<Write>,
    now: Instant,
    revisits: &Revisits,
) -> Result<Change, StoreError> {
    let expect = expect_version(next.version);
    let due_at = if next.verification.verified_at().is_some() {
        Some(now.plus_ms(revisits.step_ms))
    } else if next.verification.is_open() {
        Some(now.plus_ms(revisits.poll_age_ms))
    } else {
        None
    };
    let next = StoredVerification { version: next.version + 1, ..next };
    let put = Write::Put { item: verification_to_item(owner, &next, due_at), expect };
    match store.transact(std::iter::once(put).chain(beside).collect()).await {
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

/// What a purchase that may wait found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// It is cleared, by this rule: a message is worth sending.
    Cleared(Stored, ClearanceRule),
    /// It waits.
    ForOwners(Waiter),
    /// It no longer waits, or is not there any more.
    Moved(Option<Stored>),
}

/// A purchase that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    /// The purchase, with its pointers.
    pub stored: Stored,
    /// Whom it waits for, as the stored profile says.
    pub owners: Vec<Owner>,
    /// Their verifications, in the same order.
    pub verifications: Vec<StoredVerification>,
    /// How many purchases of its sub-account wait, itself included; counted up to what was asked for, if it was.
    pub waiting: usize,
}

/// Makes a gated purchase wait: pointers first, then a strongly consistent read of its profile and of all owners.
/// Whichever way this interleaves with "mark verified, then list pointers", or with "change the profile, then list
/// pointers", at least one of the two sees the other (promise P3). `count_up_to` asks how many wait, in the same round
/// trip.
///
/// # Errors
/// [`StoreError`] when the table does not answer; the purchase is due and the sweep does this again.
pub async fn wait(
    store: &impl Store,
    mut stored: Stored,
    mut owners: Vec<Owner>,
    count_up_to: Option<u32>,
) -> Result<Waiting, StoreError> {
    for _ in 0..DECIDE_AGAIN_MAX {
        let request = stored.request();
        if !request.waits {
            return Ok(Waiting::Moved(Some(stored)));
        }
        let (sub_account, id) = (request.sub_account.clone(), request.id.clone());
        let Some(pointed) = purchases::point(store, stored, &owners).await? else {
            match purchases::load(store, &sub_account, &id).await? {
                Some(reloaded) => stored = reloaded,
                None => return Ok(Waiting::Moved(None)),
            }
            continue;
        };
        stored = pointed;
        let own = Owner::SubAccount(sub_account.clone());
        let count = async {
            match count_up_to {
                Some(limit) => waiters(store, &own, limit, None).await.map(|page| page.items.len()),
                None => Ok(0),
            }
        };
        let (profile, verifications, waiting) =
            try_join3(profiles::load(store, &sub_account), load_all(store, &owners), count).await?;
        let current = profile.owners(&sub_account);
        if current != owners {
            owners = current;
            continue;
        }
        return Ok(match clearance(&stored, &owners, &verifications) {
            Clearance::Cleared(rule) => Waiting::Cleared(stored, rule),
            Clearance::NotCleared => Waiting::ForOwners(Waiter { stored, owners, verifications, waiting }),
        });
    }
    Err(StoreError::Unavailable("the purchase kept changing".to_owned()))
}

fn effect_of(verification: &Verification) -> VerificationEffect {
    if verification.verified_at().is_some() { VerificationEffect::WakeWaiters } else { VerificationEffect::None }
}
