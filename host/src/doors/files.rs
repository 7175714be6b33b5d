//! How many connections a listener may hold, by the number of files that the process may open.

/// How many connections one listener holds at most: a thousand callers that all wait are no trouble,
/// and what each holds in buffers stays within some hundred megabytes.
const MAX_CONNECTIONS: usize = 4_096;

/// Of ten files that the process may open, so many are for each of the two listeners. The others are
/// left for the store, the log and the calls of steps.
const FILES_OF_TEN: usize = 4;

/// What is counted with where the system does not let the number be raised: what macOS gives to a
/// process that asks for nothing, the least of all systems.
const FEW_FILES: u64 = 256;

/// Raises the number of files that this process may open to what the system lets it have, and says
/// how many connections each of the two listeners of a host may hold then: 4,096, or fewer where
/// the files do not suffice.
#[must_use]
pub fn connections() -> usize {
    connections_with(rlimit::increase_nofile_limit(u64::MAX).unwrap_or(FEW_FILES))
}

/// How many connections fit with so many open files.
fn connections_with(files: u64) -> usize {
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    (files / 10).saturating_mul(FILES_OF_TEN).clamp(1, MAX_CONNECTIONS)
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
