//! How deep a JSON value may go.

/// How deeply the arrays and objects of a value may lie in one another: inputs and outputs of runs and of
/// steps. What reads JSON into values stops at 128 in Rust, and at a thousand or so elsewhere, and both
/// put a value into something else.
pub const MAX_NESTING: usize = 100;

/// Whether JSON that is known to be well-formed is nested more deeply than it may be.
#[must_use]
pub fn is_too_nested(json: &str) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    json.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_NESTING
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_in_depth_and_outside_of_strings() {
        let arrays = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for fine in [
            arrays(MAX_NESTING),
            format!("[{}]", "{},".repeat(500) + "{}"),
            format!("\"{}\"", "[".repeat(500)),
            format!(r#"["\"{}", "\\"]"#, "{".repeat(500)),
            "null".to_owned(),
        ] {
            assert!(!is_too_nested(&fine), "{fine}");
        }
        assert!(is_too_nested(&arrays(MAX_NESTING + 1)));
        assert!(is_too_nested(&format!(r#"["\\", {}]"#, arrays(MAX_NESTING))));
    }
}
