//! Workflows that are talked to: by the tokens of hooks, and by signals.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, join_all, select};
use segno::{Error, Hook, HookError, signals, sleep, workflow};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::steps;

/// What somebody decides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// What.
    pub granted: bool,
}

/// Opens a hook with this token and waits for one approval; returns it, or whose the token is.
#[workflow]
pub async fn approve(token: String) -> Result<Value, Error> {
    let hook = Hook::<Approval>::builder().metadata(json!({ "asks": token })).open(token).await;
    match hook {
        Ok(hook) => Ok(json!(hook.next().await)),
        Err(HookError::TokenInUse { owner, .. }) => Ok(json!({ "owner": owner })),
        Err(error) => Err(error.into()),
    }
}

/// Opens a hook with a drawn token, which it tells through the step `note`; returns what `n` callers sent.
#[workflow]
pub async fn drawn(n: usize) -> Result<Vec<Value>, Error> {
    let hook = Hook::<Value>::create();
    steps::note(hook.token().to_owned()).await?;
    take(&hook, n).await
}

/// Waits a while before it takes what came to its hook meanwhile; leaving the loop leaves it open.
#[workflow]
pub async fn busy_hook(token: String) -> Result<Vec<Value>, Error> {
    let hook = Hook::<Value>::open(token).await?;
    let begin = signals::<()>("begin").next().await;
    begin.respond("begun");
    let mut got = take(&hook, 2).await?;
    got.extend(take(&hook, 1).await?);
    Ok(got)
}

/// Opens a token twice at once, and again when it was given back; returns what came of each.
#[workflow]
pub async fn opens_again(token: String) -> Result<Vec<bool>, Error> {
    let mut opened = Vec::new();
    {
        let first = Hook::<Value>::open(token.clone()).await?.scoped();
        let second = Hook::<Value>::open(token.clone()).await;
        opened.push(!first.token().is_empty());
        opened.push(second.is_ok());
    }
    // What is dropped in a turn is told at its end.
    sleep(Duration::from_millis(1)).await;
    let again = Hook::<Value>::open(token.clone()).await?;
    again.dispose();
    opened.push(Hook::<Value>::open(token).await.is_ok());
    Ok(opened)
}

/// Opens a hook and never looks at it.
#[workflow]
pub async fn deaf_hook(token: String) -> Result<(), Error> {
    let _hook = Hook::<Value>::open(token).await?;
    sleep("1 year").await;
    Ok(())
}

/// Disposes of its hook when it is told to, and ends when it is told to.
#[workflow]
pub async fn closing_hook(token: String) -> Result<Vec<Value>, Error> {
    let hook = Hook::<Value>::open(token).await?;
    signals::<()>("dispose").next().await.respond("disposed");
    hook.dispose();
    signals::<()>("end").next().await.respond("over");
    let mut left = Vec::new();
    while let Some(value) = hook.next().await {
        left.push(value);
    }
    Ok(left)
}

/// Keeps a token until it is sent something: at `dispose` it gives the token back and goes on, and at anything
/// else it ends. Returns whose the token is, if it is another's.
#[workflow]
pub async fn keeps_token(token: String) -> Result<Option<String>, Error> {
    let hook = match Hook::<String>::open(token).await {
        Ok(hook) => hook,
        Err(HookError::TokenInUse { owner, .. }) => return Ok(Some(owner)),
        Err(error) => return Err(error.into()),
    };
    if hook.next().await.is_some_and(|sent| sent == "dispose") {
        hook.dispose();
        signals::<()>("end").next().await;
    }
    Ok(None)
}

async fn take(hook: &Hook<Value>, n: usize) -> Result<Vec<Value>, Error> {
    let mut got = Vec::new();
    while got.len() < n {
        let Some(value) = hook.next().await else { break };
        got.push(value);
    }
    Ok(got)
}

/// An order that takes other addresses until it is shipped, and answers each; returns the last one.
#[workflow]
pub async fn order(address: String) -> Result<String, Error> {
    let changes = signals::<String>("change_address");
    let ships = signals::<()>("ship");
    let mut address = address;
    loop {
        match select(changes.next(), ships.next()).await {
            Either::Left((change, _)) => {
                let before = std::mem::replace(&mut address, change.value.clone());
                change.respond(json!({ "before": before }));
            }
            Either::Right((ship, _)) => {
                ship.respond(());
                break;
            }
        }
    }
    match select(changes.next(), signals::<()>("arrive").next()).await {
        Either::Left((change, _)) => change.refuse("the parcel is on its way"),
        Either::Right((arrive, _)) => arrive.refuse_with(422, "nobody is at home"),
    }
    Ok(address)
}

/// Takes no signal before its time has come; returns the notes that came until then and after.
#[workflow]
pub async fn mailbox(ms: u64) -> Result<Vec<String>, Error> {
    sleep(Duration::from_millis(ms)).await;
    let notes = signals::<String>("note");
    let mut taken = Vec::new();
    while taken.len() < 3 {
        taken.push(notes.next().await.value);
    }
    Ok(taken)
}

/// Waits for a signal that never comes.
#[workflow]
pub async fn deaf() -> Result<(), Error> {
    signals::<()>("never").next().await;
    Ok(())
}

