//! How long the engine may run.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

/// What has to fit between the last decision and the deadline: an answer, a write, and releasing the lease.
const MARGIN: Duration = Duration::from_secs(15);

/// Until when the engine may run. No clock that is set meanwhile moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    ends_at: Option<Instant>,
}

impl Deadline {
    /// As long as it takes.
    pub fn none() -> Self {
        Self { ends_at: None }
    }

    /// The process is stopped in so long: a Lambda at its timeout, a command at its `--timeout`.
    pub fn within(left: Duration) -> Self {
        Self { ends_at: Instant::now().checked_add(left) }
    }

    /// Whether it is over.
    pub fn is_over(self) -> bool {
        self.ends_at.is_some_and(|end| end <= Instant::now())
    }

    /// Whether there is time for one more round after a pause.
    pub(crate) fn has_time_after(self, pause: SignedDuration) -> bool {
        let pause = Duration::try_from(pause).unwrap_or_default();
        self.ends_at.is_none_or(|end| end.saturating_duration_since(Instant::now()) >= pause.saturating_add(MARGIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_round_must_fit_before_the_end() {
        let seconds = SignedDuration::from_secs;
        let deadline = Deadline::within(Duration::from_mins(1));
        assert!(deadline.has_time_after(seconds(45)) && !deadline.has_time_after(seconds(46)));
        tokio::time::advance(Duration::from_secs(45)).await;
        assert!(deadline.has_time_after(seconds(0)) && deadline.has_time_after(seconds(-5)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!deadline.has_time_after(seconds(0)) && !deadline.is_over());
        tokio::time::advance(Duration::from_secs(14)).await;
        assert!(deadline.is_over());
        assert!(Deadline::none().has_time_after(seconds(1_000_000)) && !Deadline::none().is_over());
    }
}
