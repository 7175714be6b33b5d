//! Every record of the store, read from a file whose rows are damaged.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, bail};
use segno_host::store::{Search, Status, Store, StoreError};
use segno_journal::{AttributeValue, JobId, Op, Run, RunId, Timestamp};
use tempfile::TempDir;

use crate::fuzz::reader::Reader;

/// The tables whose rows are records of a run, with what follows the run in their keys.
const OF_RUNS: [(&str, &[u8]); 15] = [
    ("runs", b""),
    ("turns", &[0; 8]),
    ("attempts", &[0; 12]),
    ("held_events", &[0; 8]),
    ("notes", &[0; 8]),
    ("losses", &[0; 8]),
    ("heartbeats", &[0; 8]),
    ("published", NAME),
    ("family", &[0; 8]),
    ("streams", NAME),
    ("chunks", b"name\0\0\0\0\0\0\0\0\0"),
    ("end_calls", b""),
    ("posted", &[0; 20]),
    ("attributes", NAME),
    ("set_aside", &[0; 12]),
];

/// The tables whose rows are records with a text as their key.
const BY_TEXT: [&str; 3] = ["webhooks", "hooks", "batches"];

/// A name of something that a run has.
const NAME: &[u8] = b"name";

/// A store on disk, whose rows are written behind its back.
pub(super) struct Records {
    directory: TempDir,
}

impl Records {
    pub(super) fn new() -> anyhow::Result<Self> {
        let directory = TempDir::new()?;
        drop(Store::open(directory.path())?);
        Ok(Self { directory })
    }

    fn write(&self, inputs: &[Vec<u8>]) -> anyhow::Result<()> {
        let store = Store::open(self.directory.path())?;
        let tables = OF_RUNS.map(|(table, _)| table).into_iter().chain(BY_TEXT);
        let tables = tables.chain([
            "modules",
            "standings",
            "counts",
            "attribute_index",
            "jobs",
            "job_refusals",
        ]);
        let old = tables.map(|table| Ok((table, store.raw_rows(table)?)));
        let old = old.collect::<anyhow::Result<Vec<_>>>()?;
        // A list ends at its first bad record, so each batch has one.
        let module = inputs.first().context("a batch has an input")?;
        store.change_raw(|rows| {
            for (table, old) in &old {
                old.iter().try_for_each(|(key, _)| rows.remove(table, key))?;
            }
            for (number, input) in inputs.iter().enumerate() {
                for (table, rest) in OF_RUNS {
                    let key = [&run(number).to_bytes()[..], rest].concat();
                    rows.put(table, &key, input)?;
                }
                for table in BY_TEXT {
                    rows.put(table, token(number).as_bytes(), input)?;
                }
                let run = run(number).to_bytes();
                rows.put("standings", &[&b"w\0\x03"[..], &run].concat(), input)?;
                rows.put("standings", &[input, &run[..]].concat(), b"")?;
                rows.put("counts", &[&b"w\0"[..], input].concat(), input)?;
                rows.put("attribute_index", &[&b"name\0"[..], input, &run].concat(), b"")?;
                rows.put("jobs", &job(number).to_bytes(), input)?;
                rows.put("job_refusals", &[job(number).to_bytes(), run].concat(), input)?;
            }
            rows.put("modules", &[7; 32], module)
        })?;
        Ok(())
    }
}

impl Reader for Records {
    fn seeds(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/golden/v1");
        let mut seeds = Vec::new();
        for file in std::fs::read_dir(golden)? {
            let hex = std::fs::read_to_string(file?.path())?;
            let digits = hex.trim().as_bytes().chunks(2);
            let bytes = digits.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
            seeds.push(bytes.collect::<anyhow::Result<Vec<u8>>>()?);
        }
        // The order of a directory is that of the disk; the same seed shall give the same inputs.
        seeds.sort();
        Ok(seeds)
    }

