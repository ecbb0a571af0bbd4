//! EC2: instances, volumes, snapshots, addresses, tags, zones, launch templates.

mod addresses;
mod attributes;
mod call;
mod create_volume;
mod filter;
mod ids;
mod instances;
mod launch;
mod launch_templates;
mod machine;
mod mapping;
mod modify_volume;
mod page;
mod places;
mod snapshots;
mod status;
mod table;
mod tags;
#[cfg(test)]
mod tests;
mod volume_spec;
mod volumes;
mod words;

use self::call::{Call, CallRefusal, Handler};
use crate::protocol::answer::{self, CallOutcome};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::operations::{Operation, Operations};
use crate::protocol::request::Request;
use crate::protocol::service::Service;
use crate::protocol::xml::Xml;
use crate::state::State;
use crate::state::throttle::Category;
use crate::time::RegionTime;

pub(crate) static OPERATIONS: Operations<Handler> = Operations::new(Service::Ec2, table::TABLE);

/// Answers one EC2 request.
pub(crate) fn handle(state: &mut State, request: &Request, now: RegionTime) -> CallOutcome {
    let request_id = state.ids.uuid();
    match run(state, request, now) {
        Ok(members) => CallOutcome::Answer(answer::success_xml(request, members, &request_id)),
        Err(CallRefusal::Silence) => CallOutcome::Silence,
        Err(CallRefusal::Aws(error)) => CallOutcome::Answer(answer::failure(request, &error, &request_id)),
    }
}

fn run(state: &mut State, request: &Request, now: RegionTime) -> Result<Xml, CallRefusal> {
    let as_of = state.read_as_of(now);
    let admitted = OPERATIONS.admit(request)?;
    let (operation, input) = (admitted.operation, admitted.input());
    throttle(state, operation, input, now)?;
    if input.flag("DryRun")? {
        let text = "Request would have succeeded, but DryRun flag is set.";
        return Err(ApiError::with_status(412, "DryRunOperation", text).into());
    }
    let mut call = Call::new(state, operation.name, input, now, as_of);
    (operation.handler.run)(&mut call)?;
    call.members()
}

fn throttle(
    state: &mut State,
    operation: &'static Operation<Handler>,
    input: Input<'_>,
    now: RegionTime,
) -> Result<(), ApiError> {
    let exceeded = || ApiError::with_status(503, "RequestLimitExceeded", "Request limit exceeded.");
    let probability = state.faults.throttle_probability(operation.name, now);
    if probability > 0.0 && state.chance.faults.f64() < probability {
        return Err(exceeded());
    }
    let Handler { category, smaller_bucket_unfiltered, .. } = operation.handler;
    // AWS gives unfiltered and unpaginated describes of the listed kinds a smaller bucket.
    let unfiltered = smaller_bucket_unfiltered && input.is_empty_but_for(&["DryRun", "IncludeAllInstances"]);
    let category = if unfiltered { Category::UnfilteredRead } else { category };
    if state.timing.calls.throttling && !state.throttles.take(operation.name, category, now) {
        return Err(exceeded());
    }
    Ok(())
}
