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

    fn accepts(text: &str) -> bool {
        Spec::parse(text).is_ok()
    }

    const SMALL: &str = "service = \"a\"\ntopology = \"standby\"\n";

    #[test]
    fn a_spec_fits_its_parameter_to_the_last_byte_and_its_volumes_their_device_names() {
        let of = |bytes: usize| format!("{SMALL}{}", "#".repeat(bytes - SMALL.len()));
        assert!(accepts(&of(8_192)) && !accepts(&of(8_193)));
        let volumes = |count: usize| {
            (0..count).fold(SMALL.to_owned(), |text, number| format!("{text}[[volume]]\nname = \"v{number}\"\n"))
        };
        assert!(accepts(&volumes(11)) && !accepts(&volumes(12)));
    }

    #[test]
    fn an_agent_is_told_units_and_endpoints_that_are_some() {
        let agent = |line: &str| accepts(&format!("{SMALL}[agent]\n{line}\n"));
        for (unit, good) in [("db.service", true), ("", false), ("-db.service", false), ("db service", false)] {
            assert_eq!(agent(&format!("units = [\"{unit}\"]")), good, "{unit:?}");
        }
        for (endpoint, good) in [("db:1", true), ("db:65535", true), ("db:0", false), (":80", false), ("db:x", false)] {
            assert_eq!(agent(&format!("ready = {{ tcp = \"{endpoint}\" }}")), good, "{endpoint}");
        }
        for (url, good) in [("http://db/", true), ("https://db/", true), ("ftp://db/", false), ("db", false)] {
            assert_eq!(agent(&format!("ready = {{ http = \"{url}\" }}")), good, "{url}");
        }
    }

    #[test]
    fn a_volume_is_mounted_somewhere_with_options_that_are_some() {
        let volume = |line: &str| accepts(&format!("{SMALL}[[volume]]\nname = \"v\"\n{line}\n"));
        for (mount, good) in [("/data", true), ("/", false), ("data", false), ("/a/../b", false), ("/a b", false)] {
            assert_eq!(volume(&format!("mount = \"{mount}\"")), good, "{mount}");
        }
        for (option, good) in [("noatime", true), ("", false), ("a,b", false), ("a b", false)] {
            assert_eq!(volume(&format!("options = [\"{option}\"]")), good, "{option:?}");
        }
        let blank = |kind: &str| {
            let text = SMALL.replace("standby", "auto-scaling");
            accepts(&format!("{text}[[volume]]\nname = \"v\"\nblank = {{ size_gib = 5, type = \"{kind}\" }}\n"))
        };
        assert!(blank("gp3") && blank("io2") && !blank("standard"));
    }

    type Percent = super::super::Count<1, 100>;

    #[test]
    fn a_number_is_read_within_its_bounds_and_shown_as_it_is_typed() {
        let seconds = |value: u64| Spec::parse(&format!("{SMALL}[detect]\nconfirm_seconds = {value}\n"));
        assert_eq!(seconds(3_600).unwrap().detect.confirm_seconds.to_string(), "3600");
        assert!(seconds(0).is_ok() && seconds(3_601).is_err());
        assert_eq!([0, 1, 2, 99, 100, 101].map(|value| Percent::of(value).get()), [1, 1, 2, 99, 100, 100]);
        assert_eq!(super::super::Seconds::<0, 60>::of(7).duration().as_secs(), 7);
    }

    #[test]
    fn hooks_are_ours_by_their_name_unless_the_spec_lists_them() {
        let hook = |name: &str| crate::ids::HookName::new(name).unwrap();
        let ours = |group: &str, name: &str| {
            let text = SMALL.replace("standby", "auto-scaling");
            Spec::parse(&format!("{text}{group}")).unwrap().group.is_ours(&hook(name))
        };
        assert!(ours("", "failover-launch") && !ours("", "warm-up"));
        let named = "[group]\nhooks = [\"mine\"]\n";
        assert!(ours(named, "mine") && !ours(named, "failover-launch"));
    }

    #[test]
    fn refuses_what_is_no_spec() {
        for text in ["", "service", "\u{0}\u{1}", "[[[", "service = 1\ntopology = 2"] {
            assert!(Spec::parse(text).is_err());
        }
        assert!(matches!(Spec::parse(&"#".repeat(10_000)), Err(SpecError::Size { .. })));
    }
}
