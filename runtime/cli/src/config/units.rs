//! Sizes and lengths of time as people write them, and back so that the same text gives the same value.

use jiff::{SignedDuration, Span, SpanRelativeTo};

pub const KIB: u64 = 1 << 10;
pub const MIB: u64 = 1 << 20;
pub const GIB: u64 = 1 << 30;

pub const SECOND_MS: u64 = 1_000;
pub const MINUTE_MS: u64 = 60 * SECOND_MS;
pub const HOUR_MS: u64 = 60 * MINUTE_MS;
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// Names of units; the ones of one letter are binary, as they are for systemd and Docker.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", KIB),
    ("kib", KIB),
    ("kb", 1_000),
    ("m", MIB),
    ("mib", MIB),
    ("mb", 1_000_000),
    ("g", GIB),
    ("gib", GIB),
    ("gb", 1_000_000_000),
    ("t", GIB << 10),
    ("tib", GIB << 10),
    ("tb", 1_000_000_000_000),
];

/// Returns the bytes of a size such as `64 MiB`.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*bytes)
}

/// Returns a size in the largest unit that shows it exactly.
pub fn show_size(bytes: u64) -> String {
    let units = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB)];
    let fitting = units.iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
    fitting.map_or_else(|| format!("{bytes} B"), |(name, unit)| format!("{} {name}", bytes / unit))
}

/// Returns the milliseconds of a length of time such as `1m 30s`.
pub fn parse_time(text: &str) -> Option<u64> {
    let span: Span = text.trim().parse().ok()?;
    if span.get_months() != 0 || span.get_years() != 0 {
        return None;
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    // A fraction of a millisecond is nothing that a setting could mean.
    let is_whole = duration.subsec_nanos() % 1_000_000 == 0;
    if is_whole { u64::try_from(duration.as_millis()).ok() } else { None }
}

/// Returns a length of time as `1m 30s`.
pub fn show_time(millis: u64) -> String {
    let (days, rest) = (millis / DAY_MS, millis % DAY_MS);
    let rest_text = format!("{:#}", SignedDuration::from_millis(rest.cast_signed()));
    match (days, rest) {
        (0, _) => rest_text,
        (_, 0) => format!("{days}d"),
        (_, _) => format!("{days}d {rest_text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            ("0", Some(0)),
            ("65536", Some(64 * KIB)),
            ("64 KiB", Some(64 * KIB)),
            ("64kib", Some(64 * KIB)),
            (" 2G ", Some(2 * GIB)),
            ("5 MB", Some(5_000_000)),
            ("1 TiB", Some(1024 * GIB)),
            ("7 B", Some(7)),
            ("99999999999 TiB", None),
            ("", None),
            ("MiB", None),
            ("-1", None),
            ("1.5 GiB", None),
            ("1 parsec", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
        for bytes in [0, 1, 1_000, KIB, 3 * MIB, 1536 * MIB, 4 * GIB, u64::MAX] {
            assert_eq!(parse_size(&show_size(bytes)), Some(bytes), "{}", show_size(bytes));
        }
        assert_eq!((show_size(128 * MIB), show_size(1_000)), ("128 MiB".to_owned(), "1000 B".to_owned()));
    }

    #[test]
    fn lengths_of_time() {
        let cases = [
            ("1m", Some(MINUTE_MS)),
            ("1m 30s", Some(90_000)),
            ("500ms", Some(500)),
            ("PT1H", Some(HOUR_MS)),
            ("2d", Some(2 * DAY_MS)),
            ("0s", Some(0)),
            ("1us", None),
            ("30", None),
            ("-1s", None),
            ("1 month", None),
            ("soon", None),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_time(text), millis, "{text}");
        }
        for millis in [0, 1, 999, 1_001, MINUTE_MS, 90_500, DAY_MS, DAY_MS + HOUR_MS] {
            assert_eq!(parse_time(&show_time(millis)), Some(millis), "{}", show_time(millis));
        }
    }
}
