//! Verdicts: what to do next, or until when to wait, or why not; always with reasons that a person can read.

use std::fmt;

use jiff::Timestamp;
use thiserror::Error;

use crate::ids::{AllocationId, GroupName, InstanceId, SnapshotId, VolumeId, VolumeName, Zone};
use crate::ledger::Change;
use crate::step::{Step, StepKey};
use crate::world::Part;

/// What the core says of a service now.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Nothing to do.
    Settled {
        /// Why.
        reasons: Vec<String>,
    },
    /// What was seen is too old for what comes next: look at these parts again, now.
    Look(Vec<Part>),
    /// Something is under way: look at these parts again at `until`.
    Wait {
        /// When.
        until: Timestamp,
        /// At what.
        parts: Vec<Part>,
        /// What is waited for.
        reasons: Vec<Awaited>,
    },
    /// Write these changes to the ledger, in one write, and decide again.
    Record {
        /// The changes, in order.
        changes: Vec<Change>,
        /// Why.
        reasons: Vec<String>,
    },
    /// Write these changes and the intent to do these steps to the ledger, in one write, then do the steps side by side.
    Act {
        /// The changes, in order.
        changes: Vec<Change>,
        /// The steps.
        steps: Vec<Step>,
        /// Why.
        reasons: Vec<String>,
    },
    /// The active instance fails, but no failover may begin (yet).
    Refuse {
        /// Why.
        refusal: Refusal,
        /// When that may change by itself.
        until: Option<Timestamp>,
    },
    /// The failover stands still until the world changes or an operator acts.
    Halt {
        /// Why, and what an operator can do.
        halt: Halt,
        /// When to look again.
        until: Timestamp,
        /// At what.
        parts: Vec<Part>,
    },
}

/// Something that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The step whose effect it is; none: something else.
    pub step: Option<StepKey>,
    /// In words.
    pub text: String,
}

impl From<String> for Awaited {
    fn from(text: String) -> Self {
        Self { step: None, text }
    }
}

/// Why no failover begins.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// An operator paused the service.
    #[error("the service is paused (by {by}); `failover resume` ends that")]
    Paused {
        /// Who.
        by: String,
    },
    /// The last failover is too recent.
    #[error("the last failover ended too recently: limits.cooldown_seconds = {cooldown_seconds} lasts until {until}")]
    Cooldown {
        /// The limit.
        cooldown_seconds: u64,
        /// Its end.
        until: Timestamp,
    },
    /// Too many failovers.
    #[error(
        "{count} automatic failovers began within 24 hours: limits.failovers_per_day = {count}; find the cause, or use `failover --to standby`"
    )]
    DailyCap {
        /// The limit.
        count: u64,
    },
    /// No instance can take over.
    #[error("no instance can take over: {}", Listed(.candidates))]
    NoTarget {
        /// Who was looked at, and why not.
        candidates: Vec<(InstanceId, String)>,
    },
    /// More than one address could be meant.
    #[error("several addresses carry the tag of the service: {}; name the right ones in [[address]], or remove the tag from the others", Joined(.0))]
    AmbiguousAddress(Vec<AllocationId>),
    /// More than one volume could be meant.
    #[error("several volumes carry the tags of {name}: {}; remove the tag failover:volume from those that are not part of the service", Joined(.volumes))]
    AmbiguousVolume {
        /// Which data.
        name: VolumeName,
        /// Which volumes.
        volumes: Vec<VolumeId>,
    },
    /// The spec and the ledger speak of different volumes.
    #[error(
        "the volumes of failover.toml ({spec}) are not those that the service was adopted with ({ledger}); put them back into failover.toml and run `failover apply`"
    )]
    VolumesDiffer {
        /// In the spec.
        spec: String,
        /// In the ledger.
        ledger: String,
    },
    /// No group is the service's.
    #[error("{}; tag the service's Auto Scaling group, or name it in [group]", NoGroup(.0.as_deref()))]
    NoGroup(Option<String>),
    /// More than one group could be meant.
    #[error("several Auto Scaling groups carry the tag of the service: {}; name the right one in [group]", Joined(.0))]
    AmbiguousGroup(Vec<GroupName>),
    /// A group of more than one.
    #[error("the desired capacity of {group} is {desired}; a service of one instance needs 1")]
    GroupTooLarge {
        /// The group.
        group: GroupName,
        /// How many it should have.
        desired: u32,
    },
    /// A group that replaces nothing.
    #[error("the process {process} of {group} is suspended; resume it first")]
    GroupSuspended {
        /// The group.
        group: GroupName,
        /// AWS's name of the process.
        process: String,
    },
    /// A group launches new instances.
    #[error(
        "{0} can't be asked for: an Auto Scaling group launches a new instance. Allowed are `--to ZONE`, and `--to standby` for whichever zone the group chooses"
    )]
    GroupLaunches(InstanceId),
    /// A zone without a subnet.
    #[error("the group has no subnet in {zone}; allowed are its other zones: {}", Joined(.allowed))]
    NoSubnet {
        /// What was asked for.
        zone: Zone,
        /// Where the group may launch.
        allowed: Vec<Zone>,
    },
    /// A wish for what is so already.
    #[error("the active instance is in {0} already")]
    AlreadyThere(Zone),
    /// A wish that came too late.
    #[error("the request of {at} was not looked at within {seconds} s; ask again")]
    Expired {
        /// When it was made.
        at: Timestamp,
        /// How long it would have held.
        seconds: i64,
    },
    /// A wish for what is so already.
    #[error("{0} is the active instance already")]
    AlreadyActive(InstanceId),
    /// A drill needs everything known and well.
    #[error("a drill needs everything known and well: {}", .0.join("; "))]
    NotWell(Vec<String>),
    /// Part of what the decision needs can't be seen.
    #[error("can't be seen now: {0}")]
    Unseen(String),
}

