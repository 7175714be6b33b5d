//! The attributes of runs: how many one has. What they are is the store's affair.

use std::collections::BTreeSet;

use segno_journal::{BlockKind, Blocked, Command, MAX_ATTRIBUTES, RunId, Turn};

use crate::engine::guests::CannotTurn;
use crate::engine::shard::Shard;
use crate::engine::shard::active::Active;
use crate::store::StoreError;

impl Shard {
    /// Looks whether a run may have the attributes that it asks for.
    pub(super) fn admit_attributes(
        &mut self,
        id: RunId,
        commands: &[Command],
    ) -> Result<(), CannotTurn> {
        if commands.iter().all(|command| command.attribute().is_none()) {
            return Ok(());
        }
        self.know_attributes(id)?;
        let names = self.runs.get(&id).and_then(|active| active.attributes.as_ref());
        let Some(mut names) = names.cloned() else { return Ok(()) };
        for command in commands {
            change(&mut names, command);
            if names.len() > MAX_ATTRIBUTES {
                let message = format!("the workflow has more than {MAX_ATTRIBUTES} attributes");
                return Err(Blocked { kind: BlockKind::Limit, message }.into());
            }
        }
        Ok(())
    }

    /// Reads which attributes a run has, where none was changed lately.
    fn know_attributes(&mut self, id: RunId) -> Result<(), StoreError> {
        let Some(active) = self.runs.get_mut(&id).filter(|active| active.attributes.is_none())
        else {
            return Ok(());
        };
        let names: BTreeSet<_> = match &active.first {
            Some(first) => first.attributes.keys().cloned().collect(),
            None => {
                // What was changed before it was forgotten is on disk with the turn behind it.
                if let Some(last) = active.run.turns().checked_sub(1)
                    && !self.store.has_turn(id, last)?
                {
                    self.committer.flush()?;
                }
                self.store.attributes(id)?.into_keys().collect()
            }
        };
        active.attributes = Some(names);
        Ok(())
    }

    /// A turn changes the attributes of its run, where these are known.
    pub(super) fn change_attributes(active: &mut Active, turn: &Turn) {
        if let Some(names) = &mut active.attributes {
            turn.commands.iter().for_each(|command| change(names, command));
        }
    }
}

fn change(names: &mut BTreeSet<String>, command: &Command) {
    match command.attribute() {
        Some((name, Some(_value))) if !names.contains(name) => {
            names.insert(name.to_owned());
        }
        Some((name, None)) => {
            names.remove(name);
        }
        Some((_, Some(_))) | None => {}
    }
}
