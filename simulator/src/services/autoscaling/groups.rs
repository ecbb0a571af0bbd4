//! Groups on the wire: create, update, delete.

use serde_json::Value;

use super::call::{Call, Done};
use super::{hooks, tags};
use crate::behaviour::scaling::errors::invalid;
use crate::model::scaling::group::{DeletionProtection, GroupSpec, Maintenance, Size};
use crate::model::scaling::template::Template;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

pub(super) fn create(call: &mut Call<'_>) -> Done {
    let name = call.required("AutoScalingGroupName")?.to_owned();
    if name.chars().count() > 255 || name.contains(':') {
        return Err(invalid("Invalid Auto Scaling group name"));
    }
    if call.state.scaling.groups.get(&name).is_some() {
        let message = "AutoScalingGroup by this name already exists - A group with the name ".to_owned()
            + &name
            + " already exists";
        return Err(ApiError::client("AlreadyExists", message));
    }
    let min = call.whole("MinSize")?.ok_or_else(|| call.input.missing("MinSize"))?;
    let max = call.whole("MaxSize")?.ok_or_else(|| call.input.missing("MaxSize"))?;
    let size = Size { min, max, desired: call.whole("DesiredCapacity")?.unwrap_or(min) }.check()?;
    let template = template(call)?.ok_or_else(|| invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter."))?;
    let (zones, by_subnet) =
        places(call)?.ok_or_else(|| invalid("At least one Availability Zone or VPC Subnet is required."))?;
    let mut spec = GroupSpec { by_subnet, ..GroupSpec::new(size, zones, template) };
    read_policies(call, &mut spec)?;
    let group_tags = tags::of_request(call, Some(&name))?.into_iter().map(|tag| (tag.key, tag.tag)).collect();
    let mut put = Vec::new();
    for entry in call.input.list("LifecycleHookSpecificationList")? {
        let hook = hooks::read(entry, None)?;
        hooks::check_target(call, &hook)?;
        put.push(hook);
    }
    let now = call.now;
    call.state.create_group(&name, spec, group_tags, now);
    for hook in put {
        call.state.put_hook(&name, hook, now);
    }
    Ok(Value::Null)
}

pub(super) fn update(call: &mut Call<'_>) -> Done {
    let name = call.group_name()?;
    let mut spec = call.state.require_group(&name)?.spec.clone();
    let min = call.whole("MinSize")?.unwrap_or(spec.size.min);
    let max = call.whole("MaxSize")?.unwrap_or(spec.size.max);
    // AWS: a desired capacity that is not given follows the bounds.
    let desired = call.whole("DesiredCapacity")?.unwrap_or_else(|| spec.size.desired.max(min).min(max.max(min)));
    spec.size = Size { min, max, desired }.check()?;
    if let Some(template) = template(call)? {
        spec.template = template;
    }
    if let Some((zones, by_subnet)) = places(call)? {
        (spec.zones, spec.by_subnet) = (zones, by_subnet);
    }
    read_policies(call, &mut spec)?;
    let now = call.now;
    call.state.update_group(&name, spec, now);
    Ok(Value::Null)
}

pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let name = call.group_name()?;
    let force = call.input.boolean("ForceDelete")?.unwrap_or(false);
    let now = call.now;
    call.state.delete_group(&name, force, now)?;
    Ok(Value::Null)
}

/// The launch template that the call names, at its version.
fn template(call: &Call<'_>) -> Result<Option<Template>, ApiError> {
    let Some(given) = call.input.structure("LaunchTemplate")? else { return Ok(None) };
    let templates = &call.state.scaling.templates;
    let (found, named) = match (given.text("LaunchTemplateId")?, given.text("LaunchTemplateName")?) {
        (Some(id), None) => (templates.0.get(id), format!("template ID {id}")),
        (None, Some(name)) => (templates.by_name(name), format!("template name {name}")),
        _ => {
            return Err(invalid("Valid requests must contain either launchTemplateId or LaunchTemplateName"));
        }
    };
    let found = found.ok_or_else(|| {
        invalid(format!("You must use a valid fully-formed launch template. The specified launch template, with {named}, does not exist."))
    })?;
    let version = given.text("Version")?;
    found.resolve(version).map(Some).ok_or_else(|| {
        invalid(format!(
            "You must use a valid fully-formed launch template. Could not find launch template version {} for {named}.",
            version.unwrap_or_default()
        ))
    })
}

