//! Data that never was: what is created empty, and when.

use std::collections::BTreeSet;

use super::data::put;
use super::groups::{SPEC, Story, has};
use super::sample::*;
use crate::decide::decide;
use crate::group::Lifecycle;
use crate::ids::VolumeName;
use crate::spec::Spec;
use crate::step::Step;
use crate::verdict::Verdict;
use crate::world::{Listing, Observed, Volume, VolumeState, tag};

/// Two data volumes that never were, of an instance that is launching.
fn never_there() -> Story {
    let mut story = Story::new();
    let second = "[[volume]]\nname = \"log\"\nblank = { size_gib = 5 }\n";
    story.spec = Spec::parse(&format!("{SPEC}blank = {{ size_gib = 20 }}\n{second}")).unwrap();
    story.world.volumes.items.clear();
    story.ledger.current_volumes.clear();
    story.ledger.uninitialized = BTreeSet::from([data(), VolumeName::new("log").unwrap()]);
    story.member('a', 'a', Lifecycle::PendingWait);
    story
}

fn blank(name: &str, at: char) -> Volume {
    Volume { tags: tags(&[(tag::VOLUME, name), (tag::ROLE, "blank")]), ..volume(at, None) }
}

#[test]
fn what_is_created_empty_says_so_in_its_tags() {
    let story = never_there();
    let verdict = decide(&story.spec, &story.ledger, &story.world, story.now);
    let Verdict::Act { steps, .. } = verdict else { panic!("{verdict:?}") };
    let made: Vec<_> = steps
        .iter()
        .filter_map(
            |step| if let Step::CreateBlank { name, tags, .. } = step { Some((name.as_str(), tags)) } else { None },
        )
        .collect();
    let expected = |name| tags(&[(tag::VOLUME, name), (tag::EPOCH, "2"), (tag::ROLE, "blank")]);
    assert_eq!(made, [("data", &expected("data")), ("log", &expected("log"))]);
}

#[test]
fn every_empty_volume_gets_a_device_name_of_its_own() {
    let mut story = never_there();
    put(&mut story.world.volumes, volume_id(1), blank("data", 'a'), start());
    story.go(0);
    put(&mut story.world.volumes, volume_id(2), blank("log", 'a'), start());
    story.go(3);
    let devices: Vec<&str> = story.ledger.current_volumes.values().map(|current| current.device.as_str()).collect();
    assert_eq!(devices, ["/dev/sdf", "/dev/sdg"]);
    // Both at once.
    let mut story = never_there();
    put(&mut story.world.volumes, volume_id(1), blank("data", 'a'), start());
    put(&mut story.world.volumes, volume_id(2), blank("log", 'a'), start());
    story.go(0);
    let devices: BTreeSet<&str> =
        story.ledger.current_volumes.values().map(|current| current.device.as_str()).collect();
    assert_eq!(devices.len(), 2);
}

#[test]
fn only_what_the_controller_created_empty_is_taken_for_empty() {
    let taken = |made: Volume| {
        let mut story = never_there();
        put(&mut story.world.volumes, volume_id(1), made, start());
        let (steps, _) = story.go(0);
        (story.ledger.blank.contains(&volume_id(1)), has(&steps, "create data"))
    };
    assert_eq!(taken(blank("data", 'a')), (true, false));
    // What looks like data is neither formatted, nor is anything empty created beside it.
    assert_eq!(taken(Volume { restored_from: Some(snapshot_id(1)), ..blank("data", 'a') }), (false, false));
    assert_eq!(taken(Volume { tags: tags(&[(tag::VOLUME, "data")]), ..volume('a', None) }), (false, false));
    assert_eq!(taken(Volume { state: VolumeState::Deleted, ..blank("data", 'a') }), (false, true));
    assert_eq!(taken(Volume { tags: tags(&[(tag::ROLE, "blank")]), ..volume('a', None) }), (false, true));
}

#[test]
fn nothing_empty_is_created_while_a_volume_or_a_snapshot_can_t_be_seen() {
    let creates = |hide: fn(&mut Story)| {
        let mut story = never_there();
        hide(&mut story);
        let verdict = decide(&story.spec, &story.ledger, &story.world, story.now);
        matches!(verdict, Verdict::Act { steps, .. } if steps.iter().any(|step| matches!(step, Step::CreateBlank { .. })))
    };
    assert!(creates(|_| {}));
    assert!(!creates(|story| story.world.snapshots = Listing::unknown("timed out", start())));
    assert!(!creates(|story| story.world.volumes = Listing::unknown("timed out", start())));
    assert!(!creates(|story| {
        let unseen = Observed::Unknown { why: "timed out".to_owned(), at: start() };
        story.world.snapshots.items.insert(snapshot_id(1), unseen);
    }));
    assert!(!creates(|story| {
        let unseen = Observed::Unknown { why: "timed out".to_owned(), at: start() };
        story.world.volumes.items.insert(volume_id(1), unseen);
    }));
}
