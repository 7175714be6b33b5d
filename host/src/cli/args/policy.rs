//! Which steps workflows may call, on the command line.

use clap::Args;

use crate::engine::{Policy, Rule};

#[derive(Debug, Args)]
#[command(next_help_heading = "Rights")]
pub(in crate::cli) struct PolicyArgs {
    /// Lets a workflow, a module (sha256:...) or all (*) call these steps only, of those that its module
    /// lists; may be given more than once
    #[arg(long = "allow", value_name = "WHO=STEP,STEP")]
    rules: Vec<Rule>,

    /// A file with such rules, a JSON object as in {"order": ["charge", "ship"]}
    #[arg(long, value_name = "FILE", value_parser = read)]
    policy: Option<Policy>,
}

fn read(path: &str) -> Result<Policy, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Policy::from_json(&text).map_err(|error| error.to_string())
}

impl PolicyArgs {
    /// The policy that the file and the rules are together.
    pub(super) fn into_policy(self) -> Policy {
        self.policy.unwrap_or_default().with(self.rules)
    }
}
