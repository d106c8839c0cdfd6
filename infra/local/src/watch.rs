//! Running the functions under `cargo lambda watch`, which builds them again whenever their code changes.
//!
//! The emulator keeps the API, the tokens, the queue and the schedule, and hands each event to the watcher.

use crate::deployment::parsed;
use crate::error::{Error, Result};
use crate::process::{Guarded, Process};
use crate::stack::Stack;
use crate::tools::{ACCESS_KEY, REGION, SECRET_KEY, Tools};
use crate::workspace::Workspace;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where the watcher listens.
pub(crate) const URL: &str = "http://127.0.0.1:9012";

/// The same as a socket's address.
const LISTENER: (&str, u16) = ("127.0.0.1", 9012);

/// How long the watcher may take until it listens; it reads the workspace first.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Pause between two questions whether it listens.
const POLL: Duration = Duration::from_millis(50);

/// The same as the watcher's arguments.
const ADDRESS: [&str; 4] = ["--invoke-address", "127.0.0.1", "--invoke-port", "9012"];

/// Starts the watcher and waits until it listens; what it writes goes to a log beside the others.
pub(crate) async fn start(workspace: &Workspace, stack: &Stack, variables: &Path) -> Result<Process> {
    let tools = Tools::installed(workspace)?;
    let program = tools.program("cargo-lambda");
    if !program.is_file() {
        return Err(Error::WatcherNotInstalled);
    }
    let mut arguments: Vec<String> = ["lambda", "watch"].into_iter().chain(ADDRESS).map(str::to_owned).collect();
    arguments.extend(["--env-file".to_owned(), variables.display().to_string()]);
    let command = Guarded { program, arguments, variables: Vec::new(), only_these_variables: false };
    let log = workspace.local().join("watch.log");
    let mut process = Process::start("watcher", &stack.dialgate, &log, &command)?;
    let began = Instant::now();
    while tokio::net::TcpStream::connect(LISTENER).await.is_err() {
        if process.has_ended() || began.elapsed() > START_LIMIT {
            return Err(process.did_not_start());
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(process)
}

/// The deployed functions' environments as one file: what they need to run outside the emulator.
pub(crate) async fn variables(stack: &Stack) -> Result<String> {
    let tools = Tools::installed(&Workspace::find()?)?;
    let printed = tools.aws(&stack.aws_endpoint_url, &["lambda", "list-functions"]).await?;
    let answer = parsed("Lambda", &printed)?;
    let mut variables = BTreeMap::from([
        ("AWS_ENDPOINT_URL".to_owned(), stack.aws_endpoint_url.clone()),
        ("AWS_REGION".to_owned(), REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID".to_owned(), ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), SECRET_KEY.to_owned()),
    ]);
    for function in answer.get("Functions").and_then(Value::as_array).into_iter().flatten() {
        let own = function.pointer("/Environment/Variables").and_then(Value::as_object).into_iter().flatten();
        variables.extend(own.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))));
    }
    Ok(variables.into_iter().fold(String::new(), |mut file, (name, value)| {
        // Writing to a text cannot fail.
        let _infallible = writeln!(file, "{name}={value}");
        file
    }))
}
