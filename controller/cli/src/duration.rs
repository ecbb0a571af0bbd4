//! Durations as people type them: `15m`, `900s`, `1h30m`.

use std::time::Duration;

/// What is accepted, for errors and help.
pub const ALLOWED: &str = "numbers with a unit of s, m, h or d, such as 900s, 15m or 1h30m";

/// Nobody means more than a year; a larger number is a slip.
const LONGEST_SECONDS: u64 = 366 * 86_400;

/// Reads a duration.
///
/// A bare number is refused: seconds and minutes must not be confused where data can be lost.
pub fn parse(text: &str) -> Result<Duration, String> {
    let mut seconds: u64 = 0;
    let mut digits = String::new();
    for character in text.trim().chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let factor =
            unit_seconds(character).ok_or_else(|| format!("{character:?} is no unit: allowed are {ALLOWED}"))?;
        let number: u64 = digits.parse().map_err(|_| format!("{digits:?} is no number: allowed are {ALLOWED}"))?;
        digits.clear();
        seconds = number.checked_mul(factor).and_then(|part| seconds.checked_add(part)).ok_or_else(too_long)?;
    }
    if !digits.is_empty() {
        return Err(format!("{digits} has no unit: allowed are {ALLOWED}"));
    }
    if text.trim().is_empty() {
        return Err(format!("it is empty: allowed are {ALLOWED}"));
    }
    if seconds > LONGEST_SECONDS {
        return Err(too_long());
    }
    Ok(Duration::from_secs(seconds))
}

fn unit_seconds(unit: char) -> Option<u64> {
    match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        _ => None,
    }
}

fn too_long() -> String {
    format!("it is too long: allowed is up to {} days", LONGEST_SECONDS / 86_400)
}

/// A duration as people read it: `0 s`, `12.3 s`, `1 m 43 s`, `2 h 5 m`.
pub fn readable(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".to_owned();
    }
    let exact = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    // Rounded first, so that 59.96 does not read as 60.0 s.
    let tenths = exact.checked_add(Duration::from_millis(50)).unwrap_or(exact);
    let whole = tenths.as_secs();
    match whole {
        0..60 if tenths.subsec_millis() < 100 => format!("{whole} s"),
        0..60 => format!("{whole}.{} s", tenths.subsec_millis() / 100),
        60..3_600 => format!("{} m {} s", whole / 60, whole % 60),
        3_600..86_400 => format!("{} h {} m", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, seconds) in [("15m", 900), ("900s", 900), ("1h30m", 5_400), ("2d", 172_800), ("0s", 0), (" 5s ", 5)]
        {
            assert_eq!(parse(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        for (text, named) in [
            ("15", "15 has no unit"),
            ("m", "\"\" is no number"),
            ("-5m", "'-' is no unit"),
            ("5 m", "' ' is no unit"),
            ("5w", "'w' is no unit"),
            ("", "it is empty"),
            ("99999999999999999999s", "is no number"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(named) && error.contains("15m"), "{text}: {error}");
        }
        for text in ["400d", "18446744073709551615d"] {
            assert!(parse(text).unwrap_err().contains("up to 366 days"), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_in_the_largest_units_that_matter() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (12.34, "12.3 s"),
            (59.96, "1 m 0 s"),
            (103.0, "1 m 43 s"),
            (7_500.0, "2 h 5 m"),
            (90_000.0, "1 d 1 h"),
            (-1.0, "?"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(readable(seconds), text);
        }
        assert!(readable(f64::MAX).ends_with(" h"));
    }
}
