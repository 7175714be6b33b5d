//! Holding runs up: what happens to one that is paused lies on disk until somebody resumes it.

use segno_api::RunStatus;
use segno_journal::{Event, RunId};

use crate::engine::error::EngineError;
use crate::engine::inbox::{Asker, Delivery, Message, Then};
use crate::engine::shard::{Shard, log};
use crate::store::{Draft, Noted, Standing};

impl Shard {
    /// Somebody holds a run up. Its steps that are under way come to their ends, and it hears of that when it goes on.
    pub(super) fn pause(&mut self, id: RunId, by: Asker, then: Then) {
        let now = self.outside.now();
        let waits_for_room = self.awaiting_room.has(id);
        let active = match (self.runs.get_mut(&id), self.unreadable.get(&id)) {
            (Some(active), _) => active,
            (None, Some(damage)) => return then.fail(damage.clone().into()),
            (None, None) => return then.fail(EngineError::AlreadyEnded(id)),
        };
        // One that has not had its first turn is not on disk.
        if waits_for_room || active.first.is_some() {
            return then.fail(EngineError::Busy);
        }
        let draft = match &active.record.standing {
            Standing::Blocked(_) => return then.fail(EngineError::IsBlocked(id)),
            Standing::Paused(_) => Draft::nothing(),
            _ => {
                log::paused(active, &by);
                active.stand(Standing::Paused(now), self.outside.metrics());
                let draft = Draft::nothing().with_run(id, &active.record);
                self.noted(id, draft, Noted::Paused { by: by.into_name() })
            }
        };
        self.committer.submit(draft, move |written| match written {
            Ok(_) => then.done(RunStatus::Paused),
            Err(error) => then.fail(error.into()),
        });
    }

    /// The host is paused no more: what happened to its runs meanwhile has its turn, and so have the moments that
    /// came.
    pub(super) fn host_goes_on(&mut self) {
        for (id, active) in &mut self.runs {
            if active.unread.is_some() {
                continue;
            }
            Self::watch_time(&self.outside, active);
            if !active.is_held_up() && !active.held.is_empty() {
                self.outside.tell(*id, Message::DeliverHeld { run: *id });
            }
        }
    }

    /// Whether an event waits because the host is paused. An end from outside waits for nothing; what was held has its
    /// turn where that was begun before, and so has a start, since there is nothing yet to hold it for.
    pub(super) fn waits_for_host(&self, Delivery { event, held, .. }: &Delivery) -> bool {
        let is_begun = held.is_some() || matches!(event, Event::Started { .. });
        self.outside.is_paused() && !is_begun && event.ends().is_none()
    }

    /// A run that was paused goes on where it was.
    pub(super) fn unpause(&mut self, id: RunId, by: Asker, then: Then) {
        let Some(active) = self.runs.get(&id) else { return };
        log::resumed(active, &by);
        let module = active.record.module;
        let noted = self.noted_resume(id, module, by);
        self.committer.submit(noted, |_written| {});
        self.go_on_with(id, module, then);
        self.begin_stopped(id);
    }
}
