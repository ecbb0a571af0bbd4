//! Lifecycle hooks: held while work goes on, completed once the data is safe, abandoned when a launch can't get it. None is left to time out.

use jiff::{SignedDuration, Timestamp};

use super::super::progress::Progress;
use super::super::view::View;
use super::fate::{Fate, launching, terminating};
use super::known::known;
use crate::group::{Group, HookResult, Lifecycle, Transition};
use crate::ids::{HookName, InstanceId};
use crate::ledger::{Change, StepRecord};
use crate::spec::Topology;
use crate::step::{HOOK_COMPLETION, Step, StepOutcome, is_hook_of, kind};
use crate::verdict::Verdict;
use crate::world::Part;

/// A group holds an instance for 48 hours or 100 heartbeats, whichever ends first (aws-facts 4.2): it is let go shortly before.
const LONGEST: SignedDuration = SignedDuration::from_hours(47);
const MOST_HEARTBEATS: u32 = 95;
/// A service is observed about once a minute at least.
const TICK: SignedDuration = SignedDuration::from_secs(60);

/// Sees to open hooks where nothing else is done: while a failure is only suspected, or no failover may begin.
pub(in super::super) fn tend_beside(view: View<'_>, verdict: Verdict) -> Verdict {
    if view.spec.topology != Topology::AutoScaling {
        return verdict;
    }
    let mut progress = Progress::new(view);
    tend(view, &mut progress);
    match (verdict, progress.verdict()) {
        // A hook runs out; what the verdict waits for is still there afterwards.
        (
            Verdict::Settled { .. } | Verdict::Refuse { .. } | Verdict::Wait { .. },
            first @ (Verdict::Act { .. } | Verdict::Observe(_)),
        ) => first,
        // Both are waited for; whichever is due first wakes.
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
        // What is written or done anyway comes first, and leads to another observation; a halt of a hook is told by the next tick.
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
            // No hook of it is open. What is neither coming nor going is somebody else's (`Standby`, warm pools).
            Lifecycle::Pending
            | Lifecycle::InService
            | Lifecycle::Terminating
            | Lifecycle::Retained
            | Lifecycle::Terminated
            | Lifecycle::Other(_) => continue,
        };
        // A heartbeat keeps things as they are; every other end of a hook would change them.
        let paused = view.ledger.paused.is_some() && view.ledger.failover.is_none();
        let fate = if paused { Fate::Hold("the service is paused") } else { fate };
        for (hook_name, _) in
            group.hooks.iter().filter(|(name, hook)| hook.transition == transition && view.spec.group.is_ours(name))
        {
            let complete = |result| Step::CompleteHook {
                group: name.clone(),
                hook: hook_name.clone(),
                instance: instance.clone(),
                result,
            };
            let extend = Step::ExtendHook { group: name.clone(), hook: hook_name.clone(), instance: instance.clone() };
            match fate {
                Fate::Complete(result) => drop(progress.step(complete(result))),
                // It never got its data: the group launches another, whose hook begins anew.
                Fate::Hold(_) if is_worn_out(view, &extend) && transition == Transition::Launching && !paused => {
                    drop(progress.step(complete(HookResult::Abandon)));
                }
                // To complete it would end the instance sooner than the group itself does.
                Fate::Hold(why) if is_worn_out(view, &extend) => {
                    warn_of_the_end(view, hook_name, instance, why, progress);
                }
                Fate::Hold(why) => {
                    progress.reason(format!("{hook_name} holds {instance}: {why}"));
                    if *instance == view.ledger.active && transition == Transition::Launching && !paused {
                        progress.wait(Part::Agents, view.soon(), "the active instance is starting");
                    }
                    progress.step(extend);
                }
            }
        }
    }
}

/// A completion, and the heartbeats before it, are done when the instance is seen to be held no more.
fn ended(view: View<'_>, group: &Group, progress: &mut Progress<'_>) {
    let held = |record: &StepRecord| {
        let mut held = group.members.iter().filter(|(_, member)| member.lifecycle.is_held());
        held.any(|(id, _)| is_hook_of(&record.resource, id.as_str()))
    };
    let open = open_records(view, &[kind::COMPLETE_HOOK, kind::ABANDON_HOOK, kind::EXTEND_HOOK]);
    let over = open.filter(|record| !held(record));
    progress.proved(over.map(|it| it.key.clone()));
}

/// The active instance's launch hook was completed, and that does not show yet: worth a moment, so that the report tells its end.
pub(in super::super) fn is_completing(view: View<'_>) -> bool {
    let active = view.ledger.active.as_str();
    let mut of_active = open_records(view, &[kind::COMPLETE_HOOK]).filter(|it| is_hook_of(&it.resource, active));
    of_active.any(|record| {
        let attempt = view.ledger.failover.as_ref().and_then(|failover| failover.attempts.get(&record.key));
        attempt.is_some_and(|attempt| {
            let accepted = matches!(attempt.outcome, StepOutcome::Accepted { .. });
            accepted && !view.has_passed(HOOK_COMPLETION.resend_after, attempt.answered_at)
        })
    })
}

/// With the failover its heartbeats end: those that follow are maintenance's.
pub(in super::super) fn release_holds(view: View<'_>, progress: &mut Progress<'_>) {
    progress.proved(open_records(view, &[kind::EXTEND_HOOK]).map(|it| it.key.clone()));
}

fn open_records<'a>(view: View<'a>, kinds: &'a [&str]) -> impl Iterator<Item = &'a StepRecord> {
    let records = view.ledger.failover.iter().flat_map(|failover| &failover.steps);
    records.filter(|it| it.finished_at.is_none() && kinds.contains(&it.step.as_str()))
}

fn is_worn_out(view: View<'_>, extend: &Step) -> bool {
    view.attempt(extend)
        .is_some_and(|attempt| attempt.tries >= MOST_HEARTBEATS || view.has_passed(LONGEST, attempt.first_at))
}

/// The group's own limit ends the hook: whatever is still on the instance then goes the way of the instance.
fn warn_of_the_end(view: View<'_>, hook: &HookName, instance: &InstanceId, why: &str, progress: &mut Progress<'_>) {
    let warning = format!("{hook} can't hold {instance} for much longer: the group will terminate it, although {why}");
    progress.wait(Part::Groups, view.soon(), warning.clone());
    if view.ledger.failover.as_ref().is_some_and(|failover| !failover.warnings.contains(&warning)) {
        progress.change(Change::Warn(warning), []);
    }
}
