//! The store port's contract as data: what must be answered by every table, whatever stands behind it.
//!
//! [`cases`] is the one list; [`run`] plays it on any [`Store`]. Sources: Amazon DynamoDB's API reference
//! ("TransactWriteItems", "Query", "ReturnValuesOnConditionCheckFailure") and its developer guide ("Comparison operator
//! and function reference", "Using Global Secondary Indexes").

mod conditions;
mod queries;
mod transactions;
mod writes;

use adapters::store::{
    DUE_SHARD, Item, Key, PK, Query, Range, SK, Store, StoreError, TransactError, Value, Write, WriteError,
};

/// Pages that a walk reads before it counts as endless.
const WALK_PAGES_MAX: usize = 50;

/// One case: what stands in the table, and what is done and answered then.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name, once in the list.
    pub name: String,
    /// Items that are put first.
    pub given: Vec<Item>,
    /// What is done, in order, and what each must answer.
    pub steps: Vec<(Operation, Answer)>,
}

/// What is done with the table.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Reads one item.
    Get(Key),
    /// Writes one item.
    Write(Write),
    /// Writes all or nothing.
    Transact(Vec<Write>),
    /// Reads one page from a place of our own choice.
    Page(Query),
    /// Reads all pages of this many items, each from where the one before ended.
    Walk(Range, u32),
}

/// What the table answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The item, if there is one.
    Item(Option<Item>),
    /// It is written.
    Written,
    /// Its condition does not hold; the item that is there.
    Refused(Option<Item>),
    /// The conditions at these positions do not hold; the items that are there.
    RefusedAt(Vec<(usize, Option<Item>)>),
    /// A request that can never work.
    Broken,
    /// Not for now.
    Unavailable,
    /// These items, in this order.
    Items(Vec<Item>),
    /// These items, in any order: where the sort key does not decide.
    ItemsInAnyOrder(Vec<Item>),
    /// Pages without end, or longer than asked for.
    WrongPages,
}

/// How a case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The case's name.
    pub case: String,
    /// The first thing that was not as expected.
    pub difference: Option<String>,
}

/// Where a table is known to answer differently, and why that is right or harmless.
#[derive(Debug, Clone, Copy)]
pub struct Divergence {
    /// The case's name.
    pub case: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// Every case.
pub fn cases() -> Vec<Case> {
    [writes::cases(), conditions::cases(), transactions::cases(), queries::cases()].concat()
}

/// Plays every case. Partitions and shards get `namespace` in front of their names, so that the list can be played
/// beside other data, and again under another namespace. What is written stays.
pub async fn run(store: &impl Store, namespace: &str) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let place = Namespace(format!("{namespace}-{number}-"));
        outcomes.push(Outcome { difference: play(store, &place, &case).await.err(), case: case.name });
    }
    outcomes
}

/// Compares outcomes with the divergences that are known.
///
/// # Errors
/// A line for each case that differs and is not listed, and for each that is listed and does not differ.
pub fn judge(outcomes: &[Outcome], known: &[Divergence]) -> Result<(), String> {
    let reason = |outcome: &Outcome| known.iter().find(|known| known.case == outcome.case);
    let mut lines: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| match (&outcome.difference, reason(outcome)) {
            (Some(difference), None) => Some(format!("`{}`: {difference}", outcome.case)),
            (None, Some(_)) => Some(format!("`{}` is listed as a divergence and is none", outcome.case)),
            (None, None) | (Some(_), Some(_)) => None,
        })
        .collect();
    let unknown = known.iter().filter(|known| outcomes.iter().all(|outcome| outcome.case != known.case));
    lines.extend(unknown.map(|known| format!("`{}` is listed as a divergence and is no case", known.case)));
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n")) }
}

impl Case {
    /// A case on an empty table.
    fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), given: Vec::new(), steps: Vec::new() }
    }

    fn given(mut self, items: impl IntoIterator<Item = Item>) -> Self {
        self.given.extend(items);
        self
    }

    fn step(mut self, operation: Operation, answer: Answer) -> Self {
        self.steps.push((operation, answer));
        self
    }

    fn get(self, pk: &'static str, sk: &'static str, expected: Option<Item>) -> Self {
        self.step(Operation::Get(Key::new(pk, sk)), Answer::Item(expected))
    }
}

/// An item with these attributes.
fn item<const N: usize>(pk: &str, sk: &str, attributes: [(&str, Value); N]) -> Item {
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
    [(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))].into_iter().chain(attributes).collect()
}

fn text(text: &str) -> Value {
    Value::S(text.to_owned().into())
}

async fn play(store: &impl Store, place: &Namespace, case: &Case) -> Result<(), String> {
    for given in &case.given {
        let put = Write::Put { item: place.into(given), expect: adapters::store::Condition::ItemAbsent };
        store.write(put).await.map_err(|error| format!("what is given cannot be put: {error:?}"))?;
    }
    for (position, (operation, expected)) in case.steps.iter().enumerate() {
        let answer = perform(store, place, operation.clone()).await;
        if !same(&answer, expected) {
            return Err(format!("step {position}: expected {expected:?}, got {answer:?}"));
        }
    }
    Ok(())
}

