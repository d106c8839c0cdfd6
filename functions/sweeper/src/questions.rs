//! Asking Persona what it could not deliver: whatever became of a webhook, an approval is found within five minutes
//! while up to 30,000 inquiries are open, with at most 60 requests a minute.
//!
//! What is to be asked about stands in shards of its own, by when it is due. A sweep takes the earliest of all shards,
//! pushes each one's next ask on condition of the one that was read, and asks about a hundred with one request. What
//! the budget does not reach is not touched and so comes first in the next sweep: with more inquiries than that, every
//! one is asked about ever more rarely, in proportion.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::pin::pin;

use adapters::ambient::Ambient;
use adapters::items::{InquiryMap, StoredVerification, VISITS, keys, keys::DueKey, verification_from_item};
use adapters::name_match::NameMatch;
use adapters::persona::{INQUIRIES_PER_QUESTION_MAX, Identity, Looked, PersonaError};
use adapters::queue::Queue;
use adapters::store::{Condition, DUE_AT, DUE_SHARD, Item, Key, Query, Range, Store, StoreError, Value, Write};
use adapters::verifications::{self, News, Observed, WakeError};
use domain::{
    Decision, FormerInquiry, InquiryId, Instant, Owner, Reviewer, RevokedBy, SWEEP_QUESTIONS_MAX, Verification,
    VerificationPolicy, VerificationState,
};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt};
use tracing::{error, warn};

use crate::{Due, Overdue, SweepError, Sweeper, Swept, log, visits_of};

/// Questions asked at the same time: hides Persona's latency, a few hundred milliseconds each.
const QUESTIONS_AT_ONCE: usize = 4;
/// Entries read from a shard at once: some 150 KB of keys.
const ASK_PAGE_ITEMS: u32 = 1000;
/// Items of one question pushed at the same time.
const PUSHES_AT_ONCE: usize = 25;
/// Owners of purchases that are about to expire, read at the same time.
const OWNERS_AT_ONCE: usize = 16;
/// Changes by one answer written at the same time.
const CHANGES_AT_ONCE: usize = 16;

/// How late the news of an open inquiry may be found, in milliseconds: five minutes.
const FOUND_WITHIN_MS: i64 = 300_000;
/// How long after this sweep the next one comes, in milliseconds.
const SWEEP_PERIOD_MS: i64 = 60_000;
/// How much later than that is no reason for an alarm, in milliseconds: sweeps do not start to the second.
const LATE_TOLERANCE_MS: i64 = 15_000;

/// An inquiry to ask about, and what the table says of its owner.
struct Question {
    /// What is due.
    key: Key,
    owner: Owner,
    inquiry: InquiryId,
    known: Verification,
    /// What is remembered of the inquiry, where another has replaced it.
    former: Option<FormerInquiry>,
    /// How the ask was counted; none where it is asked before it is due.
    counted: Option<Counted>,
}

/// An ask that counts as one that led nowhere, until it leads somewhere.
struct Counted {
    /// When the next one is due.
    next_at: Instant,
    /// How many led nowhere before it.
    before: i64,
}

/// What a question led to.
#[derive(Default)]
struct Answered {
    asked: usize,
    failed: usize,
    /// Whether Persona was asked at all: a question of which nothing is left costs no request.
    requests: usize,
    /// What Persona said that the table does not know yet.
    news: Vec<(Owner, Looked)>,
}

impl Question {
    /// Whether what Persona says is news to the table.
    fn is_news(&self, looked: &Looked, now: Instant, policy: &VerificationPolicy) -> bool {
        let (policy, event) = (policy.for_owner(&self.owner), looked.event.clone());
        let remembered = self.former.as_ref().is_some_and(|former| former.news(&event, &policy).is_some());
        let said = self.known.said(event, looked.redacted, self.former.as_ref(), &policy);
        match self.known.decide(&said, now, &policy) {
            Decision::Applied { .. } => true,
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => remembered,
        }
    }
}

