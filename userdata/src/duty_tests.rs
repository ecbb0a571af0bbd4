//! Every small case there is, and what must hold in each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

const E: u64 = 5;

fn instance(number: u32) -> InstanceId {
    InstanceId::new(format!("i-{number:017x}")).unwrap()
}

/// One case.
#[derive(Debug, Clone)]
struct Case {
    seen: Seen,
    phase: Phase,
    notice: Option<InstanceNotice>,
    lease: LeaseState,
}

impl Case {
    fn duty(&self) -> Duty {
        duty(&self.seen, self.phase, self.notice.as_ref(), self.lease)
    }

    fn claim(&self) -> Option<&Assignment> {
        if let Seen::Read(claim) = &self.seen { Some(claim) } else { None }
    }

    fn is_away(&self) -> bool {
        self.claim().is_some_and(|claim| matches!(claim.failover, FailoverRole::FromMe { .. }))
    }

    /// A notice that counts: the group's does not while it is held for a planned failover.
    fn is_called_away(&self) -> bool {
        let claim = self.claim().filter(|claim| claim.active == Side::Me);
        let held = claim.is_some_and(|claim| claim.failover == FailoverRole::FromMe { fencing: false });
        self.notice.is_some() && !(held && self.notice == Some(InstanceNotice::GroupTerminates))
    }

    fn is_fenced(&self) -> bool {
        self.claim().is_some_and(|claim| claim.failover == FailoverRole::FromMe { fencing: true })
    }
}

fn all_seen() -> Vec<Seen> {
    let mut all = vec![Seen::Unreadable("throttled".to_owned()), Seen::NoLedger];
    for active in [Side::Me, Side::Other(instance(2))] {
        for failover in [
            FailoverRole::None,
            FailoverRole::FromMe { fencing: false },
            FailoverRole::FromMe { fencing: true },
            FailoverRole::ToMe,
            FailoverRole::Elsewhere,
        ] {
            for has_volumes in [true, false] {
                all.push(Seen::Read(Assignment { epoch: E, active: active.clone(), failover, has_volumes }));
            }
        }
    }
    all
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for seen in all_seen() {
        for phase in [Phase::Down, Phase::Unsure, Phase::Serving(E - 1), Phase::Serving(E)] {
            for notice in [
                None,
                Some(InstanceNotice::GroupTerminates),
                Some(InstanceNotice::SpotInterrupts { action: "stop".to_owned() }),
                Some(InstanceNotice::Shutdown),
            ] {
                for lease in [LeaseState::Holds, LeaseState::RunsOut] {
                    all.push(Case { seen: seen.clone(), phase, notice: notice.clone(), lease });
                }
            }
        }
    }
    assert_eq!(all.len(), 22 * 4 * 4 * 2);
    all
}

#[test]
fn nothing_serves_but_what_the_ledger_names_and_nothing_calls_away() {
    for case in cases() {
        let Duty::Serve { epoch } = case.duty() else { continue };
        let claim = case.claim().unwrap();
        assert_eq!((&claim.active, claim.epoch, epoch), (&Side::Me, E, E), "{case:?}");
        assert!(!case.is_fenced() && !case.is_called_away(), "{case:?}");
        assert!(case.lease == LeaseState::Holds || case.phase == Phase::Down, "{case:?}");
    }
}

#[test]
fn nothing_begins_to_serve_while_a_failover_away_runs() {
    for case in cases().iter().filter(|case| case.is_away() && case.phase != Phase::Serving(E)) {
        assert!(!matches!(case.duty(), Duty::Serve { .. }), "{case:?}");
    }
}

#[test]
fn what_is_not_to_serve_is_taken_down_whatever_it_said() {
    for case in cases() {
        let other = case.claim().is_some_and(|claim| matches!(claim.active, Side::Other(_)));
        if case.is_fenced() || other || case.is_called_away() {
            assert!(matches!(case.duty(), Duty::Rest { .. }), "{case:?}");
        }
    }
}

#[test]
fn quiet_is_said_only_where_somebody_waits_for_it_or_the_instance_ends() {
    for case in cases() {
        if let Duty::Rest { say: Say::Quiesced, epoch, .. } = case.duty() {
            let lapsed = case.lease == LeaseState::RunsOut;
            assert!(case.is_fenced() || case.is_called_away() || lapsed, "{case:?}");
            assert_eq!(epoch, case.claim().map(|_| E), "{case:?}");
        } else {
            assert!(!case.is_called_away() && !case.is_fenced(), "{case:?}");
        }
    }
}

#[test]
fn a_ledger_out_of_reach_starts_nothing_and_stops_nothing_but_by_lease_or_notice() {
    for case in cases().iter().filter(|case| case.claim().is_none() && case.notice.is_none()) {
        let duty = case.duty();
        if case.lease == LeaseState::RunsOut && case.phase != Phase::Down {
            assert!(matches!(duty, Duty::Rest { why: DutyReason::LeaseRunsOut, .. }), "{case:?}");
        } else {
            assert!(matches!(duty, Duty::Hold(_)), "{case:?}");
        }
    }
}

#[test]
fn an_epoch_that_went_on_is_not_served_by_what_was_started_before() {
    for case in cases().iter().filter(|case| case.phase == Phase::Serving(E - 1)) {
        assert!(!matches!(case.duty(), Duty::Serve { .. }), "{case:?}");
    }
}

#[test]
fn a_planned_failover_lets_the_old_side_serve_until_it_fences() {
    let read = |fencing| {
        let failover = FailoverRole::FromMe { fencing };
        Seen::Read(Assignment { epoch: E, active: Side::Me, failover, has_volumes: true })
    };
    // The group holds it meanwhile: that it will be terminated is no news then.
    for notice in [None, Some(InstanceNotice::GroupTerminates)] {
        let of = |seen: &Seen, phase| duty(seen, phase, notice.as_ref(), LeaseState::Holds);
        assert_eq!(of(&read(false), Phase::Serving(E)), Duty::Serve { epoch: E });
        assert_eq!(of(&read(false), Phase::Down), Duty::Hold(DutyReason::FailoverAway));
        assert!(matches!(of(&read(true), Phase::Serving(E)), Duty::Rest { epoch: Some(E), say: Say::Quiesced, .. }));
    }
}
