//! `new`: a workflow crate that builds and runs at once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::cli::args::NewArgs;
use crate::cli::exit::{Exit, UsageError};
use crate::cli::output::Output;

/// The files of a new crate, with `{{words}}` that are filled in.
const FILES: [(&str, &str); 6] = [
    (
        "Cargo.toml",
        concat!(
            include_str!("../../template/Cargo.toml.in"),
            include_str!("../../template/profiles.toml.in")
        ),
    ),
    ("src/lib.rs", include_str!("../../template/src/lib.rs.in")),
    ("src/main.rs", include_str!("../../template/src/main.rs.in")),
    ("tests/welcome.rs", include_str!("../../template/tests/welcome.rs.in")),
    ("README.md", include_str!("../../template/README.md.in")),
    (".gitignore", include_str!("../../template/gitignore")),
];

pub(super) fn run(args: &NewArgs, output: Output) -> anyhow::Result<Exit> {
    let path = &args.path;
    let name = name_of(path)?;
    let is_taken = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    ensure!(!is_taken, "{} is there already, and is not empty", path.display());
    let crates = Crates::of(args.from_clone.as_deref())?;
    write(path, &name, &crates)?;
    let made = Made { path: path.clone(), files: FILES.map(|(file, _)| file) };
    output.show(&serde_json::to_string(&made)?, || {
        let path = path.display();
        format!(
            "made {path}: the workflow `welcome` and its step\nthe first build takes some minutes:\n\n  cd {path}\n  cargo run -- dev"
        )
    })?;
    Ok(Exit::Done)
}

/// What is printed when the crate is there.
#[derive(Serialize)]
struct Made {
    path: PathBuf,
    files: [&'static str; FILES.len()],
}

/// Names that a crate cannot have, or none that has these dependencies: words of Rust, and crates.
const TAKEN: [&str; 61] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "segno",
    "segno-host",
    "segno_host",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "tempfile",
    "test",
    "tokio",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// The name of the crate in this directory.
fn name_of(path: &Path) -> Result<String, UsageError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_usable = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if !is_usable {
        return Err(UsageError(format!(
            "`{name}` cannot be the name of a crate: it begins with a letter, and has letters, digits, `-` and `_`"
        )));
    }
    if TAKEN.contains(&name) {
        return Err(UsageError(format!(
            "`{name}` is a word of Rust or a crate that this one needs: take another name"
        )));
    }
    Ok(name.to_owned())
}

/// Where the crate gets Segno from.
struct Crates {
    sdk: String,
    host: String,
}

impl Crates {
    fn of(clone: Option<&Path>) -> anyhow::Result<Self> {
        let Some(clone) = clone else {
            let version = format!("{:?}", env!("CARGO_PKG_VERSION"));
            return Ok(Self { sdk: version.clone(), host: version });
        };
        let dependency = |package: &str| -> anyhow::Result<String> {
            let path = clone.join(package).canonicalize().with_context(|| {
                format!("{} is no clone of Segno: it has no `{package}`", clone.display())
            })?;
            Ok(format!("{{ path = {:?} }}", path.display().to_string()))
        };
        Ok(Self { sdk: dependency("guest-sdk")?, host: dependency("host")? })
    }
}

fn write(path: &Path, name: &str, crates: &Crates) -> anyhow::Result<()> {
    for (file, text) in FILES {
        let file = path.join(file);
        let written = || {
            file.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(&file, filled(text, name, crates))
        };
        written().with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn filled(text: &str, name: &str, crates: &Crates) -> String {
    text.replace("{{name}}", name)
        .replace("{{crate}}", &name.replace('-', "_"))
        .replace("{{segno}}", &crates.sdk)
        .replace("{{segno-host}}", &crates.host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_a_crate() {
        for (path, name) in [("hello", "hello"), ("a/b-c_1", "b-c_1"), ("./x/", "x")] {
            assert_eq!(name_of(Path::new(path)).unwrap(), name);
        }
        for path in ["", "..", "1st", "a b", "größe", "async", "x/segno"] {
            assert!(name_of(Path::new(path)).is_err(), "{path}");
        }
    }

    /// The crate in `examples/hello` is a new one, but for what only the root of a workspace may have.
    #[test]
    fn the_first_example_is_what_is_made() {
        let at = |package: &str| format!("{{ path = \"../../{package}\" }}");
        let crates = Crates { sdk: at("guest-sdk"), host: at("host") };
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/hello");
        let without = include_str!("../../template/profiles.toml.in");
        for (file, text) in FILES.iter().filter(|(file, _)| *file != ".gitignore") {
            let made = filled(text, "hello", &crates).replace(without, "");
            let there = fs::read_to_string(example.join(file)).unwrap();
            assert_eq!(there, made, "examples/hello/{file} is to be as `segno new` makes it");
        }
    }
}
