//! The data on its way to the target: under which name, and when it is there.

use super::data::{LOG, go, put, stopped_with, two_volumes};
use super::sample::*;
use crate::ledger::{Change, Ledger};
use crate::spec::Spec;
use crate::step::Step;
use crate::world::{AttachmentState, InstanceState, Observed, World};

/// `b` was promoted in the zone of the volume, which it is to get.
fn promoted(devices: &[(&str, u32)], now: jiff::Timestamp) -> (Ledger, World) {
    let mut world = stopped_with(volume('a', None), now);
    let mut target = instance('a', InstanceState::Running);
    target.devices = devices.iter().map(|(device, id)| ((*device).to_owned(), volume_id(*id))).collect();
    put(&mut world.instances, instance_id('b'), target, now);
    (ledger(), world)
}

fn device(steps: &[Step]) -> Option<&str> {
    steps
        .iter()
        .find_map(|step| if let Step::AttachVolume { device, .. } = step { Some(device.as_str()) } else { None })
}

#[test]
fn the_data_keeps_its_device_name_unless_the_target_has_it_in_use_or_aws_refuses_it() {
    let attached = |devices: &[(&str, u32)]| {
        let (ledger, world) = promoted(devices, start());
        device(&go(&spec(), ledger, &world, start()).1).map(str::to_owned)
    };
    assert_eq!(attached(&[]).as_deref(), Some("/dev/sdf"));
    assert_eq!(attached(&[("/dev/sdf", 1), ("/dev/sdg", 9)]).as_deref(), Some("/dev/sdf"), "its own, of before");
    assert_eq!(attached(&[("/dev/sdf", 9)]).as_deref(), Some("/dev/sdg"));
    assert_eq!(attached(&[("/dev/sdf", 9), ("/dev/sdg", 8)]).as_deref(), Some("/dev/sdh"));
}

#[test]
fn a_device_name_that_aws_refuses_is_followed_by_the_next() {
    let (ledger, world) = promoted(&[], start());
    let (begun, steps, _) = go(&spec(), ledger, &world, start());
    let key = steps.iter().find(|step| step.kind() == "attach").unwrap().key();
    let after_answer = |code: crate::step::FailureClass| {
        let outcome = crate::step::StepOutcome::Failed {
            class: code,
            code: "InvalidParameterValue".to_owned(),
            message: "in use".to_owned(),
        };
        let ledger = begun.apply(&Change::Resolve(vec![(key.clone(), outcome, 1)]), start()).unwrap();
        let (_, world) = promoted(&[], after(61));
        device(&go(&spec(), ledger, &world, after(61)).1).map(str::to_owned)
    };
    assert_eq!(after_answer(crate::step::FailureClass::Invalid).as_deref(), Some("/dev/sdg"));
    assert_eq!(after_answer(crate::step::FailureClass::Conflict).as_deref(), Some("/dev/sdg"));
    assert_eq!(after_answer(crate::step::FailureClass::Retryable).as_deref(), Some("/dev/sdf"));
}

#[test]
fn the_second_volume_gets_a_device_name_of_its_own() {
    let (ledger, mut world) = two_volumes(None);
    let mut target = instance('a', InstanceState::Running);
    // Both names of before are in use.
    target.devices = [("/dev/sdf", 8), ("/dev/sdg", 9)].map(|(name, id)| (name.to_owned(), volume_id(id))).into();
    put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopped), start());
    put(&mut world.instances, instance_id('b'), target, start());
    for number in [1, 2] {
        put(&mut world.volumes, volume_id(number), volume('a', None), start());
    }
    let (_, steps, _) = go(&Spec::parse(&format!("{SPEC}{LOG}")).unwrap(), ledger, &world, start());
    let devices: Vec<&str> = steps.iter().filter_map(|step| device(std::slice::from_ref(step))).collect();
    assert_eq!(devices, ["/dev/sdh", "/dev/sdi"]);
}

#[test]
fn a_volume_on_its_way_to_the_target_is_not_attached_yet() {
    let (ledger, world) = promoted(&[], start());
    let (begun, ..) = go(&spec(), ledger, &world, start());
    let ends = |state| {
        let mut world = promoted(&[], after(30)).1;
        let mut held = volume('a', Some('b'));
        held.attachments[0].state = state;
        put(&mut world.volumes, volume_id(1), held, after(30));
        if let Some(Observed::Known { value, .. }) = world.addresses.items.get_mut(&allocation()) {
            value.instance = Some(instance_id('b'));
        }
        go(&spec(), begun.clone(), &world, after(30)).0.failover.is_none()
    };
    assert!(ends(AttachmentState::Attached) && !ends(AttachmentState::Attaching));
}
