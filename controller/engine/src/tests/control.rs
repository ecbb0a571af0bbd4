//! Coming under control: what is tagged, what is kept, and what is refused.

use failover_core::spec::Spec;
use failover_simulator::setup::group::GroupSetup;
use failover_simulator::{AddressSetup, InstanceSetup, VolumeSetup};

use crate::testing::{Bench, HEAD, own, service, spec_text};
use crate::{Applied, Deadline, EngineError};

#[tokio::test(start_paused = true)]
async fn what_the_spec_names_gets_the_services_tags() {
    let bench = Bench::bare().await;
    let active = bench.active.clone();
    let volume = bench.region.add_volume(VolumeSetup::default());
    bench.region.attach_at_start(&volume, &active, "/dev/sdg");
    let address = bench.region.add_address(AddressSetup { instance_id: Some(active), ..AddressSetup::default() });
    let text = format!(
        "service = \"db\"\ntopology = \"standby\"\n[[volume]]\nname = \"log\"\nvolume_id = \"{volume}\"\n\
         [[address]]\nkind = \"elastic-ip\"\nallocation_id = \"{address}\"\n"
    );
    let applied = bench.engine("one").apply(&text).await.unwrap();
    let Applied::Adopted { ledger } = applied else { panic!("{applied:?}") };
    assert_eq!(ledger.current_volumes.values().next().unwrap().volume.as_str(), volume);
    assert_eq!(*ledger, bench.stored().await.ledger);
    let tags = bench.tags(&volume);
    assert_eq!((tags["failover:service"].as_str(), tags["failover:volume"].as_str()), ("db", "log"));
    let tagged = bench.calls().into_iter().filter(|call| call.action == "CreateTags").collect::<Vec<_>>();
    assert!(tagged.iter().any(|call| call.has(&address)), "the address was not tagged: {tagged:?}");
    let subject = crate::Subject::Resource(address);
    assert_eq!(bench.engine("one").services_of(&subject).await.unwrap(), [service()]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_the_spec_names_is_tagged_with_its_instance_and_those_to_come() {
    let bench = Bench::bare().await;
    bench.region.add_group(GroupSetup {
        name: "web".to_owned(),
        first: Some("eu-central-1b".to_owned()),
        instance: InstanceSetup::default(),
        ..GroupSetup::default()
    });
    let member = bench.region.group_members("web").remove(0).instance;
    let text = "service = \"web\"\ntopology = \"auto-scaling\"\n[group]\nname = \"web\"\n";
    let applied = bench.engine("one").apply(text).await.unwrap();
    let Applied::Adopted { ledger } = applied else { panic!("{applied:?}") };
    assert_eq!(ledger.active.as_str(), member);
    let web = Spec::parse(text).unwrap().service;
    let engine = bench.engine("one");
    let subject = crate::Subject::Resource(bench.region.group_members("web").remove(0).instance);
    assert_eq!(engine.services_of(&subject).await.unwrap(), std::slice::from_ref(&web));
    let calls = bench.calls();
    let group = calls.iter().find(|call| call.action == "CreateOrUpdateTags").expect("the group was not tagged");
    assert!(group.has("PropagateAtLaunch=true"), "{}", group.body);
    assert!(calls.iter().any(|call| call.action == "CreateTags" && call.has(&member)));
}

#[tokio::test(start_paused = true)]
async fn what_is_ambiguous_is_refused_and_nothing_is_changed() {
    let bench = Bench::bare().await;
    let second = bench.region.add_volume(VolumeSetup { tags: own(), ..VolumeSetup::default() });
    bench.region.tag(&second, "failover:volume", "data");
    let engine = bench.engine("one");
    let error = engine.apply(&spec_text()).await.unwrap_err();
    assert!(matches!(error, EngineError::Adopt(_)) && error.to_string().contains(&second), "{error}");
    assert_eq!(bench.store().read(&service()).await.unwrap(), None);
    assert_eq!(engine.specs().get(&service()).await.unwrap(), None);
    assert!(!bench.calls().iter().any(|call| call.action == "CreateTags"));
}

#[tokio::test(start_paused = true)]
async fn a_new_spec_counts_from_then_on_unless_it_speaks_of_other_volumes() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    let changed = spec_text().replace("confirm_seconds = 10", "confirm_seconds = 77");
    assert_eq!(engine.apply(&changed).await.unwrap(), Applied::Updated);
    let kept = engine.specs().get(&service()).await.unwrap().unwrap();
    assert_eq!(kept.detect.confirm_seconds, Spec::parse(&changed).unwrap().detect.confirm_seconds);
    let before = bench.stored().await;

    for other in [
        format!("{HEAD}\n[[volume]]\nname = \"log\"\n"),
        HEAD.replace("data", "log"),
        "service = \"db\"\ntopology = \"standby\"\n".to_owned(),
    ] {
        let error = engine.apply(&other).await.unwrap_err();
        let EngineError::VolumesDiffer { ledger, spec, .. } = &error else { panic!("{error}") };
        assert_eq!(ledger, "data");
        let named = Spec::parse(&other).unwrap().volumes;
        assert_eq!(*spec, named.iter().map(|volume| volume.name.as_str()).collect::<Vec<_>>().join(", "));
        assert_eq!(engine.specs().get(&service()).await.unwrap().unwrap(), kept, "a refused spec was kept");
    }
    assert_eq!(bench.stored().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_is_yet_to_be_made_is_one_of_the_services() {
    let bench = Bench::new().await;
    let log = || failover_core::ids::VolumeName::new("log").unwrap();
    bench
        .rewrite(move |ledger| {
            ledger.uninitialized.insert(log());
        })
        .await;
    let both = format!("{HEAD}\n[[volume]]\nname = \"log\"\n");
    assert_eq!(bench.engine("one").apply(&both).await.unwrap(), Applied::Updated);
    let error = bench.engine("one").apply(&spec_text()).await.unwrap_err();
    assert!(matches!(&error, EngineError::VolumesDiffer { ledger, .. } if ledger == "data, log"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_group_without_an_instance_is_awaited() {
    let bench = Bench::bare().await;
    bench.region.add_group(GroupSetup { name: "idle".to_owned(), sizes: [0, 0, 1], ..GroupSetup::default() });
    let engine = bench.engine("one");
    let text = "service = \"idle\"\ntopology = \"auto-scaling\"\n[group]\nname = \"idle\"\n";
    assert_eq!(engine.apply(text).await.unwrap(), Applied::Awaiting);
    let idle = Spec::parse(text).unwrap();
    assert_eq!(engine.specs().get(&idle.service).await.unwrap().unwrap(), idle);
    assert_eq!(bench.store().read(&idle.service).await.unwrap(), None);
    let run = engine.run(&idle.service, Deadline::none()).await.unwrap();
    assert!(run.is_settled(), "{run:?}");
    // A standby that is not there is nothing to wait for.
    let standby = text.replace("auto-scaling", "standby").replace("[group]\nname = \"idle\"\n", "");
    let error = engine.apply(&standby).await.unwrap_err();
    assert!(matches!(error, EngineError::Adopt(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_run_without_spec_or_ledger_says_which() {
    let bench = Bench::bare().await;
    let engine = bench.engine("one");
    let error = engine.run(&service(), Deadline::none()).await.unwrap_err();
    assert!(matches!(error, EngineError::NoSpec { .. }), "{error}");
    bench.region.add_parameter("/failover/services/db", &spec_text());
    let error = engine.run(&service(), Deadline::none()).await.unwrap_err();
    assert!(matches!(error, EngineError::NoLedger { .. }), "{error}");
    let error = engine.pause(&service(), "ops").await.unwrap_err();
    assert!(matches!(error, EngineError::NoLedger { .. }), "{error}");
    let error = engine.status(&service()).await.unwrap_err();
    assert!(matches!(error, EngineError::NoLedger { .. }), "{error}");
}
