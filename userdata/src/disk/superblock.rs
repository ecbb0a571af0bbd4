//! Superblocks of ext4 and XFS, as far as they tell size, identity and whether the filesystem was finished.
//!
//! `blkid` names the type, but not these; the offsets are those of the kernel's `struct ext4_super_block` (little-endian, at
//! byte 1,024) and `struct xfs_dsb` (big-endian, at byte 0), which are on-disk formats and don't change.

use failover_core::spec::Filesystem;

/// How much of a device's beginning holds either superblock.
pub(super) const HEAD_BYTES: usize = 4096;

/// What a superblock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Superblock {
    pub(super) filesystem: Filesystem,
    pub(super) uuid: String,
    pub(super) size_bytes: u64,
    /// `mkfs` began and didn't end; the kernel refuses to mount such an XFS. mkfs.ext4 writes its superblock last, so that an
    /// ext4 that shows one is finished.
    pub(super) in_progress: bool,
}

const EXT4_AT: usize = 1024;

/// Reads the superblock of `filesystem` from a device's first bytes; none if there is none.
pub(super) fn read(filesystem: Filesystem, head: &[u8]) -> Option<Superblock> {
    match filesystem {
        Filesystem::Ext4 => ext4(head.get(EXT4_AT..)?),
        Filesystem::Xfs => xfs(head),
    }
}

fn ext4(block: &[u8]) -> Option<Superblock> {
    const HAS_64_BIT: u32 = 0x80;
    let magic: [u8; 2] = bytes(block, 56)?;
    if magic != [0x53, 0xef] {
        return None;
    }
    let little = |at| Some(u32::from_le_bytes(bytes(block, at)?));
    let block_bytes = 1024_u64.checked_shl(little(24)?)?;
    let high = if little(96)? & HAS_64_BIT == 0 { 0 } else { little(336)? };
    let blocks = (u64::from(high) << 32) | u64::from(little(4)?);
    Some(Superblock {
        filesystem: Filesystem::Ext4,
        uuid: uuid_text(bytes(block, 104)?),
        size_bytes: blocks.checked_mul(block_bytes)?,
        in_progress: false,
    })
}

fn xfs(block: &[u8]) -> Option<Superblock> {
    if !block.starts_with(b"XFSB") {
        return None;
    }
    let block_bytes = u64::from(u32::from_be_bytes(bytes(block, 4)?));
    let blocks = u64::from_be_bytes(bytes(block, 8)?);
    Some(Superblock {
        filesystem: Filesystem::Xfs,
        uuid: uuid_text(bytes(block, 32)?),
        size_bytes: blocks.checked_mul(block_bytes)?,
        in_progress: *block.get(126)? != 0,
    })
}

fn bytes<const COUNT: usize>(block: &[u8], at: usize) -> Option<[u8; COUNT]> {
    block.get(at..at.checked_add(COUNT)?)?.try_into().ok()
}

/// A UUID as tools print it.
fn uuid_text(uuid: [u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(uuid));
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn reads_an_ext4_of_more_than_32_bits_of_blocks() {
        let mut head = vec![0_u8; HEAD_BYTES];
        head[1024 + 56..1024 + 58].copy_from_slice(&[0x53, 0xef]);
        head[1024 + 4..1024 + 8].copy_from_slice(&7_u32.to_le_bytes());
        head[1024 + 24..1024 + 28].copy_from_slice(&2_u32.to_le_bytes());
        head[1024 + 96..1024 + 100].copy_from_slice(&0x80_u32.to_le_bytes());
        head[1024 + 336..1024 + 340].copy_from_slice(&1_u32.to_le_bytes());
        head[1024 + 104..1024 + 120].copy_from_slice(&[0x11; 16]);
        let superblock = read(Filesystem::Ext4, &head).unwrap();
        assert_eq!(superblock.size_bytes, ((1 << 32) + 7) * 4096);
        assert_eq!(superblock.uuid, "11111111-1111-1111-1111-111111111111");
        assert_eq!(read(Filesystem::Xfs, &head), None);
    }

    #[test]
    fn a_short_or_absurd_head_is_none() {
        assert_eq!(read(Filesystem::Ext4, &[]), None);
        assert_eq!(read(Filesystem::Xfs, b"XFSB"), None);
        let mut head = vec![0xff_u8; HEAD_BYTES];
        head[..4].copy_from_slice(b"XFSB");
        assert_eq!(read(Filesystem::Xfs, &head), None, "a size that overflows is no size");
        head[1024 + 56..1024 + 58].copy_from_slice(&[0x53, 0xef]);
        assert_eq!(read(Filesystem::Ext4, &head), None);
    }
}
