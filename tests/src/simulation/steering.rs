//! What is done to many runs at once in a life, to the whole host, and to runs that are to be on another module.

use rand::RngExt;
use segno_host::engine::{JobKind, NewJob, RunFilter};

use crate::simulation::asked::Call;
use crate::simulation::life::Life;

impl Life<'_> {
    /// Somebody wants a run to be on another module, which does the same.
    pub(crate) fn move_any(&mut self) -> bool {
        let modules = self.host().store.modules().expect("the store can be read");
        let modules: Vec<_> = modules.into_iter().map(|(digest, _)| digest).collect();
        let Some((run, module)) = self.any_run().zip(self.pick(&modules)) else { return false };
        self.witness.cuts.tried_elsewhere(run);
        let asked = self.host().engine.move_to(run, module.to_string());
        self.asked.push(Call::Move(asked));
        true
    }

    /// Somebody pauses the host, or lets it go on.
    pub(crate) fn pause_host(&mut self) -> bool {
        let is_paused = self.is_host_paused();
        // It goes on sooner than it is paused.
        if !is_paused && !self.random.random_ratio(1, 4) {
            return false;
        }
        let asked = self.host().engine.pause_host(!is_paused);
        self.asked.push(Call::HostPause(asked));
        true
    }

    /// Somebody does that now.
    pub(crate) fn pause_host_now(&mut self, is_paused: bool) {
        let asked = self.host().engine.pause_host(is_paused);
        self.asked.push(Call::HostPause(asked));
        self.settle();
    }

    /// The host goes on, if it is paused. False if it is not.
    pub(crate) fn resume_host(&mut self) -> bool {
        let is_paused = self.is_host_paused();
        if is_paused {
            self.pause_host_now(false);
        }
        is_paused
    }

    fn is_host_paused(&mut self) -> bool {
        let store = &self.host().store;
        store.host_pause().expect("the store can be read").is_some()
    }

    /// Somebody has one thing done to many runs.
    pub(crate) fn make_job(&mut self) -> bool {
        let modules = self.host().store.modules().expect("the store can be read");
        let modules: Vec<_> = modules.into_iter().map(|(digest, _)| digest.to_string()).collect();
        let actions = [JobKind::Pause, JobKind::Resume, JobKind::Resume, JobKind::Move];
        let action = actions[self.random.random_range(0..actions.len())];
        let module = self.pick(&modules).filter(|_| action == JobKind::Move);
        if action == JobKind::Move {
            let runs: Vec<_> = self.witness.runs.keys().copied().collect();
            runs.into_iter().for_each(|run| self.witness.cuts.tried_elsewhere(run));
        }
        self.do_to_many(action, module)
    }

    /// Has this done to all runs of the little programs.
    pub(crate) fn do_to_many(&mut self, action: JobKind, module: Option<String>) -> bool {
        let mut filter = RunFilter::default();
        filter.take("workflow", "program").expect("it can be used");
        let (kill, within, all, dry_run) = (false, None, false, false);
        let asked = NewJob { action, kill, within, module, all, dry_run };
        let asked = self.host().engine.make_job(asked, filter);
        self.asked.push(Call::Job(asked));
        true
    }

    /// The jobs of the host come a page further. False if there are none.
    pub(crate) fn work_on_jobs(&mut self) -> bool {
        let jobs = self.host().store.unfinished_jobs().expect("the store can be read");
        if !jobs.is_empty() {
            let asked = self.host().engine.work_on_jobs();
            self.asked.push(Call::Page(asked));
        }
        !jobs.is_empty()
    }
}
