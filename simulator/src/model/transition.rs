//! What happens by itself at a time.

/// Something that happens by itself at a time. A generation that is no longer the resource's makes it void.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StateTransition {
    InstanceRunning {
        instance: String,
        generation: u64,
    },
    InstanceStopped {
        instance: String,
        generation: u64,
    },
    InstanceTerminated {
        instance: String,
        generation: u64,
    },
    /// A terminated instance leaves the describes.
    InstanceForgotten {
        instance: String,
    },
    /// Two minutes after its spot warning.
    SpotReclaimed {
        instance: String,
        terminate: bool,
    },
    GuestUp {
        instance: String,
        generation: u64,
    },
    GuestDown {
        instance: String,
        generation: u64,
    },
    /// The guest has mounted its volumes and its service runs.
    ServiceUp {
        instance: String,
        guest_generation: u64,
    },
    StatusEvaluated {
        instance: String,
        generation: u64,
    },
    AlarmsEvaluated,
    VolumeCreated {
        volume: String,
    },
    VolumeDeleted {
        volume: String,
    },
    VolumeAttached {
        volume: String,
        generation: u64,
    },
    /// A clean detach finds out whether the guest still holds the device.
    DetachTried {
        volume: String,
        generation: u64,
    },
    VolumeDetached {
        volume: String,
        generation: u64,
    },
    ModificationGoesOn {
        volume: String,
    },
    SnapshotDone {
        snapshot: String,
    },
    AddressSwitched {
        allocation: String,
        generation: u64,
        target: Option<String>,
    },
    /// An Auto Scaling group takes its next step.
    Scaling {
        group: String,
        step: ScalingStep,
    },
}

impl StateTransition {
    /// Whether a guest may serve, or be heard, otherwise than before. What only shows in describes is not: a region of thousands of
    /// instances evaluates their status dozens of times a second.
    pub(crate) const fn is_felt_by_guests(&self) -> bool {
        !matches!(
            self,
            Self::StatusEvaluated { .. }
                | Self::AlarmsEvaluated
                | Self::VolumeCreated { .. }
                | Self::VolumeDeleted { .. }
                | Self::ModificationGoesOn { .. }
                | Self::SnapshotDone { .. }
                | Self::Scaling { .. }
        )
    }
}

/// Something that a group does at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScalingStep {
    /// Looks at its capacity.
    Reconcile,
    /// Looks at its members.
    CheckHealth,
    /// A launched instance meets its launch hooks.
    LaunchHooks {
        instance: String,
    },
    /// Nothing holds the instance in `Pending` any more, unless EC2 does.
    IntoService {
        instance: String,
    },
    /// Acts on a member found unhealthy.
    Replace {
        instance: String,
    },
    /// A terminating instance meets its terminate hooks.
    TerminateHooks {
        instance: String,
    },
    /// Terminates the instance in EC2.
    EndInstance {
        instance: String,
    },
    /// A terminated member leaves the describes.
    Leave {
        instance: String,
    },
    HookTimedOut {
        instance: String,
        token: String,
    },
}
