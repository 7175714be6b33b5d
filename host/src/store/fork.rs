//! What a fork has of the run that it leaves: copies of its turns, or of an image and the turns behind that; what
//! that had shown by then, and by what it was found. What it wrote into its streams stays with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use segno_journal::{Command, Digest, Fault, Run, RunId, Turn};

use crate::store::codec;
use crate::store::draft::Draft;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::images::ImageRecord;
use crate::store::keys;
use crate::store::payloads;
use crate::store::records::Attribute;
use crate::store::tables::Table;

/// How many turns are copied at once at most: they are written in one commit.
const MAX_COPIED: usize = 10_000;

/// How many bytes of them are.
const MAX_COPIED_BYTES: usize = 16 << 20;

/// What a fork has of the run that it leaves.
#[derive(Debug)]
pub struct Copied {
    turns: Vec<Turn>,
    /// What stands for the turns that are not there: an image at this position, and its blocks.
    image: Option<WholeImage>,
    shown: BTreeMap<String, String>,
    attributes: BTreeMap<String, Attribute>,
}

/// Why the turns of a run cannot be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoCopy {
    /// They are too many, and no image stands for the first of them.
    #[error(
        "more than {MAX_COPIED} turns or {MAX_COPIED_BYTES} bytes of them would be copied, and there is no image on \
         that module that stands for the first of them, as there is of a run that goes on: give an earlier turn"
    )]
    TooMuch,
    /// Some were forgotten, and no image stands for them.
    #[error(
        "some of its turns up to there were forgotten, as its workflow wishes with `history`, and there is no image on \
         that module that stands for them, as there is of a run that goes on or has failed: give a later turn"
    )]
    Forgotten,
}

/// An image: its position, what it says, and its blocks.
type WholeImage = (u64, ImageRecord, Vec<u8>);