impl<S: Store, Q: Queue, I: Identity, N: NameMatch, A: Ambient> Sweeper<S, Q, I, N, A> {
    /// Asks about the owners of purchases that are about to expire, whether that is due or not; those purchases that
    /// may expire now, all of whose owners were asked about, or are nobody to ask about.
    pub(crate) async fn ask_about_overdue(
        &self,
        overdue: Vec<Overdue>,
        started_at: Instant,
        swept: &mut Swept,
    ) -> Result<Vec<Overdue>, SweepError> {
        let owners: BTreeSet<Owner> = overdue.iter().flat_map(|overdue| overdue.owners.iter().cloned()).collect();
        let mut read = stream::iter(owners.iter())
            .map(|owner| async move { verifications::load(&self.store, owner).await.map(|stored| (owner, stored)) })
            .buffered(OWNERS_AT_ONCE);
        let mut questions = Vec::new();
        while let Some(loaded) = read.next().await {
            let (owner, stored) = loaded?;
            questions.extend(self.former_questions(owner, &stored.verification).await?);
            questions.extend(question_about(owner.clone(), stored));
        }
        let mut unanswered = HashSet::new();
        for group in questions.chunks(INQUIRIES_PER_QUESTION_MAX) {
            let may_ask = swept.questions < SWEEP_QUESTIONS_MAX && !self.is_late(started_at);
            let answered = if may_ask {
                let applied = self.apply(self.ask(group).await).await;
                let answered = applied.failed == 0;
                add(swept, applied);
                answered
            } else {
                false
            };
            if !answered {
                unanswered.extend(group.iter().map(|question| question.owner.clone()));
            }
        }
        let may_expire = |overdue: &Overdue| !overdue.owners.iter().any(|owner| unanswered.contains(owner));
        Ok(overdue.into_iter().filter(may_expire).collect())
    }

    /// What to ask about the inquiries of an owner that others have replaced, whether that is due or not.
    async fn former_questions(&self, owner: &Owner, known: &Verification) -> Result<Vec<Question>, StoreError> {
        let mut questions = Vec::new();
        if !is_answerable(known) {
            return Ok(questions);
        }
        for inquiry in verifications::former_inquiries(&self.store, owner, known).await? {
            let map = verifications::load_map(&self.store, &inquiry).await?.filter(|map| map.owner == *owner);
            questions.extend(map.map(|map| Question {
                key: keys::inquiry_map(&inquiry),
                owner: owner.clone(),
                inquiry,
                known: known.clone(),
                former: Some(map.former()),
                counted: None,
            }));
        }
        Ok(questions)
    }

    /// Asks about what is due, longest unasked first, as far as the budget and the time reach.
    pub(crate) async fn ask_what_is_due(&self, started_at: Instant, swept: &mut Swept) -> Result<(), SweepError> {
        let budget = SWEEP_QUESTIONS_MAX.saturating_sub(swept.questions);
        let mut earliest = Earliest::of_all_shards(&self.store, started_at).await?;
        if earliest.next_due_at().is_none() {
            return Ok(());
        }
        {
            let groups = stream::unfold((&mut earliest, budget), |(earliest, left)| async move {
                if left == 0 || self.is_late(started_at) {
                    return None;
                }
                match earliest.take(&self.store, INQUIRIES_PER_QUESTION_MAX).await {
                    Ok(entries) if entries.is_empty() => None,
                    Ok(entries) => Some((Ok(entries), (earliest, left - 1))),
                    // Nothing more can be read; what was taken so far is asked about.
                    Err(error) => Some((Err(error), (earliest, 0))),
                }
            });
            let answers = groups
                .map(|entries| async { Ok::<_, StoreError>(self.ask_entries(entries?).await) })
                .buffered(QUESTIONS_AT_ONCE);
            // Writing down what one answer changes does not keep the next question from being asked.
            let applied = answers.map(|answered| async { Ok::<_, StoreError>(self.apply(answered?).await) });
            let mut applied = pin!(applied.buffered(QUESTIONS_AT_ONCE));
            while let Some(applied) = applied.next().await {
                add(swept, applied?);
            }
        }
        if let Some(due_at) = earliest.next_due_at() {
            swept.late_s = self.late_s(due_at);
        }
        if swept.late_s > 0 {
            let late_s = swept.late_s;
            warn!(late_s, metric = "poll_backlog", "More inquiries are open than Persona may be asked about in time.");
        }
        Ok(())
    }

