//! The region's two clocks.
//!
//! **Region time** counts microseconds since the region began, and everything happens by it; it comes from `tokio::time::Instant`, so a paused
//! tokio clock makes it virtual. **Wall time** is what timestamps on the wire show. With a speed of N region time runs N times as fast
//! as the wall, so that everything takes an Nth of its duration while clients' clocks need no skew.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::time::Instant;

const MICROSECONDS_PER_SECOND: u64 = 1_000_000;

/// A moment in region time: microseconds since the region began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct RegionTime(pub u64);

impl RegionTime {
    /// The moment at which the region begins.
    pub const START: Self = Self(0);

    /// The moment so many seconds after the start.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(MICROSECONDS_PER_SECOND))
    }

    /// The moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_microseconds(duration)))
    }

    /// The moment `duration` earlier, at most the start.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_microseconds(duration)))
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the start, for people and reports.
    pub fn seconds(self) -> f64 {
        Duration::from_micros(self.0).as_secs_f64()
    }
}

fn whole_microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Translates between tokio's clock, region time and wall time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    origin: SystemTime,
    speed: f64,
}

impl Clock {
    /// A clock that starts now. A speed that is not a positive number counts as 1.
    pub(crate) fn start(origin: SystemTime, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self { start: Instant::now(), origin, speed }
    }

    pub(crate) fn now(&self) -> RegionTime {
        RegionTime(whole_microseconds(scale(self.start.elapsed(), self.speed)))
    }

    pub(crate) fn wall(&self, at: RegionTime) -> SystemTime {
        self.origin + self.real(Duration::from_micros(at.0))
    }

    /// How long a duration of region time takes for whoever waits.
    pub(crate) fn real(&self, duration: Duration) -> Duration {
        scale(duration, 1.0 / self.speed)
    }

    /// When to wake for a moment. Scaling may round it down by a hair: whoever woke that early would find nothing due, and wake again, for ever.
    pub(crate) fn instant(&self, at: RegionTime) -> Instant {
        let hair = if is_unscaled(self.speed) { Duration::ZERO } else { Duration::from_micros(1) };
        self.start + self.real(Duration::from_micros(at.0)) + hair
    }
}

fn is_unscaled(factor: f64) -> bool {
    (factor - 1.0).abs() < f64::EPSILON
}

/// Exact where the factor is 1, so that an unscaled region loses no microsecond to rounding.
fn scale(duration: Duration, factor: f64) -> Duration {
    if is_unscaled(factor) {
        duration
    } else {
        Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX / 4)
    }
}

/// Appends `2026-01-05T09:00:00.000Z`. Written by hand because a describe formats dozens of these.
pub(crate) fn push_timestamp(out: &mut String, at: SystemTime) {
    let since_epoch = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since_epoch.as_secs();
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let second_of_day = seconds % 86_400;
    push_digits(out, year, 4);
    out.push('-');
    push_digits(out, month, 2);
    out.push('-');
    push_digits(out, day, 2);
    out.push('T');
    push_digits(out, second_of_day / 3600, 2);
    out.push(':');
    push_digits(out, second_of_day / 60 % 60, 2);
    out.push(':');
    push_digits(out, second_of_day % 60, 2);
    out.push('.');
    push_digits(out, u64::from(since_epoch.subsec_millis()), 3);
    out.push('Z');
}

/// The timestamp as a string of its own.
pub(crate) fn timestamp(at: SystemTime) -> String {
    let mut out = String::with_capacity(24);
    push_timestamp(&mut out, at);
    out
}

/// The timestamp to the second, as events carry it: `2026-01-05T09:00:00Z`.
pub(crate) fn timestamp_seconds(at: SystemTime) -> String {
    let mut out = timestamp(at);
    out.truncate(19);
    out.push('Z');
    out
}

/// The moment as HTTP's `Date` has it, to the second: `Mon, 05 Jan 2026 09:00:00 GMT`.
pub(crate) fn http_date(at: SystemTime) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let named = |names: &[&'static str], index: u64| {
        usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
    };
    // 1970-01-01 was a Thursday.
    let weekday = named(&WEEKDAYS, seconds / 86_400 % 7);
    let month = named(&MONTHS, month.saturating_sub(1));
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Days since 1970-01-01 to (year, month, day): Howard Hinnant's `civil_from_days`, for dates from 1970 on.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

fn push_digits(out: &mut String, mut value: u64, width: usize) {
    const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
    let mut digits = ['0'; 20];
    for digit in digits.iter_mut().rev().take(width) {
        *digit = DIGITS.get(usize::try_from(value % 10).unwrap_or(0)).copied().unwrap_or('0');
        value /= 10;
    }
    out.extend(digits.iter().skip(20 - width));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_767_603_600, "2026-01-05T09:00:00.000Z"),
            (4_102_444_799, "2099-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn dates_of_http_have_their_weekday() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            // RFC 7231's own example.
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_767_603_600, "Mon, 05 Jan 2026 09:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 999)), text);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_region_runs_ahead_of_the_wall() {
        let clock = Clock::start(UNIX_EPOCH, 10.0);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(clock.now().since(RegionTime::START), Duration::from_mins(1));
        assert_eq!(clock.wall(clock.now()), UNIX_EPOCH + Duration::from_secs(6));
    }
}
