//! `make bench`: how fast `persona-webhook` takes Persona's events. Runs the built `bootstrap` behind a Runtime API on
//! loopback, over a table and a queue that answer over HTTP, and tells
//!
//! - the time from an event's arrival to the answer at 100 events a second for 60 s, the mix of a real verification:
//!   completed, approved, and approved once more;
//! - the same for 1,000 approvals at once;
//! - the processor time of an unsigned body of 256 KB, beside that of a small one.
//!
//! Numbers are of this machine and of two sandboxes; on AWS the table is a network away, and sandboxes are as many as
//! needed. Nothing here decides whether a test passes.

mod runtime_api;
mod sandbox;

use std::path::PathBuf;
use std::time::Duration;

use adapters::ambient::{Ambient, Machine};
use adapters::persona::sign;
use domain::Allowance;
use serde_json::Value;
use tests::dynamodb_double::Server;
use tests::events::{Caller, ask_event, persona_event, webhook_event};
use tests::neighbours::{MemoryPersona, MemoryQueue};
use tests::settings;
use tests::world::{Answer, secret};
use tokio::runtime::Runtime;

use crate::runtime_api::{Done, RuntimeApi, now};
use crate::sandbox::{Addresses, Sandbox, queue};

/// Functions that run side by side.
const SANDBOXES: usize = 2;
/// Events a second, and for how many seconds.
const STEADY_PER_S: u32 = 100;
const STEADY_S: u32 = 60;
/// Approvals that arrive at once.
const BURST: usize = 1_000;
/// Unsigned bodies, one after the other: enough for a clock that ticks every 10 ms.
const UNSIGNED: usize = 400;
/// The largest body that is looked at, and a small one, in bytes.
const LARGE_BYTES: usize = 256 * 1024;
const SMALL_BYTES: usize = 1024;

fn main() {
    Runtime::new().expect("a runtime can be made").block_on(bench());
}

#[expect(clippy::print_stdout, reason = "a benchmark tells its result on standard output")]
async fn bench() {
    let api = RuntimeApi::start().await;
    let table = Server::start().await;
    let addresses = Addresses {
        runtime_api: api.address.clone(),
        table_url: table.url().to_owned(),
        table_name: table.table_name(),
        queue_url: queue().await,
    };
    let steady = usize::try_from(STEADY_PER_S * STEADY_S).expect("is small");
    let inquiries = waiting(&table, steady.div_ceil(3) + BURST + SANDBOXES).await;
    println!("{} sub-accounts wait", inquiries.len());
    let bootstrap = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/debug/persona-webhook");
    let sandboxes: Vec<Sandbox> = (0..SANDBOXES).map(|_| Sandbox::start(&bootstrap, &addresses)).collect();
    let (warm, rest) = inquiries.split_at(SANDBOXES);
    let (burst, steadily) = rest.split_at(BURST);
    told("cold start", &at_once(&api, warm).await);
    told(&format!("{STEADY_PER_S}/s for {STEADY_S} s"), &at_a_rate(&api, steadily, steady).await);
    told(&format!("{BURST} at once"), &at_once(&api, burst).await);
    for bytes in [SMALL_BYTES, LARGE_BYTES] {
        let before: Duration = sandboxes.iter().map(Sandbox::processor_time).sum();
        let wrong = format!("t={},v1={}", Machine.now().unix_ms() / 1000, "0".repeat(64));
        let mut done = Vec::new();
        for _ in 0..UNSIGNED {
            done.push(api.invoke(webhook_event(&"x".repeat(bytes), &wrong).to_string()).await.expect("an answer"));
        }
        assert!(done.iter().all(|done| done.status == 401), "no forgery is taken");
        let used = sandboxes.iter().map(Sandbox::processor_time).sum::<Duration>() - before;
        told(&format!("forged, {bytes} bytes"), &done);
        println!("{:<22} {:.2} ms of processor time each", "", used.as_secs_f64() * 1000.0 / UNSIGNED as f64);
    }
}

/// Has so many sub-accounts wait for their verification, through `purchase-check` itself; their inquiries.
async fn waiting(table: &Server, count: usize) -> Vec<String> {
    let (queue, persona) = (MemoryQueue::default(), MemoryPersona::default());
    let check = purchase_check::PurchaseCheck {
        store: table.table(),
        queue: &queue,
        identity: &persona,
        ambient: Machine,
        // All of them come at once, and no Persona is asked.
        settings: purchase_check::Settings {
            callers_allowance: Allowance::of_any_minute(60_000_000),
            ..settings::check()
        },
    };
    let mut inquiries = Vec::with_capacity(count);
    for number in 0..count {
        let sub_account = format!("loc_{number}");
        let asked = ask_event(&Caller::sub_account(&sub_account), &sub_account, "key-1", "+12125550100");
        let answer = Answer::of(check.handle(asked).await);
        assert_eq!(answer.status, 202, "{answer:?}");
        inquiries.push(answer.body["verification"]["inquiry_id"].as_str().expect("an inquiry is open").to_owned());
    }
    inquiries
}

fn delivery(inquiry: &str, name: &str) -> String {
    let at = adapters::rfc3339(Machine.now());
    let body = persona_event(&format!("evt_{inquiry}_{name}"), &format!("inquiry.{name}"), inquiry, name, &at);
    let body = Value::to_string(&body);
    webhook_event(&body, &sign(&secret(), body.as_bytes(), Machine.now())).to_string()
}

async fn at_once(api: &RuntimeApi, inquiries: &[String]) -> Vec<Done> {
    let arrived: Vec<_> = inquiries.iter().map(|inquiry| api.invoke(delivery(inquiry, "approved"))).collect();
    let done = futures::future::join_all(arrived).await;
    let done: Vec<Done> = done.into_iter().map(|done| done.expect("an answer")).collect();
    assert!(done.iter().all(|done| done.status == 200), "every event is taken");
    done
}

async fn at_a_rate(api: &RuntimeApi, inquiries: &[String], count: usize) -> Vec<Done> {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / STEADY_PER_S);
    let told = inquiries.iter().flat_map(|inquiry| ["completed", "approved", "approved"].map(|name| (inquiry, name)));
    let mut arrived = Vec::with_capacity(count);
    let began = now();
    for (inquiry, name) in told.take(count) {
        tick.tick().await;
        arrived.push(api.invoke(delivery(inquiry, name)));
    }
    assert!(began.elapsed() < Duration::from_secs(u64::from(STEADY_S) + 5), "this machine cannot send so fast");
    let done = futures::future::join_all(arrived).await;
    let done: Vec<Done> = done.into_iter().map(|done| done.expect("an answer")).collect();
    assert!(done.iter().all(|done| done.status == 200), "every event is taken");
    done
}

#[expect(clippy::print_stdout, reason = "a benchmark tells its result on standard output")]
fn told(name: &str, done: &[Done]) {
    let mut took: Vec<f64> = done.iter().map(|done| done.took.as_secs_f64() * 1000.0).collect();
    took.sort_by(f64::total_cmp);
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!(
        "{name:<22} {:>5} events   p50 {:>7.1} ms   p99 {:>7.1} ms   max {:>7.1} ms",
        took.len(),
        at(50),
        at(99),
        at(100)
    );
}
