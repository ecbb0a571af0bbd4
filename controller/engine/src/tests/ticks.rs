//! A tick: which services it looks at, and for which of them something is done.

use failover_core::ids::{AlarmName, FailoverId, GroupName, VolumeId, VolumeName};
use failover_core::ledger::{Member, Superseded};
use failover_core::spec::Spec;
use failover_simulator::InstanceSetup;
use failover_simulator::setup::group::GroupSetup;

use crate::testing::{Bench, SERVICE, instance, own, pause, service, spec_text};
use crate::{Deadline, Subject};

const SPECS: &str = "/failover/services/";

#[tokio::test(start_paused = true)]
async fn what_is_settled_is_left_alone_and_what_is_asked_for_is_done() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    let tick = engine.tick(Deadline::none()).await.unwrap();
    assert_eq!((tick.services, tick.driven.len(), tick.broken.len()), (1, 0, 0), "{tick:?}");
    assert_eq!(bench.count(|call| call.action == "UpdateItem"), 0);
    engine.request(&service(), bench.request()).await.unwrap();
    let tick = engine.tick(Deadline::none()).await.unwrap();
    assert_eq!(tick.driven[&service()].as_ref().unwrap().reports.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn services_that_cannot_be_driven_are_named_and_hold_up_no_other() {
    let bench = Bench::new().await;
    bench.region.add_parameter(&format!("{SPECS}broken"), "service = 7");
    bench.region.add_parameter(&format!("{SPECS}new"), &spec_text().replace("\"db\"", "\"new\""));
    let orphan = bench.stored().await.ledger;
    let orphan: failover_core::ledger::Ledger = serde_json::from_str(
        &serde_json::to_string(&orphan).unwrap().replace("\"service\":\"db\"", "\"service\":\"orphan\""),
    )
    .unwrap();
    bench.store().create(&orphan).await.unwrap();
    let engine = bench.engine("one");
    engine.request(&service(), bench.request()).await.unwrap();
    let tick = engine.tick(Deadline::none()).await.unwrap();
    assert_eq!(tick.services, 1);
    assert_eq!(tick.driven.keys().collect::<Vec<_>>(), [&service()]);
    assert!(tick.driven[&service()].as_ref().unwrap().is_settled());
    assert_eq!(tick.broken.keys().collect::<Vec<_>>(), ["broken", "new", "orphan"]);
    assert!(tick.broken["broken"].contains("/failover/services/broken: "), "{tick:?}");
    assert_eq!(tick.broken["new"], "it was never adopted");
    assert_eq!(tick.broken["orphan"], "it has a ledger and no spec");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_read_is_named() {
    let bench = Bench::new().await;
    let torn = serde_json::json!({
        "pk": {"S": "ledger"}, "sk": {"S": "torn"}, "body": {"S": "{}"}, "version": {"N": "1"}, "wake": {"N": "0"},
    });
    bench.put_item(&torn).await;
    bench.region.add_parameter(&format!("{SPECS}torn"), &spec_text().replace("\"db\"", "\"torn\""));
    let tick = bench.engine("one").tick(Deadline::none()).await.unwrap();
    assert_eq!(tick.broken.keys().collect::<Vec<_>>(), ["torn"]);
    assert!(tick.broken["torn"].contains("the ledger of torn can't be read"), "{tick:?}");
    assert_eq!(tick.services, 1);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_can_see_no_specs_fails() {
    let bench = Bench::new().await;
    let fault = failover_simulator::faults::CallFault::Fail {
        action: "GetParametersByPath".to_owned(),
        code: "AccessDeniedException".to_owned(),
        status: 400,
        count: 1,
        after_effect: false,
    };
    bench.region.inject(failover_simulator::Fault::Calls(fault)).unwrap();
    let error = bench.engine("one").tick(Deadline::none()).await.unwrap_err();
    assert_eq!(error.to_string(), "the specs can't be reached");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_to_be_driven_says_why() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    engine.request(&service(), bench.request()).await.unwrap();
    let fault = failover_simulator::faults::CallFault::Fail {
        action: "UpdateItem".to_owned(),
        code: "AccessDeniedException".to_owned(),
        status: 400,
        count: 100,
        after_effect: false,
    };
    bench.region.inject(failover_simulator::Fault::Calls(fault)).unwrap();
    let tick = engine.tick(Deadline::none()).await.unwrap();
    let why = tick.driven[&service()].as_ref().unwrap_err();
    assert!(why.contains("AccessDeniedException"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn the_first_instance_of_a_group_is_adopted_by_a_tick() {
    let bench = Bench::bare().await;
    let group = |first: Option<&str>, name: &str| GroupSetup {
        name: name.to_owned(),
        tags: [("failover:service".to_owned(), name.to_owned())].into(),
        first: first.map(str::to_owned),
        sizes: if first.is_some() { [1, 1, 1] } else { [0, 0, 1] },
        instance: InstanceSetup { workload: Some(name.to_owned()), ..InstanceSetup::default() },
        ..GroupSetup::default()
    };
    bench.region.add_group(group(Some("eu-central-1a"), "web"));
    bench.region.add_group(group(None, "idle"));
    let spec = |name: &str| format!("service = \"{name}\"\ntopology = \"auto-scaling\"\n");
    bench.region.add_parameter(&format!("{SPECS}web"), &spec("web"));
    bench.region.add_parameter(&format!("{SPECS}idle"), &spec("idle"));
    let tick = bench.engine("one").tick(Deadline::none()).await.unwrap();
    assert!(tick.broken.is_empty(), "{tick:?}");
    assert_eq!(tick.services, 0);
    let member = bench.region.group_members("web").remove(0).instance;
    let web = Spec::parse(&spec("web")).unwrap().service;
    let stored = bench.store().read(&web).await.unwrap().unwrap();
    assert_eq!(stored.ledger.active.as_str(), member);
    let idle = Spec::parse(&spec("idle")).unwrap().service;
    assert_eq!(bench.store().read(&idle).await.unwrap(), None);
    assert!(tick.driven.values().all(|run| run.as_ref().unwrap().is_settled()), "{tick:?}");
    assert_eq!(tick.driven.len(), 2);
    let tick = bench.engine("one").tick(Deadline::none()).await.unwrap();
    assert_eq!(tick.services, 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_adopted_is_not_passed_off_as_settled() {
    let bench = Bench::bare().await;
    bench.region.add_group(GroupSetup {
        name: "web".to_owned(),
        tags: [("failover:service".to_owned(), "web".to_owned())].into(),
        first: Some("eu-central-1a".to_owned()),
        ..GroupSetup::default()
    });
    // It names data that is nowhere.
    let spec = "service = \"web\"\ntopology = \"auto-scaling\"\n[[volume]]\nname = \"lost\"\n";
    bench.region.add_parameter(&format!("{SPECS}web"), spec);
    let tick = bench.engine("one").tick(Deadline::none()).await.unwrap();
    let web = Spec::parse(spec).unwrap().service;
    let why = tick.driven[&web].as_ref().unwrap_err();
    assert!(why.contains("lost"), "{why}");
    assert_eq!(bench.store().read(&web).await.unwrap(), None);
}

fn kept(bench: &Bench) -> Superseded {
    let name = VolumeName::new("data").unwrap();
    Superseded { name, since: bench.now(), failover: FailoverId::new("f1-e1").unwrap() }
}

/// A second service whose things are in its ledger only: they carry no tags any more.
async fn untagged(bench: &Bench) -> failover_core::ids::ServiceName {
    let text = serde_json::to_string(&bench.stored().await.ledger).unwrap();
    let text = text
        .replace("\"service\":\"db\"", "\"service\":\"mail\"")
        .replace(&bench.active, "i-0aaaaaaaaaaaaaaa1")
        .replace(&bench.volume, "vol-0aaaaaaaaaaaaaaa1");
    let mut ledger: failover_core::ledger::Ledger = serde_json::from_str(&text).unwrap();
    ledger.members.clear();
    let zone = ledger.active_zone.clone();
    ledger.members.insert(instance("i-0aaaaaaaaaaaaaaa2"), Member { zone });
    ledger.superseded.insert(VolumeId::new("vol-0aaaaaaaaaaaaaaa2").unwrap(), kept(bench));
    bench.store().create(&ledger).await.unwrap();
    let spec = spec_text().replace("\"db\"", "\"mail\"").replace("db-status", "mail-status");
    bench.region.add_parameter(&format!("{SPECS}mail"), &spec);
    Spec::parse(&spec).unwrap().service
}

#[tokio::test(start_paused = true)]
async fn an_id_leads_to_the_service_whose_ledger_knows_it_and_else_to_that_of_its_tag() {
    let bench = Bench::new().await;
    let mail = untagged(&bench).await;
    let engine = bench.engine("one");
    let of = |id: &str| {
        let (engine, subject) = (engine.clone(), Subject::Resource(id.to_owned()));
        async move { engine.services_of(&subject).await.unwrap() }
    };
    for id in ["i-0aaaaaaaaaaaaaaa1", "i-0aaaaaaaaaaaaaaa2", "vol-0aaaaaaaaaaaaaaa1", "vol-0aaaaaaaaaaaaaaa2"] {
        assert_eq!(of(id).await, std::slice::from_ref(&mail), "{id}");
    }
    assert_eq!(bench.count(|call| call.action == "DescribeTags"), 0);
    for id in [&bench.active, &bench.standby, &bench.volume] {
        assert_eq!(of(id).await, [service()], "{id}");
    }
    // In no ledger: a new instance, and a snapshot.
    let tagged = bench.region.add_instance(InstanceSetup { tags: own(), ..InstanceSetup::default() });
    let foreign = bench.region.add_instance(InstanceSetup::default());
    // What AWS shows may be of some time ago.
    pause(60).await;
    assert_eq!(of(&tagged).await, [service()]);
    assert_eq!(of(&foreign).await, []);
    assert_eq!(of("i-0bbbbbbbbbbbbbbb1").await, []);
}

#[tokio::test(start_paused = true)]
async fn alarms_and_groups_lead_to_the_services_that_name_them() {
    let bench = Bench::new().await;
    let mail = untagged(&bench).await;
    bench.region.add_parameter(&format!("{SPECS}broken"), "service = 7");
    let engine = bench.engine("one");
    let alarm = |name: &str| Subject::Alarm(AlarmName::new(name).unwrap());
    assert_eq!(engine.services_of(&alarm("db-status")).await.unwrap(), [service()]);
    assert_eq!(engine.services_of(&alarm("mail-status")).await.unwrap(), std::slice::from_ref(&mail));
    assert_eq!(engine.services_of(&alarm("other")).await.unwrap(), []);

    let named = "service = \"named\"\ntopology = \"auto-scaling\"\n[group]\nname = \"by-name\"\n";
    bench.region.add_parameter(&format!("{SPECS}named"), named);
    for (name, tags) in [("by-name", own()), ("by-tag", own()), ("foreign", [].into())] {
        bench.region.add_group(GroupSetup { name: name.to_owned(), tags, sizes: [0, 0, 1], ..GroupSetup::default() });
    }
    pause(60).await;
    let group = |name: &str| Subject::Group(GroupName::new(name).unwrap());
    let services = engine.services_of(&group("by-name")).await.unwrap();
    assert_eq!(
        services.iter().map(failover_core::ids::ServiceName::as_str).collect::<Vec<_>>(),
        ["named"],
        "its spec before its tag"
    );
    assert_eq!(engine.services_of(&group("by-tag")).await.unwrap(), [service()]);
    assert_eq!(engine.services_of(&group("foreign")).await.unwrap(), []);
    assert_eq!(engine.services_of(&group("nowhere")).await.unwrap(), []);

    let all = engine.services_of(&Subject::Everything).await.unwrap();
    assert_eq!(
        all.iter().map(failover_core::ids::ServiceName::as_str).collect::<Vec<_>>(),
        ["broken", SERVICE, "mail", "named"]
    );
    let one = Subject::Service(mail.clone());
    assert_eq!(engine.services_of(&one).await.unwrap(), [mail]);
}
