//! How many connections a listener may hold, by the number of files that the process may open.

/// How many connections one listener holds at most: a thousand callers that all wait are no trouble,
/// and what each holds in buffers stays within some hundred megabytes.
const MAX_CONNECTIONS: usize = 4_096;

/// Of ten files that the process may open, so many are for each of the two listeners. The others are
/// left for the store, the log and the calls of steps.
const FILES_OF_TEN: usize = 4;

/// What is asked for where the system says that there is no limit and then takes none: the most that
/// macOS gives, and enough for both listeners to be full.
#[cfg(unix)]
const ENOUGH_FILES: u64 = 10_240;

/// Raises the number of files that this process may open to what the system lets it have, and says
/// how many connections each of the two listeners of a host may hold then: 4,096, or fewer where
/// the files do not suffice.
#[must_use]
pub fn connections() -> usize {
    open_files().map_or(MAX_CONNECTIONS, connections_with)
}

/// How many connections fit with so many open files.
fn connections_with(files: u64) -> usize {
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    (files / 10).saturating_mul(FILES_OF_TEN).clamp(1, MAX_CONNECTIONS)
}

/// How many files the process may open, once that is raised as far as it goes. `None` is without a
/// limit.
#[cfg(unix)]
fn open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current?;
    let wanted = [maximum, Some(maximum.unwrap_or(u64::MAX).min(ENOUGH_FILES))];
    let more = wanted.into_iter().filter(|wanted| wanted.is_none_or(|wanted| wanted > current));
    for wanted in more {
        if setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum }).is_ok() {
            break;
        }
    }
    getrlimit(Resource::Nofile).current
}

/// Here sockets are no files, and nothing is counted.
#[cfg(not(unix))]
fn open_files() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest_of_the_host() {
        for (files, connections) in [
            (0, 1),
            (256, 100),
            (1_024, 408),
            (10_240, 4_096),
            (1_048_576, 4_096),
            (u64::MAX, 4_096),
        ] {
            assert_eq!(connections_with(files), connections, "{files} files");
        }
    }

    #[test]
    fn the_limit_is_raised_and_never_lowered() {
        let first = connections();
        assert!(connections() >= first);
        assert!((1..=MAX_CONNECTIONS).contains(&first));
    }
}
