//! What the words of the boot agents count for: they are the only witnesses of what goes on inside the guests.

use jiff::{SignedDuration, Timestamp};

use super::view::View;
use crate::agent::{AgentReport, AgentState};
use crate::ids::InstanceId;
use crate::ledger::{Change, Failover, SeenLease};
use crate::time::seconds;
use crate::world::{Part, Sight};

/// A lease runs by the agent's clock, its end is seen by ours, and stopping takes a moment: so much is added before it counts.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(15);

/// Whether the service is ready on the active instance, as far as its agent tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AgentStatus {
    /// There is no agent: the status checks have to do.
    NoAgent,
    /// It says so, of this epoch.
    Ready,
    /// It does not say so; what it says instead.
    NotReady(String),
}

/// What the active instance's agent says of this epoch.
pub(super) fn status(view: View<'_>) -> AgentStatus {
    if !view.spec.hears_agents() {
        return AgentStatus::NoAgent;
    }
    let active = &view.ledger.active;
    match view.world.agents.sight(active) {
        // What it said as a standby, it said of another life.
        Sight::Known(report) if report.epoch < view.ledger.epoch => {
            AgentStatus::NotReady(format!("the agent of {active} has not reported since it was promoted"))
        }
        Sight::Known(report) => match &report.state {
            AgentState::Ready => AgentStatus::Ready,
            AgentState::Waiting | AgentState::Starting => {
                AgentStatus::NotReady(format!("the agent of {active} is starting the service"))
            }
            AgentState::Quiesced => AgentStatus::NotReady(format!("the agent of {active} has stopped the service")),
            AgentState::Failed(why) => AgentStatus::NotReady(format!("the agent of {active} has failed: {why}")),
        },
        // Passed checks do not stand in for an agent that the spec gives work (decision 12).
        Sight::Absent if view.spec.expects_agents() => {
            AgentStatus::NotReady(format!("no agent has reported from {active}; the spec has an [agent]"))
        }
        // A group without an [agent]: one counts if it reports.
        Sight::Absent => AgentStatus::NoAgent,
        Sight::Unknown(why) => {
            AgentStatus::NotReady(format!("the report of the agent of {active} can't be observed: {why}"))
        }
    }
}

/// What the active instance's agent says against it, where the spec counts that as evidence.
pub(super) fn complaint(view: View<'_>) -> Option<String> {
    let longest = seconds(view.spec.detect.agent_silent_seconds?.get());
    let id = &view.ledger.active;
    // What it said of an earlier epoch, it said of another life.
    let report = view.world.agents.get(id).filter(|report| report.epoch >= view.ledger.epoch)?;
    if let AgentState::Failed(why) = &report.state {
        return Some(format!("the agent of {id} has failed: {why}"));
    }
    let silent = view.now.duration_since(report.at);
    (silent > longest).then(|| format!("the agent of {id} has not reported since {}", report.at))
}

/// Its agent's last word on this epoch is that it stopped whoever writes, read since the failover is in the ledger: from then on the agent
/// does not take it back, whatever was read before may have been taken back meanwhile.
pub(super) fn is_quiesced(view: View<'_>, failover: &Failover, id: &InstanceId) -> bool {
    let report = view.world.agents.get(id);
    view.spec.agents_can_quiesce()
        && view.world.seen_at(Part::Agents) > failover.started_at
        && report.is_some_and(|report| report.epoch >= view.ledger.epoch && report.state == AgentState::Quiesced)
}

/// Whether an agent is at work that can be expected to quiesce its instance.
pub(super) fn is_alive(view: View<'_>, report: &AgentReport) -> bool {
    // One that failed says that it can't do what is asked of it: nobody waits for it.
    view.spec.agents_can_quiesce() && !report.is_silent(view.now) && !matches!(report.state, AgentState::Failed(_))
}

/// Its agent says that it starts the service again, in the epoch in which it had stopped it.
pub(super) fn serves_again(view: View<'_>, id: &InstanceId) -> bool {
    // What an instance said before it was off says nothing of it any more.
    let report = view.world.agents.get(id).filter(|_| !view.world.is_off(id));
    report.is_some_and(|report| is_serving(&report.state))
}

fn is_serving(state: &AgentState) -> bool {
    matches!(state, AgentState::Starting | AgentState::Ready)
}

/// The lease of the old active: what its agent promised, and when it ran out by our own clock.
///
/// The two clocks are never compared: the report has to stay the same, seen by us, for as long as the lease lasts and a margin.
pub(super) fn lease_end(view: View<'_>, failover: &Failover) -> Option<Timestamp> {
    let report = leased(view, failover)?;
    let lasts = seconds(report.lease_seconds?).checked_add(LEASE_MARGIN)?;
    let seen = failover.lease.as_ref().filter(|seen| seen.renewed_at == report.at)?;
    seen.since.saturating_add(lasts).ok()
}

/// Whether the old active's lease was seen to run out.
pub(super) fn lease_has_expired(view: View<'_>, failover: &Failover) -> bool {
    lease_end(view, failover).is_some_and(|end| view.world.seen_at(Part::Agents) >= end)
}

/// What is to be written down of the old active's lease, if it was renewed since.
pub(super) fn note_lease(view: View<'_>, failover: &Failover) -> Option<Change> {
    let renewed_at = leased(view, failover)?.at;
    let known = failover.lease.as_ref().is_some_and(|seen| seen.renewed_at == renewed_at);
    let since = view.world.seen_at(Part::Agents);
    (!known).then_some(Change::LeaseSeen(SeenLease { renewed_at, since }))
}

/// The old active was seen to renew a lease that had counted as over.
pub(super) fn renewed(view: View<'_>, failover: &Failover) -> bool {
    let seen = failover.lease.as_ref().map(|seen| seen.renewed_at);
    serves_again(view, &failover.from.instance_id)
        && view.world.agents.get(&failover.from.instance_id).map(|report| report.at) != seen
}

/// Only one that promised to stop with its lease, and still has to.
fn leased<'a>(view: View<'a>, failover: &Failover) -> Option<&'a AgentReport> {
    let report = view.world.agents.get(&failover.from.instance_id)?;
    let promised = report.lease_seconds.is_some() && view.spec.agents_can_quiesce();
    (promised && is_serving(&report.state)).then_some(report)
}