    fn read(&mut self, inputs: &[Vec<u8>]) -> anyhow::Result<()> {
        self.write(inputs)?;
        let store = Store::open(self.directory.path())?;
        for number in 0..inputs.len() {
            let run = run(number);
            fine(store.run(run))?;
            fine(store.turn(run, 0))?;
            fine(store.last_turn(run))?;
            fine(store.turn_that_began(run, Op(0)))?;
            fine(store.attempts(run))?;
            fine(store.attempts_of(run, Op(0)))?;
            fine(store.held(run))?;
            fine(store.webhook(&token(number)))?;
            fine(store.hook(&token(number)))?;
            fine(store.batch(&token(number)))?;
            fine(read_what_is_said(&store, run))?;
            fine(fold(&store, run))?;
        }
        fine(look_at_jobs(&store, inputs.len()))?;
        fine(store.losses())?;
        fine(store.heartbeats())?;
        fine(store.end_calls())?;
        fine(find(&store))?;
        fine(store.hooks(None, usize::MAX))?;
        fine(store.stale_tokens())?;
        fine(store.stale_family_rows())?;
        fine(store.all_posted())?;
        fine(store.modules())?;
        let mut listed = 0;
        fine(store.visit_runs(None, |_, _| {
            listed += 1;
            ControlFlow::Continue(())
        }))
    }
}

/// What a run shows, writes and is sent, and what others have to know of it.
fn read_what_is_said(store: &Store, run: RunId) -> Result<(), StoreError> {
    let all = [
        store.notes(run, 0).map(drop),
        store.published(run, "name").map(drop),
        store.family_row(run, Op(0)).map(drop),
        store.child_end(run).map(drop),
        store.streams(run).map(drop),
        store.attributes(run).map(drop),
        store.visit_blocks(run, "name", 0, |_, _| ControlFlow::Continue(())),
        store.end_call(run).map(drop),
        store.set_aside_before(run).map(drop),
        store.visit_set_aside((run, 0), 0, |_turn| ControlFlow::Continue(())),
        store
            .posted_to(run)
            .and_then(|posted| posted.iter().try_for_each(|posted| store.posted(posted).map(drop))),
    ];
    all.into_iter().find(|read| !is_fine(read)).unwrap_or(Ok(()))
}

/// Jobs, and what is kept with them.
fn look_at_jobs(store: &Store, jobs: usize) -> Result<(), StoreError> {
    let of_job = |number| {
        let refusals = store.refusals(job(number), None, usize::MAX).map(drop);
        [store.job(job(number)).map(drop), refusals]
    };
    let all = [store.jobs(None, usize::MAX).map(drop), store.unfinished_jobs().map(drop)];
    let mut all = (0..jobs).flat_map(of_job).chain(all);
    all.find(|read| !is_fine(read)).unwrap_or(Ok(()))
}

/// What runs are found by.
fn find(store: &Store) -> Result<(), StoreError> {
    let text = AttributeValue::Text("x".to_owned());
    let of_attribute =
        Search { attributes: vec![("name".to_owned(), vec![text])], ..Search::default() };
    let of_workflow = Search { workflow: Some("w".to_owned()), ..Search::default() };
    let of_status = Search { statuses: [Status::Completed].into(), ..Search::default() };
    let searches = [of_attribute, of_workflow, of_status, Search::default()];
    let found = searches.map(|search| store.search(&search, |_, _| ControlFlow::Continue(())));
    let counted = [store.count_runs(None).map(drop), store.count_runs(Some("w")).map(drop)];
    let workflows = store.workflows_with_runs().map(drop);
    let status = ("w", Status::Completed);
    let ended =
        store.visit_ended(status, Timestamp(u64::MAX), None, |_, _| ControlFlow::Continue(()));
    let checked = store.check(&mut |_wrong| {}).map(drop);
    let mut all = found.into_iter().chain(counted).chain([workflows, ended, checked]);
    all.find(|read| !is_fine(read)).unwrap_or(Ok(()))
}

/// What recovery does: whether a turn follows is for the journal to say, without a panic.
fn fold(store: &Store, run: RunId) -> Result<(), StoreError> {
    store.visit_turns(run, 0, |turn| {
        let folded = Run::new().apply(&turn);
        drop(folded.map(|(run, _effects)| run.open().count()));
        ControlFlow::Continue(())
    })
}

/// A damaged record is an error that says so; another error means that something else is wrong.
fn fine<T>(read: Result<T, StoreError>) -> anyhow::Result<()> {
    match read {
        Ok(_) | Err(StoreError::Record { .. }) => Ok(()),
        Err(error) => bail!("a damaged record is told as: {error}"),
    }
}

const fn is_fine<T>(read: &Result<T, StoreError>) -> bool {
    matches!(read, Ok(_) | Err(StoreError::Record { .. }))
}

fn run(number: usize) -> RunId {
    RunId::from_parts(Timestamp(1), number as u128)
}

fn job(number: usize) -> JobId {
    JobId::from_parts(Timestamp(1), number as u128)
}

fn token(number: usize) -> String {
    format!("token-{number}")
}
