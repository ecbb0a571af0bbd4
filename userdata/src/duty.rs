//! What the instance has to do with the service now. Pure: what was seen goes in, a duty comes out.
//!
//! ```text
//!               named, no failover away                 Starting reported, ledger read again
//!   resting ──────────────────────────────► starting ──────────────────────────────────────► serving
//!      ▲                                        │ anything else                                 │
//!      └────────────────────────────────────────┴───────────── another is named, a failover ◄───┘
//!                                                              away fences, a notice, no lease
//! ```
//!
//! The rule that everything rests on: while a failover away from this instance runs, nothing starts here. A controller counts the report
//! `Quiesced` only within such a failover, so what it counted holds. Decision 11 has the whole argument.

use std::fmt;

use failover_core::ids::InstanceId;
use failover_core::ledger::Ledger;

/// The ledger, as this instance sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It could not be read; why.
    Unreadable(String),
    /// The service has none yet.
    NoLedger,
    /// It was read.
    Read(Assignment),
}

/// What the ledger says of this instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The epoch.
    pub epoch: u64,
    /// Who is to serve.
    pub active: Side,
    /// The failover that runs.
    pub failover: FailoverRole,
    /// Every volume of the spec that is to be mounted has its place in the ledger.
    pub has_volumes: bool,
}

/// Who is to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// This instance.
    Me,
    /// Another.
    Other(InstanceId),
}

/// A failover, as far as it matters to this instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailoverRole {
    /// None runs.
    None,
    /// Away from this instance.
    FromMe {
        /// Fencing has begun: the instance is to be quiet. A planned one lets it serve until then.
        fencing: bool,
    },
    /// To this instance.
    ToMe,
    /// Between others.
    Elsewhere,
}

/// What the metadata service announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceNotice {
    /// The Auto Scaling group terminates the instance.
    GroupTerminates,
    /// EC2 takes a Spot instance back.
    SpotInterrupts {
        /// `stop`, `terminate` or `hibernate`.
        action: String,
    },
    /// The process is told to end: the machine shuts down, or an operator stops the agent.
    Shutdown,
}

/// How far this instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing of the service runs, and nothing is mounted, for sure.
    Down,
    /// Nobody knows: the agent has just started, or something could not be taken down.
    Unsure,
    /// It serves, under this epoch.
    Serving(u64),
}

/// The lease on serving, if the spec asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// None is asked for, or it lasts for long enough.
    Holds,
    /// It will run out before the service could be stopped later.
    RunsOut,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    /// Start the service under this epoch, or go on serving.
    Serve {
        /// The epoch.
        epoch: u64,
    },
    /// Make sure that nothing of the service runs here, then say so.
    Rest {
        /// The epoch to report; none: the ledger was not read.
        epoch: Option<u64>,
        /// What to report once it is down.
        say: Say,
        /// Why.
        why: DutyReason,
    },
    /// Change nothing.
    Hold(DutyReason),
}

/// What a resting instance reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// [`AgentState::Waiting`].
    Waiting,
    /// [`AgentState::Quiesced`].
    Quiesced,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DutyReason {
    /// The ledger names another.
    Named(InstanceId),
    /// A failover away from here fences.
    Fenced,
    /// A planned failover away from here has not begun to fence, and this instance does not serve.
    FailoverAway,
    /// The metadata service announced the instance's end.
    Noticed(InstanceNotice),
    /// The ledger could not be read in time to renew the lease.
    LeaseRunsOut,
    /// The ledger named this instance anew, while it served under an older epoch.
    NewEpoch,
    /// The ledger can't be read.
    Unreadable(String),
    /// There is no ledger yet.
    NoLedger,
    /// The ledger has no volume yet for data of the spec.
    NoVolumes,
}

