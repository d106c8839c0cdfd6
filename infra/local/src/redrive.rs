//! `dialgate redrive`: what is in the dead letters, and back to the purchase queue with it.
//!
//! A message goes by receive, send, delete, in this order: a crash in between doubles it, which is harmless, because a
//! message is only a hint and the table says what its visit does. The order is ours because a queue's own redrive
//! (`StartMessageMoveTask`) takes everything or nothing, the unreadable included.

use std::collections::HashSet;
use std::time::Duration;

use adapters::items::{keys, pool_state_name, state_name};
use adapters::purchases::{self, Stored};
use adapters::queue::PurchaseMessage;
use adapters::store::{Store, StoreError};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use domain::{Instant, PurchaseId, SubAccountId};

use crate::error::{Error, Result};

/// Messages received at once (Amazon SQS, "ReceiveMessage": at most 10).
const BATCH: i32 = 10;
/// How long a received message is nobody else's, in seconds: longer than a whole run may hold what it leaves in place.
const HIDDEN_S: i32 = 900;
/// How long an empty queue is asked before it counts as empty, in seconds: long polling asks all of its servers.
const WAIT_S: i32 = 2;
/// Messages of one run: what it leaves in place is hidden, and a queue has a limit of those (120,000).
const MESSAGES_MAX: usize = 10_000;

/// Which dead letters go back; without any wish, all that can be read.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this sub-account's.
    pub sub_account: Option<SubAccountId>,
    /// Only this purchase's.
    pub purchase: Option<PurchaseId>,
    /// Only those that were sent at least so long ago.
    pub older_than: Option<Duration>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What is done with what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Nothing is changed.
    pub dry_run: bool,
    /// What cannot be read is deleted.
    pub drop_unreadable: bool,
}

/// The two queues.
#[derive(Debug, Clone)]
pub struct Queues {
    /// The client for both.
    pub client: Client,
    /// Where messages go back to.
    pub purchase_queue_url: String,
    /// Where they are.
    pub dead_letter_queue_url: String,
}

/// One dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The queue's id of it.
    pub message_id: String,
    /// When it was first sent; none where the queue does not say.
    pub sent_at: Option<Instant>,
    /// How long its text is, in bytes. The text itself is not shown: it may be anybody's.
    pub length_bytes: usize,
    /// What it says; none where it is no message of ours.
    pub message: Option<PurchaseMessage>,
    /// How the purchase that it names stands; none where there is no such purchase, or where it cannot be read.
    pub state: Option<&'static str>,
    /// Why the purchase that it names cannot be read; none where it can, or where there is none.
    pub broken: Option<String>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is in the purchase queue again, or would be.
    Moved,
    /// It cannot be read and was deleted, or would be.
    Dropped,
    /// It cannot be read and stays.
    Unreadable,
    /// The purchase that it names cannot be read. It stays: its visit would only fail again.
    PurchaseUnreadable,
    /// The filter does not name it, and it stays.
    Filtered,
}

/// Goes through the dead letters, and tells each. Returns them.
///
/// After a crash some messages are in both queues, and what was left in place is there again after a quarter of an hour.
///
/// # Errors
/// [`Error::Aws`] when a queue does not answer, [`Error::Table`] when the table does not; nothing is lost.
pub async fn redrive(
    store: &impl Store,
    queues: &Queues,
    filter: &Filter,
    manner: Manner,
    now: Instant,
    mut told: impl FnMut(&Letter),
) -> Result<Vec<Letter>> {
    // Whether the table answers at all: from here on, what is broken is one purchase.
    store.get(&keys::purchases_switch()).await?;
    let mut letters = Vec::new();
    let (mut seen, mut left) = (HashSet::new(), Vec::new());
    let outcome = loop {
        let moved = letters.iter().filter(|letter: &&Letter| letter.fate == Fate::Moved).count();
        if filter.limit.is_some_and(|limit| moved >= limit) || letters.len() >= MESSAGES_MAX {
            break Ok(());
        }
        match queues.receive().await {
            Err(failure) => break Err(failure),
            Ok(messages) if messages.is_empty() => break Ok(()),
            Ok(messages) => {
                let mut failed = None;
                for message in messages {
                    let Some(handle) = message.receipt_handle.clone() else { continue };
                    let moved = letters.iter().filter(|letter: &&Letter| letter.fate == Fate::Moved).count();
                    let is_full = filter.limit.is_some_and(|limit| moved >= limit);
                    let is_new = seen.insert(message.message_id.clone().unwrap_or_default());
                    if failed.is_some() || is_full || !is_new {
                        left.push(handle);
                        continue;
                    }
                    match queues.take(store, &message, &handle, filter, manner, now).await {
                        Ok(letter) => {
                            if manner.dry_run || !matches!(letter.fate, Fate::Moved | Fate::Dropped) {
                                left.push(handle);
                            }
                            told(&letter);
                            letters.push(letter);
                        }
                        Err(failure) => {
                            left.push(handle);
                            failed = Some(failure);
                        }
                    }
                }
                if let Some(failure) = failed {
                    break Err(failure);
                }
            }
        }
    };
    // What stays is there for the next one at once.
    for handle in &left {
        queues.show_again(handle).await?;
    }
    outcome.map(|()| letters)
}

