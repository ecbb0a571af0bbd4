//! What to look at for a service.

use std::collections::BTreeSet;

use failover_aws::Interest;
use failover_core::ledger::Ledger;
use failover_core::spec::Spec;

/// Everything of a service that AWS should be asked about, beyond what carries its tag.
pub(crate) fn interest(spec: &Spec, ledger: &Ledger) -> Interest {
    let mut members: BTreeSet<_> = ledger.members.keys().cloned().collect();
    members.insert(ledger.active.clone());
    if let Some(failover) = &ledger.failover {
        members.extend([failover.from.instance_id.clone(), failover.to.instance_id.clone()]);
    }
    let heads = ledger.heads.values().map(|head| head.volume.clone());
    let named = spec.addresses.iter().map(|address| address.allocation_id.clone());
    Interest {
        service: spec.service.clone(),
        members,
        volumes: heads.chain(ledger.superseded.keys().cloned()).collect(),
        addresses: named.chain(ledger.addresses.iter().cloned()).collect(),
        alarms: spec.detect.alarms.iter().cloned().collect(),
    }
}

/// The same, before there is a ledger.
pub(crate) fn first_interest(spec: &Spec) -> Interest {
    Interest {
        service: spec.service.clone(),
        members: BTreeSet::new(),
        volumes: BTreeSet::new(),
        addresses: spec.addresses.iter().map(|address| address.allocation_id.clone()).collect(),
        alarms: spec.detect.alarms.iter().cloned().collect(),
    }
}
