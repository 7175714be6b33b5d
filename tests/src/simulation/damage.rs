//! Damage to images on disk: they are disposable, so none of it may be noticed by a run.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use redb::{Database, ReadableTable, TableDefinition};

use crate::faulty::Disk;

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Where images lie: what they say of themselves, and their memory.
const TABLES: [Table; 2] = [TableDefinition::new("images"), TableDefinition::new("blocks")];

/// Damages or takes away some of the rows; gives how many there were and how many it harmed.
pub(crate) fn damage_images(disk: &Disk, random: &mut ChaCha8Rng) -> (usize, usize) {
    let db = Database::builder().create_with_backend(disk.clone()).expect("the store opens");
    let transaction = db.begin_write().expect("the disk is well");
    let (mut there, mut harmed) = (0, 0);
    for definition in TABLES {
        let mut table = transaction.open_table(definition).expect("all tables are of bytes");
        let rows = table.iter().expect("the store can be read").map(|row| {
            let (key, value) = row.expect("the store can be read");
            (key.value().to_vec(), value.value().to_vec())
        });
        let rows: Vec<_> = rows.collect();
        there += rows.len();
        for (key, mut value) in rows {
            let at = random.random_range(0..value.len().max(1));
            match random.random_range(0..6) {
                0 => drop(table.remove(key.as_slice()).expect("the disk is well")),
                1 if !value.is_empty() => {
                    value[at] ^= 1 << random.random_range(0..8);
                    table.insert(key.as_slice(), value.as_slice()).expect("the disk is well");
                }
                _ => continue,
            }
            harmed += 1;
        }
    }
    transaction.commit().expect("the disk is well");
    (there, harmed)
}
