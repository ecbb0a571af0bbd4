//! Is every byte zero? The whole device is read to know.
//!
//! A signature can lie anywhere, and data needs none at all: nothing short of reading everything shows that nobody's data is
//! there. A blank EBS volume reads as zeros. It happens once in a service's life.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::aside::aside;
use super::disks::DiskTimeouts;
use super::error::{DiskFault, filesystem_name};
use super::volume::DataVolume;

/// Large reads, so that a volume's throughput is the limit and not its operations per second.
const READ_BYTES: usize = 4 * 1024 * 1024;

/// Reads past the page cache go to memory at such addresses only: the largest sector's.
const ALIGNMENT_BYTES: usize = 4096;

/// How often it is looked whether reading goes on, and how often a person is told.
const POLL_EVERY: Duration = Duration::from_secs(1);
const TELL_EVERY: Duration = Duration::from_secs(30);

/// How long the rate is measured before the time that is left is estimated.
const MEASURE_FOR: Duration = Duration::from_secs(20);

/// A device that can't be read to its end.
#[derive(Debug)]
pub(super) struct ReadFault {
    pub(super) at_byte: u64,
    pub(super) source: io::Error,
}

/// Reads `size_bytes` and says where the first byte is that isn't zero. `go_on` is told how far it is, and may end it.
///
/// `Ok(None)` is returned only when that many bytes were read and all are zero: an early end is an error.
pub(super) fn first_nonzero(
    source: &mut impl Read,
    size_bytes: u64,
    mut go_on: impl FnMut(u64) -> bool,
) -> Result<Option<u64>, ReadFault> {
    let mut memory = vec![0_u8; READ_BYTES + ALIGNMENT_BYTES];
    let skipped = memory.as_ptr().align_offset(ALIGNMENT_BYTES);
    let buffer = memory.get_mut(skipped..).unwrap_or_default();
    let mut at_byte = 0_u64;
    while at_byte < size_bytes {
        if !go_on(at_byte) {
            return Err(ReadFault { at_byte, source: io::Error::other("aborted") });
        }
        let wanted = usize::try_from(size_bytes - at_byte).map_or(READ_BYTES, |left| left.min(READ_BYTES));
        let target = buffer.get_mut(..wanted).unwrap_or_default();
        let count = match source.read(target) {
            Ok(0) => return Err(ReadFault { at_byte, source: io::ErrorKind::UnexpectedEof.into() }),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(ReadFault { at_byte, source }),
        };
        let read = buffer.get(..count).unwrap_or_default();
        if !is_zero(read) {
            let offset = read.iter().position(|&byte| byte != 0).unwrap_or_default();
            return Ok(Some(at_byte + offset as u64));
        }
        at_byte += count as u64;
    }
    Ok(None)
}

/// Compared by the C library's `memcmp`, so that it is faster than any volume, also where the compiler was asked for a small binary.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| ZEROS.starts_with(chunk))
}

/// Reads the device from end to end; `Ok(())` means that every byte is zero.
pub(super) async fn prove(
    volume: &DataVolume,
    limits: &DiskTimeouts,
    device: std::fs::File,
    size_bytes: u64,
) -> Result<(), DiskFault> {
    let progress = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let watched = Watch { volume, limits, size_bytes, progress: Arc::clone(&progress) };
    let told = StopOnDrop(Arc::clone(&stop));
    let reading = aside("reading the whole device", limits.blank_read + limits.stall, move || {
        let mut device = device;
        let outcome = first_nonzero(&mut device, size_bytes, |at_byte| {
            progress.store(at_byte, Ordering::Relaxed);
            !stop.load(Ordering::Relaxed)
        });
        match outcome {
            Ok(None) => Ok(()),
            Ok(Some(at_byte)) => Err(DiskFault::Data { at_byte }),
            Err(ReadFault { at_byte, source }) => Err(DiskFault::Unreadable { at_byte, source }),
        }
    });
    let outcome = tokio::select! {
        biased;
        read = reading => read,
        fault = watched.until_too_slow() => Err(fault),
    };
    drop(told);
    outcome
}

/// Ends the reading thread when nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks at the reading from aside, since a read that hangs can't do so itself.
struct Watch<'a> {
    volume: &'a DataVolume,
    limits: &'a DiskTimeouts,
    size_bytes: u64,
    progress: Arc<AtomicU64>,
}

