//! Attributes: what a run is found by, besides its workflow and how it stands.

use crate::runtime::Runtime;
use crate::types::AttributeValue;

/// Gives the run an attribute, in place of the value that it had before. On replay it is compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn set(name: &str, value: &AttributeValue) {
    Runtime::here(|runtime| runtime.host().set_attribute(name, value));
}

/// Takes an attribute from the run. On replay it is compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn remove(name: &str) {
    Runtime::here(|runtime| runtime.host().remove_attribute(name));
}
