//! Failing, being cancelled, and what is undone then.

use futures::future::{join, select};

use crate::tests::{Run, step};
use crate::{Hook, compensate, shield, sleep};

/// Registers that a step undoes something.
fn undo(name: &str, number: u64) -> crate::Compensation {
    compensate(name, step::<()>(number))
}

#[test]
fn a_workflow_that_fails_undoes_what_it_registered_last_first() {
    let run = Run::start(|| async {
        undo("one", 1);
        undo("two", 2);
        step::<()>(0).await?;
        Ok(())
    });
    let run = run.failed(2, "no stock").completed(3, "null").completed(4, "null");
    run.said(&[
        "0: compensation one",
        "1: compensation two",
        "2: s {\"x\":0}",
        "waiting",
        "unwind step `s` failed after 4 attempts: no stock",
        "undo 1",
        "3: s {\"x\":2}",
        "waiting",
        "undone 1 well",
        "undo 0",
        "4: s {\"x\":1}",
        "waiting",
        "undone 0 well",
        "failed step `s` failed after 4 attempts: no stock",
    ]);
}

#[test]
fn a_workflow_that_returns_undoes_nothing() {
    let run = Run::start(|| async {
        undo("one", 1);
        step::<()>(0).await?;
        Ok(())
    });
    run.completed(1, "null").said(&[
        "0: compensation one",
        "1: s {\"x\":0}",
        "waiting",
        "completed null",
    ]);
}

#[test]
fn a_workflow_that_is_cancelled_is_dropped_and_undoes_what_it_registered() {
    let run = Run::start(|| async {
        undo("one", 1);
        let hook = Hook::<u32>::create();
        join(step::<()>(0), sleep("1 hour")).await.0?;
        drop(hook);
        Ok(())
    });
    run.cancelled(None).completed(4, "null").said(&[
        "0: compensation one",
        "1: hook drawn",
        "2: s {\"x\":0}",
        "3: sleep until 3601000",
        "waiting",
        "cancel 3",
        "close 1",
        "unwind cancelled",
        "undo 0",
        "4: s {\"x\":1}",
        "waiting",
        "undone 0 well",
        "cancelled",
    ]);
}

#[test]
fn what_is_kept_is_not_undone_and_a_guard_that_is_dropped_changes_nothing() {
    let run = Run::start(|| async {
        undo("one", 1).keep();
        let _ = undo("two", 2);
        sleep("1 hour").await;
        Ok(())
    });
    run.cancelled(None).completed(3, "null").said(&[
        "0: compensation one",
        "keep 0",
        "1: compensation two",
        "2: sleep until 3601000",
        "waiting",
        "cancel 2",
        "unwind cancelled",
        "undo 1",
        "3: s {\"x\":2}",
        "waiting",
        "undone 1 well",
        "cancelled",
    ]);
}

#[test]
fn what_is_shielded_comes_to_its_end_alone_and_what_stands_behind_it_does_not_happen() {
    let run = Run::start(|| async {
        let charge = shield(async {
            step::<()>(0).await?;
            undo("refund", 1);
            Ok::<_, crate::Error>(())
        });
        let other = async {
            sleep("1 hour").await;
            step::<()>(7).await
        };
        join(charge, other).await.0?;
        step::<()>(8).await?;
        Ok(())
    });
    let run = run.cancelled(None).slept(2).completed(1, "null").completed(4, "null");
    run.said(&[
        "0: shield",
        "1: s {\"x\":0}",
        "2: sleep until 3601000",
        "waiting",
        "waiting",
        "waiting",
        "3: compensation refund",
        "unshield 0",
        "unwind cancelled",
        "undo 3",
        "4: s {\"x\":1}",
        "waiting",
        "undone 3 well",
        "cancelled",
    ]);
}

#[test]
fn a_shield_that_nobody_cancels_is_a_future_like_any_other() {
    let run = Run::start(|| async {
        // One in another one is no more than that, and one that loses is over.
        let won = select(shield(shield(step::<u64>(0))), Box::pin(sleep("1 hour"))).await;
        let lost = select(shield(sleep("2 hours")), Box::pin(sleep("1 minute"))).await;
        drop((won, lost));
        step::<()>(1).await?;
        Ok(())
    });
    let run = run.completed(1, "7").slept(5).cancelled(None);
    run.said(&[
        "0: shield",
        "1: s {\"x\":0}",
        "2: sleep until 3601000",
        "waiting",
        "unshield 0",
        "3: shield",
        "4: sleep until 7201000",
        "5: sleep until 61000",
        "waiting",
        "6: s {\"x\":1}",
        "cancel 2",
        "unshield 3",
        "cancel 4",
        "waiting",
        "cancelled",
    ]);
}

