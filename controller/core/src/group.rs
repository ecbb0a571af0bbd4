//! An Auto Scaling group of one, as AWS shows it (`DescribeAutoScalingGroups`, `DescribeLifecycleHooks`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{HookName, InstanceId, SubnetId, Zone};

/// An Auto Scaling group (`DescribeAutoScalingGroups`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The fewest instances that it may have.
    pub min: u32,
    /// The most instances that it may have.
    pub max: u32,
    /// How many it should have.
    pub desired: u32,
    /// Where it may launch: its zones.
    pub zones: BTreeSet<Zone>,
    /// Where it may launch: its subnets (`VPCZoneIdentifier`), in AWS's order.
    pub subnets: Vec<SubnetId>,
    /// The zone of each of them (`DescribeSubnets`). One that could not be read is missing.
    pub subnet_zones: BTreeMap<SubnetId, Zone>,
    /// Its instances. Terminated ones leave it some time later.
    pub members: BTreeMap<InstanceId, GroupMember>,
    /// Its lifecycle hooks, ours and others'.
    pub hooks: BTreeMap<HookName, Hook>,
    /// Processes that somebody suspended, by AWS's names, such as `Launch`.
    pub suspended: BTreeSet<String>,
}

/// An instance of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    /// Its zone, which the group tells before EC2's lists do.
    pub zone: Zone,
    /// How far it is on its way in or out.
    pub lifecycle: Lifecycle,
    /// Whether the group counts it as healthy.
    pub healthy: bool,
}

/// How far a member is: AWS's lifecycle states, as far as they matter here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// `Pending`: being launched; or `Pending:Proceed`: past its launch hooks.
    Pending,
    /// `Pending:Wait`: launched, and held by a launch hook.
    PendingWait,
    /// `InService`.
    InService,
    /// `Terminating`, or `Terminating:Proceed`: past its terminate hooks.
    Terminating,
    /// `Terminating:Wait`: held by a terminate hook.
    TerminatingWait,
    /// `Terminating:Retained`: its hook was abandoned or timed out, and the group keeps it.
    Retained,
    /// `Terminated`.
    Terminated,
    /// Anything else (`Standby`, `Detached`, warm pools): by AWS's name. Not counted on, not touched.
    Other(String),
}

impl Lifecycle {
    /// Reads AWS's name.
    pub fn parse(name: &str) -> Self {
        match name {
            "Pending" | "Pending:Proceed" => Self::Pending,
            "Pending:Wait" => Self::PendingWait,
            "InService" => Self::InService,
            "Terminating" | "Terminating:Proceed" => Self::Terminating,
            "Terminating:Wait" => Self::TerminatingWait,
            "Terminating:Retained" => Self::Retained,
            "Terminated" => Self::Terminated,
            other => Self::Other(other.to_owned()),
        }
    }

    /// On its way in, or in.
    pub fn is_coming_or_in(&self) -> bool {
        matches!(self, Self::Pending | Self::PendingWait | Self::InService)
    }

    /// Held by a lifecycle hook, until that is completed or its time is over.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::PendingWait | Self::TerminatingWait)
    }

    /// On its way out, or out.
    pub fn is_going(&self) -> bool {
        matches!(self, Self::Terminating | Self::TerminatingWait | Self::Retained | Self::Terminated)
    }
}

/// A lifecycle hook (`DescribeLifecycleHooks`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// When it holds an instance.
    pub transition: Transition,
    /// For how long, unless it is extended.
    pub heartbeat_timeout_seconds: u32,
    /// What its end counts as if nobody says anything.
    pub default_result: HookResult,
}

/// When a hook holds an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`.
    Launching,
    /// `autoscaling:EC2_INSTANCE_TERMINATING`.
    Terminating,
}

/// What a hook is told at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HookResult {
    /// Go on: into service, or to the end.
    Continue,
    /// A launch: terminate it and launch another. A termination: skip the other hooks.
    Abandon,
}

impl HookResult {
    /// AWS's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Abandon => "ABANDON",
        }
    }
}
