//! What every step must keep to, whoever asks for it.

use proptest::prelude::*;

use super::{Case, known};
use crate::agent::AgentState;
use crate::decide::lineage::own_copy;
use crate::ids::{InstanceId, VolumeId};
use crate::ledger::{Failover, FenceState};
use crate::spec::Topology;
use crate::step::{SnapshotSource, Step};
use crate::world::{Part, SnapshotState, Volume, tag};

impl Case {
    pub(super) fn is_group(&self) -> bool {
        self.spec.topology == Topology::AutoScaling
    }

    /// Looked at within the last seconds.
    pub(super) fn is_fresh(&self, part: Part) -> bool {
        self.now.duration_since(self.world.seen_at(part)).as_secs() <= 5
    }

    /// What is not the agent's to stop or to unmount, it has not stopped by saying so.
    fn agents_have_something_to_stop(&self) -> bool {
        let all_mounted = self.spec.volumes.iter().all(|volume| volume.mount.is_some());
        !self.spec.agent.units.is_empty() || (all_mounted && !self.spec.volumes.is_empty())
    }

    /// The old active, by its agent's last word in this very epoch, has let go.
    pub(super) fn is_quiesced(&self, id: &InstanceId) -> bool {
        let from = self.ledger.failover.as_ref().is_some_and(|failover| failover.from.instance_id == *id);
        let report = self.world.agents.get(id);
        from && self.agents_have_something_to_stop()
            && report.is_some_and(|it| it.state == AgentState::Quiesced && it.epoch >= self.ledger.epoch)
    }

    /// The old active serves only under a lease, and has not renewed it for longer than that.
    pub(super) fn lease_has_expired(&self, id: &InstanceId) -> bool {
        let Some(failover) = self.ledger.failover.as_ref().filter(|it| it.from.instance_id == *id) else {
            return false;
        };
        let (Some(report), Some(seen)) = (self.world.agents.get(id), &failover.lease) else { return false };
        let unchanged = self.now.duration_since(seen.since).as_secs();
        let promised = report.lease_seconds.and_then(|seconds| i64::try_from(seconds).ok());
        self.agents_have_something_to_stop()
            && report.at == seen.renewed_at
            && matches!(report.state, AgentState::Ready | AgentState::Starting)
            && promised.is_some_and(|seconds| unchanged > seconds + 10)
    }

    pub(super) fn is_off(&self, id: &InstanceId) -> bool {
        self.world.instances.get(id).is_some_and(|instance| instance.state.is_off())
    }

    pub(super) fn allowed_loss(&self) -> u64 {
        let accepted = self.ledger.failover.as_ref().and_then(|failover| failover.accepted_loss_seconds);
        self.spec.data.max_loss_seconds.get().max(accepted.unwrap_or(0))
    }

    /// No irreversible step on anything unknown.
    pub(super) fn irreversible_steps_are_on_what_is_known(&self, step: &Step) -> Result<(), TestCaseError> {
        let parts: &[Part] = match step {
            Step::DetachVolume { .. } | Step::AttachVolume { .. } => &[Part::Instances, Part::Volumes],
            Step::MoveAddress { .. } => &[Part::Instances, Part::Addresses],
            Step::DeleteVolume { .. } | Step::DeleteSnapshot { .. } => &[Part::Volumes, Part::Snapshots],
            Step::CompleteHook { .. } | Step::ReplaceMember { .. } => &[Part::Groups, Part::Volumes],
            _ => &[],
        };
        prop_assert!(parts.iter().all(|part| self.is_fresh(*part)), "{step} rests on what is old");
        match step {
            Step::StopInstance { instance, mode: crate::step::StopMode::Forced } => {
                prop_assert!(known(self.world.instances.items.get(instance)));
            }
            Step::DetachVolume { volume, .. } | Step::AttachVolume { volume, .. } | Step::DeleteVolume { volume } => {
                prop_assert!(known(self.world.volumes.items.get(volume)));
            }
            Step::MoveAddress { address, instance } => {
                prop_assert!(known(self.world.addresses.items.get(address)));
                prop_assert!(known(self.world.instances.items.get(instance)));
            }
            Step::DeleteSnapshot { snapshot } => prop_assert!(known(self.world.snapshots.items.get(snapshot))),
            // What they rest on is among their rules.
            Step::CompleteHook { .. } | Step::ReplaceMember { .. } => {}
            _ => prop_assert!(step.card().reversible, "{step} is not covered by a rule"),
        }
        Ok(())
    }

