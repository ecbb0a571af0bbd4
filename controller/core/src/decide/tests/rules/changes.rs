//! What every change of the ledger must keep to.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Case;
use crate::agent::AgentState;
use crate::group::Lifecycle;
use crate::ids::{InstanceId, VolumeName};
use crate::ledger::report::Outcome;
use crate::ledger::{Change, CurrentVolume, Failover, FenceState, Proof, Target};
use crate::world::{AttachmentState, InstanceState, Lineage, Part, tag};

impl Case {
    pub(super) fn the_change_keeps_the_rules(&self, change: &Change) -> Result<(), TestCaseError> {
        match change {
            Change::Promote { current_volumes } => self.the_promotion_keeps_the_rules(current_volumes),
            Change::ChooseCopies { loss_seconds, .. } => {
                prop_assert!(*loss_seconds <= self.allowed_loss(), "older data beyond what may be lost");
                Ok(())
            }
            Change::WaiveFence(_) => {
                prop_assert_eq!(self.spec.fence.when_unconfirmed, crate::spec::WhenUnconfirmed::Proceed);
                Ok(())
            }
            Change::Fenced(Proof::InstancesOff) => {
                prop_assert!(self.is_off(&self.ledger.failover.as_ref().unwrap().from.instance_id));
                Ok(())
            }
            Change::Fenced(Proof::VolumesDetached) => {
                prop_assert!(!self.ledger.current_volumes.is_empty());
                self.the_newest_data_is_let_go()
            }
            Change::Fenced(Proof::Quiesced) => {
                prop_assert!(self.is_quiesced(&self.ledger.failover.as_ref().unwrap().from.instance_id));
                prop_assert!(self.is_fresh(Part::Agents));
                self.the_newest_data_is_let_go()
            }
            Change::Fenced(Proof::LeaseExpired) => {
                let from = &self.ledger.failover.as_ref().unwrap().from.instance_id;
                prop_assert!(self.lease_has_expired(from) && self.is_fresh(Part::Agents));
                for volume in
                    self.ledger.current_volumes.values().map(|current| self.world.volumes.get(&current.volume))
                {
                    let held_by = volume.map(|volume| volume.attachments.iter().map(|it| &it.instance));
                    let to = self.ledger.failover.as_ref().unwrap().to.as_ref().map(|to| &to.instance_id);
                    prop_assert!(
                        held_by.is_some_and(|mut all| all.all(|it| it == from || Some(it) == to || self.is_off(it)))
                    );
                }
                Ok(())
            }
            Change::Begin(failover) => self.the_beginning_keeps_the_rules(failover),
            Change::Retarget { to: Some(to), .. } => self.the_target_keeps_the_rules(to),
            Change::Abort { outcome: Outcome::Refused, .. } => {
                prop_assert!(
                    !self.ledger.failover.as_ref().unwrap().has_begun_to_fence(),
                    "the service was not interrupted"
                );
                Ok(())
            }
            Change::Bootstrapped { name, current } => {
                prop_assert!(self.ledger.failover.is_none() && self.ledger.uninitialized.contains(name));
                let volume = self.world.volumes.get(&current.volume);
                prop_assert!(volume.is_some_and(|volume| volume.zone == self.ledger.active_zone));
                Ok(())
            }
            Change::Supersede(volumes) => {
                prop_assert!(volumes.keys().all(|volume| !self.ledger.is_current_volume(volume)));
                Ok(())
            }
            Change::Narrow(Some(_)) => {
                prop_assert!(self.is_an_operators_move());
                Ok(())
            }
            Change::Finish => self.the_end_keeps_the_rules(),
            _ => Ok(()),
        }
    }

    fn the_end_keeps_the_rules(&self) -> Result<(), TestCaseError> {
        let active = &self.ledger.active;
        self.the_newest_data_is_attached_to(active)?;
        prop_assert!(!self.is_going(active), "what goes is not shown to serve");
        let report = self.world.agents.get(active);
        let ready = report.is_some_and(|it| it.state == AgentState::Ready && it.epoch >= self.ledger.epoch);
        prop_assert!(ready || self.world.checks.get(active).is_some_and(|checks| checks.passed()));
        prop_assert!(ready || report.is_none(), "an agent that has not shown it was passed over");
        for id in &self.ledger.addresses {
            prop_assert_eq!(self.world.addresses.get(id).and_then(|address| address.instance.as_ref()), Some(active));
        }
        Ok(())
    }