/// Why a failover stands still.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Halt {
    /// The old side can't be shown to be fenced.
    #[error("the old side is not shown to be fenced: {why}. Stop {} yourself (the failover then goes on), or set fence.when_unconfirmed = \"proceed\" with `failover apply` if it may be left running", Joined(.instances))]
    FenceUnconfirmed {
        /// Who may still write.
        instances: Vec<InstanceId>,
        /// What was seen of them.
        why: String,
    },
    /// No instance can take over.
    #[error("no instance can take over: {}. Start or add a standby, or free capacity; the failover then goes on", Listed(.candidates))]
    NoTarget {
        /// Who was looked at, and why not.
        candidates: Vec<(InstanceId, String)>,
    },
    /// The newest data can't be reached, and the copies are too old.
    #[error(
        "the newest data of {name} can't be reached ({why}), and its newest copy {snapshot} of {taken_at} is older than may be lost ({allowed_seconds} s). Bring the volume back, or accept the loss with `failover --to standby --accept-data-loss DURATION`"
    )]
    CopyTooOld {
        /// Which data.
        name: VolumeName,
        /// Why the volume can't be used.
        why: String,
        /// The copy.
        snapshot: SnapshotId,
        /// Whose data is of then.
        taken_at: Timestamp,
        /// What may be lost.
        allowed_seconds: u64,
    },
    /// There is no copy at all.
    #[error(
        "the data of {name} can't be reached ({why}), and there is no completed copy of it. Bring the volume back; an empty one is never put in its place"
    )]
    NoCopy {
        /// Which data.
        name: VolumeName,
        /// Why the volume can't be used.
        why: String,
    },
    /// A volume is where it must not be.
    #[error("{volume} is attached to {instance}, which is not the target. Detach it there; the failover then goes on")]
    VolumeTaken {
        /// The volume.
        volume: VolumeId,
        /// Who has it.
        instance: InstanceId,
    },
    /// The group does not launch.
    #[error("the Auto Scaling group launches no replacement: {why}. Mend that; the failover then goes on")]
    NoReplacement {
        /// Why, as far as can be seen.
        why: String,
    },
    /// AWS refuses a step for good.
    #[error("AWS refuses to {step}: {code}: {message}")]
    StepFails {
        /// What was tried.
        step: String,
        /// AWS's code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// Copies fail again and again.
    #[error("{what} failed {tries} times; see its state in AWS, then start over as docs/operating.md says")]
    CopyFails {
        /// Which copy.
        what: String,
        /// How often.
        tries: usize,
    },
    /// The address is gone.
    #[error("the address {0} does not exist any more; name another in failover.toml and run `failover apply`")]
    AddressGone(AllocationId),
    /// The target does not become well.
    #[error("{instance} was made active, but is not shown to serve: {why}")]
    TargetUnwell {
        /// The target.
        instance: InstanceId,
        /// What was seen.
        why: String,
    },
    /// What was promoted can't be seen.
    #[error("{what} can't be seen: {why}")]
    Unseen {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// What made the failover possible is no longer so.
    #[error("{0}")]
    Refused(Refusal),
}

struct Listed<'a>(&'a [(InstanceId, String)]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("the service has no other instance");
        }
        for (index, (instance, why)) in self.0.iter().enumerate() {
            write!(formatter, "{}{instance}: {why}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

struct NoGroup<'a>(Option<&'a str>);

impl fmt::Display for NoGroup<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(formatter, "there is no Auto Scaling group {name}"),
            None => formatter.write_str("no Auto Scaling group carries the tag of the service"),
        }
    }
}

struct Joined<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Joined<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            write!(formatter, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
