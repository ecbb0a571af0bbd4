//! Status checks: `DescribeInstanceStatus`. It has no filter by tag: one service's are asked for by instance id.

use std::collections::BTreeSet;

use aws_sdk_ec2::operation::describe_instance_status::DescribeInstanceStatusOutput;
use aws_sdk_ec2::types::{InstanceStatus, SummaryStatus};
use failover_core::ids::InstanceId;
use failover_core::step::FailureClass;
use failover_core::world::{Check, Checks, Listing, Observed, Tags, World};
use futures::future::join_all;

use super::by_id::{each, limited};
use super::described::Described;
use super::pages::{self, PAGE};
use crate::clients::Aws;
use crate::error::{AwsError, failed};

const OPERATION: &str = "DescribeInstanceStatus";

/// Ids in one call (aws-facts 1.5).
const IDS_PER_CALL: usize = 100;

impl Aws {
    /// The checks of `ids`. Instances that are not running have none: they are absent.
    pub(super) async fn checks(&self, ids: &BTreeSet<InstanceId>) -> Listing<InstanceId, Checks> {
        let ids: Vec<InstanceId> = ids.iter().cloned().collect();
        let chunks = ids.chunks(IDS_PER_CALL).map(|chunk| self.checks_of(chunk));
        let mut whole = Listing::known([], self.clock().now());
        for part in join_all(chunks).await {
            whole.items.extend(part.items);
            if whole.is_complete() {
                whole.complete = part.complete;
            }
        }
        whole
    }

    /// One call for all; one call each where that fails: one unknown id, or a zone that is down, fails it as a whole.
    async fn checks_of(&self, ids: &[InstanceId]) -> Listing<InstanceId, Checks> {
        let error = match limited(OPERATION, self.checks_call(ids)).await {
            Ok(answer) => return answer.into_listing().0,
            Err(error) => error,
        };
        let by_id = |id: InstanceId| async move { self.checks_call(&[id]).await };
        let found = each(self.clock(), OPERATION, ids.iter().cloned().collect(), &by_id).await;
        let at = self.clock().now();
        let mut listing = match error.class {
            // One id is of no instance any more; each of the others was answered for, or is unknown by itself.
            FailureClass::Gone => Listing::known([], at),
            _ => Listing::unknown(error.to_string(), at),
        };
        for (id, single) in found {
            if let Some((observed, _)) = single {
                listing.items.insert(id, observed);
            }
        }
        listing
    }

    async fn checks_call(&self, ids: &[InstanceId]) -> Result<Described<InstanceId, Checks>, AwsError> {
        let ids = ids.iter().map(ToString::to_string).collect();
        let call = self.ec2().describe_instance_status().set_instance_ids(Some(ids));
        let page = call.send().await.map_err(failed(OPERATION))?;
        let mut answer = Described::new(self.clock().now());
        take(&mut answer, page.instance_statuses(), self.clock().now());
        Ok(answer)
    }

    /// The checks of every running instance of the region, in pages.
    pub(super) async fn checks_of_region(&self) -> Result<Described<InstanceId, Checks>, AwsError> {
        let call = self.ec2().describe_instance_status().max_results(PAGE);
        let ask = |token| {
            let call = call.clone().set_next_token(token);
            async move { call.send().await.map_err(failed(OPERATION)) }
        };
        pages::every(self.clock(), ask, DescribeInstanceStatusOutput::next_token, |answer, page, at| {
            take(answer, page.instance_statuses(), at);
        })
        .await
    }
}

/// An instance whose checks were not asked for is not one without checks.
///
/// Caveat: only instances that were found after `asked` was put together; everything else in `checks` was asked for.
pub(super) fn mark_unasked(world: &mut World, asked: &BTreeSet<InstanceId>) {
    let at = world.checks.complete.at();
    for id in world.instances.items.keys().filter(|id| !asked.contains(*id)) {
        let unasked = Observed::Unknown { why: "found too late to be asked for its checks".to_owned(), at };
        world.checks.items.entry(id.clone()).or_insert(unasked);
    }
}

fn take(answer: &mut Described<InstanceId, Checks>, statuses: &[InstanceStatus], at: jiff::Timestamp) {
    for status in statuses {
        answer.take(status.instance_id(), &Tags::new(), read(status), at);
    }
}

fn read(status: &InstanceStatus) -> Result<Checks, String> {
    Ok(Checks {
        system: check("system", status.system_status().and_then(|it| it.status()))?.ok_or("no system status")?,
        instance: check("instance", status.instance_status().and_then(|it| it.status()))?
            .ok_or("no instance status")?,
        // Older instance types have no such check (aws-facts 1.5).
        attached_ebs: check("attached EBS", status.attached_ebs_status().and_then(|it| it.status()))?
            .unwrap_or(Check::NotApplicable),
    })
}

fn check(what: &str, status: Option<&SummaryStatus>) -> Result<Option<Check>, String> {
    Ok(Some(match status {
        None => return Ok(None),
        Some(SummaryStatus::Ok) => Check::Ok,
        Some(SummaryStatus::Impaired) => Check::Impaired,
        Some(SummaryStatus::Initializing) => Check::Initializing,
        Some(SummaryStatus::InsufficientData) => Check::InsufficientData,
        Some(SummaryStatus::NotApplicable) => Check::NotApplicable,
        Some(other) => return Err(format!("{what} status {:?} is not one that we know", other.as_str())),
    }))
}
