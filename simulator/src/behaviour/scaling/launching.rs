//! One launch: in which zone, and how it fails.

use std::collections::BTreeMap;

use crate::model::instance::Launch;
use crate::model::scaling::activity::ActivityStatus;
use crate::model::scaling::group::Group;
use crate::model::scaling::hook::HookTransition;
use crate::model::scaling::member::{LifecycleState, Member};
use crate::model::scaling::template::{DEFAULT_VERSION, Template};
use crate::model::transition::ScalingStep;
use crate::state::State;
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

/// Why EC2 launched nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaunchRefusal {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) zone: String,
}

/// The tag by which EC2 shows an instance's group.
const GROUP_TAG: &str = "aws:autoscaling:groupName";

impl State {
    /// Launches one instance, in the zone given or in the one that the group chooses.
    pub(crate) fn try_launch(
        &mut self,
        name: &str,
        zone: Option<&str>,
        at: RegionTime,
    ) -> Result<String, LaunchRefusal> {
        let chosen = zone.map(str::to_owned).or_else(|| self.choose_zone(name));
        let Some(zone) = chosen else {
            let message = "The group has no Availability Zone.".to_owned();
            return Err(LaunchRefusal { code: "ValidationError".to_owned(), message, zone: String::new() });
        };
        let why = self.launch_reason(name);
        if let Err((code, message)) = self.check_launch(name, &zone, at) {
            let activity = self.begin_launch_activity(name, &zone, None, &why, at);
            let text = format!("{message} Launching EC2 instance failed.");
            self.end_activity(&activity, ActivityStatus::Failed, &text, at);
            self.emit_activity(&activity, "EC2 Instance Launch Unsuccessful", at);
            self.note_failed_launch(name, Some(&zone), at);
            return Err(LaunchRefusal { code, message, zone });
        }
        Ok(self.launch_member(name, &zone, &why, at))
    }

    fn launch_reason(&self, name: &str) -> String {
        let (desired, counted) =
            self.scaling.groups.get(name).map_or((0, 0), |group| (group.spec.size.desired, group.counted().count()));
        format!(
            "an instance was started in response to a difference between desired and actual capacity, increasing the capacity from {counted} to {}.",
            desired.max(counted + 1)
        )
    }

    /// AWS: the zone with the fewest instances, then the subnet with the most free addresses: among equals the region's seed decides. Zones that
    /// have just refused come last, unless the group is `balanced-only`.
    fn choose_zone(&mut self, name: &str) -> Option<String> {
        let group = self.scaling.groups.get(name)?;
        let elsewhere = !group.spec.balanced_only;
        let rank = |zone: &String| {
            let refused = elsewhere && group.attempts.refused_zones.contains(zone);
            (refused, group.counted().filter(|member| member.zone == *zone).count())
        };
        let best = group.spec.zones.iter().map(rank).min()?;
        let equals: Vec<String> = group.spec.zones.iter().filter(|zone| rank(zone) == best).cloned().collect();
        let index = self.scaling.chance.usize(..equals.len().max(1));
        equals.get(index).cloned()
    }

    fn check_launch(&mut self, name: &str, zone: &str, at: RegionTime) -> Result<(), (String, String)> {
        if let Some(left) = self.scaling.failing_launches.get_mut(name).filter(|left| **left > 0) {
            *left -= 1;
            return Err(("InternalError".to_owned(), "An internal error has occurred.".to_owned()));
        }
        let instance_type =
            self.scaling.groups.get(name).map(|group| group.spec.template.instance_type.clone()).unwrap_or_default();
        self.check_capacity(None, zone, &instance_type, at)
            .map_err(|error| (error.code.into_owned(), error.message))?;
        if self.zone_loss(zone).is_some() {
            // Assumed: a zone that is down refuses launches as one without capacity does.
            let message = format!(
                "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone})."
            );
            return Err(("InsufficientInstanceCapacity".to_owned(), message));
        }
        Ok(())
    }

