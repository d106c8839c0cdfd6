//! `dialgate doctor`: what is missing on this machine, and what is running.

use crate::error::{Error, Result};
use crate::report::write_line;
use crate::tools::Tools;
use crate::workspace::{FUNCTIONS, Workspace};
use crate::{host, up};
use std::process::ExitCode;
use tokio::process::Command;

/// Prints one line for each thing that `make up` needs; the exit code is 1 if one is missing.
///
/// # Errors
/// If the repository cannot be found or the shell cannot be started.
pub async fn examine() -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    // The shell's check is the one that also runs before anything is built.
    let prerequisites = Command::new("/bin/sh")
        .arg(workspace.root().join("infra/local/prerequisites.sh"))
        .arg("--verbose")
        .status()
        .await
        .map_err(Error::io("check the prerequisites"))?;
    let programs = FUNCTIONS.iter().try_for_each(|function| workspace.binary(function).map(drop));
    let checks = [
        ("pinned tools", Tools::installed(&workspace).map(drop)),
        ("programs", programs),
        ("certificates", host::certificate_bundle().map(drop)),
    ];
    let mut healthy = prerequisites.success();
    for (what, outcome) in checks {
        match outcome {
            Ok(()) => write_line(&format!("ok       {what}")),
            Err(failure) => {
                healthy = false;
                write_line(&format!("missing  {what}: {failure}"));
            }
        }
    }
    match up::running(&workspace) {
        Ok(stack) => write_line(&format!("up       {}", stack.api_url)),
        Err(_not_up) => write_line("down     no stack is up; `make up` starts one"),
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
