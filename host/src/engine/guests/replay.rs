//! Making the guest of a run again: from its newest image and the turns behind it, or from all its
//! turns. An image is always disposable: what is wrong with one is a reason to use the next, and
//! never an error.

use std::ops::ControlFlow;

use segno_journal::{BlockKind, Blocked, Event, Turn, divergence};

use crate::engine::guests::cannot_turn::CannotTurn;
use crate::engine::guests::run_at::RunAt;
use crate::engine::metrics::{ImageFallback, Metrics};
use crate::sandbox::{ABI, Guest, Image, Module, Moment, NoGuest, Quota, Tokens};
use crate::store::{FoundImage, ImageRecord, Store, StoreError};

/// What it takes to make a guest again.
pub(crate) struct Replay<'a> {
    pub(crate) store: &'a Store,
    pub(crate) module: Module,
    pub(crate) quota: Quota,
    /// Whether each guest that comes from an image is compared with one that is replayed.
    pub(crate) verify: bool,
    /// Counts the guests that are brought back; nothing counts copies.
    pub(crate) metrics: Option<&'a Metrics>,
    /// Asked before each turn, and says why no more shall be given.
    pub(crate) goes_on: &'a dyn Fn() -> Result<(), CannotTurn>,
}

/// Why an image is of no use.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it is of another module or of another version of the interface")]
    Foreign,
    #[error("{0}")]
    Damaged(String),
    // The same: what a guest says as it stops is its own.
    #[error("its guest could not take it ({0})")]
    Refused(BlockKind),
    // Not with its message, which quotes what the workflow was given.
    #[error("the turns behind it do not follow from it ({0})")]
    Diverged(BlockKind),
    #[error("there is no room for its guest: {0}")]
    NoRoom(String),
}

impl Unusable {
    const fn label(&self) -> ImageFallback {
        match self {
            Self::Foreign => ImageFallback::Foreign,
            Self::Damaged(_) | Self::Refused(_) | Self::NoRoom(_) => ImageFallback::Damaged,
            Self::Diverged(_) => ImageFallback::Diverged,
        }
    }
}

/// The images of a run that are on disk, newest first: those that were not tried yet, and which of the
/// others could not be used.
struct Found {
    images: std::vec::IntoIter<FoundImage>,
    unusable: Vec<u64>,
}

