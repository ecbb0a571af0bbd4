//! Lifecycle hooks and actions on the wire.

use serde_json::json;

use super::call::{Call, Done};
use crate::behaviour::scaling::errors::invalid;
use crate::model::scaling::hook::{ActionName, Hook, HookResult, HookTransition};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// AWS: 30 s to 2 h, an hour unless asked otherwise.
const HEARTBEAT_SECONDS: std::ops::RangeInclusive<i64> = 30..=7200;
const DEFAULT_HEARTBEAT_SECONDS: u32 = 3600;
/// AWS: hooks a group.
const MOST_HOOKS: usize = 50;
const LONGEST_METADATA: usize = 4000;

/// A hook as it is asked for; what is not given stays as it was, if there was one.
pub(super) fn read(input: Input<'_>, old: Option<&Hook>) -> Result<Hook, ApiError> {
    let name = input.required_text("LifecycleHookName")?;
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '/');
    if name.is_empty() || name.len() > 255 || !name.chars().all(allowed) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'lifecycleHookName' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9\\-_\\/]+"
        )));
    }
    let transition = match (input.text("LifecycleTransition")?, old) {
        (Some(given), _) => HookTransition::from_name(given).ok_or_else(|| {
            invalid(format!("Lifecycle Transition {given} is not valid. Valid values are autoscaling:EC2_INSTANCE_LAUNCHING, autoscaling:EC2_INSTANCE_TERMINATING"))
        })?,
        (None, Some(old)) => old.transition,
        (None, None) => return Err(invalid("Lifecycle Transition is required when creating a lifecycle hook")),
    };
    let heartbeat_seconds = match input.integer("HeartbeatTimeout")? {
        Some(given) if HEARTBEAT_SECONDS.contains(&given) => u32::try_from(given).unwrap_or(DEFAULT_HEARTBEAT_SECONDS),
        Some(_) => return Err(invalid("HeartbeatTimeout must be between 30 and 7200 seconds")),
        None => old.map_or(DEFAULT_HEARTBEAT_SECONDS, |old| old.heartbeat_seconds),
    };
    let default_result = match input.text("DefaultResult")? {
        Some(given) => HookResult::from_name(given).ok_or_else(|| {
            invalid(format!("Default result {given} is not valid. Valid values are CONTINUE, ABANDON"))
        })?,
        None => old.map_or(HookResult::Abandon, |old| old.default_result),
    };
    let metadata = input.text("NotificationMetadata")?;
    if metadata.is_some_and(|text| text.chars().count() > LONGEST_METADATA) {
        return Err(invalid("NotificationMetadata is longer than 4000 characters"));
    }
    let target_arn = match input.text("NotificationTargetARN")? {
        // AWS: an empty one takes the target away.
        Some("") => None,
        Some(arn) if !arn.starts_with("arn:aws:sns:") => {
            return Err(invalid(format!(
                "Invalid or not modelled notification target {arn}: the region has topics only"
            )));
        }
        // AWS: standard topics and queues only.
        Some(arn) if arn.strip_suffix(".fifo").is_some() => {
            return Err(invalid(format!(
                "Unable to publish test message to notification target {arn}: FIFO is not supported"
            )));
        }
        Some(arn) => Some(arn.to_owned()),
        None => old.and_then(|old| old.target_arn.clone()),
    };
    let kept = |given: Option<&str>, old: Option<&String>| given.map(str::to_owned).or_else(|| old.cloned());
    Ok(Hook {
        name: name.to_owned(),
        transition,
        heartbeat_seconds,
        default_result,
        metadata: kept(metadata, old.and_then(|old| old.metadata.as_ref())),
        target_arn,
        role_arn: kept(input.text("RoleARN")?, old.and_then(|old| old.role_arn.as_ref())),
    })
}

