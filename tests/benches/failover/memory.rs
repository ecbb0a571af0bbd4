//! How much memory this process holds, as Linux tells it.

use crate::Failure;

/// Resident memory around a piece of work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) before_mb: f64,
    pub(crate) peak_mb: f64,
}

/// Resident now.
pub(crate) fn resident_mb() -> Result<f64, Failure> {
    status_mb("VmRSS:")
}

/// The most that was ever resident.
pub(crate) fn peak_mb() -> Result<f64, Failure> {
    status_mb("VmHWM:")
}

fn status_mb(key: &str) -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("/proc/self/status is not Linux's")?;
    Ok(kib.trim().parse::<f64>()? * 1024.0 / 1e6)
}
