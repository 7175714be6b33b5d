//! What others wrote, as one line for people: shortened, and harmless to a terminal and to a log.

/// A text from outside as one line that does nothing to a terminal; at most `limit` characters of
/// it.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown: String = text.chars().take(limit).flat_map(harmless).collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// At most `limit` bytes of a text, whole characters, and a mark where something is missing.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit);
    format!("{}… ({} bytes)", &text[..end], text.len())
}

/// The character itself, or its escape where it would move the cursor, change colours or hide text.
fn harmless(character: char) -> impl Iterator<Item = char> {
    let bad = character.is_control()
        || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let escaped = bad.then(|| character.escape_default());
    let plain = (!bad).then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_cannot_move_the_cursor() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{202e}d", 100), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(printable("grüße", 100), "grüße");
        assert_eq!(printable("grüße", 3), "grü…");
        assert_eq!(printable("grü", 3), "grü");
    }

    #[test]
    fn a_text_is_cut_between_two_characters() {
        assert_eq!(cut("grüße", 7), "grüße");
        assert_eq!(cut("grüße", 3), "gr… (7 bytes)");
    }
}