impl fmt::Display for DutyReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(other) => write!(formatter, "the ledger names {other}"),
            Self::Fenced => formatter.write_str("a failover away from this instance runs"),
            Self::FailoverAway => formatter.write_str("a planned failover away from this instance has begun"),
            Self::Noticed(InstanceNotice::GroupTerminates) => formatter.write_str("the group terminates this instance"),
            Self::Noticed(InstanceNotice::SpotInterrupts { action }) => {
                write!(formatter, "EC2 will {action} this Spot instance")
            }
            Self::Noticed(InstanceNotice::Shutdown) => formatter.write_str("the agent was told to stop"),
            Self::LeaseRunsOut => formatter.write_str("the lease could not be renewed in time (fence.lease_seconds)"),
            Self::NewEpoch => formatter.write_str("the ledger named this instance again, under a later epoch"),
            Self::Unreadable(why) => write!(formatter, "the ledger can't be read: {why}"),
            Self::NoLedger => formatter.write_str("the service has no ledger yet"),
            Self::NoVolumes => formatter.write_str("the service's volumes do not exist yet"),
        }
    }
}

impl Assignment {
    /// What `ledger` says of `me`. `mounted` are the names of the volumes that are to be mounted.
    pub fn of(ledger: &Ledger, me: &InstanceId, mounted: &[failover_core::ids::VolumeName]) -> Self {
        let active = if ledger.active == *me { Side::Me } else { Side::Other(ledger.active.clone()) };
        let failover = match &ledger.failover {
            None => FailoverRole::None,
            Some(failover) if failover.from.instance_id == *me => {
                FailoverRole::FromMe { fencing: failover.has_begun_to_fence() || failover.is_promoted() }
            }
            Some(failover) if failover.is_target(me) => FailoverRole::ToMe,
            Some(_) => FailoverRole::Elsewhere,
        };
        let has_volumes = mounted.iter().all(|name| ledger.current_volumes.contains_key(name));
        Self { epoch: ledger.epoch, active, failover, has_volumes }
    }
}

/// What to do.
pub fn duty(seen: &Seen, phase: Phase, notice: Option<&InstanceNotice>, lease: LeaseState) -> Duty {
    let epoch = match seen {
        Seen::Read(claim) => Some(claim.epoch),
        Seen::Unreadable(_) | Seen::NoLedger => None,
    };
    let rest = |say, why| Duty::Rest { epoch, say, why };
    if let Some(notice) = notice.filter(|notice| !is_held_on(seen, notice)) {
        return rest(Say::Quiesced, DutyReason::Noticed(notice.clone()));
    }
    if lease == LeaseState::RunsOut && phase != Phase::Down {
        return rest(Say::Quiesced, DutyReason::LeaseRunsOut);
    }
    let claim = match seen {
        Seen::Unreadable(why) => return Duty::Hold(DutyReason::Unreadable(why.clone())),
        Seen::NoLedger => return Duty::Hold(DutyReason::NoLedger),
        Seen::Read(claim) => claim,
    };
    let serves_now = phase == Phase::Serving(claim.epoch);
    match (&claim.active, claim.failover) {
        (_, FailoverRole::FromMe { fencing: true }) => rest(Say::Quiesced, DutyReason::Fenced),
        (Side::Other(other), _) => rest(Say::Waiting, DutyReason::Named(other.clone())),
        (Side::Me, _) if matches!(phase, Phase::Serving(_)) && !serves_now => rest(Say::Waiting, DutyReason::NewEpoch),
        (Side::Me, FailoverRole::FromMe { fencing: false }) if !serves_now => Duty::Hold(DutyReason::FailoverAway),
        (Side::Me, _) if !claim.has_volumes && !serves_now => Duty::Hold(DutyReason::NoVolumes),
        (Side::Me, FailoverRole::None | FailoverRole::FromMe { .. } | FailoverRole::ToMe | FailoverRole::Elsewhere) => {
            Duty::Serve { epoch: claim.epoch }
        }
    }
}

/// A planned failover holds this instance in its group until the replacement is well: it serves until the fence begins.
fn is_held_on(seen: &Seen, notice: &InstanceNotice) -> bool {
    let planned =
        |claim: &Assignment| claim.active == Side::Me && claim.failover == FailoverRole::FromMe { fencing: false };
    *notice == InstanceNotice::GroupTerminates && matches!(seen, Seen::Read(claim) if planned(claim))
}

#[cfg(test)]
#[path = "duty_tests.rs"]
mod tests;
