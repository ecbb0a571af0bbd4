//! How long the engine may run.

use jiff::{SignedDuration, Timestamp};

/// What has to fit between the last decision and the deadline: an answer, a write, and releasing the lease.
const MARGIN: SignedDuration = SignedDuration::from_secs(15);

/// Until when the engine may run.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    ends_at: Option<Timestamp>,
}

impl Deadline {
    /// As long as it takes.
    pub fn none() -> Self {
        Self { ends_at: None }
    }

    /// The process is stopped at `ends_at`: a Lambda at its timeout, a command at its `--timeout`.
    pub fn at(ends_at: Timestamp) -> Self {
        Self { ends_at: Some(ends_at) }
    }

    /// Whether there is time for one more round that begins at `at`.
    pub(crate) fn has_time(self, at: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| at.saturating_add(MARGIN).is_ok_and(|until| until <= end))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_round_must_fit_before_the_end() {
        let end: Timestamp = "2026-01-05T09:10:00Z".parse().unwrap();
        let deadline = Deadline::at(end);
        assert!(deadline.has_time(end - SignedDuration::from_secs(15)));
        assert!(!deadline.has_time(end - SignedDuration::from_secs(14)));
        assert!(Deadline::none().has_time(end));
    }
}
