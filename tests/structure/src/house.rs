//! Everything that was read of a checkout, and what can be asked of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::folders::{Rooms, room_in};
use crate::graph::Graph;
use crate::measure::{Figures, Measured};
use crate::modules::Modules;
use crate::resolve::Import;
use crate::sources::{Error, Sources};

/// The crate whose folders are rooms of the whole, as other crates are.
const DIVIDED: &str = "host";

/// How few rooms a folder has of which nothing is said.
const FEW: usize = 3;

/// The sources of a checkout.
#[derive(Debug)]
pub struct House {
    files: BTreeMap<String, Measured>,
    /// Files of the product and of tests that are compiled by themselves, but for what is there
    /// for the tests of the crate around it.
    compiled: BTreeSet<String>,
    packages: Vec<String>,
    imports: BTreeSet<Import>,
}

impl House {
    /// Reads sources.
    ///
    /// # Errors
    ///
    /// If a file of a crate is not Rust, or is not there.
    pub fn new(sources: &Sources) -> Result<Self, Error> {
        let modules = Modules::read(sources)?;
        let mut files = BTreeMap::new();
        for (path, text) in sources.rust() {
            // What is not compiled need not be Rust.
            if let Ok(file) = syn::parse_file(text) {
                let is_test = modules.apart.contains(path) || is_test(path);
                files.insert(path.to_owned(), Measured::of(text, &file, is_test));
            }
        }
        Ok(Self {
            files,
            compiled: modules.all.iter().map(|module| module.file.clone()).collect(),
            packages: sources.packages().into_iter().map(|(folder, _)| folder.into()).collect(),
            imports: modules.imports(),
        })
    }

    /// The files that import each other, directly or not, in order.
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let files: Vec<_> = self.compiled.iter().map(String::as_str).collect();
        let numbers: BTreeMap<_, _> = files.iter().copied().zip(0..).collect();
        let mut graph = Graph::new(files.len());
        for import in &self.imports {
            graph.add(numbers[import.from.as_str()], numbers[import.to.as_str()]);
        }
        let named = |circle: Vec<usize>| circle.into_iter().map(|file| files[file]).collect();
        graph.circles().into_iter().map(named).collect()
    }

    /// The names that one file imports of another.
    pub fn imported<'a>(&'a self, from: &'a str, to: &'a str) -> impl Iterator<Item = &'a str> {
        let imports = self.imports.iter();
        let between = imports.filter(move |import| import.from == from && import.to == to);
        between.map(|import| import.name.as_str())
    }

    /// How many files and folders stand directly in a folder.
    pub fn entries(&self, folder: &str) -> usize {
        let places = self.files.keys().filter_map(|path| path.strip_prefix(folder));
        let places = places.filter_map(|place| place.strip_prefix('/'));
        places.filter_map(|place| place.split('/').next()).collect::<BTreeSet<_>>().len()
    }

    /// How the rooms of a folder hang together.
    pub fn rooms(&self, folder: &str) -> Rooms {
        self.rooms_by(|path| room_in(folder, path))
    }

    /// How the crates of the product hang together, and the folders of the host.
    pub fn whole(&self) -> Rooms {
        self.rooms_by(|path| {
            let around = |package: &&String| room_in(package, path).is_some();
            let package =
                self.packages.iter().filter(around).max_by_key(|package| package.len())?;
            match room_in(&format!("{package}/src"), path) {
                _ if is_test(path) => None,
                Some(room) if package == DIVIDED => Some(format!("{package}/src/{room}")),
                _ => Some(package.clone()),
            }
        })
    }

    fn rooms_by(&self, room: impl Fn(&str) -> Option<String>) -> Rooms {
        Rooms::new(self.compiled.iter().map(String::as_str), &self.imports, room)
    }

    /// All folders of sources that have more than a few rooms, in order.
    pub(crate) fn folders(&self) -> Vec<&str> {
        let mut folders = BTreeSet::new();
        for path in &self.compiled {
            for (at, _) in path.match_indices('/') {
                folders.extend(path[..at].contains("/src").then_some(&path[..at]));
            }
        }
        let large = folders.into_iter().filter(|folder| {
            let is_whole = folder.ends_with("/src");
            is_whole || self.rooms(folder).rooms > FEW
        });
        large.collect()
    }

    /// What was measured of the product in the files whose paths begin so.
    pub fn product(&self, prefix: &str) -> Figures {
        self.figures(prefix, |measured| &measured.product)
    }

    /// What was measured of tests in the files whose paths begin so.
    pub fn tests(&self, prefix: &str) -> Figures {
        self.figures(prefix, |measured| &measured.tests)
    }

    fn figures(&self, prefix: &str, part: impl Fn(&Measured) -> &Figures) -> Figures {
        let files = self.files.iter().filter(|(path, _)| path.starts_with(prefix));
        files.fold(Figures::default(), |mut all, (_, measured)| {
            all.add(part(measured));
            all
        })
    }
}

/// Whether a file is there for tests alone, by where it is.
fn is_test(path: &str) -> bool {
    path.split('/').any(|folder| ["tests", "benches"].contains(&folder))
}
