//! What an earlier run of the agent knew, since the machine started. An agent that is started again while the metadata service or SSM is
//! out of reach can still watch, and take down, what its predecessor brought up.

use std::path::{Path, PathBuf};

use failover_core::ids::InstanceId;
use failover_core::spec::Spec;
use serde::{Deserialize, Serialize};

/// Gone with the next boot: then nothing runs that would have to be taken down.
pub const PATH: &str = "/run/failover-agent.json";

/// What an agent has to know before it can do anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Which instance this is.
    pub instance: InstanceId,
    /// In which region.
    pub region: String,
    /// What is to run.
    pub spec: Spec,
}

impl Remembered {
    /// What is kept at `path`, if it can be read. A file that is none of ours counts as absent.
    pub fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        match serde_json::from_str(&text) {
            Ok(remembered) => Some(remembered),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "what an earlier run of the agent knew can't be read");
                None
            }
        }
    }

    /// Keeps it at `path`: whole, or not at all.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let text = serde_json::to_string(self)?;
        let mut new = PathBuf::from(path);
        new.set_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(&new, path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_garbage_is_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.json");
        assert_eq!(Remembered::read(&path), None);
        let spec = "service = \"a\"\ntopology = \"standby\"\n[fence]\nlease_seconds = 60\n[agent]\nready = { tcp = \"127.0.0.1:1\" }";
        let remembered = Remembered {
            instance: InstanceId::new("i-0123456789abcdef0").unwrap(),
            region: "eu-central-1".to_owned(),
            spec: Spec::parse(spec).unwrap(),
        };
        remembered.write(&path).unwrap();
        assert_eq!(Remembered::read(&path), Some(remembered));
        std::fs::write(&path, "{").unwrap();
        assert_eq!(Remembered::read(&path), None);
    }
}
