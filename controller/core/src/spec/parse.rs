//! From text to [`Spec`]: the shape by serde, then what no single value can show.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{GroupSpec, Ready, Spec, Topology};

/// A `failover.toml` that can't be used. Each names the key, the value and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// Not TOML, an unknown key, a missing one, or an impossible value. The text shows the line.
    #[error("failover.toml: {0}")]
    Shape(String),
    /// A file that is no spec at all.
    #[error("failover.toml: {bytes} bytes are too many: allowed are {allowed} (an SSM parameter holds no more)")]
    Size {
        /// How many were given.
        bytes: usize,
        /// How many are allowed.
        allowed: usize,
    },
    /// A value that is wrong beside the others.
    #[error("failover.toml: {key} = {value}: {allowed}")]
    Value {
        /// Where.
        key: String,
        /// What was given.
        value: String,
        /// What would be accepted.
        allowed: String,
    },
}

/// SSM's advanced parameters hold 8 KiB; the spec is kept there.
const LARGEST_BYTES: usize = 8 * 1024;

/// EC2's recommended device names for data volumes are `/dev/sdf` to `/dev/sdp`: eleven.
const MOST_VOLUMES: usize = 11;

pub(super) fn parse(text: &str) -> Result<Spec, SpecError> {
    if text.len() > LARGEST_BYTES {
        return Err(SpecError::Size { bytes: text.len(), allowed: LARGEST_BYTES });
    }
    let spec: Spec = toml::from_str(text).map_err(|error| SpecError::Shape(error.to_string().trim_end().to_owned()))?;
    check(&spec)?;
    Ok(spec)
}

fn check(spec: &Spec) -> Result<(), SpecError> {
    unique("volume.name", spec.volumes.iter().map(|volume| volume.name.as_str()))?;
    unique("volume.mount", spec.volumes.iter().filter_map(|volume| volume.mount.as_deref()))?;
    unique("address.allocation_id", spec.addresses.iter().map(|address| address.allocation_id.as_str()))?;
    unique("detect.alarms", spec.detect.alarms.iter().map(crate::ids::AlarmName::as_str))?;
    unique("agent.units", spec.agent.units.iter().map(String::as_str))?;
    unique("group.hooks", spec.group.hooks.iter().map(crate::ids::HookName::as_str))?;
    unique("volume.volume_id", spec.volumes.iter().filter_map(|volume| Some(volume.volume_id.as_ref()?.as_str())))?;
    if spec.topology == Topology::Standby && spec.group != GroupSpec::default() {
        return Err(wrong("group", "{ … }", "allowed only with topology = \"auto-scaling\""));
    }
    if spec.volumes.len() > MOST_VOLUMES {
        let allowed = format!("allowed are at most {MOST_VOLUMES} volumes (device names /dev/sdf to /dev/sdp)");
        return Err(wrong("volume", &format!("{} entries", spec.volumes.len()), allowed));
    }
    for volume in &spec.volumes {
        if let Some(mount) = &volume.mount
            && (!mount.starts_with('/') || mount == "/" || mount.contains("..") || mount.contains(char::is_whitespace))
        {
            return Err(wrong(
                "volume.mount",
                mount,
                "allowed is an absolute path other than /, without '..' or spaces",
            ));
        }
        if let Some(blank) = &volume.blank
            && !VOLUME_TYPES.contains(&blank.volume_type.as_str())
        {
            return Err(wrong(
                "volume.blank.type",
                &blank.volume_type,
                format!("allowed are {}", VOLUME_TYPES.join(", ")),
            ));
        }
    }
    if spec.topology == Topology::Standby && spec.volumes.iter().any(|volume| volume.blank.is_some()) {
        return Err(wrong(
            "volume.blank",
            "{ … }",
            "allowed only with topology = \"auto-scaling\": a standby's volume exists already",
        ));
    }
    if let Some(Ready::Tcp(endpoint)) = &spec.agent.ready
        && !endpoint
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
    {
        return Err(wrong("agent.ready.tcp", endpoint, "allowed is host:port"));
    }
    if let Some(Ready::Http(url)) = &spec.agent.ready
        && !(url.starts_with("http://") || url.starts_with("https://"))
    {
        return Err(wrong("agent.ready.http", url, "allowed is an http:// or https:// URL"));
    }
    Ok(())
}

