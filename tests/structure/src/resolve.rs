//! Where the things live that a module mentions.

use std::collections::BTreeSet;

use crate::modules::{Modules, Named};

/// How many signs one follows before one gives up.
const MAX_SIGNS: usize = 32;

/// A file uses something of another file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    /// The path of the file that uses it.
    pub(crate) from: String,
    /// The path of the file where it is defined.
    pub(crate) to: String,
    /// What it is called there.
    pub(crate) name: String,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Home<'a> {
    module: usize,
    /// `None` where it is the module itself.
    item: Option<&'a str>,
}

impl Modules {
    /// All that files use of each other. A module that only stands on the way to a thing is not
    /// used, and neither is one that only says where the thing is.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (index, module) in self.all.iter().enumerate() {
            for path in &module.mentions.paths {
                let Some(Home { module: home, item: Some(item) }) = self.find(index, path, 0)
                else {
                    continue;
                };
                let to = &self.all[home].file;
                if *to != module.file {
                    let (from, to, name) = (module.file.clone(), to.clone(), item.to_owned());
                    imports.insert(Import { from, to, name });
                }
            }
        }
        imports
    }

    /// What a path in the code of a module leads to; `None` if that is outside of these crates.
    fn find<'a>(&'a self, module: usize, path: &'a [String], signs: usize) -> Option<Home<'a>> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            _ if signs > MAX_SIGNS => None,
            "crate" => self.walk(self.all[module].top, rest, signs),
            "self" => self.walk(module, rest, signs),
            "super" => {
                let mut around = self.all[module].parent?;
                let mut rest = rest;
                while let Some(("super", further)) =
                    rest.split_first().map(|(name, rest)| (name.as_str(), rest))
                {
                    around = self.all[around].parent?;
                    rest = further;
                }
                self.walk(around, rest, signs)
            }
            name => self.look_up(module, path, signs).or_else(|| {
                let top = self.libraries.get(name)?;
                self.walk(*top, rest, signs)
            }),
        }
    }

    /// Where a path leads from the inside of a module. What cannot be seen there was made by a macro.
    fn walk<'a>(&'a self, module: usize, path: &'a [String], signs: usize) -> Option<Home<'a>> {
        let Some(first) = path.first() else {
            return Some(Home { module, item: None });
        };
        if let Some(home) = self.look_up(module, path, signs) {
            return Some(home);
        }
        let is_elsewhere = self.all[module].names.contains_key(first);
        (!is_elsewhere).then_some(Home { module, item: Some(first) })
    }

    /// Where a path leads whose first name is one of this module.
    fn look_up<'a>(&'a self, module: usize, path: &'a [String], signs: usize) -> Option<Home<'a>> {
        let (first, rest) = path.split_first()?;
        let named = self.all[module].names.get(first);
        let found = named.and_then(|named| {
            // What has parts is a module rather than a function of the same name.
            let is_module = |named: &&Named| matches!(named, Named::Module(_));
            let modules = named.iter().filter(is_module);
            let others = named.iter().filter(|named| !is_module(named));
            let ordered: Vec<_> = match rest {
                [] => others.chain(modules).collect(),
                _ => modules.chain(others).collect(),
            };
            ordered.into_iter().find_map(|named| match named {
                Named::Item => Some(Home { module, item: Some(first) }),
                Named::Module(inner) => self.walk(*inner, rest, signs),
                Named::Use(path) => self.follow(module, path, rest, signs),
            })
        });
        found.or_else(|| {
            let globs = self.all[module].mentions.globs.iter().filter(|_| signs <= MAX_SIGNS);
            globs.into_iter().find_map(|glob| match self.find(module, glob, signs + 1)? {
                Home { module, item: None } => self.look_up(module, path, signs + 1),
                Home { .. } => None,
            })
        })
    }

    /// Where the rest of a path leads, after a name that was brought into scope.
    fn follow<'a>(
        &'a self,
        module: usize,
        path: &'a [String],
        rest: &'a [String],
        signs: usize,
    ) -> Option<Home<'a>> {
        // `use name;` of a library would find itself.
        let is_itself = path.len() == 1;
        let home = if is_itself {
            self.libraries.get(&path[0]).map(|&module| Home { module, item: None })
        } else {
            self.find(module, path, signs + 1)
        };
        match home? {
            Home { module, item: None } => self.walk(module, rest, signs + 1),
            home @ Home { .. } => Some(home),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Sources;

    /// What the files of a crate use of each other.
    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let manifest = ("a/Cargo.toml", "[package]\nname = \"a\"\n");
        let sources = Sources::of(files.iter().copied().chain([manifest]));
        let modules = Modules::read(&sources).expect("the sources can be read");
        let place = |path: &str| path.trim_start_matches("a/src/").to_owned();
        let imports = modules.imports();
        let lines = imports.iter().map(|import| {
            format!("{} -> {} {}", place(&import.from), place(&import.to), import.name)
        });
        lines.collect()
    }

    #[test]
    fn an_import_leads_to_the_file_where_the_thing_is_defined() {
        for (one, expected) in [
            ("use crate::two::Thing;", "one.rs -> two/mod.rs Thing"),
            ("use super::two::Thing as Other;", "one.rs -> two/mod.rs Thing"),
            ("use crate::two::Inner;", "one.rs -> two/inner.rs Inner"),
            ("use crate::two::Renamed;", "one.rs -> two/inner.rs Inner"),
            ("use crate::two::All;", "one.rs -> two/all.rs All"),
            ("use crate::two; fn f(x: two::Thing) {}", "one.rs -> two/mod.rs Thing"),
            ("use crate::two::inner::{self, Inner};", "one.rs -> two/inner.rs Inner"),
            (
                "use crate::two::inner; fn f() { inner::Inner::new() }",
                "one.rs -> two/inner.rs Inner",
            ),
            ("fn f() { g!(crate::two::Thing) }", "one.rs -> two/mod.rs Thing"),
            ("use crate::two::inner::made_by_a_macro;", "one.rs -> two/inner.rs made_by_a_macro"),
            ("use crate::two::nested::Deep;", "one.rs -> two/mod.rs Deep"),
            ("use crate::Top;", "one.rs -> lib.rs Top"),
        ] {
            let found = imports(&[
                ("a/src/lib.rs", "mod one; mod two; pub struct Top;"),
                ("a/src/one.rs", one),
                (
                    "a/src/two/mod.rs",
                    "mod all; mod inner; mod nested { pub struct Deep; }\n\
                     pub use all::*; pub use inner::{Inner, Inner as Renamed}; pub struct Thing;",
                ),
                ("a/src/two/all.rs", "pub struct All;"),
                ("a/src/two/inner.rs", "pub struct Inner;"),
            ]);
            assert_eq!(found, [expected], "{one}");
        }
    }

    #[test]
    fn a_sign_is_no_import_and_its_own_use_is_one() {
        let found = imports(&[
            (
                "a/src/lib.rs",
                "mod one; mod two; pub use one::One; pub use two::Two; fn f(x: Two) {}",
            ),
            ("a/src/one.rs", "pub struct One;"),
            ("a/src/two.rs", "pub struct Two;"),
        ]);
        assert_eq!(found, ["lib.rs -> two.rs Two"]);
    }

    #[test]
    fn what_is_of_others_or_for_tests_is_no_import() {
        let found = imports(&[
            (
                "a/src/lib.rs",
                "mod one; #[cfg(test)] mod tests; use std::fmt; use one; use serde::One;",
            ),
            ("a/src/one.rs", "use std::vec::Vec; #[cfg(test)] mod tests { use crate::Top; }"),
            ("a/src/tests.rs", "use crate::one::One;"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_program_uses_the_library_of_its_crate_by_name() {
        let found = imports(&[
            ("a/src/lib.rs", "mod one; pub use one::One;"),
            ("a/src/one.rs", "pub struct One;"),
            ("a/src/main.rs", "use a::One; fn main() {}"),
        ]);
        assert_eq!(found, ["main.rs -> one.rs One"]);
    }
}
