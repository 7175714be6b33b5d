//! Killing a process at moments that nothing announces, as a crash does.

use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::ensure;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::settings::var;

/// How often a test kills, and at which moments: what it says, or `KILLS` and `KILL_SEED`.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often.
    pub kills: usize,
    /// What decides the moments.
    pub seed: u64,
}

impl Plan {
    /// So many kills at random moments, unless the environment says otherwise.
    #[must_use]
    pub fn new(kills: usize) -> Self {
        let given = |name| var(name).and_then(|value| value.parse().ok());
        let kills = given("KILLS").and_then(|kills| usize::try_from(kills).ok()).unwrap_or(kills);
        Self { kills, seed: given("KILL_SEED").unwrap_or_else(|| rand::rng().random()) }
    }

    /// Starts the command again and again, and kills it after so many milliseconds. Gives how often it
    /// had ended by itself before: with success, and all its work done.
    ///
    /// # Errors
    /// If it cannot be started, or ends by itself without success.
    pub fn carry_out(
        self,
        moments: Range<u64>,
        command: impl Fn() -> Command,
    ) -> anyhow::Result<usize> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut ended = 0;
        for _ in 0..self.kills {
            let child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            ended += usize::from(!kill_after(child, random.random_range(moments.clone()))?);
        }
        Ok(ended)
    }
}

/// Kills the process. False if it had ended before.
#[expect(clippy::disallowed_methods, reason = "the kill comes at a moment that nothing announces")]
fn kill_after(mut child: Child, millis: u64) -> anyhow::Result<bool> {
    std::thread::sleep(Duration::from_millis(millis));
    if let Some(status) = child.try_wait()? {
        ensure!(status.success(), "it ended by itself ({status}) before it was killed");
        return Ok(false);
    }
    child.kill()?;
    child.wait()?;
    Ok(true)
}
