//! Many operations at once: who is polled, who wins, and what becomes of the losers.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::{Either, FutureExt as _, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::tests::{Run, step};
use crate::{Sleep, Webhook, sleep};

/// Counts how often a future is polled.
struct Counted<F> {
    inner: Pin<Box<F>>,
    polls: Rc<Cell<usize>>,
}

impl<F: Future> Counted<F> {
    fn new(inner: F, polls: &Rc<Cell<usize>>) -> Self {
        Self { inner: Box::pin(inner), polls: Rc::clone(polls) }
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.polls.set(self.polls.get() + 1);
        self.inner.as_mut().poll(context)
    }
}

#[test]
fn ten_thousand_steps_at_once_are_polled_twice_each() {
    const STEPS: usize = 10_000;
    let polls = Rc::new(Cell::new(0));
    let counter = Rc::clone(&polls);
    let mut run = Run::start(move || async move {
        let steps = (0..STEPS).map(|i| Counted::new(step::<usize>(i), &counter));
        let outputs = join_all(steps).await;
        Ok(outputs.into_iter().filter_map(Result::ok).sum::<usize>())
    });
    assert_eq!(polls.get(), STEPS);
    assert_eq!(run.open(), STEPS);
    for operation in (0..STEPS as u64).rev() {
        run = run.completed(operation, "1");
    }
    assert_eq!(polls.get(), 2 * STEPS);
    assert_eq!(run.open(), 0);
    assert_eq!(run.verdict(), "completed 10000");
}

#[test]
fn the_workflow_is_not_polled_for_what_it_dropped() {
    let polls = Rc::new(Cell::new(0));
    let counter = Rc::clone(&polls);
    let workflow = async {
        let winner = select(Box::pin(step::<u32>("slow")), sleep("1s")).await;
        assert!(matches!(winner, Either::Right(_)));
        drop(winner);
        Ok(step::<u32>("next").await?)
    };
    let run = Run::start(move || Counted::new(workflow, &counter)).slept(1);
    assert_eq!(polls.get(), 2);
    assert_eq!(run.open(), 1);
    // The slow step is done at last, and nobody cares.
    let run = run.completed(0, "7");
    assert_eq!(polls.get(), 2);
    run.completed(2, "8").said(&[
        r#"0: s {"x":"slow"}"#,
        "1: sleep until 2000",
        "waiting",
        r#"2: s {"x":"next"}"#,
        "waiting",
        "waiting",
        "completed 8",
    ]);
}

#[test]
fn the_order_of_delivery_decides_a_race() {
    for (first, output) in [(0, r#"completed "a""#), (1, r#"completed "b""#)] {
        let run = Run::start(|| async {
            let race = select(Box::pin(step::<String>(0)), Box::pin(step::<String>(1)));
            Ok(race.await.factor_first().0?)
        });
        let run = run.completed(first, if first == 0 { r#""a""# } else { r#""b""# });
        assert_eq!(run.verdict(), output);
        assert_eq!(run.open(), 0);
    }
}

#[test]
fn an_answer_that_comes_twice_counts_once() {
    Run::start(|| async {
        let (a, b) = futures::join!(step::<u32>(0), step::<u32>(1));
        Ok((a?, b?))
    })
    .completed(0, "1")
    .completed(0, "2")
    .failed(0, "never mind")
    .completed(1, "3")
    .said(&[
        r#"0: s {"x":0}"#,
        r#"1: s {"x":1}"#,
        "waiting",
        "waiting",
        "waiting",
        "waiting",
        "completed [1,3]",
    ]);
}

#[test]
fn results_come_in_the_order_of_delivery_where_the_workflow_wants_it_so() {
    let run = Run::start(|| async {
        let steps: FuturesUnordered<_> = (0..4).map(step::<u32>).collect();
        Ok(steps.map(Result::unwrap).collect::<Vec<_>>().await)
    });
    let run = [2, 0, 3, 1]
        .into_iter()
        .fold(run, |run, operation| run.completed(operation, &operation.to_string()));
    assert_eq!(run.verdict(), "completed [2,0,3,1]");
}

#[test]
fn a_future_that_wakes_itself_goes_on_in_the_same_turn() {
    Run::start(|| async {
        let mut turns = 0;
        futures::future::poll_fn(|context: &mut Context<'_>| {
            turns += 1;
            if turns == 3 {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        Ok(turns)
    })
    .said(&["completed 3"]);
}

#[test]
fn a_loop_that_runs_for_years_keeps_only_what_it_waits_for() {
    let mut run = Run::start(|| async {
        loop {
            let race = select(Box::pin(step::<u32>("poll")), sleep("5 minutes"));
            if let Either::Left((Ok(0), _)) = race.await {
                return Ok(());
            }
        }
    });
    for turn in 0..1_000 {
        // Now the step wins, now the sleep, and the loser's answer comes late.
        let winner = 2 * turn + turn % 2;
        let loser = 2 * turn + 1 - turn % 2;
        run = if turn % 2 == 0 {
            run.completed(winner, "1").slept(loser)
        } else {
            run.slept(winner).completed(loser, "1")
        };
        assert_eq!(run.open(), 2, "turn {turn}");
    }
    assert_eq!(run.completed(2_000, "0").verdict(), "completed null");
}

#[test]
#[should_panic(expected = "the host delivers nothing before the start and nothing after the end")]
fn nothing_is_delivered_to_a_run_that_has_ended() {
    Run::start(|| async { Ok(()) }).slept(0);
}

/// A waker with a future in it, as in executors whose tasks are their own wakers.
struct Holds {
    _sleep: Mutex<Sleep>,
}

impl Wake for Holds {
    fn wake(self: Arc<Self>) {}
}

/// Polls a future with a waker that nobody else keeps, and in which a sleep is under way.
fn poll_held<F: Future + Unpin>(future: &mut F) {
    let mut held = sleep("2s");
    assert!((&mut held).now_or_never().is_none());
    let waker = Waker::from(Arc::new(Holds { _sleep: Mutex::new(held) }));
    assert!(future.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn the_last_waker_of_a_task_may_drop_what_the_task_waits_for() {
    Run::start(|| async {
        let webhook = Webhook::new();
        let mut slow = sleep("1s");
        let mut next = webhook.next();
        for _ in 0..2 {
            poll_held(&mut slow);
            poll_held(&mut next);
        }
        drop(next);
        slow.await;
        Ok(())
    })
    .slept(2)
    .said(&[
        "0: webhook accepted",
        "1: sleep until 3000",
        "2: sleep until 2000",
        "3: sleep until 3000",
        "4: sleep until 3000",
        "5: sleep until 3000",
        "cancel 1",
        "cancel 3",
        "cancel 5",
        "cancel 4",
        "waiting",
        "completed null",
    ]);
}
