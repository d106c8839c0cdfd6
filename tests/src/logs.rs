//! What the functions log, caught in the form in which it would be written.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use adapters::telemetry;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::locked;

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
        let subscriber = tracing_subscriber::registry().with(telemetry::layer(LevelFilter::TRACE, self.clone()));
        tracing::subscriber::with_default(subscriber, doing)
    }
}

/// What is logged while something is done, and what came of it.
pub fn logged<T>(doing: impl FnOnce() -> T) -> (T, String) {
    let logs = Logs::default();
    let done = logs.catch(doing);
    (done, logs.text())
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

impl MakeWriter<'_> for Logs {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
