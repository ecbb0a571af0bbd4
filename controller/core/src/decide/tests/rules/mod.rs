//! The rules that make it safe, held against generated worlds and ledgers.
//!
//! Each case is driven as a host drives a service, until there is something to wait for: every verdict on the way keeps the rules, the
//! ledger takes all that is written, and it ends. What AWS says to the steps is part of the case; its world stays as it is.

mod changes;
mod groups;
mod hooks;
mod standby;
mod steps;
mod worlds;

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{FileFailurePersistence, TestRunner};

use crate::decide::decide;
use crate::ledger::{Change, Ledger};
use crate::spec::Spec;
use crate::step::{Step, StepOutcome};
use crate::verdict::Verdict;
use crate::world::{Observed, Part, World};

/// When it is, in the cases: late enough that things can have begun long ago.
const NOW: i64 = 100_000;
const FAILOVER: &str = "f000000000001-e2";
/// So many verdicts in a row without a pause are a circle.
const MOST_ROUNDS: usize = 40;

/// Everything a decision depends on, and what AWS says to what is then done.
#[derive(Debug, Clone)]
struct Case {
    spec: Spec,
    ledger: Ledger,
    world: World,
    now: Timestamp,
    answer: StepOutcome,
}

/// What a verdict writes and does.
fn effects(verdict: &Verdict) -> (Vec<Change>, Vec<Step>) {
    match verdict {
        Verdict::Record { changes, .. } => (changes.clone(), Vec::new()),
        Verdict::Act { changes, steps, .. } => (changes.clone(), steps.clone()),
        _ => (Vec::new(), Vec::new()),
    }
}

fn known<T>(observed: Option<&Observed<T>>) -> bool {
    matches!(observed, Some(Observed::Known { .. }))
}

impl Case {
    /// Follows every verdict until there is something to wait for; the kinds of effects on the way.
    fn drive(mut self) -> Result<BTreeSet<String>, TestCaseError> {
        let mut kinds = BTreeSet::new();
        for _ in 0..MOST_ROUNDS {
            let verdict = decide(&self.spec, &self.ledger, &self.world, self.now);
            let (changes, steps) = effects(&verdict);
            self.the_verdict_keeps_the_rules(&verdict, &changes, &steps)?;
            kinds.extend(steps.iter().map(|step| step.kind().to_owned()));
            kinds.extend(changes.iter().map(name_of));
            match &verdict {
                Verdict::Observe(parts) => self.observe(parts),
                Verdict::Record { .. } | Verdict::Act { .. } => self.write(&changes, &steps)?,
                Verdict::Wait { until, parts, .. } => {
                    prop_assert!(
                        *until >= self.now && !parts.is_empty(),
                        "a wait without an end, or nothing to observe: {verdict:?}"
                    );
                    self.no_hook_is_forgotten()?;
                    return Ok(kinds);
                }
                Verdict::Settled { .. } | Verdict::Refuse { .. } | Verdict::Halt { .. } => {
                    self.no_hook_is_forgotten()?;
                    return Ok(kinds);
                }
            }
        }
        Err(TestCaseError::fail(format!("it goes round in circles: {kinds:?}, {:?}", self.ledger)))
    }

    fn the_verdict_keeps_the_rules(
        &self,
        verdict: &Verdict,
        changes: &[Change],
        steps: &[Step],
    ) -> Result<(), TestCaseError> {
        for step in steps {
            self.irreversible_steps_are_on_what_is_known(step)?;
            self.the_step_keeps_the_rules(step)?;
        }
        for change in changes {
            self.the_change_keeps_the_rules(change)?;
        }
        if let Verdict::Observe(parts) = verdict {
            prop_assert!(parts.iter().all(|part| self.world.seen_at(*part) < self.now), "nothing is newer than now");
        }
        if self.ledger.paused.is_some() && self.ledger.failover.is_none() {
            let holds = |step: &Step| matches!(step, Step::ExtendHook { .. });
            prop_assert!(steps.iter().all(holds), "a paused service was changed");
        }
        Ok(())
    }

