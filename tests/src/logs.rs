//! What the functions log, caught in the form in which it would be written.
//!
//! There is one subscriber for the whole process, which keeps what a thread logs while that thread catches. One for each
//! catch would race with other threads: whether a place in the code logs at all is decided once, when it is first reached,
//! and a thread without a subscriber may decide it for all.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};

use adapters::telemetry;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, dynamic_filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::locked;

thread_local! {
    static CATCHING: RefCell<Option<Logs>> = const { RefCell::new(None) };
}

/// Lines that were logged.
#[derive(Debug, Clone, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// What was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&locked(&self.0)).into_owned()
    }

    /// Does something while this thread logs here, at the loudest level.
    pub fn catch<T>(&self, doing: impl FnOnce() -> T) -> T {
        /// Puts back what was there, also when the test fails.
        struct Before(Option<Logs>);
        impl Drop for Before {
            fn drop(&mut self) {
                CATCHING.set(self.0.take());
            }
        }
        install();
        let _before = Before(CATCHING.replace(Some(self.clone())));
        doing()
    }
}

/// What is logged while something is done, and what came of it.
pub fn logged<T>(doing: impl FnOnce() -> T) -> (T, String) {
    let logs = Logs::default();
    let done = logs.catch(doing);
    (done, logs.text())
}

/// Makes this process keep what is caught. Whatever a test catches must not have been reached before this: worlds call it
/// when they are made.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let caught = dynamic_filter_fn(|_, _| CATCHING.with_borrow(Option::is_some));
        let layer = telemetry::layer(LevelFilter::TRACE, Caught).with_filter(caught);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
            .expect("nothing else in the tests is a subscriber");
    });
}

/// Writes to whatever this thread catches with.
#[derive(Debug)]
struct Caught;

impl MakeWriter<'_> for Caught {
    type Writer = Logs;

    fn make_writer(&self) -> Logs {
        CATCHING.with_borrow(|logs| logs.clone().unwrap_or_default())
    }
}

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
