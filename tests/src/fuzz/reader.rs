//! What is given malformed input.

/// Something that reads what others wrote.
pub(super) trait Reader {
    /// What the corpus has beside its files.
    fn seeds(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }

    /// Lets each of these be read. An error says what must not be: that an input is refused is none.
    fn read(&mut self, inputs: &[Vec<u8>]) -> anyhow::Result<()>;
}
