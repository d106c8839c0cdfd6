//! The pinned tools in `.tools/`: whether they are complete, and the AWS command line among them.

use crate::error::{Error, Result};
use crate::workspace::Workspace;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Written last by the installation: the SHA-256 of the list that it installed, so half an installation shows.
const STAMP: &str = "installed.sha256";

/// The only region and the only key pair that the emulator is used with. It takes `test` for its root user.
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ACCESS_KEY: &str = "test";
/// See [`ACCESS_KEY`].
pub(crate) const SECRET_KEY: &str = "test";

/// The installed tools.
#[derive(Debug, Clone)]
pub struct Tools {
    programs: PathBuf,
}

impl Tools {
    /// Checks that the installation is complete and made from today's list.
    ///
    /// # Errors
    /// [`Error::ToolsNotInstalled`] if it is not.
    pub fn installed(workspace: &Workspace) -> Result<Self> {
        let missing = || Error::ToolsNotInstalled(workspace.tools());
        let wanted = std::fs::read(workspace.requirements()).map_err(Error::io("read the list of tools"))?;
        let stamp = std::fs::read_to_string(workspace.tools().join(STAMP)).map_err(|_absent| missing())?;
        if stamp.trim() == hex::encode(Sha256::digest(&wanted)) {
            Ok(Self { programs: workspace.tools().join("bin") })
        } else {
            Err(missing())
        }
    }

    /// The path of one of the tools.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Runs the AWS command line against an emulator and returns what it printed.
    ///
    /// # Errors
    /// [`Error::ToolFailed`] with its own words if it exits with an error.
    pub(crate) async fn aws(&self, endpoint_url: &str, arguments: &[&str]) -> Result<String> {
        let name = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        let output = Command::new(self.program("aws"))
            // The variable alone is ignored by some of its services (SQS), the option by none.
            .args(["--endpoint-url", endpoint_url, "--region", REGION, "--output", "json"])
            .args(arguments)
            .env("AWS_ENDPOINT_URL", endpoint_url)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            // A developer's own settings must not reach in: a profile could point this at a real account.
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Error::io("start the AWS command line"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::ToolFailed { command: format!("aws {name}"), output: words })
    }

    /// The template as AWS would deploy it, after the SAM transform. `template` may be any SAM template.
    ///
    /// # Errors
    /// [`Error::ToolFailed`] with the transform's own words if the template is not valid.
    pub async fn transformed(&self, workspace: &Workspace, template: &Path) -> Result<Value> {
        let output = Command::new(self.program("python"))
            .arg(workspace.root().join("infra/local/transform.py"))
            .arg(template)
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Error::io("start the SAM transform"))?;
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        serde_json::from_slice(&output.stdout)
            .map_err(|_not_json| Error::ToolFailed { command: "transform.py".to_owned(), output: words })
    }
}
