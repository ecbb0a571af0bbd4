//! Auto Scaling groups that exist from the start.

use std::collections::{BTreeMap, BTreeSet};

use crate::laws::instance::InstanceState;
pub use crate::laws::scaling::group::Process;
use crate::laws::scaling::group::{GroupSpec, GroupTag, Maintenance, Size, Template};
use crate::laws::scaling::hooks::Hook;
pub use crate::laws::scaling::hooks::{HookResult, HookTransition};
use crate::laws::scaling::launching::launch_of;
use crate::laws::scaling::member::{LifecycleState, Member};
use crate::laws::scaling::templates::LaunchTemplate;
use crate::region::Region;
use crate::setup::{DEFAULT_PROFILE, InstanceSetup, VolumeSetup};
use crate::state::State;
use crate::time::RegionTime;
use crate::truth::groups::GroupMember;

/// An Auto Scaling group, with its launch template.
#[derive(Debug, Clone)]
pub struct GroupSetup {
    /// Its name.
    pub name: String,
    /// Its zones; none means all of the region's.
    pub zones: Vec<String>,
    /// Least, most and desired number of instances.
    pub sizes: [usize; 3],
    /// What its instances are like: type, tags and workload; the zone and whether it runs are the group's to decide.
    pub instance: InstanceSetup,
    /// Its tags, which its instances carry, too.
    pub tags: BTreeMap<String, String>,
    /// Its hooks.
    pub hooks: Vec<HookSetup>,
    /// Minimum and maximum healthy percentage of its instance maintenance policy.
    pub maintenance: Option<[usize; 2]>,
    /// How long after an instance got into service its failed status checks do not count.
    pub health_check_grace_seconds: u32,
    /// `EC2,EBS` instead of `EC2`.
    pub checks_ebs: bool,
    /// `balanced-only` instead of `balanced-best-effort`.
    pub balanced_only: bool,
    /// `TerminateHookAbandon=retain` instead of `terminate`.
    pub retain_abandoned: bool,
    /// Suspended processes.
    pub suspended: BTreeSet<Process>,
    /// The zone of an instance that is in service from the start; without it the group's own loop launches the first.
    pub first: Option<String>,
    /// Volumes that are attached to that instance from the start, by device name. They are made in its zone.
    pub volumes: BTreeMap<String, VolumeSetup>,
}

impl Default for GroupSetup {
    fn default() -> Self {
        Self {
            name: "group".to_owned(),
            zones: Vec::new(),
            sizes: [1, 1, 1],
            instance: InstanceSetup::default(),
            tags: BTreeMap::new(),
            hooks: Vec::new(),
            maintenance: None,
            health_check_grace_seconds: 0,
            checks_ebs: false,
            balanced_only: false,
            retain_abandoned: false,
            suspended: BTreeSet::new(),
            first: None,
            volumes: BTreeMap::new(),
        }
    }
}

/// A lifecycle hook.
#[derive(Debug, Clone)]
pub struct HookSetup {
    /// Its name.
    pub name: String,
    /// What it holds back.
    pub transition: HookTransition,
    /// 30 to 7200.
    pub heartbeat_seconds: u32,
    /// What a time-out counts as.
    pub default_result: HookResult,
    /// The topic that is told, too.
    pub target_arn: Option<String>,
    /// What its messages carry.
    pub metadata: Option<String>,
}

impl HookSetup {
    /// A launch hook with AWS's defaults: an hour, then `ABANDON`.
    pub fn launching(name: &str) -> Self {
        Self::new(name, HookTransition::Launching)
    }

    /// A terminate hook with AWS's defaults: an hour, then `ABANDON`.
    pub fn terminating(name: &str) -> Self {
        Self::new(name, HookTransition::Terminating)
    }

    fn new(name: &str, transition: HookTransition) -> Self {
        Self {
            name: name.to_owned(),
            transition,
            heartbeat_seconds: 3600,
            default_result: HookResult::Abandon,
            target_arn: None,
            metadata: None,
        }
    }
}

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
            let attached = crate::laws::volume::AttachmentState::Attached;
            self.put_attachment(&volume, &id, &device, attached, now);
        }
        self.settle_guests_at_once(now);
    }
}
