//! A plan: what a failover would do, if it began now. Nothing is changed by making one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::view::View;
use super::{address, request};
use crate::ledger::{Change, Destination, Failover, Ledger, Request, Target};
use crate::spec::Spec;
use crate::verdict::Verdict;
use crate::world::{InstanceState, World};

/// What a failover would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The active instance.
    pub from: Target,
    /// To where; none if it would be refused, or if a group has to launch the instance first.
    pub to: Option<Target>,
    /// Why it would be refused.
    pub refusal: Option<String>,
    /// What would be done, in order; what stands in one line is done side by side.
    pub steps: Vec<String>,
}

/// What the failover that `request` asks for would do now.
pub fn plan(spec: &Spec, ledger: &Ledger, world: &World, request: &Request, now: Timestamp) -> Plan {
    let view = View { spec, ledger, world, now };
    let from = ledger.active_target();
    let refused = |why: String| Plan { from: from.clone(), to: None, refusal: Some(why), steps: Vec::new() };
    if let Some(running) = &ledger.failover {
        return refused(format!("{} is running", running.id));
    }
    if let Some(pause) = &ledger.paused {
        return refused(crate::verdict::Refusal::Paused { by: pause.by.clone() }.to_string());
    }
    match request::grant(view, request) {
        Err(refusal) => refused(refusal.to_string()),
        Ok(Verdict::Record { changes, .. }) => match changes.first() {
            Some(Change::Begin(failover)) => {
                let steps = match &failover.to {
                    Some(to) => steps(view, failover, to),
                    None => steps_of_a_move(view, failover),
                };
                Plan { from: from.clone(), to: failover.to.clone(), refusal: None, steps }
            }
            _ => refused("no failover would begin".to_owned()),
        },
        Ok(_) => refused("no failover would begin".to_owned()),
    }
}

fn steps(view: View<'_>, failover: &Failover, to: &Target) -> Vec<String> {
    let from = &failover.from;
    let stopped =
        view.world.instances.get(&to.instance_id).is_some_and(|instance| instance.state == InstanceState::Stopped);
    let start = stopped.then(|| format!("start {}", to.instance_id));
    let stop = format!("stop {} (forced after {} s)", from.instance_id, view.spec.fence.stop_grace_seconds);
    // A planned failover starts its target first; a failure is fenced meanwhile (decision 4).
    let mut steps = match (start, failover.planned) {
        (Some(start), true) => vec![format!("{start} and wait for its status checks"), stop],
        (Some(start), false) => vec![format!("{start} ∥ {stop}")],
        (None, _) => vec![stop],
    };
    // In the same zone the volume itself moves.
    let (near, far): (Vec<_>, Vec<_>) =
        view.ledger.current_volumes.iter().partition(|(_, current)| current.zone == to.zone);
    for (name, current) in near {
        steps.push(format!("detach {} ({name})", current.volume));
    }
    if !far.is_empty() {
        let volumes: Vec<String> = far.iter().map(|(name, current)| format!("{} ({name})", current.volume)).collect();
        steps.push(format!("snapshot {}", volumes.join(", ")));
        for (name, current) in far {
            let shape = &current.shape;
            steps.push(format!("restore {name} ({} GiB {}) in {}", shape.size_gib, shape.volume_type, to.zone));
        }
    }
    steps.push(format!("name {} active in the ledger, epoch {}", to.instance_id, view.ledger.epoch + 1));
    let attach = view.ledger.current_volumes.keys().map(|name| format!("attach {name}"));
    let moves = address::meant(view).into_iter().map(|id| format!("move {id}"));
    let last: Vec<String> = attach.chain(moves).collect();
    if !last.is_empty() {
        steps.push(format!("{} to {}", last.join(" ∥ "), to.instance_id));
    }
    steps.push(format!("verify volumes, address and the status checks of {}", to.instance_id));
    steps
}

/// A group launches where it may: what happens to the data depends on the zone that it chooses.
fn steps_of_a_move(view: View<'_>, failover: &Failover) -> Vec<String> {
    let from = &failover.from.instance_id;
    let mut steps = Vec::new();
    let where_to = match &failover.destination {
        Destination::Zone(zone) => {
            steps.push(format!("let the group launch in {zone} only, until the move is over"));
            zone.to_string()
        }
        _ => "whichever zone the group chooses".to_owned(),
    };
    steps.push(format!("let the group replace {from} by a new instance in {where_to}"));
    steps.push(format!("wait for its status checks, while {from} is held by its terminate hook and keeps serving"));
    steps.push(format!("quiesce or stop {from} (forced after {} s)", view.spec.fence.stop_grace_seconds));
    for (name, current) in &view.ledger.current_volumes {
        let (volume, shape) = (&current.volume, &current.shape);
        steps.push(match &failover.destination {
            Destination::Zone(zone) if *zone != current.zone => {
                format!(
                    "snapshot {volume} ({name}), restore it ({} GiB {}) in {zone}",
                    shape.size_gib, shape.volume_type
                )
            }
            _ => format!("move {volume} ({name}) within {}, or snapshot and restore it elsewhere", current.zone),
        });
    }
    steps.push(format!("name the new instance active in the ledger, epoch {}", view.ledger.epoch + 1));
    let attach = view.ledger.current_volumes.keys().map(|name| format!("attach {name}"));
    let moves = address::meant(view).into_iter().map(|id| format!("move {id}"));
    let last: Vec<String> = attach.chain(moves).collect();
    if !last.is_empty() {
        steps.push(format!("{} to it", last.join(" ∥ ")));
    }
    steps.push("complete its launch hook, and verify volumes, address and its status checks".to_owned());
    steps
}
