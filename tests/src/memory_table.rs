//! The table in memory: evaluates the very conditions that the DynamoDB adapter renders.

use std::sync::Mutex;

use adapters::store::{Item, Key, Page, Query, Store, StoreError, TransactError, Write, WriteError};

use crate::locked;
use crate::rows::Rows;
use crate::validation::validate;

/// The table in memory. Every operation is atomic, every index current.
#[derive(Debug, Default)]
pub struct MemoryTable {
    rows: Mutex<Rows>,
    faults: Mutex<Vec<Option<TableFault>>>,
}

/// What happens to the next operation that changes the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFault {
    /// It is not done, and fails as "not available".
    Before,
    /// It is done, and fails as "not available".
    After,
}

impl MemoryTable {
    /// Every item, in the order of the keys.
    pub fn items(&self) -> Vec<Item> {
        locked(&self.rows).iter().map(|(_, item)| item.clone()).collect()
    }

    /// The next writes, after those that are let through, fail so, one fault each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = TableFault>) {
        locked(&self.faults).extend(faults.into_iter().map(Some));
    }

    /// The next writes are done as usual.
    pub fn let_through(&self, writes: usize) {
        locked(&self.faults).extend(std::iter::repeat_n(None, writes));
    }

    fn next_fault(&self) -> Option<TableFault> {
        let mut faults = locked(&self.faults);
        if faults.is_empty() { None } else { faults.remove(0) }
    }

    fn faulty<T>(&self, operation: impl FnOnce() -> T) -> Result<T, StoreError> {
        let unavailable = || StoreError::Unavailable("injected".to_owned());
        match self.next_fault() {
            None => Ok(operation()),
            Some(TableFault::Before) => Err(unavailable()),
            Some(TableFault::After) => {
                operation();
                Err(unavailable())
            }
        }
    }
}

impl Store for &MemoryTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        Ok(locked(&self.rows).get(key).cloned())
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        if matches!(write, Write::Check { .. }) {
            return Err(StoreError::Broken("a check makes sense only inside a transaction".to_owned()).into());
        }
        validate(&write)?;
        self.faulty(|| locked(&self.rows).write(write).map(|_| ()))?
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        writes.iter().try_for_each(validate)?;
        self.faulty(|| locked(&self.rows).transact(writes).map(|_| ()))?
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        locked(&self.rows).query(&query)
    }
}
