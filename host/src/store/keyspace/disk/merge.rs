//! Reading the layers and the file of pages as one: where several know a row, the newest counts.

use std::cmp::Ordering;

use crate::store::error::StoreError;
use crate::store::keyspace::changes::Shared;
use crate::store::keyspace::disk::lent::Row;
use crate::store::keyspace::disk::{base, layer};

/// Where rows come from: layers, the newest first, and the file last.
const SOURCES: usize = 3;

/// Rows that are being read, from either end.
pub(in crate::store) struct Range<'a> {
    sources: [Option<Ends<'a>>; SOURCES],
}

/// The end of a range from which it is read.
#[derive(Clone, Copy)]
enum End {
    Front,
    Back,
}

impl End {
    /// Which of two keys comes first from here.
    fn compare(self, one: &[u8], other: &[u8]) -> Ordering {
        match self {
            Self::Front => one.cmp(other),
            Self::Back => other.cmp(one),
        }
    }
}

impl<'a> Range<'a> {
    pub(super) fn new(
        layers: [Option<layer::Range<'a>>; SOURCES - 1],
        base: base::Range<'a>,
    ) -> Self {
        let [newest, older] = layers.map(|rows| rows.map(|rows| Ends::new(Rows::Layer(rows))));
        Self { sources: [newest, older, Some(Ends::new(Rows::Base(base)))] }
    }

    fn step(&mut self, end: End) -> Option<Result<Row<'a>, StoreError>> {
        loop {
            match self.newest(end) {
                Ok(Some(Found::Row(row))) => return Some(Ok(row)),
                // It was taken away: it is none.
                Ok(Some(Found::Gone(_))) => {}
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Takes what comes first from an end, and what is older of the same row.
    fn newest(&mut self, end: End) -> Result<Option<Found<'a>>, StoreError> {
        let mut first: Option<usize> = None;
        for index in 0..SOURCES {
            let Some(source) = &mut self.sources[index] else { continue };
            if !source.look(end)? {
                self.sources[index] = None;
                continue;
            }
            let comes_first =
                first.is_none_or(|first| self.compare(end, index, first) == Ordering::Less);
            first = if comes_first { Some(index) } else { first };
        }
        let Some(first) = first else { return Ok(None) };
        for older in first + 1..SOURCES {
            if self.sources[older].is_some() && self.compare(end, older, first) == Ordering::Equal {
                let _older = self.take(older, end);
            }
        }
        Ok(self.take(first, end))
    }

    /// Which of two sources that were looked at comes first.
    fn compare(&self, end: End, one: usize, other: usize) -> Ordering {
        let key = |index: usize| self.sources[index].as_ref().and_then(|ends| ends.key(end));
        match (key(one), key(other)) {
            (Some(one), Some(other)) => end.compare(one, other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        }
    }

    fn take(&mut self, index: usize, end: End) -> Option<Found<'a>> {
        self.sources[index].as_mut()?.slot(end).take()
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Result<Row<'a>, StoreError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.step(End::Front)
    }
}

impl DoubleEndedIterator for Range<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(End::Back)
    }
}

/// What a source has of a key.
enum Found<'a> {
    Row(Row<'a>),
    /// The row was taken away.
    Gone(Shared),
}

impl Found<'_> {
    fn key(&self) -> &[u8] {
        match self {
            Self::Row(row) => row.key(),
            Self::Gone(key) => key,
        }
    }
}

/// The rows of one source.
enum Rows<'a> {
    Layer(layer::Range<'a>),
    Base(base::Range<'a>),
}

impl<'a> Rows<'a> {
    fn read(&mut self, end: End) -> Option<Result<Found<'a>, StoreError>> {
        match self {
            Self::Layer(rows) => {
                let (key, value) = match end {
                    End::Front => rows.next()?,
                    End::Back => rows.next_back()?,
                };
                Some(Ok(match value {
                    Some(value) => Found::Row(Row::Shared(key, value)),
                    None => Found::Gone(key),
                }))
            }
            Self::Base(rows) => {
                let row = match end {
                    End::Front => rows.next()?,
                    End::Back => rows.next_back()?,
                };
                Some(row.map(|row| Found::Row(Row::Page(row))))
            }
        }
    }
}

/// A source, and what was read of it at either end and not given yet.
struct Ends<'a> {
    rows: Rows<'a>,
    front: Option<Found<'a>>,
    back: Option<Found<'a>>,
}

impl<'a> Ends<'a> {
    fn new(rows: Rows<'a>) -> Self {
        Self { rows, front: None, back: None }
    }

    fn slot(&mut self, end: End) -> &mut Option<Found<'a>> {
        match end {
            End::Front => &mut self.front,
            End::Back => &mut self.back,
        }
    }

    /// The key at an end, once it was looked at.
    fn key(&self, end: End) -> Option<&[u8]> {
        match end {
            End::Front => self.front.as_ref().map(Found::key),
            End::Back => self.back.as_ref().map(Found::key),
        }
    }

    /// Reads what lies at an end, unless it is read already. Says whether there is anything.
    fn look(&mut self, end: End) -> Result<bool, StoreError> {
        if self.slot(end).is_none() {
            *self.slot(end) = match self.rows.read(end) {
                Some(read) => Some(read?),
                // Where both ends meet, the last one may have been read from the other.
                None => match end {
                    End::Front => self.back.take(),
                    End::Back => self.front.take(),
                },
            };
        }
        Ok(self.slot(end).is_some())
    }
}
