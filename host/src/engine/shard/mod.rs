//! A shard owns some of the runs: their state, and their live guests. It is one thread, so a run
//! needs no lock, and guest code never runs on the threads of the async runtime.

mod active;
mod attempts;
mod attributes;
mod awaiting_room;
mod blocked;
mod bounds;
mod calls;
mod cancel;
mod cancelled;
mod children;
mod fold;
mod heartbeats;
mod hold;
mod idle;
mod inspect;
mod log;
mod moments;
mod move_to;
mod no_room;
mod notes;
mod of_steps;
mod open_budget;
mod pause;
mod posted;
mod queue;
mod recovery;
mod retention;
mod retry;
mod set_going;
mod streams;
mod suspects;
mod turn;
mod waits;
mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use segno_journal::RunId;

pub(crate) use crate::engine::shard::active::{Active, shown, status_of};
pub(crate) use crate::engine::shard::cancelled::cancelled;
pub(crate) use crate::engine::shard::fold::looked_at;
pub(crate) use crate::engine::shard::heartbeats::Heartbeats;
pub(crate) use crate::engine::shard::move_to::does_not_fit;
pub(crate) use crate::engine::shard::open_budget::OpenBudget;
pub(crate) use crate::engine::shard::retry::rewind;
pub(crate) use crate::engine::shard::suspects::Suspects;
pub(crate) use crate::engine::shard::waits::{cleanup, waits_for};

use crate::engine::admission::Member;
use crate::engine::config::Config;
use crate::engine::guests::Guests;
use crate::engine::inbox::{Delivery, Gate, Message, Then};
use crate::engine::modules::Modules;
use crate::engine::outside::Outside;
use crate::engine::shard::awaiting_room::AwaitingRoom;
use crate::engine::shard::queue::Queue;
use crate::store::{Committer, PanicGuard, Posted, Store, StoreError};

/// The runs of one shard, and all that it takes to give them their turns.
pub(crate) struct Shard {
    store: Store,
    committer: Committer,
    modules: Arc<Modules>,
    outside: Outside,
    config: Arc<Config>,
    runs: BTreeMap<RunId, Box<Active>>,
    /// The runs whose record cannot be read, and why: they are where they were for whoever mends it.
    unreadable: BTreeMap<RunId, StoreError>,
    /// Runs that were ended without this shard before it heard of them, children or of a batch: it will.
    ended_early: BTreeSet<RunId>,
    /// Signals of batches to runs that are left out: they come when those are resumed.
    left_posted: BTreeMap<RunId, Vec<Posted>>,
    /// The places in its family that were taken for the children of the turn that is being made.
    joining: Vec<Member>,
    guests: Guests,
    awaiting_room: AwaitingRoom,
    suspects: Suspects,
    heartbeats: Heartbeats,
    gate: Arc<Gate>,
    /// The host goes down without this shard: nothing of what it does counts any more.
    is_shut_out: bool,
    /// Its runs were set going.
    goes_on: bool,
    /// What it was told before that, by shards that were quicker.
    early: Vec<Message>,
    queue: Queue,
    open_budget: OpenBudget,
}

/// What a shard is made of.
pub(crate) struct ShardParts {
    pub(crate) store: Store,
    pub(crate) committer: Committer,
    pub(crate) modules: Arc<Modules>,
    pub(crate) outside: Outside,
    pub(crate) config: Arc<Config>,
    pub(crate) guests: Guests,
    /// How the others see it.
    pub(crate) gate: Arc<Gate>,
    /// What all shards share.
    pub(crate) open_budget: OpenBudget,
}

impl Shard {
    /// A shard that has no runs yet.
    pub(crate) fn new(parts: ShardParts) -> Self {
        let ShardParts { store, committer, modules, outside, config, guests, gate, open_budget } =
            parts;
        Self {
            queue: Queue::new(outside.clock().clone()),
            committer: committer.deferred(),
            store,
            modules,
            outside,
            config,
            guests,
            gate,
            open_budget,
            ended_early: BTreeSet::new(),
            left_posted: BTreeMap::new(),
            joining: Vec::new(),
            runs: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            awaiting_room: AwaitingRoom::default(),
            suspects: Suspects::default(),
            heartbeats: Heartbeats::default(),
            is_shut_out: false,
            goes_on: false,
            early: Vec::new(),
        }
    }

