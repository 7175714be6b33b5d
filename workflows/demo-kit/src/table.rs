//! The table at the end of a demo.

use std::io::{self, Write as _};

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::comparison::{Comparison, Row};

/// How many differences of a row are named.
const NAMED: usize = 10;

/// Prints what both sides have.
///
/// # Errors
/// If it cannot be written.
pub fn print(comparison: &Comparison) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", render(comparison))?;
    out.flush()
}

fn render(comparison: &Comparison) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["", "other side", "this side", "the same", "differences"]);
    for row in &comparison.rows {
        let counts =
            [row.there, row.here, row.same, row.differences.len()].map(|count| count.to_string());
        table.add_row(std::iter::once(row.what.to_owned()).chain(counts));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut lines = vec![table.to_string()];
    lines.extend(on_the_way(comparison));
    lines.extend(comparison.rows.iter().filter_map(differences));
    lines.extend(comparison.broken.iter().map(|run| format!("cannot go on: {run}")));
    lines.push(verdict(comparison).to_owned());
    lines.join("\n")
}

/// What the runs had to cope with.
fn on_the_way(comparison: &Comparison) -> Vec<String> {
    let faults: Vec<_> =
        comparison.faults.iter().map(|(name, count)| format!("{name} × {count}")).collect();
    let mut lines = Vec::new();
    if !faults.is_empty() {
        lines.push(format!("went wrong on purpose since this start: {}", faults.join(", ")));
    }
    lines.extend(comparison.remarks.iter().cloned());
    lines
}

fn differences(row: &Row) -> Option<String> {
    if row.differences.is_empty() {
        return None;
    }
    let named: Vec<_> = row.differences.iter().take(NAMED).map(ToString::to_string).collect();
    let more = row.differences.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    Some(format!("{}: {}{more}", row.what, named.join(", ")))
}

fn verdict(comparison: &Comparison) -> &'static str {
    if comparison.agrees() { "Both sides agree." } else { "The sides do not agree." }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn differences_are_named_and_those_beyond_the_first_are_counted() {
        let there = (0..12).map(|number| (format!("n{number:02}"), ())).collect();
        let row = Row::of("things", &there, &BTreeMap::new());
        let text = render(&Comparison { rows: vec![row], ..Comparison::default() });
        assert!(text.contains("things: n00 is only on the other side, n01 is only"), "{text}");
        assert!(text.contains("n09 is only on the other side, and 2 more"), "{text}");
        assert!(text.ends_with("The sides do not agree."), "{text}");
    }

    #[test]
    fn a_run_that_cannot_go_on_is_a_disagreement() {
        let broken = vec!["crm_poll run_1: out of fuel".to_owned()];
        let text = render(&Comparison { broken, ..Comparison::default() });
        assert!(text.contains("cannot go on: crm_poll run_1: out of fuel"), "{text}");
        assert!(text.ends_with("The sides do not agree."), "{text}");
        assert!(render(&Comparison::default()).ends_with("Both sides agree."));
    }
}
