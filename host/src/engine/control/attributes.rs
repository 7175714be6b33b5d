//! What a new run is found by.

use segno_journal::{
    Attributes, MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTES, is_attribute_name,
};

use crate::engine::error::EngineError;

/// Refuses attributes that a run cannot have.
pub(super) fn check_attributes(attributes: &Attributes) -> Result<(), EngineError> {
    if attributes.len() > MAX_ATTRIBUTES {
        let count = attributes.len();
        return Err(EngineError::BadAttribute(format!(
            "a run has at most {MAX_ATTRIBUTES} attributes, and this one would have {count}"
        )));
    }
    for (name, value) in attributes {
        if !is_attribute_name(name) {
            return Err(EngineError::BadAttribute(format!(
                "{name:?} cannot be the name of an attribute: it has up to {MAX_ATTRIBUTE_NAME} letters from a to z, \
                 digits, `_`, `.` and `-`, and begins with a letter"
            )));
        }
        if value.size() > MAX_ATTRIBUTE_BYTES {
            let (what, size) = ("the value of an attribute", value.size());
            return Err(EngineError::TooLarge { what, size, limit: MAX_ATTRIBUTE_BYTES });
        }
    }
    Ok(())
}
