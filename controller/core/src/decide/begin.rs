//! Whether a failover may begin, and what it begins with.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::progress::record;
use super::view::View;
use super::{choose, group, resources};
use crate::ids::FailoverId;
use crate::ledger::{Cause, Change, DAILY_CAP_WINDOW, Destination, Failover, FenceState, Request, Target};
use crate::spec::Topology;
use crate::time::{later, seconds};
use crate::verdict::{Refusal, Verdict};

/// Cooldown and daily cap: they hold automatic failovers only, and not after one that did not reach its end.
pub(super) fn limits(view: View<'_>) -> Option<(Refusal, Option<Timestamp>)> {
    let limits = &view.spec.limits;
    // One that did not reach its end left the service where it was, or down: waiting would help nobody.
    if let Some(last) = view.ledger.last.as_ref().filter(|last| last.done) {
        let cooldown_seconds = limits.cooldown_seconds.get();
        let until = later(last.ended_at, seconds(cooldown_seconds));
        if view.now < until {
            return Some((Refusal::Cooldown { cooldown_seconds, until }, Some(until)));
        }
    }
    let recent = view.ledger.automatic_starts.iter().filter(|start| !view.has_passed(DAILY_CAP_WINDOW, **start));
    let first = recent.clone().min().copied();
    let count = limits.failovers_per_day.get();
    (recent.count() as u64 >= count)
        .then(|| (Refusal::DailyCap { count }, first.map(|first| later(first, DAILY_CAP_WINDOW))))
}

/// What a failover is for.
pub(super) struct Wanted {
    pub(super) cause: Cause,
    pub(super) destination: Destination,
    pub(super) drill: bool,
    pub(super) planned: bool,
    pub(super) accepted_loss_seconds: Option<u64>,
}

impl Wanted {
    pub(super) fn failure(evidence: Vec<String>) -> Self {
        Self {
            cause: Cause::Failure(evidence),
            destination: Destination::Standby,
            drill: false,
            planned: false,
            accepted_loss_seconds: None,
        }
    }

    pub(super) fn of(request: &Request, planned: bool) -> Self {
        Self {
            cause: Cause::Operator(request.by.clone()),
            destination: request.to.clone(),
            drill: request.drill,
            planned,
            accepted_loss_seconds: request.accepted_loss_seconds,
        }
    }
}

/// The beginning of a failover, or why there can be none.
pub(super) fn begin(view: View<'_>, wanted: &Wanted, down_since: Timestamp) -> Result<Verdict, Refusal> {
    if let Some(refusal) = resources::ambiguity(view) {
        return Err(refusal);
    }
    let to = match view.spec.topology {
        // Without one, fencing would only take the service down.
        Topology::Standby => {
            let to = choose::target(view, &wanted.destination, &BTreeMap::new());
            Some(to.map_err(|candidates| Refusal::NoTarget { candidates })?)
        }
        // A move begins without one: the group has to launch it where it is wanted.
        Topology::AutoScaling if matches!(wanted.cause, Cause::Operator(_)) => None,
        // After a failure the group launches by itself; what is there already is taken.
        Topology::AutoScaling => group::choose(view, None),
    };
    let reason = match &to {
        Some(to) => format!("{}: {} in {} takes over", wanted.cause, to.instance_id, to.zone),
        None => format!("{}: what the group launches next takes over", wanted.cause),
    };
    Ok(record(Change::Begin(Box::new(failover(view, wanted, to, down_since))), reason))
}

fn failover(view: View<'_>, wanted: &Wanted, to: Option<Target>, down_since: Timestamp) -> Failover {
    Failover {
        id: FailoverId::of(view.ledger.epoch + 1, view.now),
        cause: wanted.cause.clone(),
        drill: wanted.drill,
        planned: wanted.planned,
        destination: wanted.destination.clone(),
        accepted_loss_seconds: wanted.accepted_loss_seconds,
        from: view.ledger.active_target(),
        to,
        retargeted_at: None,
        target_unseen_since: None,
        excluded: BTreeMap::new(),
        down_since: (!wanted.planned).then_some(down_since),
        started_at: view.now,
        fence: FenceState::Open { since: None },
        lease: None,
        fences: 0,
        older_copies: None,
        data_loss_seconds: 0,
        promoted_at: None,
        attempts: BTreeMap::new(),
        steps: Vec::new(),
        warnings: BTreeSet::new(),
        halted: None,
        told: None,
    }
}
