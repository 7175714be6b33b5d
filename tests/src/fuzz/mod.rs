//! Malformed input for everything that reads what somebody else wrote: records of a damaged disk,
//! durations, requests at both doors, modules; and of hostile components, on a host that others use.
//!
//! Each kind begins with what lies in its corpus, `tests/corpus/`, mutates it, and lets it be read.
//! An answer and an error are both fine. A panic in any thread, a hang and an answer that means one
//! are not: then the input is kept in the corpus, so that it is the first to be read from then on.

mod doors;
mod durations;
mod hostile;
mod modules;
mod mutate;
mod program;
mod reader;
mod records;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::fuzz::mutate::mutated;
use crate::fuzz::reader::Reader;

/// How many inputs are read together: what they share is made once for all of them.
const BATCH: usize = 64;

/// How long a batch may take: a hundred times what it does on a slow machine, and far less than
/// what a hang takes.
const BATCH_TIME: Duration = Duration::from_secs(120);

/// What reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Every record of the store, from a file with damaged rows.
    Records,
    /// Durations, as workflows and as the command line write them.
    Durations,
    /// The public listener: bytes on a socket.
    Webhooks,
    /// The management API: bytes on a socket.
    Management,
    /// Components: checked, compiled, described and run.
    Modules,
    /// Components that attack their host, while others use it.
    Hostile,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Records,
        Self::Durations,
        Self::Webhooks,
        Self::Management,
        Self::Modules,
        Self::Hostile,
    ];

    fn open(self) -> anyhow::Result<Box<dyn Reader>> {
        Ok(match self {
            Self::Records => Box::new(records::Records::new()?),
            Self::Durations => Box::new(durations::Durations),
            Self::Webhooks => Box::new(doors::Door::webhooks()?),
            Self::Management => Box::new(doors::Door::management()?),
            Self::Modules => Box::new(modules::Modules::new()?),
            Self::Hostile => Box::new(hostile::Hosts::new()?),
        })
    }

    /// Where its corpus lies.
    fn corpus(self) -> PathBuf {
        let name = format!("{self:?}").to_lowercase();
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
    }
}

/// Lets mutated inputs be read for a time, and says how many were.
///
/// # Errors
///
/// What must not have happened; the input that it happened with is in the corpus then.
pub fn run(kind: Kind, time: Duration, seed: u64) -> anyhow::Result<String> {
    watch_panics();
    let mut reader = kind.open()?;
    let mut corpus = reader.seeds()?;
    if let Ok(files) = std::fs::read_dir(kind.corpus()) {
        let mut paths = files.map(|file| Ok(file?.path())).collect::<anyhow::Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            corpus.push(
                std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?,
            );
        }
    }
    ensure!(!corpus.is_empty(), "the corpus {} is empty", kind.corpus().display());
    let begun = Instant::now();
    let mut executions = 0;
    let mut slowest = Duration::ZERO;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // First as it stands: what was found once is found at once.
    let mut batches: Vec<Vec<Vec<u8>>> = corpus.chunks(BATCH).map(<[_]>::to_vec).collect();
    loop {
        let batch = batches
            .pop()
            .unwrap_or_else(|| (0..BATCH).map(|_| mutated(&corpus, &mut random)).collect());
        let batch_begun = Instant::now();
        if let Err(error) = read_all(reader.as_mut(), &batch) {
            return Err(error.context(keep(kind, reader.as_mut(), &batch)?));
        }
        executions += batch.len();
        slowest = slowest.max(batch_begun.elapsed());
        if begun.elapsed() >= time && batches.is_empty() {
            let rate = executions as f64 / begun.elapsed().as_secs_f64();
            return Ok(format!(
                "{executions} inputs from {} of the corpus, {rate:.0} a second, {BATCH} of them within {slowest:?}",
                corpus.len()
            ));
        }
    }
}

/// Lets inputs be read; a panic of whatever thread is an error.
fn read_all(reader: &mut dyn Reader, inputs: &[Vec<u8>]) -> anyhow::Result<()> {
    let begun = Instant::now();
    let read = catch_unwind(AssertUnwindSafe(|| reader.read(inputs)));
    if let Some(panic) = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take() {
        bail!("a thread panicked: {panic}");
    }
    read.unwrap_or_else(|_panic| bail!("it panicked"))?;
    ensure!(begun.elapsed() < BATCH_TIME, "{} inputs took {:?}", inputs.len(), begun.elapsed());
    Ok(())
}

/// Finds which input of a batch it was, keeps it in the corpus, and says where.
fn keep(kind: Kind, reader: &mut dyn Reader, batch: &[Vec<u8>]) -> anyhow::Result<String> {
    let alone = batch.iter().find(|input| read_all(reader, std::slice::from_ref(*input)).is_err());
    let Some(input) = alone else {
        return Ok("no input of the batch does it alone".to_owned());
    };
    let name = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = kind.corpus().join(format!("found-{name:016x}"));
    std::fs::create_dir_all(kind.corpus())?;
    std::fs::write(&path, input)?;
    Ok(format!("{} does it", path.display()))
}

/// The first panic of any thread that nobody has looked at yet.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Notes panics instead of printing them: those of tasks and threads would go unseen.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let mut first = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| panic.to_string());
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads anything but a zero, which makes a thread of its own panic, as a task of a host would.
    struct Brittle;

    impl Reader for Brittle {
        fn read(&mut self, inputs: &[Vec<u8>]) -> anyhow::Result<()> {
            let has_zero = inputs.iter().flatten().any(|byte| *byte == 0);
            let reading = std::thread::spawn(move || assert!(!has_zero, "a zero was read"));
            drop(reading.join());
            Ok(())
        }
    }

    #[test]
    fn a_panic_of_any_thread_is_found_and_told() {
        watch_panics();
        assert!(read_all(&mut Brittle, &[vec![1], vec![2]]).is_ok());
        let error = read_all(&mut Brittle, &[vec![1], vec![0]]).unwrap_err().to_string();
        assert!(error.contains("a zero was read"), "{error}");
        assert!(read_all(&mut Brittle, &[vec![3]]).is_ok());
    }
}
