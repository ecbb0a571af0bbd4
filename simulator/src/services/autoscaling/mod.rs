//! Auto Scaling: groups, their members, hooks, activities and tags.

mod call;
mod describe;
mod groups;
mod hooks;
mod members;
mod table;
mod tags;
#[cfg(test)]
mod tests;

use serde_json::Value;

use self::call::{Call, Handler};
use crate::protocol::error::ApiError;
use crate::protocol::operations::Operations;
use crate::protocol::request::Request;
use crate::protocol::service::Service;
use crate::state::State;
use crate::time::RegionTime;

pub(crate) static OPERATIONS: Operations<Handler> = Operations::new(Service::AutoScaling, table::TABLE);

pub(crate) fn run(state: &mut State, request: &Request, now: RegionTime) -> Result<Value, ApiError> {
    let admitted = OPERATIONS.admit(request)?;
    let probability = state.faults.throttle_probability(&request.action, now);
    if probability > 0.0 && state.chance.faults.f64() < probability {
        return Err(ApiError::client("Throttling", "Rate exceeded"));
    }
    let as_of = state.read_as_of(now);
    (admitted.operation.handler)(&mut Call { state, input: admitted.input(), now, as_of })
}
