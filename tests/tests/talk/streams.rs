//! Streams: what a run gives out as it works is on disk, in order, and once.

use segno_host::engine::{Asker, Chunk, Engine, EngineError, RunStatus, RunView, Wait};
use segno_journal::{MAX_STREAMS, RunId};
use segno_tests::{Host, patiently};
use serde_json::json;

/// What is in a stream from an index on: to its end, where it is followed.
async fn read(engine: &Engine, run: RunId, name: &str, from: i64, follow: bool) -> Vec<Chunk> {
    let mut reader =
        engine.read_stream(run, name.to_owned(), from, follow).await.expect("it is there");
    let mut chunks = Vec::new();
    while let Some(more) = patiently(reader.read()).await.expect("it can be read") {
        chunks.extend(more);
    }
    chunks
}

fn texts(chunks: &[Chunk]) -> Vec<&str> {
    chunks.iter().map(|chunk| std::str::from_utf8(&chunk.bytes).expect("it is text")).collect()
}

#[tokio::test]
async fn who_follows_gets_each_chunk_once_and_hears_of_the_end() {
    let host = Host::new().await;
    let run = host.start("narrates", json!(20)).await;
    let chunks = read(&host.engine, run, "told", 0, true).await;
    let expected: Vec<_> = (0..20).map(|line| format!("line {line}\n")).collect();
    assert_eq!(texts(&chunks), expected);
    assert!(chunks.iter().zip(0..).all(|(chunk, index)| chunk.index == index));
    assert!(chunks.iter().all(|chunk| chunk.step.is_none()));
    host.end(run).await;
    assert_eq!(texts(&read(&host.engine, run, "told", 18, true).await), expected[18..]);
    assert_eq!(texts(&read(&host.engine, run, "told", -1, false).await), expected[19..]);
    assert_eq!(texts(&read(&host.engine, run, "told", 20, false).await), [""; 0]);
    let [stream] = &*host.engine.streams(run).await.expect("the run is known") else {
        panic!("it has one stream")
    };
    assert_eq!((stream.first, stream.next, stream.closed), (0, 20, true));
}

#[tokio::test]
async fn each_attempt_of_a_step_writes_with_its_number_and_in_order_with_its_workflow() {
    let host = Host::new().await;
    let run = host.start("dictates", json!([3, 2])).await;
    let chunks = read(&host.engine, run, "words", 0, true).await;
    let words = ["begin", "1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "3.0", "3.1", "3.2", "end"];
    assert_eq!(texts(&chunks), words);
    let attempts = chunks.iter().map(|chunk| chunk.step.map_or(0, |(_, attempt)| attempt));
    let attempts: Vec<_> = attempts.collect();
    assert_eq!(attempts, [0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0]);
    host.end(run).await;
}

#[tokio::test]
async fn what_was_flushed_survives_the_host_and_who_followed_goes_on_where_they_were() {
    let host = Host::with(|config| config.drain = std::time::Duration::ZERO).await;
    let run = host.start("is_cut_off", json!(null)).await;
    let mut reader =
        host.engine.read_stream(run, "words".to_owned(), 0, true).await.expect("it may come");
    let first = patiently(reader.read()).await.expect("it can be read").expect("a chunk");
    assert_eq!(texts(&first), ["a word"]);
    let next = reader.next_index();
    // Who reads along holds the engine, until it is told that the host stops.
    let cut = async move {
        let cut = patiently(reader.read()).await;
        assert!(matches!(cut, Err(EngineError::Stopping)), "{cut:?}");
    };
    let (directory, ()) = tokio::join!(host.stop(), cut);
    let host = Host::reopen(directory, |_config| {}).await;
    let rest =
        read(&host.engine, run, "words", i64::try_from(next).expect("it is small"), true).await;
    assert_eq!((texts(&rest), rest[0].index, rest[0].step), (vec!["a word"], 1, first[0].step));
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_run_that_slept_for_long_goes_on_with_the_index_that_is_next() {
    let host = Host::new().await;
    let run = host.start("pauses", json!(null)).await;
    for slept in 0..3 {
        let sleeps = |view: &RunView| {
            view.waits_for
                .iter()
                .any(|wait| matches!(wait, Wait::Sleep { op, .. } if *op == slept))
                .then_some(())
        };
        host.until(run, sleeps).await;
        host.engine.wake_by(run, None, Asker::named("a test")).await.expect("it sleeps");
    }
    host.end(run).await;
    let chunks = read(&host.engine, run, "told", 0, true).await;
    let indices: Vec<_> = chunks.iter().map(|chunk| chunk.index).collect();
    assert_eq!((texts(&chunks), indices), (vec!["0", "1", "2"], vec![0, 1, 2]));
}

#[tokio::test]
async fn a_stream_that_is_written_to_for_ever_keeps_its_last_part_and_says_what_is_gone() {
    let limit = 100_000;
    let host = Host::with(|config| config.limits.stream = limit).await;
    let run = host.start("floods", json!([2, 10_000, 50])).await;
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
    let streams = host.engine.streams(run).await.expect("the run is known");
    assert_eq!(streams.len(), 2);
    for stream in streams {
        assert_eq!(stream.next, 50);
        assert!((limit - 10_000..limit + 10_000).contains(&stream.bytes), "{stream:?}");
        let kept = read(&host.engine, run, &stream.name, 0, false).await;
        assert_eq!((kept[0].index, kept.len() as u64), (stream.first, 50 - stream.first));
        assert_eq!(kept.len() as u64 * 10_000, stream.bytes);
    }
}

#[tokio::test]
async fn a_run_has_so_many_streams_and_is_blocked_with_the_reason_where_it_wants_more() {
    let host = Host::new().await;
    let run = host.start("floods", json!([MAX_STREAMS, 1, 1])).await;
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
    let run = host.start("floods", json!([MAX_STREAMS + 1, 1, 1])).await;
    let blocked = host.end(run).await.blocked.expect("it is blocked");
    assert_eq!(blocked.message, "the workflow writes to more than 64 streams");
    assert_eq!(host.engine.streams(run).await.expect("the run is known"), []);
}

#[tokio::test]
async fn a_step_that_writes_to_a_closed_stream_is_told_so_and_nothing_is_written() {
    let host = Host::new().await;
    let run = host.start("closes_early", json!(null)).await;
    assert_eq!(host.output(run).await, json!("stream `words` is closed"));
    assert_eq!(texts(&read(&host.engine, run, "words", 0, true).await), ["last"]);
}

#[tokio::test]
async fn who_names_a_stream_that_is_not_there_is_told_which_are() {
    let host = Host::new().await;
    let run = host.start("narrates", json!(1)).await;
    host.end(run).await;
    for follow in [false, true] {
        let none = host.engine.read_stream(run, "tole".to_owned(), 0, follow).await;
        let error = none.err().expect("there is none").to_string();
        assert_eq!(error, "the run has no stream `tole`; it has `told`");
    }
    let bad = host.engine.read_stream(run, "a\nb".to_owned(), 0, false).await;
    assert!(matches!(bad, Err(EngineError::BadWord { .. })));
}
