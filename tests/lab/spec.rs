//! What the service's operator says of it: its `failover.toml`.

use super::guest::MOUNT;
use super::region::SERVICE;
use super::stories::{Story, Topology};

/// The whole volume is read before it is formatted.
const BLANK_GIB: u64 = 1;

/// A story's `failover.toml`.
pub(crate) fn failover_toml(story: &Story) -> String {
    let blank = format!("blank = {{ size_gib = {BLANK_GIB} }}\n");
    let (topology, blank, detect, units) = match story.topology {
        Topology::Standby => ("standby", "", "alarms = [\"sample-status\"]\n", "\"postgresql.service\""),
        // The first instance's alarm can't be named before there is one.
        Topology::AutoScaling => {
            ("auto-scaling", blank.as_str(), "", "\"postgresql-init.service\", \"postgresql.service\"")
        }
    };
    // Without a controller nobody would bring a volume.
    let volume = if story.controlled {
        format!("[[volume]]\nname = \"data\"\nmount = \"{MOUNT}\"\nfilesystem = \"{}\"\n{blank}\n", story.filesystem)
    } else {
        String::new()
    };
    format!(
        "service = \"{SERVICE}\"\ntopology = \"{topology}\"\n\n{volume}\
         [detect]\n{detect}confirm_seconds = 2\n\n\
         [fence]\nstop_grace_seconds = 10\n{}\n\
         [limits]\ncooldown_seconds = 0\n\n\
         [agent]\nunits = [{units}]\nready = {{ tcp = \"127.0.0.1:5432\" }}\n",
        story.fence
    )
}
