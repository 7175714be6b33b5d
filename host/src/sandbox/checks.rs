//! What a guest may not pass to its host: it is stopped, with a sentence that says why.

use segno_journal::{
    BlockKind, MAX_ATTRIBUTE_NAME, MAX_NESTING, is_attribute_name, is_too_nested, is_word,
};

use crate::sandbox::state::State;

impl State {
    /// Refuses what is no JSON, or is nested too deep.
    pub(crate) fn check_json(
        &mut self,
        text: &str,
        what: impl FnOnce() -> String,
    ) -> wasmtime::Result<()> {
        if serde_json::from_str::<&serde_json::value::RawValue>(text).is_err() {
            return Err(self.stop(BlockKind::Trap, format!("{} is not JSON", what())));
        }
        if is_too_nested(text) {
            let message = format!("{} is nested more than {MAX_NESTING} levels deep", what());
            return Err(self.stop(BlockKind::Limit, message));
        }
        Ok(())
    }

    /// Refuses what cannot be a word by which something is known.
    pub(crate) fn check_word(
        &mut self,
        what: &str,
        word: &str,
        limit: usize,
    ) -> wasmtime::Result<()> {
        if is_word(word, limit) {
            return Ok(());
        }
        let message =
            format!("{what} must have from 1 to {limit} bytes, and no control characters");
        Err(self.stop(BlockKind::Trap, message))
    }

    /// Refuses what cannot be the name of an attribute.
    pub(crate) fn check_attribute_name(&mut self, name: &str) -> wasmtime::Result<()> {
        if is_attribute_name(name) {
            return Ok(());
        }
        let message = format!(
            "an attribute must have a name of up to {MAX_ATTRIBUTE_NAME} letters from a to z, digits, `_`, `.` and `-` \
             that begins with a letter"
        );
        Err(self.stop(BlockKind::Trap, message))
    }

    /// Refuses a value that is larger than it may be.
    pub(crate) fn check_payload(&mut self, what: &str, size: usize) -> wasmtime::Result<()> {
        self.check_size(what, size, self.quota().payload)
    }

    /// The same with a bound of its own.
    pub(crate) fn check_size(
        &mut self,
        what: &str,
        size: usize,
        limit: usize,
    ) -> wasmtime::Result<()> {
        if size <= limit {
            return Ok(());
        }
        let message = format!("{what} has {size} bytes, but at most {limit} are allowed");
        Err(self.stop(BlockKind::Limit, message))
    }
}
