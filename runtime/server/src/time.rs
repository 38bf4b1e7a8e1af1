//! Points in time and lengths of time as text.

use abide_core::time::Timestamp;
use jiff::SignedDuration;

/// Returns RFC 3339 in UTC with milliseconds: `2026-11-22T15:58:08.172Z`.
pub fn rfc3339(at: Timestamp) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// Reads RFC 3339; None for anything else, and for times before 1970.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(Timestamp)
}

/// Returns RFC 3339 in UTC with nanoseconds, as the answer to a delayed send has it.
pub fn rfc3339_nanos(at: Timestamp) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S%.9fZ")
}

/// Returns RFC 3339 in UTC with milliseconds and an offset, as the header of a stored answer has it.
pub fn rfc3339_offset(at: Timestamp) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S%.3f+00:00")
}

/// Returns a length of time in the units a person would choose: `1d`, `10m`, `500ms`, `1d 2h`.
pub fn friendly(millis: u64) -> String {
    const DAY_MS: u64 = 86_400_000;
    let days = millis / DAY_MS;
    let rest = i64::try_from(millis % DAY_MS).expect("less than a day fits");
    let text = format!("{:#}", SignedDuration::from_millis(rest));
    match (days, rest) {
        (0, _) => text,
        (_, 0) => format!("{days}d"),
        _ => format!("{days}d {text}"),
    }
}

fn format(at: Timestamp, pattern: &str) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    // A time that no calendar reaches is shown as the last one that it does.
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    at.strftime(pattern).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_always_have_all_their_digits() {
        let at = Timestamp(1_795_364_284_150);
        assert_eq!(rfc3339(at), "2026-11-22T16:18:04.150Z");
        assert_eq!(rfc3339_nanos(at), "2026-11-22T16:18:04.150000000Z");
        assert_eq!(rfc3339_offset(at), "2026-11-22T16:18:04.150+00:00");
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Timestamp(u64::MAX)), "9999-12-30T22:00:00.999Z");
    }

    #[test]
    fn points_in_time_are_read() {
        let at = Some(Timestamp(1_795_364_284_150));
        assert_eq!(parse_rfc3339("2026-11-22T16:18:04.150Z"), at);
        assert_eq!(parse_rfc3339("2026-11-22T17:18:04.150+01:00"), at);
        for text in ["", "now", "2026-11-22", "1960-01-01T00:00:00Z"] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn lengths_of_time_in_fitting_units() {
        let day = 86_400_000;
        let cases = [
            (0, "0s"),
            (500, "500ms"),
            (60_000, "1m"),
            (day, "1d"),
            (3 * day, "3d"),
            (day + 7_200_000, "1d 2h"),
            (90_000, "1m 30s"),
        ];
        for (millis, text) in cases {
            assert_eq!(friendly(millis), text);
        }
    }
}
