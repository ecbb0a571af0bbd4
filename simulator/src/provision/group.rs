//! Auto Scaling groups that exist from the start.

use std::collections::BTreeMap;

use crate::behaviour::scaling::launching::launch_of;
use crate::model::instance::InstanceState;
use crate::model::scaling::group::{GroupSpec, GroupTag, Maintenance, Size};
use crate::model::scaling::hook::Hook;
use crate::model::scaling::member::{LifecycleState, Member};
use crate::model::scaling::template::{LaunchTemplate, Template};
use crate::region::Region;
use crate::setup::group::GroupSetup;
use crate::setup::{DEFAULT_PROFILE, InstanceSetup, VolumeSetup};
use crate::state::State;
use crate::time::RegionTime;
use crate::truth::groups::GroupMember;

impl Region {
    /// Puts a group there; returns its name.
    pub fn add_group(&self, spec: GroupSetup) -> String {
        self.act(|state, now| state.add_group(spec, now))
    }

    /// The members of a group, oldest first; none if there is no such group.
    pub fn group_members(&self, name: &str) -> Vec<GroupMember> {
        self.lock().0.group_members(name)
    }
}

impl State {
    fn add_group(&mut self, setup: GroupSetup, now: RegionTime) -> String {
        let zones = if setup.zones.is_empty() { self.zones.keys().cloned().collect() } else { setup.zones };
        let template = self.add_template(&setup.name, &setup.instance, now);
        let [min, max, desired] = setup.sizes;
        let spec = GroupSpec {
            checks_ebs: setup.checks_ebs,
            grace_seconds: setup.health_check_grace_seconds,
            maintenance: setup.maintenance.map(|[min_healthy, max_healthy]| Maintenance { min_healthy, max_healthy }),
            balanced_only: setup.balanced_only,
            retain_abandoned: setup.retain_abandoned,
            ..GroupSpec::new(Size { min, max, desired }, zones, template)
        };
        let tag = |(key, value)| (key, GroupTag { value, propagate_at_launch: true });
        self.create_group(&setup.name, spec, setup.tags.into_iter().map(tag).collect(), now);
        self.suspend(&setup.name, &setup.suspended, now);
        for hook in setup.hooks {
            let hook = Hook {
                name: hook.name,
                transition: hook.transition,
                heartbeat_seconds: hook.heartbeat_seconds,
                default_result: hook.default_result,
                metadata: hook.metadata,
                target_arn: hook.target_arn,
                role_arn: None,
            };
            self.put_hook(&setup.name, hook, now);
        }
        if let Some(zone) = setup.first {
            self.add_first_member(&setup.name, &zone, setup.volumes, now);
        }
        setup.name
    }

    fn add_template(&mut self, name: &str, instance: &InstanceSetup, now: RegionTime) -> Template {
        let recipe = Template {
            image_id: "ami-0123456789abcdef0".to_owned(),
            instance_type: instance.instance_type.clone(),
            tags: instance.tags.clone(),
            workload: instance.workload.clone(),
            profile: Some(DEFAULT_PROFILE.to_owned()),
            metadata_tags: true,
            ..Template::default()
        };
        let template = LaunchTemplate {
            id: self.scaling.ids.id("lt"),
            name: name.to_owned(),
            created_at: now,
            tags: BTreeMap::new(),
            versions: vec![recipe],
            default_version: 1,
        };
        let resolved = template.resolve(Some("1")).unwrap_or_default();
        self.scaling.templates.0.insert(template.id.clone(), template);
        resolved
    }

    /// A member that has been in service for long.
    fn add_first_member(&mut self, name: &str, zone: &str, volumes: BTreeMap<String, VolumeSetup>, now: RegionTime) {
        let Some(launch) = self.scaling.groups.get(name).map(|group| launch_of(group, zone)) else { return };
        let reservation = self.scaling.ids.id("r");
        let (instance_type, image_id) = (launch.instance_type.clone(), launch.image_id.clone());
        let id = self.new_instance(launch, &reservation, now);
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.state = InstanceState::Running;
        }
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.up = true;
        }
        self.begin_settled_status_checks(&id, now);
        let member = Member {
            instance_id: id.clone(),
            instance_type,
            image_id,
            zone: zone.to_owned(),
            state: LifecycleState::InService,
            protected_from_scale_in: false,
            launched_at: now,
            in_service_at: Some(now),
            unhealthy: None,
            leaving: None,
            queued_hooks: std::collections::VecDeque::new(),
            open_actions: Vec::new(),
            ready_at: None,
            noticed: false,
            impaired_until: None,
            activity_id: String::new(),
        };
        self.join_group(name, member, now);
        for (device, volume) in volumes {
            let volume = self.add_volume(VolumeSetup { zone: zone.to_owned(), ..volume }, now);
            let attached = crate::model::volume::AttachmentState::Attached;
            self.put_attachment(&volume, &id, &device, attached, now);
        }
        self.settle_guests_at_once(now);
    }
}
