//! Where something personal could end: everything that the functions store, send, log, count, answer, or say when they
//! panic. The control plants one leak in each, on the ways that the functions use.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use adapters::http_event::HttpAnswer;
use adapters::queue::{PurchaseMessage, Queue};
use adapters::store::{Condition, Item, PK, SK, Store, Value as Attribute, Write};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{PurchaseId, SubAccountId};
use futures::executor::block_on;
use serde_json::{Value, json};
use tests::logs::Logs;
use tests::memory_table::MemoryTable;
use tests::neighbours::MemoryQueue;

use crate::markers::{Found, marker, search};

/// What the functions left behind.
#[derive(Default)]
pub(crate) struct Sinks {
    /// The table.
    pub(crate) table: MemoryTable,
    /// The queue.
    pub(crate) queue: MemoryQueue,
    /// Log lines; metrics are those with the field `metric`.
    pub(crate) logs: Logs,
    /// Messages that were taken from the queue, as they were on the wire.
    sent: Mutex<Vec<String>>,
    /// Answers of all functions.
    answers: Mutex<Vec<String>>,
    /// What panics said.
    panics: Mutex<Vec<String>>,
}

impl Sinks {
    /// Keeps an answer.
    pub(crate) fn answered(&self, answer: String) {
        kept(&self.answers, answer);
    }

    /// Keeps what a panic said: the runtime logs it, and answers it to whoever invoked the function.
    pub(crate) fn panicked(&self, message: String) {
        kept(&self.panics, message);
    }

    /// Takes the next message, and keeps its text.
    pub(crate) fn take_message(&self) -> Option<PurchaseMessage> {
        let message = self.queue.pop()?;
        kept(&self.sent, message.to_text());
        Some(message)
    }

    /// Does what may panic; none when it did.
    pub(crate) fn guarded<T>(&self, doing: impl FnOnce() -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(doing)) {
            Ok(done) => Some(done),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                self.panicked(text.unwrap_or_default());
                None
            }
        }
    }

    /// How many answers there are, log lines, and panics.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let count = |texts: &Mutex<Vec<String>>| texts.lock().unwrap_or_else(PoisonError::into_inner).len();
        (count(&self.answers), self.logs.text().lines().count(), count(&self.panics))
    }

    /// Every marker that is anywhere.
    pub(crate) fn search(&self) -> Vec<Found> {
        while self.take_message().is_some() {}
        let logs = self.logs.text();
        let (metrics, lines): (Vec<&str>, Vec<&str>) = logs.lines().partition(|line| line.contains("\"metric\":"));
        let joined = |texts: &Mutex<Vec<String>>| texts.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
        [
            ("store", stored(&self.table.items())),
            ("queue", joined(&self.sent)),
            ("logs", lines.join("\n")),
            ("metrics", metrics.join("\n")),
            ("answers", joined(&self.answers)),
            ("panics", joined(&self.panics)),
        ]
        .into_iter()
        .flat_map(|(sink, text)| search(sink, &text))
        .collect()
    }
}

fn kept(texts: &Mutex<Vec<String>>, text: String) {
    texts.lock().unwrap_or_else(PoisonError::into_inner).push(text);
}

/// The table as text: keys, names and values.
fn stored(items: &[Item]) -> String {
    format!("{items:?}")
}

/// A leak on purpose: where, of which marker, and how it comes there.
struct Leak {
    sink: &'static str,
    marker: &'static str,
    plant: fn(&Sinks, &'static str),
}

const LEAKS: [Leak; 9] = [
    Leak { sink: "store", marker: "birthdate", plant: into_the_store },
    Leak { sink: "store", marker: "selfie-photo-url", plant: into_a_key },
    Leak { sink: "queue", marker: "name-first", plant: into_the_queue },
    Leak { sink: "logs", marker: "document-number", plant: into_a_log_line },
    Leak { sink: "logs", marker: "passport-number", plant: into_a_log_line_as_base64 },
    Leak { sink: "logs", marker: "address-street-1", plant: into_a_log_line_as_hexadecimal },
    Leak { sink: "metrics", marker: "email-address", plant: into_a_metric },
    Leak { sink: "answers", marker: "session-token", plant: into_an_answer },
    Leak { sink: "panics", marker: "ocr-text", plant: into_a_panic },
];

/// Plants every leak into sinks of its own; how many the search finds, of how many.
pub(crate) fn control() -> (usize, usize) {
    let found = LEAKS.iter().filter(|leak| {
        let sinks = Sinks::default();
        assert!(sinks.search().is_empty(), "empty sinks hold nothing");
        sinks.logs.clone().catch(|| (leak.plant)(&sinks, marker(leak.marker)));
        let found = sinks.search();
        found.len() == 1 && found[0].sink == leak.sink && found[0].marker == leak.marker
    });
    (found.count(), LEAKS.len())
}

fn put(sinks: &Sinks, pk: &str, value: Attribute) {
    let item = Item::from([(PK, Attribute::S(pk.to_owned().into())), (SK, Attribute::S("V".into())), ("seen", value)]);
    block_on((&sinks.table).write(Write::Put { item, expect: Condition::ItemAbsent })).expect("is written");
}

fn into_the_store(sinks: &Sinks, value: &'static str) {
    let inner = Item::from([("deep", Attribute::List(vec![Attribute::S(value.into())]))]);
    put(sinks, "O#s#control", Attribute::Map(inner));
}

fn into_a_key(sinks: &Sinks, value: &'static str) {
    put(sinks, &format!("O#s#{value}"), Attribute::N(1));
}

fn into_the_queue(sinks: &Sinks, value: &'static str) {
    let sub_account = SubAccountId::parse(value).expect("is a word");
    let id = PurchaseId::parse("pur_00000000000000000000000000000000").expect("is an id");
    block_on((&sinks.queue).send(vec![PurchaseMessage { sub_account, id, member: None }])).expect("is sent");
}

fn into_a_log_line(_sinks: &Sinks, value: &'static str) {
    tracing::debug!(target: "adapters", error = value, "Something was logged that should not be.");
}

fn into_a_log_line_as_base64(_sinks: &Sinks, value: &'static str) {
    let body = STANDARD.encode(format!("{{\"x\":\"{value}\"}}"));
    tracing::debug!(target: "persona_webhook", body, "Something was logged that should not be.");
}

fn into_a_log_line_as_hexadecimal(_sinks: &Sinks, value: &'static str) {
    tracing::debug!(target: "purchase_check", body = hex::encode(value), "Something was logged that should not be.");
}

fn into_a_metric(_sinks: &Sinks, value: &'static str) {
    tracing::warn!(target: "sweeper", metric = "drift", event = value, "Something was counted by name.");
}

fn into_an_answer(sinks: &Sinks, value: &'static str) {
    sinks.answered(HttpAnswer::json(StatusCode::OK, &json!({"session": value})).into_event().to_string());
}

fn into_a_panic(sinks: &Sinks, value: &'static str) {
    let parsed = sinks.guarded(|| serde_json::from_value::<Vec<u8>>(Value::from(value)).expect("is a list"));
    assert!(parsed.is_none());
}
