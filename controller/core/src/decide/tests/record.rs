//! The record of a service: what it takes, how much of it, and what a report says.

use super::data::{failover, go, stopped_with};
use super::sample::*;
use crate::ids::{AddressId, FailoverId, InstanceId, VolumeName};
use crate::ledger::report::{Outcome, Report};
use crate::ledger::{
    Change, Destination, FenceState, Ledger, Notification, OlderCopies, Proof, Request, SeenLease, Superseded,
    Suspicion,
};
use crate::step::{Step, StepOutcome, StopMode};
use crate::world::{VolumeState, tag};

fn request(id: usize) -> Request {
    let (id, by) = (Some(id.to_string()), "me".to_owned());
    Request { id, to: Destination::Standby, drill: false, accepted_loss_seconds: None, at: start(), by }
}

fn after_all(ledger: &Ledger, changes: impl IntoIterator<Item = Change>) -> Ledger {
    changes.into_iter().fold(ledger.clone(), |ledger, change| ledger.apply(&change, after(9)).unwrap())
}

fn begun() -> Ledger {
    go(&spec(), ledger(), &stopped_with(volume('a', Some('a')), start()), start()).0
}

#[test]
fn the_latest_twenty_requests_are_remembered() {
    let asked = after_all(&ledger(), (1..=21).map(|id| Change::Request(request(id))));
    let expected: Vec<String> = (2..=21).map(|id| id.to_string()).collect();
    assert_eq!(Vec::from(asked.recent_request_ids), expected);
}

