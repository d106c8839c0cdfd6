//! The table's port. It speaks items and conditions, both as data: the DynamoDB adapter renders them, the tests'
//! in-memory table evaluates the very same values, so that a condition left out is left out in both.

mod item;

use std::future::Future;

pub use item::{Item, Text, Value};

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The partition key.
    pub pk: Text,
    /// The sort key.
    pub sk: Text,
}

/// Name of the partition key's attribute.
pub const PK: &str = "pk";
/// Name of the sort key's attribute.
pub const SK: &str = "sk";
/// Name of the local index's sort key: what is listed newest first carries it.
pub const BY_TIME: &str = "by_time";
/// Name of the due index's partition key: what must be visited by time carries it.
pub const DUE_SHARD: &str = "due_shard";
/// Name of the due index's sort key, in milliseconds since the epoch.
pub const DUE_AT: &str = "due_at";

/// Name of the attribute after which the table forgets an item, in seconds since the epoch.
pub const EXPIRES_AT: &str = "expires_at";

/// What a write expects to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is no item at the key.
    ItemAbsent,
    /// There is an item at the key.
    ItemPresent,
    /// The attribute has exactly this value.
    Equals(&'static str, Value),
    /// The attribute is a number, and at most this.
    AtMost(&'static str, i64),
    /// The attribute is not there.
    Missing(&'static str),
    /// All of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
}

/// One write, with what it expects to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Puts the whole item.
    Put {
        /// The item, its keys included.
        item: Item,
        /// What must hold of the item that is there.
        expect: Condition,
    },
    /// Changes some attributes; makes the item if it is not there.
    Update {
        /// Which item.
        key: Key,
        /// Attributes to set.
        set: Vec<(&'static str, Value)>,
        /// Attributes to remove.
        remove: Vec<&'static str>,
        /// What must hold of the item that is there.
        expect: Condition,
    },
    /// Deletes the item; one that is not there is fine unless the condition says otherwise.
    Delete {
        /// Which item.
        key: Key,
        /// What must hold of the item that is there.
        expect: Option<Condition>,
    },
    /// Writes nothing, but the transaction stands only if this holds.
    Check {
        /// Which item.
        key: Key,
        /// What must hold of it.
        expect: Condition,
    },
}

/// A page of items to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which items.
    pub range: Range,
    /// How many at most.
    pub limit: u32,
    /// Where the page before ended.
    pub after: Option<Item>,
}

/// Which items a query reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Range {
    /// One partition's items whose sort key starts so, by sort key, strongly consistent.
    Partition {
        /// The partition key.
        pk: Text,
        /// How the sort key starts.
        sk_prefix: Text,
    },
    /// The keys of one partition's items that are listed by time and whose `by_time` starts so, newest first, strongly
    /// consistent.
    Newest {
        /// The partition key.
        pk: Text,
        /// How `by_time` starts.
        prefix: Text,
    },
    /// The keys of one shard of the due index up to an instant, earliest first. Lags behind the table.
    Due {
        /// The shard.
        shard: Text,
        /// Milliseconds since the epoch.
        until_ms: i64,
    },
}

/// What a query found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The items.
    pub items: Vec<Item>,
    /// Where the next page starts; none when this was the last.
    pub next: Option<Item>,
}

/// Why the table did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Throttled, out of reach, or in conflict with another transaction: the write may or may not stand. Try again.
    #[error("the table is not available for now: {0}")]
    Unavailable(String),
    /// A request that can never work, or an item that cannot be read: a bug, or a missing permission.
    #[error("the table refused a request that should be right: {0}")]
    Broken(String),
}