impl Queues {
    async fn receive(&self) -> Result<Vec<Message>> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.dead_letter_queue_url)
            .max_number_of_messages(BATCH)
            .visibility_timeout(HIDDEN_S)
            .wait_time_seconds(WAIT_S)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(|error| aws("read the dead letters", &error))?;
        Ok(answer.messages.unwrap_or_default())
    }

    async fn take(
        &self,
        store: &impl Store,
        message: &Message,
        handle: &str,
        filter: &Filter,
        manner: Manner,
        now: Instant,
    ) -> Result<Letter> {
        let body = message.body.as_deref().unwrap_or_default();
        let mut letter = Letter {
            message_id: message.message_id.clone().unwrap_or_default(),
            sent_at: sent_at(message),
            length_bytes: body.len(),
            message: PurchaseMessage::parse(body).ok(),
            state: None,
            broken: None,
            fate: Fate::Unreadable,
        };
        if let Some(PurchaseMessage { sub_account, id, .. }) = &letter.message {
            match purchases::load(store, sub_account, id).await {
                Ok(stored) => letter.state = stored.as_ref().map(state_of),
                Err(StoreError::Broken(why)) => letter.broken = Some(why),
                Err(error @ StoreError::Unavailable(_)) => return Err(error.into()),
            }
        }
        letter.fate = fate(&letter, filter, manner, now);
        if manner.dry_run {
            return Ok(letter);
        }
        match (letter.fate, &letter.message) {
            (Fate::Moved, Some(readable)) => {
                self.send(body, readable).await?;
                self.delete(handle).await?;
            }
            (Fate::Dropped, _) => self.delete(handle).await?,
            (Fate::Moved, None) | (Fate::Unreadable | Fate::PurchaseUnreadable | Fate::Filtered, _) => {}
        }
        Ok(letter)
    }

    async fn send(&self, body: &str, message: &PurchaseMessage) -> Result<()> {
        self.client
            .send_message()
            .queue_url(&self.purchase_queue_url)
            .message_body(body)
            .message_group_id(message.sub_account.as_str())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| aws("send a message to the purchase queue", &error))
    }

    async fn delete(&self, handle: &str) -> Result<()> {
        self.client
            .delete_message()
            .queue_url(&self.dead_letter_queue_url)
            .receipt_handle(handle)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| aws("delete a dead letter", &error))
    }

    async fn show_again(&self, handle: &str) -> Result<()> {
        self.client
            .change_message_visibility()
            .queue_url(&self.dead_letter_queue_url)
            .receipt_handle(handle)
            .visibility_timeout(0)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| aws("leave a dead letter in place", &error))
    }
}

impl Letter {
    /// One line for a person.
    #[must_use]
    pub fn line(&self, manner: Manner, now: Instant) -> String {
        let would = if manner.dry_run { "would be " } else { "" };
        let what = match self.fate {
            Fate::Moved => format!("{would}moved back"),
            Fate::Dropped => format!("{would}deleted"),
            Fate::Unreadable => "left: cannot be read; --drop-unreadable deletes it".to_owned(),
            Fate::PurchaseUnreadable => {
                format!("left: its purchase cannot be read: {}", self.broken.as_deref().unwrap_or_default())
            }
            Fate::Filtered => "left: not asked for".to_owned(),
        };
        let age = self.sent_at.map_or("of unknown age".to_owned(), |sent_at| format!("{} old", age(now, sent_at)));
        match &self.message {
            Some(PurchaseMessage { sub_account, id, member }) => {
                let member = member.map(|index| format!(" number {}", index.get() + 1)).unwrap_or_default();
                let state = self.state.unwrap_or(if self.broken.is_some() { "unreadable" } else { "not there" });
                format!("{id}{member} of {sub_account}, now {state}, {age}: {what}")
            }
            None => format!("message {} of {} bytes, {age}: {what}", self.message_id, self.length_bytes),
        }
    }
}

fn fate(letter: &Letter, filter: &Filter, manner: Manner, now: Instant) -> Fate {
    let old_enough = filter.older_than.is_none_or(|least| {
        let least_ms = i64::try_from(least.as_millis()).unwrap_or(i64::MAX);
        letter.sent_at.is_some_and(|sent_at| now.ms_since(sent_at) >= least_ms)
    });
    match &letter.message {
        None if filter.sub_account.is_some() || filter.purchase.is_some() || !old_enough => Fate::Unreadable,
        None if manner.drop_unreadable => Fate::Dropped,
        None => Fate::Unreadable,
        Some(message) => {
            let named = filter.sub_account.as_ref().is_none_or(|wanted| *wanted == message.sub_account)
                && filter.purchase.as_ref().is_none_or(|wanted| *wanted == message.id);
            match (named && old_enough, &letter.broken) {
                (true, None) => Fate::Moved,
                (true, Some(_)) => Fate::PurchaseUnreadable,
                (false, _) => Fate::Filtered,
            }
        }
    }
}

