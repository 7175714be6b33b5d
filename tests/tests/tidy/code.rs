//! Telling code from comments and literals.

/// The code of a Rust file. Comments, and what stands in literals, become blanks; line ends stay.
pub(crate) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        let length = blank_length(rest, before);
        if length == 0 {
            code.push(first);
            before = Some(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|c| if c == '\n' { c } else { ' ' }));
            before = None;
            rest = &rest[length..];
        }
    }
    code
}

/// How long the comment or literal is that begins here, in bytes; 0 where none begins.
fn blank_length(rest: &str, before: Option<char>) -> usize {
    let whole = rest.len();
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(whole);
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if let Some(body) = rest.strip_prefix('"') {
        return quoted(body, '"').map_or(whole, |length| length + 1);
    }
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return 0;
    }
    if let Some(length) = raw_string(rest) {
        return length;
    }
    rest.strip_prefix('\'').and_then(character).map_or(0, |length| length + 1)
}

/// A block comment may hold others.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length up to and with the closing quote.
fn quoted(body: &str, quote: char) -> Option<usize> {
    let mut characters = body.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return Some(at + 1);
        }
    }
    None
}

/// `r"…"` and `r#"…"#`, also of bytes and of C strings.
fn raw_string(rest: &str) -> Option<usize> {
    let raw = rest.trim_start_matches(['b', 'c']).strip_prefix('r')?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let body = raw[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(rest.len() - body.len() + length)
}

/// The length of a character and its closing quote; `None` where it is the name of a lifetime.
fn character(body: &str) -> Option<usize> {
    let first = body.chars().next()?;
    if first == '\\' {
        return quoted(body, '\'');
    }
    body[first.len_utf8()..].starts_with('\'').then(|| first.len_utf8() + 1)
}

#[test]
fn only_code_is_left() {
    for (text, code) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("a \" b", c)"#, "f(        , c)"),
        ("r\"a\\\" b", "      b"),
        ("r#\"a\"b\"# c", "         c"),
        ("br\"a\" b", "      b"),
        ("'a' 'static '\\'' b", "    'static      b"),
        ("\"a\nb\" c", "  \n   c"),
        ("var\"a\"", "var   "),
        ("\"// a\" b // c", "       b     "),
    ] {
        assert_eq!(code_of(text), code, "{text}");
    }
}
