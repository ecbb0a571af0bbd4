//! Lifecycle hooks: held while work goes on, completed once the data is safe, abandoned when a launch can't get it. None is left to time out.

use jiff::{SignedDuration, Timestamp};

use super::super::agents::{self, Word};
use super::super::fence::soon;
use super::super::progress::Progress;
use super::super::{View, resources};
use super::known;
use crate::group::{Group, Hook, HookResult, Lifecycle, Transition};
use crate::ids::{HookName, InstanceId, VolumeId};
use crate::ledger::{Change, FenceState, StepRecord};
use crate::spec::Topology;
use crate::step::{Step, StepOutcome};
use crate::verdict::Verdict;
use crate::world::{AttachmentState, Part, Sight};

/// An accepted completion shows in the group within seconds.
const COMPLETE_PATIENCE: SignedDuration = SignedDuration::from_secs(30);
const PACE: SignedDuration = SignedDuration::from_secs(2);
/// A group holds an instance for 48 hours or 100 heartbeats, whichever ends first (aws-facts 4.2): it is let go shortly before.
const LONGEST: SignedDuration = SignedDuration::from_hours(47);
const MOST_HEARTBEATS: u32 = 95;
/// A service is looked at about once a minute at least.
const TICK: SignedDuration = SignedDuration::from_secs(60);
/// Hooks of this name are ours, where the spec names none.
const OURS: &str = "failover";

