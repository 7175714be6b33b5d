//! Which steps a workflow may call: those that its module lists, and of these what whoever runs the
//! host allows. A step is native code with the rights of the host; a module that could call each of
//! them would have all of these rights.
//!
//! The step `http` need not be listed: each host has it, the SDK cannot see whether it is called, and where
//! it may go is bounded by a policy of its own. The step `local_time`, which tells what clocks show, is
//! for everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use segno_journal::{BlockKind, Blocked, Command, Digest, Manifest};

/// What stands for every module, and for every step.
const ALL: &str = "*";

/// How the name of a module begins, and how much of it a rule gives at least.
const DIGEST: &str = "sha256:";
const DIGEST_DIGITS: usize = 8;

/// The steps that each host has, which no module lists.
const BUILT_IN: [&str; 2] = [segno::http::STEP, segno::local::STEP];

/// Which steps modules and workflows may call, of those that they list and of `http`. Who is not named may call all
/// that it lists; who is named, by several rules perhaps, what these rules allow together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    rules: BTreeMap<Whom, BTreeSet<String>>,
}

/// Of whom a rule speaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Whom {
    All,
    Workflow(String),
    /// Modules whose digest, as it is written, begins so.
    Module(String),
}

/// One rule: `WHO=STEP,STEP`. `WHO` is the name of a workflow, the beginning of a module's digest, or
/// `*` for every module; a step is a name, or `*` for every step that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    whom: Whom,
    steps: BTreeSet<String>,
}

/// Why a rule or a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicy {
    /// It is no rule.
    #[error(
        "write WHO=STEP,STEP, as in order=charge,ship; WHO is a workflow, a module's digest, or *"
    )]
    Rule,
    /// It names a module too vaguely.
    #[error("write at least {DIGEST_DIGITS} digits of a module's digest, as in sha256:0f3c2a91")]
    Digest,
    /// The file holds something else.
    #[error("a policy is a JSON object of lists, as in {{\"order\": [\"charge\", \"ship\"]}}: {0}")]
    File(String),
}

impl Whom {
    fn parse(text: &str) -> Result<Self, BadPolicy> {
        if text.is_empty() {
            return Err(BadPolicy::Rule);
        }
        if text == ALL {
            return Ok(Self::All);
        }
        let Some(digits) = text.strip_prefix(DIGEST) else {
            return Ok(Self::Workflow(text.to_owned()));
        };
        let is_digest =
            digits.len() >= DIGEST_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest { Ok(Self::Module(text.to_ascii_lowercase())) } else { Err(BadPolicy::Digest) }
    }

    fn is(&self, module: &str, workflow: &str) -> bool {
        match self {
            Self::All => true,
            Self::Workflow(name) => name == workflow,
            Self::Module(beginning) => module.starts_with(beginning),
        }
    }
}

impl FromStr for Rule {
    type Err = BadPolicy;

    fn from_str(text: &str) -> Result<Self, BadPolicy> {
        let (whom, steps) = text.rsplit_once('=').ok_or(BadPolicy::Rule)?;
        let steps = steps.split(',').map(str::trim).filter(|step| !step.is_empty());
        Ok(Self { whom: Whom::parse(whom.trim())?, steps: steps.map(str::to_owned).collect() })
    }
}

