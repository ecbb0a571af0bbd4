//! The cards, as values: whoever changes one sees it here.
#![allow(clippy::unwrap_used)]

use super::{MAINTENANCE, SnapshotSource, Step, StepKey, StopMode, When, is_hook_of, kind};
use crate::group::HookResult;
use crate::ids::{
    AddressId, AllocationId, GroupName, HookName, InstanceId, SnapshotId, SubnetId, VolumeId, VolumeName, Zone,
};
use crate::world::{Tags, VolumeShape};

fn volume(digit: char) -> VolumeId {
    VolumeId::new(format!("vol-0000000{digit}")).unwrap()
}

fn shape() -> VolumeShape {
    VolumeShape {
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        iops: None,
        throughput_mib_per_second: None,
        encrypted: true,
        kms_key: None,
    }
}

fn one_of_each() -> Vec<Step> {
    let instance = InstanceId::new("i-00000001").unwrap();
    let group = GroupName::new("billing").unwrap();
    let hook = HookName::new("failover-launch").unwrap();
    let name = VolumeName::new("data").unwrap();
    let zone = Zone::new("eu-central-1a").unwrap();
    let source = |digit| SnapshotSource { name: name.clone(), volume: volume(digit), tags: Tags::new() };
    let complete =
        |result| Step::CompleteHook { group: group.clone(), hook: hook.clone(), instance: instance.clone(), result };
    let detach = |force| Step::DetachVolume { volume: volume('1'), instance: instance.clone(), force };
    vec![
        Step::StartInstance { instance: instance.clone() },
        Step::StopInstance { instance: instance.clone(), mode: StopMode::Graceful },
        Step::StopInstance { instance: instance.clone(), mode: StopMode::Forced },
        Step::TakeSnapshots { sources: vec![source('1'), source('2')], together: None },
        Step::RestoreVolume {
            name: name.clone(),
            snapshot: SnapshotId::new("snap-00000001").unwrap(),
            zone: zone.clone(),
            shape: shape(),
            initialization_rate_mib_per_second: None,
            tags: Tags::new(),
            client_token: "token".to_owned(),
        },
        detach(false),
        detach(true),
        Step::AttachVolume { volume: volume('1'), instance: instance.clone(), device: "/dev/sdf".to_owned() },
        Step::MoveAddress {
            address: AddressId::ElasticIp(AllocationId::new("eipalloc-00000001").unwrap()),
            instance: instance.clone(),
        },
        Step::MarkSuperseded { volume: volume('1') },
        Step::DeleteVolume { volume: volume('1') },
        Step::DeleteSnapshot { snapshot: SnapshotId::new("snap-00000001").unwrap() },
        Step::CreateBlank { name, zone, shape: shape(), tags: Tags::new(), client_token: "token".to_owned() },
        complete(HookResult::Continue),
        complete(HookResult::Abandon),
        Step::ExtendHook { group: group.clone(), hook: hook.clone(), instance: instance.clone() },
        Step::ReplaceMember { group: group.clone(), instance },
        Step::SetSubnets {
            group,
            subnets: ["subnet-00000001", "subnet-00000002"].map(|id| SubnetId::new(id).unwrap()).to_vec(),
        },
    ]
}

/// Key, whether it can be undone, what shows it, what it rests on, least duration and when it is sent again, in seconds.
const CARDS: &str = "\
start i-00000001 | undone | Instances | [Instances] | 4 120
stop i-00000001 | undone | Instances | [Instances] | 4 120 or the grace
force-stop i-00000001 | final | Instances | [Instances] | 4 120
snapshot vol-00000001+vol-00000002 | undone | Snapshots | [Instances, Volumes, Snapshots] | 10 60
restore data@eu-central-1a | undone | Volumes | [Volumes] | 2 60
detach vol-00000001 | final | Volumes | [Instances, Volumes] | 2 60
force-detach vol-00000001 | final | Volumes | [Instances, Volumes] | 2 60
attach vol-00000001 | final | Volumes | [Instances, Volumes] | 2 60
address eipalloc-00000001 | final | Addresses | [Instances, Addresses] | 1 20
mark-superseded vol-00000001 | undone | Volumes | [Volumes] | 2 120
delete-volume vol-00000001 | final | Volumes | [Volumes, Snapshots] | 2 120
delete-snapshot snap-00000001 | final | Snapshots | [Volumes, Snapshots] | 2 120
create-blank data@eu-central-1a | undone | Volumes | [Volumes] | 2 60
complete-hook failover-launch@i-00000001 | final | Groups | [Groups, Volumes, Addresses, Agents] | 2 30
abandon-hook failover-launch@i-00000001 | final | Groups | [Groups, Volumes, Addresses, Agents] | 2 30
extend-hook failover-launch@i-00000001 | undone | Groups | [Groups] | the hook's third
replace i-00000001 | final | Groups | [Groups, Volumes] | 2 60
subnets subnet-00000001+subnet-00000002 | undone | Groups | [Groups] | 2 60
";

#[test]
fn every_card_has_these_values() {
    let row = |step: &Step| {
        let card = step.card();
        let when = match card.when {
            When::Always(it) => format!("{} {}", it.least_duration.as_secs(), it.resend_after.as_secs()),
            When::WithinGrace(it) => {
                format!("{} {} or the grace", it.least_duration.as_secs(), it.resend_after.as_secs())
            }
            When::Heartbeat => "the hook's third".to_owned(),
        };
        assert_eq!(step.key(), StepKey(format!("{} {}", card.kind, card.resource)));
        let reversible = if card.reversible { "undone" } else { "final" };
        format!("{} | {reversible} | {:?} | {:?} | {when}\n", step.key(), card.shows_in, card.rests_on)
    };
    assert_eq!(one_of_each().iter().map(row).collect::<String>(), CARDS);
    assert_eq!((MAINTENANCE.least_duration.as_secs(), MAINTENANCE.resend_after.as_secs()), (2, 120));
}

#[test]
fn a_key_says_what_it_copies() {
    let key = StepKey("snapshot vol-00000001+vol-00000002".to_owned());
    assert!(key.copies(&volume('1')) && key.copies(&volume('2')) && !key.copies(&volume('3')));
    // Ids have 8 to 17 digits: one may begin like another.
    assert!(!StepKey("snapshot vol-000000012".to_owned()).copies(&volume('1')));
    assert!(!StepKey("snapshots vol-00000001".to_owned()).copies(&volume('1')));
    assert!(!StepKey("delete-snapshot vol-00000001".to_owned()).copies(&volume('1')));
}

#[test]
fn a_hook_is_that_of_its_instance() {
    assert!(is_hook_of("failover-launch@i-00000001", "i-00000001"));
    assert!(!is_hook_of("failover-launch@i-00000001", "i-0000000"));
    assert!(!is_hook_of("i-00000001", "i-00000001"));
}

#[test]
fn only_hooks_are_of_hooks() {
    let of_hooks: Vec<&str> =
        one_of_each().iter().filter(|step| step.is_of_hook()).map(|step| step.card().kind).collect();
    assert_eq!(of_hooks, [kind::COMPLETE_HOOK, kind::ABANDON_HOOK, kind::EXTEND_HOOK]);
}
