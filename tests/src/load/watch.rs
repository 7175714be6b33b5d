//! What the host holds while the crowd comes: memory, files, and the size of its store.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;

use crate::load::ledger::Ledger;
use crate::load::process::Process;

/// How often a line is printed.
pub(super) const EVERY: Duration = Duration::from_secs(60);

/// What was seen of the host.
pub(super) struct Watch {
    most: AtomicU64,
    budget: u64,
}

impl Watch {
    /// Of a host that may hold so many bytes in memory.
    pub(super) fn new(budget: u64) -> Self {
        Self { most: AtomicU64::new(0), budget }
    }

    /// Notes how much memory the host holds.
    pub(super) fn note(&self, host: &Process) {
        self.most.fetch_max(resident(host).unwrap_or_default(), Ordering::Relaxed);
    }

    /// Prints a line about the host.
    #[expect(clippy::print_stdout, reason = "it tells what it saw")]
    pub(super) fn look(
        &self,
        host: &Process,
        data: &Path,
        when: &str,
        ledger: &Ledger,
    ) -> anyhow::Result<()> {
        self.note(host);
        let mib =
            |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| (bytes >> 20).to_string());
        let store = std::fs::metadata(data.join("segno.redb"))?.len();
        println!(
            "{when}: resident {} MiB (at most {} so far), {} files open, store {} MiB; {}",
            mib(resident(host)),
            self.most.load(Ordering::Relaxed) >> 20,
            open_files(host).map_or("?".to_owned(), |files| files.to_string()),
            store >> 20,
            ledger.counts(),
        );
        Ok(())
    }

    /// Whether the host held no more memory than it may, at each look.
    pub(super) fn within_budget(&self) -> anyhow::Result<()> {
        let most = self.most.load(Ordering::Relaxed) >> 20;
        let budget = self.budget >> 20;
        ensure!(most <= budget, "the host held {most} MiB in memory; it may hold {budget}");
        Ok(())
    }
}

/// What the process holds in memory, in bytes, where the system says so.
fn resident(host: &Process) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.id()?)).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}

fn open_files(host: &Process) -> Option<usize> {
    Some(std::fs::read_dir(format!("/proc/{}/fd", host.id()?)).ok()?.count())
}
