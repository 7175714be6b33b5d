//! What the history of a run keeps beside its turns: blocks, resumes, changes of module, cancels, and
//! who asked for them.

use segno_api::cut;
use segno_journal::{ChildEnd, Digest, Event, Open, Run, RunId};

use crate::engine::inbox::Asker;
use crate::engine::shard::Shard;
use crate::engine::shard::active::Active;
use crate::engine::shard::log;
use crate::store::{Draft, Note, Noted, StoreError};

/// How long a text in a note may be, in bytes: as long as a line of the log of a run, since it is
/// often made of one.
const NOTE_TEXT: usize = 8 << 10;

/// How much of a value a note quotes, in bytes: enough to know it again.
const QUOTED: usize = 400;

impl Shard {
    /// A draft that also keeps a note of a run. A run that has ended gets no more notes.
    pub(crate) fn noted<T>(&mut self, id: RunId, draft: Draft<T>, what: Noted) -> Draft<T> {
        let Some(active) = self.runs.get_mut(&id) else { return draft };
        let number = match active.next_note.map_or_else(|| self.store.next_note(id), Ok) {
            Ok(number) => number,
            // A damaged row costs the run this note, and nothing else.
            Err(StoreError::Record { .. }) => return draft,
            Err(error) => {
                self.committer.give_up(error);
                return draft;
            }
        };
        active.next_note = Some(number.saturating_add(1));
        let at = self.outside.now().max(active.last_at);
        draft.with_note(id, number, &Note { turn: active.run.turns(), at, what: bounded(what) })
    }

    /// Keeps in mind who cancels a run, before it has its last turn.
    pub(crate) fn note_cancel(&mut self, id: RunId, by: Asker) {
        if let Some(active) = self.runs.get(&id) {
            log::cancelled(active, &by);
            let draft = self.noted(id, Draft::nothing(), Noted::Cancelled { by: by.into_name() });
            self.committer.submit(draft, |_written| {});
        }
    }

    /// A draft that keeps in mind who lets a run go on, and on which module.
    pub(crate) fn noted_resume(&mut self, id: RunId, module: Digest, by: Asker) -> Draft<()> {
        let Some(from) = self.runs.get(&id).map(|active| active.record.module) else {
            return Draft::nothing();
        };
        let mut draft = Draft::nothing();
        if from != module {
            draft = self.noted(
                id,
                draft,
                Noted::Moved { by: by.clone().into_name(), from, to: module },
            );
        }
        self.noted(id, draft, Noted::Resumed { by: by.into_name() })
    }
}

/// The note of a block: why, and what the run could not be given.
pub(crate) fn blocked(
    active: &Active,
    event: Option<&Event>,
    blocked: &segno_journal::Blocked,
) -> Noted {
    Noted::Blocked {
        blocked: blocked.clone(),
        event: event.map(|event| described(event, &active.run)),
    }
}

/// An event in words, with the beginning of what it brings.
fn described(event: &Event, run: &Run) -> String {
    let step = |op| match run.operation(op) {
        Some(Open::Step { call, .. }) => format!("step #{op} {}", call.name),
        Some(
            Open::Sleep { .. }
            | Open::Webhook(_)
            | Open::Hook(_)
            | Open::Signal(_)
            | Open::Child(_)
            | Open::Tell(_)
            | Open::Compensation(_)
            | Open::Shield { .. },
        )
        | None => format!("step #{op}"),
    };
    match event {
        Event::Started { input } => format!("its start with {}", cut(input, QUOTED)),
        Event::StepCompleted { op, output } => {
            format!("{} gave {}", step(*op), cut(output, QUOTED))
        }
        Event::StepFailed { op, failure } => {
            format!("{} failed: {}", step(*op), cut(&failure.message, QUOTED))
        }
        Event::Slept { op } => format!("sleep #{op} was over"),
        Event::Requested { op, request } => {
            let method = cut(&request.method, QUOTED);
            let bytes = request.body.len();
            format!("webhook #{op} was called: request {}, {method}, {bytes} bytes", request.number)
        }
        Event::Cancelled => "it was cancelled".to_owned(),
        Event::Cancelling { error: None, .. } => "it was told that it is cancelled".to_owned(),
        Event::Cancelling { error: Some(error), .. } | Event::Expired { error } => {
            format!("its time was over: {}", cut(error, QUOTED))
        }
        Event::Retried { .. } => "it was tried again".to_owned(),
        Event::Forked { .. } => "it was forked".to_owned(),
        Event::Woken { op, .. } => format!("sleep #{op} was ended early"),
        Event::ChildEnded { op, end: ChildEnd::Completed(output) } => {
            format!("child #{op} gave {}", cut(output, QUOTED))
        }
        Event::ChildEnded { op, end: ChildEnd::Failed(error) } => {
            format!("child #{op} failed: {}", cut(error, QUOTED))
        }
        Event::ChildEnded { op, end: ChildEnd::Cancelled } => format!("child #{op} was cancelled"),
        Event::Told { op } => format!("signal #{op} to another run was taken"),
        Event::NotTold { op, .. } => format!("signal #{op} to another run was not taken"),
        Event::HookOpened { op } => format!("hook #{op} has its token"),
        Event::HookTaken { op, owner } => {
            format!("the token of hook #{op} is in use by {}", cut(owner, QUOTED))
        }
        Event::HookReceived { op, payload } => {
            format!("hook #{op} was sent {}", cut(payload, QUOTED))
        }
        Event::Signalled { signal } => {
            let (name, payload) = (cut(&signal.name, QUOTED), cut(&signal.payload, QUOTED));
            format!("signal {} `{name}` came with {payload}", signal.number)
        }
    }
}

/// The note with texts that are not too long.
fn bounded(what: Noted) -> Noted {
    match what {
        Noted::Blocked { mut blocked, event } => {
            blocked.message = cut(&blocked.message, NOTE_TEXT);
            Noted::Blocked { blocked, event: event.map(|event| cut(&event, NOTE_TEXT)) }
        }
        what @ (Noted::Resumed { .. }
        | Noted::Moved { .. }
        | Noted::Cancelled { .. }
        | Noted::Paused { .. }) => what,
    }
}
