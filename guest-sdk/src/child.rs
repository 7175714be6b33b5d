//! Children: runs that a workflow starts, and what it tells others of its family.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use segno_guest_runtime::child as guest;
use segno_guest_runtime::types::{ClosePolicy, NotTold};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::word;
use crate::workflow::WorkflowDef;

/// Starts a run of another workflow, which belongs to this one: a child.
///
/// It is a run like any other, with an ID, a history and failures of its own, and it works beside its parent
/// from now on. What is given is the future of its end. Spawn many first and await them together:
///
/// ```no_run
/// use futures::future::try_join_all;
/// # mod steps { #[segno::step] pub async fn pick(_item: String) -> Result<u32, segno::StepError> { Ok(1) } }
///
/// #[segno::workflow]
/// pub async fn line(item: String) -> Result<u32, segno::Error> {
///     Ok(steps::pick(item).await?)
/// }
///
/// #[segno::workflow]
/// pub async fn order(items: Vec<String>) -> Result<u32, segno::Error> {
///     let lines: Vec<_> = items.iter().map(segno::spawn::<line>).collect();
///     Ok(try_join_all(lines).await?.into_iter().sum())
/// }
/// ```
///
/// The child is on disk with the turn that asks for it, so it is started once, whatever happens to the host.
/// **When the parent ends, children that have not ended are cancelled**, and one that is spawned in its very last
/// turn is not started; see [`spawn_detached`]. Dropping the
/// handle, as in a `select` that another future wins, changes nothing for the child.
///
/// A workflow of the same component runs on the component of its parent, so that both agree on their types
/// whatever is deployed meanwhile; one of another component on the one that starts new runs of it. On replay
/// nothing starts; workflow, input and the like are compared with the record.
///
/// # Panics
///
/// Outside of a host, and when the input cannot be written as JSON: this blocks the run, and a repaired
/// component lets it go on.
pub fn spawn<W: WorkflowDef>(input: &W::Input) -> Child<W::Output>
where
    W::Input: Serialize,
{
    start::<W>(input, ClosePolicy::Cancel)
}

/// As [`spawn`], but the child goes on when its parent ends, whichever way that ends. It can be awaited,
/// signalled and cancelled like any other; and may be dropped, where nobody wants to know. Its end is a turn of
/// this run all the same, as long as this one goes on.
///
/// # Panics
///
/// As [`spawn`].
pub fn spawn_detached<W: WorkflowDef>(input: &W::Input) -> Child<W::Output>
where
    W::Input: Serialize,
{
    start::<W>(input, ClosePolicy::Leave)
}

fn start<W: WorkflowDef>(input: &W::Input, policy: ClosePolicy) -> Child<W::Output>
where
    W::Input: Serialize,
{
    let workflow = W::NAME;
    let json = serde_json::to_string(input);
    let json = json.unwrap_or_else(|error| panic!("the input of child `{workflow}`: {error}"));
    Child { child: guest::spawn(workflow, &json, policy), workflow, output: PhantomData }
}

/// A child: see [`spawn`]. Its future gives what the child returned, or why there is no such thing.
#[derive(Debug)]
#[must_use = "how a child ends is heard only where this is awaited"]
pub struct Child<T> {
    child: guest::Child,
    workflow: &'static str,
    output: PhantomData<fn() -> T>,
}

impl<T> Child<T> {
    /// The ID of its run. On replay the one that it had.
    #[must_use]
    pub fn run_id(&self) -> &str {
        self.child.run()
    }

    /// Cancels it, as from outside: its end is [`ChildError::Cancelled`], unless it has ended before. The
    /// host sees to it whether or not anybody awaits the child, also where this run ends at once.
    pub fn cancel(&self) {
        self.child.cancel();
    }

    /// Sends it a signal, which it takes in with [`signals`](crate::signals()). Gives when the child has it on
    /// disk. It comes once, whatever happens to the host.
    ///
    /// # Errors
    ///
    /// It was not taken.
    ///
    /// # Panics
    ///
    /// As [`send_signal`].
    pub async fn signal(&self, name: &str, value: &impl Serialize) -> Result<(), SignalError> {
        send_signal(self.run_id(), name, value).await
    }
}