/// What becomes of a hook now.
enum Fate {
    Complete(HookResult),
    Hold(&'static str),
}

/// Sees to open hooks where nothing else is done: while a failure is only suspected, or no failover may begin.
pub(in super::super) fn tend_beside(view: View<'_>, verdict: Verdict) -> Verdict {
    if view.spec.topology != Topology::AutoScaling {
        return verdict;
    }
    let mut progress = Progress::new(view);
    tend(view, &mut progress);
    match (verdict, progress.verdict()) {
        (
            Verdict::Settled { .. } | Verdict::Refuse { .. } | Verdict::Wait { .. },
            first @ (Verdict::Act { .. } | Verdict::Look(_)),
        ) => first,
        (
            Verdict::Wait { until, mut parts, mut reasons },
            Verdict::Wait { until: sooner, parts: more, reasons: also },
        ) => {
            parts.extend(more);
            reasons.extend(also);
            Verdict::Wait { until: until.min(sooner), parts, reasons }
        }
        (Verdict::Settled { reasons }, Verdict::Wait { until, parts, reasons: also })
            if before_the_tick(view, until) =>
        {
            Verdict::Wait { until, parts, reasons: reasons.into_iter().map(Into::into).chain(also).collect() }
        }
        (Verdict::Refuse { refusal, .. }, Verdict::Wait { until, parts, reasons: also })
            if before_the_tick(view, until) =>
        {
            Verdict::Wait { until, parts, reasons: std::iter::once(refusal.to_string().into()).chain(also).collect() }
        }
        (verdict, _) => verdict,
    }
}

/// What is due later than this is found by the next tick; what is due sooner is waited for.
fn before_the_tick(view: View<'_>, until: Timestamp) -> bool {
    until.duration_since(view.now) < TICK
}

/// Sees to every open hook of ours.
pub(in super::super) fn tend(view: View<'_>, progress: &mut Progress<'_>) {
    let Some((name, group)) = known(view) else { return };
    ended(view, group, progress);
    for (instance, member) in &group.members {
        let (transition, fate) = match member.lifecycle {
            Lifecycle::TerminatingWait => (Transition::Terminating, terminating(view, instance)),
            Lifecycle::PendingWait => (Transition::Launching, launching(view, instance)),
            _ => continue,
        };
        // A heartbeat keeps things as they are; every other end of a hook would change them.
        let paused = view.ledger.paused.is_some() && view.ledger.failover.is_none();
        let fate = if paused { Fate::Hold("the service is paused") } else { fate };
        for (hook_name, hook) in
            group.hooks.iter().filter(|(name, hook)| hook.transition == transition && is_ours(view, name))
        {
            let complete = |result| Step::CompleteHook {
                group: name.clone(),
                hook: hook_name.clone(),
                instance: instance.clone(),
                result,
            };
            let extend = Step::ExtendHook { group: name.clone(), hook: hook_name.clone(), instance: instance.clone() };
            match fate {
                Fate::Complete(result) => drop(progress.step(complete(result), COMPLETE_PATIENCE, PACE)),
                Fate::Hold(_) if is_worn_out(view, &extend) && transition == Transition::Launching && !paused => {
                    drop(progress.step(complete(HookResult::Abandon), COMPLETE_PATIENCE, PACE));
                }
                // To complete it would end the instance sooner than the group itself does.
                Fate::Hold(why) if is_worn_out(view, &extend) => {
                    warn_of_the_end(view, hook_name, instance, why, progress);
                }
                Fate::Hold(why) => {
                    let third = third_of(hook);
                    progress.reason(format!("{hook_name} holds {instance}: {why}"));
                    if *instance == view.ledger.active && transition == Transition::Launching && !paused {
                        progress.wait(Part::Agents, soon(view), "the active instance comes up");
                    }
                    progress.step(extend, third, third);
                }
            }
        }
    }
}

/// A completion, and the heartbeats before it, are done when the instance is seen to be held no more.
fn ended(view: View<'_>, group: &Group, progress: &mut Progress<'_>) {
    let holds = |instance: &str| {
        let mut members = group.members.iter();
        members.any(|(id, member)| id.as_str() == instance && member.lifecycle.is_held())
    };
    let over = open_records(view, &["complete-hook", "abandon-hook", "extend-hook"]);
    let over = over.filter(|it| it.resource.rsplit_once('@').is_some_and(|(_, instance)| !holds(instance)));
    progress.proved(over.map(|it| it.key.clone()));
}

/// The active instance's launch hook was completed, and that does not show yet: worth a moment, so that the report tells its end.
pub(in super::super) fn is_completing(view: View<'_>) -> bool {
    let active = view.ledger.active.as_str();
    let mut of_active = open_records(view, &["complete-hook"]).filter(|it| it.resource.ends_with(active));
    of_active.any(|record| {
        let attempt = view.ledger.failover.as_ref().and_then(|failover| failover.attempts.get(&record.key));
        attempt.is_some_and(|attempt| {
            let accepted = matches!(attempt.outcome, StepOutcome::Accepted { .. });
            accepted && view.now.duration_since(attempt.answered_at) < COMPLETE_PATIENCE
        })
    })
}

/// With the failover its heartbeats end: those that follow are upkeep's.
pub(in super::super) fn release_holds(view: View<'_>, progress: &mut Progress<'_>) {
    progress.proved(open_records(view, &["extend-hook"]).map(|it| it.key.clone()));
}

fn open_records<'a>(view: View<'a>, kinds: &'a [&str]) -> impl Iterator<Item = &'a StepRecord> {
    let records = view.ledger.failover.iter().flat_map(|failover| &failover.steps);
    records.filter(|it| it.finished_at.is_none() && kinds.contains(&it.step.as_str()))
}

fn is_ours(view: View<'_>, name: &HookName) -> bool {
    match view.spec.group.hooks.as_slice() {
        [] => name.as_str().starts_with(OURS),
        named => named.contains(name),
    }
}

/// A heartbeat restarts the hook's time: given long before it is over, so that one that is lost does no harm.
fn third_of(hook: &Hook) -> SignedDuration {
    SignedDuration::from_secs(i64::from(hook.heartbeat_timeout_seconds / 3).clamp(5, 1_200))
}

fn is_worn_out(view: View<'_>, extend: &Step) -> bool {
    view.attempt(extend)
        .is_some_and(|attempt| attempt.tries >= MOST_HEARTBEATS || view.now.duration_since(attempt.first_at) >= LONGEST)
}

/// The group's own limit ends the hook: whatever is still on the instance then goes the way of the instance.
fn warn_of_the_end(view: View<'_>, hook: &HookName, instance: &InstanceId, why: &str, progress: &mut Progress<'_>) {
    let warning = format!("{hook} can't hold {instance} for much longer: the group ends it, although {why}");
    progress.wait(Part::Groups, soon(view), warning.clone());
    if view.ledger.failover.as_ref().is_some_and(|failover| !failover.warnings.contains(&warning)) {
        progress.change(Change::Warn(warning), []);
    }
}

/// An instance that goes may go once nothing of the service is on it: a termination could take an attached volume along.
fn terminating(view: View<'_>, instance: &InstanceId) -> Fate {
    let holds = |volume: &VolumeId| match view.world.volumes.sight(volume) {
        Sight::Known(volume) => volume.attachment_to(instance).is_some(),
        Sight::Absent => false,
        Sight::Unknown(_) => true,
    };
    if view.ledger.heads.values().any(|head| holds(&head.volume)) {
        return Fate::Hold("it may hold the newest data");
    }
    // Left behind under a waived fence, say: kept for its retention, and not gone with the instance.
    if view.ledger.superseded.keys().any(holds) {
        return Fate::Hold("it may hold a volume that is kept");
    }
    match &view.ledger.failover {
        None if *instance == view.ledger.active => Fate::Hold("it is the active instance"),
        Some(failover) if failover.is_promoted() && *instance == view.ledger.active => {
            Fate::Hold("it is the active instance")
        }
        Some(failover) if failover.from.instance_id == *instance && !failover.is_promoted() => {
            let open = matches!(failover.fence, FenceState::Open { .. });
            let serves_on = failover.planned && !failover.has_begun_to_fence();
            if serves_on {
                Fate::Hold("it serves until its replacement is well")
            } else if open && !view.ledger.heads.is_empty() {
                Fate::Hold("it is not fenced yet")
            } else {
                // Without data the termination itself is the fence.
                Fate::Complete(HookResult::Continue)
            }
        }
        _ => Fate::Complete(HookResult::Continue),
    }
}

fn launching(view: View<'_>, instance: &InstanceId) -> Fate {
    let promoted = view.ledger.failover.as_ref().is_none_or(crate::ledger::Failover::is_promoted);
    if *instance == view.ledger.active && promoted {
        return if is_equipped(view) {
            Fate::Complete(HookResult::Continue)
        } else {
            Fate::Hold("its data is on its way")
        };
    }
    let excluded = view.ledger.failover.as_ref().is_some_and(|failover| failover.excluded.contains_key(instance));
    if excluded { Fate::Complete(HookResult::Abandon) } else { Fate::Hold("its data is on its way") }
}

/// The active instance has all that it needs to serve.
fn is_equipped(view: View<'_>) -> bool {
    let active = &view.ledger.active;
    let attached = view.ledger.heads.values().all(|head| {
        let attachment = view.world.volumes.get(&head.volume).and_then(|volume| volume.attachment_to(active));
        attachment.is_some_and(|attachment| attachment.state == AttachmentState::Attached)
    });
    let reached = resources::addresses(view)
        .iter()
        .all(|id| view.world.addresses.get(id).and_then(|address| address.instance.as_ref()) == Some(active));
    attached && reached && view.ledger.unborn.is_empty() && !matches!(agents::word(view), Word::NotYet(_))
}
