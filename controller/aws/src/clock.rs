//! The time: this machine's clock, set right by what AWS's answers say, or that of a simulated region.
//!
//! Hosts compare moments that others wrote: a lease's end, an agent's last report, the start of a snapshot. A clock that is minutes off would
//! take a lease away, call an agent silent or count a loss as none. So each answer's `Date` bounds how far this machine's clock can be off,
//! and what lies outside the bounds is corrected.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use aws_smithy_async::time::TimeSource;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};

/// `Date` is in whole seconds.
const GRAIN: SignedDuration = SignedDuration::from_secs(1);
/// A clock that is off by more is told of.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(5);

/// Where the time comes from. It dates observations and signs requests. Clones are one: what one learns, all know.
#[derive(Clone)]
pub struct Clock {
    machine: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    skew: Arc<Mutex<Skew>>,
}

/// How far the machine's clock is behind AWS's.
#[derive(Debug, Default)]
struct Skew {
    /// At least, and at most.
    bounds: Option<(SignedDuration, SignedDuration)>,
    is_told: bool,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// A clock of one's own.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { machine: Arc::new(now), skew: Arc::default() }
    }

    /// The time: within a second, and the time that an answer took, of AWS's, once AWS has answered.
    pub fn now(&self) -> Timestamp {
        let machine = self.machine_now();
        machine.saturating_add(self.skew().behind()).unwrap_or(machine)
    }

    /// What the machine's own clock says.
    pub(crate) fn machine_now(&self) -> Timestamp {
        (self.machine)()
    }

    /// An answer's `Date`, and when its request was sent by the machine's own clock.
    pub(crate) fn hears(&self, date: &str, sent_at: Timestamp) {
        let Ok(date) = rfc2822::DateTimeParser::new().parse_timestamp(date) else { return };
        let received_at = self.machine_now();
        let behind = self.skew().narrow(date.duration_since(received_at), date.duration_since(sent_at) + GRAIN);
        if let Some(behind) = behind {
            let seconds = behind.as_secs_f64();
            tracing::warn!(
                seconds,
                "this machine's clock is behind AWS's by so much (ahead, if negative): set it right"
            );
        }
    }

    fn skew(&self) -> MutexGuard<'_, Skew> {
        self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Skew {
    /// What has to be added: nothing as long as the machine's clock may be right.
    fn behind(&self) -> SignedDuration {
        match self.bounds {
            Some((least, _)) if least > SignedDuration::ZERO => least,
            Some((_, most)) if most < SignedDuration::ZERO => most,
            Some(_) | None => SignedDuration::ZERO,
        }
    }

    /// Both this answer and those before are right; if they can't be, a clock was set meanwhile, and the newest counts. Says what people
    /// should hear of, once.
    fn narrow(&mut self, least: SignedDuration, most: SignedDuration) -> Option<SignedDuration> {
        let both = self.bounds.map(|bounds| (bounds.0.max(least), bounds.1.min(most)));
        self.bounds = Some(both.filter(|(least, most)| least <= most).unwrap_or((least, most)));
        let behind = self.behind();
        let tell = behind.abs() > WORTH_TELLING && !self.is_told;
        self.is_told |= tell;
        tell.then_some(behind)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::from(Clock::now(self))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A machine whose clock stands still at noon, and what it says after AWS's answers.
    fn after(answers: &[(&str, &str)]) -> Timestamp {
        let clock = Clock::new(|| at("2026-11-29T12:00:00Z"));
        for (date, sent_at) in answers {
            clock.hears(date, at(sent_at));
        }
        clock.now()
    }

    const NOON: &str = "2026-11-29T12:00:00Z";

    #[test]
    fn a_clock_that_may_be_right_stays() {
        assert_eq!(after(&[]), at(NOON));
        assert_eq!(after(&[("Sun, 29 Nov 2026 12:00:00 GMT", NOON)]), at(NOON));
        // Whole seconds, and the answer took two of them.
        assert_eq!(after(&[("Sun, 29 Nov 2026 11:59:59 GMT", "2026-11-29T11:59:58Z")]), at(NOON));
        assert_eq!(after(&[("soon", NOON), ("", NOON)]), at(NOON));
    }

    #[test]
    fn a_clock_that_is_off_is_corrected_to_where_it_may_be_right() {
        assert_eq!(after(&[("Sun, 29 Nov 2026 12:02:00 GMT", "2026-11-29T11:59:59Z")]), at("2026-11-29T12:02:00Z"));
        // Sent at 11:59:59 and answered at AWS's 11:58:00 point something: ahead by 118 s at least.
        assert_eq!(after(&[("Sun, 29 Nov 2026 11:58:00 GMT", "2026-11-29T11:59:59Z")]), at("2026-11-29T11:58:02Z"));
    }

    #[test]
    fn a_slow_answer_tells_little_and_takes_nothing_back() {
        let exact = ("Sun, 29 Nov 2026 12:02:00 GMT", NOON);
        let slow = ("Sun, 29 Nov 2026 12:01:50 GMT", "2026-11-29T11:59:40Z");
        assert_eq!(after(&[exact, slow]), at("2026-11-29T12:02:00Z"));
        assert_eq!(after(&[slow, exact]), at("2026-11-29T12:02:00Z"));
    }

    #[test]
    fn a_clock_that_was_set_meanwhile_is_believed_anew() {
        let off = ("Sun, 29 Nov 2026 12:02:00 GMT", NOON);
        let right = ("Sun, 29 Nov 2026 12:00:00 GMT", NOON);
        assert_eq!(after(&[off, right]), at(NOON));
    }

    #[test]
    fn clones_learn_from_each_other() {
        let clock = Clock::new(|| at(NOON));
        clock.clone().hears("Sun, 29 Nov 2026 12:02:00 GMT", at(NOON));
        assert_eq!(clock.now(), at("2026-11-29T12:02:00Z"));
    }
}
