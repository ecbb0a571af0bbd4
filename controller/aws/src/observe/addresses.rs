//! Elastic IPs: `DescribeAddresses`. It has no pages.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::Address as Ec2Address;
use failover_core::ids::{AddressId, InstanceId};
use failover_core::world::{Address, Listing};

use super::by_id::by_tag_then_id;
use super::described::{Described, Owners};
use super::interest::Scope;
use crate::clients::Aws;
use crate::convert::tags;
use crate::error::{AwsError, failed};

const OPERATION: &str = "DescribeAddresses";

impl Aws {
    pub(super) async fn addresses(
        &self,
        scope: Scope<'_>,
        known: &BTreeSet<AddressId>,
    ) -> (Listing<AddressId, Address>, Owners<AddressId>) {
        let by_tag = async { self.read_addresses(self.ec2().describe_addresses().filters(scope.filter())).await };
        let by_id = |id: AddressId| match id {
            AddressId::ElasticIp(allocation) => {
                self.read_addresses(self.ec2().describe_addresses().allocation_ids(allocation))
            }
        };
        Box::pin(by_tag_then_id(self.clock(), OPERATION, known, by_tag, by_id)).await
    }

    async fn read_addresses(
        &self,
        call: aws_sdk_ec2::operation::describe_addresses::builders::DescribeAddressesFluentBuilder,
    ) -> Result<Described<AddressId, Address>, AwsError> {
        let page = call.send().await.map_err(failed(OPERATION))?;
        let at = self.clock().now();
        let mut answer = Described::new(at);
        for address in page.addresses() {
            answer.take(address.allocation_id(), &tags(address.tags()), read(address), at);
        }
        Ok(answer)
    }
}

fn read(address: &Ec2Address) -> Result<Address, String> {
    let instance = address.instance_id().filter(|id| !id.is_empty());
    Ok(Address {
        public_ip: address.public_ip().ok_or("no public IP")?.to_owned(),
        instance: instance.map(InstanceId::new).transpose().map_err(|error| error.to_string())?,
        tags: tags(address.tags()),
    })
}
