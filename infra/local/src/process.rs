//! Child processes that never outlive their parent.
//!
//! Each runs under a small guard (`dialgate guard`), in a process group of its own. The guard waits until its standard
//! input closes, which the operating system does for us when the parent stops, panics or is killed, and then ends the
//! whole group. That needs no signal handler in the parent and works on every Unix.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, ChildStdin, Command};

/// How long a program may take to say where it listens.
const ADDRESS_LIMIT: Duration = Duration::from_secs(20);

/// How long a guarded program may take to end after it was asked to, before it is killed.
const END_LIMIT: Duration = Duration::from_secs(5);

/// How long a guard may take to end: the program's time and as much again for a busy machine.
const GUARD_END_LIMIT: Duration = Duration::from_secs(10);

/// Pause between two looks at a log or at a guard.
const POLL: Duration = Duration::from_millis(20);

/// What a program writes before the address that it listens on.
const LISTENING: &str = "listening on ";

/// A running program with its guard. Dropping it ends the program and waits until it has ended, so that also a panic
/// or a cancelled start leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Process {
    who: &'static str,
    log: PathBuf,
    guard: Child,
    /// Held open for as long as the program shall run; closing it is the order to end.
    lifeline: Option<ChildStdin>,
}

impl Process {
    /// Starts `command` under the guard of `dialgate`; all that it writes goes to `log`.
    pub(crate) fn start(who: &'static str, dialgate: &Path, log: &Path, command: &Guarded) -> Result<Self> {
        let starting = || format!("start the {who}");
        let output = std::fs::File::create(log).map_err(Error::io(starting()))?;
        let errors = output.try_clone().map_err(Error::io(starting()))?;
        let mut guard = Command::new(dialgate);
        guard.arg("guard").arg("--").arg(&command.program).args(&command.arguments);
        if command.only_these_variables {
            guard.env_clear();
        }
        let mut guard = guard
            .envs(command.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // Out of the terminal's foreground group: Ctrl-C reaches the parent alone, which then stops all in order.
            .process_group(0)
            .spawn()
            .map_err(Error::io(starting()))?;
        let lifeline = guard.stdin.take();
        Ok(Self { who, log: log.to_path_buf(), guard, lifeline })
    }

    /// The address that the program writes when it listens.
    pub(crate) async fn address(&mut self) -> Result<String> {
        let began = Instant::now();
        while began.elapsed() < ADDRESS_LIMIT {
            let written = std::fs::read_to_string(&self.log).unwrap_or_default();
            // Only a whole line counts: the last one may still be in the making.
            let lines = written.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            if let Some(address) = lines.filter_map(|line| line.strip_prefix(LISTENING)).next() {
                return Ok(address.to_owned());
            }
            if self.has_ended() {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        Err(self.did_not_start())
    }

    /// Whether the program has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.guard.try_wait(), Ok(None))
    }

    /// The error to report when the program did not come up, with its last words.
    pub(crate) fn did_not_start(&self) -> Error {
        let words = std::fs::read_to_string(&self.log).unwrap_or_default();
        let why = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
        Error::DidNotStart { who: self.who, why, log: self.log.clone() }
    }

    /// Ends the program and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        drop(self.lifeline.take());
        let _ended = tokio::time::timeout(GUARD_END_LIMIT, self.guard.wait()).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let began = Instant::now();
        while !self.has_ended() && began.elapsed() < GUARD_END_LIMIT {
            std::thread::sleep(POLL);
        }
    }
}

/// Writes where a server of ours listens, for [`Process::address`] and for people.
pub(crate) fn announce(address: std::net::SocketAddr) {
    crate::report::write_line(&format!("{LISTENING}http://{address}"));
}

/// What to run under a guard.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
    /// Whether the program sees no variables but `variables`.
    pub(crate) only_these_variables: bool,
}

/// The guard itself: runs a program until standard input closes or the program ends by itself, and returns its exit
/// code (1 if it ended by a signal).
///
/// # Errors
/// [`Error::Io`] if the program cannot be started or waited for.
pub async fn guard(program: &str, arguments: &[String]) -> Result<u8> {
    let running = || format!("run {program}");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(Error::io(running()))?;
    let group = child.id();
    tokio::select! {
        biased;
        status = child.wait() => {
            let status = status.map_err(Error::io(running()))?;
            // Its own children, such as warm functions, may still be there.
            signal(group, "KILL").await;
            return Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
        }
        () = closed_input() => {}
    }
    signal(group, "TERM").await;
    let ended = tokio::time::timeout(END_LIMIT, child.wait()).await;
    signal(group, "KILL").await;
    if ended.is_err() {
        let _killed = child.wait().await;
    }
    Ok(0)
}

/// Returns when the parent has closed our standard input, willingly or by dying.
async fn closed_input() {
    let (closed, input_is_closed) = tokio::sync::oneshot::channel();
    // A thread of its own: a read that never returns would keep the runtime from shutting down.
    std::thread::spawn(move || {
        let _read = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _nobody_waits = closed.send(());
    });
    let _closed = input_is_closed.await;
}

/// Sends a signal to a process group by the shell's own `kill`, since sending one from Rust is not safe code.
async fn signal(group: Option<u32>, name: &str) {
    let Some(group) = group else { return };
    let _sent = Command::new("/bin/sh")
        .args(["-c", "kill -s \"$1\" -- \"-$2\"", "kill", name, &group.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
}