fn same(answer: &Answer, expected: &Answer) -> bool {
    match (answer, expected) {
        (Answer::Items(found), Answer::ItemsInAnyOrder(expected)) => {
            found.len() == expected.len() && expected.iter().all(|item| found.contains(item))
        }
        _ => answer == expected,
    }
}

async fn perform(store: &impl Store, place: &Namespace, operation: Operation) -> Answer {
    match operation {
        Operation::Get(key) => match store.get(&place.key(key)).await {
            Ok(item) => Answer::Item(item.map(|item| place.out_of(&item))),
            Err(error) => failed(&error),
        },
        Operation::Write(write) => match store.write(place.write(write)).await {
            Ok(()) => Answer::Written,
            Err(WriteError::Refused(item)) => Answer::Refused(item.map(|item| place.out_of(&item))),
            Err(WriteError::Store(error)) => failed(&error),
        },
        Operation::Transact(writes) => {
            let writes = writes.into_iter().map(|write| place.write(write)).collect();
            match store.transact(writes).await {
                Ok(()) => Answer::Written,
                Err(TransactError::Refused(refused)) => {
                    let out =
                        |(position, item): (usize, Option<Box<Item>>)| (position, item.map(|item| place.out_of(&item)));
                    Answer::RefusedAt(refused.into_iter().map(out).collect())
                }
                Err(TransactError::Store(error)) => failed(&error),
            }
        }
        Operation::Page(query) => {
            let query = Query {
                range: place.range(query.range),
                after: query.after.map(|after| place.into(&after)),
                limit: query.limit,
            };
            match store.query(query).await {
                Ok(page) => Answer::Items(page.items.iter().map(|item| place.out_of(item)).collect()),
                Err(error) => failed(&error),
            }
        }
        Operation::Walk(range, limit) => walk(store, place, &place.range(range), limit).await,
    }
}

async fn walk(store: &impl Store, place: &Namespace, range: &Range, limit: u32) -> Answer {
    let mut items = Vec::new();
    let mut after = None;
    for _ in 0..WALK_PAGES_MAX {
        let query = Query { range: range.clone(), limit, after };
        let page = match store.query(query).await {
            Ok(page) => page,
            Err(error) => return failed(&error),
        };
        if page.items.len() > usize::try_from(limit).unwrap_or(usize::MAX) {
            return Answer::WrongPages;
        }
        items.extend(page.items.iter().map(|item| place.out_of(item)));
        after = page.next;
        if after.is_none() {
            return Answer::Items(items);
        }
    }
    Answer::WrongPages
}

fn failed(error: &StoreError) -> Answer {
    match error {
        StoreError::Broken(_) => Answer::Broken,
        StoreError::Unavailable(_) => Answer::Unavailable,
    }
}

/// Puts a name in front of partitions and shards on the way in, and takes it away on the way out. An empty name stays
/// empty: that is a case of its own.
struct Namespace(String);

impl Namespace {
    fn name(&self, name: &str) -> String {
        if name.is_empty() { String::new() } else { format!("{}{name}", self.0) }
    }

    fn key(&self, key: Key) -> Key {
        Key::new(self.name(&key.pk), key.sk)
    }

    fn range(&self, range: Range) -> Range {
        match range {
            Range::Partition { pk, sk_prefix } => Range::Partition { pk: self.name(&pk).into(), sk_prefix },
            Range::Newest { pk, prefix } => Range::Newest { pk: self.name(&pk).into(), prefix },
            Range::Due { shard, until_ms } => Range::Due { shard: self.name(&shard).into(), until_ms },
        }
    }

    fn write(&self, write: Write) -> Write {
        match write {
            Write::Put { item, expect } => Write::Put { item: self.into(&item), expect },
            Write::Update { key, set, remove, expect } => Write::Update {
                key: self.key(key),
                set: set.into_iter().map(|(name, value)| (name, self.value_into(name, value))).collect(),
                remove,
                expect,
            },
            Write::Delete { key, expect } => Write::Delete { key: self.key(key), expect },
            Write::Check { key, expect } => Write::Check { key: self.key(key), expect },
        }
    }

    fn into(&self, item: &Item) -> Item {
        item.iter().map(|(name, value)| (name.clone(), self.value_into(name, value.clone()))).collect()
    }

    fn value_into(&self, name: &str, value: Value) -> Value {
        match value {
            Value::S(text) if name == PK || name == DUE_SHARD => Value::S(self.name(&text).into()),
            value @ (Value::S(_) | Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_)) => value,
        }
    }

    fn out_of(&self, item: &Item) -> Item {
        let value_out = |name: &str, value: &Value| match value {
            Value::S(text) if name == PK || name == DUE_SHARD => {
                Value::S(text.strip_prefix(&self.0).unwrap_or(text).to_owned().into())
            }
            Value::S(_) | Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_) => value.clone(),
        };
        item.iter().map(|(name, value)| (name.clone(), value_out(name, value))).collect()
    }
}