/// The zones that the call names, and whether it does so by subnets.
fn places(call: &Call<'_>) -> Result<Option<(Vec<String>, bool)>, ApiError> {
    let zones = &call.state.zones;
    let named = call.input.texts("AvailabilityZones")?;
    if let Some(unknown) = named.iter().find(|name| !zones.contains_key(**name)) {
        return Err(invalid(format!("Invalid availability zones: [{unknown}]")));
    }
    let mut by_subnet = Vec::new();
    let list = call.input.text("VPCZoneIdentifier")?.unwrap_or_default();
    for subnet in list.split(',').map(str::trim).filter(|subnet| !subnet.is_empty()) {
        let zone = zones.values().find(|zone| zone.subnet_id == subnet);
        by_subnet.push(
            zone.map(|zone| zone.name.clone())
                .ok_or_else(|| invalid(format!("The subnet ID '{subnet}' does not exist")))?,
        );
    }
    if !by_subnet.is_empty() {
        if named.iter().any(|name| !by_subnet.iter().any(|zone| zone == name)) {
            return Err(invalid(
                "The availability zones of the specified subnets and the Auto Scaling group do not match",
            ));
        }
        return Ok(Some((sorted(by_subnet), true)));
    }
    let named: Vec<String> = named.into_iter().map(str::to_owned).collect();
    Ok(Some(named).filter(|named| !named.is_empty()).map(|named| (sorted(named), false)))
}

fn sorted(mut zones: Vec<String>) -> Vec<String> {
    zones.sort();
    zones.dedup();
    zones
}

/// What both create and update can set.
fn read_policies(call: &Call<'_>, spec: &mut GroupSpec) -> Result<(), ApiError> {
    let seconds = |name: &str| {
        let value = call.whole(name)?;
        value.map(|value| u32::try_from(value).map_err(|_| invalid(format!("{name} is too large")))).transpose()
    };
    if let Some(kinds) = call.input.text("HealthCheckType")? {
        spec.checks_ebs = checks_ebs(kinds)?;
    }
    spec.grace_seconds = seconds("HealthCheckGracePeriod")?.unwrap_or(spec.grace_seconds);
    spec.default_cooldown_seconds = seconds("DefaultCooldown")?.unwrap_or(spec.default_cooldown_seconds);
    spec.new_instances_protected =
        call.input.boolean("NewInstancesProtectedFromScaleIn")?.unwrap_or(spec.new_instances_protected);
    if let Some(lifetime) = seconds("MaxInstanceLifetime")? {
        // AWS: a day at least; zero takes the limit away.
        if lifetime != 0 && lifetime < 86_400 {
            return Err(invalid("Maximum instance lifetime must be equal to 0 or between 86400 and 31536000 seconds."));
        }
        spec.max_lifetime_seconds = (lifetime != 0).then_some(lifetime);
    }
    if let Some(policy) = call.input.structure("InstanceMaintenancePolicy")? {
        spec.maintenance = maintenance(policy)?;
    }
    if let Some(distribution) = call.input.structure("AvailabilityZoneDistribution")? {
        spec.balanced_only = match distribution.text("CapacityDistributionStrategy")? {
            None | Some("balanced-best-effort") => false,
            Some("balanced-only") => true,
            Some(other) => {
                return Err(invalid(format!("{other} is not a capacity distribution strategy that is modelled here")));
            }
        };
    }
    if let Some(policy) = call.input.structure("InstanceLifecyclePolicy")? {
        let triggers = policy.structure("RetentionTriggers")?;
        spec.retain_abandoned = match triggers.map_or(Ok(None), |triggers| triggers.text("TerminateHookAbandon"))? {
            None | Some("terminate") => false,
            Some("retain") => true,
            Some(other) => return Err(invalid(format!("Invalid value '{other}' for TerminateHookAbandon"))),
        };
    }
    if let Some(kind) = call.input.text("DeletionProtection")? {
        spec.deletion_protection = DeletionProtection::from_name(kind)
            .ok_or_else(|| invalid(format!("Invalid value '{kind}' for DeletionProtection")))?;
    }
    Ok(())
}

/// A comma-separated list; `EC2` is always meant. Load balancers do not exist here.
fn checks_ebs(kinds: &str) -> Result<bool, ApiError> {
    let mut ebs = false;
    for kind in kinds.split(',').map(str::trim) {
        match kind {
            "EC2" => {}
            "EBS" => ebs = true,
            other => return Err(invalid(format!("Invalid or not modelled health check type: {other}"))),
        }
    }
    Ok(ebs)
}

/// AWS: both or none, 100 points apart at most; -1 takes the policy away.
fn maintenance(policy: Input<'_>) -> Result<Option<Maintenance>, ApiError> {
    let (Some(min), Some(max)) = (policy.integer("MinHealthyPercentage")?, policy.integer("MaxHealthyPercentage")?)
    else {
        return Err(invalid("You must specify both MinHealthyPercentage and MaxHealthyPercentage."));
    };
    if (min, max) == (-1, -1) {
        return Ok(None);
    }
    if !(0..=100).contains(&min) || !(100..=200).contains(&max) || max - min > 100 {
        return Err(invalid(
            "MinHealthyPercentage must be 0 to 100, MaxHealthyPercentage 100 to 200, and their difference at most 100.",
        ));
    }
    let whole = |percent| usize::try_from(percent).unwrap_or_default();
    Ok(Some(Maintenance { min_healthy: whole(min), max_healthy: whole(max) }))
}
