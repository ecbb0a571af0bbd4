//! How the parts of a running failover put together one verdict, and how steps are paced and tried again.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::View;
use crate::ledger::{Attempt, Change};
use crate::step::{FailureClass, Step, StepKey, StepOutcome};
use crate::verdict::{Awaited, Halt, Verdict};
use crate::world::Part;

/// A call without an answer may have happened; AWS's reads may lag by seconds. Before this has passed, it is not sent again.
const UNANSWERED_GRACE: SignedDuration = SignedDuration::from_secs(10);
/// The longest pause between two tries of a step that AWS turns away for now.
const LONGEST_BACKOFF_SECONDS: i64 = 15;
/// After so many tries in a row an operator should know.
const MOST_TRIES: u32 = 12;
/// What was refused for good is tried again this often: an operator may have mended it.
const REFUSED_RETRY: SignedDuration = SignedDuration::from_secs(60);
/// A halted failover is looked at this often by whoever has the time.
const HALT_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// One change, and why.
pub(super) fn record(change: Change, reason: impl Into<String>) -> Verdict {
    Verdict::Record { changes: vec![change], reasons: vec![reason.into()] }
}

/// Whether a step may be tried now.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Gate {
    /// Yes.
    Go,
    /// Not before then; AWS may show its effect meanwhile.
    Wait(Timestamp),
    /// AWS has no room for it.
    Capacity(String),
    /// AWS refuses it; then again at the given time.
    Refused {
        /// What AWS said.
        code: String,
        /// What AWS said, in words.
        message: String,
    },
}

/// Whether a step may be tried (again) now. `patience` is how long an accepted step may take to show its effect.
pub(super) fn gate(attempt: Option<&Attempt>, patience: SignedDuration, now: Timestamp) -> Gate {
    let Some(attempt) = attempt else { return Gate::Go };
    let after = |wait: SignedDuration, otherwise: Gate| {
        // An answer from the future (another host's clock) must not hold a step back for longer than the wait itself.
        let elapsed = now.duration_since(attempt.answered_at.min(now));
        if elapsed >= wait { Gate::Go } else { otherwise }
    };
    let until = |wait: SignedDuration| attempt.answered_at.saturating_add(wait).unwrap_or(now);
    match &attempt.outcome {
        StepOutcome::Unanswered => after(UNANSWERED_GRACE, Gate::Wait(until(UNANSWERED_GRACE))),
        StepOutcome::Accepted { .. } => after(patience, Gate::Wait(until(patience))),
        StepOutcome::Failed { class, code, message } => {
            let refused = Gate::Refused { code: code.clone(), message: message.clone() };
            match class {
                FailureClass::UnknownOutcome => after(UNANSWERED_GRACE, Gate::Wait(until(UNANSWERED_GRACE))),
                FailureClass::Denied | FailureClass::Invalid => after(REFUSED_RETRY, refused),
                FailureClass::Capacity => after(REFUSED_RETRY, Gate::Capacity(format!("{code}: {message}"))),
                FailureClass::Retryable | FailureClass::Conflict | FailureClass::Gone
                    if attempt.failures >= MOST_TRIES =>
                {
                    after(REFUSED_RETRY, refused)
                }
                FailureClass::Retryable | FailureClass::Conflict | FailureClass::Gone => {
                    let doubled = 1_i64 << attempt.failures.saturating_sub(1).min(4);
                    let backoff = SignedDuration::from_secs(doubled.min(LONGEST_BACKOFF_SECONDS));
                    after(backoff, Gate::Wait(until(backoff)))
                }
            }
        }
    }
}

/// When to look again at something that began at `since` and takes at least `least`: often at first, then in proportion,
/// so that what is lost by looking late stays a small part of what AWS takes.
pub(super) fn next_look(since: Timestamp, least: SignedDuration, now: Timestamp) -> Timestamp {
    let elapsed = now.duration_since(since.min(now));
    let pause = SignedDuration::from_millis((elapsed.as_millis() / 12).clamp(1_500, 10_000) as i64);
    let earliest = since.saturating_add(least).unwrap_or(now);
    earliest.max(now.saturating_add(pause).unwrap_or(now))
}

/// What the parts of a failover want, side by side.
pub(super) struct Progress<'a> {
    view: View<'a>,
    changes: Vec<Change>,
    proved: Vec<StepKey>,
    steps: Vec<Step>,
    wanted: BTreeSet<StepKey>,
    needs: BTreeSet<Part>,
    look_at: BTreeSet<Part>,
    look_again: Option<Timestamp>,
    halts: Vec<Halt>,
    /// A try that failed is worth another before a halt is left to the next tick.
    presses: bool,
    reasons: Vec<Awaited>,
    turned: bool,
}

