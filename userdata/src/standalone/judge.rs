//! What an instance without a ledger has to do. Pure: what was seen goes in, a duty comes out.

use std::fmt;

use failover_aws::claim::Life;
use failover_core::ids::{AllocationId, InstanceId};

use crate::duty::InstanceNotice;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandaloneView {
    /// How the instance stands in its group, and the service's addresses; or why that can't be seen.
    pub seen: Result<(Standing, Vec<HeldAddress>), String>,
    /// What the metadata service announces.
    pub notice: Option<InstanceNotice>,
}

/// How an instance stands in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is in none.
    NoGroup,
    /// Coming, or in service, and healthy.
    In,
    /// Coming, or in service, and unhealthy: it will be replaced.
    Unhealthy,
    /// On its way out.
    Leaving,
    /// Put aside by a person: `Standby`, `Detached`, a warm pool.
    Aside,
}

/// An address of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAddress {
    /// Which.
    pub allocation: AllocationId,
    /// Whom it leads to.
    pub holder: AddressHolder,
}

/// Whom an address leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressHolder {
    /// Nobody.
    Nobody,
    /// This instance.
    Me,
    /// A network interface of no instance.
    Interface,
    /// Another instance.
    Other {
        /// By which association.
        association: String,
        /// Which.
        instance: InstanceId,
        /// Whether it lives.
        life: Life,
        /// How it stands in its group.
        standing: Standing,
    },
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StandaloneDuty {
    /// Start the service, or go on serving: every address leads here.
    Serve,
    /// Start the service, then take these addresses.
    Take(Vec<Takeable>),
    /// Make sure that nothing of the service runs here.
    Rest(StandaloneReason),
    /// Change nothing.
    Hold(StandaloneReason),
}

/// An address that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takeable {
    /// Which.
    pub allocation: AllocationId,
    /// What has to be ended first: the association of a holder that is dead or leaving.
    pub release: Option<String>,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StandaloneReason {
    /// The metadata service announced the instance's end.
    Noticed(InstanceNotice),
    /// The group is done with this instance, or was told to leave it aside.
    NotInService(Standing),
    /// The address is another's, who lives and is in service.
    Held(InstanceId),
    /// The address leads to something that is no instance.
    NotAnInstance(AllocationId),
    /// Its holder can't be seen, which proves nothing.
    HolderUnknown(InstanceId),
    /// No address belongs to the service.
    NoAddress,
    /// AWS can't be asked.
    Unknown(String),
}

impl fmt::Display for StandaloneReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noticed(notice) => write!(formatter, "{}", crate::duty::DutyReason::Noticed(notice.clone())),
            Self::NotInService(standing) => {
                write!(formatter, "this instance is not in service in its group ({standing:?})")
            }
            Self::Held(other) => write!(formatter, "the address leads to {other}, which is in service"),
            Self::NotAnInstance(allocation) => {
                write!(formatter, "{allocation} leads to a network interface without an instance")
            }
            Self::HolderUnknown(other) => write!(formatter, "the address leads to {other}, which EC2 does not show"),
            Self::NoAddress => formatter.write_str("no Elastic IP carries the service's tag failover:service"),
            Self::Unknown(why) => write!(formatter, "AWS can't be asked: {why}"),
        }
    }
}

