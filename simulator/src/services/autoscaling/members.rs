//! What callers do with the members and processes of a group.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::call::{Call, Done};
use super::describe::show_activity;
use crate::behaviour::scaling::errors::invalid;
use crate::model::scaling::member::RemovalCause;
use crate::model::scaling::process::Process;
use crate::protocol::error::ApiError;
use crate::state::scaling::MadeBefore;

pub(super) fn set_desired_capacity(call: &mut Call<'_>) -> Done {
    let group = call.group_name()?;
    let desired = call.whole("DesiredCapacity")?.ok_or_else(|| call.input.missing("DesiredCapacity"))?;
    let now = call.now;
    call.state.set_desired_capacity(&group, desired, now)?;
    Ok(Value::Null)
}

pub(super) fn set_health(call: &mut Call<'_>) -> Done {
    let instance = call.required("InstanceId")?;
    let healthy = match call.required("HealthStatus")? {
        "Healthy" => true,
        "Unhealthy" => false,
        _ => return Err(invalid("Health status must be one of the following: Healthy, Unhealthy")),
    };
    let respect_grace = call.input.boolean("ShouldRespectGracePeriod")?.unwrap_or(true);
    let group = call.state.require_member(instance)?;
    let now = call.now;
    call.state.set_instance_health(&group, instance, healthy, respect_grace, now);
    Ok(Value::Null)
}

pub(super) fn terminate(call: &mut Call<'_>) -> Done {
    let decrement = call
        .input
        .boolean("ShouldDecrementDesiredCapacity")?
        .ok_or_else(|| call.input.missing("ShouldDecrementDesiredCapacity"))?;
    let several = call.input.texts("InstanceIds")?;
    let now = call.now;
    if several.is_empty() {
        let instance = call.required("InstanceId")?;
        let group = call.state.require_member(instance)?;
        let ended = call.state.terminate_members(&group, &[instance], decrement, now)?;
        let activity = ended.first().map(|activity| shown(call, activity));
        return Ok(json!({"Activity": activity}));
    }
    let group = call.group_name()?;
    let ended = call.state.terminate_members(&group, &once_each(several), decrement, now)?;
    Ok(json!({"Activities": all_shown(call, &ended)}))
}

/// An id that is named twice is meant once.
fn once_each(ids: Vec<&str>) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}

fn all_shown(call: &Call<'_>, activities: &[String]) -> Vec<Value> {
    activities.iter().map(|activity| shown(call, activity)).collect()
}

fn shown(call: &Call<'_>, activity_id: &str) -> Value {
    let activity = call.state.scaling.activities.get(activity_id);
    activity.map_or(Value::Null, |activity| show_activity(call.state, activity))
}

/// AWS: no name means all processes.
fn processes(call: &Call<'_>) -> Result<BTreeSet<Process>, ApiError> {
    let named = call.input.texts("ScalingProcesses")?;
    if named.is_empty() {
        return Ok(Process::ALL.into_iter().collect());
    }
    let read = |name: &str| {
        Process::from_name(name).ok_or_else(|| invalid(format!("Process name {name} is not valid. Valid process names are: Launch, Terminate, AddToLoadBalancer, AlarmNotification, AZRebalance, HealthCheck, InstanceRefresh, ReplaceUnhealthy, ScheduledActions")))
    };
    named.into_iter().map(read).collect()
}

pub(super) fn suspend(call: &mut Call<'_>) -> Done {
    let (group, processes, now) = (call.group_name()?, processes(call)?, call.now);
    call.state.suspend(&group, &processes, now);
    Ok(Value::Null)
}

pub(super) fn resume(call: &mut Call<'_>) -> Done {
    let (group, processes, now) = (call.group_name()?, processes(call)?, call.now);
    call.state.resume_processes(&group, &processes, now);
    Ok(Value::Null)
}

pub(super) fn set_protection(call: &mut Call<'_>) -> Done {
    let group = call.group_name()?;
    let ids = call.input.texts("InstanceIds")?;
    let protected =
        call.input.boolean("ProtectedFromScaleIn")?.ok_or_else(|| call.input.missing("ProtectedFromScaleIn"))?;
    if let Some(foreign) = ids.iter().find(|id| call.state.member(&group, id).is_none()) {
        return Err(invalid(format!("The instance {foreign} is not part of Auto Scaling group {group}.")));
    }
    for id in ids {
        if let Some(member) = call.state.change_member(&group, id, call.now) {
            member.protected_from_scale_in = protected;
        }
    }
    Ok(json!({}))
}

/// AWS: 20 instances a call.
const MOST_MOVED: usize = 20;

fn moved_ids<'a>(call: &Call<'a>) -> Result<Vec<&'a str>, ApiError> {
    let ids = call.input.texts("InstanceIds")?;
    if ids.is_empty() || ids.len() > MOST_MOVED {
        return Err(invalid("Between 1 and 20 instance ids must be specified"));
    }
    Ok(once_each(ids))
}

