//! Trying a failed run again: how far it goes back, and what comes again.
//!
//! The turn that delivered the failure is set aside, with all behind it. What the world did in those turns
//! stays done: the ends of what the run had asked for before are held, and come again in their order; the
//! numbers of the operations that were begun are not used again, so no step has the name of another one. Only
//! the steps whose failure is set aside get new attempts.

use std::collections::{BTreeSet, VecDeque};

use crate::{Command, Event, Op, Open, Retrial, Run, Timestamp, Turn};

/// How many turns are set aside at once at most: they are moved in one commit.
pub const MAX_SET_ASIDE: usize = 1_000;

impl Run {
    /// The run is tried again: it goes on as it stands, with new attempts for its steps. One that was told to end
    /// has its time to clean up again.
    pub(crate) fn try_again(&mut self, retrial: &Retrial, at: Timestamp) {
        self.operations = self.operations.saturating_add(retrial.operations);
        for op in &retrial.steps {
            if let Some(Open::Step { last_attempt, .. }) = self.open_mut(*op) {
                *last_attempt = None;
            }
        }
        if let Some(told) = self.ending.as_mut().and_then(|ending| ending.told.as_mut()) {
            told.until = at.plus_ms(told.until.since_ms(told.at));
            told.at = at;
        }
    }
}

/// How far a failed run goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewind {
    /// The first turn that is set aside; the run stands as it stood before it.
    pub turn: u64,
    /// How many turns are set aside.
    pub turns: u64,
    /// How many operations were begun in them.
    pub operations: u64,
    /// The steps that get new attempts.
    pub steps: BTreeSet<Op>,
    /// What comes again, in its order, with when it came.
    pub again: Vec<(Timestamp, Event)>,
}

/// Why a run cannot be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRewind {
    /// It has not failed.
    #[error("it has not failed")]
    NotFailed,
    /// It failed in its first turn.
    #[error(
        "it failed in its first turn, so nothing was done that could be kept: start it with `run-again`"
    )]
    FirstTurn,
    /// No step of it failed.
    #[error(
        "no failure of a step led to its error, so its own code would fail in the same way: give a module with code \
         that does not, or the turn from which it is to be tried"
    )]
    OfItself,
    /// Something was undone after the failure.
    #[error(
        "its compensations have run since (the last in turn {0}), and what is undone cannot be taken for done: start it \
         with `run-again`"
    )]
    Undone(u64),
    /// There is no such turn.
    #[error("it has no turn {0} to go back to: give one from 1 to {1}")]
    NoSuchTurn(u64, u64),
    /// Too much would be set aside.
    #[error(
        "more than {MAX_SET_ASIDE} turns would be set aside: give a later turn, or start it with `run-again`"
    )]
    TooFar,
}

impl Rewind {
    /// How far a run goes back of which these are the last turns, in order, the very last one among them: to
    /// the failure that led to its error; or to a turn, where one is given. A run that failed of itself goes
    /// back to its last turn, which makes sense on other code only.
    ///
    /// # Errors
    ///
    /// It cannot be tried again, and why.
    pub fn of(
        mut turns: VecDeque<Turn>,
        to: Option<u64>,
        on_other_code: bool,
    ) -> Result<Self, NoRewind> {
        let last = turns.back().ok_or(NoRewind::NotFailed)?;
        let (last_seq, error) = match last.verdict.failure() {
            Some((error, ..)) => (last.seq, error.to_owned()),
            None => return Err(NoRewind::NotFailed),
        };
        let turn = match to {
            Some(turn) if (1..=last_seq).contains(&turn) => turn,
            Some(turn) => return Err(NoRewind::NoSuchTurn(turn, last_seq)),
            None => failed_in(&turns, &error, on_other_code)?,
        };
        if turn == 0 {
            return Err(NoRewind::FirstTurn);
        }
        turns.retain(|aside| aside.seq >= turn);
        let first_op = match turns.front() {
            Some(first) if first.seq == turn && turns.len() <= MAX_SET_ASIDE => first.first_op,
            _ => return Err(NoRewind::TooFar),
        };
        if let Some(undone) = turns.iter().rev().find(|turn| turn.undoes()) {
            return Err(NoRewind::Undone(undone.seq));
        }
        let end = turns.back().map_or(first_op, Turn::next_op);
        let mut rewind = Self {
            turn,
            turns: turns.len() as u64,
            operations: end.0.saturating_sub(first_op.0),
            steps: BTreeSet::new(),
            again: Vec::new(),
        };
        turns.into_iter().for_each(|aside| rewind.set_aside(aside, first_op));
        Ok(rewind)
    }

