//! One failover: what it is for, how far it is, and what was tried.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::destination::Destination;
use crate::ids::{FailoverId, InstanceId, SnapshotId, VolumeName, Zone};
use crate::step::{Step, StepKey, StepOutcome};

/// A failover that runs: what was tried, not where it is (decision 6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failover {
    /// Its id, which the tags of what it makes carry.
    pub id: FailoverId,
    /// Why it began, in words for the report.
    pub cause: Cause,
    /// Whether it is a drill.
    pub drill: bool,
    /// The active instance was well when it began: nothing is stopped before the target runs, and it can be given up without harm until then.
    pub planned: bool,
    /// Where the operator wants the service; the best standby otherwise.
    pub destination: Destination,
    /// Loss that the operator named on the command line.
    pub accepted_loss_seconds: Option<u64>,
    /// The active instance at its beginning.
    pub from: Target,
    /// The instance that takes over. None: the group has not launched it yet.
    pub to: Option<Target>,
    /// Since when that is the target, if another was tried before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retargeted_at: Option<Timestamp>,
    /// Since when the target can't be seen, or makes no headway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_unseen_since: Option<Timestamp>,
    /// Instances that can't be the target, and why.
    pub excluded: BTreeMap<InstanceId, String>,
    /// When the failure was first seen; a planned one sets it with its fence.
    pub down_since: Option<Timestamp>,
    /// When it was written to the ledger.
    pub started_at: Timestamp,
    /// How far the fence is.
    pub fence: FenceState,
    /// How often the fence was opened again: copies count only under the fence that they were made under.
    #[serde(default)]
    pub fences: u32,
    /// The lease of the old active, as it was last seen renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<SeenLease>,
    /// Older copies that were chosen because the newest data could not be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_copies: Option<OlderCopies>,
    /// How much of the newest data the older copies lack.
    pub data_loss_seconds: u64,
    /// When the ledger named the target active.
    pub promoted_at: Option<Timestamp>,
    /// What was tried, by step.
    pub attempts: BTreeMap<StepKey, Attempt>,
    /// Steps in the order of their beginnings, for the report.
    pub steps: Vec<StepRecord>,
    /// What an operator should know although the failover went on.
    pub warnings: BTreeSet<String>,
    /// Set while it can't go on without an operator (or a change of the world).
    pub halted: Option<Halted>,
    /// The reason for standing still that people were told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

/// Why a failover began: what may be refused, and what counts towards the daily cap, depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The active instance failed; the evidence in words.
    Failure(Vec<String>),
    /// An operator asked; who.
    Operator(String),
    /// The group launched another instance beside the active one, to replace it.
    Replacement(InstanceId),
}

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failure(evidence) => formatter.write_str(&evidence.join("; ")),
            Self::Operator(by) => write!(formatter, "requested by {by}"),
            Self::Replacement(instance) => write!(formatter, "the group launched {instance} as a replacement"),
        }
    }
}

/// An instance in its zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The instance's id.
    pub instance_id: InstanceId,
    /// Its zone: remembered, so that it is known when the zone is down.
    pub zone: Zone,
}

/// How far the fence is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FenceState {
    /// Not shown yet, or no longer.
    Open {
        /// When fencing began; none: it did not begin.
        since: Option<Timestamp>,
    },
    /// Shown: nothing of the old instance can write.
    Confirmed {
        /// When it was seen.
        at: Timestamp,
        /// What it rests on.
        proof: Proof,
    },
    /// Not shown, and the spec says to go on: the old instance may still write to its own copy.
    Waived {
        /// When `fence.confirm_within_seconds` was over.
        at: Timestamp,
        /// Why it could not be shown.
        why: String,
    },
}

/// What showed that the old instance can't write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Every instance that could write is stopped or terminated.
    InstancesOff,
    /// Every data volume is detached from everything but the target.
    VolumesDetached,
    /// Its agent stopped the units and unmounted, and every data volume is detached from it.
    Quiesced,
    /// Its agent serves only under a lease, and was seen not to renew it for as long as it lasts.
    LeaseExpired,
}

/// Copies of all volumes, of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OlderCopies {
    /// Up to when they hold the data.
    pub at: Timestamp,
    /// For each data volume of the spec, its copy.
    pub snapshots: BTreeMap<VolumeName, SnapshotId>,
}

/// A lease of a boot agent, as we saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenLease {
    /// When it was renewed, by the agent's clock: it only tells one renewal from the next.
    pub renewed_at: Timestamp,
    /// When that renewal was first seen, by ours.
    pub since: Timestamp,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// How often it was tried.
    pub tries: u32,
    /// How often it was tried since AWS last accepted it. A try that nobody answered, or not yet, is one of them.
    #[serde(default)]
    pub failures: u32,
    /// How often what it was to make came to nothing, and was asked for anew: each time with another client token.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub renewed: u32,
    /// When it was first tried.
    pub first_at: Timestamp,
    /// When it was last tried.
    pub last_at: Timestamp,
    /// What AWS said to the last try.
    pub outcome: StepOutcome,
    /// When AWS said it; the same as `last_at` while it has said nothing.
    pub answered_at: Timestamp,
}

impl Attempt {
    /// How often it has been asked for anew, the try that would follow now included.
    pub fn renewals(&self) -> u32 {
        self.renewed + u32::from(self.is_spoiled())
    }

    /// Whether the last client token is spent. AWS accepted it, and what it made is not to be seen by the time of another try: a volume
    /// whose KMS key fails vanishes, and its token then answers `IdempotentParameterMismatch` for ever (aws-facts 2.2, 2.9).
    fn is_spoiled(&self) -> bool {
        match &self.outcome {
            StepOutcome::Accepted { .. } => true,
            StepOutcome::Failed { code, .. } => code == "IdempotentParameterMismatch",
            // It may have happened: only the same token is safe.
            StepOutcome::Unanswered => false,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A step in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its key, which leads to its attempts.
    pub key: StepKey,
    /// The step's kind.
    pub step: String,
    /// What it was done to.
    pub resource: String,
    /// When it was written to the ledger.
    pub started_at: Timestamp,
    /// When an observation showed it done.
    pub finished_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// Calls of AWS that trying it took.
    pub api_calls: u32,
}

/// Why a failover stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    /// When it was told.
    pub at: Timestamp,
    /// What is wrong, and what an operator can do.
    pub reason: String,
}

impl Failover {
    /// Whether the ledger named the target active already: from there on the failover is never taken back.
    pub fn is_promoted(&self) -> bool {
        self.promoted_at.is_some()
    }

    /// Since when its target is the target.
    pub fn targeted_at(&self) -> Timestamp {
        self.retargeted_at.unwrap_or(self.started_at)
    }

    /// Whether anything that could disturb the old instance was tried.
    pub fn has_begun_to_fence(&self) -> bool {
        !matches!(self.fence, FenceState::Open { since: None })
    }

    /// Whether an instance is the target.
    pub fn is_target(&self, instance: &InstanceId) -> bool {
        self.to.as_ref().is_some_and(|to| to.instance_id == *instance)
    }

    /// What became of a step.
    pub fn attempt(&self, step: &Step) -> Option<&Attempt> {
        self.attempts.get(&step.key())
    }
}
