//! The stories of an Auto Scaling group of one, each from its very first launch: nobody has made a disk or a database for it.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::group;
use super::guest::Guest;
use super::mirror::Mirror;
use super::stage::Stage;
use super::stories::{AT_FIRST, UNPLANNED_WITHIN, to_first};

/// Launch, reading and formatting the volume, `initdb`, the database's start.
const BOOTSTRAPPED_WITHIN: Duration = Duration::from_mins(2);
/// What is left to come once the instance is in service, or its data safe.
const SOON: Duration = Duration::from_mins(1);
/// What the agent logs before it reads the whole volume, and before it starts `mkfs`.
const READING: &str = "reading the whole volume to see that it is blank";
const FORMATTING: &str = " formatting device=";
/// What it logs when it finds its own unfinished formatting.
const INTERRUPTED: &str = "formatting was interrupted: doing it again";
const MOUNTED: &str = "step=\"mounted\"";
/// What the lab's init logs.
const AGENT_ENDED: &str = "lab: the agent ended";

/// The group replaces its instance, and has no room in the data's zone: the hook holds the old one until its data is safe.
pub(super) fn terminated_by_group(stage: &mut Stage) {
    born(stage);
    let zone = stage.seen().instances[&stage.first].zone.clone();
    stage.region.inject(&json!({ "zone": { "name": zone, "fault": "refuse_capacity" } }));
    to_first(stage, "terminate_in_group");
    replaced(stage);
    // That nobody had it mounted then, the mirror sees to at every snapshot.
    let transitions = stage.region.get("/_region/transitions");
    let seen = stage.seen();
    let snapshots = seen.snapshots.iter().filter(|(_, snapshot)| Some(&snapshot.volume) == stage.volume.as_ref());
    let copied = snapshots.filter_map(|(id, _)| asked_at(&transitions, "snapshot", id)).min();
    let terminated = asked_at(&transitions, "terminate", &stage.first);
    assert!(
        copied.is_some() && copied < terminated,
        "copied at {copied:?}, terminated at {terminated:?}: {transitions}"
    );
}

/// When, in the region's time, something began that is over by now.
fn asked_at(transitions: &Value, kind: &str, resource: &str) -> Option<u64> {
    let all = transitions.as_array().unwrap();
    let it = all.iter().find(|it| it["kind"] == kind && it["resource"] == resource)?;
    Some(it["requested_at"].as_u64().expect("microseconds"))
}

/// Somebody terminates the instance past the group, which notices later: no hook holds the old one.
pub(super) fn terminated_directly(stage: &mut Stage) {
    born(stage);
    to_first(stage, "terminate");
    replaced(stage);
}

/// The first agent is killed while it reads the blank volume, and again when it has begun to format it.
pub(super) fn killed_while_formatting(stage: &mut Stage) {
    stage.until("the first instance", BOOTSTRAPPED_WITHIN, || of_first(stage, |first| first.set_slow_mkfs(true)));
    for step in [READING, FORMATTING] {
        stage.until(step, BOOTSTRAPPED_WITHIN, || {
            of_first(stage, |first| is_killed_at(step, first)).filter(|killed| *killed)
        });
    }
    of_first(stage, |first| first.set_slow_mkfs(false)).unwrap();
    serves_and_is_in_service(stage);
    let log = of_first(stage, Guest::agent_log).unwrap();
    let count = |step| log.matches(step).count();
    assert_eq!([count(AGENT_ENDED), count(MOUNTED)], [2, 1], "killed twice, each time before it was mounted:\n{log}");
    assert!(count(INTERRUPTED) > 0, "formatted again, over its own remains:\n{log}");
    stage.remarks.push("its agent killed while it read and while it formatted".to_owned());
}

/// Something of the first instance, once there is one.
fn of_first<T>(stage: &Stage, what: impl Fn(&Guest) -> T) -> Option<T> {
    stage.hardware.now().guests.get(&stage.first).map(what)
}

/// Kills the agent if it has come so far since it was started.
fn is_killed_at(step: &str, guest: &Guest) -> bool {
    let log = guest.agent_log();
    let is_there = log.rsplit(AGENT_ENDED).next().is_some_and(|since| since.contains(step)) && guest.agent().is_some();
    if is_there {
        guest.kill_agent();
    }
    is_there
}

fn born(stage: &mut Stage) {
    serves_and_is_in_service(stage);
    assert_eq!(formattings(&stage.hardware.now()), [stage.first.as_str()], "formatted once, by the first instance");
    thread::sleep(AT_FIRST);
}

/// The first instance serves from a volume that was made for it, and gets through its launch hook.
fn serves_and_is_in_service(stage: &mut Stage) {
    let first = let_into_service(stage, BOOTSTRAPPED_WITHIN, |who| who == stage.first);
    stage.until_written_by("the first server", Duration::ZERO, SOON, |who| who == first);
    let born = stage.now();
    let seen = stage.seen();
    let mut held = seen.volumes.iter().filter(|(_, volume)| {
        volume.data.is_some() && volume.attachment.as_ref().is_some_and(|attachment| attachment.instance_id == first)
    });
    let (volume, made) = held.next().expect("the first instance has a volume");
    assert_eq!(made.snapshot, None, "the first volume was to be blank");
    stage.volume = Some(volume.clone());
    let launched = stage.hardware.now().when(Duration::ZERO, |what| what == format!("{first} boots")).unwrap();
    stage.remarks.push(format!("born in {:.1} s", born.saturating_sub(launched).as_secs_f64()));
}

/// The launch hook holds an instance until its agent is ready: at the moment when it is seen in service, the agent has said so.
fn let_into_service(stage: &Stage, within: Duration, is_it: impl Fn(&str) -> bool) -> String {
    let instance = stage.until("the end of the launch hook", within, || {
        group::in_service(&stage.region).into_iter().find(|instance| is_it(instance))
    });
    let log = stage.hardware.now().guests[&instance].agent_log();
    assert!(log.contains("step=\"ready\""), "{instance} was let into service before its agent was ready:\n{log}");
    instance
}

/// Another instance serves and is in service, the first one is gone; no hook timed out, and nothing was formatted again.
fn replaced(stage: &mut Stage) {
    let replacement = let_into_service(stage, UNPLANNED_WITHIN, |who| who != stage.first);
    let (second, report) = stage.until_taken_over(SOON);
    assert_eq!(second, replacement, "{report}");
    stage.until("the old instance's end", SOON, || {
        (stage.seen().instances.get(&stage.first).is_none_or(|old| old.state == "terminated")).then_some(())
    });
    let hooks = &stage.region.get("/_region/truth")["groups"];
    assert_eq!(hooks["timed_out_hooks"], json!([]), "{report}");
    assert_eq!(hooks["waiting_hooks"], json!([]), "{report}");
    assert_eq!(formattings(&stage.hardware.now()), [stage.first.as_str()], "a second formatting: {report}");
}

/// Who formatted a volume, once for each time.
fn formattings(mirror: &Mirror) -> Vec<String> {
    let by = |guest: &Guest| vec![guest.id.clone(); guest.agent_log().matches(FORMATTING).count()];
    mirror.guests.values().flat_map(by).collect()
}