/// Why one write was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Its condition does not hold; the item that is there, if any.
    #[error("the item is not as expected")]
    Refused(Option<Box<Item>>),
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a transaction was refused. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactError {
    /// One or more conditions do not hold: their positions in the transaction, with the item that is there.
    #[error("an item is not as expected")]
    Refused(Vec<(usize, Option<Box<Item>>)>),
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The table. Every read of one item is strongly consistent; every write names what it expects to find.
pub trait Store: Send + Sync {
    /// Reads one item, strongly consistent.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Item>, StoreError>> + Send;

    /// Writes one item. After a crash just before, nothing happened; just after, the write stands, and repeating it
    /// is refused with the item that it made.
    fn write(&self, write: Write) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Writes all or nothing. After a crash just before, nothing happened; just after, all of it stands, and repeating
    /// it is refused by its own conditions.
    fn transact(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), TransactError>> + Send;

    /// Reads one page.
    fn query(&self, query: Query) -> impl Future<Output = Result<Page, StoreError>> + Send;
}

/// Reads every item of a partition whose sort key starts so, `page_items` at once: of what somebody alone makes, and never
/// much of it.
///
/// # Errors
/// [`StoreError`] when the table does not answer.
pub async fn read_all(
    store: &impl Store,
    pk: String,
    sk_prefix: &'static str,
    page_items: u32,
) -> Result<Vec<Item>, StoreError> {
    let range = Range::Partition { pk: pk.into(), sk_prefix: sk_prefix.into() };
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let page = store.query(Query { range: range.clone(), limit: page_items, after }).await?;
        items.extend(page.items);
        match page.next {
            None => return Ok(items),
            next => after = next,
        }
    }
}

/// Writes all or nothing: one write alone, which costs half of what a transaction of one does.
///
/// # Errors
/// [`TransactError`] when a condition does not hold, or the table did not answer.
pub async fn write_all(store: &impl Store, mut writes: Vec<Write>) -> Result<(), TransactError> {
    if writes.len() > 1 {
        return store.transact(writes).await;
    }
    match writes.pop() {
        None => Ok(()),
        Some(write) => Ok(store.write(write).await?),
    }
}

impl From<WriteError> for TransactError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(item) => Self::Refused(vec![(0, item)]),
            WriteError::Store(error) => Self::Store(error),
        }
    }
}

impl Key {
    /// The key with these parts.
    pub fn new(pk: impl Into<Text>, sk: impl Into<Text>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The key of this item.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when it has none.
    pub fn of(item: &Item) -> Result<Self, StoreError> {
        match (item.get(PK), item.get(SK)) {
            (Some(Value::S(pk)), Some(Value::S(sk))) => Ok(Self::new(pk.clone(), sk.clone())),
            _ => Err(StoreError::Broken("an item has no keys".to_owned())),
        }
    }
}

impl Write {
    /// The key that this write is about.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when it puts an item without keys.
    pub fn key(&self) -> Result<Key, StoreError> {
        match self {
            Self::Put { item, .. } => Key::of(item),
            Self::Update { key, .. } | Self::Delete { key, .. } | Self::Check { key, .. } => Ok(key.clone()),
        }
    }

    /// The two parts of the key that this write is about, where they stand; none when it puts an item without keys.
    #[must_use]
    pub fn place(&self) -> Option<(&str, &str)> {
        match self {
            Self::Put { item, .. } => match (item.get(PK), item.get(SK)) {
                (Some(Value::S(pk)), Some(Value::S(sk))) => Some((pk, sk)),
                _ => None,
            },
            Self::Update { key, .. } | Self::Delete { key, .. } | Self::Check { key, .. } => Some((&key.pk, &key.sk)),
        }
    }

    /// What must hold of the item that is there.
    #[must_use]
    pub fn expect(&self) -> Option<&Condition> {
        match self {
            Self::Put { expect, .. } | Self::Update { expect, .. } | Self::Check { expect, .. } => Some(expect),
            Self::Delete { expect, .. } => expect.as_ref(),
        }
    }
}

impl Condition {
    /// Whether the condition holds of `item`, as DynamoDB would judge it: a comparison with an attribute that is not
    /// there is false.
    #[must_use]
    pub fn holds(&self, item: Option<&Item>) -> bool {
        let attribute = |name: &str| item.and_then(|item| item.get(name));
        match self {
            Self::ItemAbsent => item.is_none(),
            Self::ItemPresent => item.is_some(),
            Self::Equals(name, value) => attribute(name) == Some(value),
            Self::AtMost(name, bound) => matches!(attribute(name), Some(Value::N(number)) if number <= bound),
            Self::Missing(name) => attribute(name).is_none(),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(item)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(item)),
            Self::Not(condition) => !condition.holds(item),
        }
    }
}
