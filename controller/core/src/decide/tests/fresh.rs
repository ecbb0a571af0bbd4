//! How old what is seen may be, and what is looked at.

use super::data::{failover, go, put, stopped_with};
use super::groups::Story;
use super::newest::fenced;
use super::sample::*;
use crate::decide::decide;
use crate::ledger::{FenceState, Pause};
use crate::spec::Spec;
use crate::verdict::Verdict;
use crate::world::{InstanceState, Listing, Observed, Part};

#[test]
fn a_failover_of_a_group_looks_at_instances_twice_a_minute_whatever_it_waits_for() {
    let mut story = Story::new();
    story.launched('b', 'b');
    story.go(0);
    let seen = |age| {
        let mut world = story.world.clone();
        let now = story.now + jiff::SignedDuration::from_secs(14);
        world.instances.complete = Observed::Known { value: (), at: now - jiff::SignedDuration::from_secs(age) };
        world.groups.complete = Observed::Known { value: (), at: now };
        decide(&story.spec, &story.ledger, &world, now)
    };
    assert_ne!(seen(30), Verdict::Observe(vec![Part::Instances]));
    assert_eq!(seen(31), Verdict::Observe(vec![Part::Instances]));
}

#[test]
fn a_pause_looks_at_a_group_for_its_hooks_and_at_nothing_else() {
    let mut story = Story::new();
    story.ledger.paused = Some(Pause { at: start(), by: "me".to_owned() });
    let verdict = decide(&story.spec, &story.ledger, &story.world, after(60));
    assert_eq!(verdict, Verdict::Observe(vec![Part::Groups]));
    let paused = crate::ledger::Ledger { paused: story.ledger.paused.clone(), ..ledger() };
    assert!(matches!(decide(&spec(), &paused, &world(start()), after(60)), Verdict::Settled { .. }));
}

#[test]
fn what_is_done_says_why() {
    let mut seen = world(start());
    put(&mut seen.instances, instance_id('a'), instance('a', InstanceState::Stopped), start());
    let begun = super::data::go(&spec(), ledger(), &seen, start()).0;
    let mut open = begun.clone();
    open.failover.as_mut().unwrap().fence = FenceState::Open { since: Some(start()) };
    let verdict = decide(&spec(), &open, &seen, start());
    let (Verdict::Record { reasons, .. } | Verdict::Act { reasons, .. }) = verdict else { panic!("{verdict:?}") };
    assert!(reasons.contains(&"the old instance is fenced".to_owned()), "{reasons:?}");
}

#[test]
fn a_service_without_volumes_looks_at_none() {
    let spec = Spec::parse("service = \"db\"\ntopology = \"standby\"\n").unwrap();
    let without = crate::ledger::Ledger { current_volumes: [].into(), ..ledger() };
    let mut seen = world(after(60));
    seen.volumes = Listing::known([], start());
    seen.snapshots = Listing::known([], start());
    assert!(matches!(decide(&spec, &without, &seen, after(60)), Verdict::Settled { .. }));
    // Either of the two names some.
    for (spec, ledger) in [(super::sample::spec(), without), (spec, ledger())] {
        let verdict = decide(&spec, &ledger, &seen, after(60));
        assert_eq!(verdict, Verdict::Observe(vec![Part::Volumes, Part::Snapshots]));
    }
}

#[test]
fn what_was_seen_five_seconds_ago_is_fresh() {
    assert!(matches!(decide(&spec(), &ledger(), &world(start()), after(5)), Verdict::Settled { .. }));
}

#[test]
fn what_is_decided_rests_on_what_was_seen_seconds_ago() {
    // Each part on which a promotion rests, seen too long ago.
    let mut world = stopped_with(volume('a', None), after(20));
    put(&mut world.instances, instance_id('b'), instance('a', InstanceState::Running), after(20));
    let mut begun = fenced().0;
    begun.failover.as_mut().unwrap().to.as_mut().unwrap().zone = zone('a');
    assert!(failover(&go(&spec(), begun.clone(), &world, after(20)).0).is_promoted());
    for stale in ["instances", "volumes"] {
        let mut old = world.clone();
        let at = after(14);
        match stale {
            "instances" => old.instances.complete = Observed::Known { value: (), at },
            _ => old.volumes.complete = Observed::Known { value: (), at },
        }
        let verdict = decide(&spec(), &begun, &old, after(20));
        let Verdict::Observe(parts) = &verdict else { panic!("{stale}: {verdict:?}") };
        assert_eq!(format!("{parts:?}").to_lowercase(), format!("[{stale}]"));
    }
}
