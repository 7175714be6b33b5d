//! Noticing that the sources of a workspace have changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// How long nothing may change before the changes count as one: editors write a file in several
/// steps, and a change of branch writes many.
const QUIET: Duration = Duration::from_millis(150);

/// Tells that sources have changed.
pub(super) struct Changes {
    /// Held, because it stops when it is dropped.
    _watcher: RecommendedWatcher,
    events: mpsc::UnboundedReceiver<()>,
}

impl Changes {
    /// Watches the sources of packages in these directories.
    pub(super) fn of(directories: &[PathBuf]) -> anyhow::Result<Self> {
        let (sender, events) = mpsc::unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_change(&event)) {
                // Who no longer listens need not be told.
                let _ = sender.send(());
            }
        })
        .context("cannot watch the sources")?;
        for directory in directories {
            // The directory itself without those below it, for Cargo.toml and build.rs: the target
            // directory may lie there. Below it, the sources.
            let sources = directory.join("src");
            let watched =
                [(directory, RecursiveMode::NonRecursive), (&sources, RecursiveMode::Recursive)];
            for (path, mode) in watched.into_iter().filter(|(path, _)| path.is_dir()) {
                watcher
                    .watch(path, mode)
                    .with_context(|| format!("cannot watch {}", path.display()))?;
            }
        }
        Ok(Self { _watcher: watcher, events })
    }

    /// Is ready when something has changed and nothing more does.
    pub(super) async fn next(&mut self) {
        if self.events.recv().await.is_none() {
            // The watcher is gone: nothing will ever change.
            std::future::pending::<()>().await;
        }
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.events.recv()).await {}
    }
}

/// True if a build may come out otherwise: not if a file was only read, and not for what a build
/// itself writes.
fn is_change(event: &Event) -> bool {
    let happened =
        matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_));
    happened && event.paths.iter().any(|path| is_source(path))
}

fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => true,
        Some("toml") => name == "Cargo.toml",
        // What is included by `include_str!` lies beside the sources.
        _ => {
            path.components().any(|part| part.as_os_str() == "src")
                && !name.starts_with('.')
                && !name.ends_with('~')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_a_build_counts() {
        for path in ["/w/src/lib.rs", "/w/build.rs", "/w/Cargo.toml", "/w/src/schema.sql"] {
            assert!(is_source(Path::new(path)), "{path}");
        }
        for path in
            ["/w/Cargo.lock", "/w/target", "/w/README.md", "/w/src/.lib.rs.swp", "/w/src/a.json~"]
        {
            assert!(!is_source(Path::new(path)), "{path}");
        }
    }

    #[tokio::test]
    async fn a_source_that_is_written_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("src")).unwrap();
        let mut changes = Changes::of(&[directory.path().to_owned()]).unwrap();
        std::fs::write(directory.path().join("src/lib.rs"), "// new").unwrap();
        changes.next().await;
    }
}
