//! One card a step: everything that is true of its kind, in one table.

use jiff::SignedDuration;

use super::effect::{Step, StopMode};
use super::key::{HOLDS, StepKey, TOGETHER, kind};
use crate::group::HookResult;
use crate::world::Part;

/// What is true of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// What is done, in the words of the report.
    pub kind: &'static str,
    /// What it is done to. What is yet to be made is named by its data and zone.
    pub resource: String,
    /// Whether AWS would still allow the service to go on as before if it were done by mistake. A step that is not reversible is never
    /// taken on anything unknown.
    pub reversible: bool,
    /// The part of the world that shows that it is done.
    pub shows_in: Part,
    /// What must have been seen within the last seconds for it to be taken.
    pub rests_on: &'static [Part],
    /// When its effect is observed, and when it is sent again.
    pub when: When,
}

/// How long AWS may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTiming {
    /// No effect shows sooner: it is not observed before.
    pub least_duration: SignedDuration,
    /// An accepted step that shows no effect is sent again after this.
    pub resend_after: SignedDuration,
}

/// Where a step's [`StepTiming`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// From AWS alone.
    Always(StepTiming),
    /// As above, but it is sent again no later than the spec's `fence.stop_grace_seconds` ends: a cut follows then.
    WithinGrace(StepTiming),
    /// From the hook: a heartbeat is due long before its time is over.
    Heartbeat,
}

/// The region's own floor is some fifteen seconds, and a volume takes one snapshot in 15 s (aws-facts 2.1).
pub const SNAPSHOT: StepTiming = StepTiming::of(10, 60);
/// It shows in the group within seconds.
pub const HOOK_COMPLETION: StepTiming = StepTiming::of(2, 30);
/// Maintenance is never urgent, and is done when its effect shows at all: a snapshot that is listed need not be complete.
pub const MAINTENANCE: StepTiming = StepTiming::of(2, 120);

impl StepTiming {
    const fn of(least_seconds: i64, resend_after_seconds: i64) -> Self {
        Self {
            least_duration: SignedDuration::from_secs(least_seconds),
            resend_after: SignedDuration::from_secs(resend_after_seconds),
        }
    }
}

const fn always(least_seconds: i64, resend_after_seconds: i64) -> When {
    When::Always(StepTiming::of(least_seconds, resend_after_seconds))
}

const UNDONE: bool = true;
const FINAL: bool = false;

