//! Opening a log: what is in it that the file of pages does not have yet.

use crate::store::error::{FirstFailure, LogTrouble, StoreError};
use crate::store::keyspace::changes::Changes;
use crate::store::keyspace::disk::base::LogState;
use crate::store::keyspace::disk::direct::BLOCK;
use crate::store::keyspace::disk::layer::{BatchNumber, Layer};
use crate::store::keyspace::disk::log::append::Log;
use crate::store::keyspace::disk::log::record::{self, Beginning, LogId};
use crate::store::keyspace::disk::log::segment::{Found, SEGMENTS, Segment};
use crate::store::keyspace::disk::watched::Watched;
use crate::store::place::At;

/// A log that is open, and the rows that only it has.
pub(in crate::store::keyspace::disk) struct Opened {
    pub(in crate::store::keyspace::disk) log: Log,
    /// The rows of the segment that is written.
    pub(in crate::store::keyspace::disk) active: Layer,
    /// Those of the other one, where the file of pages does not have them.
    pub(in crate::store::keyspace::disk) older: Option<Layer>,
    /// The last batch that was committed, or 0.
    pub(in crate::store::keyspace::disk) last: BatchNumber,
    /// The log is new, and the file of pages does not know it yet.
    pub(in crate::store::keyspace::disk) is_new: bool,
}

/// Opens the log that a file of pages speaks of, or makes one where it speaks of none.
///
/// # Errors
///
/// It cannot be read or written; it is missing, damaged, or that of another store. Nothing that is in it is
/// changed then.
pub(in crate::store::keyspace::disk) fn open(
    at: [At<'_>; SEGMENTS],
    files: [Watched; SEGMENTS],
    full_at: u64,
    state: Option<LogState>,
    first_failure: &FirstFailure,
) -> Result<Opened, StoreError> {
    let [first, second] = files;
    let segments = [Segment::open(first, full_at)?, Segment::open(second, full_at)?];
    let opening =
        Opening { at, segments, full_at, first_failure: FirstFailure::clone(first_failure) };
    match state {
        Some(state) => opening.go_on(state),
        None => opening.make(),
    }
}

struct Opening<'a> {
    at: [At<'a>; SEGMENTS],
    segments: [Segment; SEGMENTS],
    full_at: u64,
    first_failure: FirstFailure,
}

impl Opening<'_> {
    /// Makes a new log, unless there is one that belongs to something else.
    fn make(mut self) -> Result<Opened, StoreError> {
        for (segment, at) in self.segments.iter().zip(self.at) {
            if let Beginning::Newer(found) = segment.beginning()? {
                return Err(StoreError::Newer { found, known: record::VERSION });
            }
            // Of which log does not matter, nor whether it is damaged: it may be the last that there is.
            if segment.has_batches()? {
                return Err(at.log(LogTrouble::Foreign));
            }
        }
        let mut id = LogId::default();
        // Nobody has to guess it: it is only another one than that of any other store.
        getrandom::fill(&mut id).map_err(|error| at_failed(self.at[0], &error))?;
        self.segments.iter_mut().try_for_each(|segment| segment.format(id))?;
        Ok(self.into_opened(id, Placed::nothing(0), true))
    }

    /// Takes in what the file of pages does not have yet.
    fn go_on(self, LogState { id, applied }: LogState) -> Result<Opened, StoreError> {
        self.is_of(id)?;
        let mut placed = self.placed(id, applied)?;
        let last = self.holds(id, placed.last)?;
        if placed.goes_on.is_none() {
            // A log that never had a batch has nothing to be older than.
            if last.is_none() && applied > 0 {
                return Err(self.at[0].log(LogTrouble::Older));
            }
            // The last batch stays where it is until there is a later one: so it is known that this is the
            // log that the file was written from.
            placed.active = last.map_or(0, |segment| (segment + 1) % SEGMENTS);
        }
        // A host that was killed may have left what it had not synced; what is acted on now must stay.
        self.segments.iter().try_for_each(Segment::sync)?;
        Ok(self.into_opened(id, placed, false))
    }

    /// The segment in which this batch stands, if it does; there must be none behind it.
    fn holds(&self, id: LogId, last: BatchNumber) -> Result<Option<usize>, StoreError> {
        let mut holder = None;
        for (index, (segment, at)) in self.segments.iter().zip(self.at).enumerate() {
            let behind = segment.behind(id, last)?;
            if let Some(later) = behind.later {
                let missing = last + 1;
                return Err(at.corrupt(&format!(
                    "batch {missing} cannot be read, and batch {later} behind it can"
                )));
            }
            holder = behind.has_it.then_some(index).or(holder);
        }
        Ok(holder)
    }

    /// Whether both segments are of this log.
    fn is_of(&self, id: LogId) -> Result<(), StoreError> {
        for (segment, at) in self.segments.iter().zip(self.at) {
            match segment.beginning()? {
                Beginning::Of(found) if found == id => {}
                Beginning::Of(_) => return Err(at.log(LogTrouble::OfAnother)),
                Beginning::Newer(found) => {
                    return Err(StoreError::Newer { found, known: record::VERSION });
                }
                Beginning::Unknown if segment.is_blank() => return Err(at.log(LogTrouble::Missing)),
                Beginning::Unknown => return Err(at.corrupt("it does not begin as a log does")),
            }
        }
        Ok(())
    }

    /// The batches that follow what the file of pages has, in their order.
    fn placed(&self, id: LogId, applied: BatchNumber) -> Result<Placed, StoreError> {
        let mut order: Vec<_> = (0..SEGMENTS).collect();
        let first = |index: &usize| {
            let first = self.segments[*index].batch_at(id, BLOCK as u64);
            first.map(|found| found.map_or(BatchNumber::MAX, |found| found.number))
        };
        let firsts = order.iter().map(first).collect::<Result<Vec<_>, _>>()?;
        order.sort_by_key(|index| firsts[*index]);
        let mut placed = Placed::nothing(applied);
        for index in order {
            self.segments[index].visit(id, |found| placed.take(self.at[index], index, found))?;
        }
        Ok(placed)
    }

    fn into_opened(mut self, id: LogId, placed: Placed, is_new: bool) -> Opened {
        let Placed { last, layers, active, goes_on } = placed;
        if let Some(found) = &goes_on {
            self.segments[active].go_on_behind(found);
        }
        let [mut active_layer, mut older] = layers;
        if active == 1 {
            std::mem::swap(&mut active_layer, &mut older);
        }
        let log = Log {
            id,
            segments: self.segments,
            active,
            next: last + 1,
            full_at: self.full_at,
            buffer: Vec::new(),
            first_failure: self.first_failure,
        };
        let older = Some(older).filter(|layer| layer.last().is_some());
        Opened { log, active: active_layer, older, last, is_new }
    }
}

