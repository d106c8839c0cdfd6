//! `make vectors`: the published vectors of Persona's signature, against the check that is deployed and the function
//! around it, and against checks with mistakes that were seen in public, each of which must fail.

mod file;
mod function;
mod known_bad;

use std::process::ExitCode;

use adapters::persona::{
    BadSignature, Freshness, PLACEHOLDER_WORDS, SECRET_CHARS_MIN, SECRET_DIFFERENT_CHARS_MIN, SECRET_PREFIX, verify,
};
use domain::Instant;
use tests::hmac::hmac;

use crate::file::{Case, Receiver, Vectors, Verdict};
use crate::known_bad::{KNOWN_BAD, right};

/// Attacks that the vectors are about, K1 to K26.
const ATTACKS: u32 = 26;

#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        println!("vectors: test");
        return ExitCode::SUCCESS;
    }
    let Vectors { receiver, hmac_sha256, cases, .. } = Vectors::load();
    let mut wrong = Vec::new();
    for known in &hmac_sha256 {
        let (key, message) = known.input();
        let answer = hmac(&key, &message);
        if !answer.starts_with(&known.hmac_hex) {
            wrong.push(format!("{}: {answer}", known.name));
        }
    }
    let Receiver { secret_prefix, secret_chars_min, secret_different_chars_min, placeholder_words, .. } = &receiver;
    let told = (secret_prefix.as_str(), *secret_chars_min, *secret_different_chars_min);
    let deployed = (SECRET_PREFIX, SECRET_CHARS_MIN, SECRET_DIFFERENT_CHARS_MIN);
    if told != deployed || placeholder_words != &PLACEHOLDER_WORDS {
        wrong.push("the receiver's rules for secrets are not those that are deployed".to_owned());
    }
    for case in &cases {
        wrong.extend(complaints(case, &receiver).into_iter().map(|what| {
            let Case { name, shows, source, .. } = case;
            format!("{name} ({source}): {what}\n    {shows}")
        }));
    }

    for attack in 1..=ATTACKS {
        let named = |case: &Case| case.source.split(", ").any(|source| source == format!("K{attack}"));
        if !cases.iter().any(named) {
            wrong.push(format!("no case is about K{attack}"));
        }
    }

    println!("checks with a mistake that was seen in public, and the vectors that tell:");
    let mut untold = 0;
    for bad in &KNOWN_BAD {
        let told: Vec<&Case> = cases.iter().filter(|case| (bad.check)(case) != case.expected).collect();
        // What it believes wrongly says more than what it refuses.
        let believed = told.iter().find(|case| case.expected == Verdict::Invalid).or(told.first());
        let example = believed.map_or("NONE", |case| case.name.as_str());
        untold += usize::from(told.is_empty());
        println!("  {:<41} {:>3}  {example}", bad.name, told.len());
        println!("  {:<41}      seen: {}", "", bad.seen);
    }
    for what in &wrong {
        println!("wrong: {what}");
    }
    println!("{} checks with a mistake, {untold} of them not told", KNOWN_BAD.len());
    println!("vectors: {} cases, {} wrong", hmac_sha256.len() + cases.len(), wrong.len());
    if wrong.is_empty() && untold == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is wrong with the deployed check, the function, or the case itself.
fn complaints(case: &Case, receiver: &Receiver) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut expect = |what: &str, same: bool, seen: String| {
        if !same {
            complaints.push(format!("{what} {seen}"));
        }
    };
    let deployed = deployed(case, receiver);
    expect("the deployed check says", deployed == case.expected, format!("{deployed:?}, not {:?}", case.expected));
    let second = right(case);
    expect("a second check says", second == case.expected, format!("{second:?}, not {:?}", case.expected));
    let seen = function::play(case, receiver);
    expect("the function answers", seen == (case.answer, case.effect), format!("{seen:?}"));
    complaints
}

fn deployed(case: &Case, receiver: &Receiver) -> Verdict {
    let header = case.header().unwrap_or_default();
    let now = Instant::from_unix_ms(case.now * 1000 + 999);
    let body = case.body();
    let judged = verify(&header, &body, &function::secrets(case), now, receiver.tolerance_s);
    match judged {
        Ok(webhook) => {
            assert_eq!(webhook.body(), body, "what was signed is what is read");
            match webhook.freshness() {
                Freshness::Fresh => Verdict::Valid,
                Freshness::Stale => Verdict::Stale,
            }
        }
        Err(BadSignature) => Verdict::Invalid,
    }
}
