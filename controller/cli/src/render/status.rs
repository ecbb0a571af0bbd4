//! How a service stands, and what adopting it found.

use failover_core::ledger::Ledger;
use failover_engine::Status;

use super::table::table;
use super::{line, moment, target};
use crate::duration::readable;
use crate::render::report::report;

/// How a service stands.
pub fn status(status: &Status) -> String {
    let mut text = format!("{}: {} (epoch {})\n", status.service, status.state, status.epoch);
    for reason in &status.reasons {
        line(&mut text, format_args!("  {reason}"));
    }
    let since = moment(status.active_since);
    line(&mut text, format_args!("  {} in {} serves since {since}", status.active, status.zone));
    let instances: Vec<_> = status
        .instances
        .iter()
        .map(|member| {
            let checks = match member.checks_passed {
                Some(true) => "status checks passed",
                Some(false) => "status checks not passed",
                None => "",
            };
            let cells = [member.instance_id.as_str(), member.zone.as_str(), member.role, &member.state, checks];
            cells.map(str::to_owned).to_vec()
        })
        .collect();
    text.push_str(&table(&instances, "  "));
    let volumes: Vec<_> = status
        .volumes
        .iter()
        .map(|volume| {
            let copy = match volume.recovery_point_age_seconds.and_then(|seconds| u32::try_from(seconds).ok()) {
                Some(seconds) => format!("newest copy is {} old", readable(f64::from(seconds))),
                None => format!("no copy yet: were {} lost now, the data would be, too", volume.zone),
            };
            vec![volume.volume_id.to_string(), volume.zone.to_string(), volume.name.to_string(), copy]
        })
        .collect();
    text.push_str(&table(&volumes, "  "));
    if let Some(running) = &status.failover {
        text.push_str(&report(running));
    }
    text
}

/// What a service was adopted with.
pub fn adopted(ledger: &Ledger) -> String {
    let mut text = format!("{}: under control from now on (epoch {})\n", ledger.service, ledger.epoch);
    let mut rows = vec![vec!["active".to_owned(), target(&ledger.active_target())]];
    rows.extend(ledger.standbys().map(|(id, member)| vec!["standby".to_owned(), format!("{id} ({})", member.zone)]));
    rows.extend(
        ledger
            .current_volumes
            .iter()
            .map(|(name, current)| vec!["volume".to_owned(), format!("{} ({name}, {})", current.volume, current.zone)]),
    );
    rows.extend(ledger.addresses.iter().map(|id| vec!["address".to_owned(), id.to_string()]));
    text.push_str(&table(&rows, "  "));
    text
}
