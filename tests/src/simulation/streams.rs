//! Streams: what is in one is what its run and its steps wrote, in order and once; and what a step was told is on
//! disk is there, whatever happens to the host.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use segno_host::engine::Streamed;
use segno_host::steps::Piece;
use segno_host::store::Store;
use segno_journal::{Command, Op, RunId, Turn};

use crate::simulation::plans::STREAMS;

/// How many bytes a stream keeps, with 32 for each chunk: some ten of them.
pub(crate) const KEPT: u64 = 400;

/// A chunk: the step that wrote it, or none where its workflow did, and what it says.
type Chunk = (Option<Op>, String);

/// What is written to the streams of runs.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    /// All that was ever seen in each, by its index.
    seen: BTreeMap<(RunId, String), BTreeMap<u64, Chunk>>,
    /// What steps have written.
    by_steps: BTreeSet<String>,
}

/// What an attempt writes, and hears when it is on disk.
pub(crate) struct Writing {
    pub(crate) run: RunId,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) streamed: Streamed,
}

impl Streams {
    /// Looks at the streams of a run that has had these turns.
    pub(crate) fn look(&mut self, run: RunId, turns: &[Turn], store: &Store) {
        let streams = store.streams(run).expect("the store can be read");
        for name in STREAMS {
            let written = written(turns, name);
            let Some(stream) = streams.get(name) else {
                assert_eq!(written, [""; 0], "{run} wrote to `{name}`, which is not there");
                continue;
            };
            let seen = self.seen.entry((run, name.to_owned())).or_default();
            let mut next = stream.first;
            let visited = store.visit_blocks(run, name, stream.first, |index, block| {
                assert_eq!(index, next, "{run}: a block of `{name}` is missing");
                for chunk in block.chunks {
                    let text = String::from_utf8(chunk).expect("it is text");
                    let chunk = (block.step, text);
                    match seen.get(&next) {
                        Some(before) => assert_eq!(
                            *before, chunk,
                            "{run}: chunk {next} of `{name}` has changed"
                        ),
                        None => {
                            let is_new = chunk.0.is_none() || self.by_steps.insert(chunk.1.clone());
                            assert!(is_new, "{run}: `{}` is in a stream twice", chunk.1);
                            seen.insert(next, chunk);
                        }
                    }
                    next += 1;
                }
                ControlFlow::Continue(())
            });
            visited.expect("the store can be read");
            assert_eq!(next, stream.next, "{run}: `{name}` says another end than it has");
            let last = seen.keys().next_back().map_or(0, |last| last + 1);
            assert_eq!(next, last, "{run}: the end of `{name}` is lost");
            // What came and went between two looks, over a crash, was not seen.
            if seen.len() as u64 == stream.next {
                let told = seen.values().filter(|(step, _)| step.is_none());
                let told: Vec<_> = told.map(|(_, text)| text).collect();
                assert_eq!(told, written, "{run} wrote something else to `{name}`");
            }
        }
    }

    /// A step was told that this is on disk.
    pub(crate) fn acknowledged(&self, run: RunId, piece: &Piece) {
        let text = piece.chunk.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let seen = self.seen.get(&(run, piece.stream.clone()));
        let has_it = seen.is_some_and(|seen| seen.values().any(|(_, of)| *of == text));
        assert!(has_it, "{run}: `{text}` was acknowledged, and is not in `{}`", piece.stream);
    }
}

/// What a run wrote to a stream before it closed it.
fn written<'a>(turns: &'a [Turn], name: &str) -> Vec<&'a str> {
    let commands = turns.iter().flat_map(|turn| &turn.commands);
    let streamed = commands.filter_map(Command::streamed).filter(|(of, _)| *of == name);
    let chunks = streamed.map_while(|(_, chunk)| chunk);
    chunks.map(|chunk| std::str::from_utf8(chunk).expect("it is text")).collect()
}
