//! Whether the active instance has failed, and whether a failover may begin for it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::begin::{Wanted, begin, limits};
use super::progress::record;
use super::view::View;
use super::{agents, choose, group, maintenance};
use crate::group::Lifecycle;
use crate::ledger::{Cause, Change, Destination, Member, Suspicion, Target};
use crate::spec::Topology;
use crate::time::{later, seconds};
use crate::verdict::{Refusal, Verdict};
use crate::world::{AlarmState, InstanceState, Part, Sight};

/// What is suspected is observed this often: an observation costs little, and a second one may clear it.
const SUSPICION_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// Who can't be seen for so long is told of. AWS's own disturbances of seconds pass by themselves.
const UNSEEN_TOLD_AFTER: SignedDuration = SignedDuration::from_secs(90);

/// What is seen of the active instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Evidence {
    /// It is off, or on its way: nothing has to be confirmed.
    Down(Vec<String>),
    /// Something speaks against it; it has to last.
    Suspected(Vec<String>),
    /// It runs and nothing speaks against it.
    Healthy,
    /// It can't be seen. That is no evidence.
    Unseen(String),
}

/// What is seen of the active instance.
pub(super) fn evidence(view: View<'_>) -> Evidence {
    let id = &view.ledger.active;
    let mut signs = alarms(view);
    let seen = view.world.instances.sight(id);
    // The group says so also where EC2 does not answer for the instance: in the loss of a zone, say.
    if group::lifecycle(view, id).is_some_and(Lifecycle::is_going) {
        return Evidence::Down(vec![format!("the group terminates {id}")]);
    }
    if let Sight::Known(instance) = seen {
        // EC2's own word, which it does not take back: nothing has to be confirmed.
        if !instance.state.is_coming_or_running() {
            return Evidence::Down(vec![format!("{id} is {}", instance.state.as_str())]);
        }
        signs.extend(choose::unhealthy(view, id).map(|why| format!("{id}: {why}")));
        signs.extend(agents::complaint(view));
    }
    // A complete answer may lack an instance that is there (aws-facts 7): it has to last.
    if seen == Sight::Absent {
        signs.push(format!("{id} does not exist any more"));
    }
    match (signs.is_empty(), seen) {
        (false, _) => Evidence::Suspected(signs),
        // In the loss of a zone AWS may not answer for what is there (aws-facts 1.4).
        (true, Sight::Unknown(why)) => Evidence::Unseen(format!("{id} can't be observed: {why}")),
        (true, Sight::Known(_) | Sight::Absent) => Evidence::Healthy,
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
        // The active one stays a member: a failover has to begin from it.
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
        let retired = unsure && view.ledger.former_actives.contains(id);
        if unknown || retired || *id == view.ledger.active {
            members.entry(id.clone()).or_insert_with(|| member.clone());
        }
    }
    (members != view.ledger.members).then(|| record(Change::Members(members), "the service's instances have changed"))
}

/// Watches the active instance; begins a failover when its failure is confirmed and nothing forbids it.
pub(super) fn judge(view: View<'_>) -> Verdict {
    let verdict = match evidence(view) {
        Evidence::Unseen(why) => unseen(view, why),
        _ if view.ledger.unseen_since.is_some() => {
            record(Change::Unseen(None), format!("{} is observed again", view.ledger.active))
        }
        Evidence::Healthy if view.ledger.suspicion.is_some() || view.ledger.refused.is_some() => {
            record(Change::Suspect(None), format!("{} is healthy again", view.ledger.active))
        }
        // A group that launches beside a well instance is about to end that one: a planned failover is there first.
        Evidence::Healthy => match group::newcomer(view) {
            Some(newcomer) => replaced(view, &newcomer),
            None => return maintenance::maintain(view),
        },
        Evidence::Down(evidence) => begin_or_refuse(view, &evidence, view.now),
        Evidence::Suspected(evidence) => confirm(view, evidence),
    };
    // Whatever comes of it, no hook times out meanwhile.
    group::tend_beside(view, verdict)
}

/// Nothing speaks against the active instance, and nothing for it. A failover on that alone would take down what may well serve: people decide.
fn unseen(view: View<'_>, why: String) -> Verdict {
    let Some(since) = view.ledger.unseen_since else {
        return record(Change::Unseen(Some(view.now)), why);
    };
    if view.has_passed(UNSEEN_TOLD_AFTER, since) {
        return refuse(view, Refusal::Unobserved { instance: view.ledger.active.clone(), since }, &[why], None);
    }
    match &view.ledger.suspicion {
        // Neither confirmed nor cleared: the suspicion waits for somebody to see something.
        Some(suspicion) => waiting(view, suspicion, format!("suspected, but {why}")),
        None => Verdict::Settled { reasons: vec![why] },
    }
}

/// The group brings in another instance while the active one is healthy: it will do away with that one next.
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
    let confirm = seconds(view.spec.detect.confirm_seconds.get());
    match &view.ledger.suspicion {
        Some(suspicion) if suspicion.instance == view.ledger.active => {
            if view.has_passed(confirm, suspicion.since) {
                return begin_or_refuse(view, &evidence, suspicion.since);
            }
            let left = confirm - view.now.duration_since(suspicion.since);
            let reason = format!("{}; to be confirmed for {} s more", evidence.join("; "), left.as_secs().max(1));
            waiting(view, suspicion, reason)
        }
        // None yet, or one that was about an earlier active instance.
        Some(_) | None => {
            let instance = view.ledger.active.clone();
            let reason = format!("suspected: {}", evidence.join("; "));
            record(Change::Suspect(Some(Suspicion { instance, since: view.now, evidence })), reason)
        }
    }
}

/// Until the suspicion is old enough, or an observation can tell more.
fn waiting(view: View<'_>, suspicion: &Suspicion, reason: String) -> Verdict {
    let confirmed_at = later(suspicion.since, seconds(view.spec.detect.confirm_seconds.get()));
    let next = later(view.now, SUSPICION_PAUSE);
    let until = if confirmed_at > view.now { confirmed_at.min(next) } else { next };
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
    refuse(view, refusal, evidence, until)
}

/// People hear of a refusal once, not at every observation.
fn refuse(view: View<'_>, refusal: Refusal, evidence: &[String], until: Option<Timestamp>) -> Verdict {
    let reason = refusal.to_string();
    if view.ledger.refused.as_ref().is_none_or(|refused| refused.reason != reason) {
        return record(Change::Refuse(reason.clone()), format!("{}; but {reason}", evidence.join("; ")));
    }
    Verdict::Refuse { refusal, until }
}