    /// What was due at `due_at` is asked about in the next sweep at the earliest: how much too late that is, in seconds.
    fn late_s(&self, due_at: i64) -> i64 {
        let poll_age_ms = self.settings.revisits.poll_age_ms;
        let asked_after_ms = poll_age_ms + self.ambient.now().unix_ms() - due_at + SWEEP_PERIOD_MS;
        (asked_after_ms - FOUND_WITHIN_MS.max(poll_age_ms) - LATE_TOLERANCE_MS).max(0) / 1000
    }

    async fn ask_entries(&self, entries: Vec<Item>) -> Answered {
        let mut questions = Vec::with_capacity(entries.len());
        let mut failed = 0;
        let mut pushed = stream::iter(entries).map(|entry| self.push_question(entry)).buffered(PUSHES_AT_ONCE);
        while let Some(question) = pushed.next().await {
            match question {
                Ok(question) => questions.extend(question),
                Err(failure) => {
                    failed += 1;
                    log(&failure);
                }
            }
        }
        let answered = if questions.is_empty() { Answered::default() } else { self.ask(&questions).await };
        Answered { failed: answered.failed + failed, ..answered }
    }

    /// Pushes an inquiry's next ask; the question, if it is still to be asked, and by us.
    async fn push_question(&self, entry: Item) -> Result<Option<Question>, SweepError> {
        let Some(due) = self.still_due(&entry).await? else { return Ok(None) };
        match keys::due_key(&due.key)? {
            DueKey::Verification(owner) => self.push_current(due, owner).await,
            DueKey::FormerInquiry(inquiry) => self.push_former(due, inquiry).await,
            DueKey::Purchase(..) | DueKey::Member(..) | DueKey::Profile(_) | DueKey::ApprovedPhone(_) => {
                Err(StoreError::Broken("Persona cannot be asked about what is due".to_owned()).into())
            }
        }
    }

    async fn push_current(&self, due: Due, owner: Owner) -> Result<Option<Question>, SweepError> {
        let stored = verification_from_item(&due.item)?;
        let next_ms = stored.verification.next_ask_ms(asks_of(&due), self.settings.revisits.poll_age_ms);
        let version = stored.version;
        match next_ms.zip(question_about(owner, stored)) {
            Some((next_ms, question)) => self.push_counted(&due, question, next_ms).await,
            // Nothing that Persona could say of it is worth asking for any more. A webhook still counts.
            None => {
                self.sleep(&due, version, Instant::from_unix_ms(due.due_at)).await?;
                Ok(None)
            }
        }
    }

    /// An inquiry that another has replaced: somebody may have finished it on a page that was left open.
    async fn push_former(&self, due: Due, inquiry: InquiryId) -> Result<Option<Question>, SweepError> {
        let map = InquiryMap::from_item(&due.item)?;
        let owner = map.owner.clone();
        let known = verifications::load(&self.store, &owner).await?.verification;
        let former = map.former();
        let next_ms = FormerInquiry::next_ask_ms(asks_of(&due), self.settings.revisits.poll_age_ms);
        match next_ms.filter(|_| is_answerable(&known) && !known.is_current(&inquiry)) {
            Some(next_ms) => {
                let key = due.key.clone();
                let question = Question { key, owner, inquiry, known, former: Some(former), counted: None };
                self.push_counted(&due, question, next_ms).await
            }
            None => {
                let (set, remove) = (vec![], vec![DUE_SHARD, DUE_AT, VISITS]);
                let expect = Condition::Equals(DUE_AT, Value::N(due.due_at));
                self.conditional(Write::Update { key: due.key, set, remove, expect }).await?;
                Ok(None)
            }
        }
    }