    /// As the newest state only under a proven fence; otherwise as a periodic copy of a healthy service.
    fn a_copy_keeps_the_rules(&self, sources: &[SnapshotSource]) -> Result<(), TestCaseError> {
        let failover = self.ledger.failover.as_ref();
        let is_target = |id: &InstanceId| failover.is_some_and(|failover| failover.is_target(id));
        let proven = failover.is_some_and(|failover| matches!(failover.fence, FenceState::Confirmed { .. }));
        let waived = failover.is_some_and(|failover| matches!(failover.fence, FenceState::Waived { .. }));
        for source in sources {
            prop_assert!(self.ledger.is_current_volume(&source.volume));
            let volume = self.world.volumes.get(&source.volume);
            let quiet = volume.is_some_and(|volume| {
                volume.attachments.iter().all(|attachment| {
                    self.is_off(&attachment.instance)
                        || is_target(&attachment.instance)
                        || self.is_quiesced(&attachment.instance)
                })
            });
            match source.tags.get(tag::COPY).map(String::as_str) {
                Some("failover") => {
                    prop_assert!(proven || (waived && quiet), "copied while it may be written to");
                }
                role => prop_assert!(role == Some("periodic") && failover.is_none()),
            }
        }
        Ok(())
    }

    /// Only free volumes, and only to the instance that the ledger calls active.
    fn an_attachment_keeps_the_rules(&self, volume: &VolumeId, instance: &InstanceId) -> Result<(), TestCaseError> {
        let failover = self.ledger.failover.as_ref();
        let promoted = failover.is_some_and(Failover::is_promoted);
        let first = self.is_group() && failover.is_none();
        prop_assert!(promoted || first, "nothing is attached before the promotion");
        prop_assert_eq!(instance, &self.ledger.active);
        prop_assert!(self.ledger.is_current_volume(volume));
        prop_assert!(
            self.world.volumes.get(volume).is_some_and(Volume::is_free)
                || self.world.volumes.get(volume).is_some_and(|volume| volume.attachments.is_empty())
        );
        Ok(())
    }

    /// From a guest that may run only by force, as the last resort of a fence; or once its agent says that it let go.
    fn a_detach_keeps_the_rules(
        &self,
        volume: &VolumeId,
        instance: &InstanceId,
        force: bool,
    ) -> Result<(), TestCaseError> {
        let failover = self.ledger.failover.as_ref();
        let promoted = failover.is_some_and(Failover::is_promoted);
        let known = self.world.volumes.get(volume).unwrap();
        prop_assert!(known.attachment_to(instance).is_some());
        prop_assert!(*instance != self.ledger.active || (failover.is_some() && !promoted));
        let takes_over = failover.is_some() && !promoted;
        let let_go = (self.is_quiesced(instance) || self.lease_has_expired(instance)) && self.is_fresh(Part::Agents);
        prop_assert!(self.is_off(instance) || (takes_over && (force || let_go)));
        Ok(())
    }

    /// Only to the active instance; before the promotion only when nobody else can write any more.
    fn an_address_keeps_the_rules(&self, instance: &InstanceId) -> Result<(), TestCaseError> {
        let failover = self.ledger.failover.as_ref();
        let promoted = failover.is_some_and(Failover::is_promoted);
        let is_target = failover.is_some_and(|failover| failover.is_target(instance));
        let volumes_free = !self.ledger.current_volumes.is_empty()
            && self.ledger.current_volumes.values().all(|current| {
                self.world
                    .volumes
                    .get(&current.volume)
                    .is_some_and(|volume| volume.attachments.iter().all(|attachment| attachment.instance == *instance))
            });
        let first = self.is_group()
            && failover.is_none()
            && self.world.addresses.iter_known().any(|(_, address)| address.instance.is_none());
        prop_assert!((promoted || first) && *instance == self.ledger.active || volumes_free);
        prop_assert!(first || is_target);
        Ok(())
    }

