//! The `delay` of a send: an ISO-8601 or a friendly duration of days or smaller units.

use jiff::{SignedDuration, Span, SpanRelativeTo};
use std::fmt;

/// Why a text is not a delay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDelay(String);

impl fmt::Display for BadDelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad delay query parameter, must be a ISO8601 duration: {}", self.0)
    }
}

impl std::error::Error for BadDelay {}

/// Longest delay: a thousand years, so that every due time can be written as a date.
const DELAY_DAYS_MAX: i64 = 365_250;

/// Returns the delay in milliseconds; a fraction of a millisecond counts as a whole one.
///
/// # Errors
/// Says what is wrong with the text.
pub fn parse(text: &str) -> Result<u64, BadDelay> {
    let bad = |why: &str| BadDelay(why.to_owned());
    let span: Span = text.parse().map_err(|error: jiff::Error| BadDelay(error.to_string()))?;
    if span.get_months() != 0 || span.get_years() != 0 {
        return Err(bad("please use units of days or smaller"));
    }
    let duration =
        span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| BadDelay(error.to_string()))?;
    if duration.is_negative() {
        return Err(bad("negative signed durations cannot be converted to an unsigned duration"));
    }
    if duration > SignedDuration::from_hours(DELAY_DAYS_MAX * 24) {
        return Err(bad("it is longer than 365250 days"));
    }
    Ok(duration.as_nanos().unsigned_abs().div_ceil(1_000_000).try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations_of_days_or_smaller() {
        let cases = [
            ("2s", 2_000),
            ("0s", 0),
            ("500ms", 500),
            ("PT1H", 3_600_000),
            ("PT10S", 10_000),
            ("pt1.5s", 1_500),
            ("P1D", 86_400_000),
            ("P1W", 7 * 86_400_000),
            ("1h 30m", 5_400_000),
            ("60 sec", 60_000),
            ("1m", 60_000),
            ("1us", 1),
        ];
        for (text, millis) in cases {
            assert_eq!(parse(text), Ok(millis), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_a_reason() {
        let cases = [
            ("100", "expected to find unit designator"),
            ("abc", "expected duration to start with a unit value"),
            ("-5s", "negative signed durations cannot be converted to an unsigned duration"),
            ("", "an empty string is not a valid duration"),
            ("P1M", "please use units of days or smaller"),
            ("P1Y", "please use units of days or smaller"),
            ("1 month", "please use units of days or smaller"),
            ("P400000D", "it is longer than 365250 days"),
        ];
        for (text, reason) in cases {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.starts_with("bad delay query parameter, must be a ISO8601 duration: "));
            assert!(message.contains(reason), "{text}: {message}");
        }
    }
}