impl Step {
    /// The step's card.
    #[rustfmt::skip] // A table: one row a step.
    pub fn card(&self) -> Card {
        use Part::{Addresses, Agents, Groups, Instances, Snapshots, Volumes};
        let card = |kind, resource, reversible, shows_in, rests_on, when| Card { kind, resource, reversible, shows_in, rests_on, when };
        match self {
            // Nothing runs on it that an active instance could mind. No instance starts in less than seconds (aws-facts 1.2).
            Self::StartInstance { instance } =>
                card(kind::START, instance.to_string(), UNDONE, Instances, &[Instances], always(4, 120)),
            // It can be started again with all that it had.
            Self::StopInstance { instance, mode: StopMode::Graceful } =>
                card(kind::STOP, instance.to_string(), UNDONE, Instances, &[Instances], When::WithinGrace(StepTiming::of(4, 120))),
            // What the guest had not written is lost.
            Self::StopInstance { instance, mode: StopMode::Forced } =>
                card(kind::FORCE_STOP, instance.to_string(), FINAL, Instances, &[Instances], always(4, 120)),
            // One more copy.
            Self::TakeSnapshots { sources, .. } =>
                card(kind::SNAPSHOT, together(sources.iter().map(|source| source.volume.as_str())), UNDONE, Snapshots, &[Instances, Volumes, Snapshots], When::Always(SNAPSHOT)),
            // One more volume. It rests on the copy only through its id, which was read when it was chosen.
            Self::RestoreVolume { name, zone, .. } =>
                card(kind::RESTORE, format!("{name}{HOLDS}{zone}"), UNDONE, Volumes, &[Volumes], always(2, 60)),
            // A guest that runs loses its disk. From one that is off it takes seconds (aws-facts 2.3).
            Self::DetachVolume { volume, force: false, .. } =>
                card(kind::DETACH, volume.to_string(), FINAL, Volumes, &[Instances, Volumes], always(2, 60)),
            // It "may need several tries over minutes" (EBS guide).
            Self::DetachVolume { volume, force: true, .. } =>
                card(kind::FORCE_DETACH, volume.to_string(), FINAL, Volumes, &[Instances, Volumes], always(2, 60)),
            // The guest may write from then on.
            Self::AttachVolume { volume, .. } =>
                card(kind::ATTACH, volume.to_string(), FINAL, Volumes, &[Instances, Volumes], always(2, 60)),
            // Clients go where it leads: two sides must never take turns. One call moves it, in seconds (aws-facts 3.1).
            Self::MoveAddress { address, .. } =>
                card(kind::ADDRESS, address.to_string(), FINAL, Addresses, &[Instances, Addresses], always(1, 20)),
            // A tag, for people.
            Self::MarkSuperseded { volume } =>
                card(kind::MARK_SUPERSEDED, volume.to_string(), UNDONE, Volumes, &[Volumes], When::Always(MAINTENANCE)),
            // Whether it is the only good copy shows in the others.
            Self::DeleteVolume { volume } =>
                card(kind::DELETE_VOLUME, volume.to_string(), FINAL, Volumes, &[Volumes, Snapshots], When::Always(MAINTENANCE)),
            Self::DeleteSnapshot { snapshot } =>
                card(kind::DELETE_SNAPSHOT, snapshot.to_string(), FINAL, Snapshots, &[Volumes, Snapshots], When::Always(MAINTENANCE)),
            // One more volume; that no data existed before is what the caller saw.
            Self::CreateBlank { name, zone, .. } =>
                card(kind::CREATE_BLANK, format!("{name}{HOLDS}{zone}"), UNDONE, Volumes, &[Volumes], always(2, 60)),
            // A launch is let go when data, address and agent say so; a termination when the data says so.
            Self::CompleteHook { hook, instance, result, .. } =>
                card(completion(*result), format!("{hook}{HOLDS}{instance}"), FINAL, Groups, &[Groups, Volumes, Addresses, Agents], When::Always(HOOK_COMPLETION)),
            // It keeps things as they are.
            Self::ExtendHook { hook, instance, .. } =>
                card(kind::EXTEND_HOOK, format!("{hook}{HOLDS}{instance}"), UNDONE, Groups, &[Groups], When::Heartbeat),
            // The group terminates it.
            Self::ReplaceMember { instance, .. } =>
                card(kind::REPLACE, instance.to_string(), FINAL, Groups, &[Groups, Volumes], always(2, 60)),
            // What was there before is in the ledger, and is put back.
            Self::SetSubnets { subnets, .. } =>
                card(kind::SUBNETS, together(subnets.iter().map(crate::ids::SubnetId::as_str)), UNDONE, Groups, &[Groups], always(2, 60)),
        }
    }

    /// What is done, in the words of the report.
    pub fn kind(&self) -> &'static str {
        self.card().kind
    }

    /// The key of the step in the ledger.
    pub fn key(&self) -> StepKey {
        let card = self.card();
        StepKey::of(card.kind, &card.resource)
    }

    /// Whether it ends or extends what a lifecycle hook holds.
    pub fn is_of_hook(&self) -> bool {
        matches!(self, Self::ExtendHook { .. } | Self::CompleteHook { .. })
    }
}

fn completion(result: HookResult) -> &'static str {
    match result {
        HookResult::Continue => kind::COMPLETE_HOOK,
        HookResult::Abandon => kind::ABANDON_HOOK,
    }
}

/// One step for several resources.
fn together<'a>(resources: impl Iterator<Item = &'a str>) -> String {
    resources.collect::<Vec<_>>().join(&TOGETHER.to_string())
}
