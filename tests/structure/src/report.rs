//! The structure of sources as text.

use std::fmt::Write as _;

use crate::folders::Rooms;
use crate::house::House;
use crate::measure::{Figures, Spread};

/// Everything that there is to say, as tables and lists.
pub fn report(house: &House) -> String {
    let sections = [
        ("Rooms and floors", rooms(house)),
        ("Functions and files of the product", figures(house)),
        ("Functions and files of tests", tests(house)),
        ("Rooms in a circle", circles_of_rooms(house)),
        ("Files in a circle", circles_of_files(house)),
    ];
    let texts = sections.map(|(title, text)| format!("{title}\n\n{text}"));
    texts.join("\n")
}

fn rooms(house: &House) -> String {
    let head = ["folder", "entries", "files", "rooms", "floors", "arrows", "imports", "back up"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    let row = |name: &str, entries: String, files: usize, rooms: &Rooms| {
        let Rooms { rooms, floors, arrows, imports, back_up, .. } = rooms;
        let numbers = [files, *rooms, *floors, *arrows, *imports, *back_up];
        let first = [name.to_owned(), entries];
        first.into_iter().chain(numbers.map(|number| number.to_string())).collect()
    };
    let all = house.product("").files.count();
    table.push(row("all crates", String::new(), all, &house.whole()));
    for folder in house.folders() {
        let prefix = format!("{folder}/");
        let files = house.product(&prefix).files.count() + house.tests(&prefix).files.count();
        let entries = house.entries(folder).to_string();
        table.push(row(folder, entries, files, &house.rooms(folder)));
    }
    aligned(&table)
}

fn figures(house: &House) -> String {
    let mut table = vec![head(&["public", "documented"])];
    table.push(product("all crates", &house.product("")));
    for folder in house.folders() {
        let figures = house.product(&format!("{folder}/"));
        if figures.files.count() > 0 {
            table.push(product(folder, &figures));
        }
    }
    aligned(&table)
}

fn product(name: &str, figures: &Figures) -> Vec<String> {
    let mut row = measured(name, figures);
    row.push(figures.public.to_string());
    row.push(format!("{} %", figures.documented_per_cent()));
    row
}

fn tests(house: &House) -> String {
    aligned(&[head(&[]), measured("all crates", &house.tests(""))])
}

fn head(more: &[&str]) -> Vec<String> {
    let common = ["folder", "files", "lines", "p50/p90/max", "functions", "p50/p90/p99/max"];
    let columns = common.iter().chain(&["parameters"]).chain(more);
    columns.map(|column| (*column).to_owned()).collect()
}

fn measured(name: &str, figures: &Figures) -> Vec<String> {
    let Figures { files, functions, parameters, .. } = figures;
    vec![
        name.to_owned(),
        files.count().to_string(),
        files.sum().to_string(),
        spread(files, &[50, 90, 100]),
        functions.count().to_string(),
        spread(functions, &[50, 90, 99, 100]),
        parameters.to_string(),
    ]
}

fn spread(spread: &Spread, per_cents: &[usize]) -> String {
    let numbers: Vec<_> =
        per_cents.iter().map(|per_cent| spread.percentile(*per_cent).to_string()).collect();
    numbers.join("/")
}

fn circles_of_rooms(house: &House) -> String {
    let folders = house.folders();
    let inside = folders.iter().map(|folder| (*folder, house.rooms(folder).circles));
    let all = [("all crates", house.whole().circles)].into_iter().chain(inside);
    let lines = all.flat_map(|(folder, circles)| {
        circles.into_iter().map(move |circle| format!("{folder}: {}\n", circle.join(", ")))
    });
    or_none(lines.collect())
}

/// Each circle with the imports that make it.
fn circles_of_files(house: &House) -> String {
    let mut text = String::new();
    for circle in house.circles() {
        let _ = writeln!(text, "{} files", circle.len());
        for from in &circle {
            for to in &circle {
                let names: Vec<_> = house.imported(from, to).collect();
                if !names.is_empty() {
                    let _ = writeln!(text, "  {from} -> {to}: {}", names.join(", "));
                }
            }
        }
    }
    or_none(text)
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none\n".to_owned() } else { text }
}

/// Rows below each other: the first column to the left, numbers to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let _ = write!(text, "{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Sources;

    #[test]
    fn a_report_names_folders_and_the_imports_of_each_circle() {
        let sources = Sources::of([
            ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("a/src/lib.rs", "mod b; mod c;"),
            ("a/src/b.rs", "use crate::c::C; pub struct B;"),
            ("a/src/c.rs", "use crate::b::B; pub struct C;"),
        ]);
        let text = report(&House::new(&sources).expect("the sources can be read"));
        for line in [
            "a/src             3      3      3       1       2        2        2",
            "a/src: b, c",
            "2 files\n  a/src/b.rs -> a/src/c.rs: C\n  a/src/c.rs -> a/src/b.rs: B\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
