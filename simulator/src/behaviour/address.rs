//! Elastic IP addresses: who an address belongs to by the API, and where its packets really go.
//!
//! `AssociateAddress` moves an address in one call, without asking whose it was: nothing compares before it swaps. Traffic follows seconds later.

use std::collections::BTreeMap;

use crate::model::address::{Address, Association};
use crate::model::instance::InstanceState;
use crate::model::transition::StateTransition;
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    pub(crate) fn allocate_address(
        &mut self,
        service: Option<String>,
        tags: BTreeMap<String, String>,
        at: RegionTime,
    ) -> String {
        let allocation_id = self.ids.id("eipalloc");
        let service = service.or_else(|| self.workload_tag.as_ref().and_then(|key| tags.get(key).cloned()));
        let address = Address {
            allocation_id: allocation_id.clone(),
            public_ip: self.ids.public_address(),
            association: None,
            tags,
            service,
            data_path: None,
            generation: 0,
            requested_at: at,
        };
        self.addresses.insert(&allocation_id, address, at);
        allocation_id
    }

    /// `AssociateAddress`. Idempotent; moves the address from whoever has it unless the caller forbids that.
    pub(crate) fn associate_address(
        &mut self,
        allocation_id: &str,
        instance_id: &str,
        by_interface: bool,
        allow_reassociation: bool,
        at: RegionTime,
    ) -> Result<String, ApiError> {
        let (Some(address), Some(instance)) = (self.addresses.get(allocation_id), self.instances.get(instance_id))
        else {
            return Ok(String::new());
        };
        check_holder_state(instance_id, instance.state, by_interface)?;
        if let Some(association) = &address.association {
            if association.instance_id == instance_id {
                return Ok(association.association_id.clone());
            }
            if !allow_reassociation {
                return Err(ApiError::client(
                    "Resource.AlreadyAssociated",
                    format!(
                        "resource {allocation_id} is already associated with associate-id {}",
                        association.association_id
                    ),
                ));
            }
        }
        self.drop_addresses_of(instance_id, at);
        let association_id = self.ids.id("eipassoc");
        self.set_association(
            allocation_id,
            Some(Association { association_id: association_id.clone(), instance_id: instance_id.to_owned() }),
            at,
        );
        Ok(association_id)
    }

    /// `DisassociateAddress`. Idempotent.
    pub(crate) fn disassociate_address(&mut self, allocation_id: &str, at: RegionTime) {
        if self.addresses.get(allocation_id).is_some_and(|address| address.association.is_some()) {
            self.set_association(allocation_id, None, at);
        }
    }

    fn set_association(&mut self, allocation_id: &str, association: Option<Association>, at: RegionTime) {
        let switch = self.sample(self.timing.addresses.switch);
        let Some(address) = self.addresses.change(allocation_id, at) else { return };
        address.association = association;
        address.generation += 1;
        address.requested_at = at;
        let target = address.association.as_ref().map(|association| association.instance_id.clone());
        let generation = address.generation;
        self.schedule.add(
            at.after(switch),
            StateTransition::AddressSwitched { allocation: allocation_id.to_owned(), generation, target },
        );
    }

    pub(crate) fn address_switched(
        &mut self,
        allocation_id: &str,
        generation: u64,
        target: Option<String>,
        at: RegionTime,
    ) {
        let Some(address) = self.addresses.get_mut(allocation_id).filter(|address| address.generation == generation)
        else {
            return;
        };
        address.data_path = target;
        let requested_at = address.requested_at;
        self.record_transition("address", allocation_id, requested_at, at);
    }

    /// An instance has one address here: a new association, or its termination, drops the old one.
    pub(crate) fn drop_addresses_of(&mut self, instance_id: &str, at: RegionTime) {
        let held = |address: &Address| {
            address.association.as_ref().is_some_and(|association| association.instance_id == instance_id)
        };
        let allocations: Vec<String> =
            self.addresses.iter().filter(|(_, address)| held(address)).map(|(id, _)| id.to_owned()).collect();
        for allocation in allocations {
            self.set_association(&allocation, None, at);
        }
    }

    /// `ReleaseAddress`: only when nobody has it.
    pub(crate) fn release_address(&mut self, allocation_id: &str, at: RegionTime) -> Result<(), ApiError> {
        if self.addresses.get(allocation_id).is_some_and(|address| address.association.is_some()) {
            return Err(ApiError::client("InvalidIPAddress.InUse", format!("Address {allocation_id} is in use.")));
        }
        self.addresses.remove(allocation_id, at);
        Ok(())
    }
}

/// In the field a pending instance is refused with `InvalidInstanceID`; by its interface, AWS documents `IncorrectInstanceState`.
fn check_holder_state(id: &str, state: InstanceState, by_interface: bool) -> Result<(), ApiError> {
    if matches!(state, InstanceState::Running | InstanceState::Stopped | InstanceState::Stopping) {
        return Ok(());
    }
    let code = if by_interface { "IncorrectInstanceState" } else { "InvalidInstanceID" };
    Err(ApiError::client(
        code,
        format!("The {} instance '{id}' is not in a valid state for this operation.", state.name()),
    ))
}
