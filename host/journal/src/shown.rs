//! Commands as people read them.

use std::fmt;

use crate::Command;

/// A command as a sentence for people: kind, name, and the beginning of its input.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { name, input, .. } => {
                write!(f, "step `{name}` with input {}", shortened(input))
            }
            Self::Sleep { until } => write!(f, "sleep until {until}"),
            Self::Webhook { answer, .. } => write!(f, "webhook answered {answer}"),
            Self::Take { inbox } => write!(f, "take what came to inbox {inbox}"),
            Self::Respond { request, response } => {
                write!(f, "respond to request {request} with status {}", response.status)
            }
            Self::Dispose { inbox } => write!(f, "dispose of inbox {inbox}"),
            Self::CancelSleep { sleep } => write!(f, "give up sleep {sleep}"),
            Self::Hook { token, chosen: true, .. } => {
                write!(f, "hook with token `{}`", shortened(token))
            }
            Self::Hook { .. } => f.write_str("hook with a drawn token"),
            Self::Signal { name } => write!(f, "signal `{name}`"),
            Self::CancelStep { step } => write!(f, "give up step {step}"),
            Self::Publish { name, value } => {
                write!(f, "publish `{name}`: {}", shortened(value))
            }
            Self::Child { workflow, input, .. } => {
                write!(f, "child `{workflow}` with input {}", shortened(input))
            }
            Self::CancelChild { child } => write!(f, "cancel child {child}"),
            Self::Tell { to, name, payload } => {
                write!(f, "signal `{name}` to {to}: {}", shortened(payload))
            }
            Self::Write { stream, chunk } => {
                write!(f, "write to stream `{stream}`: {} bytes", chunk.len())
            }
            Self::CloseStream { stream } => write!(f, "close stream `{stream}`"),
            Self::Compensation { name } => write!(f, "compensation `{name}`"),
            Self::Keep { compensation } => {
                write!(f, "keep what compensation {compensation} undoes")
            }
            Self::Unwind { error: Some(error) } => {
                write!(f, "undo all because of the error {}", shortened(error))
            }
            Self::Unwind { error: None } => f.write_str("undo all because of a cancel"),
            Self::Undo { compensation } => write!(f, "begin compensation {compensation}"),
            Self::Undone { compensation, error: None } => {
                write!(f, "compensation {compensation} is done")
            }
            Self::Undone { compensation, error: Some(error) } => {
                write!(f, "compensation {compensation} failed: {}", shortened(error))
            }
            Self::Shield => f.write_str("shield"),
            Self::Unshield { shield } => write!(f, "end of shield {shield}"),
            Self::SetAttribute { name, value } => {
                write!(f, "set attribute `{name}` to {}", shortened(&value.to_string()))
            }
            Self::RemoveAttribute { name } => write!(f, "remove attribute `{name}`"),
        }
    }
}

/// How much of an input is shown to people, in characters.
const SHOWN: usize = 200;

fn shortened(text: &str) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(SHOWN) {
        None => text.into(),
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()).into(),
    }
}
