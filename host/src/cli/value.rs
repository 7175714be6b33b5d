//! JSON that a user writes, checked before anybody is asked: a mistake in it is the user's own.

use std::path::Path;

use anyhow::Context;
use serde_json::value::RawValue;

use crate::cli::exit::UsageError;

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// What was written behind a name of the command line, or the `null` of who wrote nothing.
pub(super) fn written(text: Option<&str>, name: &str) -> Result<Box<RawValue>, UsageError> {
    text.map_or_else(|| Ok(RawValue::NULL.to_owned()), |text| read(text, name))
}

/// As [`written`], where `-` is standard input.
pub(super) async fn written_or_piped(
    text: Option<&str>,
    name: &str,
) -> anyhow::Result<Box<RawValue>> {
    match text {
        Some(STANDARD_INPUT) => piped().await,
        text => Ok(written(text, name)?),
    }
}

/// What a file has; `-` is standard input.
pub(super) async fn in_file(path: &Path) -> anyhow::Result<Box<RawValue>> {
    if path == Path::new(STANDARD_INPUT) {
        return piped().await;
    }
    let shown = path.display().to_string();
    let text = tokio::fs::read_to_string(path).await;
    let text = text.with_context(|| format!("cannot read {shown}"))?;
    Ok(read(&text, &shown)?)
}

async fn piped() -> anyhow::Result<Box<RawValue>> {
    let read = tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin())).await?;
    let text = read.context("cannot read standard input")?;
    Ok(self::read(&text, "standard input")?)
}

fn read(text: &str, from: &str) -> Result<Box<RawValue>, UsageError> {
    serde_json::from_str(text).map_err(|error| UsageError(format!("{from} is not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_handed_on_as_it_was_written() {
        let text = r#" {"b": 1.50, "a": 12345678901234567890} "#;
        let value = written(Some(text), "--input").unwrap();
        assert_eq!(value.get(), r#"{"b": 1.50, "a": 12345678901234567890}"#);
    }

    #[test]
    fn a_value_that_is_not_json_is_the_users_mistake() {
        let error = written(Some("{"), "--input").unwrap_err();
        assert_eq!(
            error.to_string(),
            "--input is not JSON: EOF while parsing an object at line 1 column 1"
        );
    }

    #[test]
    fn what_is_left_out_is_null() {
        assert_eq!(written(None, "--input").unwrap().get(), "null");
    }
}
