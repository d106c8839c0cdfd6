//! The environment that a function was deployed with: what its settings are read from.

use crate::deployment::parsed;
use crate::error::{Error, Result};
use crate::stack::Description;
use crate::tools::Tools;
use crate::workspace::Workspace;
use adapters::config::Environment;
use serde_json::Value;

/// One function's variables, as the emulator keeps them.
#[derive(Debug)]
pub(crate) struct DeployedEnvironment(Value);

impl DeployedEnvironment {
    /// The variables of a function of the running stack, named as its crate is.
    ///
    /// # Errors
    /// [`Error::ToolFailed`] if the emulator does not answer, [`Error::UnexpectedAnswer`] if it knows no such function.
    pub(crate) async fn of(stack: &Description, function: &str) -> Result<Self> {
        let unknown = || Error::UnexpectedAnswer { from: "the running stack", what: format!("it has no {function}") };
        let name = stack.functions.get(function).ok_or_else(unknown)?;
        let tools = Tools::installed(&Workspace::find()?)?;
        let asked = ["lambda", "get-function-configuration", "--function-name", name];
        let mut answer = parsed("Lambda", &tools.aws(&stack.aws_endpoint_url, &asked).await?)?;
        answer.pointer_mut("/Environment/Variables").map(|variables| Self(variables.take())).ok_or_else(unknown)
    }
}

impl Environment for DeployedEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        self.0[name].as_str().filter(|value| !value.is_empty()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::DeployedEnvironment;
    use adapters::settings::verification_policy;
    use domain::{AcceptedStatuses, NameMatchPolicy};
    use serde_json::json;

    #[test]
    fn settings_are_read_as_the_function_reads_them() {
        let variables =
            json!({"ACCEPTED_STATUSES": "approved,completed", "ATTEMPT_LIMIT": "3", "PHONE_POLICY": "strict"});
        let policy = verification_policy(&DeployedEnvironment(variables)).expect("is right");
        assert_eq!((policy.accepted, policy.attempts_max), (AcceptedStatuses::ApprovedOrCompleted, 3));
        assert_eq!(policy.name_match, NameMatchPolicy::Require);
    }
}
