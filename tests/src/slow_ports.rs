//! Ports that take time: one poll for each call, so that a test decides who goes on and who dies; or so many
//! milliseconds of a clock that jumps to the next thing that happens.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use adapters::ambient::Ambient;
use adapters::persona::{Identity, Looked, OpenedInquiry, PersonaError, Session};
use adapters::queue::{PurchaseMessage, Queue, QueueError};
use adapters::store::{Item, Key, Page, Query, Store, StoreError, TransactError, Write, WriteError};
use domain::{InquiryId, Nonce};
use futures::task::noop_waker;

use crate::locked;
use crate::neighbours::StillClock;

/// A port that waits for one poll before each call. What is dropped while it waits has made all calls before, and none
/// after.
#[derive(Debug, Clone, Copy)]
pub struct Stepped<P>(pub P);

async fn step() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Polls once; the output, once there is one.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let waker = noop_waker();
    match pin!(future).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

impl<S: Store> Store for Stepped<S> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        step().await;
        self.0.get(key).await
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        step().await;
        self.0.write(write).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        step().await;
        self.0.transact(writes).await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        step().await;
        self.0.query(query).await
    }
}

impl<Q: Queue> Queue for Stepped<Q> {
    async fn send(&self, messages: Vec<PurchaseMessage>) -> Result<(), QueueError> {
        step().await;
        self.0.send(messages).await
    }
}

impl<I: Identity> Identity for Stepped<I> {
    async fn open(&self, reference: &str, nonce: &Nonce) -> Result<OpenedInquiry, PersonaError> {
        step().await;
        self.0.open(reference, nonce).await
    }

    async fn resume(&self, inquiry: &InquiryId) -> Result<Session, PersonaError> {
        step().await;
        self.0.resume(inquiry).await
    }

    async fn redact(&self, inquiry: &InquiryId) -> Result<(), PersonaError> {
        step().await;
        self.0.redact(inquiry).await
    }

    async fn redact_accounts(&self, reference: &str) -> Result<(), PersonaError> {
        step().await;
        self.0.redact_accounts(reference).await
    }

    async fn look(&self, inquiries: &[InquiryId]) -> Result<Vec<Looked>, PersonaError> {
        step().await;
        self.0.look(inquiries).await
    }
}

/// A clock that jumps to the next thing that happens, and what waits for it.
#[derive(Debug)]
pub struct Timeline<'clock> {
    clock: &'clock StillClock,
    waiting: Mutex<BTreeMap<(i64, u64), Waker>>,
    waits: AtomicU64,
}

impl<'clock> Timeline<'clock> {
    /// A timeline on which nothing waits.
    pub fn new(clock: &'clock StillClock) -> Self {
        Self { clock, waiting: Mutex::default(), waits: AtomicU64::new(0) }
    }

    /// Runs the future to its end. The clock jumps whenever everything waits.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            let ((at_ms, _), next) = locked(&self.waiting).pop_first().expect("something waits for the clock");
            self.clock.advance_ms((at_ms - self.clock.now().unix_ms()).max(0));
            next.wake();
        }
    }

    async fn wait(&self, latency_ms: i64) {
        let until_ms = self.clock.now().unix_ms() + latency_ms;
        let wait = self.waits.fetch_add(1, Ordering::SeqCst);
        poll_fn(|context| {
            if self.clock.now().unix_ms() >= until_ms {
                return Poll::Ready(());
            }
            locked(&self.waiting).insert((until_ms, wait), context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// A port whose every call takes so long, and is counted.
#[derive(Debug)]
pub struct Slow<'a, P> {
    port: P,
    timeline: &'a Timeline<'a>,
    latency_ms: i64,
    calls: AtomicU64,
}

impl<'a, P> Slow<'a, P> {
    /// The port, where every call takes `latency_ms`.
    pub fn new(port: P, timeline: &'a Timeline<'a>, latency_ms: i64) -> Self {
        Self { port, timeline, latency_ms, calls: AtomicU64::new(0) }
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn wait(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.timeline.wait(self.latency_ms).await;
    }
}

impl<S: Store> Store for &Slow<'_, S> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.wait().await;
        self.port.get(key).await
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        self.wait().await;
        self.port.write(write).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        self.wait().await;
        self.port.transact(writes).await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.wait().await;
        self.port.query(query).await
    }
}

impl<I: Identity> Identity for &Slow<'_, I> {
    async fn open(&self, reference: &str, nonce: &Nonce) -> Result<OpenedInquiry, PersonaError> {
        self.wait().await;
        self.port.open(reference, nonce).await
    }

    async fn resume(&self, inquiry: &InquiryId) -> Result<Session, PersonaError> {
        self.wait().await;
        self.port.resume(inquiry).await
    }

    async fn redact(&self, inquiry: &InquiryId) -> Result<(), PersonaError> {
        self.wait().await;
        self.port.redact(inquiry).await
    }

    async fn redact_accounts(&self, reference: &str) -> Result<(), PersonaError> {
        self.wait().await;
        self.port.redact_accounts(reference).await
    }

    async fn look(&self, inquiries: &[InquiryId]) -> Result<Vec<Looked>, PersonaError> {
        self.wait().await;
        self.port.look(inquiries).await
    }
}
