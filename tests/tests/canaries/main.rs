//! Nothing personal (promise P7): plants values of every kind that Persona may know of a person, and a caller or a
//! vendor may send, on every way into the functions, and looks for them wherever the functions leave something. A
//! control plants one leak in each such place, and must find all.

mod markers;
mod paths;
mod requests;
mod sinks;
mod there;
mod vendor;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use crate::markers::MARKERS;
use crate::sinks::Sinks;

/// The calls on inquiries and accounts, and the only fields that each may ask Persona for, in its query string. `*` is an
/// id. A call that is not here asks for more than it may.
const ASKED_FOR: [(&str, &str, &str); 7] = [
    ("POST /api/v1/inquiries", "inquiry", "status"),
    ("POST /api/v1/inquiries/*/resume", "inquiry", "status"),
    ("POST /api/v1/inquiries/*/generate-one-time-link", "inquiry", "status"),
    ("GET /api/v1/inquiries", "inquiry", "status%2Ccompleted-at%2Cdecisioned-at%2Cupdated-at%2Credacted-at"),
    ("DELETE /api/v1/inquiries/*", "inquiry", "status"),
    ("GET /api/v1/accounts", "account", "created-at"),
    ("DELETE /api/v1/accounts/*", "account", "created-at"),
];

/// What the sweeper alone asks for, of an inquiry that was approved: the two names that are compared.
const NAMES_ASKED_FOR: (&str, &str, &str) = (
    "GET /api/v1/inquiries/*",
    "inquiry",
    "fields.name-first%2Cfields.name-last%2Cfields.name_first%2Cfields.name_last",
);

#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        println!("canaries: test");
        return ExitCode::SUCCESS;
    }
    // What a panic says is kept with the sinks.
    std::panic::set_hook(Box::new(|_| {}));
    let sinks = Sinks::default();
    let walked = sinks.logs.clone().catch(|| paths::walk(&sinks));
    let (answers, lines, panics) = sinks.counts();
    let found = sinks.search();
    let (controlled, leaks) = sinks::control();

    println!("{answers} answers, {} items, {lines} log lines, {panics} panics", sinks.table.items().len());
    for (route, statuses) in &walked.routes {
        println!("  {route:<62} {}", statuses.iter().map(u64::to_string).collect::<Vec<_>>().join(" "));
    }
    let mut wrong = Vec::new();
    let known: BTreeSet<String> = paths::FUNCTIONS.into_iter().map(str::to_owned).collect();
    if functions() != known {
        wrong.push(format!("the functions are {:?}, and {known:?} are walked", functions()));
    }
    if walked.sessions == 0 || answers == 0 || lines == 0 || panics == 0 {
        wrong.push("no session, answer, log line or panic was seen: something was not walked".to_owned());
    }
    for (route, statuses) in &walked.routes {
        if !statuses.iter().any(|status| (200..300).contains(status)) {
            wrong.push(format!("{route} was never answered as one who asks rightly is: nothing of that was searched"));
        }
    }
    wrong.extend(asked_for_more(&walked.asked));
    let compared = walked.asked.iter().filter(|line| line.contains("Fields=identity_match&FirstName=")).count();
    if compared == 0 {
        wrong.push("no name was compared: those on the ID did not pass through".to_owned());
    }
    for what in &wrong {
        println!("wrong: {what}");
    }
    for leak in &found {
        println!("found: {} in {}: …{}…", leak.marker, leak.sink, leak.around);
    }
    println!("canaries: {} planted, {} found; control: {controlled} of {leaks}", MARKERS.len(), found.len());
    let passed = wrong.is_empty() && found.is_empty() && controlled == leaks;
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is wrong with what Persona was asked for: more than may be, and calls that were never made, of which nothing was
/// seen.
fn asked_for_more(asked: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut made = BTreeSet::new();
    for line in asked.iter().filter(|line| line.contains(" /api/v1/")) {
        let (call, query) = line.split_once('?').unwrap_or((line, ""));
        let call = without_ids(call);
        let rule = ASKED_FOR.into_iter().chain([NAMES_ASKED_FOR]).find(|(allowed, ..)| *allowed == call);
        let is_list = ["GET /api/v1/inquiries", "GET /api/v1/accounts"].contains(&call.as_str());
        let fits = rule.is_some_and(|(_, kind, fields)| {
            let fields = format!("fields%5B{kind}%5D={fields}");
            let told = |name: &str| query.split('&').filter(|part| part.starts_with(name)).collect::<Vec<_>>();
            // Lists include nothing, whatever they are asked.
            told("fields") == [fields.as_str()] && (is_list || told("include") == ["include="])
        });
        if !fits {
            wrong.push(format!("Persona was asked for more than it may be: {line}"));
        }
        made.insert(call);
    }
    for (call, ..) in ASKED_FOR.into_iter().chain([NAMES_ASKED_FOR]) {
        if !made.contains(call) {
            wrong.push(format!("Persona was never asked: {call}"));
        }
    }
    wrong
}

/// A request's method and path, with `*` for what has an id's prefix.
fn without_ids(call: &str) -> String {
    let is_id = |part: &&str| part.starts_with("inq_") || part.starts_with("act_");
    let parts = call.split('/').map(|part| if is_id(&part) { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The functions that are deployed, as their folders are called.
fn functions() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let entries = std::fs::read_dir(folder).expect("the functions are there");
    let folders = entries.map(|entry| entry.expect("an entry can be read").path());
    folders
        .filter(|path| path.join("src/main.rs").is_file())
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect()
}
