//! An instance as a member of its group.
//!
//! ```text
//! launch ─► Pending ─► Pending:Wait ─► Pending:Proceed ─► InService ◄─► Standby
//!              │             │                               │
//!              └─────────────┴──► Terminating ◄──────────────┘
//!                                     └─► Terminating:Wait ─► Terminating:Proceed ─► Terminated ─► gone
//!                                               └─► Terminating:Retained ──┘ (on request)
//! ```

use std::collections::VecDeque;

use serde::Serialize;

use crate::model::scaling::hook::OpenAction;
use crate::time::RegionTime;

/// The lifecycle states that occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum LifecycleState {
    Pending,
    PendingWait,
    PendingProceed,
    InService,
    Standby,
    Terminating,
    TerminatingWait,
    TerminatingProceed,
    TerminatingRetained,
    Terminated,
}

impl LifecycleState {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::PendingWait => "Pending:Wait",
            Self::PendingProceed => "Pending:Proceed",
            Self::InService => "InService",
            Self::Standby => "Standby",
            Self::Terminating => "Terminating",
            Self::TerminatingWait => "Terminating:Wait",
            Self::TerminatingProceed => "Terminating:Proceed",
            Self::TerminatingRetained => "Terminating:Retained",
            Self::Terminated => "Terminated",
        }
    }

    pub(crate) const fn is_pending(self) -> bool {
        matches!(self, Self::Pending | Self::PendingWait | Self::PendingProceed)
    }

    pub(crate) const fn is_in_service(self) -> bool {
        matches!(self, Self::InService)
    }

    /// Whether the instance counts toward the desired capacity.
    pub(crate) const fn counts(self) -> bool {
        self.is_pending() || self.is_in_service()
    }

    pub(crate) const fn is_terminating(self) -> bool {
        matches!(
            self,
            Self::Terminating
                | Self::TerminatingWait
                | Self::TerminatingProceed
                | Self::TerminatingRetained
                | Self::Terminated
        )
    }

    /// What the metadata service says under `autoscaling/target-lifecycle-state`: where the instance is going, not where it is.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Pending | Self::PendingWait | Self::PendingProceed | Self::InService => "InService",
            Self::Standby => "Standby",
            Self::Terminating
            | Self::TerminatingWait
            | Self::TerminatingProceed
            | Self::TerminatingRetained
            | Self::Terminated => "Terminated",
        }
    }
}

/// Why a member has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RemovalCause {
    ScaleIn,
    InstanceRefresh,
    ZoneRebalance,
    MaxLifetime,
    /// `TerminateInstanceInAutoScalingGroup`.
    UserRequest,
    /// `SetInstanceHealth`.
    SetUnhealthy,
    /// EC2 says that it is stopped, terminated or on the way there.
    NotRunning,
    StatusChecks,
    EbsCheck,
    /// It never got into service.
    LaunchFailed,
    GroupDeleted,
}

impl RemovalCause {
    /// As an activity's cause ends.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::ScaleIn => {
                "an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity."
            }
            Self::InstanceRefresh => "an instance was taken out of service in response to an instance refresh.",
            Self::ZoneRebalance => "an instance was taken out of service to balance instances in zones.",
            Self::MaxLifetime => "an instance was taken out of service due to a maximum instance lifetime.",
            Self::UserRequest => "an instance was taken out of service in response to a user request.",
            Self::SetUnhealthy => "an instance was taken out of service in response to a user health-check.",
            Self::NotRunning => {
                "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped."
            }
            Self::StatusChecks => {
                "an instance was taken out of service in response to an EC2 instance status checks failure."
            }
            Self::EbsCheck => "an instance was taken out of service in response to an EBS volume health check failure.",
            Self::LaunchFailed => "an instance was taken out of service because it could not be put into service.",
            Self::GroupDeleted => "a user request force-deleted AutoScalingGroup.",
        }
    }
}

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) instance_id: String,
    pub(crate) instance_type: String,
    pub(crate) image_id: String,
    pub(crate) zone: String,
    pub(crate) state: LifecycleState,
    pub(crate) protected_from_scale_in: bool,
    pub(crate) launched_at: RegionTime,
    pub(crate) in_service_at: Option<RegionTime>,
    /// Why it is `Unhealthy`; none is `Healthy`.
    pub(crate) unhealthy: Option<RemovalCause>,
    /// It goes once its replacement is in service, for this reason.
    pub(crate) leaving: Option<RemovalCause>,
    /// Hooks of the present transition that have not begun, in the order in which they will.
    pub(crate) queued_hooks: VecDeque<String>,
    pub(crate) open_actions: Vec<OpenAction>,
    /// Nothing holds it in `Pending` from then on, but that EC2 has to say `running`.
    pub(crate) ready_at: Option<RegionTime>,
    /// The group has seen that it does not run, and will act.
    pub(crate) noticed: bool,
    /// When failed status checks will have failed for long enough.
    pub(crate) impaired_until: Option<RegionTime>,
    /// The activity under way.
    pub(crate) activity_id: String,
}

impl Member {
    pub(crate) const fn health(&self) -> &'static str {
        match self.unhealthy {
            None => "Healthy",
            Some(_) => "Unhealthy",
        }
    }
}
