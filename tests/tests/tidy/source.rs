//! The files of the repository, and where a word stands in them.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::code::code_of;

/// A text file of the repository.
pub(crate) struct Source {
    /// Where it is, from the root of the repository, with `/` between folders.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
    /// The same without comments and without what stands in literals, if it is Rust.
    code: OnceLock<String>,
}

/// A line of a file at which something is wrong.
pub(crate) struct Place {
    path: String,
    line: usize,
    text: String,
}

/// All text files of the repository that are not made by a build.
pub(crate) fn files() -> &'static [Source] {
    static FILES: OnceLock<Vec<Source>> = OnceLock::new();
    FILES.get_or_init(|| {
        let root = root();
        let ignored =
            fs::read_to_string(root.join(".gitignore")).expect("the repository has a .gitignore");
        let ignored: Vec<_> = ignored.lines().filter_map(|line| line.strip_suffix('/')).collect();
        let mut found = Vec::new();
        collect(&root, &root, &ignored, &mut found);
        found.sort_by(|one, other| one.path.cmp(&other.path));
        found
    })
}

/// All Rust files whose path begins so.
pub(crate) fn rust(folder: &str) -> impl Iterator<Item = &'static Source> {
    files().iter().filter(move |file| file.path.ends_with(".rs") && file.path.starts_with(folder))
}

/// The file with this path.
pub(crate) fn file(path: &str) -> &'static Source {
    let found = files().iter().find(|file| file.path == path);
    found.unwrap_or_else(|| panic!("there is no {path}; this test has to be told where it went"))
}

/// Fails where something was found, and says where and what to do.
pub(crate) fn refuse(found: Vec<Place>, advice: &str) {
    let lines: Vec<_> = found.iter().map(|place| place.to_string()).collect();
    assert!(lines.is_empty(), "{advice}\n  {}\n", lines.join("\n  "));
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

impl Source {
    /// The code: each line stands where it stands in the file.
    pub(crate) fn code(&self) -> &str {
        self.code.get_or_init(|| code_of(&self.text))
    }

    /// The lines of the code that the product is made of: those before the tests of the file.
    pub(crate) fn product(&self) -> &str {
        let code = self.code();
        let tests = code.find("#[cfg(test)]\nmod tests");
        &code[..tests.unwrap_or(code.len())]
    }

    /// True for a file that is there only for tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("tests/")
            || self.path.ends_with("tests.rs")
            || self.path.contains("benches/")
    }

    /// Where one of these words stands in the code.
    pub(crate) fn names(&self, words: &[&str]) -> Vec<Place> {
        self.with_words(self.code(), words)
    }

    /// Where one of these words stands in the code of the product.
    pub(crate) fn product_names(&self, words: &[&str]) -> Vec<Place> {
        if self.is_test() { Vec::new() } else { self.with_words(self.product(), words) }
    }

    /// Where one of these words stands anywhere in the file.
    pub(crate) fn mentions(&self, words: &[&str]) -> Vec<Place> {
        self.with_words(&self.text, words)
    }

    /// The place of a line, counted from 1.
    pub(crate) fn place(&self, line: usize) -> Place {
        let text = self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        Place { path: self.path.clone(), line, text: text.trim().to_owned() }
    }

    fn with_words(&self, searched: &str, words: &[&str]) -> Vec<Place> {
        let lines = searched.lines().enumerate();
        let hits = lines.filter(|(_, line)| words.iter().any(|word| has_word(line, word)));
        hits.map(|(index, _)| self.place(index + 1)).collect()
    }
}

/// Whether the word stands in the line by itself, not as a part of another and not as a lifetime.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |character: Option<char>| {
        character.is_some_and(|c| c.is_alphanumeric() || "_'".contains(c))
    };
    let open_start = !is_part(word.chars().next());
    let open_end = !is_part(word.chars().next_back());
    line.match_indices(word).map(|(at, _)| at..at + word.len()).any(|Range { start, end }| {
        (open_start || !is_part(line[..start].chars().next_back()))
            && (open_end || !is_part(line[end..].chars().next()))
    })
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests are a folder of the repository").to_owned()
}

fn collect(folder: &Path, root: &Path, ignored: &[&str], found: &mut Vec<Source>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.expect("a folder of the repository can be read");
        let path = entry.path();
        let name = entry.file_name();
        if name == ".git" || ignored.iter().any(|ignored| name == *ignored) {
            continue;
        }
        if path.is_dir() {
            collect(&path, root, ignored, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root).expect("it lies in the repository");
            let path = path.to_string_lossy().replace('\\', "/");
            found.push(Source { path, text, code: OnceLock::new() });
        }
    }
}

#[test]
fn a_word_is_found_only_by_itself() {
    for (line, word, expected) in [
        ("use redb::Database;", "redb", true),
        ("use my_redb::Database;", "redb", false),
        ("fn redbase() {}", "redb", false),
        ("println!(\"\")", "println!", true),
        ("eprintln!(\"\")", "println!", false),
        ("crate::engine::clock", "crate::engine", true),
        ("name: &'static str", "static", false),
        ("static NAME: &'static str", "static", true),
    ] {
        assert_eq!(has_word(line, word), expected, "{line}");
    }
}