    fn the_beginning_keeps_the_rules(&self, failover: &Failover) -> Result<(), TestCaseError> {
        prop_assert!(self.ledger.paused.is_none() && failover.from.instance_id == self.ledger.active);
        prop_assert!(failover.to.is_some() || self.is_group());
        failover.to.as_ref().map_or(Ok(()), |to| self.the_target_keeps_the_rules(to))
    }

    fn the_target_keeps_the_rules(&self, to: &Target) -> Result<(), TestCaseError> {
        let id = &to.instance_id;
        let failover = self.ledger.failover.as_ref();
        prop_assert!(*id != self.ledger.active, "never the one that fails");
        prop_assert!(failover.is_none_or(|failover| failover.from.instance_id != *id));
        prop_assert!(failover.is_none_or(|failover| !failover.excluded.contains_key(id)), "it was ruled out");
        if !self.is_group() {
            prop_assert!(self.world.instances.get(id).is_some(), "the target is known");
            return Ok(());
        }
        prop_assert!(!self.ledger.former_actives.contains(id), "it served before");
        let Some((_, group)) = self.the_group() else { return Err(TestCaseError::fail("whose instance is it?")) };
        let lifecycle = group.members.get(id).map(|member| &member.lifecycle);
        prop_assert!(lifecycle.is_some_and(Lifecycle::is_coming_or_in));
        let known = self.world.instances.get(id).map(|instance| instance.state);
        let runs = known.is_none_or(|state| matches!(state, InstanceState::Running | InstanceState::Pending));
        prop_assert!(runs && (known.is_some() || lifecycle != Some(&Lifecycle::InService)));
        Ok(())
    }

    fn the_newest_data_is_let_go(&self) -> Result<(), TestCaseError> {
        let to = self.ledger.failover.as_ref().and_then(|failover| failover.to.as_ref()).map(|to| &to.instance_id);
        for current in self.ledger.current_volumes.values() {
            let volume = self.world.volumes.get(&current.volume);
            let free = volume.is_some_and(|volume| volume.attachments.iter().all(|it| Some(&it.instance) == to));
            prop_assert!(free, "somebody else holds it");
        }
        Ok(())
    }

    pub(super) fn the_newest_data_is_attached_to(&self, id: &InstanceId) -> Result<(), TestCaseError> {
        for current in self.ledger.current_volumes.values() {
            let volume = self.world.volumes.get(&current.volume);
            let holds = volume.is_some_and(|volume| {
                volume.attachment_to(id).is_some_and(|attachment| attachment.state == AttachmentState::Attached)
            });
            prop_assert!(holds);
        }
        Ok(())
    }

    pub(super) fn the_promotion_keeps_the_rules(
        &self,
        current_volumes: &BTreeMap<VolumeName, CurrentVolume>,
    ) -> Result<(), TestCaseError> {
        let failover = self.ledger.failover.as_ref().unwrap();
        prop_assert!(!matches!(failover.fence, FenceState::Open { .. }), "promoted before the fence");
        prop_assert!(!failover.is_promoted());
        let target = self.world.instances.get(&failover.to.as_ref().unwrap().instance_id);
        prop_assert!(target.is_some_and(|instance| instance.state == InstanceState::Running));
        prop_assert!(!self.is_going(&failover.to.as_ref().unwrap().instance_id), "the group takes it back");
        for (name, current) in current_volumes {
            let volume = self.world.volumes.get(&current.volume);
            let Some(volume) = volume else { return Err(TestCaseError::fail("promoted an unknown volume")) };
            prop_assert_eq!(&volume.zone, &failover.to.as_ref().unwrap().zone);
            prop_assert!(
                volume
                    .attachments
                    .iter()
                    .all(|attachment| attachment.instance == failover.to.as_ref().unwrap().instance_id),
                "never two actives"
            );
            let old = self.ledger.current_volumes.get(name).unwrap();
            let lineage = Lineage::of(&volume.tags);
            let of_this_fence = |id| {
                self.world.snapshots.get(id).is_some_and(|copy| {
                    copy.volume == old.volume
                        && copy.tags.get(tag::FENCE) == Some(&failover.fences.to_string())
                        && Lineage::of(&copy.tags).failover.as_ref() == Some(&failover.id)
                })
            };
            let newest = volume.restored_from.as_ref().is_some_and(of_this_fence);
            let older = volume.restored_from.is_some()
                && volume.restored_from.as_ref()
                    == failover.older_copies.as_ref().and_then(|it| it.snapshots.get(name));
            prop_assert!(
                current.volume == old.volume || (lineage.failover.as_ref() == Some(&failover.id) && (newest || older)),
                "promoted data of unknown age"
            );
        }
        Ok(())
    }
}
