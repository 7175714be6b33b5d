//! Numbers of bytes as people write them.

use std::fmt;
use std::str::FromStr;

/// The units, the largest first.
const UNITS: [(usize, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];

/// A number of bytes. It is shown in the largest unit that leaves nothing over, so that it can be
/// read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        match UNITS.iter().find(|(factor, _)| bytes >= *factor && bytes.is_multiple_of(*factor)) {
            Some((factor, unit)) => write!(f, "{}{unit}", bytes / factor),
            None => write!(f, "{bytes}"),
        }
    }
}

/// Reads a number of bytes: `67108864`, `64MiB`, `512KiB`, `2GiB`; the `iB` may be left out.
fn parse(text: &str) -> Result<usize, String> {
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
        .ok_or_else(|| {
            "write a number of bytes, or a number with KiB, MiB or GiB, as in 512MiB".to_owned()
        })
}

/// A number of bytes for people.
pub(super) fn show(bytes: u64) -> String {
    UNITS.iter().find(|(factor, _)| bytes >= *factor as u64).map_or_else(
        || format!("{bytes} B"),
        |(factor, unit)| {
            let tenths = u128::from(bytes) * 10 / *factor as u128;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_bytes_or_has_a_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1B", 1),
            ("4K", 4096),
            ("64MiB", 64 << 20),
            ("2G", 2 << 30),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5MiB", "1 MiB", "1MB", "99999999999G"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_in_the_help_can_be_read_again() {
        for (bytes, text) in
            [(0, "0"), (1023, "1023"), (1536, "1536"), (1 << 20, "1MiB"), (3 << 29, "1536MiB")]
        {
            assert_eq!(Size(bytes).to_string(), text);
            assert_eq!(text.parse(), Ok(Size(bytes)));
        }
    }

    #[test]
    fn a_size_is_shown_in_the_unit_that_fits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (399_000, "389.6 KiB"),
            (64 << 20, "64.0 MiB"),
        ] {
            assert_eq!(show(bytes), text);
        }
    }
}
