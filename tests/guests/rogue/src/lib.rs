//! Workflows that misbehave, for the tests of the host: each does what a host must survive.

use std::hint::black_box;
use std::time::Duration;

use futures::future::join_all;
use segno::{Error, workflow};

segno::export!(
    spin,
    spin_later,
    hog,
    panic,
    overflow,
    flood,
    thread_sleep,
    socket,
    file,
    env,
    exit,
    stdin,
);

/// Never returns.
#[workflow]
pub async fn spin() -> Result<u64, Error> {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
        if turns == u64::MAX {
            return Ok(turns);
        }
    }
}

/// Sleeps, and then never returns.
#[workflow]
pub async fn spin_later() -> Result<u64, Error> {
    segno::sleep("1 ms").await;
    let mut turns = 0_u64;
    while black_box(turns) < u64::MAX {
        turns = turns.wrapping_add(1);
    }
    Ok(turns)
}

/// Takes memory without end.
#[workflow]
pub async fn hog() -> Result<usize, Error> {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; 1 << 20]));
        if taken.len() == usize::MAX {
            return Ok(taken.len());
        }
    }
}

/// Panics, with the message that it is given.
#[workflow]
pub async fn panic(message: Option<String>) -> Result<(), Error> {
    panic!("{}", message.as_deref().unwrap_or("out of my depth"))
}

/// Calls itself without end.
#[workflow]
pub async fn overflow() -> Result<u64, Error> {
    Ok(deeper(0))
}

/// Each level keeps an array alive, so that no call is the last thing that its caller does.
#[expect(unconditional_recursion, reason = "to use up the stack is what it is for")]
fn deeper(level: u64) -> u64 {
    let array = black_box([level; 64]);
    let below = deeper(level + 1);
    black_box(array).iter().sum::<u64>() + below
}

/// Asks for a million operations in one turn.
#[workflow]
pub async fn flood() -> Result<usize, Error> {
    let sleeps = (0..1_000_000).map(|_| segno::sleep("1 hour"));
    Ok(join_all(sleeps).await.len())
}

/// Sleeps where only the standard library knows of it.
#[workflow]
#[expect(clippy::disallowed_methods, reason = "to hold the thread is what it is for")]
pub async fn thread_sleep() -> Result<(), Error> {
    std::thread::sleep(Duration::from_secs(1));
    Ok(())
}

/// Opens a connection.
#[workflow]
pub async fn socket() -> Result<(), Error> {
    std::net::TcpStream::connect("127.0.0.1:80")?;
    Ok(())
}

/// Reads a file.
#[workflow]
pub async fn file() -> Result<usize, Error> {
    Ok(std::fs::read("/etc/hostname")?.len())
}

/// Counts the variables of the environment and the arguments.
#[workflow]
pub async fn env() -> Result<usize, Error> {
    Ok(std::env::vars().count() + std::env::args().count())
}

/// Ends the process.
#[workflow]
#[expect(clippy::disallowed_methods, reason = "to leave without a word is what it is for")]
pub async fn exit() -> Result<(), Error> {
    std::process::exit(3)
}

/// Reads what somebody types.
#[workflow]
pub async fn stdin() -> Result<String, Error> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line)
}
