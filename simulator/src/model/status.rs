//! The three status checks of an instance.

use crate::time::RegionTime;

/// One of the three checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Initializing,
    Passed,
    Failed {
        since: RegionTime,
    },
    /// The instance does not run.
    NotApplicable,
}

impl Check {
    /// The summary status.
    pub(crate) const fn summary(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Passed => "ok",
            Self::Failed { .. } => "impaired",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// The status of the `reachability` detail, where there is one.
    pub(crate) const fn reachability(self) -> Option<&'static str> {
        match self {
            Self::Initializing => Some("initializing"),
            Self::Passed => Some("passed"),
            Self::Failed { .. } => Some("failed"),
            Self::NotApplicable => None,
        }
    }

    pub(crate) fn evaluated(self, failed: bool, at: RegionTime) -> Self {
        match (failed, self) {
            (false, _) => Self::Passed,
            (true, Self::Failed { since }) => Self::Failed { since },
            (true, _) => Self::Failed { since: at },
        }
    }

    pub(crate) const fn failed(self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// The three checks of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StatusChecks {
    pub(crate) system: Check,
    pub(crate) instance: Check,
    pub(crate) attached_ebs: Check,
}

impl StatusChecks {
    pub(crate) const fn all(check: Check) -> Self {
        Self { system: check, instance: check, attached_ebs: check }
    }

    pub(crate) const fn not_running() -> Self {
        Self::all(Check::NotApplicable)
    }

    /// As it is for an instance that has run for long.
    pub(crate) const fn passed() -> Self {
        Self::all(Check::Passed)
    }
}
