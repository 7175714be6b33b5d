//! Moments, durations and foreign texts, as a terminal shows them.

use comfy_table::{Table, presets};

pub(super) use segno_api::printable;

pub(super) use crate::timeline::{between, digest, duration, moment, printable_lines, why};

/// How much of a value is shown where it is not asked for whole, in characters.
pub(super) const SHOWN: usize = 100;

/// Rows under a head, in columns without lines.
pub(super) fn columns<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    /// What lies between two columns, in characters.
    const GAP: u16 = 2;
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head).add_rows(rows);
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, GAP));
    });
    table.trim_fmt()
}