impl<'a> Progress<'a> {
    pub(super) fn new(view: View<'a>) -> Self {
        Self {
            view,
            changes: Vec::new(),
            proved: Vec::new(),
            steps: Vec::new(),
            wanted: BTreeSet::new(),
            needs: BTreeSet::new(),
            look_at: BTreeSet::new(),
            look_again: None,
            halts: Vec::new(),
            presses: false,
            reasons: Vec::new(),
            turned: false,
        }
    }

    /// A change after which everything else has to be thought again: it is the whole verdict.
    pub(super) fn turn(&mut self, change: Change, needs: impl IntoIterator<Item = Part>, reason: impl Into<String>) {
        if !self.turned {
            self.turned = true;
            self.steps.clear();
            self.halts.clear();
            self.changes = vec![change];
            self.needs = needs.into_iter().collect();
            self.reasons = vec![reason.into().into()];
        }
    }

    /// Whether such a change was made.
    pub(super) fn has_turned(&self) -> bool {
        self.turned
    }

    /// A change that goes with whatever else is done.
    pub(super) fn change(&mut self, change: Change, needs: impl IntoIterator<Item = Part>) {
        if !self.turned {
            self.changes.push(change);
            self.needs.extend(needs);
        }
    }

    /// What is done now rests on these parts, too.
    pub(super) fn rest_on(&mut self, parts: impl IntoIterator<Item = Part>) {
        self.needs.extend(parts);
    }

    /// An observation shows that a step is done, if it was ever tried.
    pub(super) fn proved(&mut self, keys: impl IntoIterator<Item = StepKey>) {
        let Some(failover) = &self.view.ledger.failover else { return };
        for key in keys {
            let open = failover.steps.iter().any(|record| record.key == key && record.finished_at.is_none());
            if open && !self.proved.contains(&key) {
                self.proved.push(key);
            }
        }
    }

    /// Something is under way.
    pub(super) fn wait(&mut self, part: Part, until: Timestamp, reason: impl Into<String>) {
        self.wait_for(part, until, reason.into().into());
    }

    fn wait_for(&mut self, part: Part, until: Timestamp, awaited: Awaited) {
        self.look_at.insert(part);
        self.look_again = Some(self.look_again.map_or(until, |earlier| earlier.min(until)));
        self.reasons.push(awaited);
    }

