//! Steps that are watched: those that were under way when the host went down without a word. Of them
//! it is on disk that an attempt begins before it does, so that the next crash suspects only what ran.
//!
//! What a host begins that never crashed is not watched, and costs no write. Should it take the host
//! with it, it is watched from then on.

use segno_journal::{BlockKind, Blocked, Losses, MAX_LOSSES, Op, RunId};

use crate::engine::shard::of_steps::OfSteps;
use crate::store::Draft;

/// The watched steps of a shard. Mostly there are none.
#[derive(Default)]
pub(crate) struct Suspects(OfSteps<Losses>);

impl Suspects {
    /// Those that are known from before.
    pub(crate) fn new(known: impl Iterator<Item = (RunId, Op, Losses)>) -> Self {
        Self(OfSteps::new(known))
    }

    /// What is known of a step, if it is watched.
    pub(crate) fn get(&self, run: RunId, op: Op) -> Option<Losses> {
        self.0.get(run, op).copied()
    }

    /// This is known of a step from now on.
    pub(crate) fn put(&mut self, run: RunId, op: Op, losses: Losses) {
        self.0.put(run, op, losses);
    }

    /// An attempt of a step begins, or is over: what is to be written then, if it is watched.
    pub(crate) fn set_running(&mut self, run: RunId, op: Op, running: bool) -> Option<Losses> {
        let losses = self.0.get_mut(run, op)?;
        losses.running = running;
        Some(*losses)
    }

    /// Forgets the steps that are over with a turn; or all of the run, if that is over.
    pub(crate) fn forget<T>(
        &mut self,
        draft: Draft<T>,
        run: RunId,
        over: &[Op],
        has_ended: bool,
    ) -> Draft<T> {
        let forgotten = self.0.forget(run, over, has_ended);
        forgotten.into_iter().fold(draft, |draft, op| draft.without_losses(run, op))
    }

    /// The runs whose steps are watched, of those that a shard does not own.
    pub(crate) fn strangers(&self, owns: impl Fn(RunId) -> bool) -> impl Iterator<Item = RunId> {
        self.0.strangers(owns)
    }

    /// Forgets all steps of a run.
    pub(crate) fn forget_run<T>(&mut self, draft: Draft<T>, run: RunId) -> Draft<T> {
        self.forget(draft, run, &[], true)
    }
}

/// Why a run is blocked whose step is not begun any more.
pub(crate) fn stopped(step: &str, op: Op) -> Blocked {
    let message = format!(
        "the host went down {MAX_LOSSES} times while its step `{step}` ({op}) ran, in the end with few others beside \
         it, so the step is not begun any more; look at what it does, and resume the run to try it again"
    );
    Blocked { kind: BlockKind::Lost, message }
}

#[cfg(test)]
mod tests {
    use segno_journal::Timestamp;

    use super::*;

    #[test]
    fn a_step_is_watched_until_it_is_over() {
        let run = RunId::from_parts(Timestamp(0), 1);
        let mut suspects = Suspects::new([(run, Op(3), Losses::default())].into_iter());
        assert_eq!(suspects.set_running(run, Op(2), true), None);
        assert!(suspects.set_running(run, Op(3), true).is_some_and(|losses| losses.running));
        let _draft = suspects.forget(Draft::nothing(), run, &[Op(3)], false);
        assert_eq!(suspects.get(run, Op(3)), None);
    }
}
