//! What the guests of a host really hold, which is more than they are counted for where they write to
//! memory that usual ones leave alone. What a guest has written the system knows, and so it is asked how
//! much this process holds.

use std::fs::File;
use std::sync::LazyLock;

use crate::engine::clock::Clock;
use crate::engine::config::Config;

/// After how many guests that were kept, over all shards, the system is asked again. Each may hold 2 MiB
/// that are not counted, so that the host comes to hold 128 MiB between two questions.
const EVERY: usize = 64;

/// How many times that long the system is not asked where it was of no use to let guests go.
const LONGEST: usize = 16;

/// What a host may hold besides guests and what has a bound of its own in [`Config`]: code, journals of
/// a hundred thousand runs, bodies and answers under way.
const BESIDES: usize = 512 << 20;

/// How much a guest gives back at least that held more than it was counted for, in bytes.
const TELLING: usize = 256 << 10;

/// Whether the guests of a shard have to be counted in another way than by what usual ones hold.
pub(crate) enum Pressure {
    /// They are not: time is not that of the machine, and what happens must not depend on the machine.
    Ignored,
    /// They are counted whole, because the system does not say what a process holds.
    Unknown,
    /// They are, once the process holds too much.
    Suspects(Scale),
}

/// What is looked at, and when.
pub(crate) struct Scale {
    /// How many bytes the process may hold.
    limit: usize,
    /// After how many guests of this shard the system is asked.
    every: usize,
    /// The same, as long as it is of no use to let guests go.
    pause: usize,
    /// How many were kept since the system was asked.
    kept: usize,
    /// Whether it was too much when the system was asked.
    is_high: bool,
}

impl Pressure {
    /// The pressure on a host that is configured so.
    pub(crate) fn on(config: &Config, clock: &Clock) -> Self {
        match (clock, resident()) {
            (Clock::Virtual(_), _) => Self::Ignored,
            (Clock::System, None) => Self::Unknown,
            (Clock::System, Some(_)) => Self::Suspects(Scale::new(limit(config), config.shards)),
        }
    }

    /// Whether a guest is counted for all the memory that it has, touched or not.
    pub(crate) const fn counts_whole(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// One more guest is kept.
    pub(crate) const fn kept(&mut self) {
        if let Self::Suspects(scale) = self {
            scale.kept += 1;
        }
    }

    /// How much the process holds, where that is so much that guests have to go although they are within
    /// their budget.
    pub(crate) fn too_high(&mut self) -> Option<usize> {
        match self {
            Self::Suspects(scale) if scale.kept >= scale.pause => scale.look(resident()),
            Self::Ignored | Self::Unknown | Self::Suspects(_) => None,
        }
    }

    /// So many guests were let go when the process held so much.
    pub(crate) fn eased(&mut self, before: usize, guests: usize) {
        if let Self::Suspects(scale) = self {
            scale.judge(before.saturating_sub(resident().unwrap_or(before)), guests);
        }
    }
}

impl Scale {
    fn new(limit: usize, shards: usize) -> Self {
        let every = (EVERY / shards.max(1)).max(1);
        Self { limit, every, pause: every, kept: 0, is_high: false }
    }

    fn look(&mut self, resident: Option<usize>) -> Option<usize> {
        self.kept = 0;
        let too_high = resident.filter(|resident| *resident > self.limit);
        if let Some(resident) = too_high.filter(|_| !self.is_high) {
            tracing::warn!(
                mebibytes = resident >> 20,
                allowed = self.limit >> 20,
                "the host holds more memory than its guests are counted for; idle ones go until it does not"
            );
        }
        self.is_high = too_high.is_some();
        if too_high.is_none() {
            self.pause = self.every;
        }
        too_high
    }

    /// Usual guests give little back: then it is not guests that the process holds so much for.
    fn judge(&mut self, freed: usize, guests: usize) {
        let was_of_use = freed >= guests.saturating_mul(TELLING);
        self.pause =
            if was_of_use { self.every } else { (self.pause * 2).min(self.every * LONGEST) };
    }
}

/// How much the process may hold before guests have to go, in bytes: twice what guests may, and what
/// else has a bound.
fn limit(config: &Config) -> usize {
    let guests = config.memory_budget.saturating_mul(2);
    [config.store_cache, config.open_budget, BESIDES]
        .into_iter()
        .fold(guests, usize::saturating_add)
}

/// How much memory this process holds, in bytes, where the system says so.
fn resident() -> Option<usize> {
    /// More than seven numbers take.
    const TEXT: usize = 256;
    // Open for good: to open it takes longer than to read it.
    static STATM: LazyLock<Option<File>> = LazyLock::new(|| File::open("/proc/self/statm").ok());
    let mut text = [0; TEXT];
    let length = read_at_start(STATM.as_ref()?, &mut text).ok()?;
    let pages: usize =
        str::from_utf8(&text[..length]).ok()?.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(page_size())
}

#[cfg(unix)]
fn read_at_start(file: &File, text: &mut [u8]) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, text, 0)
}

#[cfg(not(unix))]
fn read_at_start(_file: &File, _text: &mut [u8]) -> std::io::Result<usize> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn page_size() -> usize {
    rustix::param::page_size()
}

#[cfg(not(unix))]
const fn page_size() -> usize {
    4 << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After which of so many guests it was asked, and too much.
    fn asked(mut pressure: Pressure, guests: usize) -> Vec<usize> {
        let mut keep = |_: &usize| {
            pressure.kept();
            pressure.too_high().is_some()
        };
        (1..=guests).filter(|guest| keep(guest)).collect()
    }

    #[test]
    fn the_system_is_asked_now_and_then_by_all_shards_together() {
        let suspects = |limit, shards| Pressure::Suspects(Scale::new(limit, shards));
        if resident().is_some() {
            assert_eq!(asked(suspects(0, 1), 3 * EVERY), [EVERY, 2 * EVERY, 3 * EVERY]);
            assert_eq!(asked(suspects(0, 4), EVERY / 2), [EVERY / 4, EVERY / 2]);
            assert_eq!(asked(suspects(0, 1_000), 3), [1, 2, 3]);
        }
        for never in [suspects(usize::MAX, 1), Pressure::Ignored, Pressure::Unknown] {
            assert!(asked(never, 3 * EVERY).is_empty());
        }
    }

    #[test]
    fn where_it_is_of_no_use_to_let_guests_go_fewer_go() {
        let mut scale = Scale::new(100, 1);
        let pauses: Vec<_> = (0..6)
            .map(|_| {
                assert_eq!(scale.look(Some(101)), Some(101));
                scale.judge(9 << 10, 10);
                scale.pause / EVERY
            })
            .collect();
        assert_eq!(pauses, [2, 4, 8, 16, 16, 16]);
        scale.judge(20 << 20, 10);
        assert_eq!(scale.pause, EVERY, "it was of use");
        scale.judge(0, 10);
        assert_eq!(scale.look(Some(100)), None);
        assert_eq!(scale.pause, EVERY, "it is not too much any more");
    }
}
