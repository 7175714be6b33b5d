//! The two grammars of durations.

use anyhow::ensure;
use segno::IntoDuration;
use segno_host::doors::parse_duration;

use crate::fuzz::reader::Reader;

pub(super) struct Durations;

impl Reader for Durations {
    fn read(&mut self, inputs: &[Vec<u8>]) -> anyhow::Result<()> {
        for input in inputs {
            let text = String::from_utf8_lossy(input);
            if let Err(error) = parse_duration(&text) {
                ensure!(error.to_string().len() < 1_000, "the error repeats too much of its text");
            }
            if text.as_ref().into_duration().is_ok() {
                ensure!(text.len() <= 100, "{} bytes were read as a duration", text.len());
                ensure!(text.contains(|c: char| c.is_ascii_digit()), "{text:?} has no number");
            }
        }
        Ok(())
    }
}
