//! Judges a played scenario by the region's ground truth: what the controller says of itself is compared, not believed.

use std::collections::BTreeSet;

use failover_core::ledger::Ledger;
use failover_core::report::Report;
use failover_simulator::Truth;
use serde::Serialize;

use super::layout::{GROUP, Layout, Made, SERVICE, zone};
use super::scenario::{Expect, Scenario};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// What was found.
    pub found: String,
}

impl Finding {
    /// A finding.
    pub fn new(rule: &'static str, found: impl Into<String>) -> Self {
        Self { rule, found: found.into() }
    }
}

/// What the judge says.
pub(super) struct Judgement {
    pub(super) outcome: &'static str,
    pub(super) findings: Vec<Finding>,
    pub(super) running: Option<Report>,
    pub(super) client_downtime_seconds: f64,
    pub(super) lost_seconds: f64,
}

/// A hook that began a moment ago is nobody's neglect.
const HOOK_SECONDS: f64 = 120.0;

/// A few snapshots may wait for their retention; more than this are a leak.
const SNAPSHOTS_IN_TRANSIT: usize = 2;

pub(super) fn judge(
    scenario: &Scenario,
    made: &Made,
    ledger: Option<&Ledger>,
    reports: &[Report],
    truth: &Truth,
) -> Judgement {
    let mut findings = Vec::new();
    let Some(ledger) = ledger else {
        findings.push(Finding::new("ledger", "the ledger can't be read"));
        return Judgement {
            outcome: "broken",
            findings,
            running: None,
            client_downtime_seconds: 0.0,
            lost_seconds: 0.0,
        };
    };
    let outcome = outcome(ledger);
    let judge = Judge { scenario, made, ledger, reports, truth, outcome };
    findings.extend(judge.ends_as_expected());
    findings.extend(judge.one_writer());
    findings.extend(judge.nothing_lost());
    findings.extend(judge.serves());
    findings.extend(judge.nothing_leaked());
    if matches!(scenario.layout, Layout::Group(_)) {
        findings.extend(judge.hooks_are_ended());
        findings.extend(judge.is_in_service());
    }
    findings.extend(truth.deleted_only_copy().iter().map(|deletion| {
        Finding::new("the only copy is never deleted", format!("{} was the only copy", deletion.resource))
    }));
    let gaps = truth.downtime();
    let longest =
        gaps.get(SERVICE).into_iter().flatten().map(failover_simulator::truth::Interval::seconds).reduce(f64::max);
    let running = ledger.failover.as_ref().map(|failover| Report::running(ledger, failover, failover.started_at));
    Judgement {
        outcome,
        findings,
        running,
        client_downtime_seconds: longest.unwrap_or(0.0),
        lost_seconds: judge.lost_seconds(),
    }
}

fn outcome(ledger: &Ledger) -> &'static str {
    match (&ledger.failover, &ledger.refused, ledger.epoch) {
        (Some(failover), _, _) if failover.halted.is_some() => "halted",
        (Some(_), _, _) => "running",
        (None, Some(_), _) => "refused",
        (None, None, 1) => "untouched",
        (None, None, _) => "done",
    }
}

struct Judge<'a> {
    scenario: &'a Scenario,
    made: &'a Made,
    ledger: &'a Ledger,
    reports: &'a [Report],
    truth: &'a Truth,
    outcome: &'static str,
}

