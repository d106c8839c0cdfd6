//! `dialgate run`: a command beside a stack of its own, for tests that are not written in Rust.

use crate::error::{Error, Result};
use crate::stack::{Options, Stack};
use crate::up;
use crate::workspace::Workspace;
use std::process::ExitCode;
use tokio::process::Command;

/// Names the file that describes the stack, for the command and for every `dialgate` that it runs.
pub(crate) const DESCRIPTION_VARIABLE: &str = "DIALGATE_STACK";

/// The exit code of a program that a signal ended, if nothing better is known.
const ENDED_BY_SIGNAL: u8 = 128;

/// Starts a stack on free ports, runs the command beside it, stops the stack and returns the command's exit code. Other
/// stacks of this repository may run at the same time.
///
/// # Errors
/// Any [`Error`] of the stack's start; [`Error::Io`] if the command cannot be run.
pub(crate) async fn run(command: &[String]) -> Result<ExitCode> {
    let [program, arguments @ ..] = command else { return Ok(ExitCode::FAILURE) };
    tokio::select! {
        biased;
        () = up::interrupted() => Ok(ExitCode::from(up::INTERRUPTED)),
        outcome = beside_a_stack(program, arguments) => outcome,
    }
}

async fn beside_a_stack(program: &str, arguments: &[String]) -> Result<ExitCode> {
    let name = format!("run-{}", std::process::id());
    let stack = Stack::start(Options::new(name.clone())).await?;
    let outcome = play(&stack, &name, program, arguments).await;
    stack.stop().await;
    outcome
}

async fn play(stack: &Stack, name: &str, program: &str, arguments: &[String]) -> Result<ExitCode> {
    let file = Workspace::find()?.local().join(name).join("stack.json");
    up::describe(stack, &file)?;
    let running = || Error::io(format!("run {program}"));
    let mut child = Command::new(program)
        .args(arguments)
        .env(DESCRIPTION_VARIABLE, &file)
        .kill_on_drop(true)
        .spawn()
        .map_err(running())?;
    let status = child.wait().await.map_err(running())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(ENDED_BY_SIGNAL)))
}
