//! `make bench`: whether the time of a refusal tells how much of a forged signature was right (K13). As dudect does it
//! (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?"): two kinds of forgeries in a random order, one wrong
//! from its first byte on and one in its last alone, each timed by itself; what took unusually long is left out, and
//! Welch's t-test says whether the two kinds take different times. A comparison that stops at the first difference is timed
//! beside it: were it not told, the test would tell nothing.
//!
//! Nothing here decides whether a test passes: a busy machine may hide what is there, and show what is not.

use std::hint::black_box;
use std::time::Instant as Moment;

use adapters::persona::{WebhookSecret, sign, verify};
use domain::Instant;
use tests::hmac::hmac;
use tests::simulation::random::Random;
use tests::world::{SECRET, START_MS, secret};

/// Forgeries that are timed, both kinds together.
const TIMED: usize = 1_000_000;
/// The share of all times that counts, the shortest, in percent: the rest is the machine's doing.
const COUNTED_PERCENT: usize = 90;
/// Two kinds take different times when |t| is above this (dudect's own bound).
const T_MAX: f64 = 4.5;
/// As short as a body can be: the less is computed, the better a difference shows.
const BODY: &[u8] = b"{}";
/// Which kind comes when.
const SEED: u64 = 0;
/// How old or early a signature may be, in seconds.
const TOLERANCE_S: i64 = 300;

#[expect(clippy::print_stdout, reason = "a benchmark tells its result on standard output")]
fn main() {
    let at = Instant::from_unix_ms(START_MS);
    let secrets: [WebhookSecret; 1] = [secret()];
    let deployed = |header: &str| verify(header, BODY, &secrets, at, TOLERANCE_S).is_ok();
    let message = [format!("{}.", START_MS / 1000).as_bytes(), BODY].concat();
    let digits = hmac(SECRET.as_bytes(), &message);
    let careless = |header: &str| {
        let sent = header.rsplit('=').next().unwrap_or_default();
        digits.bytes().zip(sent.bytes()).all(|(right, sent)| black_box(right) == black_box(sent))
    };
    let right = sign(&secret(), BODY, at);
    let forged = |place: usize| {
        // Of the same kind: digits and letters are decoded in different times, which says nothing of the right ones.
        let wrong = match right.as_bytes()[place] {
            b'0' => "1",
            b'1'..=b'9' => "0",
            b'a' => "b",
            _ => "a",
        };
        format!("{}{wrong}{}", &right[..place], &right[place + 1..])
    };
    let forgeries = [forged(right.len() - digits.len()), forged(right.len() - 1)];
    for (name, t) in [
        ("as deployed", t_of_the_difference(&forgeries, deployed)),
        ("stops at the first difference", t_of_the_difference(&forgeries, careless)),
    ] {
        let told = if t.abs() > T_MAX { "its time tells" } else { "its time tells nothing" };
        println!("comparison, {name:<30} |t| {:>8.1} of {TIMED} forgeries: {told}", t.abs());
    }
}

/// Welch's t of the times that `check` takes for two kinds of forgeries.
fn t_of_the_difference(forgeries: &[String; 2], check: impl Fn(&str) -> bool) -> f64 {
    let mut random = Random::new(SEED);
    let mut took_ns: [Vec<u128>; 2] = [Vec::with_capacity(TIMED), Vec::with_capacity(TIMED)];
    for _ in 0..TIMED {
        let kind = random.below(2);
        // In the same place in memory, whichever it is.
        let header = black_box(forgeries[kind].clone());
        let began = now();
        let believed = black_box(check(&header));
        took_ns[kind].push(began.elapsed().as_nanos());
        assert!(!believed, "a forgery is believed");
    }
    let mut all: Vec<u128> = took_ns.concat();
    all.sort_unstable();
    let longest = all[(all.len() - 1) * COUNTED_PERCENT / 100];
    let [first, last] = took_ns.map(|times| Sample::of(times.into_iter().filter(|ns| *ns <= longest)));
    (first.mean - last.mean) / (first.variance / first.count + last.variance / last.count).sqrt()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Moment {
    Moment::now()
}

/// What a t-test needs of many times.
struct Sample {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Sample {
    fn of(times: impl Iterator<Item = u128>) -> Self {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for time in times {
            let time = time as f64;
            count += 1.0;
            let off = time - mean;
            mean += off / count;
            squares += off * (time - mean);
        }
        Self { count, mean, variance: squares / (count - 1.0) }
    }
}
