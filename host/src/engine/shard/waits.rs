//! What a run waits for, for people.

use segno_api::{CleanupView, CompensationView, Json, Wait, when};
use std::collections::BTreeSet;

use jiff::Timestamp as Instant;
use segno_journal::retry::Attempt;
use segno_journal::{
    ClosePolicy, Command, Event, Level, LogLine, Losses, Op, Open, Run, RunId, Turn, Verdict,
};

use crate::engine::shard::active::Active;
use crate::engine::shard::heartbeats::Heartbeats;
use crate::engine::shard::suspects::Suspects;
use crate::sandbox::Output;

/// What a run waits for, in the order in which it asked.
pub(crate) fn waits_for(
    active: &Active,
    (suspects, heartbeats): (&Suspects, &Heartbeats),
    steps: &segno::Steps,
) -> Vec<Wait> {
    let id = active.owner.run;
    let waited_for = active.run.open().filter(|(_, open)| !open.is_disposed());
    let waits = waited_for.filter_map(|(op, open)| {
        let losses = suspects.get(id, op).unwrap_or_default();
        let mut wait = wait((id, op), open, losses, (steps, &active.run))?;
        if let Wait::Step { heartbeat, .. } = &mut wait {
            *heartbeat = heartbeats.get(id, op).map(|said| Json::of(said.to_string()));
        }
        Some(wait)
    });
    waits.collect()
}

/// One thing that a run waits for; nothing of what it only undoes in the end.
pub(crate) fn wait(
    (id, op): (RunId, Op),
    open: &Open,
    losses: Losses,
    (steps, run): (&segno::Steps, &Run),
) -> Option<Wait> {
    Some(match open {
        Open::Step { call, last_attempt } => Wait::Step {
            op: op.0,
            step_id: format!("{id}:{op}"),
            name: call.name.clone(),
            missing: steps.get(&call.name).is_none(),
            since: when(call.asked_at),
            attempt: last_attempt.as_ref().map_or(1, |last| last.number.saturating_add(1)),
            last_error: last_attempt.as_ref().map(|last| last.error.clone()),
            retry_at: retry_at(last_attempt.as_deref(), losses),
            losses: losses.count,
            heartbeat: None,
        },
        Open::Sleep { since, until } => {
            Wait::Sleep { op: op.0, since: when(*since), until: when(*until) }
        }
        Open::Webhook(webhook) => {
            let url = webhook.url.clone();
            let since = when(webhook.since);
            let untaken = webhook.untaken.len();
            Wait::Webhook { op: op.0, url, since, untaken }
        }
        Open::Hook(hook) => Wait::Hook {
            op: op.0,
            token: hook.token.clone(),
            since: when(hook.since),
            untaken: hook.untaken.len(),
        },
        Open::Signal(signal) => Wait::Signal {
            op: op.0,
            name: signal.name.clone(),
            since: when(signal.since),
            untaken: run.signals().map_or(0, |signals| signals.untaken(&signal.name)),
        },
        Open::Child(child) => Wait::Child {
            op: op.0,
            run_id: child.run,
            workflow: child.workflow.clone(),
            since: when(child.since),
        },
        Open::Tell(tell) => Wait::Delivery {
            op: op.0,
            run_id: tell.to,
            name: tell.name.clone(),
            since: when(tell.since),
        },
        Open::Compensation(_) | Open::Shield { .. } => return None,
    })
}

/// What a run undoes when it fails or is cancelled, and how far it is with that.
pub(crate) fn cleanup(active: &Active) -> Option<CleanupView> {
    let run = &active.run;
    let told = run.told_to_end();
    let unwinds = run.ending().and_then(|ending| ending.unwinds.as_ref());
    let compensations = run.compensations().map(|(op, open)| CompensationView {
        op: op.0,
        name: open.name.clone(),
        registered_at: when(open.since),
        begun_at: open.begun.map(when),
    });
    let error = unwinds
        .map_or_else(|| told.and_then(|told| told.error.clone()), |unwinds| unwinds.error.clone());
    let cleanup = CleanupView {
        compensations: compensations.collect(),
        shielded: run.open().any(|(_, open)| matches!(open, Open::Shield { .. })),
        cancel_waits: active.held.is_cancelling(),
        told_at: told.map(|told| when(told.at)),
        until: told.map(|told| when(told.until)),
        since: unwinds.map(|unwinds| when(unwinds.since)),
        error,
    };
    (cleanup != CleanupView::default()).then_some(cleanup)
}

/// When the next attempt is due, after a failure or a loss.
fn retry_at(last: Option<&Attempt>, losses: Losses) -> Option<Instant> {
    let after_loss = (losses.count > 0).then_some(losses.retry_at);
    last.map(|last| last.retry_at).max(after_loss).map(when)
}

