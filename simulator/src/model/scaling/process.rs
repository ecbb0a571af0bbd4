//! The processes of a group that can be suspended.

use serde::{Deserialize, Serialize};

/// A process of the group that can be suspended. AWS's own names; those that do nothing here are kept for the describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Process {
    /// Adds instances.
    Launch,
    /// Takes instances away.
    Terminate,
    /// Not modelled: there are no load balancers.
    AddToLoadBalancer,
    /// Not modelled: there are no scaling policies.
    AlarmNotification,
    /// Levels the zones.
    AZRebalance,
    /// Looks at EC2's checks.
    HealthCheck,
    /// Replaces instances step by step.
    InstanceRefresh,
    /// Terminates what is unhealthy.
    ReplaceUnhealthy,
    /// Not modelled: there are no schedules.
    ScheduledActions,
}

impl Process {
    pub(crate) const ALL: [Self; 9] = [
        Self::Launch,
        Self::Terminate,
        Self::AddToLoadBalancer,
        Self::AlarmNotification,
        Self::AZRebalance,
        Self::HealthCheck,
        Self::InstanceRefresh,
        Self::ReplaceUnhealthy,
        Self::ScheduledActions,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Launch => "Launch",
            Self::Terminate => "Terminate",
            Self::AddToLoadBalancer => "AddToLoadBalancer",
            Self::AlarmNotification => "AlarmNotification",
            Self::AZRebalance => "AZRebalance",
            Self::HealthCheck => "HealthCheck",
            Self::InstanceRefresh => "InstanceRefresh",
            Self::ReplaceUnhealthy => "ReplaceUnhealthy",
            Self::ScheduledActions => "ScheduledActions",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|process| process.name() == name)
    }
}