impl Store {
    /// What a fork has that leaves a run before a turn; it goes on on this module, through this world between guest
    /// and host. The store is at one moment.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn to_copy(
        &self,
        run: RunId,
        turn: u64,
        of: (Digest, &str),
    ) -> Result<Result<Copied, NoCopy>, StoreError> {
        let is_whole = self.first_turn_after(run, 0)?.is_none_or(|first| first <= 1);
        let whole = if is_whole { self.turns_to_copy(run, 0..turn)? } else { None };
        let image = self.image_to_copy(run, turn, of)?;
        let is_all = whole.is_some();
        let behind = match (&whole, &image) {
            (None, Some((position, ..))) => self.turns_behind(run, *position..turn)?,
            (Some(_), _) | (None, None) => None,
        };
        let Some(turns) = whole.or(behind) else {
            return Ok(Err(if is_whole { NoCopy::TooMuch } else { NoCopy::Forgotten }));
        };
        let mut attributes = self.attributes(run)?;
        let mut shown = BTreeMap::new();
        if is_all {
            attributes.retain(|_, attribute| attribute.given);
        } else if let Some((_, image, _)) = &image {
            for name in image.run.published() {
                let value = self.published(run, name)?;
                shown.extend(value.map(|value| (name.to_owned(), value)));
            }
        }
        Ok(Ok(Copied { turns, image, shown, attributes }))
    }

    /// The newest image of a run that can be used, and has not come further than before a turn.
    fn image_to_copy(
        &self,
        run: RunId,
        turn: u64,
        (module, abi): (Digest, &str),
    ) -> Result<Option<WholeImage>, StoreError> {
        for (position, image) in self.images(run)? {
            let Ok(image) = image else { continue };
            let is_of_use = (1..=turn).contains(&position)
                && (image.module, &*image.abi) == (module, abi)
                && image.run.turns() == position;
            if is_of_use && let Ok(blocks) = self.image_blocks(run, position, &image) {
                return Ok(Some((position, image, blocks)));
            }
        }
        Ok(None)
    }

    /// Turn 0 of a run, and those from the last one on for which an image stands at the beginning of the range;
    /// nothing where they are too much to be copied, or are not there.
    fn turns_behind(&self, run: RunId, range: Range<u64>) -> Result<Option<Vec<Turn>>, StoreError> {
        let last = range.start.saturating_sub(1);
        let behind = self.turns_to_copy(run, last..range.end)?;
        let Some(mut turns) =
            behind.filter(|behind| behind.first().is_some_and(|it| it.seq == last))
        else {
            return Ok(None);
        };
        if last > 0 {
            turns.splice(0..0, self.turn(run, 0)?);
        }
        Ok(Some(turns))
    }

    /// These turns of a run; nothing where they are too much to be copied.
    fn turns_to_copy(
        &self,
        run: RunId,
        range: Range<u64>,
    ) -> Result<Option<Vec<Turn>>, StoreError> {
        let (mut turns, mut bytes) = (Vec::new(), 0);
        let mut is_too_much = false;
        self.visit_turns(run, range.start, |turn| {
            if turn.seq >= range.end {
                return ControlFlow::Break(());
            }
            bytes += turn.size();
            is_too_much = turns.len() >= MAX_COPIED || bytes > MAX_COPIED_BYTES;
            turns.push(turn);
            if is_too_much { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok((!is_too_much).then_some(turns))
    }
}

impl Copied {
    /// The state of the run then.
    ///
    /// # Errors
    ///
    /// Its turns do not belong together.
    pub fn state(&self) -> Result<Run, Fault> {
        let run = self.image.as_ref().map_or_else(Run::new, |(_, image, _)| image.run.clone());
        let from = run.turns();
        let behind = self.turns.iter().filter(|turn| turn.seq >= from);
        behind.into_iter().try_fold(run, |run, turn| Ok(run.apply(turn)?.0))
    }

    /// The last of the turns.
    #[must_use]
    pub fn last(&self) -> Option<&Turn> {
        self.turns.last()
    }

    /// The position of the image, where there are not all turns.
    fn image_only(&self) -> Option<u64> {
        let (position, ..) = self.image.as_ref()?;
        let is_whole = self.turns.get(1).is_none_or(|second| second.seq == 1);
        (!is_whole).then_some(*position)
    }

    /// Without what was shown and set later, of which nobody knows what it was then: the values of the turns count.
    pub fn settle(&mut self, later: &Later) {
        self.shown.retain(|name, _| !later.shown.contains(name));
        self.attributes.retain(|name, it| it.given || !later.attributes.contains(name));
        // Between turn 0 and those behind an image there may have been others.
        let known = self.image_only().map_or(0, |position| position.saturating_sub(1));
        let turns = self.turns.iter().filter(|turn| turn.seq >= known);
        for command in turns.flat_map(|turn| &turn.commands) {
            if let Command::Publish { name, value } = command {
                self.shown.insert(name.clone(), value.clone());
            }
            match command.attribute() {
                Some((name, Some(value))) => {
                    let attribute = Attribute { value: value.clone(), given: false };
                    self.attributes.insert(name.to_owned(), attribute);
                }
                Some((name, None)) => _ = self.attributes.remove(name),
                None => {}
            }
        }
    }
}

/// What a run has shown and set after the turns that are copied, by name.
#[derive(Debug, Default)]
pub struct Later {
    shown: BTreeSet<String>,
    attributes: BTreeSet<String>,
}

impl Later {
    /// Notes what was shown and set in a turn.
    pub fn note(&mut self, turn: &Turn) {
        for command in &turn.commands {
            if let Command::Publish { name, .. } = command {
                self.shown.insert(name.clone());
            }
            self.attributes.extend(command.attribute().map(|(name, _)| name.to_owned()));
        }
    }
}

impl<T> Draft<T> {
    /// Also gives a new run the turns of another one, and behind them the one that says so.
    pub fn with_copied(mut self, run: RunId, copied: Copied, forked: Turn) -> Self {
        let Copied { turns, image, shown, attributes } = copied;
        for mut turn in turns.into_iter().chain([forked]) {
            let (record, payloads) = payloads::encode(&mut turn);
            self.rows.put(Table::Turns, keys::numbered(run, turn.seq), record);
            payloads::merge(&mut self.rows.payloads, payloads);
        }
        for (name, value) in shown {
            self.rows.put(Table::Published, keys::named(run, &name), codec::encode(&value));
        }
        for (name, attribute) in attributes {
            self.rows.put(Table::Attributes, keys::named(run, &name), codec::encode(&attribute));
        }
        match image {
            Some((position, image, blocks)) => self.with_image(run, position, image, blocks),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests;
