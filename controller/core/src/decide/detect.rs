//! Whether the active instance has failed, and whether a failover may begin for it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::progress::record;
use super::{View, agents, choose, group, resources, upkeep};
use crate::group::Lifecycle;
use crate::ids::FailoverId;
use crate::ledger::{Cause, Change, Destination, Failover, FenceState, Member, Request, Suspicion, Target};
use crate::spec::Topology;
use crate::verdict::{Refusal, Verdict};
use crate::world::{AlarmState, InstanceState, Part, Sight};

/// What is seen of the active instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Evidence {
    /// It is off, or on its way: nothing has to be confirmed.
    Down(Vec<String>),
    /// Something speaks against it; it has to last.
    Suspected(Vec<String>),
    /// It runs and nothing speaks against it.
    Well,
    /// It can't be seen. That is no evidence.
    Unseen(String),
}

/// What is seen of the active instance.
pub(super) fn evidence(view: View<'_>) -> Evidence {
    let id = &view.ledger.active;
    let mut signs = alarms(view);
    let seen = view.world.instances.sight(id);
    if let Sight::Known(instance) = seen {
        if !matches!(instance.state, InstanceState::Running | InstanceState::Pending) {
            return Evidence::Down(vec![format!("{id} is {}", instance.state.as_str())]);
        }
        if group::lifecycle(view, id).is_some_and(Lifecycle::is_going) {
            return Evidence::Down(vec![format!("the group terminates {id}")]);
        }
        signs.extend(choose::unwell(view, id).map(|why| format!("{id}: {why}")));
        signs.extend(agents::complaint(view));
    }
    if seen == Sight::Absent {
        signs.push(format!("{id} does not exist any more"));
    }
    match (signs.is_empty(), seen) {
        (false, _) => Evidence::Suspected(signs),
        (true, Sight::Unknown(why)) => Evidence::Unseen(format!("{id} can't be seen: {why}")),
        (true, _) => Evidence::Well,
    }
}

/// Alarms that speak of this active instance: not of another, and not from before it became active.
fn alarms(view: View<'_>) -> Vec<String> {
    let names = view.spec.detect.alarms.iter();
    let alarms = names.filter_map(|name| view.world.alarms.get(name).map(|alarm| (name, alarm)));
    alarms
        .filter(|(_, alarm)| alarm.state == AlarmState::Alarm && alarm.since >= view.ledger.active_since)
        .filter(|(_, alarm)| alarm.instance.as_ref().is_none_or(|instance| *instance == view.ledger.active))
        .map(|(name, alarm)| format!("alarm {name} is in ALARM since {}", alarm.since))
        .collect()
}

/// Keeps the list of members true, as far as a complete answer shows it.
pub(super) fn members(view: View<'_>) -> Option<Verdict> {
    if !view.world.instances.is_complete() {
        return None;
    }
    let mut members = BTreeMap::new();
    for (id, instance) in view.world.instances.iter_known() {
        if instance.state != InstanceState::Terminated || *id == view.ledger.active {
            members.insert(id.clone(), Member { zone: instance.zone.clone() });
        }
    }
    // The group tells of an instance before EC2's lists do, and whether or not it carries the tag.
    for (id, member) in group::known(view).into_iter().flat_map(|(_, group)| &group.members) {
        if member.lifecycle.is_coming_or_in() {
            members.entry(id.clone()).or_insert_with(|| Member { zone: member.zone.clone() });
        }
    }
    // What served before is only forgotten when the group, too, has nothing of it: it is never taken for a replacement.
    let unsure = view.spec.topology == Topology::AutoScaling && group::known(view).is_none();
    // Not seen, but not known to be gone either: kept.
    for (id, member) in &view.ledger.members {
        let unknown = matches!(view.world.instances.sight(id), Sight::Unknown(_));
        let retired = unsure && view.ledger.retired.contains(id);
        if unknown || retired || *id == view.ledger.active {
            members.entry(id.clone()).or_insert_with(|| member.clone());
        }
    }
    (members != view.ledger.members).then(|| record(Change::Members(members), "the service's instances have changed"))
}

/// Watches the active instance; begins a failover when its failure is confirmed and nothing forbids it.
pub(super) fn judge(view: View<'_>) -> Verdict {
    let verdict = match evidence(view) {
        Evidence::Well if view.ledger.suspicion.is_some() || view.ledger.refused.is_some() => {
            record(Change::Suspect(None), format!("{} is well again", view.ledger.active))
        }
        Evidence::Well => match group::newcomer(view) {
            Some(newcomer) => replaced(view, &newcomer),
            None => return upkeep::tidy(view),
        },
        Evidence::Unseen(why) => match &view.ledger.suspicion {
            // Neither confirmed nor cleared: the suspicion waits for somebody to see something.
            Some(suspicion) => waiting(view, suspicion, format!("suspected, but {why}")),
            None => Verdict::Settled { reasons: vec![why] },
        },
        Evidence::Down(evidence) => begin_or_refuse(view, &evidence, view.now),
        Evidence::Suspected(evidence) => confirm(view, evidence),
    };
    // Whatever comes of it, no hook times out meanwhile.
    group::tend_beside(view, verdict)
}

