//! The region's services: a folder each, with its table of operations, how requests are read, and what is answered.

pub(crate) mod autoscaling;
pub(crate) mod cloudwatch;
pub(crate) mod dynamodb;
pub(crate) mod ec2;
pub(crate) mod sns;
pub(crate) mod ssm;
pub(crate) mod sts;

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::model::stores::Stores;
use crate::protocol::answer::{self, Answer, CallOutcome};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::operations::Operations;
use crate::protocol::request::Request;
use crate::protocol::service::Service;
use crate::state::State;
use crate::time::RegionTime;

/// Lets the service that the request is for act on it.
pub(crate) fn answer(state: &mut State, request: &Request, now: RegionTime) -> CallOutcome {
    match request.service_in(&state.region_name) {
        Ok(Service::Ec2) => ec2::handle(state, request, now),
        Ok(service) => CallOutcome::Answer(zoneless(state, service, request, now)),
        Err(error) => CallOutcome::Answer(answer::failure(request, &error, &state.ids.uuid())),
    }
}

/// The services that have no zones, and so always answer.
fn zoneless(state: &mut State, service: Service, request: &Request, now: RegionTime) -> Answer {
    let request_id = state.ids.uuid();
    let wall = state.clock.wall(now);
    let stores = &mut state.stores;
    let output = match service {
        Service::CloudWatch => run(&cloudwatch::OPERATIONS, request, |handler, input| handler(state, input, now)),
        Service::DynamoDb => {
            stores.tables.forget_deleted(wall);
            run(&dynamodb::OPERATIONS, request, |handler, input| handler(&mut stores.tables, input, wall))
        }
        Service::Ssm => run(&ssm::OPERATIONS, request, |handler, input| handler(&mut stores.parameters, input, wall)),
        Service::Sns => run(&sns::OPERATIONS, request, |handler, input| handler(&mut stores.topics, input, wall)),
        Service::Sts => run(&sts::OPERATIONS, request, |handler, _| handler(&state.account_id)),
        // EC2's calls may go unanswered: the caller has seen to them.
        Service::Ec2 | Service::AutoScaling => autoscaling::run(state, request, now),
    };
    match output {
        Ok(output) => answer::success(request, &output, &request_id),
        Err(error) => answer::failure(request, &error, &request_id),
    }
}

fn run<H>(
    operations: &Operations<H>,
    request: &Request,
    handle: impl FnOnce(&H, Input<'_>) -> Result<Value, ApiError>,
) -> Result<Value, ApiError> {
    let admitted = operations.admit(request)?;
    handle(&admitted.operation.handler, admitted.input())
}

/// Every operation of every service with its parameters.
pub(crate) fn operations() -> Value {
    json!({
        Service::Ec2.name(): ec2::OPERATIONS.describe(),
        Service::AutoScaling.name(): autoscaling::OPERATIONS.describe(),
        Service::CloudWatch.name(): cloudwatch::OPERATIONS.describe(),
        Service::DynamoDb.name(): dynamodb::OPERATIONS.describe(),
        Service::Ssm.name(): ssm::OPERATIONS.describe(),
        Service::Sns.name(): sns::OPERATIONS.describe(),
        Service::Sts.name(): sts::OPERATIONS.describe(),
    })
}

/// What the data services hold, readable.
pub(crate) fn overview(stores: &Stores, now: SystemTime) -> Value {
    json!({
        "dynamodb": dynamodb::overview(&stores.tables, now),
        "ssm": ssm::overview(&stores.parameters),
        "sns": stores.topics.overview(),
        "metrics": stores.metrics.overview(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That each row is also in a request of `tests/wire` that is answered, that script itself sees to: so none can be lost unseen.
    #[test]
    fn a_row_that_is_lost_from_a_table_lets_a_request_be_refused() {
        let all = [
            ec2::OPERATIONS.rows_without_use(),
            autoscaling::OPERATIONS.rows_without_use(),
            cloudwatch::OPERATIONS.rows_without_use(),
            dynamodb::OPERATIONS.rows_without_use(),
            ssm::OPERATIONS.rows_without_use(),
            sns::OPERATIONS.rows_without_use(),
            sts::OPERATIONS.rows_without_use(),
        ];
        let useless: Vec<&String> = all.iter().flat_map(|(_, useless)| useless).collect();
        assert!(useless.is_empty(), "{useless:#?}");
        assert!(all.iter().map(|(seen, _)| seen).sum::<usize>() > 500);
    }
}
