//! A clock that moves only when everybody waits: then it jumps to the next instant at which somebody goes on. Hours pass
//! in milliseconds, calls that are under way at the same time take their time together, and every run is the same.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use adapters::ambient::Ambient;

use crate::locked;
use crate::neighbours::StillClock;

/// Time that passes only where somebody waits for it.
#[derive(Debug)]
pub struct Timeline<'clock> {
    clock: &'clock StillClock,
    tickets: AtomicU64,
    waiting: Mutex<BTreeMap<(i64, u64), Waker>>,
}

impl<'clock> Timeline<'clock> {
    /// A timeline that moves this clock.
    pub fn new(clock: &'clock StillClock) -> Self {
        Self { clock, tickets: AtomicU64::new(0), waiting: Mutex::default() }
    }

    /// The time now, in milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        self.clock.now().unix_ms()
    }

    /// Waits until so many milliseconds have passed.
    pub async fn pass(&self, milliseconds: i64) {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        Pass { timeline: self, until: (self.now_ms() + milliseconds, ticket) }.await;
    }

    /// Runs a future to its end, with all that it joins. It may wait for nothing but this timeline.
    ///
    /// # Panics
    /// When it waits for something else: nobody would ever go on.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                return done;
            }
            let next = locked(&self.waiting).first_key_value().map(|((at, _), _)| *at);
            let now_ms = next.expect("somebody waits for something that is not time");
            self.clock.advance_ms((now_ms - self.now_ms()).max(0));
            self.wake_up_to(now_ms);
        }
    }

    fn wake_up_to(&self, now_ms: i64) {
        let mut waiting = locked(&self.waiting);
        let later = waiting.split_off(&(now_ms + 1, 0));
        for waker in std::mem::replace(&mut *waiting, later).into_values() {
            waker.wake();
        }
    }
}

/// A wait that ends at an instant; the second part tells apart those of the same instant.
struct Pass<'a, 'clock> {
    timeline: &'a Timeline<'clock>,
    until: (i64, u64),
}

impl Future for Pass<'_, '_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.timeline.now_ms() >= self.until.0 {
            return Poll::Ready(());
        }
        locked(&self.timeline.waiting).insert(self.until, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Pass<'_, '_> {
    fn drop(&mut self) {
        locked(&self.timeline.waiting).remove(&self.until);
    }
}
