use std::sync::mpsc::channel;

use segno_journal::{AttributeValue, Event, Op, Timestamp, Verdict};

use super::*;
use crate::store::Committer;

const MODULE: Digest = Digest::from_bytes([1; 32]);

/// The world through which images were saved.
const ABI: &str = "1";

fn run(number: u128) -> RunId {
    RunId::from_parts(Timestamp(1), number)
}

fn turn(seq: u64, event: Event, commands: Vec<Command>) -> Turn {
    let (first_op, at, log) = (Op(0), Timestamp(seq), vec![]);
    Turn { seq, first_op, at, event, commands, verdict: Verdict::Waiting, log }
}

fn started(input: &str) -> Turn {
    let show = Command::Publish { name: "state".into(), value: "\"begun\"".into() };
    let commands = vec![show, set("state", "begun"), Command::Sleep { until: Timestamp(99) }];
    turn(0, Event::Started { input: format!("\"{input}\"") }, commands)
}

fn set(name: &str, value: &str) -> Command {
    Command::SetAttribute { name: name.into(), value: AttributeValue::Text(value.into()) }
}

/// A turn in which nothing is asked for.
fn signalled(seq: u64, payload: &str) -> Turn {
    let signal = segno_journal::Signal {
        number: seq - 1,
        name: "a".into(),
        payload: format!("\"{payload}\""),
        key: None,
    };
    Turn { first_op: Op(1), ..turn(seq, Event::Signalled { signal }, vec![]) }
}

struct Disk {
    store: Store,
    committer: Committer,
}

impl Disk {
    fn new() -> Self {
        let store = Store::in_memory().expect("the store opens");
        let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
        Self { store, committer }
    }

    fn write<T: Send + 'static>(&self, draft: Draft<T>) {
        let (done, written) = channel();
        self.committer.submit(draft, move |written| done.send(written.map(drop)).expect("heard"));
        self.committer.flush().expect("the store takes it");
        written.recv().expect("it is answered").expect("it is written");
    }

    fn copied(&self, of: RunId, turn: u64) -> Result<Copied, NoCopy> {
        let copied = self.store.to_copy(of, turn, (MODULE, ABI)).expect("it can be read");
        let mut later = Later::default();
        self.turns(of).iter().filter(|it| it.seq >= turn).for_each(|turn| later.note(turn));
        copied.map(|mut copied| {
            copied.settle(&later);
            copied
        })
    }

    fn turns(&self, of: RunId) -> Vec<Turn> {
        let mut turns = Vec::new();
        let visit = |turn| {
            turns.push(turn);
            ControlFlow::Continue(())
        };
        self.store.visit_turns(of, 0, visit).expect("it can be read");
        turns
    }
}

fn image(turns: &[Turn]) -> ImageRecord {
    let run = turns.iter().fold(Run::new(), |run, turn| run.apply(turn).expect("it follows").0);
    let at = turns.last().map_or(Timestamp(0), |turn| turn.at);
    let (abi, pages, length, blocks) = (ABI.to_owned(), 1, 1, [0; 32]);
    ImageRecord { abi, module: MODULE, at, run, pages, length, blocks }
}

#[test]
fn a_fork_has_the_turns_with_their_payloads_and_what_was_shown_by_then() {
    let disk = Disk::new();
    let large = "x".repeat(100_000);
    let later = Command::Publish { name: "state".into(), value: "\"later\"".into() };
    let commands = vec![later, set("state", "later")];
    let last = Turn { commands, ..signalled(2, "b") };
    let turns = [started(&large), signalled(1, &large), last];
    for turn in &turns {
        disk.write(Draft::turn(run(1), turn.clone(), vec![]));
    }
    let given = [("customer".to_owned(), AttributeValue::Text("7".into()))].into();
    disk.write(Draft::nothing().with_attributes(run(1), &given));
    let copied = disk.copied(run(1), 2).expect("it can be copied");
    assert_eq!(copied.state().expect("they follow").turns(), 2);
    let forked = signalled(2, "forked");
    disk.write(Draft::nothing().with_copied(run(2), copied, forked.clone()));
    // What it was copied from goes, and the copy stays whole.
    disk.write(Draft::nothing().without_turns(run(1), 0..3));
    assert_eq!(disk.turns(run(2)), [turns[0].clone(), turns[1].clone(), forked]);
    let shown = disk.store.published(run(2), "state").expect("it can be read");
    assert_eq!(shown.as_deref(), Some("\"begun\""));
    let attributes = disk.store.attributes(run(2)).expect("it can be read");
    let of = |name: &str| attributes.get(name).map(|it| (it.value.clone(), it.given));
    assert_eq!(of("customer"), Some((AttributeValue::Text("7".into()), true)));
    assert_eq!(of("state"), Some((AttributeValue::Text("begun".into()), false)));
    disk.write(Draft::nothing().without_turns(run(2), 0..3));
    let mut found = Vec::new();
    disk.store.check(&mut |what| found.push(what)).expect("it can be read");
    assert!(!found.iter().any(|what| what.contains("payload")), "none is left: {found:?}");
}

