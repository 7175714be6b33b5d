//! The files of a checkout that matter here: Rust sources, and the manifests of crates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Why the structure of sources cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file that belongs to a crate is not Rust.
    #[error("{path}:{line}: this is not Rust: {source}")]
    Syntax {
        /// Where it is, from the root of the checkout.
        path: String,
        /// The line of the first mistake.
        line: usize,
        /// What is wrong.
        source: syn::Error,
    },
    /// A `mod name;` has no file.
    #[error("{path} declares the module `{name}`, and there is no file of it")]
    Missing {
        /// The file with the declaration.
        path: String,
        /// The name of the module.
        name: String,
    },
}

/// Texts by their paths from the root of the checkout, with `/` between folders.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    texts: BTreeMap<String, String>,
}

/// What the compiler makes one thing of: a library, a program, or a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The file where it begins.
    pub(crate) root: String,
    /// The name by which others import it, if it is a library.
    pub(crate) library: Option<String>,
}

impl Sources {
    /// Reads a checkout, but for what `.gitignore` names and for hidden folders.
    ///
    /// # Errors
    ///
    /// If a file or folder cannot be read.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        let ignored: Vec<_> = ignored.lines().filter_map(|line| line.strip_suffix('/')).collect();
        let mut sources = Self::default();
        sources.collect(root, "", &ignored)?;
        Ok(sources)
    }

    /// Sources that are nowhere on a disk.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned()));
        Self { texts: owned.collect() }
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// All Rust files, in order.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        texts.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The folders of all crates, each with the name of its package.
    pub(crate) fn packages(&self) -> Vec<(&str, &str)> {
        let manifests = self.texts.iter().filter_map(|(path, text)| {
            let folder = path.strip_suffix("Cargo.toml")?.trim_end_matches('/');
            let (_, package) = text.split_once("[package]\n")?;
            let name = package.lines().find_map(|line| line.strip_prefix("name = \""))?;
            Some((folder, name.trim_end_matches('"')))
        });
        manifests.collect()
    }

    /// All that is compiled, where Cargo looks for it by itself.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        for (folder, name) in self.packages() {
            let root = format!("{folder}/src/lib.rs");
            if self.texts.contains_key(&root) {
                targets.push(Target { root, library: Some(name.replace('-', "_")) });
            }
            let roots = self.rust().filter_map(|(path, _)| {
                let place = path.strip_prefix(folder)?.strip_prefix('/')?;
                is_root(place).then(|| Target { root: path.to_owned(), library: None })
            });
            targets.extend(roots);
        }
        targets
    }

    fn collect(&mut self, folder: &Path, prefix: &str, ignored: &[&str]) -> Result<(), Error> {
        let refuse = |source| Error::Read { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if name.starts_with('.') || ignored.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                self.collect(&path, &format!("{prefix}{name}/"), ignored)?;
            } else if name.ends_with(".rs") || name == "Cargo.toml" {
                let text = fs::read_to_string(&path);
                let text = text.map_err(|source| Error::Read { path: path.clone(), source })?;
                self.texts.insert(format!("{prefix}{name}"), text);
            }
        }
        Ok(())
    }
}

/// Whether a program or a test begins in this file of a crate.
fn is_root(place: &str) -> bool {
    if place == "src/main.rs" {
        return true;
    }
    let folders = ["src/bin/", "tests/", "benches/", "examples/"];
    let rest = folders.iter().find_map(|folder| place.strip_prefix(folder));
    rest.is_some_and(|rest| match rest.split_once('/') {
        None => true,
        Some((_, file)) => file == "main.rs",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_where_cargo_looks_for_them() {
        let sources = Sources::of([
            ("Cargo.toml", "[workspace]\n"),
            ("a/Cargo.toml", "[package]\nname = \"the-a\"\n"),
            ("a/src/lib.rs", ""),
            ("a/src/part.rs", ""),
            ("a/src/bin/tool.rs", ""),
            ("a/tests/one.rs", ""),
            ("a/tests/many/main.rs", ""),
            ("a/tests/many/part.rs", ""),
            ("a/tests/ui/bad.rs", ""),
            ("b/Cargo.toml", "[package]\nname = \"b\"\n"),
            ("b/src/main.rs", ""),
        ]);
        let roots: Vec<_> = sources.targets().into_iter().map(|target| target.root).collect();
        let expected = [
            "a/src/lib.rs",
            "a/src/bin/tool.rs",
            "a/tests/many/main.rs",
            "a/tests/one.rs",
            "b/src/main.rs",
        ];
        assert_eq!(roots, expected);
        assert_eq!(sources.targets()[0].library.as_deref(), Some("the_a"));
    }
}
