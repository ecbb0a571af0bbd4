//! How long the engine may run.

use jiff::{SignedDuration, Timestamp};

/// What has to fit between the last decision and the host's end: an answer, a write, and letting go of the lease.
const MARGIN: SignedDuration = SignedDuration::from_secs(15);

/// The process that the engine runs in.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    ends_at: Option<Timestamp>,
}

impl Host {
    /// A process that may run as long as it takes.
    pub fn patient() -> Self {
        Self { ends_at: None }
    }

    /// A process that is stopped at `ends_at`: a Lambda at its deadline, a command at its `--timeout`.
    pub fn until(ends_at: Timestamp) -> Self {
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
        let host = Host::until(end);
        assert!(host.has_time(end - SignedDuration::from_secs(15)));
        assert!(!host.has_time(end - SignedDuration::from_secs(14)));
        assert!(Host::patient().has_time(end));
    }
}
