//! What the truth takes from the region's state: its groups, and the resources that exist.

use crate::model::scaling::hook::HookTransition;
use crate::model::scaling::member::Member;
use crate::state::State;
use crate::truth::Resource;
use crate::truth::groups::{GroupMember, GroupTruth, WaitingHook};

impl State {
    pub(crate) fn group_members(&self, name: &str) -> Vec<GroupMember> {
        let members = self.scaling.groups.get(name).map(|group| group.by_age());
        let shown = |member: &Member| GroupMember {
            instance: member.instance_id.clone(),
            zone: member.zone.clone(),
            lifecycle_state: member.state.name(),
            health_status: member.health(),
            launched_at: member.launched_at,
        };
        members.into_iter().flatten().map(shown).collect()
    }

    pub(crate) fn group_truth(&self) -> GroupTruth {
        let names: Vec<String> = self.scaling.groups.ids();
        let mut waiting_hooks = Vec::new();
        for (name, group) in self.scaling.groups.iter() {
            for member in group.members.values() {
                let transition =
                    if member.state.is_pending() { HookTransition::Launching } else { HookTransition::Terminating };
                waiting_hooks.extend(member.open_actions.iter().map(|action| WaitingHook {
                    group: name.to_owned(),
                    hook: action.hook.clone(),
                    instance: member.instance_id.clone(),
                    token: action.token.clone(),
                    transition: transition.name(),
                    since: action.since,
                    expires_at: action.expires_at,
                    heartbeats: action.heartbeats,
                }));
            }
        }
        waiting_hooks.sort_by(|one, other| (one.since, &one.token).cmp(&(other.since, &other.token)));
        GroupTruth {
            members: names.into_iter().map(|name| (name.clone(), self.group_members(&name))).collect(),
            waiting_hooks,
            timed_out_hooks: self.scaling.timed_out.clone(),
        }
    }

    /// Volumes and snapshots, for leak checks.
    pub(crate) fn resources(&self) -> Vec<Resource> {
        let volumes = self.volumes.iter().map(|(id, volume)| Resource {
            id: id.to_owned(),
            kind: "volume",
            state: volume.state.name(),
            tags: volume.tags.clone(),
            size_gib: volume.size_gib,
            iops: volume.iops,
            attached_to: volume.attachment.as_ref().map(|attachment| attachment.instance_id.clone()),
            data: self.truth.data_of(id).cloned(),
        });
        let snapshots = self.snapshots.iter().map(|(id, snapshot)| Resource {
            id: id.to_owned(),
            kind: "snapshot",
            state: snapshot.state.name(),
            tags: snapshot.tags.clone(),
            size_gib: snapshot.volume_size_gib,
            iops: None,
            attached_to: None,
            data: self.truth.data_of(id).cloned(),
        });
        volumes.chain(snapshots).collect()
    }
}
