//! Where things are: what is kept for the next run, and what is this run's own.

use std::fs;
use std::path::{Path, PathBuf};

use failover_tests::tools::target_folder;

/// Where images and the packages that they are made of are kept.
pub(crate) fn kept() -> PathBuf {
    let folder = target_folder().parent().expect("target/").join("machine");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A folder for this run: the volume, QEMU's sockets, the console. It goes with this value, unless the test failed: then the next run
/// removes it.
pub(crate) struct RunFolder(PathBuf);

impl RunFolder {
    /// A new one. What runs left behind that were killed goes.
    pub(crate) fn make() -> Self {
        for entry in fs::read_dir(kept()).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let process = name.strip_prefix("run-").map(|id| Path::new("/proc").join(id));
            if process.is_some_and(|process| !process.exists()) {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
        let folder = kept().join(format!("run-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    /// A path in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(fs::remove_dir_all(&self.0));
        }
    }
}
