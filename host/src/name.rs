//! The name under which this program was started, for sentences that say what to run next.

use std::path::Path;
use std::sync::OnceLock;

static NAME: OnceLock<String> = OnceLock::new();

/// This program has the commands of Segno, under the name that it was started with.
pub(crate) fn take_name() {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&path).file_stem().map(|name| name.to_string_lossy().into_owned());
    if let Some(name) = name {
        let _first = NAME.get_or_init(|| name);
    }
}

/// How the command line is started: as this process was, or `segno` where this is another program that
/// has a host in it.
pub(crate) fn name() -> &'static str {
    NAME.get().map_or("segno", String::as_str)
}
