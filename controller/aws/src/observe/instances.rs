//! Instances: `DescribeInstances`.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::types::{Instance as Ec2Instance, InstanceState as Ec2State, InstanceStateName, Reservation};
use failover_core::ids::{InstanceId, VolumeId, Zone};
use failover_core::world::{Instance, InstanceState, Listing, Observed, World};

use super::by_id::{by_tag_then_id, each};
use super::described::{Described, Owners};
use super::groups;
use super::interest::Scope;
use super::pages::{self, PAGE};
use crate::clients::Aws;
use crate::convert::tags;
use crate::error::{AwsError, failed};

const OPERATION: &str = "DescribeInstances";

impl Aws {
    pub(super) async fn instances(
        &self,
        scope: Scope<'_>,
        known: &BTreeSet<InstanceId>,
    ) -> (Listing<InstanceId, Instance>, Owners<InstanceId>) {
        let by_id = |id| self.instance_by_id(id);
        Box::pin(by_tag_then_id(self.clock(), OPERATION, known, self.instances_by_tag(scope), by_id)).await
    }

    /// Asks by id for members of the seen groups that the list lacks: without the tag on the instance (a group passes its own on only
    /// with `PropagateAtLaunch`), a complete list would show them absent.
    pub(super) async fn add_untagged_members(&self, world: &mut World) {
        let untagged: BTreeMap<InstanceId, bool> = groups::members(world)
            .filter(|(id, _)| !world.instances.items.contains_key(*id))
            .map(|(id, member)| (id.clone(), member.lifecycle.is_going()))
            .collect();
        let by_id = |id| self.instance_by_id(id);
        let found = Box::pin(each(self.clock(), OPERATION, untagged.keys().cloned().collect(), &by_id)).await;
        for (id, single) in found {
            match single {
                Some((observed, _)) => drop(world.instances.items.insert(id, observed)),
                // Terminated instances are forgotten by EC2 and by the group, in either order.
                None if untagged.get(&id) == Some(&true) => {}
                // EC2 may not know yet what it has just launched (aws-facts 7).
                None => {
                    let why = "its group lists it, and EC2 does not know it".to_owned();
                    let at = self.clock().now();
                    world.instances.items.insert(id, Observed::Unknown { why, at });
                }
            }
        }
    }

    async fn instances_by_tag(&self, scope: Scope<'_>) -> Result<Described<InstanceId, Instance>, AwsError> {
        let call = self.ec2().describe_instances().filters(scope.filter()).max_results(PAGE);
        let ask = |token| {
            let call = call.clone().set_next_token(token);
            async move { call.send().await.map_err(failed(OPERATION)) }
        };
        pages::every(self.clock(), ask, DescribeInstancesOutput::next_token, |answer, page, at| {
            for instance in page.reservations().iter().flat_map(Reservation::instances) {
                answer.take(instance.instance_id(), &tags(instance.tags()), read(instance), at);
            }
        })
        .await
    }

    async fn instance_by_id(&self, id: InstanceId) -> Result<Described<InstanceId, Instance>, AwsError> {
        let page = self.ec2().describe_instances().instance_ids(id).send().await.map_err(failed(OPERATION))?;
        let at = self.clock().now();
        let mut answer = Described::new(at);
        for instance in page.reservations().iter().flat_map(Reservation::instances) {
            answer.take(instance.instance_id(), &tags(instance.tags()), read(instance), at);
        }
        Ok(answer)
    }
}

fn read(instance: &Ec2Instance) -> Result<Instance, String> {
    let zone =
        instance.placement().and_then(|placement| placement.availability_zone()).ok_or("no Availability Zone")?;
    let mut devices = BTreeMap::new();
    for mapping in instance.block_device_mappings() {
        let volume = mapping.ebs().and_then(|ebs| ebs.volume_id());
        if let (Some(device), Some(volume)) = (mapping.device_name(), volume) {
            devices.insert(device.to_owned(), VolumeId::new(volume).map_err(|error| error.to_string())?);
        }
    }
    Ok(Instance {
        zone: Zone::new(zone).map_err(|error| error.to_string())?,
        state: state(instance.state().ok_or("no state")?)?,
        devices,
        root_device: instance.root_device_name().map(str::to_owned),
    })
}

/// The name says it; where only the code is given, its low byte does (aws-facts 1.1).
fn state(state: &Ec2State) -> Result<InstanceState, String> {
    match state.name() {
        Some(InstanceStateName::Pending) => Ok(InstanceState::Pending),
        Some(InstanceStateName::Running) => Ok(InstanceState::Running),
        Some(InstanceStateName::ShuttingDown) => Ok(InstanceState::ShuttingDown),
        Some(InstanceStateName::Terminated) => Ok(InstanceState::Terminated),
        Some(InstanceStateName::Stopping) => Ok(InstanceState::Stopping),
        Some(InstanceStateName::Stopped) => Ok(InstanceState::Stopped),
        Some(other) => Err(format!("instance state {:?} is not one that we know", other.as_str())),
        None => match state.code().map(|code| code & 0xff) {
            Some(0) => Ok(InstanceState::Pending),
            Some(16) => Ok(InstanceState::Running),
            Some(32) => Ok(InstanceState::ShuttingDown),
            Some(48) => Ok(InstanceState::Terminated),
            Some(64) => Ok(InstanceState::Stopping),
            Some(80) => Ok(InstanceState::Stopped),
            Some(other) => Err(format!("instance state code {other} is not one that we know")),
            None => Err("no state".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_low_byte_of_a_code_counts_and_what_is_new_is_not_guessed() {
        let code = |code| state(&Ec2State::builder().code(code).build());
        assert_eq!(code(80), Ok(InstanceState::Stopped));
        assert_eq!(code(0x4110), Ok(InstanceState::Running));
        assert!(code(96).is_err_and(|why| why.contains("96")));
        let named = Ec2State::builder().name(InstanceStateName::from("hibernating")).code(80).build();
        assert!(state(&named).is_err_and(|why| why.contains("hibernating")));
    }
}
