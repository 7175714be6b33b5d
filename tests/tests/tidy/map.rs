//! Whether the rooms of `ARCHITECTURE.md` have the files that it says, and no others.

use crate::source::{file, rust};

/// The rooms whose files are all named: where their sources lie.
const WHOLE: [&str; 19] = [
    "host/journal/src",
    "host/api/src",
    "host/src/sandbox",
    "host/src/store",
    "host/src/store/keyspace",
    "host/src/steps",
    "host/src/engine",
    "host/src/engine/life",
    "host/src/engine/control",
    "host/src/engine/reads",
    "host/src/engine/shard",
    "host/src/engine/guests",
    "host/src/engine/outside",
    "host/src/engine/inbox",
    "host/src/engine/admission",
    "host/src/doors",
    "host/src/cli",
    "guest-runtime/src",
    "guest-sdk/src",
];

/// The rooms: where each lies, and what is said of it.
fn rooms() -> Vec<(&'static str, &'static str)> {
    let document = &file("ARCHITECTURE.md").text;
    let (_, rooms) = document.split_once("\n## The rooms\n").expect("ARCHITECTURE.md has rooms");
    let rooms = rooms.split("\n## ").next().unwrap_or_default();
    let rooms = rooms.split("\n### `").skip(1);
    rooms.filter_map(|room| room.split_once("/`")).collect()
}

/// The names of files without a folder that a text has.
fn files_of(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.ends_with(".rs") && !name.contains('/'))
}

#[test]
fn every_file_of_a_room_is_in_its_folder() {
    let mut count = 0;
    for (folder, text) in rooms() {
        for name in files_of(text) {
            let mut sources = rust(folder);
            assert!(
                sources.any(|source| source.path.ends_with(&format!("/{name}"))),
                "ARCHITECTURE.md names `{name}` in the room `{folder}/`, which has no such file"
            );
            count += 1;
        }
    }
    assert!(count > 100, "the rooms could not be read from ARCHITECTURE.md: {count} files were");
}

#[test]
fn every_file_of_a_folder_is_in_its_room() {
    for folder in WHOLE {
        let name = folder.strip_suffix("/src").unwrap_or(folder);
        let (_, text) = rooms()
            .into_iter()
            .find(|(room, _)| *room == name)
            .unwrap_or_else(|| panic!("ARCHITECTURE.md has no room `{name}/`"));
        for source in rust(&format!("{folder}/")).filter(|source| !source.is_test()) {
            let file = &source.path[folder.len() + 1..];
            let is_named =
                ["`", "/"].iter().any(|before| text.contains(&format!("{before}{file}`")));
            assert!(
                is_named || file.contains('/') || ["mod.rs", "lib.rs"].contains(&file),
                "ARCHITECTURE.md does not say in the room `{name}/` what {} is for",
                source.path
            );
        }
    }
}
