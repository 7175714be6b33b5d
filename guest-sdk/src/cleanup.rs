//! Undoing what a workflow did, when it fails or is cancelled; and what it must not be stopped amid.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll};

use segno_guest_runtime::cleanup;
use segno_guest_runtime::runtime::Runtime;

use crate::word;

/// Registers what undoes something, should the workflow fail or be cancelled: a compensation.
///
/// When the workflow returns an error, or its run is cancelled, what it has registered runs, **last first**, as
/// durable code: it may call steps, sleep and wait. Then the run has failed, or is cancelled. Where the workflow
/// returns an output, nothing is undone. A saga needs no more:
///
/// ```no_run
/// # mod steps {
/// #     use segno::{StepError, step};
/// #     #[step] pub async fn reserve(_o: u64) -> Result<(), StepError> { Ok(()) }
/// #     #[step] pub async fn release(_o: u64) -> Result<(), StepError> { Ok(()) }
/// #     #[step] pub async fn charge(_o: u64) -> Result<String, StepError> { Ok(String::new()) }
/// #     #[step] pub async fn refund(_c: String) -> Result<(), StepError> { Ok(()) }
/// #     #[step] pub async fn ship(_o: u64) -> Result<(), StepError> { Ok(()) }
/// # }
/// #[segno::workflow]
/// pub async fn order(order: u64) -> Result<(), segno::Error> {
///     segno::compensate("release the stock", steps::release(order));
///     steps::reserve(order).await?;
///
///     // A charge that is under way is not left alone: nobody would know what to refund.
///     segno::shield(async {
///         let charge = steps::charge(order).await?;
///         segno::compensate("refund", steps::refund(charge));
///         Ok::<_, segno::Error>(())
///     })
///     .await?;
///
///     steps::ship(order).await?;
///     Ok(())
/// }
/// ```
///
/// Register it **before** what it undoes where it can tell whether there is anything to undo, as `release` does
/// by the number of the order; or behind it, both in one [`shield`], where it needs what that returned.
///
/// It is given a future, which begins when it is to undo something: what it awaits must begin within it. A
/// compensation that fails keeps the others from nothing; the run has then failed, and says which did. While they
/// run, more can be registered. `name` is for people: the history of the run shows when each was registered, began
/// and ended.
///
/// The guard may be dropped. On replay the name is compared with the record. Outside of a host there is nobody who
/// cancels; nothing is undone there.
///
/// # Panics
///
/// Where the name has not from 1 to 128 bytes, or has control characters: this blocks the run, and a repaired
/// component lets it go on.
pub fn compensate<T, E: Display>(
    name: &str,
    undo: impl Future<Output = Result<T, E>> + 'static,
) -> Compensation {
    word::check("a compensation", name);
    if !Runtime::is_here() {
        return Compensation(None);
    }
    let undo = async { undo.await.map(drop).map_err(|error| format!("{error:#}")) };
    Compensation(Some(cleanup::register(name, Box::pin(undo))))
}

/// A compensation that is registered: see [`compensate`]. Dropping it changes nothing.
#[derive(Debug)]
pub struct Compensation(Option<cleanup::Compensation>);

impl Compensation {
    /// Takes it back: what was done is kept, whatever becomes of the workflow.
    pub fn keep(self) {
        if let Some(compensation) = self.0 {
            compensation.keep();
        }
    }
}

/// Has a future come to its end although the run is cancelled meanwhile.
///
/// A cancel drops the workflow at the next point where it waits. What is shielded goes on to its end first, alone:
/// nothing else of the workflow hears of anything any more. Then the workflow is dropped, so what stands behind the shield does not
/// happen, and the compensations run, those that were registered within it too. See [`compensate`] for an example.
///
/// A cancel has a deadline, by default an hour, and a kill waits for nothing. What is shielded can fail as ever.
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield(cleanup::shield(Box::pin(future)))
}

/// The future of [`shield`].
#[derive(Debug)]
#[must_use = "nothing is asked for unless this is awaited"]
pub struct Shield<F>(cleanup::Shield<F>);

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}