#[test]
fn the_latest_ten_notices_wait() {
    let told = after_all(&ledger(), (1..=11).map(|number| Change::Refuse(number.to_string())));
    let waiting: Vec<String> = told
        .outbox
        .iter()
        .map(|notice| if let Notification::Refused { reason, .. } = notice { reason.clone() } else { panic!() })
        .collect();
    assert_eq!(waiting, (2..=11).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_loss_is_accepted_until_the_promotion() {
    let accepted = Request { accepted_loss_seconds: Some(60), ..request(1) };
    let mut running = begun();
    let taken = running.apply(&Change::Request(accepted.clone()), start()).unwrap();
    assert_eq!(failover(&taken).accepted_loss_seconds, Some(60));
    assert!(running.apply(&Change::Request(request(2)), start()).is_err());
    running.failover.as_mut().unwrap().promoted_at = Some(start());
    assert!(running.apply(&Change::Request(accepted), start()).is_err(), "no choice is left");
}

#[test]
fn only_what_is_gone_is_forgotten() {
    let record = |name: VolumeName| Superseded { name, since: start(), failover: FailoverId::of(1, start()) };
    let kept = [(volume_id(7), record(data())), (volume_id(8), record(data()))];
    let ledger = after_all(&ledger(), [Change::Supersede(kept.into()), Change::Forget([volume_id(7)].into())]);
    assert_eq!(ledger.superseded.into_keys().collect::<Vec<_>>(), [volume_id(8)]);
}

#[test]
fn tries_and_calls_are_counted_with_the_step_that_they_are_of() {
    let stop = |letter| Step::StopInstance { instance: instance_id(letter), mode: StopMode::Graceful };
    let accepted = || StepOutcome::Accepted { made: Vec::new() };
    let mut ledger = begun();
    ledger.failover.as_mut().unwrap().steps.clear();
    let twice = |letter, calls| vec![(stop(letter).key(), accepted(), calls)];
    let ledger = after_all(
        &ledger,
        [
            Change::Intend(vec![stop('a'), stop('c')]),
            Change::Resolve(twice('a', 2)),
            Change::Intend(vec![stop('a')]),
            Change::Resolve(twice('a', 3)),
        ],
    );
    let counted: Vec<_> = failover(&ledger).steps.iter().map(|it| (it.attempts, it.api_calls)).collect();
    assert_eq!(counted, [(2, 5), (1, 0)]);
}

#[test]
fn a_report_keeps_a_hundred_steps_and_fifty_warnings() {
    let stop = |number: usize| {
        let instance = InstanceId::new(format!("i-{number:08x}")).unwrap();
        Step::StopInstance { instance, mode: StopMode::Graceful }
    };
    let mut ledger = begun();
    let running = ledger.failover.as_mut().unwrap();
    (running.steps, running.warnings) = (Vec::new(), [].into());
    let steps = (0x100..0x100 + 101).map(|number| Change::Intend(vec![stop(number)]));
    let warnings = (0..51).map(|number| Change::Warn(format!("{number}")));
    let ledger = after_all(&ledger, steps.chain(warnings));
    assert_eq!((failover(&ledger).steps.len(), failover(&ledger).warnings.len()), (100, 50));
}

#[test]
fn a_service_is_settled_when_nothing_is_under_way() {
    let suspicion = Suspicion { instance: instance_id('a'), since: start(), evidence: Vec::new() };
    assert!(ledger().is_settled());
    for unsettled in [
        begun(),
        Ledger { suspicion: Some(suspicion), ..ledger() },
        Ledger { request: Some(request(1)), ..ledger() },
        after_all(&ledger(), [Change::Refuse("no".to_owned()), Change::Suspect(None)]),
    ] {
        assert!(!unsettled.is_settled(), "{unsettled:?}");
    }
}

#[test]
fn the_standbys_are_all_but_the_active_one() {
    let standbys: Vec<InstanceId> = ledger().standbys().map(|(id, _)| id.clone()).collect();
    assert_eq!(standbys, [instance_id('b')]);
}

#[test]
fn a_planned_failover_that_took_nothing_down_cost_nothing() {
    let downtime = |planned, fence, down_since| {
        let mut ledger = begun();
        let running = ledger.failover.as_mut().unwrap();
        (running.planned, running.fence, running.down_since) = (planned, fence, down_since);
        let outcome = Outcome::Refused;
        Report::of(&ledger.service, 1, failover(&ledger), outcome, "", Some(after(30)), after(99)).downtime_seconds
    };
    let open = |since| FenceState::Open { since };
    assert!(downtime(true, open(None), Some(start())).abs() < 0.1);
    assert!((downtime(false, open(None), Some(start())) - 30.0).abs() < 0.1);
    assert!((downtime(true, open(Some(after(5))), Some(after(5))) - 25.0).abs() < 0.1);
    assert!(downtime(false, open(None), None).abs() < 0.1);
}

#[test]
fn a_request_that_is_declined_has_the_report_of_the_failover_that_it_would_have_been() {
    let ledger = Ledger { epoch: 4, ..ledger() };
    let report = Report::refused(&ledger, &request(1), "paused", after(9));
    assert_eq!((report.failover_id, report.epoch), (FailoverId::of(5, start()), 4));
    assert_eq!((report.cause.as_str(), report.reason.as_str()), ("requested by me", "paused"));
}

#[test]
fn automatic_failovers_of_the_last_day_are_counted() {
    let failing = begun();
    let mut before = ledger();
    let day = 24 * 60 * 60;
    before.automatic_starts = [-day - 1, -day, -day + 1, -1].map(after).into();
    let begin = Change::Begin(failing.failover.unwrap().into());
    let counted = before.apply(&begin, start()).unwrap().automatic_starts;
    assert_eq!(Vec::from(counted), [-day + 1, -1, 0].map(after));
}

#[test]
fn nothing_ends_as_done_before_its_promotion() {
    assert!(begun().apply(&Change::Finish, start()).is_err());
    let mut promoted = begun();
    promoted.failover.as_mut().unwrap().promoted_at = Some(start());
    assert!(promoted.apply(&Change::Finish, start()).unwrap().last.unwrap().done);
}

#[test]
fn a_volume_that_was_created_empty_may_be_formatted_while_it_holds_the_newest_data() {
    let mut ledger = begun();
    ledger.blank = [volume_id(1), volume_id(2)].into();
    ledger.failover.as_mut().unwrap().fence = FenceState::Confirmed { at: start(), proof: Proof::InstancesOff };
    let mut current_volumes = ledger.current_volumes.clone();
    let same = ledger.apply(&Change::Promote { current_volumes: current_volumes.clone() }, start()).unwrap();
    assert_eq!(same.blank, [volume_id(1)].into());
    current_volumes.get_mut(&data()).unwrap().volume = volume_id(3);
    let copied = ledger.apply(&Change::Promote { current_volumes }, start()).unwrap();
    assert!(copied.blank.is_empty(), "a copy may hold data by now");
}

#[test]
fn a_client_token_is_spent_once_it_answers_for_another_request() {
    let step = Step::StopInstance { instance: instance_id('a'), mode: StopMode::Graceful };
    let renewals = |outcome: StepOutcome| {
        let ledger =
            after_all(&ledger(), [Change::Intend(vec![step.clone()]), Change::Resolve(vec![(step.key(), outcome, 1)])]);
        ledger.maintenance[&step.key()].renewals()
    };
    let failed = |code: &str| StepOutcome::Failed {
        class: crate::step::FailureClass::Invalid,
        code: code.to_owned(),
        message: String::new(),
    };
    assert_eq!(renewals(StepOutcome::Accepted { made: Vec::new() }), 1);
    assert_eq!(renewals(failed("IdempotentParameterMismatch")), 1);
    assert_eq!(renewals(failed("InvalidParameterValue")), 0);
    assert_eq!(renewals(StepOutcome::Unanswered), 0);
}

#[test]
fn the_record_survives_its_json_with_all_that_is_counted() {
    let stop = Step::StopInstance { instance: instance_id('a'), mode: StopMode::Graceful };
    let snapshots = [(data(), snapshot_id(1))].into();
    let lease = SeenLease { renewed_at: start(), since: start() };
    let full = after_all(
        &begun(),
        [
            Change::Intend(vec![stop.clone()]),
            Change::Resolve(vec![(stop.key(), StepOutcome::Accepted { made: Vec::new() }, 1)]),
            Change::Intend(vec![stop.clone()]),
            Change::LeaseSeen(lease),
            Change::ChooseCopies { copies: OlderCopies { at: start(), snapshots }, loss_seconds: 9 },
        ],
    );
    assert_eq!(failover(&full).attempts[&stop.key()].renewed, 1);
    let text = serde_json::to_string(&full).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), full);
    let never = serde_json::to_string(&after_all(&ledger(), [Change::Intend(vec![stop])])).unwrap();
    assert!(!never.contains("renewed"), "what never happened takes no room: {never}");
}

#[test]
fn an_address_is_written_as_aws_writes_it() {
    let text = serde_json::to_string(&allocation()).unwrap();
    assert_eq!(text, "\"eipalloc-00000001\"");
    assert_eq!(serde_json::from_str::<AddressId>(&text).unwrap(), allocation());
}

#[test]
fn what_a_volume_is_to_others_is_read_off_its_state() {
    let with = |state| crate::world::Volume { state, ..volume('a', None) };
    let held = crate::world::Volume { state: VolumeState::Error, ..volume('a', Some('a')) };
    assert!(with(VolumeState::Error).is_failed() && !held.is_failed() && !with(VolumeState::Available).is_failed());
    assert!(with(VolumeState::Deleted).is_deleted() && with(VolumeState::Deleting).is_deleted());
    assert!(!with(VolumeState::Error).is_deleted() && with(VolumeState::Error).is_lost());
}

#[test]
fn a_snapshot_of_the_controllers_says_for_which_service_and_failover_it_was_made() {
    let described = |pairs: &[(&str, &str)]| tag::description(&tags(pairs));
    assert_eq!(described(&[(tag::ID, "p1-e1")]).as_deref(), Some("failover: db, p1-e1"));
    assert_eq!(described(&[]), None);
}
