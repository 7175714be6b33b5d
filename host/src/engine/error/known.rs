//! What there is, as a sentence lists it that says what there is not.

use segno_api::{SHOWN, printable};

use crate::name::name;

/// The workflows that there are.
pub(super) fn known_workflows(known: &[String]) -> String {
    if known.is_empty() {
        format!("no module is deployed yet: deploy one with `{} deploy MODULE.wasm`", name())
    } else {
        format!("known are {}", known.join(", "))
    }
}

/// How many turns a run has had.
pub(super) fn turns_had(turns: u64) -> String {
    match turns {
        0 => "it has had none yet".to_owned(),
        1 => "it has had turn 0 only".to_owned(),
        turns => format!("it has had those from 0 to {}", turns - 1),
    }
}

/// Names under which a run answers. They are the guest's.
pub(super) fn known_queries(known: &[String]) -> String {
    if known.is_empty() {
        return "its workflow answers nobody".to_owned();
    }
    let names: Vec<_> = known.iter().map(|name| printable(name, SHOWN)).collect();
    format!("known are {}", listed(&names))
}

/// The streams of a run. Their names are the guest's.
pub(super) fn known_streams(known: &[String]) -> String {
    if known.is_empty() {
        return "it has none".to_owned();
    }
    let names: Vec<_> = known.iter().map(|name| printable(name, SHOWN)).collect();
    format!("it has {}", listed(&names))
}

/// How many names a sentence lists: a module may have thousands.
const NAMED: usize = 20;

/// Names, as a sentence has them.
pub(super) fn listed(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
