//! An Auto Scaling group as it was asked for: sizes, places, template, health checks, hooks, policies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use crate::model::scaling::hook::Hook;
use crate::model::scaling::member::{Member, RemovalCause};
use crate::model::scaling::process::Process;
use crate::model::scaling::template::Template;
use crate::time::RegionTime;

/// How many instances the group may have, and is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Size {
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) desired: usize,
}

/// The instance maintenance policy, in percent of the desired capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Maintenance {
    pub(crate) min_healthy: usize,
    pub(crate) max_healthy: usize,
}

/// What protects the group from being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) enum DeletionProtection {
    #[default]
    None,
    PreventForceDeletion,
    PreventAllDeletion,
}

impl DeletionProtection {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PreventForceDeletion => "prevent-force-deletion",
            Self::PreventAllDeletion => "prevent-all-deletion",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::PreventForceDeletion, Self::PreventAllDeletion].into_iter().find(|kind| kind.name() == name)
    }
}

/// A tag of the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct GroupTag {
    pub(crate) value: String,
    /// Instances launched from now on carry it, too.
    pub(crate) propagate_at_launch: bool,
}

/// A replacement that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) instance_id: String,
    pub(crate) cause: RemovalCause,
}

/// What a group was created or updated with.
#[expect(clippy::struct_excessive_bools, reason = "switches of Auto Scaling's own")]
#[derive(Debug, Clone)]
pub(crate) struct GroupSpec {
    pub(crate) size: Size,
    pub(crate) zones: Vec<String>,
    /// The group was given subnets, not zones: describes say so.
    pub(crate) by_subnet: bool,
    pub(crate) template: Template,
    /// `EC2`, which cannot be left out, and perhaps `EBS`.
    pub(crate) checks_ebs: bool,
    pub(crate) grace_seconds: u32,
    pub(crate) maintenance: Option<Maintenance>,
    /// Keeps trying the zone that lacks an instance instead of going elsewhere.
    pub(crate) balanced_only: bool,
    /// `TerminateHookAbandon=retain`.
    pub(crate) retain_abandoned: bool,
    pub(crate) max_lifetime_seconds: Option<u32>,
    pub(crate) new_instances_protected: bool,
    pub(crate) deletion_protection: DeletionProtection,
    pub(crate) default_cooldown_seconds: u32,
}

impl GroupSpec {
    /// With AWS's defaults for the API (the console has others).
    pub(crate) fn new(size: Size, zones: Vec<String>, template: Template) -> Self {
        Self {
            size,
            zones,
            by_subnet: true,
            template,
            checks_ebs: false,
            grace_seconds: 0,
            maintenance: None,
            balanced_only: false,
            retain_abandoned: false,
            max_lifetime_seconds: None,
            new_instances_protected: false,
            deletion_protection: DeletionProtection::None,
            default_cooldown_seconds: 300,
        }
    }
}

/// One group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) created_at: RegionTime,
    pub(crate) spec: GroupSpec,
    pub(crate) hooks: BTreeMap<String, Hook>,
    pub(crate) suspended: BTreeSet<Process>,
    pub(crate) tags: BTreeMap<String, GroupTag>,
    pub(crate) members: BTreeMap<String, Member>,
    /// Replacements that wait for their turn: AWS paces all but the urgent ones at a tenth of the group, one at a time in small groups.
    pub(crate) planned: VecDeque<Planned>,
    /// `Delete in progress`.
    pub(crate) deleting: bool,
    pub(crate) attempts: LaunchAttempts,
    /// When the group looks at its capacity next.
    pub(crate) reconcile_at: Option<RegionTime>,
}

/// How the group's latest launches went.
#[derive(Debug, Clone, Default)]
pub(crate) struct LaunchAttempts {
    /// Zones that have just refused; the others come first.
    pub(crate) refused_zones: BTreeSet<String>,
    /// Failures since the last success.
    pub(crate) failures: u32,
    /// Not before, because of them.
    pub(crate) not_before: RegionTime,
}

impl Group {
    pub(crate) fn is_suspended(&self, process: Process) -> bool {
        self.suspended.contains(&process)
    }

    /// Members that count toward the desired capacity. AWS: `Terminating:Wait`, `Standby` and `Terminating:Retained` do not.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.state.counts())
    }

    pub(crate) fn in_service(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.state.is_in_service())
    }

    /// Members that stay until their replacement is in service.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = &Member> {
        self.counted().filter(|member| member.leaving.is_some())
    }

    /// Whether the replacement comes first. AWS: without a policy only for rebalancing; with one, if it lets the group grow and does not let it
    /// shrink; never for what ended unexpectedly. Both percentages are rounded up, as a share of an instance is none (assumed).
    pub(crate) fn launches_first(&self, cause: RemovalCause) -> bool {
        let desired = self.spec.size.desired;
        match (cause, self.spec.maintenance) {
            (RemovalCause::ZoneRebalance, _) => true,
            (RemovalCause::NotRunning, _) | (_, None) => false,
            (_, Some(policy)) => {
                let may_grow = (desired * policy.max_healthy).div_ceil(100) > desired;
                let may_shrink = (desired * policy.min_healthy).div_ceil(100) < desired;
                may_grow && !may_shrink
            }
        }
    }

    /// All members, the one that was launched first in front.
    pub(crate) fn by_age(&self) -> Vec<&Member> {
        let mut members: Vec<&Member> = self.members.values().collect();
        members.sort_by(|one, other| {
            one.launched_at.cmp(&other.launched_at).then_with(|| one.instance_id.cmp(&other.instance_id))
        });
        members
    }
}
