//! What an instance without a ledger has to do. Pure: what was seen goes in, a duty comes out.

use std::fmt;

use failover_aws::claim::Life;
use failover_core::ids::{AllocationId, InstanceId};

use crate::duty::Notice;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// How the instance stands in its group, and the service's addresses; or why that can't be seen.
    pub seen: Result<(Standing, Vec<Address>), String>,
    /// What the metadata service announces.
    pub notice: Option<Notice>,
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
pub struct Address {
    /// Which.
    pub allocation: AllocationId,
    /// Whom it leads to.
    pub holder: Holder,
}

/// Whom an address leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
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
pub enum Duty {
    /// Bring the service up, or go on serving: every address leads here.
    Serve,
    /// Bring the service up, then take these addresses.
    Take(Vec<Takeable>),
    /// Make sure that nothing of the service runs here.
    Rest(Why),
    /// Change nothing.
    Hold(Why),
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
pub enum Why {
    /// The metadata service announced the instance's end.
    Noticed(Notice),
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

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noticed(notice) => write!(formatter, "{}", crate::duty::Why::Noticed(notice.clone())),
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
pub fn duty(view: &View, serving: bool) -> Duty {
    if let Some(notice) = &view.notice {
        return Duty::Rest(Why::Noticed(notice.clone()));
    }
    let (standing, addresses) = match &view.seen {
        Ok(seen) => seen,
        Err(why) => return Duty::Hold(Why::Unknown(why.clone())),
    };
    match standing {
        Standing::Leaving | Standing::Aside => return Duty::Rest(Why::NotInService(*standing)),
        // The group will replace it; until then it serves better than nobody.
        Standing::Unhealthy if !serving => return Duty::Hold(Why::NotInService(*standing)),
        Standing::NoGroup | Standing::In | Standing::Unhealthy => {}
    }
    if addresses.is_empty() {
        return Duty::Hold(Why::NoAddress);
    }
    let mut takeable = Vec::new();
    let mut held = None;
    let mut unsure = None;
    for address in addresses {
        let allocation = address.allocation.clone();
        match &address.holder {
            Holder::Me => {}
            Holder::Nobody => takeable.push(Takeable { allocation, release: None }),
            Holder::Interface => unsure = Some(Why::NotAnInstance(allocation)),
            Holder::Other { association, instance, life, standing } => match (life, standing) {
                (Life::Ends, _) | (Life::Lives, Standing::Leaving | Standing::Unhealthy) => {
                    takeable.push(Takeable { allocation, release: Some(association.clone()) });
                }
                (Life::Lives, _) => held = Some(Why::Held(instance.clone())),
                (Life::Unknown, _) => unsure = Some(Why::HolderUnknown(instance.clone())),
            },
        }
    }
    match (held, unsure) {
        // What can't be told is not ours either: clients do not reach this instance by it.
        (Some(why), _) | (None, Some(why)) => Duty::Rest(why),
        (None, None) if takeable.is_empty() => Duty::Serve,
        (None, None) => Duty::Take(takeable),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const STANDINGS: [Standing; 5] =
        [Standing::NoGroup, Standing::In, Standing::Unhealthy, Standing::Leaving, Standing::Aside];
    const LIVES: [Life; 3] = [Life::Lives, Life::Ends, Life::Unknown];

    fn other(life: Life, standing: Standing) -> Holder {
        let instance = InstanceId::new("i-00000000000000002").unwrap();
        Holder::Other { association: "eipassoc-1".to_owned(), instance, life, standing }
    }

    fn holders() -> Vec<Holder> {
        let mut all = vec![Holder::Nobody, Holder::Me, Holder::Interface];
        all.extend(LIVES.into_iter().flat_map(|life| STANDINGS.map(|standing| other(life, standing))));
        all
    }

    fn view(standing: Standing, holders: &[Holder]) -> View {
        let address = |holder: &Holder| Address {
            allocation: AllocationId::new("eipalloc-00000001").unwrap(),
            holder: holder.clone(),
        };
        View { seen: Ok((standing, holders.iter().map(address).collect())), notice: None }
    }

    /// Whether a holder may be taken from: dead, or on its way out of its group.
    fn is_over(holder: &Holder) -> bool {
        match holder {
            Holder::Nobody | Holder::Other { life: Life::Ends, .. } => true,
            Holder::Me | Holder::Interface | Holder::Other { life: Life::Unknown, .. } => false,
            Holder::Other { life: Life::Lives, standing, .. } => {
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
                        let ours = |holder: &Holder| *holder == Holder::Me;
                        match &duty {
                            Duty::Serve => assert!(holders.iter().all(ours), "{case}"),
                            Duty::Take(wanted) => {
                                assert!(holders.iter().all(|it| ours(it) || is_over(it)), "{case}");
                                assert_eq!(wanted.len(), holders.iter().filter(|it| !ours(it)).count(), "{case}");
                            }
                            Duty::Rest(_) | Duty::Hold(_) => {}
                        }
                        if matches!(duty, Duty::Serve | Duty::Take(_)) {
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
            let mut unseen = View { seen: Err("throttled".to_owned()), notice: None };
            assert!(matches!(duty(&unseen, serving), Duty::Hold(Why::Unknown(_))));
            assert_eq!(duty(&view(Standing::In, &[]), serving), Duty::Hold(Why::NoAddress));
            unseen.notice = Some(Notice::GroupTerminates);
            assert!(matches!(duty(&unseen, serving), Duty::Rest(Why::Noticed(_))));
        }
    }

    #[test]
    fn an_association_is_ended_only_where_there_is_one() {
        let taken = |holder: Holder| match duty(&view(Standing::In, &[holder]), false) {
            Duty::Take(wanted) => wanted.into_iter().map(|it| it.release).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(taken(Holder::Nobody), [None]);
        assert_eq!(taken(other(Life::Ends, Standing::NoGroup)), [Some("eipassoc-1".to_owned())]);
    }
}