/// The tokens of the webhooks that a turn disposes of, as the run stood before it.
pub(crate) fn tokens_of_disposed(run: &Run, turn: &Turn) -> BTreeSet<String> {
    if !turn.commands.iter().any(|command| command.disposed().is_some()) {
        return BTreeSet::new();
    }
    // Their numbers follow one another: a turn may begin and dispose of thousands.
    let begun: Vec<_> = turn.operations().collect();
    let begun = |op: Op| {
        let at = usize::try_from(op.0.checked_sub(turn.first_op.0)?).ok()?;
        begun.get(at).map(|(_, command)| *command)
    };
    let url_of = |op: Op| match run.operation(op) {
        Some(open) => open.webhook().map(|webhook| webhook.url.as_str()),
        None => begun(op)?.address().map(|(_token, url)| url.as_str()),
    };
    let disposed = turn.commands.iter().filter_map(|command| url_of(command.disposed()?));
    // The token is the last segment of the URL.
    disposed.filter_map(|url| url.rsplit('/').next().map(str::to_owned)).collect()
}

/// How many of the things that a workflow dropped are named.
const NAMED: usize = 5;

/// The first of these things, by their names.
fn named(things: &[String]) -> String {
    let more = if things.len() > NAMED { ", …" } else { "" };
    things[..things.len().min(NAMED)].join(", ") + more
}

/// That a workflow ended before steps that it had asked for, as those do that lose a race. A sleep that is
/// left is given up, and a webhook is not waited for to its end: neither is missed.
pub(crate) fn dropped_at_end(run: &Run, event: &Event, output: &Output) -> Option<LogLine> {
    if output.verdict == Verdict::Waiting {
        return None;
    }
    let others = run.open().filter(|(op, _)| event.op() != Some(*op));
    let before = others.filter_map(|(op, open)| Some(format!("`{}` ({op})", open.step()?.0.name)));
    let begun = output.commands.iter().filter_map(|command| Some(format!("`{}`", command.step()?)));
    let dropped: Vec<_> = before.chain(begun).collect();
    if dropped.is_empty() {
        return None;
    }
    let (count, named) = (dropped.len(), named(&dropped));
    let message =
        format!("the workflow ended before {count} of its steps, which are given up: {named}");
    Some(LogLine { level: Level::Info, message })
}

/// That a workflow ended in the turn in which it asked for children that end with it, or for signals to other
/// runs: nothing of that is begun.
pub(crate) fn not_begun_at_end(output: &Output) -> Option<LogLine> {
    if output.verdict == Verdict::Waiting {
        return None;
    }
    let not_begun = output.commands.iter().filter_map(|command| match command {
        Command::Child { workflow, policy: ClosePolicy::Cancel, .. } => {
            Some(format!("child `{}`", workflow.escape_debug()))
        }
        Command::Tell { name, .. } => Some(format!("signal `{}`", name.escape_debug())),
        // Steps are told of with those that are given up; of the rest nothing is missed.
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
        | Command::Write { .. }
        | Command::CloseStream { .. }
        | Command::SetAttribute { .. }
        | Command::RemoveAttribute { .. }
        | Command::Compensation { .. }
        | Command::Keep { .. }
        | Command::Unwind { .. }
        | Command::Undo { .. }
        | Command::Undone { .. }
        | Command::Shield
        | Command::Unshield { .. }
        | Command::Child { policy: ClosePolicy::Leave, .. }
        | Command::CancelChild { .. } => None,
    });
    let not_begun: Vec<_> = not_begun.collect();
    if not_begun.is_empty() {
        return None;
    }
    let message = format!(
        "the workflow ended in the turn in which it asked for what it did not await, so nothing of it is begun: {}",
        named(&not_begun)
    );
    Some(LogLine { level: Level::Warn, message })
}

#[cfg(test)]
mod tests {
    use segno_journal::{Answer, Timestamp};

    use super::*;

    /// Many enough that a search through the turn for each of them would not end.
    const MANY: u64 = 200_000;

    #[test]
    fn of_all_webhooks_that_a_turn_begins_and_disposes_of_the_tokens_are_known() {
        let create = |op| Command::Webhook {
            token: format!("t{op}"),
            url: format!("http://segno.test/t{op}"),
            answer: Answer::Accepted,
        };
        let turn = |seq, first_op, commands| {
            let event = if seq == 0 {
                Event::Started { input: "1".into() }
            } else {
                Event::Slept { op: Op(0) }
            };
            let verdict = Verdict::Waiting;
            Turn {
                seq,
                first_op: Op(first_op),
                at: Timestamp(1),
                event,
                commands,
                verdict,
                log: Vec::new(),
            }
        };
        let first = turn(0, 0, vec![Command::Sleep { until: Timestamp(1) }, create(1)]);
        let (run, _effects) = Run::new().apply(&first).expect("it follows");
        let begun = (2..MANY).map(create);
        let disposed = (0..MANY + 10).map(|op| Command::Dispose { inbox: Op(op) });
        let tokens = tokens_of_disposed(&run, &turn(1, 2, begun.chain(disposed).collect()));
        assert_eq!(tokens, (1..MANY).map(|op| format!("t{op}")).collect());
        assert!(tokens_of_disposed(&run, &turn(1, 2, vec![create(2)])).is_empty());
    }
}