    fn launch_member(&mut self, name: &str, zone: &str, why: &str, at: RegionTime) -> String {
        let launch = self.scaling.groups.get(name).map(|group| launch_of(group, zone));
        let Some(launch) = launch else { return String::new() };
        let reservation = self.scaling.ids.id("r");
        let (instance_type, image_id) = (launch.instance_type.clone(), launch.image_id.clone());
        let id = self.launch(launch, &reservation, at);
        let activity_id = self.begin_launch_activity(name, zone, Some(&id), why, at);
        self.set_activity(&activity_id, ActivityStatus::PreInService);
        let member = Member {
            instance_id: id.clone(),
            instance_type,
            image_id,
            zone: zone.to_owned(),
            state: LifecycleState::Pending,
            protected_from_scale_in: false,
            launched_at: at,
            in_service_at: None,
            unhealthy: None,
            leaving: None,
            queued_hooks: self.hooks_for(name, HookTransition::Launching),
            open_actions: Vec::new(),
            ready_at: None,
            noticed: false,
            impaired_until: None,
            activity_id,
        };
        self.join_group(name, member, at);
        if let Some(group) = self.scaling.groups.get_mut(name) {
            group.attempts.refused_zones.clear();
        }
        let wait = self.sample_scaling(self.timing.scaling.hook_delay);
        self.schedule_step(name, ScalingStep::LaunchHooks { instance: id.clone() }, at.after(wait));
        id
    }

    /// The next launch waits longer with every failure, unless another zone can be tried at once.
    pub(crate) fn note_failed_launch(&mut self, name: &str, zone: Option<&str>, at: RegionTime) {
        let timing = &self.timing.scaling;
        let (first, longest) = (timing.launch_retry_first_seconds, timing.launch_retry_longest_seconds);
        let reaction = self.sample_scaling(self.timing.scaling.reaction);
        let Some(group) = self.scaling.groups.get_mut(name) else { return };
        let attempts = &mut group.attempts;
        if let Some(zone) = zone {
            attempts.refused_zones.insert(zone.to_owned());
        }
        let untried = group.spec.zones.iter().any(|zone| !attempts.refused_zones.contains(zone));
        attempts.not_before = if zone.is_some() && untried && !group.spec.balanced_only {
            at.after(reaction)
        } else {
            attempts.failures += 1;
            attempts.refused_zones.clear();
            let doubled = f64::from(attempts.failures - 1).exp2();
            at.after(seconds_duration((first * doubled).min(longest)))
        };
        let not_before = attempts.not_before;
        self.wake_group(name, not_before);
    }
}

/// What EC2 is asked for: the template, the group's tags that propagate, and the tags that AWS adds.
pub(crate) fn launch_of(group: &Group, zone: &str) -> Launch {
    let Template { id, version, .. } = &group.spec.template;
    let template = group.spec.template.clone();
    let mut tags: BTreeMap<String, String> = template.tags;
    for (key, tag) in group.tags.iter().filter(|(_, tag)| tag.propagate_at_launch) {
        tags.insert(key.clone(), tag.value.clone());
    }
    tags.insert(GROUP_TAG.to_owned(), group.name.clone());
    if !id.is_empty() {
        tags.insert("aws:ec2launchtemplate:id".to_owned(), id.clone());
        let version = version.clone().unwrap_or_else(|| DEFAULT_VERSION.to_owned());
        tags.insert("aws:ec2launchtemplate:version".to_owned(), version);
    }
    Launch {
        zone: zone.to_owned(),
        instance_type: template.instance_type,
        image_id: template.image_id,
        tags,
        client_token: String::new(),
        user_data: template.user_data,
        disable_api_termination: template.disable_api_termination,
        disable_api_stop: template.disable_api_stop,
        terminate_on_shutdown: template.terminate_on_shutdown,
        workload: template.workload,
        mapping: template.mapping,
        profile: template.profile,
        metadata_tags: template.metadata_tags,
    }
}