/// EBS's types for data volumes that a service may write to.
const VOLUME_TYPES: [&str; 6] = ["gp3", "gp2", "io2", "io1", "st1", "sc1"];

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DESIGN: &str = r#"
service  = "billing-db"
topology = "standby"

[[address]]
kind = "elastic-ip"
allocation_id = "eipalloc-0abc1234"

[[volume]]
name = "data"
mount = "/var/lib/postgresql"
filesystem = "xfs"

[detect]
alarms = ["billing-db-status", "billing-db-cpu"]
confirm_seconds = 20

[fence]
stop_grace_seconds = 30
when_unconfirmed = "halt"

[data]
max_loss_seconds = 0
snapshot_every_seconds = 900
keep_snapshots = 8

[limits]
cooldown_seconds = 600
failovers_per_day = 4

[agent]
units = ["postgresql.service"]
ready = { tcp = "127.0.0.1:5432" }
"#;

    #[test]
    fn reads_a_whole_spec_and_writes_it_back() {
        let spec = Spec::parse(DESIGN).unwrap();
        assert_eq!(spec.service.as_str(), "billing-db");
        assert_eq!(spec.data.snapshot_every_seconds.unwrap().get(), 900);
        assert_eq!(spec.agent.ready, Some(Ready::Tcp("127.0.0.1:5432".to_owned())));
        assert_eq!(Spec::parse(&spec.to_toml()).unwrap(), spec);
    }

    #[test]
    fn the_smallest_spec_gets_the_defaults() {
        let spec = Spec::parse("service = \"a\"\ntopology = \"standby\"").unwrap();
        assert_eq!(spec.detect.confirm_seconds.get(), 20);
        assert_eq!(spec.fence.when_unconfirmed, super::super::WhenUnconfirmed::Halt);
        assert_eq!(spec.data.max_loss_seconds.get(), 0);
    }

    /// Each line: what is changed, and the words that the error must contain: key, value, what is allowed.
    #[test]
    fn names_key_value_and_what_is_allowed() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("confirm_seconds = 20", "confirm_seconds = -1", &["confirm_seconds", "-1", "0 to 3600"]),
            ("confirm_seconds = 20", "confirm_seconds = \"soon\"", &["confirm_seconds", "soon"]),
            ("confirm_seconds = 20", "confirm_secs = 20", &["confirm_secs", "confirm_seconds"]),
            ("keep_snapshots = 8", "keep_snapshots = 0", &["keep_snapshots", "0", "1 to 1000"]),
            ("\"halt\"", "\"hope\"", &["when_unconfirmed", "hope", "halt", "proceed"]),
            ("\"standby\"", "\"cluster\"", &["topology", "cluster", "standby", "auto-scaling"]),
            ("\"billing-db\"", "\"Billing DB\"", &["service", "Billing DB", "a-z"]),
            ("eipalloc-0abc1234", "1.2.3.4", &["allocation_id", "1.2.3.4", "eipalloc-"]),
            ("\"elastic-ip\"", "\"dns\"", &["kind", "dns", "elastic-ip"]),
            ("/var/lib/postgresql", "var", &["volume.mount", "var", "absolute"]),
            ("127.0.0.1:5432", "5432", &["agent.ready.tcp", "5432", "host:port"]),
            ("{ tcp =", "{ udp =", &["udp", "tcp", "http", "command"]),
            ("\"billing-db-cpu\"", "\"billing-db-status\"", &["detect.alarms", "billing-db-status", "once"]),
            ("filesystem = \"xfs\"", "blank = { size_gib = 20 }", &["volume.blank", "auto-scaling"]),
            ("service  =", "service = ", &[]),
        ];
        for (from, to, words) in cases {
            let text = DESIGN.replacen(from, to, 1);
            match Spec::parse(&text) {
                Ok(_) => assert!(words.is_empty(), "accepted {to}"),
                Err(error) => {
                    let error = error.to_string();
                    for word in *words {
                        assert!(error.contains(word), "{to}: {word:?} is not in: {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn refuses_what_is_no_spec() {
        for text in ["", "service", "\u{0}\u{1}", "[[[", "service = 1\ntopology = 2"] {
            assert!(Spec::parse(text).is_err());
        }
        assert!(matches!(Spec::parse(&"#".repeat(10_000)), Err(SpecError::Size { .. })));
    }
}