impl Judge<'_> {
    fn ends_as_expected(&self) -> Option<Finding> {
        let wrong = |expected: String| {
            let reason = self.standing_reason().unwrap_or_default();
            let found = format!("{expected}; it ended {} (epoch {}) {reason}", self.outcome, self.ledger.epoch);
            Some(Finding::new("ends as it must", found))
        };
        let done_in = |letter| self.outcome == "done" && self.ledger.active_zone.as_str() == zone(letter);
        let reason_contains = |text: &str| self.standing_reason().is_some_and(|reason| reason.contains(text));
        match self.scenario.expect {
            Expect::DoneIn(letter) | Expect::DoneWithLoss { zone: letter, .. } if !done_in(letter) => {
                wrong(format!("expected: done in zone {letter}"))
            }
            Expect::Done if self.outcome != "done" => wrong("expected: done".to_owned()),
            Expect::Drill if !matches!(self.outcome, "done" | "untouched") => {
                wrong("expected: drill done, or refused with nothing changed".to_owned())
            }
            Expect::DrillIn(letter) if !done_in(letter) && self.outcome != "untouched" => {
                wrong(format!("expected: drill done in zone {letter}, or refused with nothing changed"))
            }
            Expect::Halted(text) if self.outcome != "halted" || !reason_contains(text) => {
                wrong(format!("expected: halted because {text:?}"))
            }
            Expect::Refused(text) if self.outcome != "refused" || !reason_contains(text) => {
                wrong(format!("expected: refused because {text:?}"))
            }
            Expect::StandsStill(text) if !matches!(self.outcome, "halted" | "refused") || !reason_contains(text) => {
                wrong(format!("expected: halted or refused because {text:?}"))
            }
            Expect::Untouched
                if self.outcome != "untouched" || self.made.active.as_deref() != Some(self.ledger.active.as_str()) =>
            {
                wrong("expected: untouched".to_owned())
            }
            Expect::Born if self.outcome != "untouched" || !self.is_born() => {
                wrong("expected: the first instance with its volumes, each created once".to_owned())
            }
            _ => None,
        }
    }

    /// Every volume exists once, and the active instance has it.
    fn is_born(&self) -> bool {
        let names = self.scenario.layout.volumes();
        names.iter().all(|name| {
            let holds_it = |it: &&failover_simulator::truth::Resource| {
                it.kind == "volume" && it.tags.get("failover:volume").is_some_and(|value| value == name)
            };
            let mut volumes = self.truth.resources().iter().filter(holds_it);
            let first = volumes.next().and_then(|volume| volume.attached_to.as_deref());
            first == Some(self.ledger.active.as_str()) && volumes.next().is_none()
        })
    }

    fn standing_reason(&self) -> Option<&str> {
        let halted = self.ledger.failover.as_ref().and_then(|failover| failover.halted.as_ref());
        let refused = self.ledger.refused.as_ref().map(|refused| refused.reason.as_str());
        halted.map(|halted| halted.reason.as_str()).or(refused)
    }

    fn one_writer(&self) -> Vec<Finding> {
        let told = |overlap: &failover_simulator::truth::TwoWriters| {
            format!("{} wrote at the same time", overlap.writers.join(" and "))
        };
        self.truth.two_writers().iter().map(|overlap| Finding::new("never two writers", told(overlap))).collect()
    }

    fn lost_seconds(&self) -> f64 {
        let heads: Vec<&str> = self.ledger.heads.values().map(|head| head.volume.as_str()).collect();
        self.truth.lost_seconds(&heads)
    }

    fn nothing_lost(&self) -> Option<Finding> {
        let lost = self.lost_seconds();
        // What the reports of finished failovers own up to; without one, nothing may be lost.
        let reported: u64 = self.reports.iter().map(|report| report.data_loss_seconds).max().unwrap_or(0);
        let allowed = match self.scenario.expect {
            Expect::DoneWithLoss { most_seconds, .. } => most_seconds.min(reported),
            _ => 0,
        };
        #[allow(clippy::cast_precision_loss)] // Seconds of a scenario are far below 2^52.
        let allowed = allowed as f64;
        (lost > allowed + f64::EPSILON).then(|| {
            Finding::new(
                "no acknowledged write is lost",
                format!("{lost:.3} s are lost; allowed and reported are {allowed} s"),
            )
        })
    }

    /// The instance that the ledger names is the one that clients reach.
    fn serves(&self) -> Option<Finding> {
        if matches!(self.outcome, "halted" | "refused" | "running") {
            return None;
        }
        let serving = self.truth.serving().get(SERVICE).map(|serving| serving.instance.as_str());
        (serving != Some(self.ledger.active.as_str())).then(|| {
            let found =
                format!("clients reach {}, the ledger names {}", serving.unwrap_or("nobody"), self.ledger.active);
            Finding::new("the active instance serves", found)
        })
    }

    /// No lifecycle hook ran out of time; none waits at the end, unless the failover stands still.
    fn hooks_are_ended(&self) -> Vec<Finding> {
        let timed_out = self.truth.timed_out_hooks().iter().map(|it| {
            Finding::new("no hook times out", format!("{} of {} ended with {}", it.hook, it.instance, it.result))
        });
        let stands = matches!(self.outcome, "halted" | "refused");
        let now = self.truth.now().seconds();
        let waiting = self.truth.waiting_hooks().iter();
        let forgotten = waiting.filter(|it| {
            !stands && now - it.since.seconds() > HOOK_SECONDS && !self.is_held_for_a_volume(&it.instance)
        });
        let forgotten = forgotten.map(|it| {
            let seconds = now - it.since.seconds();
            Finding::new("no hook is forgotten", format!("{} holds {} for {seconds:.0} s", it.hook, it.instance))
        });
        timed_out.chain(forgotten).collect()
    }

    /// In a zone that is down nobody can take a volume from an instance: its hook is held rather than let it go with the instance.
    fn is_held_for_a_volume(&self, instance: &str) -> bool {
        matches!(self.scenario.expect, Expect::DoneWithLoss { .. })
            && self.truth.resources().iter().any(|it| it.data.is_some() && it.attached_to.as_deref() == Some(instance))
    }

    /// The active instance is the only one that the group has in service.
    fn is_in_service(&self) -> Option<Finding> {
        if matches!(self.outcome, "halted" | "refused" | "running") {
            return None;
        }
        let members = self.truth.groups().get(GROUP).map_or(&[][..], Vec::as_slice);
        let active = members.iter().find(|member| member.instance == self.ledger.active.as_str());
        let others = members.iter().filter(|it| it.lifecycle_state == "InService" && Some(*it) != active).count();
        let state = active.map_or("not in the group", |member| member.lifecycle_state);
        (state != "InService" || others > 0).then(|| {
            let found = format!("{} is {state}, {others} others are in service", self.ledger.active);
            Finding::new("the active instance is the group's", found)
        })
    }

    /// Every volume of the service is a head or kept for its retention; snapshots stay within their number.
    fn nothing_leaked(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let running = self.ledger.failover.is_some();
        let known: BTreeSet<&str> = self
            .ledger
            .heads
            .values()
            .map(|head| head.volume.as_str())
            .chain(self.ledger.superseded.keys().map(failover_core::ids::VolumeId::as_str))
            .collect();
        let ours = |tags: &std::collections::BTreeMap<String, String>| tags.contains_key("failover:role");
        let snapshots = self.truth.resources().iter().filter(|it| it.kind == "snapshot" && ours(&it.tags)).count();
        for volume in
            self.truth.resources().iter().filter(|it| it.kind == "volume" && it.tags.contains_key("failover:volume"))
        {
            if !running && !known.contains(volume.id.as_str()) && !matches!(volume.state, "deleting" | "deleted") {
                findings.push(Finding::new("nothing is leaked", format!("{} is in nobody's books", volume.id)));
            }
        }
        let most = self.scenario.layout.volumes().len() * 8 + SNAPSHOTS_IN_TRANSIT;
        if snapshots > most {
            findings.push(Finding::new("nothing is leaked", format!("{snapshots} snapshots; at most {most} are kept")));
        }
        findings
    }
}
