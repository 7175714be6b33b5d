//! The book, word by word: what its sections begin with is brought about on a real host, and each command
//! in them is run and gives what stands there.
//!
//! Numbers, names of runs and blanks may differ. `UPDATE_EXPECT=1` writes down what the commands gave.

mod metrics;
mod scenes;
mod stage;

use std::fmt::Write as _;
use std::path::Path;

use crate::stage::Stage;

#[test]
fn the_first_workflow_goes_as_it_is_written() {
    follow("first-workflow.md", 3);
}

#[test]
fn what_is_said_of_errors_goes_as_it_is_written() {
    follow("errors.md", 2);
}

#[test]
fn what_is_said_of_deploying_goes_as_it_is_written() {
    follow("deploying.md", 2);
}

#[test]
fn what_is_said_of_operating_goes_as_it_is_written() {
    follow("operating.md", 2);
}

#[test]
fn every_incident_goes_as_it_is_written() {
    follow("incidents.md", 9);
}

/// Plays the sections of a chapter that have commands, of which there are so many.
fn follow(chapter: &str, commanding: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src").join(chapter);
    let text = std::fs::read_to_string(&path).expect("the chapter is there");
    let mut played = String::new();
    let mut scenes = 0;
    for section in sections(&text) {
        let title = section.lines().next().and_then(|line| line.strip_prefix("## "));
        match title {
            Some(title) if section.contains("\n```console\n") => {
                played.push_str(&play(section, &mut scenes::prepare(chapter, title)));
                scenes += 1;
            }
            _ => played.push_str(section),
        }
    }
    assert_eq!(scenes, commanding, "{chapter}: a section of commands begins with a line of ##");
    if is_to_be_written() {
        std::fs::write(&path, played).expect("the document can be written");
        return;
    }
    let written = normal(&text);
    let played = normal(&played);
    for (written, played) in written.lines().zip(played.lines()) {
        assert_eq!(
            written, played,
            "{chapter} says otherwise; UPDATE_EXPECT=1 takes over what is right"
        );
    }
    assert_eq!(written.lines().count(), played.lines().count());
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is how tests that compare texts are told to take them over"
)]
fn is_to_be_written() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

/// The document in pieces, each of which begins with a heading.
fn sections(text: &str) -> Vec<&str> {
    let starts = text.match_indices("\n## ").map(|(at, _)| at + 1);
    let mut starts: Vec<_> = std::iter::once(0).chain(starts).collect();
    starts.push(text.len());
    starts.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect()
}

/// The section with what its commands give now.
fn play(section: &str, stage: &mut Stage) -> String {
    let mut played = String::new();
    let mut is_block = false;
    for line in section.lines() {
        match line {
            "```console" => is_block = true,
            "```" => is_block = false,
            _ if is_block => match line.strip_prefix("$ ") {
                Some(command) => {
                    writeln!(played, "{line}").expect("a string takes all");
                    played.push_str(&stage.run(command));
                    continue;
                }
                None => continue,
            },
            _ => {}
        }
        writeln!(played, "{line}").expect("a string takes all");
    }
    played
}

/// The text without what differs from time to time: blanks, digits, durations, and how far a thing has come.
fn normal(text: &str) -> String {
    text.lines()
        .map(|line| {
            let mut words: Vec<_> = line.split_whitespace().map(word).collect();
            // A duration may have one unit or two.
            words.dedup_by(|word, before| {
                word.trim_end_matches(')') == "0" && before.ends_with('0')
            });
            words.join(" ") + "\n"
        })
        .collect()
}

fn word(word: &str) -> String {
    let is_name = ["run_0", "sha256:", "0x"].iter().any(|mark| word.contains(mark));
    let mut normal = String::new();
    for letter in word.chars() {
        let letter = match letter {
            '0'..='9' => '0',
            letter if is_name && letter.is_ascii_alphanumeric() => '0',
            letter => letter,
        };
        // A number may have more digits the next time.
        if letter != '0' || !normal.ends_with('0') {
            normal.push(letter);
        }
    }
    // Units of time, and fractions of them.
    let normal = normal.replace("0.0", "0");
    ["0ms", "0s", "0m"].iter().fold(normal, |text, unit| text.replace(unit, "0"))
}
