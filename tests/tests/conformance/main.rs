//! Our requests to Twilio, and the simulator's answers, compared with Twilio's own description of its API.
//!
//! A recorder stands between our clients and the simulator. Everything that passes is compared with `twilio.json`; then
//! everything once more with one thing wrong in it, which must be found each time.

mod check;
mod control;
mod endpoints;
mod ours;
mod recorder;
mod simulator;
mod table;

use std::collections::BTreeSet;
use std::process::ExitCode;

use recorder::{Exchange, Recorder};
use simulator::Simulator;
use table::Table;

#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        println!("conformance: test");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (requests, answers) = runtime.block_on(play());
    let table = Table::load();
    let table::Source { repository, commit } = &table.source;
    println!("compared with {repository} at {commit}");

    let mut wrong = Vec::new();
    for request in &requests {
        wrong.extend(tell("our request", request, check::request(&table, request)));
    }
    for answer in &answers {
        wrong.extend(tell("the answer to", answer, check::answer(&table, answer)));
    }
    wrong.extend(missing(&table, &answers));
    wrong.extend(survivors(&table, &requests, &answers));
    for line in &wrong {
        println!("{line}");
    }
    println!(
        "conformance: {} paths, {} requests, {} answers, {} wrong",
        table.operations.iter().map(|operation| &operation.at).collect::<BTreeSet<_>>().len(),
        requests.len(),
        answers.len(),
        wrong.len()
    );
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What our clients asked for, and everything that was answered.
async fn play() -> (Vec<Exchange>, Vec<Exchange>) {
    let mut simulator = Simulator::start().await;
    let recorder = Recorder::start(&simulator.url).await;
    ours::ask_for_everything(&simulator, &recorder.url).await;
    let requests = recorder.seen();
    simulator.front.clone_from(&recorder.url);
    endpoints::ask_for_everything(&simulator).await;
    (requests, recorder.seen())
}

fn tell(whose: &str, exchange: &Exchange, wrong: Vec<String>) -> Vec<String> {
    let Exchange { method, path, query, status, .. } = exchange;
    wrong.into_iter().map(|what| format!("{whose} {method} {path} {query} ({status}): {what}")).collect()
}

/// Addresses and errors that were not met: a comparison that leaves some out says less than its counts.
fn missing(table: &Table, answers: &[Exchange]) -> Vec<String> {
    let mut missing = Vec::new();
    for operation in &table.operations {
        let met = |exchange: &Exchange| {
            let found = table.find(&exchange.method, &exchange.path);
            found.is_ok_and(|(found, _)| std::ptr::eq(found, operation))
                && check::successes(operation).any(|status| status == exchange.status)
        };
        if !answers.iter().any(met) {
            missing.push(format!("{} {} was never answered", operation.method, operation.at));
        }
    }
    let codes: BTreeSet<u64> = answers
        .iter()
        .filter(|exchange| exchange.status >= 400)
        .filter_map(|exchange| check::json(exchange).ok()?["code"].as_u64())
        .collect();
    let unmet = table.errors().into_keys().filter(|code| !codes.contains(code));
    missing.extend(unmet.map(|code| format!("the error {code} was never answered")));
    missing
}

/// Wrong requests and answers in which no fault was found.
#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
fn survivors(table: &Table, requests: &[Exchange], answers: &[Exchange]) -> Vec<String> {
    let mut tried = 0;
    let mut survivors = Vec::new();
    for right in requests.iter().filter(|right| check::request(table, right).is_empty()) {
        for mutant in control::requests(table, right) {
            tried += 1;
            if check::request(table, &mutant.exchange).is_empty() {
                survivors.extend(tell("no fault is found with", right, vec![mutant.what]));
            }
        }
    }
    for right in answers.iter().filter(|right| check::answer(table, right).is_empty()) {
        for mutant in control::answers(table, right) {
            tried += 1;
            if check::answer(table, &mutant.exchange).is_empty() {
                survivors.extend(tell("no fault is found with the answer to", right, vec![mutant.what]));
            }
        }
    }
    println!("control: {tried} requests and answers with one fault each, {} found", tried - survivors.len());
    survivors
}
