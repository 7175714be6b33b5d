//! Values that are deep.

use serde_json::Value;

/// Arrays in arrays, so many levels deep.
#[must_use]
pub fn nested(levels: usize) -> Value {
    (1..levels).fold(Value::Array(Vec::new()), |inner, _| Value::Array(vec![inner]))
}
