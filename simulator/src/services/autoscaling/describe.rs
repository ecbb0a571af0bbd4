//! Groups, their instances and activities as describes show them.

use serde_json::{Value, json};

use super::call::{Call, Done, PageSize};
use super::tags;
use crate::behaviour::scaling::errors::invalid;
use crate::model::scaling::activity::Activity;
use crate::model::scaling::group::Group;
use crate::model::scaling::member::Member;
use crate::model::scaling::template::Template;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::state::State;
use crate::time::{RegionTime, timestamp};

/// One filter of `DescribeAutoScalingGroups`.
struct Filter<'a> {
    name: &'a str,
    values: Vec<&'a str>,
}

impl Filter<'_> {
    fn passes(&self, group: &Group) -> bool {
        let mut tags = group.tags.iter();
        match self.name {
            "tag-key" => tags.any(|(key, _)| self.values.contains(&key.as_str())),
            "tag-value" => tags.any(|(_, tag)| self.values.contains(&tag.value.as_str())),
            name => {
                let key = name.strip_prefix("tag:").unwrap_or(name);
                group.tags.get(key).is_some_and(|tag| self.values.contains(&tag.value.as_str()))
            }
        }
    }
}

fn filters<'a>(input: Input<'a>) -> Result<Vec<Filter<'a>>, ApiError> {
    let read = |entry: Input<'a>| {
        let name = entry.required_text("Name")?;
        if !matches!(name, "tag-key" | "tag-value") && !name.starts_with("tag:") {
            return Err(invalid(format!(
                "Filter type {name} is not correct. Allowed Filter types are: tag-key tag-value tag:<key>"
            )));
        }
        Ok(Filter { name, values: entry.texts("Values")? })
    };
    input.list("Filters")?.into_iter().map(read).collect()
}

pub(super) fn groups(call: &mut Call<'_>) -> Done {
    let names = call.input.texts("AutoScalingGroupNames")?;
    let filters = filters(call.input)?;
    let with_instances = call.input.boolean("IncludeInstances")?.unwrap_or(true);
    // AWS: names that do not exist are left out, without an error.
    let asked = |group: &Group| names.is_empty() || names.contains(&group.name.as_str());
    let groups = call.state.scaling.groups.seen_all(call.as_of).map(|(_, group)| group);
    let found: Vec<&Group> =
        groups.filter(|group| asked(group) && filters.iter().all(|filter| filter.passes(group))).collect();
    let (page, token) = call.page(found, PageSize::GROUPS, |group| group.name.clone())?;
    let shown: Vec<Value> = page.into_iter().map(|group| show_group(call.state, group, with_instances)).collect();
    Ok(json!({"AutoScalingGroups": shown, "NextToken": token}))
}

fn show_group(state: &State, group: &Group, with_instances: bool) -> Value {
    let spec = &group.spec;
    let subnets: Vec<&str> =
        spec.zones.iter().filter_map(|zone| state.zones.get(zone)).map(|zone| zone.subnet_id.as_str()).collect();
    let members: Vec<Value> = if with_instances {
        group.members.values().map(|member| show_member(group, member, false)).collect()
    } else {
        Vec::new()
    };
    let suspended: Vec<Value> = group
        .suspended
        .iter()
        .map(|process| json!({"ProcessName": process.name(), "SuspensionReason": "User suspended"}))
        .collect();
    let maintenance = spec
        .maintenance
        .map(|policy| json!({"MinHealthyPercentage": policy.min_healthy, "MaxHealthyPercentage": policy.max_healthy}));
    let strategy = if spec.balanced_only { "balanced-only" } else { "balanced-best-effort" };
    json!({
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "LaunchTemplate": show_template(&spec.template),
        "MinSize": spec.size.min,
        "MaxSize": spec.size.max,
        "DesiredCapacity": spec.size.desired,
        "DefaultCooldown": spec.default_cooldown_seconds,
        "AvailabilityZones": spec.zones,
        "LoadBalancerNames": [],
        "TargetGroupARNs": [],
        "HealthCheckType": if spec.checks_ebs { "EC2,EBS" } else { "EC2" },
        "HealthCheckGracePeriod": spec.grace_seconds,
        "Instances": members,
        "CreatedTime": time(state, group.created_at),
        "SuspendedProcesses": suspended,
        "VPCZoneIdentifier": if spec.by_subnet { subnets.join(",") } else { String::new() },
        "EnabledMetrics": [],
        "Status": group.deleting.then_some("Delete in progress"),
        "Tags": tags::shown(group),
        "TerminationPolicies": ["Default"],
        "NewInstancesProtectedFromScaleIn": spec.new_instances_protected,
        "MaxInstanceLifetime": spec.max_lifetime_seconds,
        "InstanceMaintenancePolicy": maintenance,
        "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": strategy},
        "InstanceLifecyclePolicy": {
            "RetentionTriggers": {"TerminateHookAbandon": if spec.retain_abandoned { "retain" } else { "terminate" }},
        },
        "DeletionProtection": spec.deletion_protection.name(),
        "CapacityRebalance": false,
        "TrafficSources": [],
    })
}

