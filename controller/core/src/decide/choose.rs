//! Which instance takes over.

use std::collections::BTreeMap;

use super::view::View;
use crate::ids::InstanceId;
use crate::ledger::{Destination, Target};
use crate::world::{Instance, InstanceState, Sight};

/// The best instance for `destination`, or why each one is none.
///
/// The zone of the data comes first (the volume moves, nothing is copied), then one that runs, then the lower id, so
/// that the same world always leads to the same choice.
pub(super) fn target(
    view: View<'_>,
    destination: &Destination,
    excluded: &BTreeMap<InstanceId, String>,
) -> Result<Target, Vec<(InstanceId, String)>> {
    let mut fit = Vec::new();
    let mut unfit = Vec::new();
    for (id, member) in view.ledger.standbys() {
        match fitness(view, id, destination, excluded) {
            Ok(instance) => {
                fit.push((view.is_far(&instance.zone), !instance.runs(), id, &member.zone));
            }
            Err(why) => unfit.push((id.clone(), why)),
        }
    }
    fit.sort();
    match fit.first() {
        Some((_, _, id, zone)) => Ok(Target { instance_id: (*id).clone(), zone: (*zone).clone() }),
        None => Err(unfit),
    }
}

fn fitness<'a>(
    view: View<'a>,
    id: &InstanceId,
    destination: &Destination,
    excluded: &BTreeMap<InstanceId, String>,
) -> Result<&'a Instance, String> {
    if let Some(why) = excluded.get(id) {
        return Err(why.clone());
    }
    let instance = match view.world.instances.sight(id) {
        Sight::Known(instance) => instance,
        Sight::Absent => return Err("does not exist".to_owned()),
        // It may be as lost as the active one.
        Sight::Unknown(why) => return Err(format!("can't be observed: {why}")),
    };
    match destination {
        Destination::Instance(wanted) if wanted != id => return Err(format!("{wanted} was requested")),
        Destination::Zone(wanted) if *wanted != instance.zone => return Err(format!("is in {}", instance.zone)),
        Destination::Standby | Destination::Instance(_) | Destination::Zone(_) => {}
    }
    match instance.state {
        // It has no status checks; whether its host is well shows when it starts.
        InstanceState::Stopped => Ok(instance),
        InstanceState::Running | InstanceState::Pending => match unhealthy(view, id) {
            Some(why) => Err(why),
            None => Ok(instance),
        },
        // `stopping` may take minutes, and the others never come back.
        InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
            Err(format!("is {}", instance.state.as_str()))
        }
    }
}

/// What speaks against a running instance.
pub(super) fn unhealthy(view: View<'_>, id: &InstanceId) -> Option<String> {
    match view.world.checks.sight(id) {
        Sight::Known(checks) if !checks.impaired().is_empty() => {
            Some(format!("its {} status check is impaired", checks.impaired().join(" and ")))
        }
        // Too early to say, or not to be seen: no evidence.
        Sight::Known(_) | Sight::Absent | Sight::Unknown(_) => None,
    }
}
