//! The purchase queue: hints that a purchase is worth a visit. The table decides what the visit does; losing every
//! message delays a purchase and loses none.

use std::future::Future;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::{MemberIndex, Place, Purchase, PurchaseId, SubAccountId};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

/// Entries of one batch (Amazon SQS, "SendMessageBatch": at most 10).
const BATCH_ENTRIES_MAX: usize = 10;

/// "Visit this number."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseMessage {
    /// Whose purchase.
    pub sub_account: SubAccountId,
    /// Which one.
    pub id: PurchaseId,
    /// Which of its numbers, in a pool.
    pub member: Option<MemberIndex>,
}

/// Why messages could not be sent. Some of them may have been; sending them again does no harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the purchase queue is not available for now: {0}")]
pub struct QueueError(pub String);

/// Text that is no message of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is not one of ours")]
pub struct UnreadableMessage;

/// The queue.
pub trait Queue: Send + Sync {
    /// Sends all messages. After a crash inside, some are sent.
    fn send(&self, messages: Vec<PurchaseMessage>) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// The message on the wire. The version is the tag: both sides of a deploy must read both versions.
#[derive(Serialize, Deserialize)]
#[serde(tag = "version", deny_unknown_fields)]
enum Wire {
    #[serde(rename = "1")]
    V1 {
        sub_account: String,
        purchase: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<usize>,
    },
}

impl PurchaseMessage {
    /// The messages that wake a purchase: one for each number of a pool of `members`, or the one of a purchase that is no
    /// pool (`members` 0).
    #[must_use]
    pub fn for_each(sub_account: &SubAccountId, id: &PurchaseId, members: usize) -> Vec<Self> {
        let message = |member| Self { sub_account: sub_account.clone(), id: id.clone(), member };
        match members {
            0 => vec![message(None)],
            members => MemberIndex::all(members).map(|index| message(Some(index))).collect(),
        }
    }

    /// The message that gets one number visited, alone or in its pool.
    #[must_use]
    pub fn of(purchase: &Purchase) -> Self {
        let member = match purchase.place {
            Place::Alone => None,
            Place::Member(index) => Some(index),
        };
        Self { sub_account: purchase.sub_account.clone(), id: purchase.id.clone(), member }
    }

    /// The message as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let wire = Wire::V1 {
            sub_account: self.sub_account.to_string(),
            purchase: self.id.to_string(),
            member: self.member.map(MemberIndex::get),
        };
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`UnreadableMessage`]; the text is not repeated.
    pub fn parse(text: &str) -> Result<Self, UnreadableMessage> {
        let Wire::V1 { sub_account, purchase, member } = serde_json::from_str(text).map_err(|_| UnreadableMessage)?;
        Ok(Self {
            sub_account: SubAccountId::parse(&sub_account).map_err(|_| UnreadableMessage)?,
            id: PurchaseId::parse(&purchase).map_err(|_| UnreadableMessage)?,
            member: member.map(|index| MemberIndex::new(index).ok_or(UnreadableMessage)).transpose()?,
        })
    }
}

/// The queue in Amazon SQS.
#[derive(Debug, Clone)]
pub struct Sqs {
    client: Client,
    url: String,
}

impl Sqs {
    /// The queue at this address.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    async fn send_batch(&self, messages: &[PurchaseMessage]) -> Result<(), QueueError> {
        let mut entries = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(message.to_text())
                // On a standard queue a group means fair shares: one sub-account's backlog does not delay another's.
                .message_group_id(message.sub_account.as_str())
                .build()
                .map_err(|error| QueueError(error.to_string()))?;
            entries.push(entry);
        }
        let answer = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| QueueError(error.code().unwrap_or("no answer").to_owned()))?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failed) => Err(QueueError(format!("{} messages refused: {}", answer.failed.len(), failed.code))),
        }
    }
}

impl Queue for Sqs {
    async fn send(&self, messages: Vec<PurchaseMessage>) -> Result<(), QueueError> {
        try_join_all(messages.chunks(BATCH_ENTRIES_MAX).map(|batch| self.send_batch(batch))).await?;
        Ok(())
    }
}
