//! What holds for groups: their hooks, their subnets, their instances, and the very first volume.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::Case;
use crate::agent::AgentState;
use crate::group::{Group, HookResult, Lifecycle, Transition};
use crate::ids::{GroupName, HookName, InstanceId, VolumeId, VolumeName, Zone};
use crate::ledger::{Attempt, Cause, Failover, FenceState};
use crate::step::{Step, StepKey};
use crate::world::{AttachmentState, Lineage, Listing, Part, Sight, tag};

/// Read to the end, with nothing in it that could not be read.
fn is_whole<K: Ord, V>(listing: &Listing<K, V>) -> bool {
    listing.is_complete() && listing.items.values().all(|observed| observed.known().is_some())
}

impl Case {
    /// The service's group: the one that the spec names, or the only one there is.
    pub(super) fn the_group(&self) -> Option<(&GroupName, &Group)> {
        let groups = &self.world.groups;
        match &self.spec.group.name {
            Some(name) => groups.iter_known().find(|(known, _)| *known == name),
            None if is_whole(groups) && groups.items.len() == 1 => groups.iter_known().next(),
            None => None,
        }
    }

    pub(super) fn is_going(&self, id: &InstanceId) -> bool {
        let lifecycle = self.the_group().and_then(|(_, group)| group.members.get(id)).map(|member| &member.lifecycle);
        lifecycle.is_some_and(Lifecycle::is_going)
    }

    /// Takes over, or is about to: the old active serves no more.
    fn unpromoted(&self) -> Option<&Failover> {
        self.ledger.failover.as_ref().filter(|failover| !failover.is_promoted())
    }

    pub(super) fn is_an_operators_move(&self) -> bool {
        self.unpromoted().is_some_and(|failover| {
            matches!(failover.cause, Cause::Operator(_)) && failover.planned && !failover.has_begun_to_fence()
        })
    }

    fn attempt(&self, key: &StepKey) -> Option<&Attempt> {
        match &self.ledger.failover {
            Some(failover) => failover.attempts.get(key),
            None => self.ledger.maintenance.get(key),
        }
    }

    /// The group will not hold it for much longer.
    fn is_worn_out(&self, hook: &HookName, instance: &InstanceId) -> bool {
        let key = StepKey(format!("extend-hook {hook}@{instance}"));
        self.attempt(&key).is_some_and(|attempt| {
            attempt.tries >= 95 || self.now.duration_since(attempt.first_at) >= SignedDuration::from_hours(47)
        })
    }

    fn is_ours(&self, hook: &HookName) -> bool {
        let named = &self.spec.group.hooks;
        if named.is_empty() { hook.as_str().starts_with("failover") } else { named.contains(hook) }
    }

