//! What is wrong with the Auto Scaling group of a service, and with its hooks.

use failover_core::group::{Group, HookResult, Lifecycle, Transition};
use failover_core::ids::GroupName;
use failover_core::ledger::Ledger;
use failover_core::spec::{OUR_HOOKS, Spec, Topology};
use failover_core::world::{Observed, World};

use super::finding::Found;

/// Without these a group replaces nothing.
const NEEDED: [&str; 2] = ["Launch", "Terminate"];
/// Without these it does not notice that there is something to replace.
const NOTICING: [&str; 2] = ["HealthCheck", "ReplaceUnhealthy"];
/// A controller that died comes again with the next tick, a minute later, or with Lambda's second try, three minutes later.
const SHORTEST_HEARTBEAT_SECONDS: u32 = 180;

pub(super) fn group(found: &mut Found, spec: &Spec, ledger: &Ledger, world: &World) {
    if spec.topology != Topology::AutoScaling {
        return;
    }
    let named = spec.group.name.as_ref();
    let mut groups = world.groups.items.iter().filter(|(name, _)| named.is_none_or(|named| named == *name));
    match (groups.next(), groups.next()) {
        // That nothing can be seen is told for every part alike.
        (None, _) if !world.groups.is_complete() => {}
        (None, _) => found.fault(match named {
            Some(name) => format!("there is no Auto Scaling group {name}"),
            None => format!("no Auto Scaling group carries the tag failover:service={}", ledger.service),
        }),
        (Some((one, _)), Some((other, _))) => {
            found.fault(format!("{one} and {other} carry the service's tag: name one of them as [group] name"));
        }
        (Some((name, Observed::Unknown { why, .. })), None) => found.fault(format!("{name} can't be observed: {why}")),
        (Some((name, Observed::Known { value, .. })), None) => {
            sizes(found, name, value);
            zones(found, name, value);
            processes(found, name, value);
            hooks(found, spec, name, value);
            active(found, ledger, name, value);
        }
    }
}

fn sizes(found: &mut Found, name: &GroupName, group: &Group) {
    let Group { min, max, desired, .. } = *group;
    if [min, max, desired] == [1, 1, 1] {
        return;
    }
    let text = format!(
        "{name} has min {min}, max {max}, desired {desired}; a service of one instance needs 1, 1, 1: `aws autoscaling \
         update-auto-scaling-group --auto-scaling-group-name {name} --min-size 1 --max-size 1 --desired-capacity 1`"
    );
    // With none nothing is launched, with two nobody can say which one is to serve.
    if desired == 1 { found.warning(text) } else { found.fault(text) }
}

fn zones(found: &mut Found, name: &GroupName, group: &Group) {
    if let (1, Some(only)) = (group.zones.len(), group.zones.first()) {
        found.warning(format!("{name} launches in {only} only: no failover is possible if that zone is lost"));
    }
}

fn processes(found: &mut Found, name: &GroupName, group: &Group) {
    for process in &group.suspended {
        let resume = format!(
            "`aws autoscaling resume-processes --auto-scaling-group-name {name} --scaling-processes {process}`"
        );
        if NEEDED.contains(&process.as_str()) {
            found.fault(format!("{process} of {name} is suspended, so that it replaces nothing: {resume}"));
        } else if NOTICING.contains(&process.as_str()) {
            found.warning(format!("{process} of {name} is suspended, so that it replaces nothing by itself: {resume}"));
        }
    }
    if group.zones.len() > 1 && !group.suspended.contains("AZRebalance") {
        found.warning(format!(
            "{name} may terminate its only instance to rebalance its zones: `aws autoscaling suspend-processes \
             --auto-scaling-group-name {name} --scaling-processes AZRebalance`"
        ));
    }
}

fn hooks(found: &mut Found, spec: &Spec, name: &GroupName, group: &Group) {
    let named = &spec.group.hooks;
    for hook in named.iter().filter(|hook| !group.hooks.contains_key(*hook)) {
        found.fault(format!("{name} has no hook {hook}, which the spec names"));
    }
    let of_ours = if named.is_empty() {
        format!("whose name begins with `{OUR_HOOKS}`")
    } else {
        "among those that the spec names".to_owned()
    };
    let ours = || group.hooks.iter().filter(|(hook, _)| spec.group.is_ours(hook));
    let without = [
        (Transition::Launching, "launch", "an instance counts as in service before it has its data"),
        (Transition::Terminating, "terminate", "an instance may be gone, with what it holds, before its data is safe"),
    ];
    for (transition, word, what) in without {
        if !ours().any(|(_, hook)| hook.transition == transition) {
            found.warning(format!("{name} has no {word} hook {of_ours}: {what}"));
        }
    }
    for (hook_name, hook) in ours() {
        let seconds = hook.heartbeat_timeout_seconds;
        if seconds < SHORTEST_HEARTBEAT_SECONDS {
            found.warning(format!(
                "{hook_name} of {name} runs out after {seconds} s; a controller that died may come again after \
                 {SHORTEST_HEARTBEAT_SECONDS} s only: `aws autoscaling put-lifecycle-hook --auto-scaling-group-name {name} \
                 --lifecycle-hook-name {hook_name} --heartbeat-timeout 300`"
            ));
        }
        if hook.transition == Transition::Launching && hook.default_result == HookResult::Continue {
            found.warning(format!(
                "{hook_name} of {name} lets an instance into service without its data if it runs out: `aws autoscaling \
                 put-lifecycle-hook --auto-scaling-group-name {name} --lifecycle-hook-name {hook_name} --default-result ABANDON`"
            ));
        }
    }
}

fn active(found: &mut Found, ledger: &Ledger, name: &GroupName, group: &Group) {
    let active = &ledger.active;
    match group.members.get(active) {
        None => found.fault(format!("the active instance {active} is not in {name}")),
        Some(member) if member.lifecycle.is_going() => {
            found.warning(format!("{name} terminates the active instance {active}"));
        }
        Some(member) if member.lifecycle != Lifecycle::InService => {
            found.warning(format!("the active instance {active} is not in service in {name}"));
        }
        Some(member) if !member.healthy => {
            found.warning(format!("{name} counts the active instance {active} as unhealthy"));
        }
        Some(_) => {}
    }
}
