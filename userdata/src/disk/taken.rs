//! A device that somebody else has for a moment is tried again, for as long as [`DiskTimeouts::release`](super::disks::Limits) says.
//!
//! The tools claim a device themselves, so our own claim ends before they start, and anybody may come between. Who that can be:
//! - a command of an agent before us that was killed: systemd ends what it left, but one that hangs in the kernel ends later;
//! - what systemd, udev or the distribution start for a new disk: `systemd-fsck`, `mdadm --incremental`, multipath, LVM, and
//!   udev's own prober, whose lock on the device we respect;
//! - an operator's or a backup's `fsck`, `xfs_repair`, `dd`;
//! - a last reference to an unmounted filesystem, which the kernel drops a little after the process that had it ended.
//!
//! It is never a program that we are just starting, which has what we have open until it really runs: the agent starts programs
//! from its one thread, and none runs on when a claim is given up. (The tests have many threads, and so many such programs.)

use std::time::{Duration, Instant};

/// Between two tries.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// How long something in use is tried again.
#[derive(Debug)]
pub(super) struct Patience {
    within: Duration,
    since: Option<Instant>,
}

impl Patience {
    /// From the first time that it is found in use: what was done before, such as a check that took an hour, does not count.
    pub(super) const fn once_in_use(within: Duration) -> Self {
        Self { within, since: None }
    }

    /// From now on.
    pub(super) fn from_now(within: Duration) -> Self {
        Self { within, since: Some(Instant::now()) }
    }

    /// Waits a little; says whether it is worth another try.
    pub(super) async fn another_try(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.within {
            return false;
        }
        tokio::time::sleep(TRY_EVERY).await;
        true
    }

    /// How long it is tried at most.
    pub(super) const fn within(&self) -> Duration {
        self.within
    }

    /// What is left; never nothing, so that what takes no time is done also when it is up.
    pub(super) fn left(&self) -> Duration {
        let waited = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.within.saturating_sub(waited).max(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_counts_from_the_first_time_or_from_now_and_ends() {
        let mut first = Patience::once_in_use(Duration::from_millis(300));
        let mut now = Patience::from_now(Duration::from_millis(300));
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(!now.another_try().await);
        assert!(first.another_try().await && first.another_try().await);
        assert!(!first.another_try().await);
    }
}
