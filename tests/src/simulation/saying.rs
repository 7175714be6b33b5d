//! What the world says to runs: signals, and payloads of hooks.

use guest_basics::family::NEVER;
use rand::RngExt;
use segno_host::engine::NewSignal;
use segno_journal::RunId;

use crate::simulation::asked::Call;
use crate::simulation::life::Life;
use crate::simulation::plans::{NAMES, TOKENS};
use crate::simulation::talk::{open_hooks, open_signals};

/// How often the world says something while anything may happen.
pub(crate) const SAID: u64 = 60;

/// How many events of a run are held at most before nothing more is said to it.
pub(crate) const LINE: usize = 4;

impl Life<'_> {
    /// Somebody sends a signal to a run, whether or not that waits for it.
    pub(crate) fn signal_any(&mut self) -> bool {
        let run = self.any_run();
        let name = NAMES[self.random.random_range(0..NAMES.len())];
        match run {
            Some(run) if self.said < SAID => self.signal(run, name),
            _ => false,
        }
    }

    /// Somebody calls the hook of a token, whether or not there is one.
    pub(crate) fn call_any_hook(&mut self) -> bool {
        let token = TOKENS[self.random.random_range(0..TOKENS.len())];
        let owner = self.host().store.hook(token).expect("the store can be read");
        let has_room = owner.is_none_or(|hook| self.witness.length_of_line(hook.run()) <= LINE);
        self.said < SAID && has_room && self.call_hook(token)
    }

    /// Somebody ends the sleeps of a run early.
    pub(crate) fn wake(&mut self) -> bool {
        let Some(run) = self.any_run() else { return false };
        if self.witness.length_of_line(run) > LINE {
            return false;
        }
        let asked = self.host().engine.wake(run);
        self.asked.push(Call::Wake(asked));
        true
    }

    /// Each run that waits for a hook or a signal, and can go on, is told something. False if there is none.
    pub(crate) fn tell_all(&mut self) -> bool {
        let mut hooks = Vec::new();
        let mut signals = Vec::new();
        for (run, seen) in self.witness.unfinished() {
            if self.witness.cuts.is_lost(run) {
                continue;
            }
            hooks.extend(open_hooks(run, &seen.run).map(|(_, _, token)| token));
            let names = open_signals(&seen.run).filter(|name| *name != NEVER);
            signals.extend(names.map(|name| (run, name.to_owned())));
        }
        let called = hooks.into_iter().map(|token| self.call_hook(&token));
        let called = called.filter(|called| *called).count();
        let sent = signals.into_iter().map(|(run, name)| self.signal(run, &name));
        called + sent.filter(|sent| *sent).count() > 0
    }

    fn signal(&mut self, run: RunId, name: &str) -> bool {
        if self.witness.length_of_line(run) > LINE {
            return false;
        }
        let payload = self.say();
        let key = self.random.random_ratio(1, 2).then(|| format!("key of {payload}"));
        let waits = self.random.random();
        // A sender that does not know whether it was heard sends again.
        let times = if key.is_some() { self.random.random_range(1..3) } else { 1 };
        for _ in 0..times {
            let signal =
                NewSignal { name: name.to_owned(), payload: payload.clone(), key: key.clone() };
            self.note(&format!("signal {name} {payload} to {run}"));
            let asked = self.host().engine.signal(run, signal, waits);
            let call = match self.stays_over(run) {
                true => Call::LateSignal(asked),
                false => Call::Signal(asked, run, payload.clone()),
            };
            self.asked.push(call);
        }
        true
    }

    fn call_hook(&mut self, token: &str) -> bool {
        let payload = self.say();
        self.note(&format!("hook {token} {payload}"));
        let asked = self.host().engine.resume_hook(token, payload.clone());
        self.asked.push(Call::Hook(asked, payload));
        true
    }

    /// Something that was not said before.
    pub(crate) fn say(&mut self) -> String {
        self.said += 1;
        self.said.to_string()
    }
}