    /// The same world, seen again now.
    fn observe(&mut self, parts: &[Part]) {
        let now = self.now;
        for part in parts {
            let world = &mut self.world;
            match part {
                Part::Instances => world.instances = worlds::again(&world.instances, now),
                Part::Checks => world.checks = worlds::again(&world.checks, now),
                Part::Volumes => world.volumes = worlds::again(&world.volumes, now),
                Part::Snapshots => world.snapshots = worlds::again(&world.snapshots, now),
                Part::Addresses => world.addresses = worlds::again(&world.addresses, now),
                Part::Alarms => world.alarms = worlds::again(&world.alarms, now),
                Part::Groups => world.groups = worlds::again(&world.groups, now),
                Part::Agents => world.agents = worlds::again(&world.agents, now),
            }
        }
    }

    /// Whatever is written, the ledger allows it.
    fn write(&mut self, changes: &[Change], steps: &[Step]) -> Result<(), TestCaseError> {
        let said = |step: &Step| (step.key(), self.answer.clone(), 1);
        let resolved = Change::Resolve(steps.iter().map(said).collect());
        let mut next = self.ledger.clone();
        for change in changes.iter().chain([&Change::Intend(steps.to_vec()), &resolved]) {
            next = next.apply(change, self.now).map_err(|error| TestCaseError::fail(error.to_string()))?;
        }
        prop_assert!(next.epoch >= self.ledger.epoch, "the epoch never falls");
        prop_assert!(next.active == self.ledger.active || next.epoch == self.ledger.epoch + 1, "never two actives");
        prop_assert!(next != self.ledger, "it writes what is written already");
        self.ledger = next;
        Ok(())
    }
}

fn name_of(change: &Change) -> String {
    format!("{change:?}").split(['(', ' ']).next().unwrap_or_default().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 6_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_verdict_keeps_the_rules(case in standby::cases()) {
        case.drive()?;
    }

    #[test]
    fn every_verdict_keeps_the_rules_of_groups(case in groups::cases()) {
        case.drive()?;
    }

    #[test]
    fn a_ledger_survives_its_json(ledger in prop_oneof![standby::ledgers().boxed(), groups::ledgers().boxed()]) {
        let text = serde_json::to_string(&ledger).unwrap();
        prop_assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
    }
}

/// The rules above say nothing if the cases never lead to an effect: each kind must come up.
fn each_comes_up(cases: &impl Strategy<Value = Case>, topology: &[&str]) {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..10_000 {
        seen.extend(cases.new_tree(&mut runner).unwrap().current().drive().unwrap());
    }
    let everywhere = [
        "stop",
        "force-stop",
        "snapshot",
        "restore",
        "detach",
        "force-detach",
        "attach",
        "address",
        "mark-superseded",
        "delete-volume",
        "delete-snapshot",
        "Begin",
        "BeginFence",
        "ReopenFence",
        "Fenced",
        "WaiveFence",
        "ChooseCopies",
        "Promote",
        "Finish",
        "Abort",
        "Halt",
        "Retarget",
        "TargetSeen",
        "Suspect",
        "Unseen",
        "Decline",
        "Refuse",
        "Members",
        "Supersede",
    ];
    let missing: Vec<_> = everywhere.iter().chain(topology).filter(|kind| !seen.contains(**kind)).collect();
    assert!(missing.is_empty(), "never came up: {missing:?}; seen: {seen:?}");
}

#[test]
fn the_cases_lead_to_every_kind_of_effect() {
    each_comes_up(&standby::cases(), &["start"]);
}

#[test]
fn the_cases_of_groups_lead_to_every_kind_of_effect() {
    let of_groups = [
        "complete-hook",
        "abandon-hook",
        "extend-hook",
        "replace",
        "subnets",
        "create-blank",
        "Bootstrapped",
        "Narrow",
        "Warn",
    ];
    each_comes_up(&groups::cases(), &of_groups);
}
