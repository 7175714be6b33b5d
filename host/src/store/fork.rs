//! What a fork has of the run that it leaves: copies of its turns, or of an image and the turns behind that; what
//! that had shown by then, and by what it was found. What it wrote into its streams stays with it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use segno_journal::{Command, Digest, Event, Fault, Run, RunId, Turn};

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
    image: Option<(u64, ImageRecord, Vec<u8>)>,
    shown: BTreeMap<String, String>,
    attributes: BTreeMap<String, Attribute>,
}

/// Why the turns of a run cannot be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoCopy {
    /// They are too many, and no image stands for the first of them.
    #[error(
        "more than {MAX_COPIED} turns or {MAX_COPIED_BYTES} bytes of them would be copied, and it has no image on that \
         module that stands for the first of them: give an earlier turn, or a module on which it has one"
    )]
    TooMuch,
    /// Some were forgotten, and no image stands for them.
    #[error(
        "some of its turns up to there were forgotten, as its workflow wishes with `history`, and it has no image on \
         that module that stands for them: give a later turn, or a module on which it has one"
    )]
    Forgotten,
}

impl Store {
    /// What a fork has that leaves a run before a turn, and goes on on this module. The store is at one moment.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn to_copy(
        &self,
        run: RunId,
        turn: u64,
        module: Digest,
    ) -> Result<Result<Copied, NoCopy>, StoreError> {
        let is_whole = self.first_turn_after(run, 0)?.is_none_or(|first| first <= 1);
        let whole = if is_whole { self.turns_to_copy(run, 0..turn)? } else { None };
        let (turns, image) = match whole {
            Some(turns) => (turns, None),
            None => match self.behind_an_image(run, turn, module)? {
                Some((turns, image)) => (turns, Some(image)),
                None if is_whole => return Ok(Err(NoCopy::TooMuch)),
                None => return Ok(Err(NoCopy::Forgotten)),
            },
        };
        let mut copied =
            Copied { turns, image, shown: BTreeMap::new(), attributes: self.attributes(run)? };
        match &copied.image {
            // What was set later is not known of then.
            None => copied.attributes.retain(|_, attribute| attribute.given),
            Some((_, image, _)) => {
                for name in image.run.published() {
                    let value = self.published(run, name)?;
                    copied.shown.extend(value.map(|value| (name.to_owned(), value)));
                }
            }
        }
        copied.follow();
        Ok(Ok(copied))
    }

    /// The newest image of a run on a module that has not come further than before a turn, turn 0, and the turns from the last one
    /// on for which it stands.
    #[expect(clippy::type_complexity, reason = "the parts of what is copied")]
    fn behind_an_image(
        &self,
        run: RunId,
        turn: u64,
        module: Digest,
    ) -> Result<Option<(Vec<Turn>, (u64, ImageRecord, Vec<u8>))>, StoreError> {
        for (position, image) in self.images(run)? {
            let Ok(image) = image else { continue };
            let is_of_use = (1..=turn).contains(&position)
                && image.module == module
                && image.run.turns() == position;
            if !is_of_use {
                continue;
            }
            let Ok(blocks) = self.image_blocks(run, position, &image) else { continue };
            let (first, last) = (self.turn(run, 0)?, position - 1);
            let Some(mut behind) = self.turns_to_copy(run, last..turn)? else { continue };
            if behind.first().is_none_or(|turn| turn.seq != last) {
                continue;
            }
            if last > 0 {
                behind.splice(0..0, first);
            }
            return Ok(Some((behind, (position, image, blocks))));
        }
        Ok(None)
    }

    /// These turns of a run; nothing where they are too much to be copied.
    fn turns_to_copy(
        &self,
        run: RunId,
        range: std::ops::Range<u64>,
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

    /// What the run was started with, where that is known.
    #[must_use]
    pub fn input(&self) -> Option<&str> {
        match &self.turns.first()?.event {
            Event::Started { input } => Some(input),
            _ => None,
        }
    }

    /// Follows what the workflow showed and set in the turns.
    fn follow(&mut self) {
        for command in self.turns.iter().flat_map(|turn| &turn.commands) {
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
