//! The group's laws: every row of the table of terminations, every outcome of a hook, both orders, and where launches go.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use crate::faults::Fault;
use crate::laws::Distribution;
use crate::laws::scaling::hooks::{HookResult, HookTransition};
use crate::setup::group::{GroupSetup, HookSetup};
use crate::setup::{DataName, InstanceSetup, Setup, VolumeSetup};
use crate::test_support::seconds;
use crate::truth::groups::{GroupMember, WaitingHook};
use crate::wire::ec2::filter::INSTANCE;
use crate::{Laws, Region};

fn laws() -> Laws {
    let mut laws = Laws::exact_calls();
    laws.scaling.hook_of_ended_instance_probability = 1.0;
    laws
}

/// A group `db` of one, whose first instance serves in the first zone.
fn region_with(laws: Laws, change: impl FnOnce(&mut GroupSetup)) -> Region {
    let region = Region::new(Setup { laws, ..Setup::default() });
    let data = DataName { service: "db".to_owned(), volume_name: "data".to_owned() };
    let mut setup = GroupSetup {
        name: "db".to_owned(),
        instance: InstanceSetup { workload: Some("db".to_owned()), ..InstanceSetup::default() },
        hooks: vec![HookSetup::launching("up"), HookSetup::terminating("down")],
        first: Some("eu-central-1a".to_owned()),
        volumes: [("/dev/sdf".to_owned(), VolumeSetup { data: Some(data), ..VolumeSetup::default() })].into(),
        ..GroupSetup::default()
    };
    change(&mut setup);
    region.add_group(setup);
    region.set_tick(None);
    region
}

fn region() -> Region {
    region_with(laws(), |_| {})
}

fn first(region: &Region) -> String {
    region.group_members("db")[0].instance.clone()
}

fn member(region: &Region, id: &str) -> Option<GroupMember> {
    region.group_members("db").into_iter().find(|member| member.instance == id)
}

fn state_of(region: &Region, id: &str) -> &'static str {
    member(region, id).map_or("gone", |member| member.lifecycle_state)
}

fn ec2_state(region: &Region, id: &str) -> String {
    let state = region.state();
    state["instances"][id]["state"].as_str().unwrap_or("forgotten").to_owned()
}

/// Lets time pass until it is so; at most a day.
async fn until(region: &Region, what: &str, done: impl Fn(&Region) -> bool) {
    for _ in 0..86_400 {
        if done(region) {
            return;
        }
        seconds(1).await;
    }
    panic!("{what} never came: {:#}", region.state()["groups"]);
}

async fn until_state(region: &Region, id: &str, state: &str) {
    until(region, state, |region| state_of(region, id) == state).await;
}

fn newest(region: &Region) -> String {
    region.group_members("db").last().unwrap().instance.clone()
}

fn waiting(region: &Region, id: &str) -> Option<WaitingHook> {
    region.truth().waiting_hooks().iter().find(|hook| hook.instance == id).cloned()
}

fn complete(region: &Region, hook: &WaitingHook, result: HookResult) {
    let (mut state, now) = region.lock();
    let named = crate::laws::scaling::hooks::ActionName::Token(&hook.token);
    state.complete_action(&hook.group, &hook.hook, named, result, now).unwrap();
}

fn inject(region: &Region, fault: serde_json::Value) {
    region.inject(Fault::from_json(fault.to_string().as_bytes()).unwrap()).unwrap();
}

/// Both hooks of a replacement are let go as soon as they wait.
async fn let_everything_go(region: &Region, until_seconds: u64) {
    for _ in 0..until_seconds {
        for hook in region.truth().waiting_hooks() {
            complete(region, hook, HookResult::Continue);
        }
        seconds(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_launches_what_it_lacks_and_its_guest_serves() {
    let region = region_with(laws(), |setup| {
        setup.first = None;
        setup.volumes.clear();
    });
    assert!(region.group_members("db").is_empty());
    until(&region, "a launch", |region| region.group_members("db").len() == 1).await;
    let id = first(&region);
    until_state(&region, &id, "Pending:Wait").await;
    let hook = waiting(&region, &id).unwrap();
    assert_eq!((hook.hook.as_str(), hook.token.len()), ("up", 36));
    // The instance boots while the hook holds it.
    until(&region, "a booted guest", |region| region.state()["instances"][&id]["guest"]["up"] == true).await;
    assert_eq!(state_of(&region, &id), "Pending:Wait");
    complete(&region, &hook, HookResult::Continue);
    until_state(&region, &id, "InService").await;
    assert_eq!(region.state()["instances"][&id]["tags"]["aws:autoscaling:groupName"], "db");
    until(&region, "a serving guest", |region| region.truth().serving().contains_key("db")).await;
    assert_eq!(region.truth().serving()["db"].instance, id);
    seconds(3600).await;
    assert_eq!(region.group_members("db").len(), 1, "nothing else is launched");
    assert!(INSTANCE.check(&id).is_ok());
}