    async fn push_counted(&self, due: &Due, question: Question, next_ms: i64) -> Result<Option<Question>, SweepError> {
        let next_at = self.ambient.now().plus_ms(next_ms);
        let counted = Some(Counted { next_at, before: visits_of(&due.item) });
        Ok(self.push(due, next_at).await?.then_some(Question { counted, ..question }))
    }

    /// Asks Persona about a group of inquiries. Mostly it says what the table knows: that costs nothing further.
    async fn ask(&self, group: &[Question]) -> Answered {
        let inquiries: Vec<InquiryId> = group.iter().map(|question| question.inquiry.clone()).collect();
        let questions: HashMap<&InquiryId, &Question> =
            group.iter().map(|question| (&question.inquiry, question)).collect();
        let answered = Answered { asked: inquiries.len(), requests: 1, ..Answered::default() };
        let said = match self.identity.look(&inquiries).await {
            Ok(said) => said,
            Err(error) => {
                unanswered(error, inquiries.len());
                self.discount(group).await;
                return Answered { failed: inquiries.len(), ..answered };
            }
        };
        if said.is_empty() {
            // The key may be of another environment: Persona has none of them there, and says so by leaving them out. It
            // did answer, though: what waits for it expires, and asks count.
            unanswered(PersonaError::Gone, inquiries.len());
            return answered;
        }
        let left_out = inquiries.len().saturating_sub(said.len());
        if left_out > 0 {
            warn!(left_out, "Persona said nothing of some inquiries that it was asked about.");
        }
        let news = said.into_iter().filter_map(|looked| {
            let question = questions.get(&looked.event.inquiry)?;
            question
                .is_news(&looked, self.ambient.now(), &self.settings.policy)
                .then(|| (question.owner.clone(), looked))
        });
        Answered { news: news.collect(), ..answered }
    }

    /// Takes back that these asks led nowhere, since Persona did not answer: else a long outage would use up those of an
    /// inquiry that is asked about ever more rarely. When they are due next stays.
    async fn discount(&self, group: &[Question]) {
        let uncounted = group.iter().filter_map(|question| {
            let Counted { next_at, before } = question.counted.as_ref()?;
            Some(self.conditional(Write::Update {
                key: question.key.clone(),
                set: vec![(VISITS, Value::N(*before))],
                remove: vec![],
                expect: Condition::Equals(DUE_AT, Value::N(next_at.unix_ms())),
            }))
        });
        let mut uncounted = stream::iter(uncounted).buffered(PUSHES_AT_ONCE);
        while let Some(written) = uncounted.next().await {
            if let Err(error) = written {
                log(&error.into());
            }
        }
    }

    /// Applies what Persona said, exactly as if it had delivered it.
    async fn apply(&self, answered: Answered) -> Applied {
        let Answered { asked, failed, requests, news } = answered;
        let mut applied = Applied { asked, failed, requests, changed: 0 };
        let mut changes = stream::iter(&news).map(|(owner, looked)| self.take(owner, looked)).buffered(CHANGES_AT_ONCE);
        while let Some(taken) = changes.next().await {
            match taken {
                Ok(Observed::Applied(_)) => applied.changed += 1,
                Ok(Observed::AlreadyDone(_) | Observed::Overruled) => {}
                Err(error) => {
                    applied.failed += 1;
                    log(&error.into());
                }
            }
        }
        applied
    }

    async fn take(&self, owner: &Owner, looked: &Looked) -> Result<Observed, WakeError> {
        let Sweeper { store, queue, ambient, settings, .. } = self;
        let news = News::answered(owner, looked);
        verifications::take(store, queue, &settings.policy, &settings.revisits, news, ambient.now()).await
    }
}

/// What to ask about an owner: its current inquiry, whichever template it was made from, if Persona's word could
/// change anything.
fn question_about(owner: Owner, stored: StoredVerification) -> Option<Question> {
    let known = stored.verification;
    let inquiry = known.inquiry.as_ref().filter(|_| is_answerable(&known))?.id.clone();
    Some(Question { key: keys::verification(&owner), owner, inquiry, known, former: None, counted: None })
}

