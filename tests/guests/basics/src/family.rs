//! Workflows that have children, and those that they start.

use std::time::Duration;

use futures::future::{Either, join_all, select, try_join_all};
use segno::{ChildError, Error, send_signal, signals, sleep, spawn, spawn_detached, workflow};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::steps;

/// What a child of a little program does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Childhood {
    /// By which it is told from the others of its parent. It returns it, and fails where it is odd.
    pub id: u64,
    /// How long it sleeps first, in milliseconds.
    pub sleeps: u64,
    /// Under which name it sends its parent a number.
    pub tells: Option<String>,
}

/// What fails of childhoods.
pub const UNEVEN: &str = "its number is odd";

/// A short life.
#[workflow]
pub async fn childhood(childhood: Childhood) -> Result<u64, Error> {
    let Childhood { id, sleeps, tells } = childhood;
    sleep(Duration::from_millis(sleeps)).await;
    if let (Some(name), Some(parent)) = (tells, segno::run().parent) {
        // Larger than what anybody else says.
        let said = segno::random() | 1 << 63;
        if let Err(error) = send_signal(&parent, &name, &said).await {
            segno::log::info!("{error}");
        }
    }
    if id % 2 == 1 { Err(Error::new(UNEVEN)) } else { Ok(id) }
}

/// Waits for what nobody sends: it ends when its parent does.
#[workflow]
pub async fn lingers() -> Result<(), Error> {
    signals::<()>(NEVER).next().await;
    Ok(())
}

/// What nobody sends.
pub const NEVER: &str = "never";

/// Adds one in a step.
#[workflow]
pub async fn adds(n: u64) -> Result<u64, Error> {
    Ok(steps::add(n, 1).await?)
}

/// Starts `n` children at once that do one step each; returns the sum of what they return.
#[workflow]
pub async fn parent(n: u64) -> Result<u64, Error> {
    let children: Vec<_> = (0..n).map(|n| spawn::<adds>(&n)).collect();
    Ok(try_join_all(children).await?.into_iter().sum())
}

/// Starts a child of a workflow that fails, or waits; returns how it ended.
#[workflow]
pub async fn waits_for_child(fails: bool) -> Result<Value, Error> {
    let end = if fails {
        let child = spawn::<crate::plain::fails>(&None);
        segno::publish("child", child.run_id());
        child.await.map(|_| Value::Null)
    } else {
        let child = spawn::<listens>(&());
        segno::publish("child", child.run_id());
        child.await.map(|heard| json!(heard))
    };
    Ok(match end {
        Ok(output) => output,
        Err(ChildError::Failed { message, .. }) => json!({ "failed": message }),
        Err(error) => json!(error.to_string()),
    })
}

/// Takes in what it is told until that is null; returns it.
#[workflow]
pub async fn listens() -> Result<Vec<u64>, Error> {
    let told = signals::<Option<u64>>("tell");
    let mut heard = Vec::new();
    while let Some(number) = told.next().await.value {
        heard.push(number);
    }
    Ok(heard)
}

/// Tells a child numbers before it listens, and that it is to end; returns what it heard.
#[workflow]
pub async fn directs(n: u64) -> Result<Vec<u64>, Error> {
    let child = spawn::<listens>(&());
    for number in 0..n {
        child.signal("tell", &number).await?;
    }
    child.signal("tell", &None::<u64>).await?;
    let late = child.await?;
    Ok(late)
}

/// Tells its parent a number.
#[workflow]
pub async fn reports(n: u64) -> Result<(), Error> {
    let parent = segno::run().parent.ok_or_else(|| Error::new("it has no parent"))?;
    send_signal(&parent, "report", &n).await?;
    Ok(())
}

/// Hears what each of its children reports; returns it in order.
#[workflow]
pub async fn hears_children(n: u64) -> Result<Vec<u64>, Error> {
    let reported = signals::<u64>("report");
    let children: Vec<_> = (0..n).map(|n| spawn::<reports>(&n)).collect();
    let mut heard = Vec::new();
    for _ in 0..n {
        heard.push(reported.next().await.value);
    }
    try_join_all(children).await?;
    heard.sort_unstable();
    Ok(heard)
}

/// Starts a child that listens, and one that it leaves when it ends; waits until it is told to end.
#[workflow]
pub async fn keeps() -> Result<(), Error> {
    let kept = spawn::<listens>(&());
    let left = spawn_detached::<listens>(&());
    segno::publish("kept", kept.run_id());
    segno::publish("left", left.run_id());
    signals::<()>("end").next().await;
    Ok(())
}

/// Cancels a child when it is told to; returns how that ended.
#[workflow]
pub async fn cancels() -> Result<String, Error> {
    let child = spawn_detached::<listens>(&());
    segno::publish("child", child.run_id());
    signals::<()>("cancel").next().await;
    child.cancel();
    Ok(child.await.err().map_or_else(|| "it returned".to_owned(), |error| error.to_string()))
}

/// Sends a signal to any run; returns what came of it.
#[workflow]
pub async fn stranger(run: String) -> Result<String, Error> {
    let told = send_signal(&run, "tell", &1).await;
    Ok(told.err().map_or_else(|| "told".to_owned(), |error| error.to_string()))
}

/// Tells a child something when it is told to; returns what came of it.
#[workflow]
pub async fn says_later() -> Result<String, Error> {
    let child = spawn::<listens>(&());
    segno::publish("child", child.run_id());
    signals::<()>("say").next().await;
    let told = child.signal("tell", &1).await;
    Ok(told.err().map_or_else(|| "told".to_owned(), |error| error.to_string()))
}

/// Cancels a child that it leaves, and ends in the same turn.
#[workflow]
pub async fn cancels_and_ends() -> Result<(), Error> {
    let child = spawn_detached::<listens>(&());
    segno::publish("child", child.run_id());
    signals::<()>("end").next().await;
    child.cancel();
    Ok(())
}

/// Starts a child, sends it a signal, and ends in the same turn.
#[workflow]
pub async fn abandons_children() -> Result<String, Error> {
    let child = spawn::<listens>(&());
    let said = child.signal("tell", &1);
    let _ = futures::FutureExt::now_or_never(said);
    Ok(child.run_id().to_owned())
}

/// Starts two of itself, which do the same.
#[workflow]
pub async fn multiplies() -> Result<(), Error> {
    join_all([spawn::<multiplies>(&()), spawn::<multiplies>(&())]).await;
    Ok(())
}

/// Races a child that never ends against a sleep; returns whether the sleep won.
#[workflow]
pub async fn races_child(ms: u64) -> Result<bool, Error> {
    let child = spawn::<listens>(&());
    Ok(matches!(select(child, sleep(Duration::from_millis(ms))).await, Either::Right(_)))
}
