//! The rooms of a folder: each file and each folder directly in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Graph;
use crate::resolve::Import;

/// Files that say what is in a folder: all of it is below them.
const SIGNS: [&str; 2] = ["mod", "lib"];

/// How the rooms of a folder hang together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rooms {
    /// How many rooms there are. A file and the folder of its modules are one.
    pub rooms: usize,
    /// How many floors: a room stands above all that it imports.
    pub floors: usize,
    /// How many pairs of rooms there are of which one imports something of the other.
    pub arrows: usize,
    /// How many things rooms import of each other, counted once for each file.
    pub imports: usize,
    /// How many of these imports lead up: to the file that says what is in the folder, or back
    /// to a room from which one came.
    pub back_up: usize,
    /// The rooms that import each other, directly or not.
    pub circles: Vec<Vec<String>>,
}

impl Rooms {
    /// The rooms in which these files are, where `room` says in which each is, and what they
    /// import of each other.
    pub(crate) fn new<'a>(
        files: impl Iterator<Item = &'a str>,
        imports: &BTreeSet<Import>,
        room: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let names: BTreeSet<_> = files.filter_map(&room).collect();
        let numbers: BTreeMap<_, _> = names.iter().zip(0..).collect();
        let number = |path: &str| numbers.get(&room(path)?).copied();
        let crossing: Vec<(usize, usize)> = imports
            .iter()
            .filter_map(|import| Some((number(&import.from)?, number(&import.to)?)))
            .filter(|(from, to)| from != to)
            .collect();
        let names: Vec<_> = names.iter().collect();
        let is_sign = |room: usize| SIGNS.contains(&names[room].as_str());

        let mut all = Graph::new(names.len());
        let mut down = Graph::new(names.len());
        for &(from, to) in &crossing {
            all.add(from, to);
            if !is_sign(to) {
                down.add(from, to);
            }
        }
        let circles = down.components();
        let leads_up =
            |(from, to): &&(usize, usize)| is_sign(*to) || circles[*from] == circles[*to];
        let named = |circle: Vec<usize>| circle.into_iter().map(|room| names[room].clone());
        Self {
            rooms: names.len(),
            floors: down.floors().into_iter().max().unwrap_or(0),
            arrows: all.size(),
            imports: crossing.len(),
            back_up: crossing.iter().filter(leads_up).count(),
            circles: down.circles().into_iter().map(|circle| named(circle).collect()).collect(),
        }
    }
}

/// The room of a folder in which a file is; `None` if it is elsewhere.
pub(crate) fn room_in(folder: &str, path: &str) -> Option<String> {
    let place = path.strip_prefix(folder)?.strip_prefix('/')?;
    let room = place.split('/').next()?;
    Some(room.trim_end_matches(".rs").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(arrows: &[(&str, &str)]) -> Rooms {
        let import = |&(from, to): &(&str, &str)| Import {
            from: format!("a/src/{from}"),
            to: format!("a/src/{to}"),
            name: "Thing".to_owned(),
        };
        let imports: BTreeSet<_> = arrows.iter().map(import).collect();
        let files: BTreeSet<_> =
            imports.iter().flat_map(|import| [&*import.from, &*import.to]).collect();
        Rooms::new(files.into_iter(), &imports, |path| room_in("a/src", path))
    }

    #[test]
    fn a_folder_and_the_file_of_its_name_are_one_room() {
        let found = rooms(&[("b/c.rs", "d.rs"), ("b.rs", "d.rs"), ("b.rs", "b/c.rs")]);
        assert_eq!((found.rooms, found.floors, found.arrows, found.imports), (2, 2, 1, 2));
        assert!(found.circles.is_empty());
    }

    #[test]
    fn an_import_leads_up_to_the_sign_or_within_a_circle() {
        let found = rooms(&[
            ("mod.rs", "b.rs"),
            ("b.rs", "mod.rs"),
            ("b.rs", "c.rs"),
            ("c.rs", "d.rs"),
            ("d.rs", "c.rs"),
        ]);
        assert_eq!((found.floors, found.arrows, found.back_up), (3, 5, 3));
        assert_eq!(found.circles, [["c", "d"]]);
    }
}
