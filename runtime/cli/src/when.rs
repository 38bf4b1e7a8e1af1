//! Times as a person reads them.

use jiff::{SignedDuration, Timestamp};

/// Returns a time of the admin port as `2026-11-22 15:58:08.172`, in UTC as the server writes it.
pub fn clock(at: &str) -> String {
    at.replacen('T', " ", 1).trim_end_matches('Z').to_owned()
}

/// Returns a time with how long ago, or how far ahead, it is.
pub fn relative(at: &str, now: Timestamp) -> String {
    match at.parse::<Timestamp>() {
        Ok(parsed) => format!("{} ({})", clock(at), distance(parsed, now)),
        Err(_) => at.to_owned(),
    }
}

/// Returns only the distance: `5 s ago`, `in 1.8 s`.
pub fn distance_of(at: &str, now: Timestamp) -> String {
    at.parse().map_or_else(|_| at.to_owned(), |at| distance(at, now))
}

fn distance(at: Timestamp, now: Timestamp) -> String {
    let ahead = at.duration_since(now);
    match (ahead.is_positive(), words(ahead.abs())) {
        (_, words) if words.is_empty() => "now".to_owned(),
        (true, words) => format!("in {words}"),
        (false, words) => format!("{words} ago"),
    }
}

/// Returns a duration in its largest unit; nothing for less than a tenth of a second.
fn words(duration: SignedDuration) -> String {
    let (millis, seconds) = (duration.as_millis(), duration.as_secs());
    match seconds {
        0 if millis < 100 => String::new(),
        0..10 => format!("{}.{} s", seconds, millis % 1000 / 100),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Returns milliseconds as a short duration: `1.5s`, `2h 30m`.
pub fn duration(millis: u64) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    format!("{:#}", SignedDuration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_in_one_unit() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let cases = [
            ("2026-11-22T12:00:00.050Z", "now"),
            ("2026-11-22T12:00:01.780Z", "in 1.7 s"),
            ("2026-11-22T11:59:59.500Z", "0.5 s ago"),
            ("2026-11-22T11:59:00Z", "60 s ago"),
            ("2026-11-22T11:46:00Z", "14 min ago"),
            ("2026-11-22T07:00:00Z", "5 h ago"),
            ("2026-11-30T12:00:00Z", "in 8 days"),
            ("odd", "odd"),
        ];
        for (at, expected) in cases {
            assert_eq!(distance_of(at, now), expected, "{at}");
        }
        assert_eq!(clock("2026-11-22T12:00:01.780Z"), "2026-11-22 12:00:01.780");
    }
}
