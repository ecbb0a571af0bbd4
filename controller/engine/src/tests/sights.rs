//! What a look asks for beyond what carries the tag, and how a run ends that can do nothing more.

use std::time::Duration;

use failover_core::ids::{AddressId, FailoverId, VolumeId, VolumeName};
use failover_core::ledger::Superseded;
use failover_core::spec::Spec;
use failover_simulator::Fault;
use failover_simulator::faults::{ForceStop, InstanceFault};

use crate::observe::interest;
use crate::testing::{At, Bench, instance, service, spec_text};
use crate::{Applied, Deadline, Ended};

#[tokio::test(start_paused = true)]
async fn whatever_the_ledger_knows_is_asked_for_by_its_id() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    engine.request(&service(), bench.request()).await.unwrap();
    engine.run(&service(), Deadline::within(Duration::from_secs(30))).await.unwrap();
    let old = VolumeId::new("vol-0aaaaaaaaaaaaaaa2").unwrap();
    let (kept, since) = (old.clone(), bench.now());
    let stranger = instance("i-0aaaaaaaaaaaaaaa1");
    let (target, active) = (instance(&bench.standby), instance(&bench.active));
    let leaves = active.clone();
    let address: AddressId = "eipalloc-0aaaaaaaaaaaaaaa1".parse().unwrap();
    let more = address.clone();
    bench
        .rewrite(move |ledger| {
            let name = VolumeName::new("data").unwrap();
            let kept_for = Superseded { name, since, failover: FailoverId::new("f1-e1").unwrap() };
            ledger.superseded.insert(kept.clone(), kept_for);
            ledger.addresses.insert(more.clone());
            // Both sides of the failover left the service meanwhile; the one that it names active is no member yet.
            ledger.members.clear();
            ledger.active = stranger.clone();
        })
        .await;
    let ledger = bench.stored().await.ledger;
    let failover = ledger.failover.as_ref().unwrap();
    assert_eq!((&failover.from.instance_id, &failover.to.as_ref().unwrap().instance_id), (&leaves, &target));
    let spec = Spec::parse(&spec_text()).unwrap();
    let asked = interest(&spec, Some(&ledger));
    assert_eq!(asked.members, [ledger.active.clone(), active, target].into());
    assert_eq!(asked.volumes, [old, VolumeId::new(bench.volume.as_str()).unwrap()].into());
    assert!(asked.addresses.contains(&address) && asked.addresses.len() == 2, "{:?}", asked.addresses);
    assert_eq!(asked.alarms.iter().map(failover_core::ids::AlarmName::as_str).collect::<Vec<_>>(), ["db-status"]);
    assert_eq!(asked.groups, None);
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_stands_still_ends_the_run_and_is_told_once() {
    let bench = Bench::new().await;
    let dead = InstanceFault::FailHost { force_stop: ForceStop::Never };
    bench.region.inject(Fault::of_instance(bench.active.clone(), dead)).unwrap();
    // What is attached to a host that is dead can't be taken away, either.
    let stuck = failover_simulator::faults::CallFault::Fail {
        action: "DetachVolume".to_owned(),
        code: "UnauthorizedOperation".to_owned(),
        status: 403,
        count: 10_000,
        after_effect: false,
    };
    bench.region.inject(Fault::Calls(stuck)).unwrap();
    let engine = bench.engine("one");
    let run = bench.fail_over(&engine).await;
    let Ended::Halted { report } = &run.ended else { panic!("{run:?}") };
    assert_eq!(report.from.instance_id.as_str(), bench.active);
    assert!(!report.reason.is_empty());
    assert_eq!(bench.stored().await.lease, None);
    let again = engine.run(&service(), Deadline::within(Duration::from_mins(5))).await.unwrap();
    assert!(again.reports.is_empty(), "{again:?}");
    let told: Vec<_> = bench.messages().into_iter().filter_map(|(subject, _)| subject).collect();
    assert_eq!(told, ["db: failover halted, an operator is needed"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_adopt_at_once_the_second_finds_it_done() {
    let bench = Bench::bare().await;
    let other = bench.engine("two");
    bench.at_first(
        |call| call.action == "PutItem" && call.by == "one",
        move || {
            At::before(async move {
                Box::pin(other.apply(&spec_text())).await.unwrap();
            })
        },
    );
    let applied = bench.engine("one").apply(&spec_text()).await.unwrap();
    assert!(matches!(applied, Applied::Adopted { .. }), "{applied:?}");
    assert_eq!(bench.stored().await.version, 1);
}
