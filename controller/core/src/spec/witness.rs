//! Whether a service has agents at all, and what their reports can show.

use super::keys::{Spec, Topology};

/// Whoever asks about agents asks here: whoever observes, decides, checks and tells must not differ.
impl Spec {
    /// Whether an agent has to report from every instance: one without a report is then a fault, and a failover does not end without one.
    pub fn expects_agents(&self) -> bool {
        !self.agent.units.is_empty() || self.agent.ready.is_some()
    }

    /// Whether what agents report counts. Instances of a group may have an agent for their volumes alone: one that reports is heard.
    pub fn hears_agents(&self) -> bool {
        self.topology == Topology::AutoScaling || self.expects_agents()
    }

    /// Whether an agent that says that it stopped everything has stopped whoever writes: it stops what the spec gives it, and nothing else.
    /// A workload that it only probes runs on, unless the agent has unmounted every volume from under it.
    pub fn agents_can_quiesce(&self) -> bool {
        let unmounts_all = !self.volumes.is_empty() && self.volumes.iter().all(|volume| volume.mount.is_some());
        !self.agent.units.is_empty() || unmounts_all
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spec(more: &str, topology: &str) -> Spec {
        Spec::parse(&format!("service = \"db\"\ntopology = \"{topology}\"\n{more}")).unwrap()
    }

    /// Each line: what the spec says; whether agents are expected, whether they can quiesce.
    #[test]
    fn what_the_spec_gives_agents_to_do_says_what_their_reports_count_for() {
        let volume = |name: &str, more: &str| format!("[[volume]]\nname = \"{name}\"\n{more}\n");
        let mounted = volume("data", "mount = \"/data\"");
        let ready = "[agent]\nready = { tcp = \"127.0.0.1:80\" }\n";
        let cases = [
            (String::new(), false, false),
            (volume("data", ""), false, false),
            (mounted.clone(), false, true),
            (format!("{mounted}{}", volume("log", "")), false, false),
            ("[agent]\nunits = [\"db.service\"]\n".to_owned(), true, true),
            (ready.to_owned(), true, false),
            (format!("{}{ready}", volume("data", "")), true, false),
            (format!("{mounted}{ready}"), true, true),
            ("[agent]\non_active = [\"true\"]\n".to_owned(), false, false),
        ];
        for (more, expected, quiesces) in cases {
            for topology in ["standby", "auto-scaling"] {
                let spec = spec(&more, topology);
                assert_eq!(spec.expects_agents(), expected, "{topology}: {more}");
                assert_eq!(spec.hears_agents(), expected || topology == "auto-scaling", "{topology}: {more}");
                assert_eq!(spec.agents_can_quiesce(), quiesces, "{topology}: {more}");
            }
        }
    }
}
