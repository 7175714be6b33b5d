//! What is shown in the end: the machine, its disk, and a row for each thing that was measured.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::cli::bench::figures::{Goal, Row, Unit};
use crate::cli::bench::machine::{Disk, Machine};
use crate::cli::size;

/// All that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) disk: Disk,
    /// The load average over one minute, when all was measured.
    pub(super) load_at_end: Option<String>,
    pub(super) rounds: u16,
    pub(super) rows: Vec<Row>,
}

impl Report {
    /// The report for people.
    pub(super) fn text(&self) -> String {
        format!("{}\n\n{}", self.head(), self.table())
    }

    fn head(&self) -> String {
        const UNKNOWN: &str = "not known";
        let Machine { cpu, cores, memory, kernel, disk, load } = &self.machine;
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let memory = memory.map_or_else(|| UNKNOWN.to_owned(), size::show);
        format!(
            "machine   {}, {cores} cores, {memory} of memory, {}\n\
             disk      {}; 512 bytes and fdatasync: {:.3} ms at the end of a file, {:.3} ms inside\n\
             load      {} before, {} after\n\
             measured  durable commits, steps that do nothing; medians, and all {} rounds",
            shown(cpu),
            shown(kernel),
            shown(disk),
            self.disk.append_ms,
            self.disk.in_place_ms,
            shown(load),
            shown(&self.load_at_end),
            self.rounds,
        )
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["", "What", "Measured", "Rounds", "Goal", "Met"]);
        table.add_rows(self.rows.iter().map(cells));
        if let Some(numbers) = table.column_mut(2) {
            numbers.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

fn cells(row: &Row) -> [String; 6] {
    let measured =
        row.median.map_or_else(|| "not measured".to_owned(), |value| show(value, row.unit));
    let rounds: Vec<_> = row.rounds.iter().map(|value| number(*value, row.unit)).collect();
    let goal = match row.goal {
        None => String::new(),
        Some(Goal::AtMost(bound)) => format!("<= {}", show(bound, row.unit)),
        Some(Goal::AtLeast(bound)) => format!(">= {}", show(bound, row.unit)),
    };
    let met = match row.met {
        None => "",
        Some(true) => "yes",
        Some(false) => "no",
    };
    [row.workload.into(), row.what.clone(), measured, rounds.join(", "), goal, met.into()]
}

/// A number with its unit.
fn show(value: f64, unit: Unit) -> String {
    let unit_name = match unit {
        Unit::Ms => " ms",
        Unit::PerSecond => " /s",
        Unit::Bytes => "",
        Unit::Cores => " cores",
    };
    format!("{}{unit_name}", number(value, unit))
}

/// A number as its unit is read: durations with three digits that count, rates without fractions.
fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => size::show(value as u64),
        Unit::PerSecond => format!("{value:.0}"),
        Unit::Cores => format!("{value:.2}"),
        Unit::Ms if value < 10.0 => format!("{value:.3}"),
        Unit::Ms if value < 100.0 => format!("{value:.1}"),
        Unit::Ms => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::figures::{self, Figure};

    #[test]
    fn a_row_says_what_was_measured_and_whether_that_is_the_goal() {
        let round =
            |value: Option<f64>| vec![Figure::new("memory", Unit::Bytes, value).at_most(1024.0)];
        let shown = |rounds: &[Vec<Figure>]| cells(&figures::rows("W4", rounds)[0]).join("|");
        assert_eq!(shown(&[round(Some(2048.0))]), "W4|memory|2.0 KiB|2.0 KiB|<= 1.0 KiB|no");
        assert_eq!(shown(&[round(None)]), "W4|memory|not measured||<= 1.0 KiB|");
    }

    #[test]
    fn a_number_has_the_digits_that_count() {
        for (value, unit, text) in [
            (0.1234, Unit::Ms, "0.123 ms"),
            (12.34, Unit::Ms, "12.3 ms"),
            (1234.5, Unit::Ms, "1234 ms"),
            (20_000.4, Unit::PerSecond, "20000 /s"),
            (0.126, Unit::Cores, "0.13 cores"),
        ] {
            assert_eq!(show(value, unit), text);
        }
    }
}
