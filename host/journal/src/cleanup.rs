//! What a run undoes before it ends.

use crate::{
    Command, Effect, Ending, Event, Failure, Fault, MAX_COMPENSATIONS, Op, Open, OpenCompensation,
    Run, Status, Timestamp, Told, Unwinds, Verdict,
};

impl Run {
    /// How far the run is with its end.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_deref()
    }

    /// That the run was told to end, and is cleaning up since.
    #[must_use]
    pub fn told_to_end(&self) -> Option<&Told> {
        self.ending.as_ref()?.told.as_ref()
    }

    /// Whether the run is to be told before it ends: it has something to undo, or is amid what must not be
    /// stopped.
    #[must_use]
    pub fn cleans_up(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.unwinds.is_some() || ending.open > 0)
    }

    /// How many operations the run waits for: those that are open, but for compensations and shields.
    #[must_use]
    pub fn waits(&self) -> usize {
        self.open.len() - self.count_of_the_end()
    }

    fn count_of_the_end(&self) -> usize {
        let open = self.ending.as_ref().map_or(0, |ending| ending.open);
        // A damaged image may say any number.
        usize::try_from(open).unwrap_or(usize::MAX).min(self.open.len())
    }

    /// One more that is about the end of the run, or one less.
    pub(crate) fn count(&mut self, open: &Open, begins: bool) {
        if !open.is_of_the_end() {
            return;
        }
        let ending = self.ending.get_or_insert_default();
        ending.open = if begins { ending.open + 1 } else { ending.open.saturating_sub(1) };
        if **ending == Ending::default() {
            self.ending = None;
        }
    }

    /// The compensations that have not run to their ends, oldest first.
    pub fn compensations(&self) -> impl Iterator<Item = (Op, &OpenCompensation)> {
        self.open().filter_map(|(op, open)| Some((op, open.compensation()?)))
    }

    /// The run is told to end.
    pub(crate) fn tell_end(&mut self, error: Option<&str>, (at, until): (Timestamp, Timestamp)) {
        let error = error.map(str::to_owned);
        self.ending.get_or_insert_default().told = Some(Told { at, error, until });
    }

    /// Does what a command asks for that is about the end of the run.
    pub(crate) fn clean_up(&mut self, command: &Command, at: Timestamp) -> Result<(), Fault> {
        match command {
            Command::Compensation { name } => {
                let compensation = OpenCompensation { since: at, name: name.clone(), begun: None };
                self.begin(Open::Compensation(Box::new(compensation)));
            }
            Command::Keep { compensation } => {
                if self.operation(*compensation).and_then(Open::compensation).is_some() {
                    self.close(*compensation);
                }
            }
            Command::Unwind { error } => {
                let ending = self.ending.get_or_insert_default();
                if ending.unwinds.is_some() {
                    return Err(Fault::UnwindsTwice);
                }
                if error.is_none() && ending.told.is_none() {
                    return Err(Fault::NotCancelled);
                }
                ending.unwinds = Some(Unwinds { since: at, error: error.clone() });
            }
            Command::Undo { compensation } => match self.open_mut(*compensation) {
                Some(Open::Compensation(open)) if open.begun.is_none() => open.begun = Some(at),
                _ => return Err(Fault::NothingToUndo(*compensation)),
            },
            Command::Undone { compensation, error: _ } => {
                let open = self.operation(*compensation).and_then(Open::compensation);
                if open.is_none_or(|open| open.begun.is_none()) {
                    return Err(Fault::NothingToUndo(*compensation));
                }
                self.close(*compensation);
            }
            Command::Shield => _ = self.begin(Open::Shield { since: at }),
            Command::Unshield { shield } => {
                if matches!(self.operation(*shield), Some(Open::Shield { .. })) {
                    self.close(*shield);
                }
            }
            Command::Step { .. }
            | Command::Sleep { .. }
            | Command::Webhook { .. }
            | Command::Take { .. }
            | Command::Respond { .. }
            | Command::Dispose { .. }
            | Command::CancelSleep { .. }
            | Command::Hook { .. }
            | Command::Signal { .. }
            | Command::CancelStep { .. }
            | Command::Publish { .. }
            | Command::Child { .. }
            | Command::CancelChild { .. }
            | Command::Tell { .. }
            | Command::Write { .. }
            | Command::CloseStream { .. }
            | Command::SetAttribute { .. }
            | Command::RemoveAttribute { .. } => {}
        }
        let open = self.count_of_the_end();
        if open > MAX_COMPENSATIONS { Err(Fault::UndoesTooMuch) } else { Ok(()) }
    }

    /// Gives up what the workflow waits for: it has ended, and nobody hears of that any more. What its
    /// compensations wait for comes later.
    pub(crate) fn give_up_all(&mut self) -> Vec<Effect> {
        let open: Vec<_> = self.open.keys().copied().collect();
        let given_up = open.into_iter().filter_map(|op| match self.operation(op)? {
            Open::Step { .. } => self.give_up_step(op),
            Open::Sleep { .. } => self.give_up_sleep(op),
            Open::Child(_) if self.operation(op)?.ends_with_its_parent().is_some() => {
                self.cancel_child(op)
            }
            Open::Webhook(_)
            | Open::Hook(_)
            | Open::Signal(_)
            | Open::Child(_)
            | Open::Tell(_)
            | Open::Compensation(_)
            | Open::Shield { .. } => None,
        });
        given_up.collect()
    }

    /// Draws the conclusion from how a turn ended.
    pub(crate) fn conclude(
        &mut self,
        event: &Event,
        verdict: &Verdict,
    ) -> Result<Option<Effect>, Fault> {
        let told = self.told_to_end().map(|told| told.until);
        self.status = match verdict {
            Verdict::Waiting if self.waits() == 0 => {
                return Err(Fault::WaitsForNothing);
            }
            Verdict::Waiting => return Ok(None),
            Verdict::Completed(output) => Status::Completed(output.clone()),
            Verdict::Failed(error) | Verdict::FailedAt(Failure { message: error, .. }) => {
                Status::Failed(error.clone())
            }
            Verdict::Cancelled if told.is_some() || *event == Event::Cancelled => Status::Cancelled,
            Verdict::Cancelled => return Err(Fault::NotCancelled),
        };
        let open = std::mem::take(&mut self.open);
        let timers = open.iter().filter_map(|(op, open)| Some((open.due_at()?, *op)));
        let timers = timers.chain(told.map(|until| (until, Op::OF_THE_RUN))).collect();
        let hooks = open.iter().filter_map(|(op, open)| {
            open.hook().filter(|hook| !hook.disposed).map(|hook| (*op, hook.token.clone()))
        });
        let hooks = hooks.collect();
        let children = open.values().filter_map(|open| open.ends_with_its_parent()).collect();
        (self.untaken_bytes, self.open_bytes) = (0, 0);
        (self.signals, self.ending) = (None, None);
        Ok(Some(Effect::End { timers, hooks, children }))
    }
}
