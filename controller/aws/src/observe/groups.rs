//! Auto Scaling groups: `DescribeAutoScalingGroups`, and for each what it does not tell: `DescribeLifecycleHooks`, and the zones of
//! its subnets.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use aws_sdk_autoscaling::operation::describe_auto_scaling_groups::DescribeAutoScalingGroupsOutput;
use aws_sdk_autoscaling::operation::describe_auto_scaling_groups::builders::DescribeAutoScalingGroupsFluentBuilder;
use aws_sdk_autoscaling::types::{AutoScalingGroup, Instance as Ec2Member, LifecycleHook};
use aws_sdk_ec2::types::{Filter, Subnet};
use failover_core::group::{Group, GroupMember, Hook, HookResult, Lifecycle, Transition};
use failover_core::ids::{GroupName, HookName, InstanceId, SubnetId, Zone};
use failover_core::world::{Listing, Observed, Tags, World};
use futures::StreamExt;
use futures::future::join_all;

use super::by_id::{by_tag_then_id, limited, worth_asking_by_id};
use super::described::{Described, Owners};
use super::interest::{Interest, Scope};
use super::pages;
use crate::clients::Aws;
use crate::convert::group_filter;
use crate::error::{AwsError, failed};

const OPERATION: &str = "DescribeAutoScalingGroups";

/// The most groups that one page holds.
const GROUPS_PER_PAGE: i32 = 100;

/// Calls for hooks that are under way at once. Auto Scaling does not say how many calls it allows.
const SIDE_BY_SIDE: usize = 8;

/// The instances of the groups that a world shows.
pub(super) fn members(world: &World) -> impl Iterator<Item = (&InstanceId, &GroupMember)> {
    world.groups.iter_known().flat_map(|(_, group)| &group.members)
}

fn groups_in(listing: &Listing<GroupName, Group>) -> impl Iterator<Item = &Group> {
    listing.iter_known().map(|(_, group)| group)
}

impl Aws {
    /// One service's groups, whole. A service that has none costs no call. `before` is what was last seen of them.
    pub(super) async fn groups_of(
        &self,
        scope: Scope<'_>,
        interest: &Interest,
        before: &Listing<GroupName, Group>,
    ) -> Listing<GroupName, Group> {
        let Some(named) = &interest.groups else { return Listing::known([], self.clock().now()) };
        let (mut listing, _) = self.groups(scope, named).await;
        let wanted: BTreeSet<SubnetId> = groups_in(&listing).flat_map(|group| group.subnets.iter().cloned()).collect();
        let ((), zones) = futures::join!(self.add_hooks(&mut listing, |_| true), self.subnet_zones(&wanted, before));
        for observed in listing.items.values_mut() {
            if let Observed::Known { value: group, .. } = observed {
                let known =
                    group.subnets.iter().filter_map(|subnet| Some((subnet.clone(), zones.get(subnet)?.clone())));
                group.subnet_zones = known.collect();
            }
        }
        listing
    }

    /// The groups of all services. Hooks are read for those in which one holds an instance, zones of subnets for none.
    pub(super) async fn groups_of_all(&self, interests: &[Interest]) -> (Listing<GroupName, Group>, Owners<GroupName>) {
        let named: Vec<&BTreeSet<GroupName>> = interests.iter().filter_map(|it| it.groups.as_ref()).collect();
        if named.is_empty() {
            return (Listing::known([], self.clock().now()), Owners::new());
        }
        let named = named.into_iter().flatten().cloned().collect();
        let (mut listing, owners) = self.groups(Scope::All, &named).await;
        let waits =
            |member: &GroupMember| matches!(member.lifecycle, Lifecycle::PendingWait | Lifecycle::TerminatingWait);
        self.add_hooks(&mut listing, |group| group.members.values().any(waits)).await;
        (listing, owners)
    }

    async fn groups(
        &self,
        scope: Scope<'_>,
        named: &BTreeSet<GroupName>,
    ) -> (Listing<GroupName, Group>, Owners<GroupName>) {
        let (name, value) = scope.tag();
        let call = self.autoscaling().describe_auto_scaling_groups().max_records(GROUPS_PER_PAGE);
        let by_tag = self.read_groups(call.filters(group_filter(name, value)));
        // A name that AWS does not know is left out of the answer; it is no error.
        let by_name = |group: GroupName| {
            self.read_groups(self.autoscaling().describe_auto_scaling_groups().auto_scaling_group_names(group))
        };
        Box::pin(by_tag_then_id(self.clock(), OPERATION, named, by_tag, by_name)).await
    }

