//! A live guest: one instance of a module, the memory of one run.

use segno_journal::{
    BlockKind, Blocked, Command, Event, Failure, LogLine, MAX_NESTING, Op, Verdict, is_too_nested,
};
use wasmtime::Store;

use crate::sandbox::bindings::Workflow;
use crate::sandbox::bindings::exports::segno::workflow::guest::{
    Answer as GuestAnswer, Verdict as GuestVerdict,
};
use crate::sandbox::bindings::segno::workflow::types;
use crate::sandbox::convert;
use crate::sandbox::given::{BESIDES, Facts, Moment, Quota, Tokens};
use crate::sandbox::image::Image;
use crate::sandbox::state::{ImageSlot, State};
use crate::sandbox::trap;

/// What a turn gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// What the workflow asked for, in order.
    pub commands: Vec<Command>,
    /// How the run stands.
    pub verdict: Verdict,
    /// What the workflow wrote to the log or printed.
    pub log: Vec<LogLine>,
    /// True where the workflow could not take its input, so that it has not begun. The verdict is then a
    /// failure with the reason: so it stands in the journal of a run that is on disk already.
    pub refused: bool,
}

/// How many of the names that a workflow answers to are passed on.
const KNOWN_NAMES: usize = 20;

/// What became of a question to a workflow. All of it is the guest's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// This, which is JSON.
    With(String),
    /// Nobody answers to the name; these are known.
    Unknown(Vec<String>),
    /// The question does not fit.
    Refused(String),
}

/// One instance of a module: the live memory of one run.
///
/// After an error the guest is of no more use: drop it, and replay the run where it is to go on.
pub struct Guest {
    store: Store<State>,
    exports: Workflow,
    fresh_memory: usize,
}

impl Guest {
    pub(crate) fn new(store: Store<State>, exports: Workflow) -> Self {
        let fresh_memory = store.data().memory();
        Self { store, exports, fresh_memory }
    }

    /// Delivers one event, and runs the workflow until it waits.
    ///
    /// # Errors
    ///
    /// Why the run must be blocked: the guest trapped, or wanted more than it may have.
    pub fn turn(
        &mut self,
        event: &Event,
        moment: Moment,
        tokens: Tokens,
    ) -> Result<Output, Blocked> {
        let passes = self.store.data().quota().passes();
        self.store.data_mut().begin_turn(moment, tokens);
        self.make_ready(passes);
        let verdict =
            self.call(event).map_err(|error| trap::explain(self.store.data_mut(), &error))?;
        let recorded = self.store.data_mut().end_turn();
        let (verdict, refused) = verdict;
        Ok(Output { commands: recorded.commands, verdict, log: recorded.log, refused })
    }

    /// How the run stands after the event, and whether the workflow refused its input.
    fn call(&mut self, event: &Event) -> wasmtime::Result<(Verdict, bool)> {
        let guest = self.exports.segno_workflow_guest();
        let verdict = match event {
            Event::Started { input } => {
                let workflow = self.store.data().facts.workflow.clone();
                guest.call_start(&mut self.store, &workflow, input)?
            }
            event => match convert::event_to_guest(event) {
                Some((op, event)) => {
                    guest.call_deliver(&mut self.store, op.map(|op| op.0), &event)?
                }
                // A run that is ended from outside is not told; there is nothing to deliver.
                None => return Ok((event.ends().unwrap_or(Verdict::Cancelled), false)),
            },
        };
        let state = self.store.data_mut();
        let verdict = match verdict {
            GuestVerdict::Waiting => Verdict::Waiting,
            GuestVerdict::Completed(output) => checked(state, output)?,
            GuestVerdict::Failed(failure) => failed(state, failure)?,
            GuestVerdict::Cancelled => Verdict::Cancelled,
            GuestVerdict::Refused(reason) if matches!(event, Event::Started { .. }) => {
                state
                    .check_payload("the reason why the workflow refuses its input", reason.len())?;
                return Ok((Verdict::Failed(reason), true));
            }
            GuestVerdict::Refused(_) => {
                return Err(state.stop(
                    BlockKind::Trap,
                    "the component refused an input that it had taken before",
                ));
            }
        };
        Ok((verdict, false))
    }

    /// Asks the workflow something, on a copy of its run: what it changes is gone with this guest.
    ///
    /// # Errors
    ///
    /// Why it could not answer: it trapped, wanted more than it may have, or asked for something that would be
    /// recorded.
    pub fn query(&mut self, name: &str, input: &str, moment: Moment) -> Result<Answered, Blocked> {
        let passes = self.store.data().quota().passes();
        self.store.data_mut().begin_turn(moment, Tokens::recorded(&[]));
        self.make_ready(passes);
        let answer = self.ask(name, input);
        let state = self.store.data_mut();
        let answer = answer.map_err(|error| trap::explain(state, &error))?;
        if !state.end_turn().commands.is_empty() {
            let message =
                "a query asked its host for something that is recorded; it may only look".into();
            return Err(Blocked { kind: BlockKind::Trap, message });
        }
        Ok(answer)
    }

