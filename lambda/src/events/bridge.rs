//! Events from EventBridge: an envelope with `source`, `detail-type` and `detail` (aws-facts 1.6, 2.8).

use failover_core::ids::InstanceId;
use failover_engine::Subject;

use super::drive::{Trigger, drive};
use super::error::{EventError, shown_text};
use super::read::At;
use super::subject::{RESOURCE, resource};
use super::{alarm, group};

/// A kind of event that is understood, and what reads it.
struct Kind {
    source: &'static str,
    detail_type: &'static str,
    read: fn(&At<'_>) -> Result<Trigger, EventError>,
}

/// Every kind that is understood. Only AWS's own sources count: `PutEvents` allows nobody else to use them.
const KINDS: [Kind; 16] = [
    kind("aws.cloudwatch", "CloudWatch Alarm State Change", |event| alarm::state_change(&detail(event)?)),
    kind("aws.ec2", "EC2 Instance State-change Notification", |event| instance(&detail(event)?, "is", "state")),
    kind("aws.ec2", "EC2 Spot Instance Interruption Warning", |event| {
        instance(&detail(event)?, "will be interrupted:", "instance-action")
    }),
    kind("aws.ec2", "EC2 Instance Rebalance Recommendation", |event| rebalance(&detail(event)?)),
    kind("aws.ec2", "EBS Volume Notification", |event| volume(event, &detail(event)?)),
    kind("aws.ec2", "EBS Snapshot Notification", |event| snapshot(&detail(event)?)),
    kind("aws.ec2", "EBS Multi-Volume Snapshots Completion Status", |event| snapshots(&detail(event)?)),
    kind("aws.autoscaling", "EC2 Instance-launch Lifecycle Action", |event| group::lifecycle_action(&detail(event)?)),
    kind("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action", |event| {
        group::lifecycle_action(&detail(event)?)
    }),
    kind("aws.autoscaling", "EC2 Instance Launch Successful", activity),
    kind("aws.autoscaling", "EC2 Instance Launch Unsuccessful", activity),
    kind("aws.autoscaling", "EC2 Instance Terminate Successful", activity),
    kind("aws.autoscaling", "EC2 Instance Terminate Unsuccessful", activity),
    kind("aws.health", "AWS Health Event", |event| health(&detail(event)?)),
    // Rules send it as aws.events, EventBridge Scheduler as aws.scheduler.
    kind("aws.events", SCHEDULED, |_| Ok(scheduled())),
    kind("aws.scheduler", SCHEDULED, |_| Ok(scheduled())),
];

const fn kind(
    source: &'static str,
    detail_type: &'static str,
    read: fn(&At<'_>) -> Result<Trigger, EventError>,
) -> Kind {
    Kind { source, detail_type, read }
}

/// What a schedule sends.
const SCHEDULED: &str = "Scheduled Event";

/// Source and detail type of every kind of event from EventBridge that is understood: what rules have to let through.
pub fn understood() -> impl Iterator<Item = (&'static str, &'static str)> {
    KINDS.iter().map(|kind| (kind.source, kind.detail_type))
}

/// What an event from EventBridge asks for.
pub(super) fn trigger(event: &At<'_>) -> Result<Trigger, EventError> {
    let source = event.need("source", "the event's source, such as \"aws.ec2\"")?.text()?;
    let detail_type = event.need("detail-type", "the kind of event")?.text()?;
    match KINDS.iter().find(|kind| kind.source == source && kind.detail_type == detail_type) {
        Some(kind) => (kind.read)(event),
        None => Ok(Trigger::Nothing {
            reason: format!("events {} of {} lead to no service", shown_text(detail_type), shown_text(source)),
        }),
    }
}

fn detail<'a>(event: &At<'a>) -> Result<At<'a>, EventError> {
    event.need("detail", "an object")
}

fn scheduled() -> Trigger {
    Trigger::Tick { what: "scheduled".to_owned() }
}

fn activity(event: &At<'_>) -> Result<Trigger, EventError> {
    group::activity(&detail(event)?, event.need("detail-type", "the kind of event")?.text()?)
}

/// An event about one instance that names what happens to it under `word`.
fn instance(detail: &At<'_>, verb: &str, word: &str) -> Result<Trigger, EventError> {
    let id: InstanceId = detail.need("instance-id", "an instance's id")?.name()?;
    let word = detail.need(word, "a word")?.word()?;
    Ok(drive(format!("{id} {verb} {word}"), [Subject::Resource(id.to_string())]))
}

fn rebalance(detail: &At<'_>) -> Result<Trigger, EventError> {
    let id: InstanceId = detail.need("instance-id", "an instance's id")?.name()?;
    Ok(drive(format!("{id} is at an elevated risk of interruption"), [Subject::Resource(id.to_string())]))
}

/// The volume, and the instance if there is one, are only named in `resources`; KMS keys may be beside them.
fn volume(event: &At<'_>, detail: &At<'_>) -> Result<Trigger, EventError> {
    let resources = event.need("resources", "the ARNs of a volume and what it is attached to")?;
    let arns: Vec<&str> = resources.items()?.map(|item| item.text()).collect::<Result<_, _>>()?;
    let subjects: Vec<Subject> = arns.into_iter().filter_map(resource).collect();
    let Some(Subject::Resource(first)) = subjects.first() else { return Err(resources.wrong(RESOURCE)) };
    let what = format!("{first}: {}", result(detail)?);
    Ok(drive(what, subjects))
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
    let Subject::Resource(id) = &snapshot else { return Err(detail.wrong(RESOURCE)) };
    let what = format!("{id}: {result}");
    Ok(drive(what, std::iter::once(snapshot).chain(source)))
}

/// What an event about several snapshots must list.
const SNAPSHOTS: &str = "an array of snapshots, at least one";

fn snapshots(detail: &At<'_>) -> Result<Trigger, EventError> {
    let result = result(detail)?;
    let snapshots = detail.need("snapshots", SNAPSHOTS)?;
    let mut subjects = Vec::new();
    for item in snapshots.items()? {
        subjects.push(one_resource(&item.need("snapshot_id", RESOURCE)?)?);
        if let Some(source) = item.get("source") {
            subjects.push(one_resource(&source)?);
        }
    }
    if subjects.is_empty() {
        return Err(snapshots.wrong(SNAPSHOTS));
    }
    Ok(drive(format!("several snapshots: {result}"), subjects))
}

fn one_resource(at: &At<'_>) -> Result<Subject, EventError> {
    resource(at.text()?).ok_or_else(|| at.wrong(RESOURCE))
}

/// Scheduled stops, retirements and outages. Entities of other kinds (`AWS_ACCOUNT`, `UNKNOWN`, buckets …) are none of ours.
fn health(detail: &At<'_>) -> Result<Trigger, EventError> {
    let code = detail.need("eventTypeCode", "the kind of health event")?.word()?;
    let mut subjects = Vec::new();
    if let Some(entities) = detail.get("affectedEntities") {
        for entity in entities.items()? {
            subjects.extend(resource(entity.need("entityValue", "an entity's id")?.text()?));
        }
    }
    if !subjects.is_empty() {
        return Ok(drive(format!("AWS Health: {code}"), subjects));
    }
    let service = detail.need("service", "the AWS service that is meant")?.text()?;
    match service {
        // An outage is announced for a whole region or zone: it may be about any of ours.
        "EC2" | "EBS" => Ok(Trigger::Tick { what: format!("AWS Health: {code}") }),
        _ => Ok(Trigger::Nothing { reason: format!("AWS Health: {code} names no instance, volume or snapshot") }),
    }
}
