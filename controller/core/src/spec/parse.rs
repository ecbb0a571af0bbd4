//! From text to [`Spec`].

use super::check::check;
use super::error::SpecError;
use super::keys::Spec;

/// SSM's advanced parameters hold 8 KiB; the spec is kept there.
const LARGEST_BYTES: usize = 8 * 1024;

impl Spec {
    /// Reads and checks a `failover.toml`.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        if text.len() > LARGEST_BYTES {
            return Err(SpecError::Size { bytes: text.len(), allowed: LARGEST_BYTES });
        }
        let spec: Self =
            toml::from_str(text).map_err(|error| SpecError::Shape(error.to_string().trim_end().to_owned()))?;
        check(&spec)?;
        Ok(spec)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Ready;
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
            ("filesystem = \"xfs\"", "options = [\"noatime nodev\"]", &["volume.options", "noatime nodev", "comma"]),
            ("stop_grace_seconds = 30", "lease_seconds = 5", &["lease_seconds", "5", "20 to 3600"]),
            ("stop_grace_seconds = 30", "lease_seconds = 60", &[]),
            (
                "units = [\"postgresql.service\"]",
                "units = [\"postgresql service\"]",
                &["agent.units", "postgresql service"],
            ),
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
