//! When the host forgets what it keeps no longer, and how far that is.

use parking_lot::Mutex;

use crate::engine::admission::chore::Chore;
use crate::store::StraysFrom;

/// When something is forgotten, and how far that is.
#[derive(Default)]
pub(crate) struct Forgetting {
    /// A sweep at a time.
    pub(crate) chore: Chore,
    strays: Mutex<StraysFrom>,
}

impl Forgetting {
    /// Where the look at what leads to runs goes on.
    pub(crate) fn looked_at(&self) -> StraysFrom {
        self.strays.lock().clone()
    }

    /// It goes on there.
    pub(crate) fn look_from(&self, place: StraysFrom) {
        *self.strays.lock() = place;
    }
}
