//! Workflows that give something out as they work.

use segno::{Error, stream, workflow};

use crate::steps;

/// Writes a line before each of its steps to the stream `told`, closes it, and writes once more.
#[workflow]
pub async fn narrates(lines: u64) -> Result<(), Error> {
    let told = stream("told");
    for line in 0..lines {
        told.write(format!("line {line}\n"));
        steps::note(line.to_string()).await?;
    }
    told.close();
    told.write("too late");
    steps::note("said".to_owned()).await?;
    Ok(())
}

/// Has a step write so many chunks to the stream `words`, in each attempt anew; so many attempts fail.
#[workflow]
pub async fn dictates(input: (u32, u32)) -> Result<(), Error> {
    let (chunks, fails) = input;
    stream("words").write("begin");
    steps::writes(chunks, fails).await?;
    stream("words").write("end");
    Ok(())
}

/// Has a step write that does not end when this process tries it first.
#[workflow]
pub async fn is_cut_off() -> Result<(), Error> {
    Ok(steps::writes_and_hangs().await?)
}

/// Writes so many chunks of so many bytes to each of so many streams, in one turn after the other.
#[workflow]
pub async fn floods(input: (u64, usize, u64)) -> Result<(), Error> {
    let (streams, bytes, turns) = input;
    for turn in 0..turns {
        for name in 0..streams {
            stream(&format!("stream {name}")).write(vec![b'x'; bytes]);
        }
        steps::note(turn.to_string()).await?;
    }
    Ok(())
}

/// Writes, sleeps for long, and writes.
#[workflow]
pub async fn pauses() -> Result<(), Error> {
    let told = stream("told");
    for pause in 0..3 {
        told.write(pause.to_string());
        segno::sleep("1 hour").await;
    }
    Ok(())
}

/// A step closes a stream while the workflow and the step go on writing to it; gives what the step was told.
#[workflow]
pub async fn closes_early() -> Result<String, Error> {
    let told = steps::writes_behind_the_end().await?;
    stream("words").write("never");
    Ok(told)
}