    pub(super) fn the_group_step_keeps_the_rules(&self, step: &Step) -> Result<(), TestCaseError> {
        if let Step::CreateBlank { name, zone, .. } = step {
            return self.the_first_volume_keeps_the_rules(name, zone);
        }
        let (Step::CompleteHook { group, .. }
        | Step::ExtendHook { group, .. }
        | Step::ReplaceMember { group, .. }
        | Step::SetSubnets { group, .. }) = step
        else {
            return Err(TestCaseError::fail(format!("{step} is covered by no rule")));
        };
        let seen = self.the_group();
        prop_assert_eq!(seen.map(|(name, _)| name), Some(group), "whose group is it?");
        prop_assert!(self.is_fresh(Part::Groups));
        match step {
            Step::CompleteHook { hook, instance, result, .. } => {
                self.the_hook_may_be_touched(hook, instance)?;
                match (self.transition(hook), result) {
                    (Transition::Terminating, _) => self.the_termination_keeps_the_rules(instance),
                    (Transition::Launching, HookResult::Continue) => self.the_launch_keeps_the_rules(instance),
                    (Transition::Launching, HookResult::Abandon) => {
                        let failover = self.ledger.failover.as_ref();
                        let excluded = failover.is_some_and(|failover| failover.excluded.contains_key(instance));
                        prop_assert!(excluded || self.is_worn_out(hook, instance), "abandoned for nothing");
                        Ok(())
                    }
                }
            }
            Step::ExtendHook { hook, instance, .. } => self.the_hook_may_be_touched(hook, instance),
            Step::ReplaceMember { instance, .. } => {
                prop_assert!(self.is_an_operators_move(), "nobody asked for it");
                prop_assert_eq!(Some(instance), self.unpromoted().map(|failover| &failover.from.instance_id));
                Ok(())
            }
            Step::SetSubnets { subnets, .. } => {
                let puts_back = self.ledger.failover.is_none() && self.ledger.subnets_before.as_ref() == Some(subnets);
                prop_assert!(self.is_an_operators_move() || puts_back, "the group's subnets are its owner's");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn transition(&self, hook: &HookName) -> Transition {
        self.the_group().unwrap().1.hooks[hook].transition
    }

    /// It is ours, and it holds the instance now.
    fn the_hook_may_be_touched(&self, hook: &HookName, instance: &InstanceId) -> Result<(), TestCaseError> {
        let (_, group) = self.the_group().unwrap();
        prop_assert!(self.is_ours(hook), "{hook} is somebody else's");
        let waits_in = group.hooks.get(hook).map(|hook| match hook.transition {
            Transition::Launching => Lifecycle::PendingWait,
            Transition::Terminating => Lifecycle::TerminatingWait,
        });
        prop_assert_eq!(group.members.get(instance).map(|member| &member.lifecycle), waits_in.as_ref());
        Ok(())
    }

    fn may_hold(&self, volume: &VolumeId, instance: &InstanceId) -> bool {
        match self.world.volumes.sight(volume) {
            Sight::Known(volume) => volume.attachment_to(instance).is_some(),
            Sight::Absent => false,
            Sight::Unknown(_) => true,
        }
    }

    fn the_termination_keeps_the_rules(&self, instance: &InstanceId) -> Result<(), TestCaseError> {
        prop_assert!(self.is_fresh(Part::Volumes));
        let kept =
            self.ledger.current_volumes.values().map(|current| &current.volume).chain(self.ledger.superseded.keys());
        for volume in kept {
            prop_assert!(!self.may_hold(volume, instance), "it would take {volume} along");
        }
        match self.unpromoted() {
            None => prop_assert_ne!(instance, &self.ledger.active, "it serves"),
            Some(failover) if failover.from.instance_id == *instance => {
                let open = matches!(failover.fence, FenceState::Open { .. });
                prop_assert!(!open || self.ledger.current_volumes.is_empty(), "its data may still be written to");
                prop_assert!(failover.has_begun_to_fence() || !failover.planned, "it serves on");
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn the_launch_keeps_the_rules(&self, instance: &InstanceId) -> Result<(), TestCaseError> {
        prop_assert!([Part::Volumes, Part::Addresses, Part::Agents].into_iter().all(|part| self.is_fresh(part)));
        prop_assert!(*instance == self.ledger.active && self.unpromoted().is_none(), "another serves");
        prop_assert!(self.ledger.uninitialized.is_empty());
        for current in self.ledger.current_volumes.values() {
            let attachment = self.world.volumes.get(&current.volume).and_then(|volume| volume.attachment_to(instance));
            prop_assert_eq!(attachment.map(|attachment| attachment.state), Some(AttachmentState::Attached));
        }
        for address in &self.ledger.addresses {
            let leads_to = self.world.addresses.get(address).and_then(|address| address.instance.as_ref());
            prop_assert_eq!(leads_to, Some(instance));
        }
        match self.world.agents.sight(instance) {
            Sight::Known(report) => {
                prop_assert!(report.state == AgentState::Ready && report.epoch >= self.ledger.epoch);
            }
            Sight::Absent => {}
            Sight::Unknown(_) => return Err(TestCaseError::fail("its agent may know better")),
        }
        Ok(())
    }

    fn the_first_volume_keeps_the_rules(&self, name: &VolumeName, zone: &Zone) -> Result<(), TestCaseError> {
        prop_assert!(self.ledger.failover.is_none() && self.ledger.uninitialized.contains(name));
        prop_assert_eq!(zone, &self.ledger.active_zone);
        prop_assert!(is_whole(&self.world.volumes) && is_whole(&self.world.snapshots), "a copy may be out of sight");
        prop_assert!(self.is_fresh(Part::Volumes) && self.is_fresh(Part::Snapshots));
        let of_it = |tags| Lineage::of(tags).name.as_ref() == Some(name);
        prop_assert!(!self.world.snapshots.iter_known().any(|(_, copy)| of_it(&copy.tags)), "there is a copy");
        for (id, volume) in self.world.volumes.iter_known().filter(|(_, volume)| of_it(&volume.tags)) {
            // Empty as well: lost, or in the zone of an instance that was lost before anything was written.
            let blank = volume.tags.get(tag::ROLE).is_some_and(|role| role == "blank");
            let elsewhere = volume.zone != *zone || self.ledger.superseded.contains_key(id);
            prop_assert!(blank && (volume.is_lost() || elsewhere), "{id} holds it");
        }
        Ok(())
    }

    /// Wherever the controller comes to rest, every hook of ours was extended or completed, or is past all help.
    pub(super) fn no_hook_is_forgotten(&self) -> Result<(), TestCaseError> {
        let Some((_, group)) = self.the_group().filter(|_| self.is_group()) else { return Ok(()) };
        for (instance, member) in &group.members {
            let transition = match member.lifecycle {
                Lifecycle::PendingWait => Transition::Launching,
                Lifecycle::TerminatingWait => Transition::Terminating,
                _ => continue,
            };
            let holding = group.hooks.iter().filter(|(name, hook)| hook.transition == transition && self.is_ours(name));
            for (hook, _) in holding {
                let tried = ["extend-hook", "complete-hook", "abandon-hook"]
                    .into_iter()
                    .any(|kind| self.attempt(&StepKey(format!("{kind} {hook}@{instance}"))).is_some());
                prop_assert!(tried, "{hook} of {instance} is left to time out");
            }
        }
        Ok(())
    }
}