impl Replay<'_> {
    /// A guest that is where the run is, and the positions of the images that were found and could not
    /// be used. All turns of the run are on disk.
    pub(crate) fn guest(&self, run: RunAt<'_>) -> Result<(Guest, Vec<u64>), CannotTurn> {
        // One that has had no turn has nothing to be read, and nothing to come back to.
        if run.turns == 0 {
            return Ok((self.fresh(run, 0)?, Vec::new()));
        }
        let mut images =
            Found { images: self.store.images(run.id)?.into_iter(), unusable: Vec::new() };
        let guest = match self.load_first(run, &mut images)? {
            Some((position, guest)) if self.verify => {
                self.verified(run, (position, guest), &mut images)?
            }
            Some((_, guest)) => guest,
            None => self.replay_all(run)?,
        };
        Ok((guest, images.unusable))
    }

    /// A guest that is where the run is, from what it was after so many turns.
    pub(crate) fn guest_behind(
        &self,
        run: RunAt<'_>,
        (turns, image): (u64, Image),
    ) -> Result<Guest, CannotTurn> {
        let mut guest = self.fresh(run, turns.saturating_sub(1))?;
        guest.load(image)?;
        self.give_turns(run, &mut guest, turns)?;
        Ok(guest)
    }

    /// A guest from the first of these images that can be used, and the position of that.
    fn load_first(
        &self,
        run: RunAt<'_>,
        found: &mut Found,
    ) -> Result<Option<(u64, Guest)>, CannotTurn> {
        for (position, image) in found.images.by_ref() {
            // A copy of the past has not come so far.
            if position > run.turns {
                continue;
            }
            match self.load(run, position, image) {
                Ok(guest) => return Ok(Some((position, guest))),
                Err(Unusable::NoRoom(message)) => return Err(CannotTurn::NoRoom(message)),
                Err(unusable) => {
                    self.note_unusable(run, position, &unusable);
                    found.unusable.push(position);
                }
            }
        }
        Ok(None)
    }

    /// That an image is of no use. Where a copy finds that, the run itself has heard of it or will.
    fn note_unusable(&self, run: RunAt<'_>, position: u64, unusable: &Unusable) {
        let Some(metrics) = self.metrics else {
            return tracing::debug!(run = %run.id, position, reason = %unusable, "an image is not used");
        };
        metrics.guests.image_fell_back(unusable.label());
        tracing::warn!(run = %run.id, position, reason = %unusable, "an image is not used");
    }

    /// A fresh guest that becomes the run of an image, and is given the turns behind it.
    fn load(
        &self,
        run: RunAt<'_>,
        position: u64,
        image: Result<ImageRecord, StoreError>,
    ) -> Result<Guest, Unusable> {
        let damaged = |error: &dyn std::fmt::Display| Unusable::Damaged(error.to_string());
        let image = image.map_err(|error| damaged(&error))?;
        if image.module != self.module.digest() || image.abi != ABI {
            return Err(Unusable::Foreign);
        }
        let blocks =
            self.store.image_blocks(run.id, position, &image).map_err(|error| damaged(&error))?;
        let length =
            usize::try_from(image.length).ok().filter(|length| *length <= self.quota.memory);
        let length =
            length.ok_or_else(|| damaged(&"it is larger than the memory that a run may have"))?;
        let memory = self.module.unpack(length, &blocks).map_err(|error| damaged(&error))?;
        let mut guest =
            self.fresh(run, position.saturating_sub(1)).map_err(|no_guest| match no_guest {
                NoGuest::NoRoom(message) => Unusable::NoRoom(message),
                NoGuest::Stopped(blocked) => Unusable::Refused(blocked.kind),
            })?;
        let image = Image { pages: image.pages, operations: image.run.operations(), memory };
        guest.load(image).map_err(|blocked| Unusable::Refused(blocked.kind))?;
        match self.give_turns(run, &mut guest, position) {
            Ok(()) => {
                if let Some(metrics) = self.metrics {
                    metrics.guests.image_loads.inc();
                }
                Ok(guest)
            }
            Err(CannotTurn::Blocked(blocked)) => Err(Unusable::Diverged(blocked.kind)),
            Err(CannotTurn::NoRoom(message)) => Err(Unusable::NoRoom(message)),
            Err(CannotTurn::Store(error)) => Err(damaged(&error)),
        }
    }

    /// A fresh guest that is given all turns of the run.
    fn replay_all(&self, run: RunAt<'_>) -> Result<Guest, CannotTurn> {
        let first = run.images.first_turn();
        if !run.images.has_whole_journal() {
            let message = format!(
                "none of its images can be used, and its turns before {first} were forgotten, as its workflow \
                 wishes with `history`; resume it on the module that it was on, or start it again"
            );
            return Err(Blocked { kind: BlockKind::Journal, message }.into());
        }
        let mut guest = self.fresh(run, 0)?;
        self.give_turns(run, &mut guest, 0)?;
        if let Some(metrics) = self.metrics {
            metrics.guests.replays.inc();
        }
        Ok(guest)
    }

    /// A guest that is told of its run what it is told in a turn.
    fn fresh(&self, run: RunAt<'_>, turn: u64) -> Result<Guest, NoGuest> {
        self.module.instantiate(run.facts(turn), self.quota)
    }

    /// Gives a guest the recorded turns from a position on; it gives the recorded commands.
    fn give_turns(&self, run: RunAt<'_>, guest: &mut Guest, from: u64) -> Result<(), CannotTurn> {
        let mut replayed = Ok(from);
        self.store.visit_turns(run.id, from, |turn| {
            if turn.seq >= run.turns {
                return ControlFlow::Break(());
            }
            let expected = *replayed.as_ref().unwrap_or(&from);
            replayed =
                (self.goes_on)().and_then(|()| Ok(replay_turn(guest, &turn, expected, run)?));
            if replayed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let replayed = replayed?;
        let expected = run.turns;
        if replayed == expected {
            return Ok(());
        }
        let message = format!(
            "its journal has {replayed} turns, but {expected} are known to have been committed"
        );
        Err(Blocked { kind: BlockKind::Journal, message }.into())
    }

    /// The guest that comes from an image, if the other way gives the same memory; or else that of
    /// the other way. That is a replay of all turns, or an older image where the turns before were
    /// forgotten; where there is neither, nothing is compared.
    fn verified(
        &self,
        run: RunAt<'_>,
        (position, mut guest): (u64, Guest),
        older: &mut Found,
    ) -> Result<Guest, CannotTurn> {
        let other = match run.images.has_whole_journal() {
            true => Some(self.replay_all(run)?),
            false => self.load_first(run, older)?.map(|(_, guest)| guest),
        };
        let Some(mut other) = other else { return Ok(guest) };
        if guest.save()? == other.save()? {
            return Ok(guest);
        }
        if let Some(metrics) = self.metrics {
            metrics.guests.image_fell_back(ImageFallback::Mismatch);
        }
        tracing::error!(
            run = %run.id,
            position,
            "an image gives another memory than the turns do; the turns stand"
        );
        older.unusable.push(position);
        Ok(other)
    }
}

fn replay_turn(
    guest: &mut Guest,
    turn: &Turn,
    expected: u64,
    run: RunAt<'_>,
) -> Result<u64, Blocked> {
    if turn.seq != expected {
        let message = format!("turn {} stands where turn {expected} belongs", turn.seq);
        return Err(Blocked { kind: BlockKind::Journal, message });
    }
    if turn.first_op.0 != guest.operations() {
        let seq = turn.seq;
        let found = turn.first_op;
        let given = guest.operations();
        let message =
            format!("turn {seq} says that {found} operations began before it, but {given} did");
        return Err(Blocked { kind: BlockKind::Journal, message });
    }
    match turn.event {
        Event::Retried { .. } => {
            guest.skip_to(turn.next_op());
            return Ok(turn.seq + 1);
        }
        Event::Forked { .. } => {
            guest.be_told(run.facts(turn.seq));
            return Ok(turn.seq + 1);
        }
        _ => {}
    }
    let moment = Moment { seq: turn.seq, at: turn.at };
    let output = guest.turn(&turn.event, moment, Tokens::recorded(&turn.commands))?;
    divergence::check(turn, &output.commands, &output.verdict).map_err(|divergence| Blocked {
        kind: BlockKind::Divergence,
        message: format!(
            "{divergence}; deploy the code that it was started with, or resume it on a module that agrees"
        ),
    })?;
    Ok(turn.seq + 1)
}
