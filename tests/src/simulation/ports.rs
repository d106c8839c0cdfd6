//! The ports of a schedule. Each call first lets others go on, then rolls its fate.

use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use adapters::ambient::Ambient;
use adapters::persona::{Identity, OpenedInquiry, PersonaError, Session};
use adapters::queue::{PurchaseMessage, Queue, QueueError};
use adapters::store::{
    Condition, DUE_AT, DUE_SHARD, Item, Key, Page, Query, Store, StoreError, TransactError, Write, WriteError,
};
use adapters::twilio::{AvailableNumber, Carrier, Created, LookError, OwnedNumber, Stock, StockError, StockQuery};
use domain::{AccountSid, InquiryEvent, InquiryId, InquiryStatus, Instant, Nonce, NumberSid, PhoneNumber, Source};

use super::invariants;
use super::shared::{Fact, Fate, Shared, State};
use super::weakness::Weakness;
use crate::memory_table::{apply, query_items, refusals};
use crate::neighbours::{ONE_TIME_LINK, SESSION_TOKEN};

/// All ports of a schedule in one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports<'a>(pub(super) &'a Shared);

/// Lets others go on, once.
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Ports<'_> {
    /// Rolls the fate of a call and does it, or not. `fails` is what the caller then gets.
    async fn call<T, E>(&self, fails: E, operation: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        Pause(false).await;
        let (fate, result) = {
            let mut state = self.0.state();
            let fate = state.fate();
            let result = match fate {
                Fate::Done => operation(&mut state),
                Fate::FailsBefore | Fate::KilledBefore => Err(fails),
                Fate::FailsAfter | Fate::KilledAfter => {
                    let _lost = operation(&mut state);
                    Err(fails)
                }
            };
            (fate, result)
        };
        match fate {
            Fate::KilledBefore | Fate::KilledAfter => pending().await,
            Fate::Done | Fate::FailsBefore | Fate::FailsAfter => result,
        }
    }
}

/// The write as a table without the defence does it; none when it does not do it at all.
fn weakened(state: &State, write: Write) -> Option<Write> {
    let anything = Condition::Any(vec![Condition::ItemAbsent, Condition::ItemPresent]);
    let key = write.key().ok()?;
    match write {
        Write::Put { item, .. } if key.sk.starts_with("L#") && state.lacks(Weakness::LockNotCompared) => {
            Some(Write::Put { item, expect: anything })
        }
        Write::Put { item, expect } if key.sk.starts_with("P#") => {
            let compared = matches!(expect, Condition::ItemAbsent) || !state.lacks(Weakness::VersionNotCompared);
            let item = if state.lacks(Weakness::PurchasesNotDue) { not_due(item) } else { item };
            Some(Write::Put { item, expect: if compared { expect } else { anything } })
        }
        Write::Put { .. } if key.sk.starts_with("W#") && state.lacks(Weakness::PointersNotWritten) => None,
        Write::Put { item, expect } if key.sk == "V" && state.lacks(Weakness::VerificationNotDue) => {
            Some(Write::Put { item: not_due(item), expect })
        }
        Write::Check { .. } if key.sk == "V" && state.lacks(Weakness::ClearanceNotChecked) => None,
        Write::Put { .. } | Write::Update { .. } | Write::Delete { .. } | Write::Check { .. } => Some(write),
    }
}

fn weakened_transaction(state: &State, writes: Vec<Write>) -> Vec<Write> {
    let done = if state.lacks(Weakness::TransactionsTorn) { 1 } else { writes.len() };
    writes.into_iter().filter_map(|write| weakened(state, write)).take(done).collect()
}

fn not_due(mut item: Item) -> Item {
    item.remove(DUE_AT);
    item.remove(DUE_SHARD);
    item
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("injected".to_owned())
}

impl Store for Ports<'_> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.call(unavailable(), |state| Ok(state.table.get(key).cloned())).await
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        self.call(unavailable().into(), |state| {
            let Some(write) = weakened(state, write) else { return Ok(()) };
            let key = write.key()?;
            let before = state.table.get(&key).cloned();
            if write.expect().is_some_and(|expect| !expect.holds(before.as_ref())) {
                return Err(WriteError::Refused(before.map(Box::new)));
            }
            apply(&mut state.table, write)?;
            invariants::after_change(state, &key, before.as_ref());
            Ok(())
        })
        .await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        self.call(unavailable().into(), |state| {
            if state.faults_left > 0 && state.random.chance(2) {
                state.facts.insert(Fact::Conflict);
                return Err(StoreError::Unavailable("TransactionConflict".to_owned()).into());
            }
            let writes = weakened_transaction(state, writes);
            let refused = refusals(&state.table, &writes)?;
            if !refused.is_empty() {
                return Err(TransactError::Refused(refused));
            }
            let mut before = Vec::new();
            for write in &writes {
                let key = write.key()?;
                before.push((key.clone(), state.table.get(&key).cloned()));
            }
            for write in writes {
                apply(&mut state.table, write)?;
            }
            for (key, before) in before {
                invariants::after_change(state, &key, before.as_ref());
            }
            Ok(())
        })
        .await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.call(unavailable(), |state| query_items(&state.table, &query)).await
    }
}

