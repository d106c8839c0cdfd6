//! `dialgate drain`: how long it takes, through the deployed template in the emulator, until everybody who waits for one
//! approval has a number. The emulator is a program of this machine: the time says that nothing is stuck or slows down,
//! not how fast AWS is.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::issuer::{self, TokenRequest};
use crate::report::{Report, write_line};
use crate::stack::{Description, Options, Stack};
use crate::story::json_of;
use crate::up::{INTERRUPTED, interrupted};

/// Purchases of one run: as many as an operator may let one sub-account have open.
pub(crate) const PURCHASES_MAX: u32 = domain::OPEN_PURCHASES_MAX;

/// Requests at the same time.
const REQUESTS_AT_ONCE: usize = 8;
/// Limit of one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// How long a run may take after the approval.
const DRAIN_LIMIT: Duration = Duration::from_secs(3600);
/// Pause between two looks at what was bought, which also say how far it is.
const PAUSE: Duration = Duration::from_secs(1);

/// Who buys.
const SUB_ACCOUNT: &str = "LocDrain";

const ASKS: &str = "a sub-account asks for many numbers";
const PROVES: &str = "it proves who it is";
const BUYS: &str = "every purchase completes";

/// Starts a stack of its own, lets `purchases` wait, approves, waits for the last number, and tells how long that took.
pub(crate) async fn drain(purchases: u32, report: Report) -> Result<ExitCode> {
    let mut options = Options::new("drain");
    options.report = report.clone();
    tokio::select! {
        biased;
        () = interrupted() => Ok(ExitCode::from(INTERRUPTED)),
        outcome = play_once(options, purchases, &report) => outcome.map(|()| ExitCode::SUCCESS),
    }
}

async fn play_once(options: Options, purchases: u32, report: &Report) -> Result<()> {
    let stack = Stack::start(options).await?;
    let outcome = play(stack.description(), purchases, report).await;
    stack.stop().await;
    let took = outcome?;
    write_line(&format!("drain: {purchases} through the emulator in {:.1} s", took.as_secs_f64()));
    Ok(())
}

async fn play(stack: &Description, purchases: u32, report: &Report) -> Result<Duration> {
    let client = Client::builder().timeout(REQUEST_LIMIT).build()?;
    let token = |scope: Option<&str>| {
        let scope = scope.map(str::to_owned);
        let request = TokenRequest { sub_accounts: vec![SUB_ACCOUNT.to_owned()], scope, ..TokenRequest::default() };
        async move { issuer::request_token(&stack.issuer_url, &request).await }
    };
    let (operator, caller) = (token(Some("operator")).await?, token(None).await?);
    let profile = json!({"limits": {"open_purchases": purchases}, "reason": "to see how long many take"});
    let url = format!("{}/v1/operator/sub-accounts/{SUB_ACCOUNT}", stack.api_url);
    json_of(ASKS, client.put(url).bearer_auth(operator).json(&profile).send().await?, StatusCode::OK).await?;

    let url = format!("{}/v1/sub-accounts/{SUB_ACCOUNT}/purchases", stack.api_url);
    let ask = |index: u32| {
        let request = client.post(&url).bearer_auth(&caller).header("Idempotency-Key", format!("drain-{index}"));
        let number = format!("+1212{}", 2_000_000 + index);
        async move {
            let answer = request.json(&json!({"kind": "number", "phone_number": number})).send().await?;
            json_of(ASKS, answer, StatusCode::ACCEPTED).await
        }
    };
    // The first one opens the inquiry; the others wait for the same.
    let first = ask(0).await?;
    let inquiry = first.pointer("/verification/inquiry_id").and_then(Value::as_str).unwrap_or_default();
    stream::iter(1..purchases).map(ask).buffer_unordered(REQUESTS_AT_ONCE).try_for_each(async |_| Ok(())).await?;
    report.line("drain", &format!("{purchases} purchases wait for {inquiry}"), &[("inquiry", inquiry)]);

    let actions = json!({"meta": {"simulate-actions": [{"type": "start_inquiry"}, {"type": "complete_inquiry"}]}});
    let url = format!("{}/api/v1/inquiries/{inquiry}/perform-simulate-actions", stack.persona_url);
    let answer = client.post(url).bearer_auth(&stack.persona_api_key).json(&actions).send().await?;
    json_of(PROVES, answer, StatusCode::OK).await?;
    let approved = Instant::now();
    loop {
        let url = format!("{}/simulator/state", stack.twilio_url);
        let state = json_of(BUYS, client.get(url).send().await?, StatusCode::OK).await?;
        let charges = state.get("charges").and_then(Value::as_object);
        let bought = charges.map_or(0, serde_json::Map::len);
        if charges.is_some_and(|charges| charges.values().any(|times| *times != 1)) {
            return Err(Error::Story { step: BUYS, what: "a number was paid for twice".to_owned() });
        }
        let took = approved.elapsed();
        if u32::try_from(bought).is_ok_and(|bought| bought >= purchases) {
            return Ok(took);
        }
        if took > DRAIN_LIMIT {
            return Err(Error::Story { step: BUYS, what: format!("only {bought} were bought") });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