    /// One group as it is, without its hooks; nothing where it can't be seen.
    pub(crate) async fn group_by_name(&self, name: &GroupName) -> Option<Group> {
        let call = self.autoscaling().describe_auto_scaling_groups().auto_scaling_group_names(name.as_str());
        let mut answer = self.read_groups(call).await.ok()?;
        match answer.items.remove(name)? {
            Observed::Known { value, .. } => Some(value),
            Observed::Unknown { .. } => None,
        }
    }

    async fn read_groups(
        &self,
        call: DescribeAutoScalingGroupsFluentBuilder,
    ) -> Result<Described<GroupName, Group>, AwsError> {
        let ask = |token| {
            let call = call.clone().set_next_token(token);
            async move { call.send().await.map_err(failed(OPERATION)) }
        };
        pages::every(self.clock(), ask, DescribeAutoScalingGroupsOutput::next_token, |answer, page, at| {
            for group in page.auto_scaling_groups() {
                answer.take(group.auto_scaling_group_name(), &tags(group), read(group), at);
            }
        })
        .await
    }

    /// Completes each group that is known and `wanted`. One whose hooks can't be read is unknown: without them a group whose hook holds
    /// an instance would look like one that has none.
    async fn add_hooks(&self, listing: &mut Listing<GroupName, Group>, wanted: impl Fn(&Group) -> bool) {
        let names = listing.iter_known().filter(|(_, group)| wanted(group)).map(|(name, _)| name.clone());
        let ask = |name: GroupName| async {
            let hooks = self.hooks(&name).await;
            (name, hooks)
        };
        let answers: Vec<_> =
            futures::stream::iter(names.collect::<Vec<_>>()).map(ask).buffer_unordered(SIDE_BY_SIDE).collect().await;
        for (name, answer) in answers {
            let Some(observed) = listing.items.get_mut(&name) else { continue };
            match (answer, &mut *observed) {
                (Ok(hooks), Observed::Known { value: group, .. }) => group.hooks = hooks,
                (Err(why), _) => *observed = Observed::Unknown { why, at: self.clock().now() },
                (Ok(_), Observed::Unknown { .. }) => {}
            }
        }
    }

    fn hooks(&self, group: &GroupName) -> impl Future<Output = Result<BTreeMap<HookName, Hook>, String>> + use<> {
        const OPERATION: &str = "DescribeLifecycleHooks";
        // It has no pages: a group has 50 hooks at most (aws-facts 4.2).
        let call = self.autoscaling().describe_lifecycle_hooks().auto_scaling_group_name(group.as_str());
        async move {
            let sent = limited(OPERATION, async { call.send().await.map_err(failed(OPERATION)) }).await;
            let answer = sent.map_err(|error| error.to_string())?;
            let hooks = answer.lifecycle_hooks().iter().filter_map(|it| hook(it).transpose());
            hooks.collect::<Result<_, String>>().map_err(|why| format!("AWS's answer can't be used: {why}"))
        }
    }

    /// Where subnets are, as far as it can be seen. A subnet never changes its zone: what was known `before` is not asked for again.
    async fn subnet_zones(
        &self,
        wanted: &BTreeSet<SubnetId>,
        before: &Listing<GroupName, Group>,
    ) -> BTreeMap<SubnetId, Zone> {
        let mut zones: BTreeMap<SubnetId, Zone> = groups_in(before)
            .flat_map(|group| group.subnet_zones.clone())
            .filter(|(id, _)| wanted.contains(id))
            .collect();
        let unknown: Vec<String> =
            wanted.iter().filter(|id| !zones.contains_key(*id)).map(ToString::to_string).collect();
        if unknown.is_empty() {
            return zones;
        }
        match self.describe_subnets(unknown.clone()).await {
            Ok(found) => zones.extend(found),
            // While a zone is down, a call may fail for one of its things (aws-facts 1.4): each by itself.
            Err(error) if worth_asking_by_id(&error) => {
                let by_id = unknown.into_iter().map(|id| self.describe_subnets(vec![id]));
                zones.extend(join_all(by_id).await.into_iter().flatten().flatten());
            }
            Err(error) => tracing::warn!(%error, "the zones of a group's subnets are not known"),
        }
        zones
    }

