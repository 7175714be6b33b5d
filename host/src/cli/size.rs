//! Numbers of bytes as people write them.

/// Reads a number of bytes: `67108864`, `64MiB`, `512KiB`, `2GiB`; the `iB` may be left out.
pub(super) fn parse(text: &str) -> Result<usize, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "B" => Some(1),
        "K" | "KiB" => Some(1 << 10),
        "M" | "MiB" => Some(1 << 20),
        "G" | "GiB" => Some(1 << 30),
        _ => None,
    };
    number
        .parse()
        .ok()
        .zip(factor)
        .and_then(|(number, factor): (usize, usize)| number.checked_mul(factor))
        .ok_or_else(|| "write a number of bytes, or a number with KiB, MiB or GiB, as in 512MiB".to_owned())
}

/// A number of bytes for people.
pub(super) fn show(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    UNITS.iter().find(|(factor, _)| bytes >= *factor).map_or_else(
        || format!("{bytes} B"),
        |(factor, unit)| {
            let tenths = u128::from(bytes) * 10 / u128::from(*factor);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_bytes_or_has_a_unit() {
        for (text, bytes) in
            [("0", 0), ("4096", 4096), ("1B", 1), ("4K", 4096), ("64MiB", 64 << 20), ("2G", 2 << 30)]
        {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5MiB", "1 MiB", "1MB", "99999999999G"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_shown_in_the_unit_that_fits() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (399_000, "389.6 KiB"), (64 << 20, "64.0 MiB")]
        {
            assert_eq!(show(bytes), text);
        }
    }
}
