//! The ports of a schedule. Each call first lets others go on, then rolls its fate.

use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use adapters::ambient::Ambient;
use adapters::items::VISITS;
use adapters::name_match::{NameMatch, NameMatchError};
use adapters::persona::{Identity, Looked, OpenedInquiry, PersonaError, Session};
use adapters::queue::{PurchaseMessage, Queue, QueueError};
use adapters::store::{
    DUE_AT, DUE_SHARD, Item, Key, Page, Query, Range, Store, StoreError, TransactError, Write, WriteError,
};
use adapters::twilio::{AvailableNumber, Carrier, Created, LookError, OwnedNumber, Stock, StockError, StockQuery};
use domain::{
    AccountSid, InquiryId, Instant, NameLevel, NameLevels, Nonce, NumberSid, PhoneNumber, Purchase, PurchaseState,
};

use super::carrier::Asked;
use super::facts::Fact;
use super::invariants;
use super::shared::{Fate, Shared, State};
use super::trace::Trace;
use super::weakened;
use super::weakness::Weakness;
use crate::neighbours::{ONE_TIME_LINK, SESSION_TOKEN, for_sale};
use crate::validation::validate;

/// How likely a transaction is to meet another while faults are left, in percent.
const CONFLICT_PERCENT: usize = 2;
/// How likely the carrier is to answer a create strangely while faults are left, in percent.
const CREATE_FAULT_PERCENT: usize = 40;

/// How likely the index of what is due is to lag while faults are left, in percent.
const STALE_PERCENT: usize = 10;
/// Entries of the index that are remembered, to be shown again.
const SHOWN_BEFORE_MAX: usize = 7;
/// How likely several messages are to be sent in part only while faults are left, in percent.
const IN_PART_PERCENT: usize = 15;

/// All ports of a schedule in one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports<'a>(pub(super) &'a Shared);

/// How often a call lets another call of the same invocation go first, in percent: what a handler does at the same time
/// may happen in any order.
const LATE_PERCENT: usize = 10;

/// Waits until the invocation may make a port call. In the chaos phase it makes one at a time, so that others come in
/// between any two of them.
struct Turn<'a>(&'a Shared);

impl Future for Turn<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state();
        if state.turns_left == 0 || state.turns_left == 1 && state.random.chance(LATE_PERCENT) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        state.turns_left -= 1;
        Poll::Ready(())
    }
}

impl Ports<'_> {
    /// How a look fails: unanswered, or with too many requests, or with a credential that an operator must mend.
    fn look_fails(&self) -> LookError {
        let mut state = self.0.state();
        match state.port_calls % 3 {
            0 => LookError::Unknown,
            1 => {
                state.facts.insert(Fact::LookThrottled);
                LookError::NotProcessed { retry_after_s: Some(20) }
            }
            _ => {
                state.facts.insert(Fact::LookUnauthorised);
                LookError::Unauthorised
            }
        }
    }

    /// Rolls the fate of a call and does it, or not. `fails` is what the caller then gets.
    async fn call<T, E>(
        &self,
        call: Trace,
        fails: impl FnOnce() -> E,
        operation: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        Turn(self.0).await;
        let (fate, result) = {
            let mut state = self.0.state();
            let fate = state.fate();
            let result = match fate {
                Fate::FailsBefore | Fate::KilledBefore => None,
                Fate::Done | Fate::FailsAfter | Fate::KilledAfter => Some(operation(&mut state)),
            };
            state.note(call, fate, matches!(result, Some(Ok(_))));
            (fate, result)
        };
        match (fate, result) {
            (Fate::KilledBefore | Fate::KilledAfter, _) => pending().await,
            (Fate::Done, Some(result)) => result,
            (Fate::Done | Fate::FailsBefore | Fate::FailsAfter, _) => Err(fails()),
        }
    }
}

/// Whether a write only says when the sweep comes next: then nothing has changed that an invariant speaks of.
fn is_only_next_visit(write: &Write) -> bool {
    let Write::Update { set, remove, .. } = write else { return false };
    let mut names = set.iter().map(|(name, _)| name).chain(remove);
    names.all(|name| [DUE_AT, DUE_SHARD, VISITS].contains(name))
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("injected".to_owned())
}

