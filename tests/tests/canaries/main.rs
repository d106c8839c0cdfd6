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

/// Fields of an inquiry that Persona may be asked for.
const ASKED_FOR: [&str; 2] = ["status", "status%2Ccompleted-at%2Cdecisioned-at%2Cupdated-at%2Credacted-at"];

/// What the sweeper alone asks for, of an inquiry that was approved: the two names that are compared.
const NAMES_ASKED_FOR: &str = "fields.name-first%2Cfields.name-last%2Cfields.name_first%2Cfields.name_last";

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
    for line in walked.asked.iter().filter(|line| line.contains(" /api/v1/inquiries")) {
        let fields = line.split(['?', '&']).find_map(|part| part.strip_prefix("fields%5Binquiry%5D="));
        let deletes = line.starts_with("DELETE ");
        let names = line.starts_with("GET ") && fields == Some(NAMES_ASKED_FOR);
        if !fields.is_some_and(|fields| ASKED_FOR.contains(&fields)) && !deletes && !names {
            wrong.push(format!("Persona was asked for more than status fields: {line}"));
        }
    }
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
