//! Points in time as text.

use abide_core::time::Timestamp;

/// Returns RFC 3339 in UTC with milliseconds: `2026-11-22T15:58:08.172Z`.
pub fn rfc3339(at: Timestamp) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// Returns RFC 3339 in UTC with nanoseconds, as the answer to a delayed send has it.
pub fn rfc3339_nanos(at: Timestamp) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S%.9fZ")
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
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Timestamp(u64::MAX)), "9999-12-30T22:00:00.999Z");
    }
}
