//! Ports whose every call is one step: to end a function at each, to let each fail, and to run two functions at once in
//! every order in which their calls can interleave.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use adapters::persona::{Identity, Looked, OpenedInquiry, PersonaError, Session};
use adapters::queue::{PurchaseMessage, Queue, QueueError};
use adapters::store::{Item, Key, Page, Query, Store, StoreError, TransactError, Write, WriteError};
use domain::{InquiryId, Nonce};

/// Counts the calls of all ports that share it, and lets one fail.
#[derive(Debug, Default)]
pub struct Steps {
    calls: AtomicUsize,
    fails_at: Option<usize>,
}

impl Steps {
    /// The call at this place, the first being 0, is not done and fails.
    pub fn failing_at(call: usize) -> Self {
        Self { calls: AtomicUsize::new(0), fails_at: Some(call) }
    }

    /// How many calls were begun.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn step<E>(&self, fails: E) -> Result<(), E> {
        Pause(false).await;
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.fails_at == Some(call) { Err(fails) } else { Ok(()) }
    }
}

/// Lets others go on, once.
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        // What runs several at once polls only those that ask for it.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A port whose every call is a step.
#[derive(Debug, Clone, Copy)]
pub struct Stepped<'a, P> {
    /// The port.
    pub port: P,
    /// What its calls are counted by.
    pub steps: &'a Steps,
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("injected".to_owned())
}

impl<P: Store> Store for Stepped<'_, P> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.steps.step(unavailable()).await?;
        self.port.get(key).await
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        self.steps.step(unavailable()).await?;
        self.port.write(write).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        self.steps.step(unavailable()).await?;
        self.port.transact(writes).await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.steps.step(unavailable()).await?;
        self.port.query(query).await
    }
}

impl<P: Queue> Queue for Stepped<'_, P> {
    async fn send(&self, messages: Vec<PurchaseMessage>) -> Result<(), QueueError> {
        self.steps.step(QueueError("injected".to_owned())).await?;
        self.port.send(messages).await
    }
}

impl<P: Identity> Identity for Stepped<'_, P> {
    async fn open(&self, reference: &str, nonce: &Nonce) -> Result<OpenedInquiry, PersonaError> {
        self.steps.step(PersonaError::Unknown).await?;
        self.port.open(reference, nonce).await
    }

    async fn resume(&self, inquiry: &InquiryId) -> Result<Session, PersonaError> {
        self.steps.step(PersonaError::Unknown).await?;
        self.port.resume(inquiry).await
    }

    async fn redact(&self, inquiry: &InquiryId) -> Result<(), PersonaError> {
        self.steps.step(PersonaError::Unknown).await?;
        self.port.redact(inquiry).await
    }

    async fn redact_accounts(&self, reference: &str) -> Result<(), PersonaError> {
        self.steps.step(PersonaError::Unknown).await?;
        self.port.redact_accounts(reference).await
    }

    async fn look(&self, inquiries: &[InquiryId]) -> Result<Vec<Looked>, PersonaError> {
        self.steps.step(PersonaError::Unknown).await?;
        self.port.look(inquiries).await
    }
}

/// Runs a function up to its end, or kills it before its call at this place, the first being 0: what it answered, unless
/// it was killed.
pub fn killed_at<T>(call: usize, function: impl Future<Output = T>) -> Option<T> {
    let mut function = pin!(function);
    let mut context = Context::from_waker(Waker::noop());
    // The first poll leads up to the first call, each further one through a call and up to the next.
    for _ in 0..=call {
        if let Poll::Ready(answer) = function.as_mut().poll(&mut context) {
            return Some(answer);
        }
    }
    None
}

/// Runs a function to its end.
pub fn run<T>(function: impl Future<Output = T>) -> T {
    killed_at(usize::MAX, function).expect("nothing waits for anything but its turn")
}

/// One order in which two functions take their steps.
#[derive(Debug, Default)]
pub struct Order {
    /// Who goes on at each place where both can: false for the first.
    chosen: Vec<bool>,
    place: usize,
}

impl Order {
    fn choose(&mut self) -> bool {
        if self.place == self.chosen.len() {
            self.chosen.push(false);
        }
        self.place += 1;
        self.chosen[self.place - 1]
    }

    /// Runs both to their ends in this order.
    pub fn run<T>(&mut self, first: impl Future<Output = T>, second: impl Future<Output = T>) -> (T, T) {
        let (mut first, mut second) = (pin!(first), pin!(second));
        let (mut one, mut other) = (None, None);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let second_goes_on = match (&one, &other) {
                (None, None) => self.choose(),
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some(_), Some(_)) => break,
            };
            if second_goes_on {
                if let Poll::Ready(answer) = second.as_mut().poll(&mut context) {
                    other = Some(answer);
                }
            } else if let Poll::Ready(answer) = first.as_mut().poll(&mut context) {
                one = Some(answer);
            }
        }
        one.zip(other).expect("both have ended")
    }
}

/// Plays once for every order; how many there are. What is played must be the same each time but for the order.
pub fn every_order(play: impl Fn(&mut Order)) -> usize {
    let mut order = Order::default();
    let mut played = 0;
    loop {
        play(&mut order);
        played += 1;
        let Order { mut chosen, place } = std::mem::take(&mut order);
        chosen.truncate(place);
        while chosen.pop_if(|second| *second).is_some() {}
        match chosen.last_mut() {
            None => return played,
            Some(last) => *last = true,
        }
        order.chosen = chosen;
    }
}