impl<T: DeserializeOwned> Future for Child<T> {
    type Output = Result<T, ChildError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = std::task::ready!(Pin::new(&mut self.child).poll(context));
        let (workflow, run_id) = (self.workflow, self.run_id().to_owned());
        Poll::Ready(match ended {
            Ok(output) => serde_json::from_str(&output).map_err(|error| ChildError::BadOutput {
                workflow,
                run_id,
                message: error.to_string(),
            }),
            Err(guest::NoOutput::Failed(message)) => {
                Err(ChildError::Failed { workflow, run_id, message })
            }
            Err(guest::NoOutput::Cancelled) => Err(ChildError::Cancelled { workflow, run_id }),
        })
    }
}

/// Why a child gave no output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChildError {
    /// It failed.
    Failed {
        /// The name of its workflow.
        workflow: &'static str,
        /// The ID of its run.
        run_id: String,
        /// Its error, with the causes.
        message: String,
    },
    /// It was cancelled: by its parent or by somebody else.
    Cancelled {
        /// The name of its workflow.
        workflow: &'static str,
        /// The ID of its run.
        run_id: String,
    },
    /// It returned something else than its parent expects.
    BadOutput {
        /// The name of its workflow.
        workflow: &'static str,
        /// The ID of its run.
        run_id: String,
        /// What does not fit.
        message: String,
    },
}

impl fmt::Display for ChildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { workflow, run_id, message } => {
                write!(formatter, "child `{workflow}` ({run_id}) failed: {message}")
            }
            Self::Cancelled { workflow, run_id } => {
                write!(formatter, "child `{workflow}` ({run_id}) was cancelled")
            }
            Self::BadOutput { workflow, run_id, message } => write!(
                formatter,
                "the output of child `{workflow}` ({run_id}) is not what the workflow expects: {message}"
            ),
        }
    }
}

impl std::error::Error for ChildError {}

/// Sends a signal to a run of the same family, by its ID: to the parent, to a child, or to another run that
/// descends from the same one. Gives when that run has it on disk. It comes once, whatever happens to the host.
///
/// ```no_run
/// # async fn work(item: &str) -> Result<(), segno::Error> {
/// if let Some(parent) = segno::run().parent {
///     segno::send_signal(&parent, "picked", &item).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// Await it: where this run ends in the same turn nothing is sent, and what is on its way when it ends may be
/// lost with the host. On replay nothing is sent; all of it is compared with the record.
///
/// # Errors
///
/// It was not taken.
///
/// # Panics
///
/// Outside of a host; and where the name has not from 1 to 128 bytes, or has control characters, the ID is
/// none, or the value cannot be written as JSON: this blocks the run, and a repaired component lets it go on.
pub async fn send_signal(
    run_id: &str,
    name: &str,
    value: &impl Serialize,
) -> Result<(), SignalError> {
    word::check("a signal", name);
    let json = serde_json::to_string(value);
    let json = json.unwrap_or_else(|error| panic!("the payload of signal `{name}`: {error}"));
    let run_id = run_id.to_owned();
    guest::tell(&run_id, name, &json).await.map_err(|why| match why {
        NotTold::Ended => SignalError::Ended { run_id },
        NotTold::Full => SignalError::Full { run_id },
        NotTold::Stranger => SignalError::NotOfTheFamily { run_id },
        NotTold::LeftOut => SignalError::LeftOut { run_id },
    })
}

/// Why a signal was not taken by another run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalError {
    /// The run has ended, or never was.
    Ended {
        /// The ID of the run.
        run_id: String,
    },
    /// Too much lies there that its workflow has not taken. Try again later.
    Full {
        /// The ID of the run.
        run_id: String,
    },
    /// It descends from another run than this one.
    NotOfTheFamily {
        /// The ID of the run.
        run_id: String,
    },
    /// It takes nothing until whoever runs the host lets it go on. Try again later.
    LeftOut {
        /// The ID of the run.
        run_id: String,
    },
}

impl fmt::Display for SignalError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { run_id } => {
                write!(formatter, "{run_id} has ended, so it takes no signal")
            }
            Self::Full { run_id } => {
                write!(
                    formatter,
                    "{run_id} has not yet taken what came before, so it takes no signal now"
                )
            }
            Self::LeftOut { run_id } => {
                write!(
                    formatter,
                    "{run_id} takes no signal until whoever runs the host lets it go on"
                )
            }
            Self::NotOfTheFamily { run_id } => write!(
                formatter,
                "{run_id} is not of the family of this run, and runs signal their family only"
            ),
        }
    }
}

impl std::error::Error for SignalError {}