/// AWS publishes a test message when a hook is put, and refuses the hook if it cannot.
pub(super) fn check_target(call: &mut Call<'_>, hook: &Hook) -> Result<(), ApiError> {
    let Some(target) = &hook.target_arn else { return Ok(()) };
    if call.state.stores.topics.by_arn.contains_key(target) {
        return Ok(());
    }
    Err(invalid(format!("Unable to publish test message to notification target {target}. Topic does not exist")))
}

pub(super) fn put(call: &mut Call<'_>) -> Done {
    let group = call.group_name()?;
    let name = call.required("LifecycleHookName")?;
    let hooks = &call.state.require_group(&group)?.hooks;
    let hook = read(call.input, hooks.get(name))?;
    if !hooks.contains_key(name) && hooks.len() >= MOST_HOOKS {
        let message = format!(
            "{MOST_HOOKS} LifecycleHook(s) already exist for AutoScalingGroup {group}. The limit is {MOST_HOOKS}."
        );
        return Err(ApiError::client("LimitExceeded", message));
    }
    check_target(call, &hook)?;
    let now = call.now;
    call.state.put_hook(&group, hook, now);
    Ok(json!({}))
}

pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let group = call.group_name()?;
    let name = existing_hook(call, &group)?;
    let now = call.now;
    call.state.delete_hook(&group, &name, now);
    Ok(json!({}))
}

fn existing_hook(call: &Call<'_>, group: &str) -> Result<String, ApiError> {
    let name = call.required("LifecycleHookName")?;
    if !call.state.require_group(group)?.hooks.contains_key(name) {
        return Err(invalid(format!("No Lifecycle Hook found with name {name} for AutoScalingGroup {group}")));
    }
    Ok(name.to_owned())
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let group = call.group_name()?;
    let names = call.input.texts("LifecycleHookNames")?;
    let hooks = call.state.require_group(&group)?.hooks.values();
    let shown = hooks.filter(|hook| names.is_empty() || names.contains(&hook.name.as_str())).map(|hook| {
        json!({
            "LifecycleHookName": hook.name,
            "AutoScalingGroupName": group,
            "LifecycleTransition": hook.transition.name(),
            "NotificationTargetARN": hook.target_arn,
            "RoleARN": hook.role_arn,
            "NotificationMetadata": hook.metadata,
            "HeartbeatTimeout": hook.heartbeat_seconds,
            "GlobalTimeout": hook.global_timeout_seconds(),
            "DefaultResult": hook.default_result.name(),
        })
    });
    Ok(json!({"LifecycleHooks": shown.collect::<Vec<_>>()}))
}

/// The action that the call means: by token, if both are given.
fn action<'a>(call: &Call<'a>) -> Result<ActionName<'a>, ApiError> {
    match (call.input.text("LifecycleActionToken")?, call.input.text("InstanceId")?) {
        (Some(token), _) if token.len() != 36 => Err(invalid(format!(
            "1 validation error detected: Value '{token}' at 'lifecycleActionToken' failed to satisfy constraint: Member must have length greater than or equal to 36"
        ))),
        (Some(token), _) => Ok(ActionName::Token(token)),
        (None, Some(instance)) => Ok(ActionName::Instance(instance)),
        (None, None) => Err(invalid("Either LifecycleActionToken or InstanceId must be specified")),
    }
}

pub(super) fn complete(call: &mut Call<'_>) -> Done {
    let group = call.group_name()?;
    let hook = existing_hook(call, &group)?;
    let given = call.required("LifecycleActionResult")?;
    let result = HookResult::from_name(given).ok_or_else(|| {
        invalid(format!("Lifecycle Action Result {given} is not valid. Valid values are CONTINUE, ABANDON"))
    })?;
    let action = action(call)?;
    let now = call.now;
    call.state.complete_action(&group, &hook, action, result, now)?;
    Ok(json!({}))
}

pub(super) fn heartbeat(call: &mut Call<'_>) -> Done {
    let group = call.group_name()?;
    let hook = existing_hook(call, &group)?;
    let action = action(call)?;
    let now = call.now;
    call.state.record_heartbeat(&group, &hook, action, now)?;
    Ok(json!({}))
}
