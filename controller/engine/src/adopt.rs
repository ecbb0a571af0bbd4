//! Adoption: the first ledger of a service, and the tags of what the spec names.

use std::collections::BTreeMap;

use failover_aws::AwsError;
use failover_core::decide::{AdoptError, adopt};
use failover_core::ids::AddressId;
use failover_core::ledger::Ledger;
use failover_core::spec::{Spec, Topology};
use failover_core::world::{Part, Tags, World, tag};
use jiff::Timestamp;

use crate::observe::interest;
use crate::{Engine, EngineError};

impl Engine {
    /// The first ledger of a service, from what is seen; written down, unless somebody was faster.
    ///
    /// # Errors
    /// Anything ambiguous is refused by its name, and nothing is changed.
    pub(crate) async fn adopt(&self, spec: &Spec) -> Result<Ledger, EngineError> {
        let mut world = World::unseen(Timestamp::UNIX_EPOCH);
        let mut interest = interest(spec, None);
        if spec.topology == Topology::AutoScaling {
            // The group tells which instances are meant before they carry a tag.
            self.observe(spec, &interest, &[Part::Groups], &mut world).await;
            interest.members = world.groups.iter_known().flat_map(|(_, group)| group.members.keys().cloned()).collect();
        }
        Box::pin(self.observe(spec, &interest, &Part::ALL, &mut world)).await;
        let ledger = adopt(spec, &world, self.now())?;
        self.tag(spec, &ledger).await?;
        match self.store.create(&ledger).await {
            Ok(()) | Err(failover_aws::StoreError::Exists { .. }) => Ok(ledger),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a group has no instance yet: it is adopted with its first.
    pub(crate) fn awaits_its_first(spec: &Spec, error: &EngineError) -> bool {
        spec.topology == Topology::AutoScaling && matches!(error, EngineError::Adopt(AdoptError::NoInstance { .. }))
    }

    /// Gives what the spec names by its id the service's tags: an operator said that it is meant.
    async fn tag(&self, spec: &Spec, ledger: &Ledger) -> Result<(), AwsError> {
        let service: Tags = BTreeMap::from([(tag::SERVICE.to_owned(), spec.service.to_string())]);
        for volume in &spec.volumes {
            if let Some(id) = &volume.volume_id {
                let name = (tag::VOLUME.to_owned(), volume.name.to_string());
                let tags: Tags = service.clone().into_iter().chain([name]).collect();
                self.aws.tag_resource(id.as_str(), &tags).await?;
            }
        }
        for address in spec.address_ids() {
            match address {
                AddressId::ElasticIp(allocation) => self.aws.tag_resource(allocation.as_str(), &service).await?,
            }
        }
        if let Some(group) = &spec.group.name {
            self.aws.tag_group(group, &service, true).await?;
            self.aws.tag_resource(ledger.active.as_str(), &service).await?;
        }
        Ok(())
    }
}
