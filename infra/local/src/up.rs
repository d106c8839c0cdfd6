//! `dialgate up` and `dialgate demo`: the stack with the story played on it.

use crate::error::{Error, Result};
use crate::neighbours::Neighbours;
use crate::report::Report;
use crate::run::DESCRIPTION_VARIABLE;
use crate::stack::{Description, Options, Ports, Stack};
use crate::workspace::Workspace;
use crate::{story, watch};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// The stack's name, which its deployed names begin with.
const NAME: &str = "dialgate";

/// Where a web app under development usually runs; its pages may call the API.
const DEVELOPMENT_ORIGINS: &str = "http://localhost:5173,http://localhost:3000";

/// The exit code of a program that Ctrl-C ended before its work was done, as shells use it.
pub(crate) const INTERRUPTED: u8 = 130;

/// How `up` shall be done.
pub(crate) struct Up {
    pub(crate) ports: Ports,
    /// Whether the functions run under `cargo lambda watch`.
    pub(crate) watch: bool,
    pub(crate) neighbours: Neighbours,
    pub(crate) report: Report,
}

/// Starts everything, plays the story and stays up until interrupted.
pub(crate) async fn up(up: Up) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let _lock = lock(&workspace)?;
    let report = up.report.clone();
    let kept = Kept::of(&workspace);
    let outcome = tokio::select! {
        biased;
        () = interrupted() => Ok(ExitCode::from(INTERRUPTED)),
        outcome = stay_up(&workspace, up, &kept) => outcome,
    };
    // Dropping the work has stopped what it had started.
    report.line("stop", "everything that was started has stopped", &[]);
    outcome
}

/// Plays the story once on a stack of its own and stops.
pub(crate) async fn demo(report: Report) -> Result<ExitCode> {
    if let Some(variable) = Neighbours::from_environment()?.first_real() {
        return Err(Error::RealNeighbour(variable));
    }
    let mut options = Options::new("demo");
    options.report = report.clone();
    tokio::select! {
        biased;
        () = interrupted() => Ok(ExitCode::from(INTERRUPTED)),
        outcome = play_once(options, &report) => outcome.map(|()| ExitCode::SUCCESS),
    }
}

/// The running stack, as `up` described it, or as `dialgate run` did for what it runs.
///
/// # Errors
/// [`Error::NotUp`] if none is up.
pub(crate) fn running(workspace: &Workspace) -> Result<Description> {
    if let Some(file) = std::env::var_os(DESCRIPTION_VARIABLE) {
        let written = std::fs::read(file).map_err(|_absent| Error::NotUp)?;
        return serde_json::from_slice(&written).map_err(|_unfinished| Error::NotUp);
    }
    let written = std::fs::read(description_file(workspace)).map_err(|_absent| Error::NotUp)?;
    // A stack that was killed leaves its description behind, but not its lock.
    match lock(workspace) {
        Err(Error::AlreadyUp) => serde_json::from_slice(&written).map_err(|_unfinished| Error::NotUp),
        Ok(_free) => Err(Error::NotUp),
        Err(failure) => Err(failure),
    }
}

/// Resolves when the process is asked to end: Ctrl-C, a closed terminal, or `kill`.
pub(crate) async fn interrupted() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let waits = kinds.into_iter().filter_map(|kind| signal(kind).ok()).map(|mut signal| {
        Box::pin(async move {
            signal.recv().await;
        })
    });
    futures::future::select_all(waits).await;
}

async fn play_once(options: Options, report: &Report) -> Result<()> {
    let stack = Stack::start(options).await?;
    let outcome = story::play(&stack, report).await;
    stack.stop().await;
    if outcome.is_ok() {
        report.line("done", "the story holds; everything that was started has stopped", &[]);
    }
    outcome
}

async fn stay_up(workspace: &Workspace, up: Up, kept: &Kept) -> Result<ExitCode> {
    let real = up.neighbours.first_real();
    let mut options = Options::new(NAME);
    options.ports = up.ports;
    options.parameters = BTreeMap::from([("AllowedOrigins".to_owned(), DEVELOPMENT_ORIGINS.to_owned())]);
    options.neighbours = up.neighbours;
    options.report = up.report.clone();
    options.watch_url = up.watch.then(|| watch::URL.to_owned());
    let stack = Stack::start(options).await?;
    kept.keep(&stack).await?;
    let _watch = if up.watch { Some(watch::start(workspace, &stack, &kept.variables).await?) } else { None };

    match real {
        Some(variable) => up.report.note(&format!("{variable} is set: the story is not played on a real server.")),
        None => story::play(&stack, &up.report).await?,
    }
    up.report.line("up", "Ctrl-C stops everything", &[("description", &kept.description.display().to_string())]);
    up.report.note(&what_next(&stack));
    interrupted().await;
    stack.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn what_next(stack: &Description) -> String {
    let (api, dialgate) = (&stack.api_url, stack.dialgate.display());
    format!(
        "
Try next, in another terminal:
  TOKEN=$({dialgate} token --sub-account MyLocation)
  curl -i {api}/v1/sub-accounts/MyLocation/purchases -H \"Authorization: Bearer $TOKEN\" \\
       -H \"Idempotency-Key: first\" -d '{{\"kind\":\"number\",\"phone_number\":\"+14155550123\"}}'
  curl -s {api}/v1/sub-accounts/MyLocation/verification -H \"Authorization: Bearer $TOKEN\"
  {dialgate} trigger inquiry.approved --sub-account MyLocation
  curl -s \"{api}/v1/available-numbers?country=US&area_code=415\" -H \"Authorization: Bearer $TOKEN\"

  Persona's simulator   {}/simulator/state
  Twilio's simulator    {}/simulator/state
  Addresses and keys    target/local/stack.json
  Logs                  target/local/{NAME}/
",
        stack.persona_url, stack.twilio_url,
    )
}

/// The lock that one `up` of a repository holds; the operating system frees it however the process ends.
fn lock(workspace: &Workspace) -> Result<File> {
    let folder = workspace.local();
    std::fs::create_dir_all(&folder).map_err(Error::io(format!("make the folder {}", folder.display())))?;
    let locking = || "lock target/local/up.lock".to_owned();
    let file = File::create(folder.join("up.lock")).map_err(Error::io(locking()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::AlreadyUp),
        Err(TryLockError::Error(failure)) => Err(Error::io(locking())(failure)),
    }
}

/// Where a running stack is described, as JSON.
fn description_file(workspace: &Workspace) -> PathBuf {
    workspace.local().join("stack.json")
}

/// Writes where everything of a stack is.
pub(crate) fn describe(stack: &Stack, file: &Path) -> Result<()> {
    let writing = || format!("write {}", file.display());
    let description = serde_json::to_string_pretty(stack.description())
        .map_err(|failure| Error::io(writing())(std::io::Error::other(failure)))?;
    std::fs::write(file, description).map_err(Error::io(writing()))
}

/// The files that say where a running stack is; they are deleted when it stops.
struct Kept {
    description: PathBuf,
    /// The functions' environment, for `cargo lambda watch --env-file`.
    variables: PathBuf,
}

impl Kept {
    fn of(workspace: &Workspace) -> Self {
        Self { description: description_file(workspace), variables: workspace.local().join("functions.env") }
    }

    async fn keep(&self, stack: &Stack) -> Result<()> {
        std::fs::write(&self.variables, watch::variables(stack).await?)
            .map_err(Error::io("write target/local/functions.env"))?;
        describe(stack, &self.description)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _absent = std::fs::remove_file(&self.description);
        let _absent = std::fs::remove_file(&self.variables);
    }
}