impl Store for Ports<'_> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.call(Trace::of("get").key(key), unavailable, |state| {
            Ok(weakened::item(state, key, state.rows.get(key).cloned()))
        })
        .await
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        validate(&write)?;
        let call = Trace::of("write").write(&write);
        let fails = || unavailable().into();
        self.call(call, fails, |state| {
            let Some(write) = weakened::write(state, write) else { return Ok(()) };
            let only_next_visit = is_only_next_visit(&write);
            let key = state.rows.write(write)?;
            if !only_next_visit {
                invariants::after_changes(state, &[key]);
            }
            Ok(())
        })
        .await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        writes.iter().try_for_each(validate)?;
        let call = writes.iter().fold(Trace::of("transact"), Trace::write);
        let fails = || unavailable().into();
        self.call(call, fails, |state| {
            if state.goes_wrong(CONFLICT_PERCENT) {
                state.facts.insert(Fact::Conflict);
                return Err(StoreError::Unavailable("TransactionConflict".to_owned()).into());
            }
            let writes = weakened::transaction(state, writes);
            let changed = state.rows.transact(writes)?;
            invariants::after_changes(state, &changed);
            Ok(())
        })
        .await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.call(Trace::of("query").query(&query), unavailable, |state| {
            let page = state.rows.query(&query)?;
            let mut page = weakened::page(state, &query, page);
            if let Range::Due { .. } = query.range {
                stale(state, &mut page);
            }
            Ok(page)
        })
        .await
    }
}

/// The index of what is due lags behind the table: it may still show what was pushed or ended, and not yet what is new.
fn stale(state: &mut State, page: &mut Page) {
    if state.goes_wrong(STALE_PERCENT) {
        state.facts.insert(Fact::StaleIndex);
        page.items.retain(|_| state.random.chance(50));
        let index = state.random.below(state.shown_before.len());
        page.items.extend(state.shown_before.get(index).cloned());
    }
    if let Some(item) = page.items.first() {
        state.shown_before.truncate(SHOWN_BEFORE_MAX);
        state.shown_before.insert(0, item.clone());
    }
}

impl Queue for Ports<'_> {
    async fn send(&self, messages: Vec<PurchaseMessage>) -> Result<(), QueueError> {
        let call = messages.iter().fold(Trace::of("send"), |trace, message| trace.text(message.id.as_str()));
        let fails = || QueueError("injected".to_owned());
        self.call(call, fails, |state| {
            if messages.len() > 1 && state.goes_wrong(IN_PART_PERCENT) {
                state.facts.insert(Fact::SentInPart);
                let sent = state.random.below(messages.len());
                state.queue.extend(messages.into_iter().take(sent));
                return Err(fails());
            }
            state.queue.extend(messages);
            Ok(())
        })
        .await
    }
}

impl Identity for Ports<'_> {
    async fn open(&self, _reference: &str, nonce: &Nonce) -> Result<OpenedInquiry, PersonaError> {
        self.call(
            Trace::of("open"),
            || PersonaError::Unknown,
            |state| {
                let key_counts = !state.lacks(Weakness::NonceIgnored);
                let id = state.persona.open(nonce, key_counts, state.now);
                Ok(OpenedInquiry { id, session: session() })
            },
        )
        .await
    }

    async fn resume(&self, inquiry: &InquiryId) -> Result<Session, PersonaError> {
        self.call(
            Trace::of("resume").text(inquiry.as_str()),
            || PersonaError::Unknown,
            |state| {
                let now = state.now;
                if state.persona.resume(inquiry, now) { Ok(session()) } else { Err(PersonaError::Answered(409)) }
            },
        )
        .await
    }

    async fn redact(&self, inquiry: &InquiryId) -> Result<(), PersonaError> {
        // Nobody erases in a schedule: `tests/tests/stories/erasing.rs` does, at every step.
        self.call(Trace::of("redact").text(inquiry.as_str()), || PersonaError::Unknown, |_| Ok(())).await
    }

    async fn redact_accounts(&self, reference: &str) -> Result<(), PersonaError> {
        self.call(Trace::of("redact accounts").text(reference), || PersonaError::Unknown, |_| Ok(())).await
    }

    async fn look(&self, inquiries: &[InquiryId]) -> Result<Vec<Looked>, PersonaError> {
        let call = inquiries.iter().fold(Trace::of("look"), |trace, inquiry| trace.text(inquiry.as_str()));
        self.call(call, || PersonaError::Unknown, |state| Ok(state.persona.look(inquiries))).await
    }
}

impl NameMatch for Ports<'_> {
    async fn levels(&self, inquiry: &InquiryId, phone: &PhoneNumber) -> Result<NameLevels, NameMatchError> {
        // No platform of a schedule asks for it: `tests/tests/stories/names.rs` plays it, at every step.
        let lost = || NameMatchError::Persona(PersonaError::Unknown);
        let unknown = NameLevels { first: NameLevel::NoData, last: NameLevel::NoData };
        self.call(Trace::of("names").text(inquiry.as_str()).text(phone.as_str()), lost, |_| Ok(unknown)).await
    }
}