impl Watch<'_> {
    async fn until_too_slow(self) -> DiskFault {
        let began = Instant::now();
        let mut told = began;
        let mut moved = (0_u64, began);
        loop {
            tokio::time::sleep(POLL_EVERY).await;
            let now = Instant::now();
            let at_byte = self.progress.load(Ordering::Relaxed);
            if at_byte > moved.0 {
                moved = (at_byte, now);
            }
            let still = now.duration_since(moved.1);
            if still >= self.limits.stall {
                return DiskFault::Stalled { operation: "reading the whole device", waited: still };
            }
            let elapsed = now.duration_since(began);
            let (bytes_per_second, estimate) = estimate(at_byte, self.size_bytes, elapsed);
            if elapsed >= MEASURE_FOR && estimate > self.limits.blank_read {
                return DiskFault::BlankTooLarge {
                    size_bytes: self.size_bytes,
                    estimate,
                    bytes_per_second,
                    allowed: self.limits.blank_read,
                    filesystem: self.volume.filesystem.map_or("xfs", filesystem_name),
                };
            }
            if now.duration_since(told) >= TELL_EVERY {
                told = now;
                let left_seconds = estimate.saturating_sub(elapsed).as_secs();
                tracing::info!(
                    volume = %self.volume.name, at_byte, size_bytes = self.size_bytes, bytes_per_second, left_seconds,
                    "reading the whole volume before it is formatted for the first time"
                );
            }
        }
    }
}

/// Bytes per second so far, and how long the whole takes at that rate.
fn estimate(at_byte: u64, size_bytes: u64, elapsed: Duration) -> (u64, Duration) {
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let bytes_per_second = at_byte.saturating_mul(1000) / milliseconds;
    (bytes_per_second, Duration::from_secs(size_bytes / bytes_per_second.max(1)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Zeros, with data or an error at given places, in reads of odd sizes.
    struct Device {
        at_byte: u64,
        size_bytes: u64,
        data_at: Option<u64>,
        error_at: Option<u64>,
        largest_read: usize,
    }

    impl Read for Device {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let left = usize::try_from(self.size_bytes - self.at_byte).unwrap();
            let mut count = buffer.len().min(self.largest_read).min(left);
            if let Some(error_at) = self.error_at
                && error_at < self.at_byte + count as u64
            {
                count = usize::try_from(error_at - self.at_byte).unwrap();
                if count == 0 {
                    return Err(io::Error::from_raw_os_error(5));
                }
            }
            let target = buffer.get_mut(..count).unwrap();
            target.fill(0);
            if let Some(place) = self.data_at.and_then(|at| at.checked_sub(self.at_byte))
                && let Some(byte) = target.get_mut(usize::try_from(place).unwrap())
            {
                *byte = 1;
            }
            self.at_byte += count as u64;
            Ok(count)
        }
    }

    fn device(size_bytes: u64) -> Device {
        Device { at_byte: 0, size_bytes, data_at: None, error_at: None, largest_read: 65_537 }
    }

    #[test]
    fn blank_means_that_every_byte_was_read() {
        let size_bytes = 9 * 1024 * 1024 + 512;
        let mut source = device(size_bytes);
        assert_eq!(first_nonzero(&mut source, size_bytes, |_| true).unwrap(), None);
        assert_eq!(source.at_byte, size_bytes);
    }

    #[test]
    fn one_byte_anywhere_is_data() {
        let size_bytes = 9 * 1024 * 1024 + 512;
        for at in [0, 1, 511, 65_536, 4 * 1024 * 1024 - 1, 4 * 1024 * 1024, size_bytes - 1] {
            let mut source = Device { data_at: Some(at), ..device(size_bytes) };
            assert_eq!(first_nonzero(&mut source, size_bytes, |_| true).unwrap(), Some(at));
        }
    }

    #[test]
    fn an_unreadable_sector_is_never_blank() {
        let size_bytes = 9 * 1024 * 1024;
        for at in [0, 512, 5 * 1024 * 1024, size_bytes - 1] {
            let mut source = Device { error_at: Some(at), ..device(size_bytes) };
            let fault = first_nonzero(&mut source, size_bytes, |_| true).unwrap_err();
            assert_eq!((fault.at_byte, fault.source.raw_os_error()), (at, Some(5)));
        }
    }

    #[test]
    fn an_early_end_is_never_blank() {
        let fault = first_nonzero(&mut device(1000), 1001, |_| true).unwrap_err();
        assert_eq!((fault.at_byte, fault.source.kind()), (1000, io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn it_ends_when_told_to() {
        let mut source = device(1 << 30);
        assert!(first_nonzero(&mut source, 1 << 30, |at_byte| at_byte < 1 << 20).is_err());
        assert!(source.at_byte < 1 << 21);
    }

    #[test]
    fn the_estimate_is_that_of_the_rate_so_far() {
        assert_eq!(estimate(1 << 30, 1 << 40, Duration::from_secs(8)), (1 << 27, Duration::from_secs(8192)));
        assert_eq!(estimate(0, 1 << 40, Duration::ZERO).0, 0);
    }
}
