//! The first ledger: what is taken, and what is a doubt.

use super::data::put;
use super::groups::{Story, group_name};
use super::sample::*;
use crate::decide::{AdoptError, adopt};
use crate::group::Lifecycle;
use crate::ids::{AddressId, AllocationId, GroupName};
use crate::spec::Spec;
use crate::world::{Address, InstanceState, Observed, Volume, VolumeState, tag};

fn kind(result: Result<crate::ledger::Ledger, AdoptError>) -> String {
    match result {
        Ok(_) => "adopted".to_owned(),
        Err(error) => format!("{error:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn a_service_needs_one_standby_and_may_have_more() {
    let with = |letters: &[char]| {
        let mut world = world(start());
        world.instances.items.clear();
        for letter in letters {
            put(&mut world.instances, instance_id(*letter), instance(*letter, InstanceState::Running), start());
        }
        kind(adopt(&spec(), &world, start()))
    };
    assert_eq!([with(&['a']), with(&['a', 'b']), with(&['a', 'b', 'c'])], ["NoStandby", "adopted", "adopted"]);
    assert_eq!(with(&[]), "NoInstance");
}

#[test]
fn what_goes_for_good_is_no_member() {
    let mut world = world(start());
    put(&mut world.instances, instance_id('c'), instance('c', InstanceState::ShuttingDown), start());
    put(&mut world.instances, instance_id('d'), instance('c', InstanceState::Stopped), start());
    let members: Vec<_> = adopt(&spec(), &world, start()).unwrap().members.into_keys().collect();
    assert_eq!(members, [instance_id('a'), instance_id('b'), instance_id('d')]);
}

#[test]
fn of_several_tagged_addresses_one_has_to_be_named() {
    let mut world = world(start());
    let second = AddressId::ElasticIp(AllocationId::new("eipalloc-00000002").unwrap());
    let address = Address { instance: None, ..world.addresses.get(&allocation()).unwrap().clone() };
    put(&mut world.addresses, second, address, start());
    assert_eq!(kind(adopt(&spec(), &world, start())), "AmbiguousAddress");
    let named = |id: &str| {
        Spec::parse(&format!("{SPEC}[[address]]\nkind = \"elastic-ip\"\nallocation_id = \"{id}\"\n")).unwrap()
    };
    assert_eq!(kind(adopt(&named("eipalloc-00000001"), &world, start())), "adopted");
    assert_eq!(kind(adopt(&named("eipalloc-00000003"), &world, start())), "NoAddress");
}

#[test]
fn a_volume_is_the_data_by_its_own_tag_or_as_the_only_one() {
    let two = Spec::parse(&format!("{SPEC}\n[[volume]]\nname = \"log\"\n")).unwrap();
    let log = Volume { tags: tags(&[(tag::VOLUME, "log")]), ..volume('a', Some('a')) };
    let untagged = Volume { tags: tags(&[]), ..volume('a', Some('a')) };
    let with = |spec: &Spec, volumes: &[&Volume]| {
        let mut world = world(start());
        world.volumes.items.clear();
        for (volume, number) in volumes.iter().zip(1..) {
            put(&mut world.volumes, volume_id(number), (*volume).clone(), start());
        }
        adopt(spec, &world, start())
    };
    assert_eq!(kind(with(&spec(), &[&untagged])), "adopted");
    assert_eq!(kind(with(&spec(), &[&log])), "NoVolume", "it says that it is something else");
    assert_eq!(kind(with(&two, &[&untagged, &log])), "NoVolume", "which of the two it is, is not said");
    assert_eq!(kind(with(&two, &[&volume('a', Some('a')), &log])), "adopted");
    let lost = Volume { state: VolumeState::Deleting, ..volume('a', None) };
    let adopted = with(&spec(), &[&lost, &volume('a', Some('a'))]).unwrap();
    assert_eq!(adopted.current_volumes[&data()].volume, volume_id(2));
}

#[test]
fn the_active_instance_is_the_running_member_that_has_all() {
    let with = |holder: Option<char>, leads_to: Option<char>, state| {
        let mut world = world(start());
        put(&mut world.instances, instance_id('a'), instance('a', state), start());
        put(&mut world.volumes, volume_id(1), volume('a', holder), start());
        let address =
            Address { instance: leads_to.map(instance_id), ..world.addresses.get(&allocation()).unwrap().clone() };
        put(&mut world.addresses, allocation(), address, start());
        match adopt(&spec(), &world, start()) {
            Ok(ledger) => ledger.active.to_string(),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(with(Some('a'), Some('a'), InstanceState::Running), "i-0000000a");
    assert_eq!(with(Some('a'), None, InstanceState::Running), "i-0000000a");
    assert!(with(Some('e'), Some('e'), InstanceState::Running).contains("does not carry the service's tag"));
    assert!(with(Some('a'), Some('b'), InstanceState::Running).contains("i-0000000b has eipalloc-00000001"));
    assert!(with(Some('a'), Some('a'), InstanceState::Stopped).contains("but is stopped"));
    assert!(with(None, Some('a'), InstanceState::Running).contains("vol-00000001"));
}

/// A group, whose instances are `members`; the volume is `volume`, the address leads to `leads_to`.
fn group(members: &[(char, Lifecycle)], held: Volume, leads_to: Option<char>, named: &str) -> String {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{}blank = {{ size_gib = 20 }}\n{named}", super::groups::SPEC)).unwrap();
    story.group().members.clear();
    for (letter, lifecycle) in members {
        story.member(*letter, 'a', lifecycle.clone());
        story.instance(*letter, 'a', InstanceState::Running);
    }
    story.world.volumes.items.insert(volume_id(1), Observed::Known { value: held, at: start() });
    if let Some(Observed::Known { value, .. }) = story.world.addresses.items.get_mut(&allocation()) {
        value.instance = leads_to.map(instance_id);
    }
    // A group of somebody else's, where the spec names ours.
    if !named.is_empty() {
        let other = story.group().clone();
        let name = GroupName::new("other").unwrap();
        story.world.groups.items.insert(name, Observed::Known { value: other, at: start() });
    }
    match adopt(&story.spec, &story.world, start()) {
        Ok(ledger) => ledger.active.to_string(),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn a_groups_active_instance_is_who_has_the_data_or_the_address_and_else_the_only_one() {
    use Lifecycle::InService;
    let free = || volume('a', None);
    assert_eq!(group(&[('a', InService)], free(), None, ""), "i-0000000a");
    assert_eq!(group(&[('a', InService)], volume('a', Some('a')), Some('a'), ""), "i-0000000a");
    let both = [('a', InService), ('b', InService)];
    assert_eq!(group(&both, volume('a', Some('b')), None, ""), "i-0000000b");
    assert!(group(&both, free(), None, "").contains("several instances"));
    assert!(group(&both, free(), Some('b'), "").contains("NotAttached"), "the address alone leaves the data in doubt");
    assert!(group(&[('b', InService)], volume('a', Some('a')), None, "").contains("is not an instance of the group"));
    assert!(group(&[], free(), None, "").contains("NoInstance"));
    assert!(group(&[('a', Lifecycle::Terminating)], free(), None, "").contains("NoInstance"));
}

#[test]
fn a_volume_that_somebody_has_is_not_taken_for_a_free_one() {
    let unlisted = Volume { attachments: Vec::new(), state: VolumeState::InUse, ..volume('a', None) };
    let told = group(&[('a', Lifecycle::InService)], unlisted, None, "");
    assert!(told.contains("NotAttached"), "{told}");
}

#[test]
fn an_instance_of_the_group_that_does_not_carry_the_tag_is_no_member() {
    let mut story = Story::new();
    story.member('c', 'a', Lifecycle::InService);
    story.group().members.remove(&instance_id('a'));
    story.free_volume();
    if let Some(Observed::Known { value, .. }) = story.world.addresses.items.get_mut(&allocation()) {
        value.instance = None;
    }
    let refused = adopt(&story.spec, &story.world, start()).unwrap_err().to_string();
    assert!(refused.contains("i-0000000c does not carry the service's tag"), "{refused}");
}

#[test]
fn a_group_that_is_named_is_the_one_that_is_meant() {
    let held = || volume('a', Some('a'));
    let named = |name: &str| format!("[group]\nname = \"{name}\"\n");
    assert_eq!(group(&[('a', Lifecycle::InService)], held(), None, &named(group_name().as_str())), "i-0000000a");
    assert!(group(&[('a', Lifecycle::InService)], held(), None, &named("third")).contains("NoGroup"));
}
