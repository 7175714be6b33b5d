//! A story that was told once without a crash, and is told again with one at each of its points.

use segno_host::store::Store;

use crate::faulty::{Disk, Kept};
use crate::simulation::judge;
use crate::simulation::life::{Life, Moment};
use crate::simulation::tally::Tally;

/// The ways to crash at one point: the power fails, the process is killed, and twice the disk keeps
/// what it likes.
const WAYS: usize = 4;

/// A story, as it goes without a crash.
pub(crate) struct Told {
    disk: Disk,
    /// How many operations of the disk come before the first point.
    from: usize,
    moments: Vec<Moment>,
}

/// A disk with an empty store.
pub(crate) fn new_disk() -> Disk {
    let disk = Disk::default();
    Store::open_on(disk.clone()).expect("the store opens");
    disk
}

impl Told {
    /// Tells a story, which says how many operations its disk had been asked when it became of interest.
    pub(crate) fn once(seed: u64, play: impl FnOnce(&mut Life<'_>) -> usize) -> Self {
        let (disk, tell): (_, &mut dyn FnMut(&str)) = (new_disk(), &mut |_line| {});
        let mut life = Life::on(disk.clone(), seed, tell).record();
        let from = play(&mut life);
        let moments = life.moments();
        drop(life);
        Self { disk, from, moments }
    }

    /// How many operations of the disk there are at which something can happen to it.
    pub(crate) fn points(&self) -> usize {
        self.disk.operations() - self.from
    }

    /// In how many ways the host can crash.
    pub(crate) fn crashes(&self) -> u64 {
        ((self.points() + 1) * WAYS) as u64
    }

    /// The host crashes at a point of the story, and goes on from what its disk kept.
    pub(crate) fn crash(
        &self,
        number: u64,
        set: impl FnOnce(&mut Life<'_>),
        tell: &mut dyn FnMut(&str),
    ) -> (u64, Tally) {
        let point = self.from + number as usize / WAYS;
        let way = number as usize % WAYS;
        let kept = match way {
            0 => Kept::Nothing,
            1 => Kept::All,
            _ => Kept::Some(number),
        };
        let known = self.moments.iter().rev().find(|moment| moment.operations <= point);
        let disk = self.disk.after_crash(point, kept);
        let mut life = match known {
            Some(moment) => Life::after(moment, disk, number, tell),
            None => Life::on(disk, number, tell),
        };
        set(&mut life);
        life.killed();
        life.open(None);
        life.come_to_its_end();
        judge::judge(life)
    }
}