    /// Keeps of a turn what comes again: what happened to operations that were begun before this one.
    fn set_aside(&mut self, turn: Turn, first_op: Op) {
        let is_kept = turn.event.op().is_some_and(|op| op < first_op);
        if let Event::StepFailed { op, .. } = turn.event {
            self.steps.extend(is_kept.then_some(op));
        } else if is_kept || matches!(turn.event, Event::Signalled { .. }) {
            self.again.push((turn.at, turn.event));
        }
    }
}

/// The turn that delivered the failure which led to this error. That is the failure of a step which the error
/// quotes, or in whose turn the workflow gave up; else what ended the run from outside is set aside, or its
/// own last turn.
fn failed_in(turns: &VecDeque<Turn>, error: &str, on_other_code: bool) -> Result<u64, NoRewind> {
    let Some(last) = turns.back() else { return Err(NoRewind::NotFailed) };
    if matches!(last.event, Event::Expired { .. }) {
        return Ok(last.seq);
    }
    let led_to_it = |turn: &&Turn| match &turn.event {
        Event::StepFailed { failure, .. } => {
            turn.seq == last.seq || turn.unwinds() || error.contains(&failure.message)
        }
        _ => false,
    };
    match turns.iter().rev().find(led_to_it) {
        Some(turn) => Ok(turn.seq),
        None if last.seq == 0 => Err(NoRewind::FirstTurn),
        None if turns.len() > MAX_SET_ASIDE && !on_other_code => Err(NoRewind::TooFar),
        None if on_other_code => Ok(last.seq),
        None => Err(NoRewind::OfItself),
    }
}