/// Batches that were found, by segment.
struct Placed {
    last: BatchNumber,
    layers: [Layer; SEGMENTS],
    /// The segment of the last one, which is written next.
    active: usize,
    /// The last one.
    goes_on: Option<Found>,
}

impl Placed {
    fn nothing(last: BatchNumber) -> Self {
        Self { last, layers: Default::default(), active: 0, goes_on: None }
    }

    fn take(&mut self, at: At<'_>, index: usize, found: Found) -> Result<(), StoreError> {
        if found.number <= self.last {
            return Ok(());
        }
        if found.number != self.last + 1 {
            return Err(at.corrupt(&format!(
                "batch {} is missing, and batch {} is there",
                self.last + 1,
                found.number
            )));
        }
        let mut changes = Changes::default();
        for row in record::rows(found.rows()) {
            let (table, key, value) = row.map_err(|record::Unknown| StoreError::Newer {
                found: record::VERSION + 1,
                known: record::VERSION,
            })?;
            changes.set(table, key, value);
        }
        self.layers[index].insert(found.number, changes);
        self.last = found.number;
        self.active = index;
        self.goes_on = Some(found);
        Ok(())
    }
}

fn at_failed(at: At<'_>, error: &getrandom::Error) -> StoreError {
    at.unusable(&std::io::Error::other(error.to_string()))
}
