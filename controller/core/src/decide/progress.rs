//! How the parts of a running failover put together one verdict.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::retry::{Gate, MOST_TRIES, REFUSED_RETRY, gate, next_observation, timing};
use super::view::View;
use crate::ledger::{Attempt, Change};
use crate::step::{MAINTENANCE, Step, StepKey, StepOutcome, StepTiming, When};
use crate::time::later;
use crate::verdict::{Awaited, Halt, Verdict};
use crate::world::Part;

/// A halted failover is observed this often by whoever has the time.
const HALT_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// One change, and why.
pub(super) fn record(change: Change, reason: impl Into<String>) -> Verdict {
    Verdict::Record { changes: vec![change], reasons: vec![reason.into()] }
}

/// What the parts of a failover want, side by side.
pub(super) struct Progress<'a> {
    view: View<'a>,
    changes: Vec<Change>,
    proved: Vec<StepKey>,
    steps: Vec<Step>,
    wanted: BTreeSet<StepKey>,
    needs: BTreeSet<Part>,
    observe_parts: BTreeSet<Part>,
    observe_again_at: Option<Timestamp>,
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
            observe_parts: BTreeSet::new(),
            observe_again_at: None,
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
        self.observe_parts.insert(part);
        self.observe_again_at = Some(self.observe_again_at.map_or(until, |earlier| earlier.min(until)));
        self.reasons.push(awaited);
    }

    /// How many steps are to be tried now.
    pub(super) fn steps(&self) -> usize {
        self.steps.len()
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
        self.observe_parts.insert(part);
        self.halts.push(halt);
    }

    /// Tries a step of a failover, or waits for the effect of an earlier try. Says if AWS has no room for it.
    pub(super) fn step(&mut self, step: Step) -> Option<String> {
        let timing = timing(self.view, &step);
        self.step_at(step, timing)
    }

    /// Tries a step of maintenance, or waits for the effect of an earlier try.
    pub(super) fn maintenance(&mut self, step: Step) {
        self.step_at(step, MAINTENANCE);
    }

    fn step_at(&mut self, step: Step, timing: StepTiming) -> Option<String> {
        let attempt = self.view.attempt(&step);
        self.wanted.insert(step.key());
        let card = step.card();
        let resend_after = if self.has_no_effect(&step, attempt) {
            self.halt(Halt::NoEffect { step: step.to_string(), tries: MOST_TRIES }, card.shows_in);
            timing.resend_after.max(REFUSED_RETRY)
        } else {
            timing.resend_after
        };
        match gate(attempt, resend_after, self.view.now) {
            // After a turn everything is thought again: what would have gone with it may be wrong.
            Gate::Go if self.turned => {}
            Gate::Go => {
                self.needs.extend(card.rests_on);
                self.reasons.push(step.to_string().into());
                self.steps.push(step);
            }
            Gate::Wait(until) => {
                // A hook that times out takes the instance, and what is on it, away: ticks may be too few to hold it.
                self.presses |= step.is_of_hook() && attempt.is_some_and(|it| (1..MOST_TRIES).contains(&it.failures));
                let since = attempt.map_or(self.view.now, |attempt| attempt.answered_at);
                let again = next_observation(since, timing.least_duration, self.view.now).min(until.max(self.view.now));
                self.wait_for(card.shows_in, again, Awaited { step: Some(step.key()), text: step.to_string() });
            }
            Gate::Capacity(message) => {
                self.observe_parts.insert(card.shows_in);
                return Some(message);
            }
            Gate::Refused { code, message } => {
                self.halt(Halt::StepFails { step: step.to_string(), code, message }, card.shows_in);
            }
        }
        None
    }

    /// Whether AWS accepted a step of the failover again and again, and it was never seen done. A heartbeat is repeated by its nature.
    fn has_no_effect(&self, step: &Step, attempt: Option<&Attempt>) -> bool {
        let accepted = attempt.filter(|attempt| matches!(attempt.outcome, StepOutcome::Accepted { .. }));
        self.view.ledger.failover.is_some()
            && !matches!(step.card().when, When::Heartbeat)
            && accepted.is_some_and(|attempt| attempt.tries >= MOST_TRIES)
    }

    /// One verdict out of everything that is wanted: first what is too old to rest on; then steps and changes, which a halt elsewhere
    /// does not hold up; then halts; then patience.
    pub(super) fn verdict(mut self) -> Verdict {
        // First, since a change that ends the failover takes its steps along.
        if !self.proved.is_empty() {
            self.changes.insert(0, Change::StepsConfirmed(std::mem::take(&mut self.proved)));
        }
        let acts = !self.steps.is_empty() || !self.changes.is_empty();
        let halt = std::mem::take(&mut self.halts).into_iter().next().filter(|_| !self.turned);
        let rests_on = if acts { &self.needs } else { &self.observe_parts };
        let stale = self.view.stale(rests_on.iter().copied());
        // A wait rests on nothing yet; what it observes is read anew when it ends.
        if !stale.is_empty() && (acts || halt.is_some()) {
            return Verdict::Observe(stale);
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
        let pause_over = later(self.view.now, HALT_PAUSE);
        let until = self.observe_again_at.unwrap_or(pause_over).max(self.view.now);
        let parts = self.observe_parts.into_iter().collect();
        // A halt hands over to the next tick; what presses is waited for here, by whoever drives.
        match halt.filter(|_| !self.presses) {
            Some(halt) => Verdict::Halt { halt, until: until.min(pause_over), parts },
            None => Verdict::Wait { until, parts, reasons: self.reasons },
        }
    }

    /// A halt is written down, and people told, once; maintenance's are not: the next observation tries again.
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
