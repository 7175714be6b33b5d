//! Hearing of turns as they happen.

use crate::engine::handle::Engine;
use crate::engine::outside::Watching;

impl Engine {
    /// Hears of each turn of any run from now on, once it is on disk. It costs the host one value a turn,
    /// however many watch, and holds up nobody: who is slow is told how much it missed.
    #[must_use]
    pub fn watch(&self) -> Watching {
        self.0.outside.watch()
    }
}
