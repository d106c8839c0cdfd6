//! The event files for `cargo lambda invoke`: each is told of, and answered as its page says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
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
