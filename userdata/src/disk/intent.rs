//! Our note on a blank device that a formatting was begun (decision 10).
//!
//! It lies one MiB before the device's end, outside the filesystem that is made, so that no `mkfs` touches it; a finished
//! formatting zeroes it. One sector long, so that it is there or isn't: a torn one can't be.

use failover_core::ids::{ServiceName, VolumeId, VolumeName};
use failover_core::spec::Filesystem;
use serde::{Deserialize, Serialize};

/// What a filesystem of ours leaves free at the device's end. mkfs.xfs wipes the last 128 KiB of a device, mkfs.ext4 less; a MiB
/// is far from that and keeps the filesystem's end aligned.
pub(super) const RESERVED_BYTES: u64 = 1024 * 1024;

/// One sector: devices write it whole or not at all.
pub(super) const SECTOR_BYTES: usize = 512;

/// Random, made once for this purpose: nobody else's data begins with it.
const MAGIC: [u8; 16] =
    [0xd3, 0x6e, 0x91, 0x0b, 0x5c, 0xf7, 0x4a, 0x28, 0xa4, 0x13, 0xee, 0x79, 0x02, 0xb8, 0xc5, 0x6d];

const LENGTH_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 8;
const PAYLOAD_AT: usize = MAGIC.len() + LENGTH_BYTES;
const CHECKSUM_AT: usize = SECTOR_BYTES - CHECKSUM_BYTES;

/// A formatting that was begun: whose, of what, and which filesystem it makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Intent {
    pub(super) service: ServiceName,
    pub(super) volume: VolumeName,
    pub(super) volume_id: VolumeId,
    pub(super) filesystem: Filesystem,
    /// The UUID that the filesystem gets: by it a finished one is told from anybody else's.
    pub(super) uuid: String,
    /// The device's size, from which the place of the note follows.
    pub(super) device_bytes: u64,
}

/// Where the note lies on a device of that size; none if it is too small to be formatted.
pub(super) fn place(device_bytes: u64) -> Option<u64> {
    let place = filesystem_bytes(device_bytes)?;
    (place > 0).then_some(place)
}

/// How large a filesystem is made: everything before the note.
pub(super) fn filesystem_bytes(device_bytes: u64) -> Option<u64> {
    let end = device_bytes.checked_sub(RESERVED_BYTES)?;
    // Whole MiB suit every block size.
    Some(end - end % RESERVED_BYTES)
}

impl Intent {
    /// The sector; none if the names don't fit, which their own limits exclude.
    pub(super) fn encode(&self) -> Option<[u8; SECTOR_BYTES]> {
        let payload = serde_json::to_vec(self).ok()?;
        let mut sector = [0_u8; SECTOR_BYTES];
        sector.get_mut(..MAGIC.len())?.copy_from_slice(&MAGIC);
        sector.get_mut(MAGIC.len()..PAYLOAD_AT)?.copy_from_slice(&u16::try_from(payload.len()).ok()?.to_le_bytes());
        sector.get_mut(PAYLOAD_AT..CHECKSUM_AT)?.get_mut(..payload.len())?.copy_from_slice(&payload);
        let checksum = checksum(sector.get(..CHECKSUM_AT)?);
        sector.get_mut(CHECKSUM_AT..)?.copy_from_slice(&checksum.to_le_bytes());
        Some(sector)
    }

    /// The note in a sector; none if there is none, or if a single bit of it is wrong.
    pub(super) fn decode(sector: &[u8]) -> Option<Self> {
        let sector: &[u8; SECTOR_BYTES] = sector.get(..SECTOR_BYTES)?.try_into().ok()?;
        if !sector.starts_with(&MAGIC) {
            return None;
        }
        let said = u64::from_le_bytes(sector.get(CHECKSUM_AT..)?.try_into().ok()?);
        if checksum(sector.get(..CHECKSUM_AT)?) != said {
            return None;
        }
        let length = u16::from_le_bytes(sector.get(MAGIC.len()..PAYLOAD_AT)?.try_into().ok()?);
        let payload = sector.get(PAYLOAD_AT..CHECKSUM_AT)?.get(..usize::from(length))?;
        serde_json::from_slice(payload).ok()
    }
}

/// FNV-1a with 64 bits: against rot and accidents; the magic and the names are what tells it from other data.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn intent() -> Intent {
        Intent {
            service: ServiceName::new("s".repeat(63)).unwrap(),
            volume: VolumeName::new("v".repeat(63)).unwrap(),
            volume_id: VolumeId::new("vol-0123456789abcdef0").unwrap(),
            filesystem: Filesystem::Ext4,
            uuid: "11111111-2222-3333-4444-555555555555".to_owned(),
            device_bytes: u64::MAX,
        }
    }

    #[test]
    fn the_longest_names_fit_into_one_sector_and_come_back() {
        let sector = intent().encode().unwrap();
        assert_eq!(Intent::decode(&sector), Some(intent()));
    }

    #[test]
    fn no_single_changed_bit_is_taken_for_a_note() {
        let sector = intent().encode().unwrap();
        for bit in 0..SECTOR_BYTES * 8 {
            let mut changed = sector;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Intent::decode(&changed), None, "bit {bit}");
        }
    }

    #[test]
    fn other_content_is_no_note() {
        for content in
            [&[0_u8; SECTOR_BYTES][..], &[0xff; SECTOR_BYTES], &MAGIC, b"", &[MAGIC, MAGIC].concat().repeat(16)]
        {
            assert_eq!(Intent::decode(content), None);
        }
    }

    #[test]
    fn it_lies_in_the_last_two_mib_and_out_of_the_filesystem() {
        for device_bytes in [3 << 20, (1 << 30) + 512, 16 << 40, (5 << 20) + 4096] {
            let place = place(device_bytes).unwrap();
            assert!(
                place + RESERVED_BYTES <= device_bytes && place + 2 * RESERVED_BYTES > device_bytes,
                "{device_bytes}"
            );
            assert_eq!(place, filesystem_bytes(device_bytes).unwrap());
        }
        assert_eq!(place(0), None);
        assert_eq!(place(RESERVED_BYTES), None);
    }
}
