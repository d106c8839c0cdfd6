//! A neighbour whose calls take time, and are counted.

use adapters::persona::{Identity, Looked, OpenedInquiry, PersonaError, Session};
use adapters::queue::{PurchaseMessage, Queue, QueueError};
use adapters::store::{Item, Key, Page, Query, Range, Store, StoreError, TransactError, Write, WriteError};
use adapters::twilio::{AvailableNumber, Carrier, Created, LookError, OwnedNumber, Stock, StockError, StockQuery};
use domain::{AccountSid, InquiryId, Nonce, NumberSid, PhoneNumber};

use super::units::{Manner, read_halves, write_units};
use super::{Latencies, Ledger};
use crate::timeline::Timeline;

/// A neighbour whose calls take time on a timeline, and are counted.
#[derive(Debug, Clone, Copy)]
pub struct Port<'a, P> {
    pub(super) inner: P,
    pub(super) timeline: &'a Timeline<'a>,
    pub(super) ledger: &'a Ledger,
    pub(super) latencies: &'a Latencies,
}

impl<P: Store> Port<'_, P> {
    /// What stands at these keys. Looking costs nothing: DynamoDB knows what it overwrites.
    async fn standing(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let mut standing = Vec::with_capacity(keys.len());
        for key in keys {
            standing.push(self.inner.get(key).await?);
        }
        Ok(standing)
    }

    fn count_writes(&self, keys: &[Key], before: &[Option<Item>], after: &[Option<Item>], manner: Manner) {
        let Some(first) = keys.first() else { return };
        let units =
            before.iter().zip(after).map(|(before, after)| write_units(before.as_ref(), after.as_ref(), manner));
        self.ledger.wrote(first, units.sum());
    }
}

impl<P: Store> Store for Port<'_, P> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.timeline.pass(self.latencies.table_ms).await;
        let found = self.inner.get(key).await?;
        self.ledger.read(key, read_halves(found.as_slice(), true));
        Ok(found)
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        self.timeline.pass(self.latencies.table_ms).await;
        let keys = [write.key()?];
        let before = self.standing(&keys).await?;
        let outcome = self.inner.write(write).await;
        let after = self.standing(&keys).await?;
        self.count_writes(&keys, &before, &after, Manner::Single);
        outcome
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        self.timeline.pass(self.latencies.table_ms).await;
        let keys = writes.iter().map(Write::key).collect::<Result<Vec<_>, _>>()?;
        let before = self.standing(&keys).await?;
        let outcome = self.inner.transact(writes).await;
        let after = self.standing(&keys).await?;
        self.count_writes(&keys, &before, &after, Manner::Transaction);
        outcome
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.timeline.pass(self.latencies.table_ms).await;
        let (place, strongly) = match &query.range {
            Range::Partition { pk, sk_prefix } => (Key::new(pk.clone(), sk_prefix.clone()), true),
            Range::Newest { pk, prefix } => (Key::new(pk.clone(), prefix.clone()), true),
            Range::Due { shard, .. } => (Key::new(shard.clone(), ""), false),
        };
        let page = self.inner.query(query).await?;
        self.ledger.read(&place, read_halves(&page.items, strongly));
        Ok(page)
    }
}

impl<P: Queue> Queue for Port<'_, P> {
    async fn send(&self, messages: Vec<PurchaseMessage>) -> Result<(), QueueError> {
        self.timeline.pass(self.latencies.queue_ms).await;
        self.inner.send(messages).await
    }
}

impl<P: Identity> Identity for Port<'_, P> {
    async fn open(&self, reference: &str, nonce: &Nonce) -> Result<OpenedInquiry, PersonaError> {
        self.timeline.pass(self.latencies.persona_ms).await;
        self.inner.open(reference, nonce).await
    }

    async fn resume(&self, inquiry: &InquiryId) -> Result<Session, PersonaError> {
        self.timeline.pass(self.latencies.persona_ms).await;
        self.inner.resume(inquiry).await
    }

    async fn redact(&self, inquiry: &InquiryId) -> Result<(), PersonaError> {
        self.timeline.pass(self.latencies.persona_ms).await;
        self.inner.redact(inquiry).await
    }

    async fn redact_accounts(&self, reference: &str) -> Result<(), PersonaError> {
        self.timeline.pass(self.latencies.persona_ms).await;
        self.inner.redact_accounts(reference).await
    }

    async fn look(&self, inquiries: &[InquiryId]) -> Result<Vec<Looked>, PersonaError> {
        self.timeline.pass(self.latencies.persona_ms).await;
        self.inner.look(inquiries).await
    }
}

impl<P: Carrier> Carrier for Port<'_, P> {
    async fn find(&self, account: &AccountSid, number: &PhoneNumber) -> Result<Option<OwnedNumber>, LookError> {
        self.timeline.pass(self.latencies.carrier_read_ms).await;
        self.inner.find(account, number).await
    }

    async fn find_marked(&self, account: &AccountSid, mark: &str) -> Result<Vec<OwnedNumber>, LookError> {
        self.timeline.pass(self.latencies.carrier_read_ms).await;
        self.inner.find_marked(account, mark).await
    }

    async fn fetch(&self, account: &AccountSid, sid: &NumberSid) -> Result<Option<OwnedNumber>, LookError> {
        self.timeline.pass(self.latencies.carrier_read_ms).await;
        self.inner.fetch(account, sid).await
    }

    async fn release(&self, account: &AccountSid, sid: &NumberSid) -> Result<(), LookError> {
        self.timeline.pass(self.latencies.carrier_write_ms).await;
        self.inner.release(account, sid).await
    }

    async fn create(&self, account: &AccountSid, number: &PhoneNumber, mark: &str) -> Created {
        self.timeline.pass(self.latencies.carrier_write_ms).await;
        self.inner.create(account, number, mark).await
    }
}

impl<P: Stock> Stock for Port<'_, P> {
    async fn search(&self, query: &StockQuery) -> Result<Vec<AvailableNumber>, StockError> {
        self.timeline.pass(self.latencies.carrier_read_ms).await;
        self.inner.search(query).await
    }
}
