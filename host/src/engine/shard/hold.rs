//! When a shard has its runs to itself, and what it hears when it takes hold of them again.

use std::ops::ControlFlow;
use std::sync::Arc;

use segno_journal::{Open, RunId};

use crate::engine::inbox::Message;
use crate::engine::inbox::News;
use crate::engine::shard::Shard;
use crate::store::{Draft, Standing};

impl Shard {
    /// Handles a message, and has its runs to itself meanwhile, except where it computes.
    pub(crate) fn attend(&mut self, message: Message) -> ControlFlow<()> {
        self.gate.taken();
        let flow = self.at_work(|shard| {
            let flow = shard.handle(message);
            shard.relieve();
            flow
        });
        if self.is_shut_out {
            ControlFlow::Break(())
        } else {
            flow.unwrap_or(ControlFlow::Break(()))
        }
    }

    /// Does something while it has its runs to itself, except where it computes; nothing where it is
    /// shut out.
    pub(crate) fn at_work<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let news = self.gate.begin();
        self.heed(news);
        let done = (!self.is_shut_out).then(|| act(self));
        self.gate.done();
        done
    }

    /// Computes for a run what may take long and changes nothing of the shard: it lets go of its runs
    /// meanwhile. Afterwards this run may be one that was ended.
    pub(crate) fn computing<T>(&mut self, id: RunId, compute: impl FnOnce(&Self) -> T) -> T {
        let Some(active) = self.runs.get(&id) else { return compute(self) };
        self.gate.compute(id, Arc::clone(&active.owner.workflow));
        let computed = compute(self);
        let news = self.gate.computed();
        self.heed(news);
        computed
    }

    /// Takes leave of the runs that were ended from outside: what is known of them here is wrong. One
    /// that is shut out writes nothing any more.
    fn heed(&mut self, News { ended, shut_out }: News) {
        for id in ended {
            let now = self.outside.now();
            let metrics = self.outside.metrics();
            if let Some(active) = self.runs.get_mut(&id) {
                active.stand(Standing::Cancelled(now), metrics);
            }
            let mut draft = self.forget_steps(Draft::nothing(), id);
            let Some(active) = self.runs.get(&id) else {
                if !self.unreadable.contains_key(&id) {
                    self.ended_early.insert(id);
                }
                self.outside.parent_ended(id);
                continue;
            };
            if active.unread.is_some() {
                self.outside.parent_ended(id);
            } else {
                draft = draft.without_tokens(id, active.run.open());
                for (op, _) in active.run.open().filter(|(_, open)| matches!(open, Open::Tell(_))) {
                    draft = draft.without_told(id, op);
                }
                let children =
                    active.run.open().filter_map(|(_, open)| open.ends_with_its_parent());
                children.for_each(|child| self.outside.cancel_child(id, child));
            }
            self.committer.submit(draft, |_written| {});
            self.take_leave(id);
        }
        if shut_out && !self.is_shut_out {
            self.is_shut_out = true;
            self.committer = self.committer.clone().silenced();
        }
    }

    /// Lets go of a run that is over: what it was, and what it needed.
    pub(crate) fn take_leave(&mut self, id: RunId) {
        self.tell_left_posted(id);
        self.guests.remove(id);
        if let Some(ended) = self.runs.remove(&id) {
            self.forget_time(&ended);
            self.outside.metrics().runs_unfinished.dec();
            self.modules.leave(ended.record.module);
        }
    }
}
