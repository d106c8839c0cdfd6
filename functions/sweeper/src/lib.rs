//! Every minute: visits what is due in the table. This is the outbox of the whole system: losing every message and
//! every webhook delays a purchase, and the sweep finds it (promises P3, P4).
//!
//! Each visit pushes the item's next visit on condition of the one it read, and only then acts, so that two sweeps at
//! once share the work and a crash costs one step. A purchase that waits is repaired before, in the order of the request
//! itself: pointers, then strongly consistent reads of its owners; what they say decides where its next visit is pushed.

mod names;
mod phone;
mod purchase;
mod questions;
mod verification;

use adapters::ambient::Ambient;
use adapters::items::{VISITS, keys, keys::DueKey};
use adapters::name_match::{NameMatch, NameMatchError};
use adapters::persona::Identity;
use adapters::purchases::Stored;
use adapters::queue::{Queue, QueueError};
use adapters::store::{Condition, DUE_AT, Item, Key, Query, Range, Store, StoreError, Value, Write, WriteError};
use adapters::twilio::LookupError;
use adapters::verifications::{Revisits, WakeError};
use domain::{Instant, Owner, Timing, VerificationPolicy};
use futures::stream::{self, StreamExt};
use serde::Serialize;
use tracing::{error, info, warn};

use crate::names::Comparisons;

/// Items read from a shard at once.
const DUE_PAGE_ITEMS: u32 = 100;
/// Pages read from a shard in one sweep; what is left is first in the next.
const DUE_PAGES_MAX: u32 = 40;
/// Items visited at the same time: the table's latency is hidden, and its throughput not exhausted.
const VISITS_AT_ONCE: usize = 16;
/// After this long a sweep visits nothing more, in milliseconds: the rest is for asking Persona.
const VISITS_MS_MAX: i64 = 15_000;
/// After this long a sweep starts nothing new, in milliseconds. Less than the function's time-out of 50 s.
const SWEEP_MS_MAX: i64 = 35_000;
/// How often the short step is doubled at most: one minute becomes sixteen.
const DOUBLINGS_MAX: u32 = 4;

/// The function, over its neighbours.
#[derive(Debug)]
pub struct Sweeper<S, Q, I, N, A> {
    /// The table.
    pub store: S,
    /// The purchase queue.
    pub queue: Q,
    /// Persona, to be asked about inquiries that it could not deliver news of.
    pub identity: I,
    /// Who compares the name on an ID with a phone's owner.
    pub names: N,
    /// The clock and the dice.
    pub ambient: A,
    /// The settings.
    pub settings: Settings,
}

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What Persona's statuses mean.
    pub policy: VerificationPolicy,
    /// When the table brings verifications back; its step is also the purchases'.
    pub revisits: Revisits,
    /// The lengths of time that the rules use.
    pub timing: Timing,
}

/// What one sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Swept {
    /// Items visited.
    pub visited: usize,
    /// Messages sent for purchases.
    pub sent: usize,
    /// Requests to Persona.
    pub questions: usize,
    /// Inquiries that Persona was asked about.
    pub asked: usize,
    /// Names on IDs that were compared with a phone's owner.
    pub compared: usize,
    /// Verifications that changed by what Persona said.
    pub changed: usize,
    /// Purchases that expired.
    pub expired: usize,
    /// Visits that failed; they come again.
    pub failed: usize,
    /// How much later than it should be what Persona says of the inquiries that are left is found, in seconds; 0 when
    /// it will be in time. More than that raises an alarm.
    pub late_s: i64,
}

