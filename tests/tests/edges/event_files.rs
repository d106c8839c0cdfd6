//! The event files for `cargo lambda invoke`: each is told of, and answered as its page says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use local::error::Error;
use local::replay::{Replay, State, replay};
use local::webhook_event::{WebhookEvent, event};
use serde_json::{Value, json};
use tests::world::{clock, world};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/events")
}

/// The page's table: each file without its ending, and what comes of it.
fn told() -> BTreeMap<String, String> {
    let page = fs::read_to_string(folder().join("README.md")).expect("the page is there");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    rows.map(|(file, outcome)| (file.to_owned(), outcome.to_owned())).collect()
}

fn files() -> BTreeMap<String, Value> {
    let entries = fs::read_dir(folder()).expect("the folder is there").map(|entry| entry.expect("is readable").path());
    let events = entries.filter(|path| path.extension().is_some_and(|ending| ending == "json")).map(|path| {
        let text = fs::read_to_string(&path).expect("is text");
        let event = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().expect("has a name").to_string_lossy().into_owned(), event)
    });
    events.collect()
}

#[test]
fn every_file_has_its_row() {
    let files: BTreeSet<String> = files().into_keys().collect();
    assert!(!files.is_empty());
    assert_eq!(files, told().into_keys().collect());
}

/// The rows that begin with a status, against the functions over neighbours in memory.
#[test]
fn the_answer_is_the_one_that_the_page_tells() {
    let told = told();
    let mut answered = 0;
    for (name, event) in files() {
        let clock = clock();
        let world = world(&clock);
        let outcome = &told[&name];
        let Some(status) = outcome.get(..3).and_then(|start| start.parse::<u64>().ok()) else { continue };
        let answer = match name.split_once('.') {
            Some(("purchase-check", _)) => world.check(event),
            Some(("persona-webhook", _)) => world.webhook(event),
            Some(("number-search", _)) => world.search(event),
            Some(_) | None => continue,
        };
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        let problem = outcome.split_once('`').and_then(|(_, rest)| rest.split_once('`')).map(|(problem, _)| problem);
        if status >= 400 && problem.is_some() {
            assert_eq!(Some(answer.problem()), problem, "{name}");
        }
        answered += 1;
    }
    assert!(answered >= 11, "only {answered} files were answered");
}

/// What `dialgate replay` says of a body's length is what persona-webhook does with it.
#[test]
fn a_replay_finds_too_large_what_the_function_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (clock, now) = (clock(), time::OffsetDateTime::now_utc());
    let world = world(&clock);
    let mut made = event(WebhookEvent::WebhookApproved, "inq_1", "itmpl_1", "wbhsec_1", now).expect("an event");
    let body = made["body"].as_str().expect("a body").to_owned();
    let path = std::env::temp_dir().join(format!("dialgate-too-large-{}.json", std::process::id()));
    for (bytes, status, verdict) in [(256 * 1024, 401, "applied"), (256 * 1024 + 1, 413, "too_large")] {
        made["body"] = json!(format!("{body}{}", " ".repeat(bytes - body.len())));
        fs::write(&path, made.to_string()).expect("a file can be written");
        let asked = Replay { event: path.clone(), state: Some(State::InProgress), accept_completed: false };
        let told = runtime.block_on(replay(&asked, || Err(Error::NotUp))).expect("a verdict");
        assert_eq!((told.verdict, world.webhook(made.clone()).status), (verdict, status), "{bytes}");
    }
    fs::remove_file(path).expect("the file is there");
}
