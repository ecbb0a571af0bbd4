//! Events from EventBridge: an envelope with `source`, `detail-type` and `detail` (aws-facts 1.6, 2.8).

use failover_core::ids::InstanceId;
use failover_engine::Clue;

use super::error::{EventError, shown_text};
use super::read::At;
use super::{RESOURCE, Trigger, alarm, group, look, resource};

/// What an event from EventBridge asks for. Only AWS's own sources count: `PutEvents` allows nobody else to use them.
pub(super) fn trigger(event: &At<'_>) -> Result<Trigger, EventError> {
    let source = event.need("source", "the event's source, such as \"aws.ec2\"")?.text()?;
    let detail_type = event.need("detail-type", "the kind of event")?.text()?;
    let detail = || event.need("detail", "an object");
    match (source, detail_type) {
        ("aws.cloudwatch", "CloudWatch Alarm State Change") => alarm::state_change(&detail()?),
        ("aws.ec2", "EC2 Instance State-change Notification") => instance(&detail()?, "is", "state"),
        ("aws.ec2", "EC2 Spot Instance Interruption Warning") => {
            instance(&detail()?, "will be interrupted:", "instance-action")
        }
        ("aws.ec2", "EC2 Instance Rebalance Recommendation") => rebalance(&detail()?),
        ("aws.ec2", "EBS Volume Notification") => volume(event, &detail()?),
        ("aws.ec2", "EBS Snapshot Notification") => snapshot(&detail()?),
        ("aws.ec2", "EBS Multi-Volume Snapshots Completion Status") => snapshots(&detail()?),
        ("aws.autoscaling", "EC2 Instance-launch Lifecycle Action" | "EC2 Instance-terminate Lifecycle Action") => {
            group::lifecycle_action(&detail()?)
        }
        ("aws.autoscaling", what) if group::ACTIVITIES.contains(&what) => group::activity(&detail()?, what),
        ("aws.health", "AWS Health Event") => health(&detail()?),
        // Rules send it as aws.events, EventBridge Scheduler as aws.scheduler.
        ("aws.events" | "aws.scheduler", "Scheduled Event") => Ok(Trigger::Tick { what: "scheduled".to_owned() }),
        _ => Ok(Trigger::Nothing {
            reason: format!("events {} of {} lead to no service", shown_text(detail_type), shown_text(source)),
        }),
    }
}

/// An event about one instance that names what happens to it under `word`.
fn instance(detail: &At<'_>, verb: &str, word: &str) -> Result<Trigger, EventError> {
    let id: InstanceId = detail.need("instance-id", "an instance's id")?.name()?;
    let word = detail.need(word, "a word")?.word()?;
    Ok(look(format!("{id} {verb} {word}"), [Clue::Resource(id.to_string())]))
}

fn rebalance(detail: &At<'_>) -> Result<Trigger, EventError> {
    let id: InstanceId = detail.need("instance-id", "an instance's id")?.name()?;
    Ok(look(format!("{id} is at an elevated risk of interruption"), [Clue::Resource(id.to_string())]))
}

/// The volume, and the instance if there is one, are only named in `resources`; KMS keys may be beside them.
fn volume(event: &At<'_>, detail: &At<'_>) -> Result<Trigger, EventError> {
    let resources = event.need("resources", "the ARNs of a volume and what it is attached to")?;
    let arns: Vec<&str> = resources.items()?.map(|item| item.text()).collect::<Result<_, _>>()?;
    let clues: Vec<Clue> = arns.into_iter().filter_map(resource).collect();
    let Some(Clue::Resource(first)) = clues.first() else { return Err(resources.wrong(RESOURCE)) };
    let what = format!("{first}: {}", result(detail)?);
    Ok(look(what, clues))
}

/// `createSnapshot succeeded`. AWS's own sample has a space before an event's name.
fn result(detail: &At<'_>) -> Result<String, EventError> {
    let event = detail.need("event", "the name of what was done")?.word()?;
    let result = detail.need("result", "what came of it")?.word()?;
    Ok(format!("{event} {result}"))
}

fn snapshot(detail: &At<'_>) -> Result<Trigger, EventError> {
    let result = result(detail)?;
    let snapshot = one_resource(&detail.need("snapshot_id", RESOURCE)?)?;
    let source = detail.get("source").map(|source| one_resource(&source)).transpose()?;
    let Clue::Resource(id) = &snapshot else { return Err(detail.wrong(RESOURCE)) };
    let what = format!("{id}: {result}");
    Ok(look(what, std::iter::once(snapshot).chain(source)))
}

/// What an event about several snapshots must list.
const SNAPSHOTS: &str = "an array of snapshots, at least one";

fn snapshots(detail: &At<'_>) -> Result<Trigger, EventError> {
    let result = result(detail)?;
    let snapshots = detail.need("snapshots", SNAPSHOTS)?;
    let mut clues = Vec::new();
    for item in snapshots.items()? {
        clues.push(one_resource(&item.need("snapshot_id", RESOURCE)?)?);
        if let Some(source) = item.get("source") {
            clues.push(one_resource(&source)?);
        }
    }
    if clues.is_empty() {
        return Err(snapshots.wrong(SNAPSHOTS));
    }
    Ok(look(format!("several snapshots: {result}"), clues))
}

fn one_resource(at: &At<'_>) -> Result<Clue, EventError> {
    resource(at.text()?).ok_or_else(|| at.wrong(RESOURCE))
}

/// Scheduled stops, retirements and outages. Entities of other kinds (`AWS_ACCOUNT`, `UNKNOWN`, buckets …) are none of ours.
fn health(detail: &At<'_>) -> Result<Trigger, EventError> {
    let code = detail.need("eventTypeCode", "the kind of health event")?.word()?;
    let mut clues = Vec::new();
    if let Some(entities) = detail.get("affectedEntities") {
        for entity in entities.items()? {
            clues.extend(resource(entity.need("entityValue", "an entity's id")?.text()?));
        }
    }
    if !clues.is_empty() {
        return Ok(look(format!("AWS Health: {code}"), clues));
    }
    let service = detail.need("service", "the AWS service that is meant")?.text()?;
    match service {
        // An outage is announced for a whole region or zone: it may be about any of ours.
        "EC2" | "EBS" => Ok(Trigger::Tick { what: format!("AWS Health: {code}") }),
        _ => Ok(Trigger::Nothing { reason: format!("AWS Health: {code} names no instance, volume or snapshot") }),
    }
}