/// Why a visit failed.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not take a message.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Not everybody was woken.
    #[error(transparent)]
    Wake(#[from] WakeError),
    /// A name was not compared.
    #[error(transparent)]
    Names(#[from] NameMatchError),
}

/// What one visit led to.
enum Visited {
    Nothing,
    Sent(usize),
    Expired,
    /// Nobody verified in time, as far as the table says before Persona was asked.
    Overdue(Box<Overdue>),
}

/// A purchase that expires once Persona was asked about its owners: after an outage of ours, an approval that came in
/// time may not have reached the table yet.
struct Overdue {
    stored: Stored,
    owners: Vec<Owner>,
    /// Whether only the phone is missing.
    identified: bool,
}

/// An item that is due, as the index showed it and the table has it now.
struct Due {
    key: Key,
    item: Item,
    due_at: i64,
}

impl<S: Store, Q: Queue, I: Identity, N: NameMatch, A: Ambient> Sweeper<S, Q, I, N, A> {
    /// Visits what is due, then asks Persona: first about the owners of what is about to expire, then about what is due
    /// to be asked, longest unasked first; then compares names, so that slow vendors delay nothing else.
    ///
    /// # Errors
    /// [`SweepError`] when the due index cannot be read. A visit that fails is counted and comes again.
    pub async fn sweep(&self) -> Result<Swept, SweepError> {
        let started_at = self.ambient.now();
        let mut swept = Swept::default();
        let names = Comparisons::default();
        let overdue = self.visit_all(started_at, &names, &mut swept).await?;
        if !overdue.is_empty() {
            for overdue in self.ask_about_overdue(overdue, started_at, &mut swept).await? {
                if !self.is_being_compared(&overdue).await? {
                    count(self.expire(overdue).await, &mut swept, &mut Vec::new());
                }
            }
        }
        self.ask_what_is_due(started_at, &mut swept).await?;
        self.compare_all(names, started_at, &mut swept).await;
        let Swept { visited, sent, questions, asked, compared, changed, expired, failed, late_s: _ } = swept;
        if visited + asked > 0 {
            info!(visited, sent, questions, asked, compared, changed, expired, failed, "The sweep is done.");
        }
        Ok(swept)
    }

    /// Visits the shards in turn, another one first each minute, so that none is always the last when time runs out.
    async fn visit_all(
        &self,
        started_at: Instant,
        names: &Comparisons,
        swept: &mut Swept,
    ) -> Result<Vec<Overdue>, SweepError> {
        let mut overdue = Vec::new();
        let shards: Vec<&'static str> = keys::due_shards().collect();
        let minute = usize::try_from(started_at.unix_ms() / 60_000).unwrap_or_default();
        for turn in 0..shards.len() {
            let shard = shards[(minute + turn) % shards.len()];
            self.sweep_shard(shard, started_at, names, swept, &mut overdue).await?;
        }
        Ok(overdue)
    }

    async fn sweep_shard(
        &self,
        shard: &'static str,
        started_at: Instant,
        names: &Comparisons,
        swept: &mut Swept,
        overdue: &mut Vec<Overdue>,
    ) -> Result<(), SweepError> {
        let mut after = None;
        for _ in 0..DUE_PAGES_MAX {
            if self.ambient.now().ms_since(started_at) > VISITS_MS_MAX {
                warn!(shard, metric = "sweep_late", "The sweep ran out of time; the next one goes on.");
                return Ok(());
            }
            let range = Range::Due { shard: shard.into(), until_ms: started_at.unix_ms() };
            let page = self.store.query(Query { range, limit: DUE_PAGE_ITEMS, after }).await?;
            // Most shards have nothing due in most minutes: no room is made for visits then.
            if !page.items.is_empty() {
                let mut visits =
                    stream::iter(page.items).map(|entry| self.visit(entry, names)).buffered(VISITS_AT_ONCE);
                while let Some(visited) = visits.next().await {
                    swept.visited += 1;
                    count(visited, swept, overdue);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn visit(&self, entry: Item, names: &Comparisons) -> Result<Visited, SweepError> {
        let Some(due) = self.still_due(&entry).await? else { return Ok(Visited::Nothing) };
        match keys::due_key(&due.key)? {
            DueKey::Purchase(..) => self.visit_purchase(due).await,
            DueKey::Member(..) => self.visit_member(due).await,
            DueKey::Profile(sub_account) => self.visit_profile(due, &sub_account).await,
            DueKey::Verification(owner) => self.visit_verification(due, owner, names).await,
            DueKey::ApprovedPhone(sub_account) => self.visit_phone(due, sub_account, names).await,
            DueKey::FormerInquiry(_) => {
                let broken = "a former inquiry stands among what we are to do".to_owned();
                Err(StoreError::Broken(broken).into())
            }
        }
    }

    /// The index lags behind the table: what stands in the table decides.
    async fn still_due(&self, entry: &Item) -> Result<Option<Due>, StoreError> {
        let key = Key::of(entry)?;
        let Some(item) = self.store.get(&key).await? else { return Ok(None) };
        match (entry.get(DUE_AT), item.get(DUE_AT)) {
            (Some(Value::N(shown)), Some(Value::N(due_at))) if shown == due_at => {
                let due_at = *due_at;
                Ok(Some(Due { due_at, key, item }))
            }
            _ => Ok(None),
        }
    }

    /// Pushes the item's next visit, on condition of the one that was read; false when another sweep was first.
    async fn push(&self, due: &Due, next_at: Instant) -> Result<bool, StoreError> {
        let visits = visits_of(&due.item) + 1;
        self.conditional(Write::Update {
            key: due.key.clone(),
            set: vec![(DUE_AT, Value::N(next_at.unix_ms())), (VISITS, Value::N(visits))],
            remove: vec![],
            expect: Condition::Equals(DUE_AT, Value::N(due.due_at)),
        })
        .await
    }

    /// Writes, unless somebody else's change came first.
    async fn conditional(&self, write: Write) -> Result<bool, StoreError> {
        match self.store.write(write).await {
            Ok(()) => Ok(true),
            Err(WriteError::Refused(_)) => Ok(false),
            Err(WriteError::Store(error)) => Err(error),
        }
    }

    /// A step, doubled with every visit that led nowhere.
    fn backed_off(&self, due: &Due, now: Instant, step_ms: i64) -> Instant {
        let doublings = u32::try_from(visits_of(&due.item)).unwrap_or(0).min(DOUBLINGS_MAX);
        now.plus_ms(step_ms << doublings)
    }

    fn is_late(&self, started_at: Instant) -> bool {
        self.ambient.now().ms_since(started_at) > SWEEP_MS_MAX
    }
}

fn visits_of(item: &Item) -> i64 {
    match item.get(VISITS) {
        Some(Value::N(visits)) => *visits,
        _ => 0,
    }
}

fn count(visited: Result<Visited, SweepError>, swept: &mut Swept, overdue: &mut Vec<Overdue>) {
    match visited {
        Ok(Visited::Nothing) => {}
        Ok(Visited::Sent(messages)) => swept.sent += messages,
        Ok(Visited::Expired) => swept.expired += 1,
        Ok(Visited::Overdue(found)) => overdue.push(*found),
        Err(failure) => {
            swept.failed += 1;
            log(&failure);
        }
    }
}

/// One that cannot be read is a bug, and must not keep the others from being visited.
fn log(failure: &SweepError) {
    match failure {
        SweepError::Store(StoreError::Broken(_)) | SweepError::Wake(WakeError::Store(StoreError::Broken(_))) => {
            error!(error = %failure, metric = "bug", "A visit met something that should not be.");
        }
        SweepError::Names(NameMatchError::Lookup(LookupError::Unauthorised)) => {
            error!(error = %failure, metric = "lookup_unauthorised", "Twilio Lookup refuses our credential.");
        }
        SweepError::Names(_) => {
            warn!(error = %failure, metric = "names_not_compared", "A visit failed; it comes again.");
        }
        SweepError::Store(StoreError::Unavailable(_))
        | SweepError::Queue(_)
        | SweepError::Wake(WakeError::Store(StoreError::Unavailable(_)) | WakeError::Queue(_)) => {
            warn!(error = %failure, "A visit failed; it comes again.");
        }
    }
}
