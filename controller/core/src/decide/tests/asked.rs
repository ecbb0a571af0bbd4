//! What an operator asks for: how long it holds, what it is told, and when it is given up.

use super::data::{failover, go, put};
use super::groups::Story;
use super::sample::*;
use super::standbys::request;
use crate::decide::{decide, plan};
use crate::ledger::{Change, Destination, FenceState, Request};
use crate::verdict::Verdict;
use crate::world::{Check, Checks, InstanceState, Listing, Observed};

#[test]
fn a_target_that_fails_ends_a_planned_failover_only_before_its_fence() {
    let after_failure = |planned: bool, begun: bool| {
        let mut ledger = ledger();
        if planned {
            ledger = ledger.apply(&Change::Request(request(Destination::Standby)), start()).unwrap();
        }
        let mut seen = world(start());
        if !planned {
            put(&mut seen.instances, instance_id('a'), instance('a', InstanceState::Stopped), start());
        }
        let Verdict::Record { changes, .. } = decide(&spec(), &ledger, &seen, start()) else { panic!() };
        let mut ledger = ledger.apply(&changes[0], start()).unwrap();
        if begun {
            ledger = ledger.apply(&Change::BeginFence, start()).unwrap();
            assert!(ledger.apply(&Change::BeginFence, start()).is_err(), "once");
        }
        put(&mut seen.checks, instance_id('b'), Checks { system: Check::Impaired, ..PASSED }, start());
        super::data::go(&spec(), ledger, &seen, start()).0.failover.map(|it| it.halted.is_some())
    };
    assert_eq!(after_failure(true, false), None, "nobody was harmed, and nobody will be");
    assert_eq!(after_failure(true, true), Some(true));
    assert_eq!(after_failure(false, false), Some(true), "the service is down: a standby ends it");
}

#[test]
fn a_drill_is_declined_where_the_address_leads_elsewhere() {
    let begins = |leads_to: char| {
        let mut seen = world(start());
        if let Some(Observed::Known { value, .. }) = seen.addresses.items.get_mut(&allocation()) {
            value.instance = Some(instance_id(leads_to));
        }
        let drill = Request { drill: true, ..request(Destination::Standby) };
        let asked = ledger().apply(&Change::Request(drill), start()).unwrap();
        super::data::go(&spec(), asked, &seen, start()).0.failover.is_some()
    };
    assert!(begins('a') && !begins('b'));
}

#[test]
fn a_request_holds_for_a_quarter_of_an_hour() {
    let granted = |seconds| {
        let ledger = ledger().apply(&Change::Request(request(Destination::Standby)), start()).unwrap();
        go(&spec(), ledger, &world(after(seconds)), after(seconds)).0.failover.is_some()
    };
    assert!(granted(900) && !granted(901));
}

#[test]
fn a_planned_failover_whose_old_instance_fails_waits_for_no_status_checks() {
    let fences = |state: InstanceState| {
        let mut seen = world(start());
        put(&mut seen.checks, instance_id('b'), Checks { system: Check::Initializing, ..PASSED }, start());
        let ledger = ledger().apply(&Change::Request(request(Destination::Standby)), start()).unwrap();
        let Verdict::Record { changes, .. } = decide(&spec(), &ledger, &seen, start()) else { panic!() };
        let begun = ledger.apply(&changes[0], start()).unwrap();
        assert!(failover(&begun).planned);
        put(&mut seen.instances, instance_id('a'), instance('a', state), start());
        !matches!(failover(&go(&spec(), begun, &seen, start()).0).fence, FenceState::Open { since: None })
    };
    assert!(!fences(InstanceState::Running), "it serves while the target comes up");
    assert!(fences(InstanceState::Stopping));
}

#[test]
fn a_plan_starts_a_target_that_is_stopped_and_no_other() {
    let planned = |state| {
        let mut world = world(start());
        put(&mut world.instances, instance_id('b'), instance('b', state), start());
        plan(&spec(), &ledger(), &world, &request(Destination::Standby), start()).steps.join("\n")
    };
    assert!(planned(InstanceState::Stopped).contains("start i-0000000b"));
    assert!(!planned(InstanceState::Running).contains("start"));
}

#[test]
fn a_plan_of_a_move_copies_the_data_to_another_zone_only() {
    let planned = |to| {
        let story = Story::new();
        let mut world = story.world.clone();
        world.agents = Listing::known([], start());
        plan(&story.spec, &story.ledger, &world, &request(to), start()).steps.join("\n")
    };
    let elsewhere = planned(Destination::Zone(zone('b')));
    assert!(elsewhere.contains("restore it (20 GiB gp3) in eu-central-1b"), "{elsewhere}");
    let anywhere = planned(Destination::Standby);
    assert!(anywhere.contains("move vol-00000001 (data) within eu-central-1a, or"), "{anywhere}");
    assert!(anywhere.contains("attach data ∥ move eipalloc-00000001 to it"), "{anywhere}");
}

#[test]
fn a_plan_of_a_move_to_the_zone_of_the_data_moves_it() {
    let mut story = Story::new();
    story.ledger.current_volumes.values_mut().for_each(|current| current.zone = zone('b'));
    let to = Destination::Zone(zone('b'));
    let steps = plan(&story.spec, &story.ledger, &story.world, &request(to), start()).steps.join("\n");
    assert!(
        steps.contains("move vol-00000001 (data) within eu-central-1b") && !steps.contains("snapshot vol"),
        "{steps}"
    );
}