    /// By filter rather than by id: a subnet that does not exist any more must not hide the others.
    async fn describe_subnets(&self, ids: Vec<String>) -> Result<BTreeMap<SubnetId, Zone>, AwsError> {
        const OPERATION: &str = "DescribeSubnets";
        let ids = Filter::builder().name("subnet-id").set_values(Some(ids)).build();
        let call = self.ec2().describe_subnets().filters(ids);
        let answer = limited(OPERATION, async { call.send().await.map_err(failed(OPERATION)) }).await?;
        let zone_of = |subnet: &Subnet| {
            let id = SubnetId::new(subnet.subnet_id()?).ok()?;
            Some((id, Zone::new(subnet.availability_zone()?).ok()?))
        };
        Ok(answer.subnets().iter().filter_map(zone_of).collect())
    }
}

fn tags(group: &AutoScalingGroup) -> Tags {
    let tags = group.tags().iter();
    tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}

fn read(group: &AutoScalingGroup) -> Result<Group, String> {
    // AWS joins the subnets with commas. A group of EC2-Classic's times has zones only.
    let subnets = group.vpc_zone_identifier().unwrap_or_default().split(',').map(str::trim);
    let subnets = subnets.filter(|subnet| !subnet.is_empty()).map(SubnetId::new);
    let zones = group.availability_zones().iter().map(Zone::new);
    let suspended = group.suspended_processes().iter().filter_map(|process| process.process_name());
    Ok(Group {
        min: number("min size", group.min_size())?,
        max: number("max size", group.max_size())?,
        desired: number("desired capacity", group.desired_capacity())?,
        zones: zones.collect::<Result<_, _>>().map_err(|error| error.to_string())?,
        subnets: subnets.collect::<Result<_, _>>().map_err(|error| error.to_string())?,
        subnet_zones: BTreeMap::new(),
        members: group.instances().iter().map(member).collect::<Result<_, String>>()?,
        hooks: BTreeMap::new(),
        suspended: suspended.map(str::to_owned).collect(),
    })
}

fn member(member: &Ec2Member) -> Result<(InstanceId, GroupMember), String> {
    let id = InstanceId::new(member.instance_id().ok_or("an instance without an id")?);
    let id = id.map_err(|error| error.to_string())?;
    let zone = member.availability_zone().ok_or_else(|| format!("{id} has no Availability Zone"))?;
    let lifecycle = member.lifecycle_state().ok_or_else(|| format!("{id} has no lifecycle state"))?;
    let member = GroupMember {
        zone: Zone::new(zone).map_err(|error| error.to_string())?,
        lifecycle: Lifecycle::parse(lifecycle.as_str()),
        healthy: member.health_status().is_some_and(|status| status.eq_ignore_ascii_case("Healthy")),
    };
    Ok((id, member))
}

/// Nothing for a hook of a transition that we don't know: it holds no instance at its launch nor at its end.
fn hook(hook: &LifecycleHook) -> Result<Option<(HookName, Hook)>, String> {
    let name = HookName::new(hook.lifecycle_hook_name().ok_or("a lifecycle hook without a name")?);
    let name = name.map_err(|error| error.to_string())?;
    let transition = match hook.lifecycle_transition() {
        Some("autoscaling:EC2_INSTANCE_LAUNCHING") => Transition::Launching,
        Some("autoscaling:EC2_INSTANCE_TERMINATING") => Transition::Terminating,
        _ => return Ok(None),
    };
    let heartbeat_timeout_seconds = number("heartbeat timeout", hook.heartbeat_timeout())?;
    // AWS's own default is ABANDON.
    let default_result =
        if hook.default_result() == Some("CONTINUE") { HookResult::Continue } else { HookResult::Abandon };
    Ok(Some((name, Hook { transition, heartbeat_timeout_seconds, default_result })))
}

fn number(what: &str, value: Option<i32>) -> Result<u32, String> {
    let value = value.ok_or_else(|| format!("no {what}"))?;
    u32::try_from(value).map_err(|_| format!("{what} {value} is negative"))
}
