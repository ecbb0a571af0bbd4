//! Why a failover stands still.

use std::collections::BTreeMap;

use jiff::Timestamp;
use thiserror::Error;

use super::lists::{Copies, Joined, Listed};
use super::refusal::Refusal;
use crate::ids::{AddressId, InstanceId, SnapshotId, VolumeId, VolumeName};

/// Why a failover stands still.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Halt {
    /// The old instance can't be shown to be fenced.
    #[error("cannot confirm that the old instance has stopped writing: {why}. Stop {} yourself (the failover then continues), or set fence.when_unconfirmed = \"proceed\" with `failover apply` if it may be left running", Joined(.instances))]
    FenceUnconfirmed {
        /// Those that are not known to be off.
        instances: Vec<InstanceId>,
        /// What was seen of them.
        why: String,
    },
    /// No instance can take over.
    #[error("no instance can take over: {}. Start or add a standby, or free capacity; the failover then continues", Listed(.candidates))]
    NoTarget {
        /// Who was considered, and why not.
        candidates: Vec<(InstanceId, String)>,
    },
    /// The newest data can't be reached, and the copies are too old.
    #[error(
        "the newest data can't be reached ({why}), and what there is of all volumes is of {taken_at} ({}), older than may be lost ({allowed_seconds} s). Bring the volume back, or accept the loss with `failover --to standby --accept-data-loss DURATION`", Joined(.snapshots)
    )]
    CopyTooOld {
        /// Why which volumes can't be used.
        why: String,
        /// The newest completed copies of one moment, of all volumes.
        snapshots: Vec<SnapshotId>,
        /// Whose data is of then.
        taken_at: Timestamp,
        /// `data.max_loss_seconds`, or what an operator accepted.
        allowed_seconds: u64,
    },
    /// There is no copy at all, or none of one moment.
    #[error(
        "the newest data can't be reached ({why}), and there are no completed copies of one moment of all volumes ({}). Bring the volume back; neither an empty volume nor copies of different moments are ever put in its place", Copies(.newest)
    )]
    NoCopy {
        /// Why which volumes can't be used.
        why: String,
        /// When the newest completed copy of each volume was taken.
        newest: BTreeMap<VolumeName, Option<Timestamp>>,
    },
    /// A volume is where it must not be.
    #[error(
        "{volume} is attached to {instance}, which is not the target. Detach it there; the failover then continues"
    )]
    VolumeTaken {
        /// A volume that holds the newest data.
        volume: VolumeId,
        /// The instance that has it.
        instance: InstanceId,
    },
    /// A copy is still under way after a time in which nearly all are done.
    #[error(
        "{snapshot} of {name} is still pending after {minutes} minutes: a large first copy may take hours, and one of a volume whose zone is down may not end before that is back. The failover goes on once it is complete"
    )]
    CopySlow {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The data, by its name in the spec.
        name: VolumeName,
        /// How long it has been pending when people are told at the earliest.
        minutes: i64,
    },
    /// AWS accepts it every time, and it is never seen done.
    #[error("AWS accepted {tries} times to {step}, and nothing came of it. It is tried again every minute")]
    NoEffect {
        /// What was tried.
        step: String,
        /// How often people are told of it at the earliest.
        tries: u32,
    },
    /// A volume is somewhere, and AWS does not say where.
    #[error(
        "{volume} is in use, and AWS lists no attachment of it. Detach it from whatever has it (the console and AWS Support see more); the failover then continues"
    )]
    HolderUnlisted {
        /// A volume that holds the newest data.
        volume: VolumeId,
    },
    /// The group does not launch.
    #[error("the Auto Scaling group launches no replacement: {why}. Fix that; the failover then continues")]
    NoReplacement {
        /// Why, as far as can be seen.
        why: String,
    },
    /// AWS refuses a step for good.
    #[error("AWS refuses to {step}: {code}: {message}")]
    StepFails {
        /// The step, in the words of the report.
        step: String,
        /// AWS's code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// Copies fail again and again.
    #[error(
        "{what} failed {tries} times. See its state in AWS: most often its KMS key is disabled, or may not be used by the controller. It is tried again every 5 minutes; the failover then continues"
    )]
    CopyFails {
        /// The snapshot or the volume, in words.
        what: String,
        /// How many copies AWS failed.
        tries: usize,
    },
    /// The address was released: clients know no other.
    #[error("the address {0} does not exist any more; name another in failover.toml and run `failover apply`")]
    AddressGone(AddressId),
    /// The target does not become healthy.
    #[error("{instance} was promoted, but is not confirmed to serve: {why}")]
    TargetUnhealthy {
        /// The target, which is the active instance now.
        instance: InstanceId,
        /// What its agent or its status checks say.
        why: String,
    },
    /// What was promoted can't be seen.
    #[error("{what} can't be observed: {why}")]
    Unseen {
        /// The instance, or the copies, in words.
        what: String,
        /// AWS's answer, or that there was none.
        why: String,
    },
    /// What made the failover possible is no longer so.
    #[error("{0}")]
    Refused(Refusal),
}