pub(super) fn enter_standby(call: &mut Call<'_>) -> Done {
    let (group, ids, now) = (call.group_name()?, moved_ids(call)?, call.now);
    let decrement = call
        .input
        .boolean("ShouldDecrementDesiredCapacity")?
        .ok_or_else(|| call.input.missing("ShouldDecrementDesiredCapacity"))?;
    let moved = call.state.enter_standby(&group, &ids, decrement, now)?;
    Ok(json!({"Activities": all_shown(call, &moved)}))
}

pub(super) fn exit_standby(call: &mut Call<'_>) -> Done {
    let (group, ids, now) = (call.group_name()?, moved_ids(call)?, call.now);
    let moved = call.state.exit_standby(&group, &ids, now)?;
    Ok(json!({"Activities": all_shown(call, &moved)}))
}

/// Replaces every instance, whatever it was launched from: `SkipMatching` and checkpoints are not modelled.
pub(super) fn start_refresh(call: &mut Call<'_>) -> Done {
    let (group, now) = (call.group_name()?, call.now);
    if !call.state.start_refresh(&group, RemovalCause::InstanceRefresh, now) {
        return Err(ApiError::client(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
        ));
    }
    Ok(json!({"InstanceRefreshId": call.state.scaling.ids.uuid()}))
}

pub(super) fn launch(call: &mut Call<'_>) -> Done {
    let (group, now) = (call.group_name()?, call.now);
    let token = call.required("ClientToken")?;
    let count = call.whole("RequestedCapacity")?.filter(|count| *count > 0);
    let count = count.ok_or_else(|| invalid("RequestedCapacity must be 1 at least"))?;
    let retries = match call.input.text("RetryStrategy")? {
        None | Some("none") => false,
        Some("retry-with-group-configuration") => true,
        Some(other) => return Err(invalid(format!("Invalid value '{other}' for RetryStrategy"))),
    };
    let zone = launch_zone(call, &group)?;
    let parameters = format!("{count} {zone} {retries}");
    let key = format!("{group} {token}");
    if let Some(before) = call.state.scaling.launch_tokens.get(&key) {
        if before.parameters != parameters {
            return Err(ApiError::client(
                "IdempotentParameterMismatch",
                "The client token was used with other parameters before",
            ));
        }
        let instances = before.instances.clone();
        return Ok(launch_answer(call, &group, token, &zone, &instances, &[]));
    }
    let (launched, refusal) = call.state.launch_now(&group, &zone, count, retries, now)?;
    let made = MadeBefore { parameters, instances: launched.clone() };
    call.state.scaling.launch_tokens.insert(key, made);
    let errors = refusal.into_iter().map(|refusal| {
        json!({
            "InstanceType": instance_type(call, &group),
            "MarketType": "OnDemand",
            "SubnetId": call.state.zones.get(&refusal.zone).map(|zone| zone.subnet_id.clone()),
            "AvailabilityZone": refusal.zone,
            "ErrorCode": refusal.code,
            "ErrorMessage": refusal.message,
        })
    });
    let errors: Vec<Value> = errors.collect();
    Ok(launch_answer(call, &group, token, &zone, &launched, &errors))
}

fn instance_type(call: &Call<'_>, group: &str) -> Option<String> {
    call.state.scaling.groups.get(group).map(|group| group.spec.template.instance_type.clone())
}

fn launch_answer(
    call: &Call<'_>,
    group: &str,
    token: &str,
    zone: &str,
    launched: &[String],
    errors: &[Value],
) -> Value {
    let found = call.state.zones.get(zone);
    let instances = (!launched.is_empty()).then(|| {
        json!({
            "InstanceType": instance_type(call, group),
            "MarketType": "OnDemand",
            "SubnetId": found.map(|zone| &zone.subnet_id),
            "AvailabilityZone": zone,
            "AvailabilityZoneId": found.map(|zone| &zone.id),
            "InstanceIds": launched,
        })
    });
    json!({
        "AutoScalingGroupName": group,
        "ClientToken": token,
        "Instances": instances.into_iter().collect::<Vec<_>>(),
        "Errors": errors,
    })
}

/// AWS: one zone or one subnet; a group in one zone needs none.
fn launch_zone(call: &Call<'_>, group: &str) -> Result<String, ApiError> {
    let zones = &call.state.require_group(group)?.spec.zones;
    let (named, subnets) = (call.input.texts("AvailabilityZones")?, call.input.texts("SubnetIds")?);
    let zone_of =
        |subnet: &str| call.state.zones.values().find(|zone| zone.subnet_id == subnet).map(|zone| zone.name.as_str());
    let asked = match (named.as_slice(), subnets.as_slice()) {
        ([zone], []) => Some(*zone),
        ([], [subnet]) => {
            Some(zone_of(subnet).ok_or_else(|| invalid(format!("The subnet ID '{subnet}' does not exist")))?)
        }
        ([], []) => zones.first().filter(|_| zones.len() == 1).map(String::as_str),
        _ => return Err(invalid("Specify one Availability Zone or one subnet")),
    };
    let asked = asked.ok_or_else(|| invalid("A group in several Availability Zones needs one to launch in"))?;
    if !zones.iter().any(|zone| zone == asked) {
        return Err(invalid(format!("The Availability Zone {asked} is not one of AutoScalingGroup {group}")));
    }
    Ok(asked.to_owned())
}
