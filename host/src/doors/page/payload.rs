//! What a run was given and gave: the beginning on the page, the whole as a file.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::doors::params::RunPath;
use crate::doors::refusal::{Kind, Refusal};
use crate::engine::Engine;
use crate::timeline::printable_lines;

/// How much of a value stands on the page, in bytes.
const SHOWN: usize = 4 << 10;

/// A value, as much of it as stands on the page.
pub(super) struct Shown {
    pub(super) text: String,
    /// How large it is, where that is not all.
    pub(super) size: Option<usize>,
}

impl Shown {
    pub(super) fn new(text: &str) -> Self {
        let end = text.floor_char_boundary(SHOWN);
        Self { text: printable_lines(&text[..end]), size: (end < text.len()).then_some(text.len()) }
    }
}

/// `GET /runs/{id}/input`: all of it.
pub(super) async fn input(
    State(engine): State<Engine>,
    RunPath(run): RunPath,
) -> Result<Response, Refusal> {
    let view = engine.run(run).await?;
    Ok(file(&format!("{run}-input.json"), view.input.get()))
}

/// `GET /runs/{id}/output`: all of it.
pub(super) async fn output(
    State(engine): State<Engine>,
    RunPath(run): RunPath,
) -> Result<Response, Refusal> {
    let view = engine.run(run).await?;
    let none = || Refusal::new(&Kind::UNKNOWN_ROUTE, "the run has no output").about_run(run);
    Ok(file(&format!("{run}-output.json"), view.output.ok_or_else(none)?.get()))
}

/// A file to be kept, and not to be looked at: a browser does nothing with what is in it.
fn file(name: &str, text: &str) -> Response {
    let kept = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_DISPOSITION, kept)];
    (StatusCode::OK, headers, text.to_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_large_value_the_beginning_is_shown_and_its_size() {
        let Shown { text, size } = Shown::new("{}");
        assert_eq!((&*text, size), ("{}", None));
        let large = "ä".repeat(SHOWN);
        let Shown { text, size } = Shown::new(&large);
        assert_eq!((text.len(), size), (SHOWN, Some(2 * SHOWN)));
        let odd = format!("x{large}");
        assert_eq!(Shown::new(&odd).text.len(), SHOWN - 1, "no character is cut");
    }
}
