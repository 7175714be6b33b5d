//! The index of runs by their attributes.

use segno_journal::{AttributeValue, RunId};

use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::keys::Between;
use crate::store::keyspace::Transaction;
use crate::store::records::Attribute;
use crate::store::tables::Table;

/// How many bytes of a key are the run.
const RUN: usize = 16;

/// The bit that says that a number is below zero.
const SIGN: u64 = 1 << 63;

/// Writes an attribute of a run, or takes it away, and its row in the index with it.
pub(in crate::store) fn write_attribute(
    transaction: &mut Transaction,
    key: &[u8],
    record: Option<&[u8]>,
) -> Result<(), StoreError> {
    let old = match record {
        Some(record) => transaction.replace(Table::Attributes, key, record)?,
        None => transaction.take(Table::Attributes, key)?,
    };
    let old = old.and_then(|old| told(key, &old));
    let new = record.and_then(|record| told(key, record));
    if old == new {
        return Ok(());
    }
    if let Some(old) = old {
        transaction.delete(Table::AttributeIndex, &old);
    }
    if let Some(new) = new {
        transaction.put(Table::AttributeIndex, &new, b"");
    }
    Ok(())
}

/// As [`index_key`]. Of a damaged record nobody knows; its row stays, and a check finds it.
fn told(key: &[u8], record: &[u8]) -> Option<Vec<u8>> {
    index_key(key, record)
        .inspect_err(|error| tracing::warn!(%error, "a damaged attribute is not in the index"))
        .ok()
}

/// The key in the index of an attribute with this key and record.
pub(super) fn index_key(key: &[u8], record: &[u8]) -> Result<Vec<u8>, StoreError> {
    let attribute: Attribute = codec::decode(Table::Attributes.name(), record)?;
    let (run, name) = split(key)?;
    Ok(of_run(prefix(name, &attribute.value), run))
}

/// The run and the name in the key of an attribute.
fn split(key: &[u8]) -> Result<(RunId, &str), StoreError> {
    let split = key.split_first_chunk::<RUN>();
    let split = split.and_then(|(run, name)| Some((run, std::str::from_utf8(name).ok()?)));
    let (run, name) = split.ok_or_else(|| codec::bad_key(Table::Attributes))?;
    Ok((RunId::from_bytes(*run), name))
}

/// The key in the table of attributes that a key in the index leads to.
pub(super) fn attribute_key(index_key: &[u8]) -> Option<Vec<u8>> {
    let end = index_key.iter().position(|byte| *byte == 0)?;
    let run = index_key.len().checked_sub(RUN).filter(|run| *run > end)?;
    Some([&index_key[run..], &index_key[..end]].concat())
}

/// What the keys of the runs begin with that have an attribute of this value.
pub(super) fn prefix(name: &str, value: &AttributeValue) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(name.len() + value.size() + 4 + RUN);
    prefix.extend_from_slice(name.as_bytes());
    prefix.push(0);
    match value {
        AttributeValue::Text(text) => {
            prefix.push(1);
            for byte in text.bytes() {
                prefix.push(byte);
                if byte == 0 {
                    prefix.push(0xff);
                }
            }
            prefix.extend([0, 0]);
        }
        AttributeValue::Number(number) => {
            let bits = number.get().to_bits();
            let sortable = if bits & SIGN == 0 { bits | SIGN } else { !bits };
            prefix.push(2);
            prefix.extend(sortable.to_be_bytes());
        }
        AttributeValue::Boolean(value) => prefix.extend([3, u8::from(*value)]),
        AttributeValue::Time(at) => {
            prefix.push(4);
            prefix.extend(at.0.to_be_bytes());
        }
    }
    prefix
}

/// The key of a run behind what it begins with.
pub(super) fn of_run(mut prefix: Vec<u8>, run: RunId) -> Vec<u8> {
    prefix.extend(run.to_bytes());
    prefix
}

/// The keys of runs between two, both included, behind what they begin with.
pub(super) fn between(prefix: &[u8], (first, last): (RunId, RunId)) -> Between {
    Between::new(of_run(prefix.to_vec(), first), of_run(prefix.to_vec(), last))
}

#[cfg(test)]
mod tests {
    use segno_journal::{Number, Timestamp};

    use super::*;

    #[test]
    fn values_sort_as_they_stand_in_keys_and_none_is_the_beginning_of_another() {
        let text = |text: &str| AttributeValue::Text(text.to_owned());
        let number = |number| AttributeValue::Number(Number::new(number).expect("it is one"));
        let time = |at| AttributeValue::Time(Timestamp(at));
        let values = [
            text(""),
            text("\0"),
            text("\0\0"),
            text("\0a"),
            text("\u{1}"),
            text("a"),
            text("a\0"),
            text("a\0b"),
            text("ab"),
            text("b"),
            number(f64::MIN),
            number(-1.5),
            number(-1.0),
            number(-f64::MIN_POSITIVE),
            number(0.0),
            number(f64::MIN_POSITIVE),
            number(1.0),
            number(42.0),
            number(f64::MAX),
            AttributeValue::Boolean(false),
            AttributeValue::Boolean(true),
            time(0),
            time(1),
            time(u64::MAX),
        ];
        let keys = values.map(|value| prefix("a", &value));
        assert!(keys.is_sorted(), "{keys:02x?}");
        for (at, key) in keys.iter().enumerate() {
            for (other_at, other) in keys.iter().enumerate() {
                assert!(at == other_at || !other.starts_with(key), "{key:02x?} {other:02x?}");
            }
        }
    }

    #[test]
    fn a_row_of_the_index_leads_back_to_its_attribute() {
        let run = RunId::from_bytes([0xab; 16]);
        for value in ["", "x", "\0\0"] {
            let value = AttributeValue::Text(value.to_owned());
            let key = of_run(prefix("customer", &value), run);
            let expected = crate::store::keys::named(run, "customer");
            assert_eq!(attribute_key(&key), Some(expected));
        }
        assert_eq!(attribute_key(b"customer\0"), None);
        assert_eq!(attribute_key(b""), None);
    }
}