/// What to do. `serving`: the service is up, or on its way.
pub fn duty(view: &StandaloneView, serving: bool) -> StandaloneDuty {
    if let Some(notice) = &view.notice {
        return StandaloneDuty::Rest(StandaloneReason::Noticed(notice.clone()));
    }
    let (standing, addresses) = match &view.seen {
        Ok(seen) => seen,
        Err(why) => return StandaloneDuty::Hold(StandaloneReason::Unknown(why.clone())),
    };
    match standing {
        Standing::Leaving | Standing::Aside => return StandaloneDuty::Rest(StandaloneReason::NotInService(*standing)),
        // The group will replace it; until then it serves better than nobody.
        Standing::Unhealthy if !serving => return StandaloneDuty::Hold(StandaloneReason::NotInService(*standing)),
        Standing::NoGroup | Standing::In | Standing::Unhealthy => {}
    }
    if addresses.is_empty() {
        return StandaloneDuty::Hold(StandaloneReason::NoAddress);
    }
    let mut takeable = Vec::new();
    let mut held = None;
    let mut unsure = None;
    for address in addresses {
        let allocation = address.allocation.clone();
        match &address.holder {
            AddressHolder::Me => {}
            AddressHolder::Nobody => takeable.push(Takeable { allocation, release: None }),
            AddressHolder::Interface => unsure = Some(StandaloneReason::NotAnInstance(allocation)),
            AddressHolder::Other { association, instance, life, standing } => match (life, standing) {
                (Life::Ends, _) | (Life::Lives, Standing::Leaving | Standing::Unhealthy) => {
                    takeable.push(Takeable { allocation, release: Some(association.clone()) });
                }
                (Life::Lives, _) => held = Some(StandaloneReason::Held(instance.clone())),
                (Life::Unknown, _) => unsure = Some(StandaloneReason::HolderUnknown(instance.clone())),
            },
        }
    }
    match (held, unsure) {
        // What can't be told is not ours either: clients do not reach this instance by it.
        (Some(why), _) | (None, Some(why)) => StandaloneDuty::Rest(why),
        (None, None) if takeable.is_empty() => StandaloneDuty::Serve,
        (None, None) => StandaloneDuty::Take(takeable),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const STANDINGS: [Standing; 5] =
        [Standing::NoGroup, Standing::In, Standing::Unhealthy, Standing::Leaving, Standing::Aside];
    const LIVES: [Life; 3] = [Life::Lives, Life::Ends, Life::Unknown];

    fn other(life: Life, standing: Standing) -> AddressHolder {
        let instance = InstanceId::new("i-00000000000000002").unwrap();
        AddressHolder::Other { association: "eipassoc-1".to_owned(), instance, life, standing }
    }

    fn holders() -> Vec<AddressHolder> {
        let mut all = vec![AddressHolder::Nobody, AddressHolder::Me, AddressHolder::Interface];
        all.extend(LIVES.into_iter().flat_map(|life| STANDINGS.map(|standing| other(life, standing))));
        all
    }

    fn view(standing: Standing, holders: &[AddressHolder]) -> StandaloneView {
        let address = |holder: &AddressHolder| HeldAddress {
            allocation: AllocationId::new("eipalloc-00000001").unwrap(),
            holder: holder.clone(),
        };
        StandaloneView { seen: Ok((standing, holders.iter().map(address).collect())), notice: None }
    }

    /// Whether a holder may be taken from: dead, or on its way out of its group.
    fn is_over(holder: &AddressHolder) -> bool {
        match holder {
            AddressHolder::Nobody | AddressHolder::Other { life: Life::Ends, .. } => true,
            AddressHolder::Me | AddressHolder::Interface | AddressHolder::Other { life: Life::Unknown, .. } => false,
            AddressHolder::Other { life: Life::Lives, standing, .. } => {
                matches!(standing, Standing::Leaving | Standing::Unhealthy)
            }
        }
    }

    #[test]
    fn nobody_who_lives_and_is_in_service_is_robbed_and_no_one_serves_beside_him() {
        for mine in STANDINGS {
            for first in holders() {
                for second in holders() {
                    for serving in [false, true] {
                        let holders = [first.clone(), second.clone()];
                        let duty = duty(&view(mine, &holders), serving);
                        let case = format!("{mine:?} {holders:?} {serving}");
                        let ours = |holder: &AddressHolder| *holder == AddressHolder::Me;
                        match &duty {
                            StandaloneDuty::Serve => assert!(holders.iter().all(ours), "{case}"),
                            StandaloneDuty::Take(wanted) => {
                                assert!(holders.iter().all(|it| ours(it) || is_over(it)), "{case}");
                                assert_eq!(wanted.len(), holders.iter().filter(|it| !ours(it)).count(), "{case}");
                            }
                            StandaloneDuty::Rest(_) | StandaloneDuty::Hold(_) => {}
                        }
                        if matches!(duty, StandaloneDuty::Serve | StandaloneDuty::Take(_)) {
                            assert!(!matches!(mine, Standing::Leaving | Standing::Aside), "{case}");
                            assert!(serving || mine != Standing::Unhealthy, "{case}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_can_t_be_seen_changes_nothing_and_a_notice_ends_it() {
        for serving in [false, true] {
            let mut unseen = StandaloneView { seen: Err("throttled".to_owned()), notice: None };
            assert!(matches!(duty(&unseen, serving), StandaloneDuty::Hold(StandaloneReason::Unknown(_))));
            assert_eq!(duty(&view(Standing::In, &[]), serving), StandaloneDuty::Hold(StandaloneReason::NoAddress));
            unseen.notice = Some(InstanceNotice::GroupTerminates);
            assert!(matches!(duty(&unseen, serving), StandaloneDuty::Rest(StandaloneReason::Noticed(_))));
        }
    }

    #[test]
    fn an_association_is_ended_only_where_there_is_one() {
        let taken = |holder: AddressHolder| match duty(&view(Standing::In, &[holder]), false) {
            StandaloneDuty::Take(wanted) => wanted.into_iter().map(|it| it.release).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(taken(AddressHolder::Nobody), [None]);
        assert_eq!(taken(other(Life::Ends, Standing::NoGroup)), [Some("eipassoc-1".to_owned())]);
    }
}
