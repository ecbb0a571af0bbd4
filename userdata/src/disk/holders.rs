//! Who uses a mount or a device: the names that make 'target is busy' a thing that one can act on.

use std::fmt;

/// How many are named in a text.
const SHOWN: usize = 12;

/// A process or a part of the system that uses a mount or a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceUser {
    /// The process; none if the kernel itself holds it (a swap file, a loop device, a mount below).
    pub pid: Option<u32>,
    /// The process's name, or what else it is.
    pub name: String,
    /// By what.
    pub by: String,
}

/// Those who use a mount or a device, as far as they can be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceUsers(pub Vec<DeviceUser>);

impl fmt::Display for DeviceUsers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("nobody was found in /proc");
        }
        for (index, holder) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            match holder.pid {
                Some(pid) => write!(formatter, "{separator}{} (pid {pid}: {})", holder.name, holder.by)?,
                None => write!(formatter, "{separator}{}: {}", holder.name, holder.by)?,
            }
        }
        match self.0.len().checked_sub(SHOWN) {
            None | Some(0) => Ok(()),
            Some(more) => write!(formatter, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_an_empty_one_said() {
        assert!(DeviceUsers::default().to_string().contains("nobody"));
        let many =
            (0..20).map(|pid| DeviceUser { pid: Some(pid), name: "cat".into(), by: "cwd /data".into() }).collect();
        let text = DeviceUsers(many).to_string();
        assert!(text.contains("cat (pid 11: cwd /data) and 8 more"), "{text}");
    }
}
