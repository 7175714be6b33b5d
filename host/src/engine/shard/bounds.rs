//! How much a run may keep open: how many operations, and how many bytes of them.

use segno_journal::{BlockKind, Blocked, Command};

use crate::engine::config::Limits;
use crate::engine::shard::active::Active;
use crate::engine::shard::open_budget::OpenBudget;

/// The bounds on what runs keep open.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) budget: &'a OpenBudget,
}

impl Bounds<'_> {
    /// Makes room for what a run begins with these commands, before any of it is on disk.
    ///
    /// # Errors
    ///
    /// Why the run has to be blocked.
    pub(crate) fn begin(self, active: &mut Active, commands: &[Command]) -> Result<(), Blocked> {
        let begun = commands.iter().filter(|command| command.starts_operation()).count();
        let limit = self.limits.open_operations;
        if active.run.open().len() + begun > limit {
            return Err(blocked(format!(
                "the workflow waits for more than {limit} operations at once; work in batches, for example with \
                 `buffer_unordered`"
            )));
        }
        let bytes: usize = commands.iter().map(Command::open_size).sum();
        self.hold(active, active.run.open_bytes().saturating_add(bytes))
    }

    /// Makes room for what a run has open.
    ///
    /// # Errors
    ///
    /// Why the run has to be blocked.
    pub(crate) fn keep(self, active: &mut Active) -> Result<(), Blocked> {
        self.hold(active, active.run.open_bytes())
    }

    fn hold(self, active: &mut Active, bytes: usize) -> Result<(), Blocked> {
        self.within(bytes)?;
        if self.budget.fit(&mut active.share, bytes) {
            return Ok(());
        }
        let limit = self.budget.limit();
        Err(blocked(format!(
            "the workflow waits for steps with large inputs or webhooks with large answers, and all runs of this \
             host together may keep {limit} bytes of them; resume it when others have ended, or start the host with \
             a larger --open-budget"
        )))
    }

    /// Whether one run may have so many bytes open.
    ///
    /// # Errors
    ///
    /// Why it may not.
    pub(crate) fn within(self, bytes: usize) -> Result<(), Blocked> {
        let limit = self.limits.open_bytes;
        if bytes <= limit {
            return Ok(());
        }
        Err(blocked(format!(
            "the inputs of the steps that the workflow waits for, and the fixed answers of its webhooks, have {bytes} \
             bytes, but at most {limit} are allowed at once; work in batches, or pass a reference to what is large"
        )))
    }
}

const fn blocked(message: String) -> Blocked {
    Blocked { kind: BlockKind::Limit, message }
}