#[test]
fn where_turns_were_forgotten_a_fork_has_the_image_that_stands_for_them() {
    let disk = Disk::new();
    let turns: Vec<_> =
        std::iter::once(started("a")).chain((1..6).map(|seq| signalled(seq, "b"))).collect();
    for turn in &turns {
        disk.write(Draft::turn(run(1), turn.clone(), vec![]));
    }
    let with_image = |position: u64| {
        let image = image(&turns[..usize::try_from(position).expect("it is small")]);
        Draft::nothing().with_image(run(1), position, image, vec![7])
    };
    disk.write(with_image(4));
    disk.write(Draft::nothing().without_turns(run(1), 1..3));
    assert!(matches!(disk.copied(run(1), 3), Err(NoCopy::Forgotten)), "the image is of later");
    let copied = disk.copied(run(1), 5).expect("it can be copied");
    assert_eq!(copied.state().expect("they follow").turns(), 5);
    let forked = signalled(5, "forked");
    disk.write(Draft::nothing().with_copied(run(2), copied, forked.clone()));
    let expected = [turns[0].clone(), turns[3].clone(), turns[4].clone(), forked];
    assert_eq!(disk.turns(run(2)), expected);
    let images = disk.store.images(run(2)).expect("it can be read");
    let (position, image) = &images[0];
    let image = image.as_ref().expect("it is whole under its new name");
    assert_eq!((*position, image.run.turns()), (4, 4));
    let blocks = disk.store.image_blocks(run(2), 4, image).expect("they are there");
    assert_eq!(blocks, [7]);
    let shown = disk.store.published(run(2), "state").expect("it can be read");
    assert_eq!(shown.as_deref(), Some("\"begun\""));
    let other = Digest::from_bytes([2; 32]);
    for of in [(other, ABI), (MODULE, "2")] {
        let on_other = disk.store.to_copy(run(1), 5, of).expect("it can be read");
        assert!(matches!(on_other, Err(NoCopy::Forgotten)), "other code needs all turns");
    }
    // What was shown later is not known of then.
    let later = Command::Publish { name: "state".into(), value: "\"later\"".into() };
    let commands = vec![later, set("state", "later")];
    disk.write(Draft::turn(run(1), Turn { commands, ..signalled(6, "b") }, vec![]));
    let copied = disk.copied(run(1), 5).expect("it can be copied");
    assert_eq!((copied.shown.len(), copied.attributes.len()), (0, 0));
}

#[test]
fn a_fork_of_a_whole_journal_has_its_image_as_well_and_need_not_be_replayed() {
    let disk = Disk::new();
    let turns: Vec<_> =
        std::iter::once(started("a")).chain((1..6).map(|seq| signalled(seq, "b"))).collect();
    for turn in &turns {
        disk.write(Draft::turn(run(1), turn.clone(), vec![]));
    }
    disk.write(Draft::nothing().with_image(run(1), 4, image(&turns[..4]), vec![7]));
    let copied = disk.copied(run(1), 5).expect("it can be copied");
    assert_eq!(copied.state().expect("they follow").turns(), 5);
    disk.write(Draft::nothing().with_copied(run(2), copied, signalled(5, "forked")));
    assert_eq!(disk.turns(run(2)).len(), 6);
    assert_eq!(disk.store.images(run(2)).expect("it can be read").len(), 1);
}

#[test]
fn so_much_is_copied_and_no_more() {
    let disk = Disk::new();
    let large = "x".repeat(6 << 20);
    for seq in 0..3 {
        let turn = if seq == 0 { started(&large) } else { signalled(seq, &large) };
        disk.write(Draft::turn(run(1), turn, vec![]));
    }
    assert!(disk.copied(run(1), 2).is_ok());
    assert!(matches!(disk.copied(run(1), 3), Err(NoCopy::TooMuch)));
}
