//! How the scenario must end.

use failover_simulator::truth::Resource;

use super::case::Case;
use crate::finding::Finding;
use crate::layout::zone;
use crate::scenario::Expect;

pub(super) fn ends_as_expected(case: &Case<'_>) -> Option<Finding> {
    let expected = missed(case)?;
    let reason = case.standing_reason().unwrap_or_default();
    let found = format!("{expected}; it ended {} (epoch {}) {reason}", case.outcome, case.ledger.epoch);
    Some(Finding::new("ends as it must", found))
}

/// What was expected, if it is not what came.
fn missed(case: &Case<'_>) -> Option<String> {
    let is = |outcome: &str| case.outcome == outcome;
    let done_in = |letter| is("done") && case.ledger.active_zone.as_str() == zone(letter);
    let because = |text: &str| case.standing_reason().is_some_and(|reason| reason.contains(text));
    let (met, expected) = match case.scenario.expect {
        Expect::DoneIn(letter) | Expect::DoneWithLoss { zone: letter, .. } => {
            (done_in(letter), format!("expected: done in zone {letter}"))
        }
        Expect::Done => (is("done"), "expected: done".to_owned()),
        Expect::Drill => {
            (is("done") || is("untouched"), "expected: drill done, or refused with nothing changed".to_owned())
        }
        Expect::DrillIn(letter) => (
            done_in(letter) || is("untouched"),
            format!("expected: drill done in zone {letter}, or refused with nothing changed"),
        ),
        Expect::Halted(text) => (is("halted") && because(text), format!("expected: halted because {text:?}")),
        Expect::Refused(text) => (is("refused") && because(text), format!("expected: refused because {text:?}")),
        Expect::StandsStill(text) => {
            (case.stands_still() && because(text), format!("expected: halted or refused because {text:?}"))
        }
        Expect::Untouched => {
            let same = case.made.active.as_deref() == Some(case.ledger.active.as_str());
            (is("untouched") && same, "expected: untouched".to_owned())
        }
        Expect::Anything => return None,
        Expect::Bootstrapped => (
            is("untouched") && is_bootstrapped(case),
            "expected: the first instance with its volumes, each created once".to_owned(),
        ),
    };
    (!met).then_some(expected)
}

/// Every volume exists once, and the active instance has it.
fn is_bootstrapped(case: &Case<'_>) -> bool {
    case.scenario.layout.volumes().iter().all(|name| {
        let holds_it =
            |it: &&Resource| it.kind == "volume" && it.tags.get("failover:volume").is_some_and(|value| value == name);
        let mut volumes = case.truth.resources().iter().filter(holds_it);
        let first = volumes.next().and_then(|volume| volume.attached_to.as_deref());
        first == Some(case.ledger.active.as_str()) && volumes.next().is_none()
    })
}
