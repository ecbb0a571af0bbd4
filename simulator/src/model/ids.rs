//! Names that AWS gives: ids, addresses, request ids, all from the region's seed.

use std::net::Ipv4Addr;

use fastrand::Rng;

/// Makes ids of the form that AWS uses since 2016: a prefix and 17 hexadecimal digits, the first of which has always been 0.
#[derive(Debug)]
pub(crate) struct IdMaker {
    rng: Rng,
    next_host: u32,
}

impl IdMaker {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { rng, next_host: 0 }
    }

    pub(crate) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{:016x}", self.rng.u64(..))
    }

    pub(crate) fn uuid(&mut self) -> String {
        uuid(&mut self.rng)
    }

    /// The next free private address in the zone's subnet, `10.0.<16 x zone>.4` on: AWS keeps the first four for itself.
    pub(crate) fn private_address(&mut self, zone_index: usize) -> Ipv4Addr {
        let subnet = u32::try_from(zone_index % 16).unwrap_or(0) << 12;
        let host = 4 + self.next_host % 4000;
        self.next_host += 1;
        Ipv4Addr::from(0x0a00_0000 + subnet + host)
    }

    /// A public address of 203.0.113.0/24 or 198.51.100.0/24, which documentation may use and nobody owns.
    pub(crate) fn public_address(&mut self) -> Ipv4Addr {
        let host = self.rng.u8(1..255);
        if self.rng.bool() { Ipv4Addr::new(203, 0, 113, host) } else { Ipv4Addr::new(198, 51, 100, host) }
    }
}

/// A random UUID (version 4).
pub(crate) fn uuid(rng: &mut Rng) -> String {
    let (high, low) = (rng.u64(..), rng.u64(..));
    let low_group = low >> 48 & 0x3fff | 0x8000;
    format!(
        "{:08x}-{:04x}-4{:03x}-{low_group:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low & 0xffff_ffff_ffff
    )
}
