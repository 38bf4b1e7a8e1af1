//! How points in time compare: as what they stand for, however they are written.
//!
//! A column of time holds RFC 3339 in UTC with milliseconds. People compare it with `2026-11-30 23:00`, with what
//! `datetime()` and `unixepoch()` give, and with times without a fraction; as texts all of these would be before or after
//! the wrong rows.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The collation of the columns of time.
pub const COLLATION: &str = "abide_time";
/// What says so where a column is declared.
pub const COLLATE: &str = " COLLATE abide_time";
/// No point in time is written longer than this.
const TIME_BYTES_MAX: usize = 64;

/// Compares two points in time. What is none is compared as the text it is, so that `2026-11` is before all of November.
pub fn compare(left: &str, right: &str) -> Ordering {
    // What the columns hold, when they are sorted: it sorts as it is.
    if is_as_columns_have_it(left) && is_as_columns_have_it(right) {
        return left.cmp(right);
    }
    // Each has a text of its own, whatever it is compared with: otherwise there would be no order of three.
    sortable(left).cmp(&sortable(right))
}

fn is_as_columns_have_it(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000Z";
    let fits = |(byte, shape): (u8, u8)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    text.len() == SHAPE.len() && text.bytes().zip(SHAPE.iter().copied()).all(fits)
}

/// Returns a text that sorts as the time does.
fn sortable(text: &str) -> Cow<'_, str> {
    // Without a zone at the end: a longer fraction comes behind a shorter one.
    point(text).map_or(text.into(), |at| at.strftime("%Y-%m-%dT%H:%M:%S%.9f").to_string().into())
}

/// Reads a point in time, in UTC unless it says otherwise; a date is its beginning.
fn point(text: &str) -> Option<Timestamp> {
    if text.len() > TIME_BYTES_MAX {
        return None;
    }
    let with_offset = || text.parse::<Timestamp>().ok();
    let in_utc = || Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    number(text).or_else(with_offset).or_else(in_utc)
}

/// Reads seconds or milliseconds since 1970, which SQLite makes a text of before it compares them. Clocks of these
/// centuries have 10 digits of the one and 13 of the other; with fewer it is a year, or the beginning of a text.
fn number(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match whole.len() {
        10 => {
            let nanos = format!("{fraction:0<9}");
            Timestamp::new(whole.parse().ok()?, nanos.get(..9)?.parse().ok()?).ok()
        }
        13 => Timestamp::from_millisecond(whole.parse().ok()?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-11-30T18:15:18.120Z";

    #[test]
    fn one_point_in_time_is_one_however_it_is_written() {
        for other in [
            "2026-11-30 18:15:18.12",
            "2026-11-30T18:15:18.120000Z",
            "2026-11-30 19:15:18.12+01:00",
            "1796062518120",
            "1796062518.12",
        ] {
            assert_eq!(compare(AT, other), Ordering::Equal, "{other}");
        }
        assert_eq!(compare("2026-11-30", "2026-11-30T00:00:00.000Z"), Ordering::Equal);
    }

    #[test]
    fn times_of_usual_forms_are_in_order() {
        let ascending = [
            "",
            "1",
            // Too many digits for a clock: a text.
            "1796062518120000",
            "2026",
            "2026-11",
            "2026-11-30",
            "2026-11-30 18:15",
            "1796062518",
            "2026-11-30T18:15:18.0001Z",
            AT,
            "2026-11-30T18:15:18.1201Z",
            "2026-11-30T18:15:19Z",
            "2026-11-30 23:00:00",
            "2026-12",
            "x",
        ];
        let mut sorted = ascending;
        sorted.sort_by(|left, right| compare(left, right));
        assert_eq!(sorted, ascending);
    }
}
