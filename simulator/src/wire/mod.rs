//! The services that are not below `services` yet.

pub(crate) mod autoscaling;
pub(crate) mod cloudwatch;
pub(crate) mod ec2;

use serde_json::Value;

pub(crate) use crate::protocol::answer::Outcome;
pub(crate) use crate::protocol::error::AwsError;
pub(crate) use crate::protocol::request::Request as ParsedRequest;

use crate::protocol::service::Service;
use crate::state::State;
use crate::time::RegionTime;

pub(crate) fn answer(
    state: &mut State,
    service: Service,
    request: &ParsedRequest,
    now: RegionTime,
) -> Result<Value, AwsError> {
    let wall = state.clock.wall(now);
    if service == Service::AutoScaling {
        return autoscaling::run(state, request, now);
    }
    let input = request.parameters()?;
    match service {
        Service::CloudWatch => cloudwatch::call(state, &request.action, &input, now),
        Service::DynamoDb => state.stores.tables.call(&request.action, &input, wall),
        _ => Err(AwsError::internal("answered below `services`")),
    }
}
