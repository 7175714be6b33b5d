//! What the guests of a host really hold, which is more than they are counted for where they write to
//! memory that usual ones leave alone. What a guest has written the system knows, and so it is asked how
//! much this process holds.

use std::fs;

use crate::engine::clock::Clock;
use crate::engine::config::Config;

/// After how many guests that are kept the system is asked again. A guest that is new to it holds 2 MiB
/// at most that are not counted, so that between two questions a shard comes to hold 128 MiB.
const EVERY: u32 = 64;

/// What a host may hold besides guests and what has a bound of its own in [`Config`]: code, journals of
/// a hundred thousand runs, bodies and answers under way.
const BESIDES: usize = 512 << 20;

/// Whether the guests of a shard have to be counted in another way than by what usual ones hold.
pub(crate) enum Pressure {
    /// They are not: time is not that of the machine, and what happens must not depend on the machine.
    Ignored,
    /// They are counted whole, because the system does not say what a process holds.
    Unknown,
    /// They are, once the process holds more than this.
    Watched {
        /// How many bytes it may hold.
        limit: usize,
        /// How many guests were kept since the system was asked.
        kept: u32,
    },
}

impl Pressure {
    /// The pressure on a host that is configured so.
    pub(crate) fn on(config: &Config, clock: &Clock) -> Self {
        match (clock, resident()) {
            (Clock::Virtual(_), _) => Self::Ignored,
            (Clock::System, None) => Self::Unknown,
            (Clock::System, Some(_)) => Self::Watched { limit: limit(config), kept: 0 },
        }
    }

    /// Whether a guest is counted for all the memory that it has, touched or not.
    pub(crate) const fn counts_whole(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether guests have to go although they are within their budget. To be asked whenever one is
    /// kept.
    pub(crate) fn is_too_high(&mut self) -> bool {
        let Self::Watched { limit, kept } = self else { return false };
        *kept += 1;
        if *kept < EVERY {
            return false;
        }
        *kept = 0;
        resident().is_some_and(|resident| resident > *limit)
    }
}

/// How much the process may hold before guests have to go, in bytes: twice what guests may, and what
/// else has a bound.
fn limit(config: &Config) -> usize {
    let guests = config.memory_budget.saturating_mul(2);
    [config.store_cache, config.open_budget, BESIDES].into_iter().fold(guests, usize::saturating_add)
}

/// How much memory this process holds, in bytes, where the system says so.
fn resident() -> Option<usize> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(page_size())
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

    fn kept(mut pressure: Pressure, guests: u32) -> Vec<u32> {
        (1..=guests).filter(|_| pressure.is_too_high()).collect()
    }

    #[test]
    fn the_system_is_asked_now_and_then() {
        let watched = |limit| Pressure::Watched { limit, kept: 0 };
        assert_eq!(kept(watched(0), 3 * EVERY), [EVERY, 2 * EVERY, 3 * EVERY]);
        for never in [watched(usize::MAX), Pressure::Ignored, Pressure::Unknown] {
            assert!(kept(never, 3 * EVERY).is_empty());
        }
    }

    #[test]
    fn a_process_holds_something() {
        // A megabyte, where the system says anything.
        assert!(resident().is_none_or(|resident| resident > 1 << 20));
    }
}
