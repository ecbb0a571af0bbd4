//! The downtime of a failover, taken apart along the longest chain of AWS's own durations.
//!
//! ```text
//! old guest silent ─ rest of the stop ─ snapshot ─ create volume ─┬─ attach ─ mount and start ─┬─ clients served
//!                                                                 └─ address switches ─────────┘
//! ```
//!
//! Nothing here is taken from the controller: the gap is the region's ground truth, the durations are those of the region's own record of
//! transitions, and calls are those of its log. A step's call counts up to its effect, at which the transition begins; what is left of its
//! answer's way back runs beside the transition and is no part of the chain.

use std::time::Duration;

use failover_scenarios::embedded::{Sample, sample};
use failover_simulator::time::RegionTime;
use failover_simulator::truth::Interval;
use failover_simulator::{Region, TransitionRecord};

use crate::Failure;

/// A downtime and its parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    /// The gap in service as clients saw it.
    pub(crate) downtime: Duration,
    /// From the old guest's silence to `stopped`.
    pub(crate) stop: Duration,
    pub(crate) snapshot: Duration,
    pub(crate) volume: Duration,
    /// The longer of: attach, mount and start; the address's switch.
    pub(crate) last: Duration,
    /// From call to effect of the calls that begin the last three.
    pub(crate) calls: Duration,
    /// What the controller added, by where: it saw the end of a step and began the next.
    pub(crate) until_snapshot: Duration,
    pub(crate) until_volume: Duration,
    pub(crate) until_attach: Duration,
}

impl Chain {
    /// AWS's own durations alone.
    pub(crate) fn transitions(&self) -> Duration {
        self.stop + self.snapshot + self.volume + self.last
    }

    /// And the one accepted call per step without which nothing happens.
    pub(crate) fn floor(&self) -> Duration {
        self.transitions() + self.calls
    }
}

/// One step of the chain: AWS was asked, it took effect, it was done.
struct Link {
    asked: RegionTime,
    effect: RegionTime,
    done: RegionTime,
}

impl Link {
    fn duration(&self) -> Duration {
        self.done.since(self.effect)
    }

    fn call(&self) -> Duration {
        self.effect.since(self.asked)
    }
}

/// Takes the region's only failover apart.
pub(crate) fn of(region: &Region, sample: &Sample) -> Result<Chain, Failure> {
    let gap = only_gap(region)?;
    let transitions = region.transitions();
    let stop = find(&transitions, "stop", &sample.active, RegionTime::START)?;
    let snapshot = link(region, find(&transitions, "snapshot", "snap-", gap.from)?, "CreateSnapshot")?;
    let created = find(&transitions, "create_volume", "vol-", gap.from)?;
    let volume = link(region, created, "CreateVolume")?;
    let attach = link(region, find(&transitions, "attach", &created.resource, gap.from)?, "AttachVolume")?;
    let address = link(region, find(&transitions, "address", &sample.address, gap.from)?, "AssociateAddress")?;
    let attach = Link { done: first_write(region, &created.resource, &sample.warm_standby)?, ..attach };
    let last = if attach.done >= address.done { attach } else { address };

    let chain = Chain {
        downtime: gap.to.since(gap.from),
        stop: stop.done_at.since(gap.from),
        snapshot: snapshot.duration(),
        volume: volume.duration(),
        last: last.duration(),
        calls: snapshot.call() + volume.call() + last.call(),
        until_snapshot: snapshot.asked.since(stop.done_at),
        until_volume: volume.asked.since(snapshot.done),
        until_attach: last.asked.since(volume.done),
    };
    let explained = chain.floor() + chain.until_snapshot + chain.until_volume + chain.until_attach;
    if explained != chain.downtime {
        return Err(format!("{:?} of downtime, of which {explained:?} can be accounted for", chain.downtime).into());
    }
    Ok(chain)
}

fn only_gap(region: &Region) -> Result<Interval, Failure> {
    let downtime = region.truth().downtime();
    match downtime.get(sample::SERVICE).map(Vec::as_slice) {
        Some([gap]) => Ok(*gap),
        other => Err(format!("one gap in service was expected: {other:?}").into()),
    }
}

/// The first transition of a kind, of a resource whose id begins so, that was asked for since.
fn find<'a>(
    transitions: &'a [TransitionRecord],
    kind: &str,
    resource: &str,
    since: RegionTime,
) -> Result<&'a TransitionRecord, Failure> {
    let mut found = transitions
        .iter()
        .filter(|it| it.kind == kind && it.resource.starts_with(resource) && it.requested_at >= since);
    found.next().ok_or_else(|| format!("no {kind} of {resource} was recorded").into())
}

/// The transition with the call that began it: the last of its kind that was on its way when it took effect.
fn link(region: &Region, transition: &TransitionRecord, action: &str) -> Result<Link, Failure> {
    let effect = transition.requested_at;
    let began = |call: &&failover_simulator::CallRecord| {
        let answered = call.latency.is_some_and(|latency| call.at.after(latency) >= effect);
        call.action == action && call.status == Some(200) && call.at <= effect && answered
    };
    let calls = region.calls();
    let call = calls.iter().rev().find(began).ok_or_else(|| format!("no {action} began {}", transition.resource))?;
    Ok(Link { asked: call.at, effect, done: transition.done_at })
}

/// When the service first wrote on its new volume: it is mounted and started.
fn first_write(region: &Region, volume: &str, writer: &str) -> Result<RegionTime, Failure> {
    let truth = region.truth();
    let mut written = truth.content(volume).iter().filter(|segment| segment.writer == writer);
    let first = written.next().ok_or_else(|| format!("{writer} never wrote to {volume}"))?;
    Ok(first.interval.from)
}
