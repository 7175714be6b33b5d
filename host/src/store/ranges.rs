//! Ranges of keys that a list goes on with.

use std::ops::{Bound, RangeBounds};

use segno_journal::RunId;

/// The keys behind one; all of them where none is given.
pub(crate) struct Behind<'a>(Option<&'a [u8]>);

impl<'a> Behind<'a> {
    pub(crate) const fn new(key: Option<&'a [u8]>) -> Self {
        Self(key)
    }
}

impl RangeBounds<[u8]> for Behind<'_> {
    fn start_bound(&self) -> Bound<&[u8]> {
        self.0.map_or(Bound::Unbounded, Bound::Excluded)
    }

    fn end_bound(&self) -> Bound<&[u8]> {
        Bound::Unbounded
    }
}

/// All keys that begin with a run and go on behind it.
pub(crate) struct RowsOfRun {
    run: [u8; 16],
    /// Nothing behind the last run that there can be.
    next: Option<[u8; 16]>,
}

impl RowsOfRun {
    pub(crate) fn new(run: RunId) -> Self {
        let run = run.to_bytes();
        let next = u128::from_be_bytes(run).checked_add(1).map(u128::to_be_bytes);
        Self { run, next }
    }
}

impl RangeBounds<[u8]> for RowsOfRun {
    fn start_bound(&self) -> Bound<&[u8]> {
        Bound::Included(&self.run)
    }

    fn end_bound(&self) -> Bound<&[u8]> {
        self.next.as_ref().map_or(Bound::Unbounded, |next| Bound::Excluded(next))
    }
}

/// The keys of the runs before one; of all of them where none is given.
pub(crate) struct RunsBefore([u8; 16]);

impl RunsBefore {
    pub(crate) fn new(run: Option<RunId>) -> Self {
        Self(run.unwrap_or_else(|| RunId::from_bytes([0xff; 16])).to_bytes())
    }
}

impl RangeBounds<[u8]> for RunsBefore {
    fn start_bound(&self) -> Bound<&[u8]> {
        Bound::Unbounded
    }

    fn end_bound(&self) -> Bound<&[u8]> {
        Bound::Excluded(&self.0)
    }
}
