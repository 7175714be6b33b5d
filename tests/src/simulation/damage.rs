//! Damage to images on disk: they are disposable, so none of it may be noticed by a run that has its
//! turns, or another image.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use segno_host::store::{RawRows, Store, StoreError};
use segno_journal::RunId;

use crate::faulty::Disk;

/// Where images lie: what they say of themselves, and their memory.
const TABLES: [&str; 2] = ["images", "blocks"];

/// An image: its run and its position.
pub(crate) type ImageKey = (RunId, u64);

/// What is done to a row of an image.
#[derive(Clone, Copy)]
enum Harm {
    /// A bit is another one.
    Flip,
    /// It is cut short.
    Truncate,
    /// It is gone.
    Remove,
    /// It stands where that of another image belongs, and the other way round.
    Swap,
    /// It stands where that of another image belongs as well.
    Copy,
}

const HARMS: [Harm; 5] = [Harm::Flip, Harm::Truncate, Harm::Remove, Harm::Swap, Harm::Copy];

/// Damages or takes away rows of some of the images; gives which it harmed. Mostly one image of each
/// run is spared.
pub(crate) fn damage_images(
    disk: &Disk,
    random: &mut ChaCha8Rng,
    harmed: &BTreeSet<ImageKey>,
) -> BTreeSet<ImageKey> {
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let images = images(&store);
    let spares = random.random_ratio(7, 8);
    let spared = if spares { spared(&images, harmed, random) } else { BTreeSet::new() };
    let free: Vec<_> = images.into_iter().filter(|image| !spared.contains(image)).collect();
    let harmed = store.change_raw(|rows| {
        let mut now_harmed = BTreeSet::new();
        for image in &free {
            if random.random_ratio(1, 2) {
                let other = free[random.random_range(0..free.len())];
                let harm = HARMS[random.random_range(0..HARMS.len())];
                let table = TABLES[random.random_range(0..TABLES.len())];
                now_harmed.extend(harm.on(rows, table, [*image, other], random)?);
            }
        }
        Ok(now_harmed)
    });
    harmed.expect("the disk is well")
}

impl Harm {
    /// Harms the row of the first of these images, and perhaps of the other; gives which.
    fn on(
        self,
        rows: &mut RawRows<'_>,
        table: &str,
        [one, other]: [ImageKey; 2],
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<ImageKey>, StoreError> {
        let (row, other_row) = (rows.get(table, &key(one))?, rows.get(table, &key(other))?);
        let (mut value, others) = match (row, other_row) {
            (Some(value), Some(others)) if !value.is_empty() => (value, others),
            _ => return Ok(Vec::new()),
        };
        let at = random.random_range(0..value.len());
        match self {
            Self::Flip => value[at] ^= 1 << random.random_range(0..8),
            Self::Truncate => value.truncate(at),
            Self::Remove => {
                rows.remove(table, &key(one))?;
                return Ok(vec![one]);
            }
            // Of two that are the same, neither is harmed.
            Self::Swap | Self::Copy if value == others => return Ok(Vec::new()),
            Self::Swap => {
                rows.put(table, &key(one), &others)?;
                rows.put(table, &key(other), &value)?;
                return Ok(vec![one, other]);
            }
            Self::Copy => value = others,
        }
        rows.put(table, &key(one), &value)?;
        Ok(vec![one])
    }
}

/// The images of which there is still a row.
fn images(store: &Store) -> BTreeSet<ImageKey> {
    let rows = TABLES.map(|table| store.raw_rows(table).expect("the store can be read"));
    rows.into_iter().flatten().map(|(key, _)| image(&key)).collect()
}

/// Of each run one of the images that are whole.
fn spared(
    images: &BTreeSet<ImageKey>,
    harmed: &BTreeSet<ImageKey>,
    random: &mut ChaCha8Rng,
) -> BTreeSet<ImageKey> {
    let mut of_run: BTreeMap<RunId, Vec<ImageKey>> = BTreeMap::new();
    for image in images.difference(harmed) {
        of_run.entry(image.0).or_default().push(*image);
    }
    of_run.into_values().map(|images| images[random.random_range(0..images.len())]).collect()
}

/// The key of an image, as the store makes it.
fn key((run, position): ImageKey) -> Vec<u8> {
    [run.to_bytes().as_slice(), &position.to_be_bytes()].concat()
}

/// The image of a key of the store.
pub(crate) fn image(key: &[u8]) -> ImageKey {
    let (run, position) = key.split_first_chunk().expect("it begins with a run");
    (
        RunId::from_bytes(*run),
        u64::from_be_bytes(position.try_into().expect("it ends with a position")),
    )
}
