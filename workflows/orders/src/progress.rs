//! How far an order is, line by line, for whoever watches.

/// Tells those who watch one more line.
pub(crate) fn progress(line: &str) {
    segno::publish("progress", line);
}
