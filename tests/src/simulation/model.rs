//! What a little program has to return, read off the journal of its run by other means than running
//! it: which of its acts was over in which turn follows from the events alone.

use std::collections::BTreeMap;

use guest_basics::family::Childhood;
use guest_basics::program::{Act, Program, Seen};
use segno_journal::{ChildEnd, Command, Event, Turn};

use crate::simulation::plans::WorkInput;

/// What the program saw, if the journal has it come to its end.
pub(crate) fn seen(program: &Program, turns: &[Turn]) -> Option<Seen> {
    Journal::of(turns).play(&program.act, 0).map(|(_, seen)| seen)
}

/// The journal of a run, by operation.
struct Journal<'a> {
    turns: &'a [Turn],
    /// The commands that begin operations, each with its turn; by the number of the operation.
    begun: BTreeMap<u64, (usize, &'a Command)>,
    /// By which event a step or a sleep was over, and in which turn.
    over: BTreeMap<u64, (usize, &'a Event)>,
    /// The requests of each webhook, and in which turn each came.
    requests: BTreeMap<u64, Vec<(usize, String)>>,
    /// The signals of each name, and in which turn each came.
    signals: BTreeMap<String, Vec<(usize, String)>>,
}

impl<'a> Journal<'a> {
    fn of(turns: &'a [Turn]) -> Self {
        let mut journal = Self {
            turns,
            begun: BTreeMap::new(),
            over: BTreeMap::new(),
            requests: BTreeMap::new(),
            signals: BTreeMap::new(),
        };
        for (at, turn) in turns.iter().enumerate() {
            match (&turn.event, turn.event.op()) {
                (Event::Requested { request, .. }, Some(op)) => {
                    let text = String::from_utf8_lossy(&request.body).into_owned();
                    journal.requests.entry(op.0).or_default().push((at, text));
                }
                (Event::HookReceived { payload, .. }, Some(op)) => {
                    journal.requests.entry(op.0).or_default().push((at, payload.clone()));
                }
                (Event::Signalled { signal }, None) => {
                    let named = journal.signals.entry(signal.name.clone()).or_default();
                    named.push((at, signal.payload.clone()));
                }
                (event, Some(op)) => {
                    let before = journal.over.insert(op.0, (at, event));
                    assert!(before.is_none(), "operation {op} was over twice");
                }
                (_, None) => {}
            }
            let begun = turn.operations().map(|(op, command)| (op.0, (at, command)));
            journal.begun.extend(begun);
        }
        journal
    }

    /// In which turn an act is over that begins in a turn, and what it saw.
    fn play(&self, act: &Act, begins: usize) -> Option<(usize, Seen)> {
        match act {
            Act::Step(work) => {
                let is_it = |command: &Command| {
                    matches!(command, Command::Step { name, input, .. }
                    if name == "work" && serde_json::from_str::<WorkInput>(input).is_ok_and(|of| of.work == *work))
                };
                self.over(self.find(begins, |_, command| is_it(command))?).map(|(at, event)| {
                    match event {
                        Event::StepCompleted { output, .. } => (
                            at,
                            Seen::Step(self.at(at), Ok(output.parse().expect("it is a number"))),
                        ),
                        Event::StepFailed { failure, .. } => {
                            (at, Seen::Step(self.at(at), Err(failure_of(failure))))
                        }
                        event => panic!("a step was over by {event:?}"),
                    }
                })
            }
            Act::Sleep(ms) => {
                let op = self.find(
                    begins,
                    |at, command| matches!(command, Command::Sleep { until } if until.0 == at + ms),
                )?;
                self.over(op).map(|(at, _)| (at, Seen::Slept(self.at(at))))
            }
            Act::Take(webhook, requests) => self.take(*webhook as u64, *requests, begins),
            Act::Hook(token, payloads) => {
                let is_it = |_, command: &Command| matches!(command, Command::Hook { token: of, .. } if of == token);
                let op = self.find(begins, is_it)?;
                match self.over(op)? {
                    (at, Event::HookTaken { .. }) => Some((at, Seen::Taken(self.at(at)))),
                    (at, _) => {
                        let came = self.requests.get(&op).map_or(&[][..], Vec::as_slice);
                        self.got(came, *payloads, at)
                    }
                }
            }
            Act::Signals(name, count) => {
                let came = self.signals.get(name).map_or(&[][..], Vec::as_slice);
                self.got(came, *count, begins)
            }
            Act::Child(childhood, is_left) => self.child((childhood, *is_left), begins),
            Act::Linger(_) => Some((begins, Seen::Lingers)),
            Act::Write(..) | Act::Close(_) | Act::Mark(..) | Act::Undo(..) => {
                Some((begins, Seen::Wrote))
            }
            Act::Shield(act) => self.play(act, begins),
            Act::Each(acts) => self.each(acts, begins),
            Act::All(acts) => {
                let all: Option<Vec<_>> = acts.iter().map(|act| self.play(act, begins)).collect();
                let (over, seen): (Vec<_>, _) = all?.into_iter().unzip();
                Some((over.into_iter().max().unwrap_or(begins), Seen::All(seen)))
            }
            Act::First(one, other) | Act::Only(one, other) => self.first(one, other, begins),
        }
    }

    fn each(&self, acts: &[Act], begins: usize) -> Option<(usize, Seen)> {
        let mut at = begins;
        let mut all = Vec::new();
        for act in acts {
            let (over, seen) = self.play(act, at)?;
            at = over;
            all.push(seen);
        }
        Some((at, Seen::Each(all)))
    }

    /// The one that is over earlier. Where the first is over at once, the other never begins.
    fn first(&self, one: &Act, other: &Act, begins: usize) -> Option<(usize, Seen)> {
        let one = self.play(one, begins);
        let other = match one {
            Some((over, _)) if over == begins => None,
            _ => self.play(other, begins),
        };
        let is_one = match (&one, &other) {
            (Some((one, _)), Some((other, _))) => one <= other,
            (one, _) => one.is_some(),
        };
        let (over, seen) = if is_one { one? } else { other? };
        Some((over, Seen::First(is_one, Box::new(seen))))
    }

    fn child(
        &self,
        (childhood, is_left): (&Childhood, bool),
        begins: usize,
    ) -> Option<(usize, Seen)> {
        let is_it = |_, command: &Command| {
            matches!(command, Command::Child { input, .. }
            if serde_json::from_str::<Childhood>(input).is_ok_and(|of| of == *childhood))
        };
        let op = self.find(begins, is_it)?;
        let (mut at, event) = self.over(op)?;
        if is_left {
            let run = self.begun[&op].1.child();
            let is_told = |_, command: &Command| matches!(command, Command::Tell { to, .. } if run == Some(*to));
            at = at.max(self.over(self.find(begins, is_told)?)?.0);
        }
        let Event::ChildEnded { end, .. } = event else { panic!("a child: {event:?}") };
        let end = match end {
            ChildEnd::Completed(id) => Some(Ok(id.parse().expect("it is a number"))),
            ChildEnd::Failed(error) => Some(Err(error.clone())),
            ChildEnd::Cancelled => None,
        };
        Some((at, Seen::Child(self.at(at), end)))
    }

    fn take(&self, webhook: u64, requests: usize, begins: usize) -> Option<(usize, Seen)> {
        let came = self.requests.get(&webhook).map_or(&[][..], Vec::as_slice);
        let mut at = begins;
        let mut taken = Vec::new();
        for (came_at, text) in came.get(..requests)? {
            at = at.max(*came_at);
            taken.push((self.at(at), text.clone()));
        }
        Some((at, Seen::Took(taken)))
    }

    /// The first so many of what came, each taken when it was there and the act had begun.
    fn got(&self, came: &[(usize, String)], count: usize, begins: usize) -> Option<(usize, Seen)> {
        let mut at = begins;
        let mut got = Vec::new();
        for (came_at, payload) in came.get(..count)? {
            at = at.max(*came_at);
            got.push((self.at(at), payload.parse().expect("it is a number")));
        }
        Some((at, Seen::Got(got)))
    }

    /// The operation that a command began; it has to be in the turn in which its act begins.
    fn find(&self, begins: usize, is_it: impl Fn(u64, &Command) -> bool) -> Option<u64> {
        let is_it = |(at, command): &(usize, &Command)| is_it(self.at(*at), command);
        let (op, (at, command)) = self.begun.iter().find(|(_, begun)| is_it(begun))?;
        assert_eq!(*at, begins, "{command} was asked for in another turn than the program says");
        Some(*op)
    }

    fn over(&self, op: u64) -> Option<(usize, &'a Event)> {
        self.over.get(&op).copied()
    }

    /// The time of a turn.
    fn at(&self, turn: usize) -> u64 {
        self.turns[turn].at.0
    }
}

fn failure_of(failure: &segno_journal::StepFailure) -> segno::StepFailure {
    let segno_journal::StepFailure { step, attempts, message, fatal } = failure.clone();
    segno::StepFailure { step, attempts, message, fatal }
}