    fn ask(&mut self, name: &str, input: &str) -> wasmtime::Result<Answered> {
        let guest = self.exports.segno_workflow_guest();
        let answer = guest.call_query(&mut self.store, name, input)?;
        let state = self.store.data_mut();
        Ok(match answer {
            GuestAnswer::Answered(output) => {
                state.check_payload("the answer of the workflow", output.len())?;
                state.check_json(&output, || "the answer of the workflow".into())?;
                Answered::With(output)
            }
            GuestAnswer::Unknown(mut names) => {
                names.truncate(KNOWN_NAMES);
                Answered::Unknown(names)
            }
            GuestAnswer::Refused(reason) => {
                state.check_payload("the reason why the workflow does not answer", reason.len())?;
                Answered::Refused(reason)
            }
        })
    }

    /// How much fuel the last turn took.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.store
            .data()
            .quota()
            .fuel_per_turn
            .saturating_sub(self.store.get_fuel().unwrap_or_default())
    }

    /// By how many bytes the memory of the guest has grown since it was made: what was there before
    /// is shared with the module until it is written.
    #[must_use]
    pub fn grown(&self) -> usize {
        self.store.data().memory().saturating_sub(self.fresh_memory)
    }

    /// The next operation that the run begins has this number: those before it are not used.
    pub fn skip_to(&mut self, op: Op) {
        self.store.data_mut().set_operations(op.0);
    }

    /// From now on the guest is told this of its run.
    pub fn be_told(&mut self, facts: Facts) {
        self.store.data_mut().facts = facts;
    }

    /// How many operations the run has begun.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.store.data().operations()
    }

    /// How many bytes of memory the guest has, its tables included.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.store.data().memory()
    }

    /// The state of the guest between two turns, or `None` where memory is not all of it: a guest
    /// that has printed holds handles that are not in memory.
    ///
    /// # Errors
    ///
    /// Why the guest could not save itself.
    pub fn save(&mut self) -> Result<Option<Image>, Blocked> {
        if self.store.data().holds_handles() {
            return Ok(None);
        }
        self.store.data_mut().image = ImageSlot::Saving;
        self.make_ready(self.memory().saturating_add(BESIDES));
        let saved = self.exports.segno_workflow_guest().call_save(&mut self.store);
        let state = self.store.data_mut();
        let slot = std::mem::replace(&mut state.image, ImageSlot::Closed);
        saved.map_err(|error| trap::explain(state, &error))?;
        let pages = (state.linear_memory() / PAGE) as u64;
        let operations = state.operations();
        Ok(match slot {
            ImageSlot::Saved(memory) => Some(Image { pages, operations, memory }),
            ImageSlot::Closed | ImageSlot::Saving | ImageSlot::Loading(_) => None,
        })
    }

    /// Makes this fresh guest the run whose image this is.
    ///
    /// # Errors
    ///
    /// Why the guest could not take the image. It is of no more use then.
    pub fn load(&mut self, image: Image) -> Result<(), Blocked> {
        let state = self.store.data_mut();
        state.set_operations(image.operations);
        state.image = ImageSlot::Loading(image.memory);
        self.make_ready(BESIDES);
        let loaded = self.exports.segno_workflow_guest().call_load(&mut self.store, image.pages);
        let state = self.store.data_mut();
        state.image = ImageSlot::Closed;
        loaded.map_err(|error| trap::explain(state, &error))
    }

    /// Gives the guest what it may use until it returns. It may pass so many bytes at once.
    fn make_ready(&mut self, passes: usize) {
        self.store.data_mut().begin_call();
        make_ready(&mut self.store, passes);
    }
}

/// The error of a workflow, as a verdict.
fn failed(state: &mut State, failure: types::Failure) -> wasmtime::Result<Verdict> {
    let types::Failure { message, kind, place } = failure;
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let size = message.len() + length(&kind) + length(&place);
    state.check_payload("the error of the workflow", size)?;
    Ok(match (&kind, &place) {
        (None, None) => Verdict::Failed(message),
        _ => Verdict::FailedAt(Failure { message, kind, place }),
    })
}

/// What a workflow returned, as a verdict. What no reader could take is a failure of the workflow.
fn checked(state: &mut State, output: String) -> wasmtime::Result<Verdict> {
    state.check_payload("the output of the workflow", output.len())?;
    serde_json::from_str::<&serde_json::value::RawValue>(&output).map_err(|error| {
        wasmtime::Error::msg(format!("the output of the workflow is not JSON: {error}"))
    })?;
    if is_too_nested(&output) {
        let message =
            format!("the output of the workflow is nested more than {MAX_NESTING} levels deep");
        return Ok(Verdict::Failed(message));
    }
    Ok(Verdict::Completed(output))
}

/// The size of a page of linear memory, in bytes.
const PAGE: usize = 64 << 10;

/// How many handles of WASI a guest may hold. The standard library holds one for each stream that was
/// printed to; each takes some memory of the host.
const MAX_HANDLES: usize = 1_000;

/// Makes the store of a guest: its bounds are in place before its first instruction.
pub(crate) fn new_store(engine: &wasmtime::Engine, facts: Facts, quota: Quota) -> Store<State> {
    let mut store = Store::new(engine, State::new(facts, quota));
    store.limiter(|state| state);
    store.set_max_component_handles(MAX_HANDLES);
    make_ready(&mut store, quota.passes());
    store
}

fn make_ready(store: &mut Store<State>, passes: usize) {
    let Quota { fuel_per_turn, seconds, .. } = *store.data().quota();
    store.set_fuel(fuel_per_turn).expect("the sandbox is made to count fuel");
    store.set_epoch_deadline(seconds);
    store.set_hostcall_fuel(passes);
}