impl Carrier for Ports<'_> {
    async fn find(&self, account: &AccountSid, number: &PhoneNumber) -> Result<Option<OwnedNumber>, LookError> {
        self.call(
            Trace::of("find").text(number.as_str()),
            || self.look_fails(),
            |state| {
                let now = state.now;
                state.carrier.land(now, &mut state.facts);
                let mut seen = state.carrier.list(account, number, now, &mut state.facts);
                if state.lacks(Weakness::LookSeesNothing)
                    || state.lacks(Weakness::LastLookBlind) && state.known.is_given_up(number)
                {
                    seen = None;
                }
                if let Some(owned) = seen.as_mut().filter(|_| state.lacks(Weakness::MarkNotCompared)) {
                    // Whoever buys it now is told what it hopes for.
                    let buying = |purchase: &&Purchase| {
                        purchase.number == *number && matches!(purchase.state, PurchaseState::Buying(_))
                    };
                    let buyer = state.known.purchases.iter().find(buying);
                    buyer.into_iter().for_each(|buyer| owned.mark = buyer.id.to_string());
                }
                Ok(seen)
            },
        )
        .await
    }

    async fn find_marked(&self, account: &AccountSid, mark: &str) -> Result<Vec<OwnedNumber>, LookError> {
        self.call(
            Trace::of("find marked").text(mark),
            || self.look_fails(),
            |state| {
                let now = state.now;
                state.carrier.land(now, &mut state.facts);
                let mut marked = state.carrier.list_marked(account, mark, now);
                if state.lacks(Weakness::LastLookBlind) {
                    marked.retain(|owned| !state.known.is_given_up(&owned.number));
                }
                Ok(marked)
            },
        )
        .await
    }

    async fn fetch(&self, _account: &AccountSid, sid: &NumberSid) -> Result<Option<OwnedNumber>, LookError> {
        let call = Trace::of("fetch").text(sid.as_str());
        self.call(call, || self.look_fails(), |state| Ok(state.carrier.fetch(sid))).await
    }

    async fn release(&self, _account: &AccountSid, sid: &NumberSid) -> Result<(), LookError> {
        self.call(
            Trace::of("release").text(sid.as_str()),
            || LookError::Unknown,
            |state| {
                invariants::before_release(state, sid);
                state.carrier.release(sid);
                Ok(())
            },
        )
        .await
    }

    /// Waits for no turn: the clock was read right before, and nothing may come between.
    async fn create(&self, account: &AccountSid, number: &PhoneNumber, mark: &str) -> Created {
        let (fate, created) = {
            let mut state = self.0.state();
            let state = &mut *state;
            let fate = state.fate();
            let now = state.now;
            state.carrier.land(now, &mut state.facts);
            invariants::before_create(state, account, number, mark);
            let faulty = state.goes_wrong(CREATE_FAULT_PERCENT);
            let created = match fate {
                Fate::FailsBefore | Fate::KilledBefore => Created::Unknown,
                Fate::Done | Fate::FailsAfter | Fate::KilledAfter => state.carrier.create(
                    Asked { account, number, mark },
                    now,
                    &mut state.random,
                    faulty,
                    &mut state.facts,
                ),
            };
            invariants::after_create(state, number);
            let bought = matches!(created, Created::Bought(_));
            state.note(Trace::of("create").text(number.as_str()), fate, bought);
            (fate, created)
        };
        match fate {
            Fate::KilledBefore | Fate::KilledAfter => pending().await,
            Fate::FailsBefore | Fate::FailsAfter => Created::Unknown,
            Fate::Done => {
                Turn(self.0).await;
                created
            }
        }
    }
}

impl Stock for Ports<'_> {
    async fn search(&self, query: &StockQuery) -> Result<Vec<AvailableNumber>, StockError> {
        let area_code = query.area_code.map(|code| code.to_string()).unwrap_or_default();
        self.call(
            Trace::of("search").text(&area_code),
            || StockError::Unknown,
            |state| Ok(state.carrier.for_sale(&area_code).map(for_sale).collect()),
        )
        .await
    }
}

impl Ambient for Ports<'_> {
    fn now(&self) -> Instant {
        let state = self.0.state();
        state.now.plus_ms(state.skew_ms)
    }

    fn random_id(&self) -> String {
        let mut state = self.0.state();
        state.ids += 1;
        hex::encode(u128::from(state.ids).to_be_bytes())
    }
}

fn session() -> Session {
    Session { token: SESSION_TOKEN.to_owned().into(), one_time_link: Some(ONE_TIME_LINK.to_owned().into()) }
}
