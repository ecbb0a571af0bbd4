//! Whether a service could fail over now, and what is wrong with its set-up: better found today than during an outage.

mod agents;
mod finding;
mod group;

use failover_core::decide::Plan;
use failover_core::ids::ServiceName;
use failover_core::ledger::{Destination, Ledger};
use failover_core::spec::{Spec, Topology};
use failover_core::world::{AlarmState, Observed, Sight, World, tag};
use serde::Serialize;

use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{Format, show};
use crate::render;
use crate::session::Session;

use finding::Found;
pub use finding::{CheckFinding, Severity};

/// What the check came to.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Which service.
    pub service: ServiceName,
    /// A drill would be granted, and there is no fault.
    pub ready: bool,
    /// What a drill would do, or why it would be refused.
    pub plan: Plan,
    /// What is wrong with the set-up.
    pub findings: Vec<CheckFinding>,
}

/// Checks a service.
pub(super) async fn run(session: &Session, format: Format) -> Result<ExitCode, CliError> {
    let service = session.service().await?;
    let seen = session.engine.survey(&service).await?;
    let plan = session.engine.plan(&service, &session.request_to(&Destination::Standby, true)).await?.plan;
    let findings = findings(&seen.spec, &seen.ledger, &seen.world);
    let faultless = findings.iter().all(|finding| finding.severity != Severity::Fault);
    let checked = Checked { service, ready: faultless && plan.refusal.is_none(), plan, findings };
    show(format, &checked, text)?;
    Ok(if checked.ready { ExitCode::Done } else { ExitCode::Refused })
}

fn text(checked: &Checked) -> String {
    let verdict = if checked.ready { "ready for a failover" } else { "NOT ready for a failover" };
    let mut text = format!("{}: {verdict}\n", checked.service);
    match (&checked.plan.refusal, &checked.plan.to) {
        (Some(refusal), _) => render::line(&mut text, format_args!("  a drill would be refused: {refusal}")),
        (None, Some(to)) => render::line(&mut text, format_args!("  a drill would go to {}", render::target(to))),
        (None, None) => {}
    }
    for finding in &checked.findings {
        let word = match finding.severity {
            Severity::Fault => "fault",
            Severity::Warning => "warning",
        };
        render::line(&mut text, format_args!("  {word}: {}", finding.text));
    }
    text
}

/// Everything that is wrong with the set-up, faults first.
pub fn findings(spec: &Spec, ledger: &Ledger, world: &World) -> Vec<CheckFinding> {
    let mut found = Found::default();
    unseen(&mut found, spec, world);
    instances(&mut found, spec, ledger, world);
    volumes(&mut found, spec, ledger, world);
    addresses(&mut found, spec, ledger, world);
    alarms(&mut found, spec, ledger, world);
    group::group(&mut found, spec, ledger, world);
    agents::agents(&mut found, spec, ledger, world);
    found.0.sort();
    found.0.dedup();
    found.0
}

fn unseen(found: &mut Found, spec: &Spec, world: &World) {
    let parts = [
        ("instances", &world.instances.complete, true),
        ("status checks", &world.checks.complete, true),
        ("volumes", &world.volumes.complete, !spec.volumes.is_empty()),
        ("snapshots", &world.snapshots.complete, !spec.volumes.is_empty()),
        ("addresses", &world.addresses.complete, true),
        ("alarms", &world.alarms.complete, !spec.detect.alarms.is_empty()),
        ("Auto Scaling groups", &world.groups.complete, spec.topology == Topology::AutoScaling),
        ("what agents report", &world.agents.complete, spec.hears_agents()),
    ];
    for (what, complete, matters) in parts {
        if let (Observed::Unknown { why, .. }, true) = (complete, matters) {
            found.fault(format!("{what} can't be observed: {why}"));
        }
    }
}

fn instances(found: &mut Found, spec: &Spec, ledger: &Ledger, world: &World) {
    for id in ledger.members.keys() {
        if world.instances.sight(id) == Sight::Absent {
            found.fault(format!("{id} is in the ledger, and does not exist any more"));
        }
    }
    // A group has no standby: it launches one.
    if spec.topology == Topology::AutoScaling {
        return;
    }
    let mut zones = ledger.standbys().map(|(_, member)| &member.zone).peekable();
    if zones.peek().is_none() {
        found.fault("there is no standby: tag another instance with failover:service".to_owned());
    } else if zones.all(|zone| *zone == ledger.active_zone) {
        found.warning(format!(
            "every standby is in {}, as the active instance is: no failover is possible if that zone is lost",
            ledger.active_zone
        ));
    }
}

fn volumes(found: &mut Found, spec: &Spec, ledger: &Ledger, world: &World) {
    for (name, current) in &ledger.current_volumes {
        match world.volumes.sight(&current.volume) {
            Sight::Known(volume) => {
                found.tag(current.volume.as_str(), &volume.tags, tag::SERVICE, ledger.service.as_str());
                found.tag(current.volume.as_str(), &volume.tags, tag::VOLUME, name.as_str());
            }
            Sight::Absent => found.fault(format!("{} ({name}) does not exist any more", current.volume)),
            Sight::Unknown(why) => found.fault(format!("{} ({name}) can't be observed: {why}", current.volume)),
        }
    }
    if !ledger.current_volumes.is_empty() && spec.data.snapshot_every_seconds.is_none() {
        found.warning(
            "data.snapshot_every_seconds is not set: if the zone of the volumes is lost, there is no recent copy of the data".to_owned(),
        );
    }
}

fn addresses(found: &mut Found, spec: &Spec, ledger: &Ledger, world: &World) {
    for id in spec.address_ids().chain(ledger.addresses.iter().cloned()) {
        match world.addresses.sight(&id) {
            Sight::Known(address) => found.tag(id.as_str(), &address.tags, tag::SERVICE, ledger.service.as_str()),
            Sight::Absent => found.fault(format!("the address {id} does not exist")),
            Sight::Unknown(why) => found.fault(format!("the address {id} can't be observed: {why}")),
        }
    }
}

fn alarms(found: &mut Found, spec: &Spec, ledger: &Ledger, world: &World) {
    if spec.detect.alarms.is_empty() {
        found.warning(
            "detect.alarms is empty: a failure shows only in the instance's state and status checks".to_owned(),
        );
    }
    for name in &spec.detect.alarms {
        match world.alarms.sight(name) {
            Sight::Absent => found.fault(format!("there is no alarm {name}")),
            Sight::Unknown(why) => found.fault(format!("the alarm {name} can't be read: {why}")),
            Sight::Known(alarm) => {
                if let Some(instance) = alarm.instance.as_ref().filter(|instance| **instance != ledger.active) {
                    found.warning(format!(
                        "the alarm {name} is about {instance}, not about the active {}",
                        ledger.active
                    ));
                }
                if alarm.state == AlarmState::InsufficientData {
                    found.warning(format!("the alarm {name} has insufficient data"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