/// Whether Persona's word could change anything.
fn is_answerable(known: &Verification) -> bool {
    match known.state {
        VerificationState::Verified { .. }
        | VerificationState::InReview { by: Reviewer::Names { .. } }
        | VerificationState::Revoked { by: RevokedBy::Operator, .. } => false,
        VerificationState::Unverified
        | VerificationState::InProgress { .. }
        | VerificationState::InReview { by: Reviewer::Persona }
        | VerificationState::Declined
        | VerificationState::Failed
        | VerificationState::Expired
        | VerificationState::Locked
        | VerificationState::Revoked { by: RevokedBy::Persona, .. } => true,
    }
}

fn asks_of(due: &Due) -> u32 {
    u32::try_from(visits_of(&due.item)).unwrap_or(u32::MAX)
}

/// Says that Persona did not answer: it may be down or limit us, and then a later sweep helps; or it refuses our key, and
/// then nothing that it could not deliver is found until somebody mends that.
fn unanswered(why: PersonaError, inquiries: usize) {
    const METRIC: &str = "persona_unanswered";
    match why {
        PersonaError::Answered(401 | 403) => {
            error!(%why, inquiries, metric = METRIC, "Persona refuses our key: nothing that it does not deliver is found.");
        }
        PersonaError::Unknown | PersonaError::Answered(_) | PersonaError::Gone => {
            warn!(%why, inquiries, metric = METRIC, "Persona could not be asked; a later sweep asks again.");
        }
    }
}

/// What became of a question.
struct Applied {
    asked: usize,
    failed: usize,
    requests: usize,
    changed: usize,
}

fn add(swept: &mut Swept, applied: Applied) {
    swept.questions += applied.requests;
    swept.asked += applied.asked;
    swept.changed += applied.changed;
    swept.failed += applied.failed;
}

/// The entries of all shards in the order in which they are due.
struct Earliest {
    shards: Vec<Shard>,
}

/// The entries of one shard that were read, and where its next page starts.
struct Shard {
    name: &'static str,
    until_ms: i64,
    entries: VecDeque<Item>,
    after: Option<Item>,
}

impl Earliest {
    async fn of_all_shards(store: &impl Store, started_at: Instant) -> Result<Self, StoreError> {
        let read = keys::ask_shards().map(|name| async move {
            let mut shard = Shard { name, until_ms: started_at.unix_ms(), entries: VecDeque::new(), after: None };
            shard.read(store).await.map(|()| shard)
        });
        Ok(Self { shards: try_join_all(read).await? })
    }

    /// Takes the earliest `wanted` entries, or all that are left.
    async fn take(&mut self, store: &impl Store, wanted: usize) -> Result<Vec<Item>, StoreError> {
        let mut taken = Vec::with_capacity(wanted);
        while taken.len() < wanted {
            let with_due = self.shards.iter_mut().filter_map(|shard| Some((shard.next_due_at()?, shard)));
            let Some((_, shard)) = with_due.min_by_key(|(due_at, _)| *due_at) else { break };
            taken.extend(shard.entries.pop_front());
            if shard.entries.is_empty() && shard.after.is_some() {
                shard.read(store).await?;
            }
        }
        Ok(taken)
    }

    /// When the earliest of what is left was due, in milliseconds since the epoch.
    fn next_due_at(&self) -> Option<i64> {
        self.shards.iter().filter_map(Shard::next_due_at).min()
    }
}

impl Shard {
    async fn read(&mut self, store: &impl Store) -> Result<(), StoreError> {
        let range = Range::Due { shard: self.name.into(), until_ms: self.until_ms };
        let page = store.query(Query { range, limit: ASK_PAGE_ITEMS, after: self.after.take() }).await?;
        self.entries.extend(page.items);
        self.after = page.next;
        Ok(())
    }

    fn next_due_at(&self) -> Option<i64> {
        match self.entries.front()?.get(DUE_AT) {
            Some(Value::N(due_at)) => Some(*due_at),
            Some(Value::S(_) | Value::Bool(_) | Value::Map(_) | Value::List(_)) | None => None,
        }
    }
}