impl Turn {
    /// Whether a compensation begins in it.
    fn undoes(&self) -> bool {
        self.commands.iter().any(|command| matches!(command, Command::Undo { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Signal, StepFailure, StepOptions, Verdict};

    const AT: Timestamp = Timestamp(7);

    fn turn(seq: u64, first_op: u64, event: Event, commands: Vec<Command>) -> Turn {
        let (first_op, verdict, log) = (Op(first_op), Verdict::Waiting, Vec::new());
        Turn { seq, first_op, at: AT, event, commands, verdict, log }
    }

    fn step(name: &str) -> Command {
        Command::Step { name: name.into(), input: "1".into(), options: StepOptions::default() }
    }

    fn failed(op: u64, message: &str) -> Event {
        let (step, message) = ("charge".into(), message.into());
        let failure = StepFailure { step, attempts: 3, message, fatal: false };
        Event::StepFailed { op: Op(op), failure }
    }

    fn completed(op: u64) -> Event {
        Event::StepCompleted { op: Op(op), output: "2".into() }
    }

    fn started() -> Turn {
        turn(0, 0, Event::Started { input: "1".into() }, vec![step("charge"), step("mail")])
    }

    fn ended(mut turn: Turn, error: &str) -> Turn {
        turn.verdict = Verdict::Failed(error.into());
        turn
    }

    fn rewind(turns: Vec<Turn>) -> Result<Rewind, NoRewind> {
        Rewind::of(turns.into(), None, false)
    }

    #[test]
    fn the_turn_that_delivered_the_failure_is_set_aside_and_its_step_gets_new_attempts() {
        let last = ended(turn(1, 2, failed(0, "no money"), vec![]), "no money");
        let back = rewind(vec![started(), last]).expect("it can be tried again");
        assert_eq!((back.turn, back.turns, back.operations), (1, 1, 0));
        assert_eq!(back.steps, BTreeSet::from([Op(0)]));
        assert_eq!(back.again, []);
    }

    #[test]
    fn what_happened_since_to_what_was_asked_before_comes_again_and_no_number_is_used_twice() {
        let signal = Signal { number: 0, name: "a".into(), payload: "1".into(), key: None };
        let turns = vec![
            started(),
            turn(1, 2, failed(0, "no money"), vec![step("tell")]),
            turn(2, 3, completed(1), vec![]),
            turn(3, 3, Event::Signalled { signal: signal.clone() }, vec![]),
            ended(turn(4, 3, completed(2), vec![]), "cannot charge: no money"),
        ];
        let back = rewind(turns).expect("it can be tried again");
        assert_eq!((back.turn, back.turns, back.operations), (1, 4, 1));
        assert_eq!(back.again, [(AT, completed(1)), (AT, Event::Signalled { signal })]);
        assert_eq!(back.steps, BTreeSet::from([Op(0)]));
    }

    #[test]
    fn what_is_undone_is_not_taken_for_done() {
        let undo = |op| Command::Undo { compensation: Op(op) };
        let unwind = Command::Unwind { error: Some("no money".into()) };
        let turns = vec![
            started(),
            turn(1, 2, failed(0, "no money"), vec![unwind, undo(1), step("refund")]),
            ended(turn(2, 3, completed(2), vec![]), "no money"),
        ];
        assert_eq!(rewind(turns.clone()), Err(NoRewind::Undone(1)));
        let mut failing = turns;
        failing[2] = ended(turn(2, 3, failed(2, "bank down"), vec![]), "no money; bank down");
        let back = rewind(failing).expect("its last compensation is tried again");
        assert_eq!((back.turn, back.steps), (2, BTreeSet::from([Op(2)])));
    }

    #[test]
    fn a_run_that_failed_of_itself_needs_other_code_or_a_turn() {
        let turns = vec![
            started(),
            turn(1, 2, failed(0, "no money"), vec![]),
            ended(turn(2, 2, completed(1), vec![]), "a bug"),
        ];
        assert_eq!(rewind(turns.clone()), Err(NoRewind::OfItself));
        let on_other = Rewind::of(turns.clone().into(), None, true).expect("its last turn");
        assert_eq!((on_other.turn, on_other.again.len()), (2, 1));
        let back =
            Rewind::of(turns.clone().into(), Some(1), false).expect("the turn that is given");
        assert_eq!((back.turn, back.steps.len()), (1, 1));
        let unknown = Rewind::of(turns.into(), Some(3), false);
        assert_eq!(unknown, Err(NoRewind::NoSuchTurn(3, 2)));
        let first = vec![ended(started(), "no")];
        assert_eq!(rewind(first), Err(NoRewind::FirstTurn));
    }

    #[test]
    fn a_run_whose_time_was_over_goes_on_where_it_was() {
        let expired = Event::Expired { error: "too long".into() };
        let turns = vec![started(), ended(turn(1, 2, expired, vec![]), "too long")];
        let back = rewind(turns).expect("it can be tried again");
        assert_eq!((back.turn, back.steps.len(), back.again.len()), (1, 0, 0));
    }

    #[test]
    fn so_much_is_set_aside_and_no_more() {
        let mut turns: Vec<_> = vec![started(), turn(1, 2, failed(0, "no"), vec![])];
        let between = (2..1_001).map(|seq| turn(seq, 2, completed(9), vec![]));
        turns.extend(between);
        turns.push(ended(turn(1_001, 2, completed(1), vec![]), "no"));
        assert_eq!(rewind(turns), Err(NoRewind::TooFar));
    }
}
