//! Effects on Auto Scaling groups. None of the calls has a client token: each is harmless when it is repeated, or refused.

use failover_core::group::HookResult;
use failover_core::ids::{GroupName, HookName, InstanceId, SubnetId};
use failover_core::step::FailureClass;

use super::{Made, Run, invalid, or_done_already};
use crate::error::{AwsError, failed};

impl Run<'_> {
    /// Ends a hook's hold on an instance. Where it holds none (any more), that is done (aws-facts 4.2).
    pub(super) async fn complete_hook(
        &self,
        group: &GroupName,
        hook: &HookName,
        instance: &InstanceId,
        result: HookResult,
    ) -> Result<Made, AwsError> {
        const OPERATION: &str = "CompleteLifecycleAction";
        let call = self.aws.autoscaling_effects().complete_lifecycle_action();
        let call = call.auto_scaling_group_name(group.as_str()).lifecycle_hook_name(hook.as_str());
        // By instance rather than by token: the token is only in the hook's event, which may be lost.
        let call = call.instance_id(instance.as_str()).lifecycle_action_result(result.as_str());
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        or_done_already(sent, holds_nothing)
    }

    /// Starts the hook's timeout anew. [`FailureClass::Gone`] where the hook holds the instance no longer.
    pub(super) async fn extend_hook(
        &self,
        group: &GroupName,
        hook: &HookName,
        instance: &InstanceId,
    ) -> Result<Made, AwsError> {
        const OPERATION: &str = "RecordLifecycleActionHeartbeat";
        let call = self.aws.autoscaling_effects().record_lifecycle_action_heartbeat();
        let call = call.auto_scaling_group_name(group.as_str()).lifecycle_hook_name(hook.as_str());
        let call = call.instance_id(instance.as_str());
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        match sent {
            Err(error) if holds_nothing(&error) => Err(AwsError { class: FailureClass::Gone, ..error }),
            other => or_done_already(other, |_| false),
        }
    }

    /// Lets the group terminate an instance, through its hooks, and launch another. What the group does not know, or lets go already,
    /// is done; which of these an error means, only an observation tells where the error does not.
    pub(super) async fn replace_member(&self, group: &GroupName, instance: &InstanceId) -> Result<Made, AwsError> {
        const OPERATION: &str = "TerminateInstanceInAutoScalingGroup";
        let call = self.aws.autoscaling_effects().terminate_instance_in_auto_scaling_group();
        let call = call.instance_id(instance.as_str()).should_decrement_desired_capacity(false);
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        match sent {
            Err(error) if is_not_managed(&error) => Ok(Made::new()),
            Err(error) if matches!(error.code.as_str(), "ValidationError" | "ScalingActivityInProgress") => {
                let going = self.is_leaving(group, instance).await;
                or_done_already(Err(error), |_| going)
            }
            other => or_done_already(other, |_| false),
        }
    }

    /// Where the group launches from now on. Its instances stay where they are, unless the group rebalances its zones.
    pub(super) async fn set_subnets(&self, group: &GroupName, subnets: &[SubnetId]) -> Result<Made, AwsError> {
        const OPERATION: &str = "UpdateAutoScalingGroup";
        if subnets.is_empty() {
            return Err(invalid(OPERATION, format!("{group} can't be left without subnets")));
        }
        let subnets: Vec<&str> = subnets.iter().map(SubnetId::as_str).collect();
        let call = self.aws.autoscaling_effects().update_auto_scaling_group();
        let call = call.auto_scaling_group_name(group.as_str()).vpc_zone_identifier(subnets.join(","));
        // Boxed for its size: the call has many parameters.
        let sent = self.effect(Box::pin(async { call.send().await.map_err(failed(OPERATION)) })).await.map(drop);
        or_done_already(sent, |_| false)
    }

    /// Whether the group is seen without the instance, or with it on its way out.
    async fn is_leaving(&self, group: &GroupName, instance: &InstanceId) -> bool {
        self.reads();
        let Some(group) = self.aws.group_by_name(group).await else { return false };
        group.members.get(instance).is_none_or(|member| member.lifecycle.is_going())
    }
}

/// `ValidationError` "No active Lifecycle Action found with instance ID i-…" (aws-facts 4.2).
fn holds_nothing(error: &AwsError) -> bool {
    error.code == "ValidationError" && error.message.contains("No active Lifecycle Action found")
}

/// `ValidationError` "Instance Id not found - No managed instance found for instance ID i-…".
fn is_not_managed(error: &AwsError) -> bool {
    error.code == "ValidationError" && error.message.contains("No managed instance found")
}
