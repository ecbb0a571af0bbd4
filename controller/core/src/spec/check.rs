//! What no single value of a spec can show: each is checked beside the others.

use std::collections::BTreeSet;

use super::agent::{AgentSpec, Ready};
use super::error::SpecError;
use super::keys::{GroupSpec, Spec, Topology, VolumeSpec};
use crate::world::DEVICES;

/// EBS's types for data volumes that a service may write to.
const VOLUME_TYPES: [&str; 6] = ["gp3", "gp2", "io2", "io1", "st1", "sc1"];

pub(super) fn check(spec: &Spec) -> Result<(), SpecError> {
    unique("volume.name", spec.volumes.iter().map(|volume| volume.name.as_str()))?;
    unique("volume.mount", spec.volumes.iter().filter_map(|volume| volume.mount.as_deref()))?;
    unique("address.allocation_id", spec.addresses.iter().map(|address| address.allocation_id.as_str()))?;
    unique("detect.alarms", spec.detect.alarms.iter().map(crate::ids::AlarmName::as_str))?;
    unique("agent.units", spec.agent.units.iter().map(String::as_str))?;
    unique("group.hooks", spec.group.hooks.iter().map(crate::ids::HookName::as_str))?;
    unique("volume.volume_id", spec.volumes.iter().filter_map(|volume| Some(volume.volume_id.as_ref()?.as_str())))?;
    topology(spec)?;
    let [first, .., last] = DEVICES;
    if spec.volumes.len() > DEVICES.len() {
        let allowed = format!("allowed are at most {} volumes (device names {first} to {last})", DEVICES.len());
        return Err(wrong("volume", &format!("{} entries", spec.volumes.len()), allowed));
    }
    spec.volumes.iter().try_for_each(volume)?;
    agent(&spec.agent)
}

fn topology(spec: &Spec) -> Result<(), SpecError> {
    if spec.topology != Topology::Standby {
        return Ok(());
    }
    if spec.group != GroupSpec::default() {
        return Err(wrong("group", "{ … }", "allowed only with topology = \"auto-scaling\""));
    }
    if spec.volumes.iter().any(|volume| volume.blank.is_some()) {
        let allowed = "allowed only with topology = \"auto-scaling\": a standby's volume exists already";
        return Err(wrong("volume.blank", "{ … }", allowed));
    }
    Ok(())
}

fn volume(volume: &VolumeSpec) -> Result<(), SpecError> {
    if let Some(mount) = &volume.mount
        && (!mount.starts_with('/') || mount == "/" || mount.contains("..") || mount.contains(char::is_whitespace))
    {
        let allowed = "allowed is an absolute path other than /, without '..' or spaces";
        return Err(wrong("volume.mount", mount, allowed));
    }
    let unfit = |option: &&String| option.is_empty() || option.contains([',', ' ', '\t', '\n']);
    if let Some(option) = volume.options.iter().find(unfit) {
        return Err(wrong("volume.options", option, "allowed is one mount option each, without a comma or a space"));
    }
    if let Some(blank) = &volume.blank
        && !VOLUME_TYPES.contains(&blank.volume_type.as_str())
    {
        let allowed = format!("allowed are {}", VOLUME_TYPES.join(", "));
        return Err(wrong("volume.blank.type", &blank.volume_type, allowed));
    }
    Ok(())
}

fn agent(agent: &AgentSpec) -> Result<(), SpecError> {
    let unfit = |unit: &&String| unit.is_empty() || unit.starts_with('-') || unit.contains(char::is_whitespace);
    if let Some(unit) = agent.units.iter().find(unfit) {
        return Err(wrong("agent.units", unit, "allowed is the name of a systemd unit, such as postgresql.service"));
    }
    match &agent.ready {
        Some(Ready::Tcp(endpoint)) if !is_endpoint(endpoint) => {
            Err(wrong("agent.ready.tcp", endpoint, "allowed is host:port"))
        }
        Some(Ready::Http(url)) if !(url.starts_with("http://") || url.starts_with("https://")) => {
            Err(wrong("agent.ready.http", url, "allowed is an http:// or https:// URL"))
        }
        Some(Ready::Tcp(_) | Ready::Http(_) | Ready::Command(_)) | None => Ok(()),
    }
}

fn is_endpoint(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn wrong(key: &str, value: &str, allowed: impl Into<String>) -> SpecError {
    SpecError::Value { key: key.to_owned(), value: format!("{value:?}"), allowed: allowed.into() }
}

fn unique<'a>(key: &str, values: impl Iterator<Item = &'a str>) -> Result<(), SpecError> {
    let mut seen = BTreeSet::new();
    for value in values {
        if !seen.insert(value) {
            return Err(wrong(key, value, "allowed is each value once"));
        }
    }
    Ok(())
}