impl Queue for Ports<'_> {
    async fn send(&self, messages: Vec<PurchaseMessage>) -> Result<(), QueueError> {
        self.call(QueueError("injected".to_owned()), |state| {
            state.queue.extend(messages);
            Ok(())
        })
        .await
    }
}

impl Identity for Ports<'_> {
    async fn open(&self, _reference: &str, nonce: &Nonce) -> Result<OpenedInquiry, PersonaError> {
        self.call(PersonaError::Unknown, |state| {
            let fresh = InquiryId::parse(&format!("inq_{:024}", state.persona.inquiries.len())).expect("is a word");
            if state.lacks(Weakness::NonceIgnored) {
                state.persona.by_nonce.remove(nonce.as_str());
            }
            let made_before = state.persona.by_nonce.contains_key(nonce.as_str());
            let id = state.persona.by_nonce.entry(nonce.as_str().to_owned()).or_insert(fresh).clone();
            if !made_before {
                *state.persona.made_under.entry(nonce.as_str().to_owned()).or_default() += 1;
            }
            let now = state.now;
            state.persona.inquiries.entry(id.clone()).or_insert((InquiryStatus::Created, now));
            Ok(OpenedInquiry { id, session: session() })
        })
        .await
    }

    async fn resume(&self, inquiry: &InquiryId) -> Result<Session, PersonaError> {
        self.call(PersonaError::Unknown, |state| {
            let now = state.now;
            if state.persona.resume(inquiry, now) { Ok(session()) } else { Err(PersonaError::Gone) }
        })
        .await
    }

    async fn look(&self, inquiries: &[InquiryId]) -> Result<Vec<InquiryEvent>, PersonaError> {
        self.call(PersonaError::Unknown, |state| {
            let known = inquiries.iter().filter_map(|id| {
                let (status, at) = state.persona.inquiries.get(id)?;
                // Asked, Persona answers in whole seconds.
                Some(InquiryEvent {
                    inquiry: id.clone(),
                    status: *status,
                    at: at.whole_second(),
                    source: Source::Answer,
                })
            });
            Ok(known.collect())
        })
        .await
    }
}

impl Carrier for Ports<'_> {
    async fn find(&self, _account: &AccountSid, number: &PhoneNumber) -> Result<Option<OwnedNumber>, LookError> {
        self.call(LookError::Unknown, |state| {
            let now = state.now;
            state.carrier.land(now, &mut state.facts);
            let seen = state.carrier.list(number, now, &mut state.facts);
            Ok(if state.lacks(Weakness::LookSeesNothing) { None } else { seen })
        })
        .await
    }

    async fn find_marked(&self, _account: &AccountSid, mark: &str) -> Result<Vec<OwnedNumber>, LookError> {
        self.call(LookError::Unknown, |state| {
            let now = state.now;
            state.carrier.land(now, &mut state.facts);
            Ok(state.carrier.list_marked(mark, now))
        })
        .await
    }

    async fn fetch(&self, _account: &AccountSid, sid: &NumberSid) -> Result<Option<OwnedNumber>, LookError> {
        self.call(LookError::Unknown, |state| Ok(state.carrier.fetch(sid))).await
    }

    async fn release(&self, _account: &AccountSid, sid: &NumberSid) -> Result<(), LookError> {
        self.call(LookError::Unknown, |state| {
            state.carrier.release(sid);
            Ok(())
        })
        .await
    }

    /// No pause before it: the clock was read right before, and nothing may come between.
    async fn create(&self, _account: &AccountSid, number: &PhoneNumber, mark: &str) -> Created {
        let (created, killed) = {
            let mut state = self.0.state();
            let state = &mut *state;
            let fate = state.fate();
            let now = state.now;
            state.carrier.land(now, &mut state.facts);
            invariants::before_create(state, number, mark);
            let faulty = state.faults_left > 0 && state.random.chance(40);
            if faulty {
                state.faults_left -= 1;
            }
            let created = match fate {
                Fate::FailsBefore | Fate::KilledBefore => Created::Unknown,
                Fate::Done | Fate::FailsAfter | Fate::KilledAfter => {
                    state.carrier.create(number, mark, now, &mut state.random, faulty, &mut state.facts)
                }
            };
            match fate {
                Fate::Done => (created, false),
                Fate::FailsBefore | Fate::FailsAfter => (Created::Unknown, false),
                Fate::KilledBefore | Fate::KilledAfter => (Created::Unknown, true),
            }
        };
        if killed {
            pending::<()>().await;
        }
        Pause(false).await;
        created
    }
}

impl Stock for Ports<'_> {
    async fn search(&self, _query: &StockQuery) -> Result<Vec<AvailableNumber>, StockError> {
        self.call(StockError::Unknown, |_| Ok(Vec::new())).await
    }
}

impl Ambient for Ports<'_> {
    fn now(&self) -> Instant {
        self.0.state().now
    }

    fn random_id(&self) -> String {
        let mut state = self.0.state();
        state.ids += 1;
        format!("{:032x}", state.ids)
    }
}

fn session() -> Session {
    Session { token: SESSION_TOKEN.to_owned().into(), one_time_link: Some(ONE_TIME_LINK.to_owned().into()) }
}