    pub(super) fn the_step_keeps_the_rules(&self, step: &Step) -> Result<(), TestCaseError> {
        let failover = self.ledger.failover.as_ref();
        let promoted = failover.is_some_and(Failover::is_promoted);
        let target = failover.and_then(|failover| failover.to.as_ref()).map(|to| &to.instance_id);
        let fenced = failover.is_some_and(|failover| !matches!(failover.fence, FenceState::Open { .. }));
        match step {
            Step::StopInstance { instance, .. } => {
                prop_assert_ne!(Some(instance), target, "the target is never stopped");
                prop_assert!(*instance != self.ledger.active || (failover.is_some() && !promoted));
            }
            Step::StartInstance { instance } => {
                prop_assert_eq!(Some(instance), target);
                prop_assert!(!promoted && !self.is_group(), "a group starts what it needs itself");
            }
            Step::TakeSnapshots { sources, .. } => self.a_copy_keeps_the_rules(sources)?,
            Step::RestoreVolume { snapshot, zone, .. } => {
                prop_assert!(fenced && !promoted, "nothing is restored before the fence");
                prop_assert_eq!(Some(zone), failover.and_then(|failover| failover.to.as_ref()).map(|to| &to.zone));
                let older = failover.and_then(|failover| failover.older_copies.as_ref());
                let older = older.is_some_and(|older| older.snapshots.values().any(|id| id == snapshot));
                let completed =
                    self.world.snapshots.get(snapshot).is_some_and(|copy| copy.state == SnapshotState::Completed);
                prop_assert!(older || completed);
            }
            Step::AttachVolume { volume, instance, .. } => self.an_attachment_keeps_the_rules(volume, instance)?,
            Step::DetachVolume { volume, instance, force } => {
                self.a_detach_keeps_the_rules(volume, instance, *force)?;
            }
            Step::MoveAddress { instance, .. } => self.an_address_keeps_the_rules(instance)?,
            Step::MarkSuperseded { volume } => prop_assert!(!self.ledger.is_current_volume(volume)),
            Step::CreateBlank { .. }
            | Step::CompleteHook { .. }
            | Step::ExtendHook { .. }
            | Step::ReplaceMember { .. }
            | Step::SetSubnets { .. } => {
                prop_assert!(self.is_group(), "a standby pair has no group");
                self.the_group_step_keeps_the_rules(step)?;
            }
            Step::DeleteVolume { volume } => {
                prop_assert!(!self.ledger.is_current_volume(volume) && self.ledger.superseded.contains_key(volume));
                self.the_newest_data_is_attached()?;
            }
            Step::DeleteSnapshot { snapshot } => {
                self.the_newest_data_is_attached()?;
                let copy = self.world.snapshots.get(snapshot).unwrap();
                let name = own_copy(&self.ledger, copy);
                prop_assert!(name.is_some(), "it is somebody else's");
                prop_assert!(copy.description.starts_with("failover: "), "it was made by somebody else");
                prop_assert!(copy.tags.get(tag::SOURCE).is_none_or(|source| *source == copy.volume.to_string()));
                let newer = self.world.snapshots.iter_known().filter(|(id, copy)| {
                    *id != snapshot && copy.state == SnapshotState::Completed && own_copy(&self.ledger, copy) == name
                });
                let failed = copy.state == SnapshotState::Error;
                prop_assert!(newer.count() >= 1 || failed, "a newer copy stays");
            }
        }
        Ok(())
    }

    pub(super) fn the_newest_data_is_attached(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.ledger.failover.is_none());
        for current in self.ledger.current_volumes.values() {
            let volume = self.world.volumes.get(&current.volume);
            prop_assert!(volume.is_some_and(|volume| volume.attachment_to(&self.ledger.active).is_some()));
        }
        Ok(())
    }
}
