//! What an instance that has no controller asks of AWS: where the service's address leads, who holds it, and to have it.
//!
//! EC2 has no "associate only if it leads to X" (aws-facts 3.1). But `DisassociateAddress` names one association, which is another one as
//! soon as somebody else took the address; and `AssociateAddress` without reassociation is refused while it leads anywhere. So what leads
//! to a dead holder is first let go by its association, then taken if it is free: of several that try, one gets it.

use aws_sdk_ec2::types::{InstanceStateName, Reservation};
use failover_core::group::Lifecycle;
use failover_core::ids::{AllocationId, GroupName, InstanceId, ServiceName};
use failover_core::step::FailureClass;
use failover_core::world::tag;

use crate::clients::Aws;
use crate::convert::filter;
use crate::error::{AwsError, code, failed};

/// The service's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAddress {
    /// Which.
    pub allocation: AllocationId,
    /// The address itself.
    pub public_ip: String,
    /// Where it leads, if anywhere.
    pub association: Option<Association>,
}

/// Where an address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// This leading there: a new one has another id.
    pub id: String,
    /// To which instance; none: to a network interface without one.
    pub instance: Option<InstanceId>,
}

/// How an instance stands in its Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStanding {
    /// Which group.
    pub group: GroupName,
    /// How far it is.
    pub lifecycle: Lifecycle,
    /// Whether the group counts it as healthy.
    pub healthy: bool,
}

/// Whether an instance lives, as EC2 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// `pending` or `running`.
    Lives,
    /// `stopping`, `stopped`, `shutting-down` or `terminated`.
    Ends,
    /// EC2 does not know it (any more).
    Unknown,
}

impl Aws {
    /// The service's addresses: those that are `named`, or else those that carry its tag.
    pub async fn addresses_of(
        &self,
        service: &ServiceName,
        named: &[AllocationId],
    ) -> Result<Vec<ServiceAddress>, AwsError> {
        const OPERATION: &str = "DescribeAddresses";
        let mut call = self.ec2().describe_addresses();
        if named.is_empty() {
            call = call.filters(filter(format!("tag:{}", tag::SERVICE), service.as_str()));
        }
        for id in named {
            call = call.allocation_ids(id.as_str());
        }
        let answer = call.send().await.map_err(failed(OPERATION))?;
        let read = |address: &aws_sdk_ec2::types::Address| {
            let unreadable = |why: String| {
                let code = code::UNREADABLE.to_owned();
                AwsError { operation: OPERATION, class: FailureClass::Retryable, code, message: why }
            };
            let allocation = address.allocation_id().unwrap_or_default();
            let allocation = AllocationId::new(allocation).map_err(|error| unreadable(error.to_string()))?;
            let instance = address.instance_id().filter(|id| !id.is_empty()).map(InstanceId::new).transpose();
            let instance = instance.map_err(|error| unreadable(error.to_string()))?;
            let association = address.association_id().filter(|id| !id.is_empty());
            let association = association.map(|id| Association { id: id.to_owned(), instance });
            let public_ip = address.public_ip().unwrap_or_default().to_owned();
            Ok(ServiceAddress { allocation, public_ip, association })
        };
        answer.addresses().iter().map(read).collect()
    }

    /// How an instance stands in its Auto Scaling group. None: it is in none.
    pub async fn group_standing(&self, instance: &InstanceId) -> Result<Option<GroupStanding>, AwsError> {
        const OPERATION: &str = "DescribeAutoScalingInstances";
        let call = self.autoscaling().describe_auto_scaling_instances().instance_ids(instance.as_str());
        let answer = call.send().await.map_err(failed(OPERATION))?;
        let of_it = answer.auto_scaling_instances().iter().find(|it| it.instance_id() == Some(instance.as_str()));
        let Some(member) = of_it else { return Ok(None) };
        let group = GroupName::new(member.auto_scaling_group_name().unwrap_or_default()).map_err(|error| AwsError {
            operation: OPERATION,
            class: FailureClass::Retryable,
            code: code::UNREADABLE.to_owned(),
            message: error.to_string(),
        })?;
        // `DescribeAutoScalingInstances` writes the health in capitals.
        let healthy = member.health_status().is_some_and(|status| status.eq_ignore_ascii_case("healthy"));
        let lifecycle = Lifecycle::parse(member.lifecycle_state().unwrap_or_default());
        Ok(Some(GroupStanding { group, lifecycle, healthy }))
    }

    /// Whether an instance lives.
    pub async fn life_of(&self, instance: &InstanceId) -> Result<Life, AwsError> {
        let sent = self.ec2().describe_instances().instance_ids(instance.as_str()).send().await;
        let answer = match sent.map_err(failed("DescribeInstances")) {
            Err(error) if error.class == FailureClass::Gone => return Ok(Life::Unknown),
            other => other?,
        };
        let found = answer.reservations().iter().flat_map(Reservation::instances).next();
        let state = found.and_then(|instance| instance.state()?.name());
        Ok(match state {
            Some(InstanceStateName::Pending | InstanceStateName::Running) => Life::Lives,
            Some(
                InstanceStateName::Stopping
                | InstanceStateName::Stopped
                | InstanceStateName::ShuttingDown
                | InstanceStateName::Terminated,
            ) => Life::Ends,
            _ => Life::Unknown,
        })
    }

    /// Ends one association of an address. That it is gone already counts as done: then the address leads elsewhere, or nowhere.
    pub async fn release_association(&self, association: &str) -> Result<(), AwsError> {
        let sent = self.ec2_effects().disassociate_address().association_id(association).send().await;
        match sent.map_err(failed("DisassociateAddress")) {
            Err(error) if error.class != FailureClass::Gone => Err(error),
            _ => Ok(()),
        }
    }

    /// Leads a free address to an instance. `Resource.AlreadyAssociated`: somebody was quicker.
    pub async fn take_free_address(&self, allocation: &AllocationId, instance: &InstanceId) -> Result<(), AwsError> {
        let call = self.ec2_effects().associate_address();
        let call = call.allocation_id(allocation.as_str()).instance_id(instance.as_str()).allow_reassociation(false);
        call.send().await.map(drop).map_err(failed("AssociateAddress"))
    }
}
