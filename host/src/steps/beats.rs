//! The heartbeats of one attempt: what it last said of how far it is, and when.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How often what an attempt says is passed on: each time it is written to the disk.
const EVERY: Duration = Duration::from_secs(1);

/// What is told what an attempt says, as JSON.
pub type Heard = Box<dyn Fn(String) + Send + Sync>;

/// The heartbeats of an attempt.
pub(super) struct Beats {
    state: Mutex<State>,
    heard: Heard,
}

struct State {
    last: Instant,
    /// What was said and not passed on, because something else just was.
    left: Option<String>,
    passed_on: Option<Instant>,
    /// The attempt is over: what tasks say that it left behind is nothing to the next one.
    is_over: bool,
}

impl Beats {
    /// An attempt begins.
    pub(super) fn begin(heard: Heard) -> Self {
        let state = State { last: Instant::now(), left: None, passed_on: None, is_over: false };
        Self { state: Mutex::new(state), heard }
    }

    /// It says how far it is.
    pub(super) fn beat(&self, details: String) {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.is_over {
            return;
        }
        state.last = now;
        if state.passed_on.is_some_and(|at| now.duration_since(at) < EVERY) {
            state.left = Some(details);
            return;
        }
        (state.left, state.passed_on) = (None, Some(now));
        // In the order in which it was said.
        (self.heard)(details);
    }

    /// The attempt is over. What it said last is passed on where another one may follow.
    pub(super) fn end(&self, another_may_follow: bool) {
        let mut state = self.state.lock();
        state.is_over = true;
        let left = state.left.take().filter(|_| another_may_follow);
        left.into_iter().for_each(&self.heard);
    }

    /// Returns when nothing was said for so long.
    pub(super) async fn missed(&self, timeout: Duration) {
        loop {
            let last = self.state.lock().last;
            #[expect(
                clippy::disallowed_methods,
                reason = "it is a time-out, as that of the attempt"
            )]
            tokio::time::sleep_until(last + timeout).await;
            if self.state.lock().last == last {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn beats() -> (Beats, Arc<Mutex<Vec<String>>>) {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&heard);
        (Beats::begin(Box::new(move |details| told.lock().push(details))), heard)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_said_often_is_passed_on_once_a_second_and_the_last_word_at_the_end() {
        let (beats, heard) = beats();
        for said in 0..25 {
            beats.beat(said.to_string());
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        beats.end(true);
        beats.beat("a task that was left behind".to_owned());
        beats.end(true);
        assert_eq!(*heard.lock(), ["0", "10", "20", "24"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_word_of_an_attempt_that_nothing_follows_is_nothing_to_anybody() {
        let (beats, heard) = beats();
        beats.beat("0".to_owned());
        beats.beat("1".to_owned());
        beats.end(false);
        assert_eq!(*heard.lock(), ["0"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_for_too_long_is_missed() {
        let (beats, _heard) = beats();
        let begun = Instant::now();
        let missed = beats.missed(Duration::from_secs(5));
        let says = async {
            for _ in 0..3 {
                #[expect(clippy::disallowed_methods, reason = "the clock is paused")]
                tokio::time::sleep(Duration::from_secs(4)).await;
                beats.beat("null".to_owned());
            }
        };
        tokio::join!(missed, says);
        assert_eq!(begun.elapsed().as_secs(), 17);
    }
}
