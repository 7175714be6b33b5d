//! Who watches runs: each turn is told to them once it is on disk.

use segno_journal::RunId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How many turns are kept for one who is slow to hear of them. Who falls behind further is told so.
const KEPT: usize = 4_096;

/// A run has had a turn, which is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WentOn {
    /// The run.
    pub run: RunId,
    /// The position of the turn, from 0.
    pub turn: u64,
}

/// Where turns are told. Cheap to clone.
#[derive(Clone)]
pub(super) struct Watch(broadcast::Sender<WentOn>);

impl Default for Watch {
    fn default() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }
}

impl Watch {
    /// Tells those who watch; nothing where nobody does.
    pub(super) fn tell(&self, went_on: WentOn) {
        let _nobody = self.0.send(went_on);
    }

    /// Hears of each turn from now on.
    pub(super) fn begin(&self) -> Watching {
        Watching(self.0.subscribe())
    }
}

/// One who watches all runs of an engine.
#[derive(Debug)]
pub struct Watching(broadcast::Receiver<WentOn>);

/// What one who watches hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A run has had a turn.
    WentOn(WentOn),
    /// So many turns were missed, of any runs: more were told than are kept for one who is slow. Look at
    /// the runs themselves, and go on.
    Missed(u64),
}

impl Watching {
    /// The next turn that is on disk, in the order of the turns of each run. Nothing once the engine is
    /// gone.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(went_on) => Some(Heard::WentOn(went_on)),
            Err(RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use segno_journal::Timestamp;

    use super::*;

    fn went_on(turn: u64) -> WentOn {
        WentOn { run: RunId::from_parts(Timestamp(1), 1), turn }
    }

    #[test]
    fn who_watches_hears_of_each_turn_from_then_on() {
        let watch = Watch::default();
        watch.tell(went_on(0));
        let mut watching = watch.begin();
        assert!(watching.next().now_or_never().is_none());
        watch.tell(went_on(1));
        watch.tell(went_on(2));
        for turn in [1, 2] {
            let heard = watching.next().now_or_never();
            assert_eq!(heard, Some(Some(Heard::WentOn(went_on(turn)))));
        }
        drop(watch);
        assert_eq!(watching.next().now_or_never(), Some(None));
    }

    #[test]
    fn who_falls_behind_is_told_how_much_it_missed() {
        let watch = Watch::default();
        let mut watching = watch.begin();
        let told = KEPT as u64 + 10;
        (0..told).for_each(|turn| watch.tell(went_on(turn)));
        assert_eq!(watching.next().now_or_never(), Some(Some(Heard::Missed(10))));
        assert_eq!(watching.next().now_or_never(), Some(Some(Heard::WentOn(went_on(10)))));
    }
}