    /// What says that the host is in trouble when the thread of the shard panics.
    pub(crate) fn panic_guard(&self) -> PanicGuard {
        self.committer.panic_guard()
    }

    /// Takes what it was told into its queue.
    pub(crate) fn hear(&mut self, inbox: &Receiver<Message>) {
        self.queue.extend(inbox.try_iter());
    }

    /// How many messages wait in its queue.
    pub(crate) fn told(&self) -> usize {
        self.queue.len()
    }

    /// Gives the next message its due, if there is one.
    pub(crate) fn handle_next(&mut self) {
        if let Some(message) = self.queue.next() {
            // After the last message there is none.
            let _last = self.attend(message);
        }
    }

    /// Gives each message its due, until the host goes down.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        while let Some(message) = self.next(inbox) {
            if self.attend(message).is_break() {
                return self.committer.wake();
            }
            self.note_handled();
        }
    }

    /// The next message. While there is none, what the last one led to is written.
    fn next(&mut self, inbox: &Receiver<Message>) -> Option<Message> {
        self.hear(inbox);
        if let Some(message) = self.queue.next() {
            self.committer.wake();
            return Some(message);
        }
        self.committer.write_alone();
        let message = self.receive(inbox);
        self.queue.extend(message);
        self.queue.next()
    }

    /// Owns a run from now on, until it has ended.
    pub(crate) fn take_in(&mut self, id: RunId, active: Active) {
        self.outside.metrics().blocked(None, active.record.standing.blocked_by());
        self.runs.insert(id, Box::new(active));
        self.outside.metrics().runs_unfinished.inc();
    }

    /// Gives a message its due. After the last one there is nothing more to do.
    pub(crate) fn handle(&mut self, message: Message) -> ControlFlow<()> {
        match message {
            Message::GoOn { recovery } => {
                self.go_on(&recovery);
                self.goes_on = true;
                self.queue.extend(std::mem::take(&mut self.early));
            }
            Message::Stop => return ControlFlow::Break(()),
            // What its runs wait for is not set going yet, and must not be begun twice.
            message if !self.goes_on => self.early.push(message),
            Message::Start { run, record, input, first, then } => {
                self.start((run, record), input, first, then);
            }
            Message::Begin(begun) => self.begin(*begun),
            Message::NeverWas { run, children } => self.never_was(run, children),
            Message::Posted(posted, place) => self.posted(posted, place),
            Message::Room(asked) => self.say_room(*asked),
            Message::ParentEnded { parent } => self.parent_ended(parent),
            Message::ChildEnded { run, op } => self.child_ended(run, op),
            Message::HasHeard { run, op, asker } => self.has_heard(run, op, asker),
            Message::FamilySignal(signal) => self.family_signal(*signal),
            Message::Event { run, event } => self.turn(run, Delivery::new(event, Then::Nothing)),
            Message::Heartbeat { run, op, said } => self.heartbeat(run, op, &said),
            Message::Write(write) => self.write(*write),
            Message::Wake { run, sleeps, by, then } => self.wake(run, sleeps, by, then),
            Message::Call { run, event, waits, caller } => self.call(run, event, waits, caller),
            Message::Attempt { run, op, attempt } => self.attempt(run, op, attempt),
            Message::Ended { message, running } => {
                drop(running);
                return self.handle(*message);
            }
            Message::Begins { run, op, go } => self.begins(run, op, go),
            Message::Retry(attempt) => self.retry(attempt),
            Message::Cancel { run, by, how, then } => self.cancel(run, by, how, then),
            Message::Due { run } => self.due(run),
            Message::Pause { run, by, then } => self.pause(run, by, then),
            Message::Resume { run, module, by, then } => self.resume(run, module, by, then),
            Message::Move { run, module, by, then } => self.move_to(run, module, by, then),
            Message::TryAgain { run, how, by, then } => self.try_again_failed(run, how, by, then),
            Message::RetryNow { run, then } => self.retry_now(run, then),
            Message::DeliverHeld { run } => self.deliver_held(run),
            Message::Inspect { run, asker, admitted } => {
                self.inspect(run, asker);
                drop(admitted);
            }
            Message::Survey(question) => self.answer(question),
            Message::HostGoesOn => self.host_goes_on(),
            Message::Shed => _ = self.shed(),
        }
        ControlFlow::Continue(())
    }
}
