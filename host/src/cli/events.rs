//! Server-sent events, as far as the host sends them: a kind, and data on one line.

use bytes::BytesMut;

/// How long one event may be, in bytes: a chunk of 64 KiB as JSON has up to six times as many.
const MAX_EVENT: usize = 1 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// What it is.
    pub(super) kind: String,
    /// What it says.
    pub(super) data: String,
}

/// Why no further event comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The connection broke.
    #[error(transparent)]
    Connection(#[from] reqwest::Error),
    /// What comes is no event.
    #[error("what the host sends is not understood")]
    Strange,
}

/// The events of an answer.
pub(super) struct Events {
    response: reqwest::Response,
    buffer: BytesMut,
}

impl Events {
    pub(super) fn of(response: reqwest::Response) -> Self {
        Self { response, buffer: BytesMut::new() }
    }

    /// The next event; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Broken> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let text = self.buffer.split_to(end + 2);
                let text = std::str::from_utf8(&text).map_err(|_| Broken::Strange)?;
                if let Some(event) = parse(text) {
                    return Ok(Some(event));
                }
                continue;
            }
            if self.buffer.len() > MAX_EVENT {
                return Err(Broken::Strange);
            }
            match self.response.chunk().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }
}

/// The event of these lines, if they are one: a comment only keeps the connection alive.
fn parse(text: &str) -> Option<Event> {
    let mut event = Event::default();
    for line in text.lines() {
        match line.split_once(':') {
            Some(("event", kind)) => kind.trim_start().clone_into(&mut event.kind),
            Some(("data", data)) => data.trim_start().clone_into(&mut event.data),
            _ => {}
        }
    }
    (!event.kind.is_empty()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_a_kind_and_data_and_a_comment_is_none() {
        let event = parse("id: 4\nevent: chunk\ndata: {\"a\": \":\"}\n\n").expect("it is one");
        assert_eq!((&*event.kind, &*event.data), ("chunk", "{\"a\": \":\"}"));
        assert_eq!(parse(":\n\n"), None);
    }
}