    /// Every step that was asked for so far, whether it may be tried now or not.
    pub(super) fn wanted(&self) -> impl Iterator<Item = StepKey> + '_ {
        self.wanted.iter().cloned()
    }

    /// Why something is done, for those who watch.
    pub(super) fn reason(&mut self, reason: impl Into<String>) {
        self.reasons.push(reason.into().into());
    }

    /// It can't go on by itself.
    pub(super) fn halt(&mut self, halt: Halt, part: Part) {
        self.look_at.insert(part);
        self.halts.push(halt);
    }

    /// Tries a step, or waits for the effect of an earlier try. Says if AWS has no room for it.
    pub(super) fn step(&mut self, step: Step, patience: SignedDuration, pace: SignedDuration) -> Option<String> {
        let attempts = match &self.view.ledger.failover {
            Some(failover) => &failover.attempts,
            None => &self.view.ledger.upkeep,
        };
        let attempt = attempts.get(&step.key());
        self.wanted.insert(step.key());
        let part = shows_in(&step);
        match gate(attempt, patience, self.view.now) {
            // After a turn everything is thought again: what would have gone with it may be wrong.
            Gate::Go if self.turned => {}
            Gate::Go => {
                self.needs.extend(rests_on(&step));
                self.reasons.push(step.to_string().into());
                self.steps.push(step);
            }
            Gate::Wait(until) => {
                // A hook that times out takes the instance, and what is on it, away: ticks may be too few to hold it.
                self.presses |= is_of_hook(&step) && attempt.is_some_and(|it| (1..MOST_TRIES).contains(&it.failures));
                let since = attempt.map_or(self.view.now, |attempt| attempt.answered_at);
                let look = next_look(since, pace, self.view.now).min(until.max(self.view.now));
                self.wait_for(part, look, Awaited { step: Some(step.key()), text: step.to_string() });
            }
            Gate::Capacity(message) => {
                self.look_at.insert(part);
                return Some(message);
            }
            Gate::Refused { code, message } => {
                self.halt(Halt::StepFails { step: step.to_string(), code, message }, part);
            }
        }
        None
    }

    /// One verdict out of all wishes: first what is too old to rest on; then steps and changes, which a halt elsewhere
    /// does not hold up; then halts; then patience.
    pub(super) fn verdict(mut self) -> Verdict {
        if !self.proved.is_empty() {
            self.changes.insert(0, Change::Proved(std::mem::take(&mut self.proved)));
        }
        let acts = !self.steps.is_empty() || !self.changes.is_empty();
        let halt = std::mem::take(&mut self.halts).into_iter().next().filter(|_| !self.turned);
        let rests_on = if acts { &self.needs } else { &self.look_at };
        let stale = self.view.stale(rests_on.iter().copied());
        if !stale.is_empty() && (acts || halt.is_some()) {
            return Verdict::Look(stale);
        }
        if let Some(halt) = &halt
            && !self.is_known(halt)
        {
            self.reasons.push(halt.to_string().into());
            self.changes.push(Change::Halt(halt.to_string()));
        }
        if !self.steps.is_empty() {
            return Verdict::Act { changes: self.changes, steps: self.steps, reasons: texts(self.reasons) };
        }
        if !self.changes.is_empty() {
            return Verdict::Record { changes: self.changes, reasons: texts(self.reasons) };
        }
        let pause_over = self.view.now.saturating_add(HALT_PAUSE).unwrap_or(self.view.now);
        let until = self.look_again.unwrap_or(pause_over).max(self.view.now);
        let parts = self.look_at.into_iter().collect();
        match halt.filter(|_| !self.presses) {
            Some(halt) => Verdict::Halt { halt, until: until.min(pause_over), parts },
            None => Verdict::Wait { until, parts, reasons: self.reasons },
        }
    }

    /// A halt is written down, and people told, once; upkeep's are not: the next look tries again.
    fn is_known(&self, halt: &Halt) -> bool {
        self.view
            .ledger
            .failover
            .as_ref()
            .is_none_or(|failover| failover.halted.as_ref().is_some_and(|halted| halted.reason == halt.to_string()))
    }
}

/// In words alone.
pub(super) fn texts(awaited: Vec<Awaited>) -> Vec<String> {
    awaited.into_iter().map(|awaited| awaited.text).collect()
}

fn is_of_hook(step: &Step) -> bool {
    matches!(step, Step::ExtendHook { .. } | Step::CompleteHook { .. })
}

/// Which part of the world shows that a step is done.
fn shows_in(step: &Step) -> Part {
    match step {
        Step::StartInstance { .. } | Step::StopInstance { .. } => Part::Instances,
        Step::TakeSnapshots { .. } | Step::DeleteSnapshot { .. } => Part::Snapshots,
        Step::RestoreVolume { .. }
        | Step::DetachVolume { .. }
        | Step::AttachVolume { .. }
        | Step::MarkSuperseded { .. }
        | Step::CreateBlank { .. }
        | Step::DeleteVolume { .. } => Part::Volumes,
        Step::MoveAddress { .. } => Part::Addresses,
        Step::CompleteHook { .. } | Step::ExtendHook { .. } | Step::ReplaceMember { .. } | Step::SetSubnets { .. } => {
            Part::Groups
        }
    }
}

/// What must have been seen within the last seconds for a step to be taken.
fn rests_on(step: &Step) -> Vec<Part> {
    match step {
        Step::StartInstance { .. } | Step::StopInstance { .. } => vec![Part::Instances],
        Step::TakeSnapshots { .. } => vec![Part::Instances, Part::Volumes, Part::Snapshots],
        Step::RestoreVolume { .. } | Step::MarkSuperseded { .. } | Step::CreateBlank { .. } => vec![Part::Volumes],
        // A launch is let go when data, address and agent say so; a termination when the data says so.
        Step::CompleteHook { .. } => vec![Part::Groups, Part::Volumes, Part::Addresses, Part::Agents],
        Step::ReplaceMember { .. } => vec![Part::Groups, Part::Volumes],
        Step::ExtendHook { .. } | Step::SetSubnets { .. } => vec![Part::Groups],
        Step::DetachVolume { .. } | Step::AttachVolume { .. } => vec![Part::Instances, Part::Volumes],
        Step::MoveAddress { .. } => vec![Part::Instances, Part::Addresses],
        Step::DeleteVolume { .. } | Step::DeleteSnapshot { .. } => vec![Part::Volumes, Part::Snapshots],
    }
}
