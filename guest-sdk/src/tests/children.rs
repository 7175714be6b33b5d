//! Children: they are asked for at once, and what becomes of them is what the host says.

use futures::future::{Either, join_all, select};
use segno_guest_runtime::task::WorkflowFuture;
use segno_guest_runtime::types::{Event, NotTold};

use crate::tests::Run;
use crate::workflow::{WorkflowDef, with_input};
use crate::{ChildError, SignalError, sleep, spawn, spawn_detached};

/// A workflow as the macro would write it.
enum Pick {}

impl WorkflowDef for Pick {
    type Input = u32;
    type Output = String;

    const NAME: &'static str = "pick";
    const KEEP: Option<u64> = None;

    fn start(input: &str) -> Result<WorkflowFuture, String> {
        with_input("n", input, |n: u32| async move { Ok::<_, String>(n.to_string()) })
    }

    #[cfg(feature = "schema")]
    fn schemas() -> crate::schema::Schemas {
        crate::schema::Schemas { input: None, output: None }
    }
}

#[test]
fn children_start_at_once_and_are_awaited_together() {
    Run::start(|| async {
        let picked = join_all([1, 2].iter().map(spawn::<Pick>)).await;
        Ok(picked.into_iter().map(Result::unwrap).collect::<Vec<_>>())
    })
    .deliver(1, Event::ChildCompleted(r#""two""#.into()))
    .deliver(0, Event::ChildCompleted(r#""one""#.into()))
    .said(&[
        "0: Cancel child pick 1",
        "1: Cancel child pick 2",
        "waiting",
        "waiting",
        r#"completed ["one","two"]"#,
    ]);
}

#[test]
fn how_a_child_ends_can_be_matched_on() {
    Run::start(|| async {
        let failed = spawn::<Pick>(&1);
        let cancelled = spawn_detached::<Pick>(&2);
        cancelled.cancel();
        let strange = spawn::<Pick>(&3);
        let Err(ChildError::Failed { message, run_id, .. }) = failed.await else { panic!() };
        let Err(error @ ChildError::Cancelled { .. }) = cancelled.await else { panic!() };
        let Err(ChildError::BadOutput { .. }) = strange.await else { panic!() };
        Ok((message, run_id, error.to_string()))
    })
    .deliver(0, Event::ChildFailed("no room".into()))
    .deliver(1, Event::ChildCancelled)
    .deliver(2, Event::ChildCompleted("7".into()))
    .said(&[
        "0: Cancel child pick 1",
        "1: Leave child pick 2",
        "cancel child 1",
        "2: Cancel child pick 3",
        "waiting",
        "waiting",
        "waiting",
        r#"completed ["no room","run_0","child `pick` (run_1) was cancelled"]"#,
    ]);
}

#[test]
fn a_child_that_loses_a_race_goes_on_and_its_end_is_ignored() {
    Run::start(|| async {
        let Either::Right(_) = select(spawn::<Pick>(&1), sleep("1s")).await else { panic!() };
        sleep("1s").await;
        Ok(())
    })
    .deliver(1, Event::Slept)
    .deliver(0, Event::ChildCancelled)
    .deliver(2, Event::Slept)
    .said(&[
        "0: Cancel child pick 1",
        "1: sleep until 2000",
        "waiting",
        "2: sleep until 2000",
        "waiting",
        "waiting",
        "completed null",
    ]);
}

#[test]
fn a_signal_to_a_child_is_awaited_until_the_child_has_it() {
    Run::start(|| async {
        let child = spawn::<Pick>(&1);
        child.signal("hurry", &true).await?;
        let Err(error) = child.signal("hurry", &false).await else { panic!() };
        assert_eq!(error, SignalError::Ended { run_id: "run_0".into() });
        Ok(())
    })
    .deliver(1, Event::Told)
    .deliver(2, Event::NotTold(NotTold::Ended))
    .said(&[
        "0: Cancel child pick 1",
        "1: tell run_0 hurry true",
        "waiting",
        "2: tell run_0 hurry false",
        "waiting",
        "completed null",
    ]);
}
