//! Effects on instances and addresses.

use aws_sdk_ec2::types::Reservation;
use failover_core::ids::{AddressId, AllocationId, InstanceId};
use failover_core::step::StopMode;

use super::{Made, Run, or_done_already};
use crate::error::{AwsError, failed};

impl Run<'_> {
    /// A start of an instance that is on its way or running answers with its state. On one that is not fully stopped, AWS says
    /// `IncorrectInstanceState` (aws-facts 1.3), which also an instance that runs may answer with: then an observation decides.
    pub(super) async fn start_instance(&self, instance: &InstanceId) -> Result<Made, AwsError> {
        const OPERATION: &str = "StartInstances";
        let call = self.aws.ec2_effects().start_instances().instance_ids(instance.as_str());
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        match sent {
            Err(error) if error.code == "IncorrectInstanceState" => {
                let state = self.instance_state(instance).await;
                or_done_already(Err(error), |_| matches!(state.as_deref(), Some("pending" | "running")))
            }
            other => or_done_already(other, |_| false),
        }
    }

    /// `Force` alone first tries the graceful way and waits for its end; `SkipOsShutdown` cuts at once, and upgrades a stop that
    /// is under way (aws-facts 1.3).
    pub(super) async fn stop_instance(&self, instance: &InstanceId, mode: StopMode) -> Result<Made, AwsError> {
        const OPERATION: &str = "StopInstances";
        let mut call = self.aws.ec2_effects().stop_instances().instance_ids(instance.as_str());
        if mode == StopMode::Forced {
            call = call.force(true).skip_os_shutdown(true);
        }
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        match sent {
            Err(error) if error.code == "IncorrectInstanceState" => {
                let state = self.instance_state(instance).await;
                // A forced stop of one that is stopping gracefully is not done yet.
                let done = |state: &str| match mode {
                    StopMode::Graceful => matches!(state, "stopping" | "stopped" | "shutting-down" | "terminated"),
                    StopMode::Forced => matches!(state, "stopped" | "shutting-down" | "terminated"),
                };
                or_done_already(Err(error), |_| state.as_deref().is_some_and(done))
            }
            other => or_done_already(other, |_| false),
        }
    }

    /// Leads an address to an instance, by the call of its kind.
    pub(super) async fn move_address(&self, address: &AddressId, instance: &InstanceId) -> Result<Made, AwsError> {
        match address {
            AddressId::ElasticIp(allocation) => self.associate(allocation, instance).await,
        }
    }

    /// Moves an Elastic IP in one call. Reassociation is the default; it is asked for by name, so that the intention shows in an
    /// audit trail (aws-facts 3.1).
    async fn associate(&self, allocation: &AllocationId, instance: &InstanceId) -> Result<Made, AwsError> {
        const OPERATION: &str = "AssociateAddress";
        let call = self.aws.ec2_effects().associate_address();
        let call = call.allocation_id(allocation.as_str()).instance_id(instance.as_str()).allow_reassociation(true);
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        match sent {
            Err(error) if error.code == "Resource.AlreadyAssociated" => {
                let there = self.is_associated(allocation, instance).await;
                or_done_already(Err(error), |_| there)
            }
            other => or_done_already(other, |_| false),
        }
    }

    /// AWS's name of the instance's state; nothing where it can't be seen.
    async fn instance_state(&self, instance: &InstanceId) -> Option<String> {
        self.reads();
        let page = self.aws.ec2().describe_instances().instance_ids(instance.as_str()).send().await.ok()?;
        let found = page.reservations().iter().flat_map(Reservation::instances).next()?;
        Some(found.state()?.name()?.as_str().to_owned())
    }

    async fn is_associated(&self, allocation: &AllocationId, instance: &InstanceId) -> bool {
        self.reads();
        let call = self.aws.ec2().describe_addresses().allocation_ids(allocation.as_str());
        let Ok(page) = call.send().await else { return false };
        page.addresses().iter().any(|address| address.instance_id() == Some(instance.as_str()))
    }
}
