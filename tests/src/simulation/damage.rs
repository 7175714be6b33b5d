//! Damage to images on disk: they are disposable, so none of it may be noticed by a run that has its
//! turns, or another image.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use redb::{Database, ReadableTable, Table, TableDefinition};
use segno_journal::RunId;

use crate::faulty::Disk;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type Rows<'a> = Table<'a, &'static [u8], &'static [u8]>;

/// Where images lie: what they say of themselves, and their memory.
const TABLES: [Definition; 2] = [TableDefinition::new("images"), TableDefinition::new("blocks")];

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
    let db = Database::builder().create_with_backend(disk.clone()).expect("the store opens");
    let transaction = db.begin_write().expect("the disk is well");
    let mut now_harmed = BTreeSet::new();
    {
        let mut tables =
            TABLES.map(|table| transaction.open_table(table).expect("all tables are of bytes"));
        let images = images(&tables);
        let spares = random.random_ratio(7, 8);
        let spared = if spares { spared(&images, harmed, random) } else { BTreeSet::new() };
        let free: Vec<_> = images.into_iter().filter(|image| !spared.contains(image)).collect();
        for image in &free {
            if random.random_ratio(1, 2) {
                let other = free[random.random_range(0..free.len())];
                let harm = HARMS[random.random_range(0..HARMS.len())];
                let table = &mut tables[random.random_range(0..TABLES.len())];
                now_harmed.extend(harm.on(table, [*image, other], random));
            }
        }
    }
    transaction.commit().expect("the disk is well");
    now_harmed
}

impl Harm {
    /// Harms the row of the first of these images, and perhaps of the other; gives which.
    fn on(
        self,
        rows: &mut Rows<'_>,
        [one, other]: [ImageKey; 2],
        random: &mut ChaCha8Rng,
    ) -> Vec<ImageKey> {
        let (mut value, others) = match (get(rows, one), get(rows, other)) {
            (Some(value), Some(others)) if !value.is_empty() => (value, others),
            _ => return Vec::new(),
        };
        let at = random.random_range(0..value.len());
        match self {
            Self::Flip => value[at] ^= 1 << random.random_range(0..8),
            Self::Truncate => value.truncate(at),
            Self::Remove => {
                rows.remove(key(one).as_slice()).expect("the disk is well");
                return vec![one];
            }
            // Of two that are the same, neither is harmed.
            Self::Swap | Self::Copy if value == others => return Vec::new(),
            Self::Swap => {
                rows.insert(key(one).as_slice(), others.as_slice()).expect("the disk is well");
                rows.insert(key(other).as_slice(), value.as_slice()).expect("the disk is well");
                return vec![one, other];
            }
            Self::Copy => value = others,
        }
        rows.insert(key(one).as_slice(), value.as_slice()).expect("the disk is well");
        vec![one]
    }
}

/// The images of which there is still a row.
fn images(tables: &[Rows<'_>]) -> BTreeSet<ImageKey> {
    let keys = tables.iter().flat_map(|table| {
        let rows = table.iter().expect("the store can be read");
        rows.map(|row| image(row.expect("the store can be read").0.value())).collect::<Vec<_>>()
    });
    keys.collect()
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

fn get(rows: &Rows<'_>, image: ImageKey) -> Option<Vec<u8>> {
    let value = rows.get(key(image).as_slice()).expect("the store can be read");
    value.map(|value| value.value().to_vec())
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
