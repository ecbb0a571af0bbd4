//! What nobody answered for is unknown: it is never absent, and it hides nothing else.

use super::super::by_id::worth_asking_by_id;
use super::*;
use crate::error::AwsError;

fn down() -> Reply {
    Reply::error(503, "Unavailable", "zone")
}

#[tokio::test(start_paused = true)]
async fn what_its_tag_does_not_show_and_its_id_could_not_be_asked_for_is_unknown() {
    let script = Script::new(|request| match request {
        it if it.has("Filter.1.Name") => Reply::ec2(""),
        _ => down(),
    });
    let mut db = interest("db", &[ONE]);
    let volume = VolumeId::new("vol-00000001").unwrap();
    let address: AddressId = "eipalloc-00000001".parse().unwrap();
    db.volumes.insert(volume.clone());
    db.addresses.insert(address.clone());
    let world = observe(&script, &db, &[Part::Instances, Part::Volumes, Part::Addresses]).await;
    assert!(world.instances.is_complete() && world.volumes.is_complete() && world.addresses.is_complete());
    assert!(matches!(world.instances.sight(&id(ONE)), Sight::Unknown(why) if why.contains("Unavailable")));
    assert!(matches!(world.volumes.sight(&volume), Sight::Unknown(why) if why.contains("Unavailable")));
    assert!(matches!(world.addresses.sight(&address), Sight::Unknown(why) if why.contains("Unavailable")));
}

#[tokio::test(start_paused = true)]
async fn an_answer_by_id_that_names_nothing_is_no_proof() {
    // It lists something that can't be named, and that may be what was asked for.
    let script = Script::new(|request| match request {
        it if it.has("Filter.1.Name") => reservations(&[]),
        _ => reservations(&[instance("j-1", "db", "running")]),
    });
    let world = observe(&script, &interest("db", &[ONE]), &[Part::Instances]).await;
    assert!(matches!(world.instances.sight(&id(ONE)), Sight::Unknown(why) if why.contains("j-1")));
}

#[test]
fn what_comes_too_fast_or_is_not_allowed_is_not_asked_for_again_thing_by_thing() {
    let worth = |code: &str, status| {
        let class = crate::error::classify(code, "", status);
        worth_asking_by_id(&AwsError {
            operation: "DescribeInstances",
            class,
            code: code.to_owned(),
            message: String::new(),
        })
    };
    for code in ["RequestLimitExceeded", "Throttling", "UnauthorizedOperation", "InvalidParameterValue"] {
        assert!(!worth(code, 400), "{code}");
    }
    for code in ["InternalError", "Unavailable", "InvalidInstanceID.NotFound"] {
        assert!(worth(code, 503), "{code}");
    }
    assert!(worth_asking_by_id(&AwsError::timeout("DescribeInstances", Duration::from_secs(8))));
}

#[tokio::test(start_paused = true)]
async fn what_the_call_by_tag_failed_for_is_asked_for_by_id() {
    // Not an error that the SDK tries again: the calls by id do not come from waiting for it.
    let script = Script::new(|request| match request {
        it if it.has("Filter.1.Name") => Reply::error(400, "IncorrectState", "zone"),
        it if it.has(ONE) => reservations(&[instance(ONE, "db", "running")]),
        _ => down(),
    });
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Instances]).await;
    assert!(!world.instances.is_complete());
    assert_eq!(world.instances.get(&id(ONE)).unwrap().state, InstanceState::Running);
    assert!(matches!(world.instances.sight(&id(TWO)), Sight::Unknown(why) if why.contains("Unavailable")));
}

#[tokio::test(start_paused = true)]
async fn checks_that_could_not_be_asked_for_are_unknown() {
    let script = Script::new(|request| match request {
        it if it.has(ONE) && !it.has(TWO) => statuses(&[ONE]),
        _ => down(),
    });
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Checks]).await;
    assert!(!world.checks.is_complete());
    assert!(world.checks.get(&id(ONE)).is_some());
    assert!(matches!(world.checks.sight(&id(TWO)), Sight::Unknown(why) if why.contains("Unavailable")));
    assert!(matches!(world.checks.sight(&id(THREE)), Sight::Unknown(_)));
}

#[tokio::test(start_paused = true)]
async fn one_call_for_checks_that_fails_makes_the_list_incomplete_and_hides_no_other() {
    let ids: Vec<String> = (0..150).map(|number| format!("i-{number:017x}")).collect();
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    for (broken, whole) in [(0, 120), (120, 0)] {
        let (ids, marker) = (ids.clone(), ids[broken].clone());
        let script = Script::new(move |request| {
            let asked = ids.iter().map(String::as_str).filter(|id| request.has(id));
            if request.has(&marker) { down() } else { statuses(&asked.collect::<Vec<_>>()) }
        });
        let world = observe(&script, &interest("db", &all), &[Part::Checks]).await;
        assert!(!world.checks.is_complete(), "the call with {broken} failed");
        assert!(world.checks.get(&id(all[whole])).is_some());
        assert!(matches!(world.checks.sight(&id(all[broken])), Sight::Unknown(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_tick_knows_what_carries_no_tag_any_more() {
    let script = Script::new(|request| match request {
        it if it.action == "DescribeInstances" && it.has(ONE) => reservations(&[instance(ONE, "", "terminated")]),
        _ => Reply::ec2(""),
    });
    let db = interest("db", &[ONE]);
    let other = interest("web", &[TWO]);
    let worlds = script.aws().observe_all(&[db.clone(), other.clone()]).await;
    assert_eq!(worlds[&db.service].instances.get(&id(ONE)).unwrap().state, InstanceState::Terminated);
    assert_eq!(worlds[&other.service].instances.items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_tick_that_cannot_list_all_checks_asks_for_those_it_knows() {
    let script = Script::new(|request| match request {
        it if it.action == "DescribeInstances" => {
            reservations(&[instance(ONE, "db", "running"), instance(TWO, "db", "running")])
        }
        it if it.action == "DescribeInstanceStatus" && it.has("InstanceId.1=") => statuses(&[ONE]),
        it if it.action == "DescribeInstanceStatus" => down(),
        _ => Reply::ec2(""),
    });
    let db = interest("db", &[ONE]);
    let worlds = script.aws().observe_all(std::slice::from_ref(&db)).await;
    let checks = &worlds[&db.service].checks;
    assert!(checks.get(&id(ONE)).is_some());
    assert!(!checks.is_complete());
    assert!(matches!(checks.sight(&id(TWO)), Sight::Unknown(why) if why.contains("Unavailable")));
}