/// Sleeps for a day, twice at once; returns whether both were over on the same day.
#[workflow]
pub async fn sleeper() -> Result<bool, Error> {
    let begun = segno::now();
    futures::join!(sleep("1 day"), sleep("1 day"));
    Ok(segno::now().duration_since(begun).as_hours() < 24)
}

/// Races a step that only ends when it is told to against a sleep, gives it up, and goes on.
#[workflow]
pub async fn gives_up(ms: u64) -> Result<(), Error> {
    let work = segno::abort_on_drop(steps::heeds());
    drop(select(work, sleep(Duration::from_millis(ms))).await);
    signals::<()>("end").next().await.respond(());
    Ok(())
}

/// The same with a step that fails again and again, and then waits to be told to end.
#[workflow]
pub async fn gives_up_failing(ms: u64) -> Result<(), Error> {
    let work = segno::abort_on_drop(steps::flaky(1_000));
    drop(select(work, sleep(Duration::from_millis(ms))).await);
    signals::<()>("end").next().await.respond(());
    Ok(())
}

/// What a step knows of where it runs.
#[workflow]
pub async fn whereabouts() -> Result<Value, Error> {
    Ok(steps::whereabouts().await?)
}

/// A step that goes on where the attempt before it was.
#[workflow]
pub async fn counts() -> Result<Vec<u32>, Error> {
    Ok(steps::counts().await?)
}

/// A step that goes on where it was when the host stopped.
#[workflow]
pub async fn remembers() -> Result<Option<u32>, Error> {
    Ok(steps::remembers().await?)
}

/// Adds numbers that it is sent, shows how many there were, and answers what the sum is, or that of the first
/// `n`; ends when it is told to. What it is asked with `bad` does what no query may.
#[workflow]
pub async fn sums(until: usize) -> Result<u64, Error> {
    let all = Rc::new(RefCell::new(Vec::new()));
    let numbers = Rc::clone(&all);
    let _sum = segno::query("sum", move |first: Option<usize>| {
        let numbers = numbers.borrow();
        numbers.iter().take(first.unwrap_or(usize::MAX)).sum::<u64>()
    });
    let _bad = segno::query("bad", |how: String| match &*how {
        "panic" => panic!("told to panic"),
        "loop" => loop {
            std::hint::black_box(0);
        },
        _ => segno::publish("sneaked", true),
    });
    segno::publish("count", 0);
    let added = signals::<u64>("add");
    while all.borrow().len() < until {
        let number = added.next().await.value;
        all.borrow_mut().push(number);
        segno::publish("count", all.borrow().len());
    }
    segno::publish("count", "done");
    let sum = all.borrow().iter().sum();
    Ok(sum)
}

/// Counts what it is sent, shows how far it is, and keeps its last turns only.
#[workflow(history = "keep 8")]
pub async fn counts_on(until: u64) -> Result<u64, Error> {
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    let _asked = segno::query("counted", move |()| counted.get());
    segno::publish("begun", true);
    segno::publish("count", 0);
    let sent = signals::<u64>("add");
    while count.get() < until {
        sent.next().await;
        count.set(count.get() + 1);
        segno::publish("count", count.get());
    }
    Ok(until)
}

/// Panics as soon as it has its token.
#[workflow]
pub async fn panics_with_its_token(token: String) -> Result<(), Error> {
    let _hook = Hook::<Value>::open(token).await;
    panic!("it has its token");
}

/// Sleeps, and panics when it is told to.
#[workflow]
pub async fn sleeps_and_panics() -> Result<(), Error> {
    let told = signals::<()>("panic");
    let told = pin!(told.next());
    select(told, pin!(sleep("1 day"))).await;
    panic!("told to panic");
}

/// Sleeps for a day so many times at once, and counts the sleeps.
#[workflow]
pub async fn sleeps_often(times: usize) -> Result<usize, Error> {
    Ok(join_all((0..times).map(|_| sleep("1 day"))).await.len())
}

/// Answers while it is in a scope, and panics when it is told to.
#[workflow]
pub async fn panics_when_told() -> Result<(), Error> {
    let _here = segno::query("here", |()| "waiting");
    signals::<()>("panic").next().await;
    panic!("told to panic");
}

/// Registers what undoes something, and panics when it is told to.
#[workflow]
pub async fn undoes_and_panics() -> Result<(), Error> {
    segno::compensate("the note", steps::note("never mind".to_owned()));
    signals::<()>("panic").next().await;
    panic!("told to panic");
}

/// Sets attributes, waits for a signal, and changes them: with `many`, so many more.
#[workflow]
pub async fn marked(many: usize) -> Result<(), Error> {
    segno::attributes::set("phase", "begun")?;
    segno::attributes::set("weight", 1.5)?;
    signals::<Value>("go").next().await;
    segno::attributes::set("phase", "over")?;
    segno::attributes::remove("weight")?;
    segno::attributes::set("weight", 42_u64)?;
    segno::attributes::remove("customer")?;
    for number in 0..many {
        segno::attributes::set(&format!("n{number}"), number)?;
    }
    Ok(())
}