/// The group brings in another instance while the active one is well: it will do away with that one next.
fn replaced(view: View<'_>, newcomer: &Target) -> Verdict {
    let wanted = Wanted {
        cause: Cause::Replacement(newcomer.instance_id.clone()),
        destination: Destination::Standby,
        drill: false,
        planned: true,
        accepted_loss_seconds: None,
    };
    match begin(view, &wanted, view.now) {
        Ok(verdict) => verdict,
        Err(refusal) => Verdict::Settled { reasons: vec![refusal.to_string()] },
    }
}

fn confirm(view: View<'_>, evidence: Vec<String>) -> Verdict {
    let confirm = SignedDuration::try_from(view.spec.detect.confirm_seconds.duration()).unwrap_or(SignedDuration::MAX);
    match &view.ledger.suspicion {
        Some(suspicion) if suspicion.instance == view.ledger.active => {
            if view.now.duration_since(suspicion.since) >= confirm {
                return begin_or_refuse(view, &evidence, suspicion.since);
            }
            let left = confirm - view.now.duration_since(suspicion.since);
            let reason = format!("{}; to be confirmed for {} s more", evidence.join("; "), left.as_secs().max(1));
            waiting(view, suspicion, reason)
        }
        _ => {
            let instance = view.ledger.active.clone();
            let reason = format!("suspected: {}", evidence.join("; "));
            record(Change::Suspect(Some(Suspicion { instance, since: view.now, evidence })), reason)
        }
    }
}

/// Until the suspicion is old enough, or a look at it can tell more.
fn waiting(view: View<'_>, suspicion: &Suspicion, reason: String) -> Verdict {
    let confirm = i64::try_from(view.spec.detect.confirm_seconds.get()).unwrap_or(i64::MAX);
    let confirmed_at = suspicion.since.saturating_add(SignedDuration::from_secs(confirm)).unwrap_or(view.now);
    let soon = view.now.saturating_add(SignedDuration::from_secs(5)).unwrap_or(view.now);
    let until = if confirmed_at > view.now { confirmed_at.min(soon) } else { soon };
    Verdict::Wait { until, parts: vec![Part::Instances, Part::Checks, Part::Alarms], reasons: vec![reason.into()] }
}

fn begin_or_refuse(view: View<'_>, evidence: &[String], down_since: Timestamp) -> Verdict {
    // What the group does away with is not kept by refusing to follow it.
    let limits = limits(view).filter(|_| !group::is_going(view, &view.ledger.active));
    let (refusal, until) = match limits {
        Some(refused) => refused,
        None => match begin(view, &Wanted::failure(evidence.to_vec()), down_since) {
            Ok(verdict) => return verdict,
            Err(refusal) => (refusal, None),
        },
    };
    // People hear of a refusal once, not at every look.
    let reason = refusal.to_string();
    if view.ledger.refused.as_ref().is_none_or(|refused| refused.reason != reason) {
        return record(Change::Refuse(reason.clone()), format!("{}; but {reason}", evidence.join("; ")));
    }
    Verdict::Refuse { refusal, until }
}

/// Cooldown and daily cap: they hold automatic failovers only, and not after one that did not reach its end.
fn limits(view: View<'_>) -> Option<(Refusal, Option<Timestamp>)> {
    let limits = &view.spec.limits;
    if let Some(last) = view.ledger.last.as_ref().filter(|last| last.done) {
        let cooldown_seconds = limits.cooldown_seconds.get();
        let cooldown = SignedDuration::from_secs(i64::try_from(cooldown_seconds).unwrap_or(i64::MAX));
        let until = last.ended_at.saturating_add(cooldown).unwrap_or(Timestamp::MAX);
        if view.now < until {
            return Some((Refusal::Cooldown { cooldown_seconds, until }, Some(until)));
        }
    }
    let day = SignedDuration::from_hours(24);
    let recent = view.ledger.automatic_starts.iter().filter(|start| view.now.duration_since(**start) < day);
    let first = recent.clone().min().copied();
    let count = limits.failovers_per_day.get();
    (recent.count() as u64 >= count)
        .then(|| (Refusal::DailyCap { count }, first.and_then(|first| first.saturating_add(day).ok())))
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
    fn failure(evidence: Vec<String>) -> Self {
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
    if let Some(refusal) = resources::doubt(view) {
        return Err(refusal);
    }
    let to = match view.spec.topology {
        Topology::Standby => {
            let to = choose::target(view, &wanted.destination, &BTreeMap::new());
            Some(to.map_err(|candidates| Refusal::NoTarget { candidates })?)
        }
        // A move begins without one: the group has to launch it where it is wanted.
        Topology::AutoScaling if matches!(wanted.cause, Cause::Operator(_)) => None,
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
        older_copies: BTreeMap::new(),
        data_loss_seconds: 0,
        promoted_at: None,
        attempts: BTreeMap::new(),
        steps: Vec::new(),
        warnings: std::collections::BTreeSet::new(),
        halted: None,
    }
}