fn time(state: &State, at: RegionTime) -> String {
    timestamp(state.clock.wall(at))
}

fn show_template(template: &Template) -> Value {
    json!({
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "Version": template.version,
    })
}

/// A member; `DescribeAutoScalingInstances` names its group and writes the health in capitals.
fn show_member(group: &Group, member: &Member, alone: bool) -> Value {
    let health = if alone { member.health().to_uppercase() } else { member.health().to_owned() };
    let mut shown = json!({
        "InstanceId": member.instance_id,
        "InstanceType": member.instance_type,
        "AvailabilityZone": member.zone,
        "LifecycleState": member.state.name(),
        "HealthStatus": health,
        "LaunchTemplate": show_template(&group.spec.template),
        "ImageId": member.image_id,
        "ProtectedFromScaleIn": member.protected_from_scale_in,
    });
    if alone {
        shown["AutoScalingGroupName"] = json!(group.name);
    }
    shown
}

pub(super) fn instances(call: &mut Call<'_>) -> Done {
    let ids = call.input.texts("InstanceIds")?;
    if ids.len() > 50 {
        return Err(invalid("The number of instance ids exceeds the limit of 50"));
    }
    let groups = call.state.scaling.groups.seen_all(call.as_of).map(|(_, group)| group);
    let mut found: Vec<(&Group, &Member)> =
        groups.flat_map(|group| group.members.values().map(move |member| (group, member))).collect();
    found.retain(|(_, member)| ids.is_empty() || ids.contains(&member.instance_id.as_str()));
    found.sort_by(|(_, one), (_, other)| one.instance_id.cmp(&other.instance_id));
    let (page, token) = call.page(found, PageSize::INSTANCES, |(_, member)| member.instance_id.clone())?;
    let shown: Vec<Value> = page.into_iter().map(|(group, member)| show_member(group, member, true)).collect();
    Ok(json!({"AutoScalingInstances": shown, "NextToken": token}))
}

pub(super) fn activities(call: &mut Call<'_>) -> Done {
    let ids = call.input.texts("ActivityIds")?;
    let group = call.input.text("AutoScalingGroupName")?;
    let deleted_too = call.input.boolean("IncludeDeletedGroups")?.unwrap_or(false);
    if let Some(name) = group.filter(|_| !deleted_too) {
        call.state.require_group(name)?;
    }
    let passes = |activity: &&Activity| {
        (ids.is_empty() || ids.contains(&activity.id.as_str()))
            && group.is_none_or(|name| activity.group == name)
            && (deleted_too || call.state.scaling.groups.get(&activity.group).is_some())
    };
    let found: Vec<&Activity> = call.state.scaling.activities.newest_first().filter(passes).collect();
    // The newest come first: the key falls as the number grows.
    let key = |activity: &&Activity| format!("{:020}", u64::MAX - activity.number);
    let (page, token) = call.page(found, PageSize::ACTIVITIES, key)?;
    let shown: Vec<Value> = page.into_iter().map(|activity| show_activity(call.state, activity)).collect();
    Ok(json!({"Activities": shown, "NextToken": token}))
}

/// One activity, also as the answer of operations that begin one.
pub(super) fn show_activity(state: &State, activity: &Activity) -> Value {
    let subnet = state.zones.get(&activity.zone).map(|zone| zone.subnet_id.clone());
    let details = json!({"Subnet ID": subnet, "Availability Zone": activity.zone}).to_string();
    json!({
        "ActivityId": activity.id,
        "AutoScalingGroupName": activity.group,
        "AutoScalingGroupARN": activity.group_arn,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": time(state, activity.started_at),
        "EndTime": activity.ended_at.map(|at| time(state, at)),
        "StatusCode": activity.status.name(),
        "StatusMessage": Some(&activity.message).filter(|message| !message.is_empty()),
        "Progress": activity.status.progress_percent(),
        "Details": details,
    })
}
