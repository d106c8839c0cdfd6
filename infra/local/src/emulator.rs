//! The AWS emulator: ministack, a pinned Python package, on the loopback interface only.

use crate::error::{Error, Result};
use crate::process::{Guarded, Process};
use crate::tools::{ACCESS_KEY, SECRET_KEY, Tools};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the emulator may take until it answers. It needs about a second; a busy machine needs more.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Pause between two questions whether it answers.
const POLL: Duration = Duration::from_millis(50);

/// Starts the emulator on `port` and waits until it answers.
///
/// `proxied` holds, by a function's deployed name, the address that the function's events go to instead of the
/// deployed program.
///
/// # Errors
/// [`Error::DidNotStart`] with its last words if it ends or stays silent.
pub(crate) async fn start(
    tools: &Tools,
    dialgate: &Path,
    folder: &Path,
    port: u16,
    proxied: &[(String, String)],
) -> Result<Process> {
    let temporary = folder.join("tmp");
    std::fs::create_dir_all(&temporary).map_err(Error::io("make the emulator's temporary folder"))?;
    let temporary = temporary.display().to_string();
    let url = url(port);
    let mut variables: Vec<(String, String)> = [
        ("PATH", "/usr/bin:/bin"),
        ("HOME", temporary.as_str()),
        ("TMPDIR", temporary.as_str()),
        // Its default is every interface.
        ("BIND_HOST", "127.0.0.1"),
        ("GATEWAY_PORT", &port.to_string()),
        // Two servers of its own that nothing here uses and that would listen on every interface.
        ("IOT_MTLS_ENABLED", "0"),
        ("SFTP_ENABLED", "0"),
        // The template's roles are enforced, so a missing permission fails here and not on AWS.
        ("AUTH", "true"),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        // Handed on to the functions, whose AWS clients find the emulator by it.
        ("AWS_ENDPOINT_URL", url.as_str()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    variables.extend(
        proxied.iter().map(|(function, address)| (format!("MINISTACK_LAMBDA_PROXY_{function}"), address.clone())),
    );
    let command = Guarded {
        program: tools.program("ministack"),
        arguments: Vec::new(),
        variables,
        // It gives its whole environment to the functions: a variable that the template forgets must be missing here.
        only_these_variables: true,
    };
    let mut process = Process::start("emulator", dialgate, &folder.join("emulator.log"), &command)?;
    if answers(&url, &mut process).await {
        return Ok(process);
    }
    let failure = process.did_not_start();
    process.stop().await;
    Err(failure)
}

/// Where an emulator on that port is.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

async fn answers(url: &str, process: &mut Process) -> bool {
    let health = format!("{url}/_ministack/health");
    let client = reqwest::Client::new();
    let began = Instant::now();
    while began.elapsed() < START_LIMIT && !process.has_ended() {
        let answer = client.get(&health).timeout(Duration::from_secs(1)).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            // Another program on that port may have answered while ours found the port taken.
            return !process.has_ended();
        }
        tokio::time::sleep(POLL).await;
    }
    false
}
