//! What the boot agents say of themselves, and whether they say anything.

use failover_core::agent::{AgentReport, AgentState, SILENCE};
use failover_core::ids::InstanceId;
use failover_core::ledger::Ledger;
use failover_core::spec::Spec;
use failover_core::world::{Sight, World};
use jiff::{SignedDuration, Timestamp};

use super::finding::Found;

pub(super) fn agents(found: &mut Found, spec: &Spec, ledger: &Ledger, world: &World) {
    let expected = spec.expects_agents();
    for id in ledger.members.keys() {
        let is_active = *id == ledger.active;
        // One that is stopped reports nothing.
        let runs = world.runs(id);
        match world.agents.sight(id) {
            Sight::Known(report) if runs => judge(found, ledger, world, id, report),
            Sight::Absent if expected && runs && is_active => found.fault(format!(
                "no agent has ever reported from the active instance {id}: with its [agent] the spec expects one on every instance"
            )),
            Sight::Absent if expected && runs => found.warning(format!(
                "no agent has ever reported from {id}: a failover there would not end before one says that the service is ready"
            )),
            // That none can be read is told for all of them at once.
            Sight::Unknown(why) if expected && world.agents.is_complete() => {
                found.fault(format!("what the agent of {id} reports can't be read: {why}"));
            }
            Sight::Known(_) | Sight::Absent | Sight::Unknown(_) => {}
        }
    }
}

fn judge(found: &mut Found, ledger: &Ledger, world: &World, id: &InstanceId, report: &AgentReport) {
    let silent_for = age(world, report.at);
    if silent_for >= SILENCE {
        let seconds = silent_for.as_secs();
        found.warning(format!(
            "the agent of {id} has not reported for {seconds} s: a failover would not wait for it to stop the service cleanly"
        ));
    }
    let is_active = *id == ledger.active;
    let state = match &report.state {
        AgentState::Failed(why) => return found.fault(format!("the agent of {id} has failed: {why}")),
        AgentState::Waiting => "waits",
        AgentState::Quiesced => "has stopped the service",
        AgentState::Starting => "is still starting the service",
        AgentState::Ready if is_active => return,
        AgentState::Ready => "runs the service",
    };
    match (is_active, &report.state) {
        (true, _) => found.warning(format!("the agent of the active instance {id} {state}")),
        (false, AgentState::Starting | AgentState::Ready) if ledger.failover.is_none() => {
            found.fault(format!("the agent of {id} {state}, although {} is the active instance", ledger.active));
        }
        (false, _) => {}
    }
}

/// How old a report was when it was read.
fn age(world: &World, at: Timestamp) -> SignedDuration {
    world.agents.complete.at().duration_since(at)
}