pub(crate) fn state_of(stored: &Stored) -> &'static str {
    match stored {
        Stored::One(one) => state_name(&one.purchase.state),
        Stored::Pool(pool) => pool_state_name(&pool.pool.state),
    }
}

fn sent_at(message: &Message) -> Option<Instant> {
    let attributes = message.attributes.as_ref()?;
    attributes.get(&MessageSystemAttributeName::SentTimestamp)?.parse().ok().map(Instant::from_unix_ms)
}

/// An age in its largest whole unit.
pub(crate) fn age(now: Instant, sent_at: Instant) -> String {
    let seconds = now.ms_since(sent_at).max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn aws(doing: &'static str, error: &impl ProvideErrorMetadata) -> Error {
    Error::Aws { doing, code: error.code().unwrap_or("no answer").to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use adapters::queue::PurchaseMessage;
    use domain::{Instant, PurchaseId, SubAccountId};

    use super::{Fate, Filter, Letter, Manner, fate};

    const DAY_MS: i64 = 24 * 3600 * 1000;
    const NOW: i64 = 1_795_348_800_000;

    fn letter(readable: bool, age_ms: i64) -> Letter {
        let message = PurchaseMessage {
            sub_account: SubAccountId::parse("Loc1").expect("is a word"),
            id: PurchaseId::parse("pur_0123456789abcdef0123456789abcdef").expect("is an id"),
            member: None,
        };
        Letter {
            message_id: "m-1".to_owned(),
            sent_at: Some(Instant::from_unix_ms(NOW - age_ms)),
            length_bytes: 70,
            message: readable.then_some(message),
            state: readable.then_some("waiting"),
            broken: None,
            fate: Fate::Unreadable,
        }
    }

    fn judged(letter: &Letter, filter: &Filter, drop_unreadable: bool) -> Fate {
        fate(letter, filter, Manner { dry_run: false, drop_unreadable }, Instant::from_unix_ms(NOW))
    }

    #[test]
    fn what_cannot_be_read_goes_only_when_that_is_wanted_and_no_purchase_is_named() {
        let letter = letter(false, DAY_MS);
        assert_eq!(judged(&letter, &Filter::default(), false), Fate::Unreadable);
        assert_eq!(judged(&letter, &Filter::default(), true), Fate::Dropped);
        let named = Filter { sub_account: SubAccountId::parse("Loc1").ok(), ..Filter::default() };
        assert_eq!(judged(&letter, &named, true), Fate::Unreadable);
        let older = Filter { older_than: Some(Duration::from_secs(2 * 86_400)), ..Filter::default() };
        assert_eq!(judged(&letter, &older, true), Fate::Unreadable);
    }

    #[test]
    fn a_filter_names_by_sub_account_purchase_and_age() {
        let letter = letter(true, 3 * DAY_MS);
        assert_eq!(judged(&letter, &Filter::default(), false), Fate::Moved);
        for (filter, expected) in [
            (Filter { sub_account: SubAccountId::parse("Loc1").ok(), ..Filter::default() }, Fate::Moved),
            (Filter { sub_account: SubAccountId::parse("loc1").ok(), ..Filter::default() }, Fate::Filtered),
            (
                Filter {
                    purchase: PurchaseId::parse("pur_ffffffffffffffffffffffffffffffff").ok(),
                    ..Filter::default()
                },
                Fate::Filtered,
            ),
            (Filter { older_than: Some(Duration::from_secs(2 * 86_400)), ..Filter::default() }, Fate::Moved),
            (Filter { older_than: Some(Duration::from_secs(4 * 86_400)), ..Filter::default() }, Fate::Filtered),
        ] {
            assert_eq!(judged(&letter, &filter, false), expected, "{filter:?}");
        }
    }

    #[test]
    fn a_line_says_what_it_is_how_it_stands_how_old_and_what_became_of_it() {
        let (now, dry) = (Instant::from_unix_ms(NOW), Manner { dry_run: true, drop_unreadable: false });
        let moved = Letter { fate: Fate::Moved, ..letter(true, 14 * DAY_MS) };
        assert_eq!(
            moved.line(dry, now),
            "pur_0123456789abcdef0123456789abcdef of Loc1, now waiting, 14 d old: would be moved back"
        );
        assert_eq!(
            letter(false, 90_000).line(dry, now),
            "message m-1 of 70 bytes, 1 min old: left: cannot be read; --drop-unreadable deletes it"
        );
    }
}
