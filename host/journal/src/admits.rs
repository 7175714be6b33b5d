//! What can happen to a run as it stands.

use std::collections::BTreeMap;

use crate::{Event, MAX_UNTAKEN, MAX_UNTAKEN_BYTES, Op, Open, Refusal, Run, Signal, Status};

impl Run {
    /// Whether the event can be delivered to the run as it stands.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub fn admits(&self, event: &Event) -> Result<(), Refusal> {
        match (self.status(), event) {
            (Status::Pending, Event::Started { .. }) => Ok(()),
            (Status::Pending | Status::Running, Event::Cancelled | Event::Expired { .. }) => Ok(()),
            (Status::Running, Event::Retried { .. } | Event::Forked { .. }) => Ok(()),
            (Status::Running, Event::Cancelling { .. }) => match self.told_to_end() {
                None => Ok(()),
                Some(_) => Err(Refusal::Repeated),
            },
            (Status::Running, Event::Signalled { signal }) => self.admits_signal(signal),
            (Status::Running, event) => self.admits_to_operation(event),
            (Status::Pending, event) => Err(Refusal::NotOpen(event.op().unwrap_or(Op(0)))),
            (Status::Completed(_) | Status::Failed(_) | Status::Cancelled, _) => {
                Err(Refusal::Ended)
            }
        }
    }

    fn admits_to_operation(&self, event: &Event) -> Result<(), Refusal> {
        let op = event.op().unwrap_or(Op(0));
        match (self.operation(op), event) {
            (Some(Open::Step { .. }), Event::StepCompleted { .. } | Event::StepFailed { .. })
            | (Some(Open::Sleep { .. }), Event::Slept { .. } | Event::Woken { .. })
            | (Some(Open::Child(_)), Event::ChildEnded { .. })
            | (Some(Open::Tell(_)), Event::Told { .. } | Event::NotTold { .. }) => Ok(()),
            (Some(Open::Webhook(webhook)), Event::Requested { .. }) if !webhook.disposed => {
                self.has_room(webhook.untaken.len(), event)
            }
            (Some(Open::Hook(hook)), Event::HookOpened { .. } | Event::HookTaken { .. })
                if !hook.claimed =>
            {
                Ok(())
            }
            (Some(Open::Hook(hook)), Event::HookReceived { .. })
                if hook.claimed && !hook.disposed =>
            {
                self.has_room(hook.untaken.len(), event)
            }
            (
                None
                | Some(
                    Open::Step { .. }
                    | Open::Sleep { .. }
                    | Open::Webhook(_)
                    | Open::Hook(_)
                    | Open::Signal(_)
                    | Open::Child(_)
                    | Open::Tell(_)
                    | Open::Compensation(_)
                    | Open::Shield { .. },
                ),
                Event::Started { .. }
                | Event::StepCompleted { .. }
                | Event::StepFailed { .. }
                | Event::Slept { .. }
                | Event::Requested { .. }
                | Event::Cancelled
                | Event::HookOpened { .. }
                | Event::HookTaken { .. }
                | Event::HookReceived { .. }
                | Event::Signalled { .. }
                | Event::Woken { .. }
                | Event::ChildEnded { .. }
                | Event::Told { .. }
                | Event::NotTold { .. }
                | Event::Cancelling { .. }
                | Event::Expired { .. }
                | Event::Retried { .. }
                | Event::Forked { .. },
            ) => Err(Refusal::NotOpen(op)),
        }
    }

    /// A signal is taken in whether or not the workflow waits for its name: what comes before waits.
    fn admits_signal(&self, signal: &Signal) -> Result<(), Refusal> {
        let known = |key: &String| self.signals()?.known(key);
        if signal.key.as_ref().and_then(known).is_some() {
            return Err(Refusal::Repeated);
        }
        let untaken = self.signals().map_or(0, |signals| signals.untaken(&signal.name));
        let bytes = self.untaken_bytes() + signal.size();
        room(untaken, bytes)
    }

    /// Whether signals can be taken in, one after the other: of each its name and its size.
    ///
    /// # Errors
    ///
    /// Which of them cannot, and why; the first, where the run has ended.
    pub fn admits_signals<'a>(
        &self,
        signals: impl Iterator<Item = (&'a str, usize)>,
    ) -> Result<(), (usize, Refusal)> {
        if self.status().has_ended() {
            return Err((0, Refusal::Ended));
        }
        let mut bytes = self.untaken_bytes();
        let mut untaken = BTreeMap::new();
        for (number, (name, size)) in signals.enumerate() {
            let there = || self.signals().map_or(0, |signals| signals.untaken(name));
            let untaken = untaken.entry(name).or_insert_with(there);
            bytes += size;
            room(*untaken, bytes).map_err(|refusal| (number, refusal))?;
            *untaken += 1;
        }
        Ok(())
    }

    fn has_room(&self, untaken: usize, event: &Event) -> Result<(), Refusal> {
        room(untaken, self.untaken_bytes() + event.untaken().unwrap_or(0))
    }
}

/// Whether one more may lie untaken where so many do, which would be so many bytes in all.
const fn room(untaken: usize, bytes: usize) -> Result<(), Refusal> {
    if untaken >= MAX_UNTAKEN || bytes > MAX_UNTAKEN_BYTES {
        return Err(Refusal::Full);
    }
    Ok(())
}