#[test]
fn a_compensation_that_fails_keeps_the_others_from_nothing_and_is_told() {
    let run = Run::start(|| async {
        undo("release", 1);
        undo("refund", 2);
        sleep("1 hour").await;
        Ok(())
    });
    let run = run.cancelled(None).failed(3, "bank holiday").completed(4, "null");
    assert_eq!(
        run.verdict(),
        "failed the run was cancelled, but compensation `refund` failed: step `s` failed after 4 attempts: bank holiday"
    );
    let run = Run::start(|| async {
        undo("refund", 2);
        step::<()>(0).await?;
        Ok(())
    });
    let run = run.failed(1, "no stock").failed(2, "bank holiday");
    assert_eq!(
        run.verdict(),
        "failed step `s` failed after 4 attempts: no stock; and compensation `refund` failed: step `s` failed after 4 \
         attempts: bank holiday"
    );
}

#[test]
fn a_run_whose_time_is_over_has_failed_with_that_when_it_has_cleaned_up() {
    let run = Run::start(|| async {
        undo("one", 1);
        sleep("1 hour").await;
        Ok(())
    });
    let run = run.cancelled(Some("its time was over")).completed(2, "null");
    assert_eq!(run.verdict(), "failed its time was over");
}

#[test]
fn a_run_that_fails_goes_on_to_undo_when_it_is_cancelled_and_a_second_cancel_changes_nothing() {
    let run = Run::start(|| async {
        undo("one", 1);
        step::<()>(0).await?;
        Ok(())
    });
    let run = run.failed(1, "no").cancelled(None).cancelled(None).completed(2, "null");
    assert_eq!(run.verdict(), "failed step `s` failed after 4 attempts: no");
    let run = Run::start(|| async {
        undo("one", 1);
        sleep("1 hour").await;
        Ok(())
    });
    let run = run.cancelled(None).cancelled(Some("late")).completed(2, "null");
    assert_eq!(run.verdict(), "cancelled");
}

#[test]
fn a_compensation_may_wait_and_register_more() {
    let run = Run::start(|| async {
        compensate("one", async {
            undo("two", 2);
            sleep("1 hour").await;
            Ok::<_, crate::Error>(())
        });
        step::<()>(0).await?;
        Ok(())
    });
    let run = run.failed(1, "no").slept(3).completed(4, "null");
    run.said(&[
        "0: compensation one",
        "1: s {\"x\":0}",
        "waiting",
        "unwind step `s` failed after 4 attempts: no",
        "undo 0",
        "2: compensation two",
        "3: sleep until 3601000",
        "waiting",
        "undone 0 well",
        "undo 2",
        "4: s {\"x\":2}",
        "waiting",
        "undone 2 well",
        "failed step `s` failed after 4 attempts: no",
    ]);
}

#[test]
fn what_a_workflow_left_open_is_closed_when_it_fails() {
    let run = Run::start(|| async {
        drop(Hook::<u32>::create());
        let _held = Hook::<u32>::create();
        undo("one", 1);
        step::<()>(0).await?;
        Ok(())
    });
    let run = run.failed(3, "no");
    run.said(&[
        "0: hook drawn",
        "1: hook drawn",
        "2: compensation one",
        "3: s {\"x\":0}",
        "waiting",
        "unwind step `s` failed after 4 attempts: no",
        "undo 2",
        "4: s {\"x\":1}",
        "close 0",
        "close 1",
        "waiting",
    ]);
}

#[test]
fn a_workflow_that_is_cancelled_is_so_though_it_comes_to_its_end_in_the_same_moment() {
    let run = Run::start(|| async {
        undo("one", 1);
        let (tell, told) = futures::channel::oneshot::channel::<()>();
        let shielded = shield(async {
            let charged = step::<()>(0).await;
            drop(tell);
            charged
        });
        // What goes on here needs nothing of the host.
        drop(select(Box::pin(shielded), told).await);
        Ok(())
    });
    let run = run.cancelled(None).completed(2, "null").completed(3, "null");
    assert_eq!(run.verdict(), "cancelled");
}