impl Policy {
    /// The policy that a file holds: a JSON object, whose names are as in a [`Rule`], of lists of steps.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, BadPolicy> {
        let lists: BTreeMap<String, BTreeSet<String>> =
            serde_json::from_str(text).map_err(|error| BadPolicy::File(error.to_string()))?;
        let rules =
            lists.into_iter().map(|(whom, steps)| Ok(Rule { whom: Whom::parse(&whom)?, steps }));
        Ok(Self::default().with(rules.collect::<Result<Vec<_>, _>>()?))
    }

    /// The same with these rules besides.
    #[must_use]
    pub fn with(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        for Rule { whom, steps } in rules {
            self.rules.entry(whom).or_default().extend(steps);
        }
        self
    }

    /// Whether this policy lets a workflow of a module call a step that it lists.
    fn allows(&self, module: Digest, workflow: &str, step: &str) -> bool {
        // What clocks show reaches nobody.
        if self.rules.is_empty() || step == segno::local::STEP {
            return true;
        }
        let module = module.to_string();
        let mut named = self.rules.iter().filter(|(whom, _)| whom.is(&module, workflow)).peekable();
        named.peek().is_none()
            || named.any(|(_, steps)| steps.contains(step) || steps.contains(ALL))
    }

    /// Refuses what a workflow may not call.
    ///
    /// # Errors
    ///
    /// Why its run must be blocked, at the first such command.
    pub(crate) fn check(
        &self,
        (module, workflow): (Digest, &str),
        listed: &BTreeSet<String>,
        commands: &[Command],
    ) -> Result<(), Blocked> {
        let called = commands.iter().filter_map(|command| match command {
            Command::Step { name, .. } => Some(name),
            // They reach nobody but the family of the run and who calls its webhooks.
            Command::Sleep { .. }
            | Command::Webhook { .. }
            | Command::Take { .. }
            | Command::Respond { .. }
            | Command::Dispose { .. }
            | Command::CancelSleep { .. }
            | Command::Hook { .. }
            | Command::Signal { .. }
            | Command::CancelStep { .. }
            | Command::Publish { .. }
            | Command::Write { .. }
            | Command::CloseStream { .. }
            | Command::SetAttribute { .. }
            | Command::RemoveAttribute { .. }
            | Command::Compensation { .. }
            | Command::Keep { .. }
            | Command::Unwind { .. }
            | Command::Undo { .. }
            | Command::Undone { .. }
            | Command::Shield
            | Command::Unshield { .. }
            | Command::Child { .. }
            | Command::CancelChild { .. }
            | Command::Tell { .. } => None,
        });
        for step in called {
            let why_not = if !listed.contains(step) && !BUILT_IN.contains(&&**step) {
                "its module does not list it; put it into `segno::register!`, build and deploy again, and resume \
                 the run on that module"
            } else if !self.allows(module, workflow, step) {
                "this host does not allow it; see --allow and --policy"
            } else {
                continue;
            };
            let message =
                format!("the workflow called the step `{}`, but {why_not}", step.escape_debug());
            return Err(Blocked { kind: BlockKind::Limit, message });
        }
        Ok(())
    }

    /// What a deployer is told of the steps that a module lists and may not call.
    pub(crate) fn warnings(&self, module: Digest, manifest: &Manifest) -> Vec<String> {
        let warning = |workflow: &String| {
            let refused = manifest.steps.iter().filter(|step| !self.allows(module, workflow, step));
            let refused: Vec<_> = refused.map(|step| format!("`{step}`")).collect();
            (!refused.is_empty()).then(|| {
                let steps = refused.join(", ");
                format!("this host does not allow `{workflow}` to call {steps}: a run that does is blocked")
            })
        };
        manifest.names().iter().filter_map(warning).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &[&str]) -> Policy {
        Policy::default().with(rules.iter().map(|rule| rule.parse::<Rule>().unwrap()))
    }

    #[test]
    fn who_is_not_named_may_call_all_that_it_lists() {
        let module = Digest::from_bytes([0x0f; 32]);
        let cases: [(&[&str], &str, &str, bool); 10] = [
            (&[], "order", "charge", true),
            (&["order=charge, ship"], "order", "charge", true),
            (&["order=charge,ship"], "order", "refund", false),
            (&["order=charge"], "report", "refund", true),
            (&["order=charge", "*=http"], "order", "http", true),
            (&["*=http"], "report", "refund", false),
            (&["sha256:0f0f0f0f=refund"], "order", "charge", false),
            (&["sha256:0f0f0f0f=*"], "order", "charge", true),
            (&["order="], "order", "charge", false),
            // What clocks show reaches nobody.
            (&["order="], "order", "local_time", true),
        ];
        for (rules, workflow, step, allowed) in cases {
            assert_eq!(
                policy(rules).allows(module, workflow, step),
                allowed,
                "{rules:?} {workflow} {step}"
            );
        }
    }

    #[test]
    fn a_rule_says_who_and_what() {
        for text in ["order", "=charge", ""] {
            assert_eq!(text.parse::<Rule>(), Err(BadPolicy::Rule), "{text}");
        }
        assert_eq!("sha256:0f=charge".parse::<Rule>(), Err(BadPolicy::Digest));
    }

    #[test]
    fn a_file_says_the_same_as_rules() {
        let file = Policy::from_json(r#"{"order": ["charge", "ship"], "*": ["http"]}"#);
        assert_eq!(file, Ok(policy(&["order=charge,ship", "*=http"])));
        for text in ["[]", r#"{"order": "charge"}"#, "{"] {
            assert!(matches!(Policy::from_json(text), Err(BadPolicy::File(_))), "{text}");
        }
    }
}
