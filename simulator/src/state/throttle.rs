//! Token buckets: EC2 throttles each action by account and region, with published sizes.

use std::collections::BTreeMap;

use crate::time::RegionTime;

/// Size and refill of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BucketSize {
    pub(crate) size: f64,
    pub(crate) refill_per_second: f64,
}

/// Kinds of calls that AWS gives different buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    /// `Describe*`, filtered or paginated.
    Read,
    /// `Describe*` of the listed kinds without filter, ids or pages.
    UnfilteredRead,
    /// Most writes.
    Mutating,
    /// `CreateSnapshot(s)`, `CreateVolume`, `DeleteSnapshot`, `DeleteVolume`, `TerminateInstances`.
    LargeMutating,
    /// `CreateTags`, `DeleteTags`.
    Tagging,
    /// `RunInstances`, `StartInstances`.
    Launching,
}

impl Category {
    /// AWS's published numbers.
    pub(crate) const fn bucket(self) -> BucketSize {
        let (size, refill_per_second) = match self {
            Self::Read => (100.0, 20.0),
            Self::UnfilteredRead => (50.0, 10.0),
            Self::Mutating => (50.0, 5.0),
            Self::LargeMutating => (100.0, 5.0),
            Self::Tagging => (100.0, 10.0),
            Self::Launching => (5.0, 2.0),
        };
        BucketSize { size, refill_per_second }
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: RegionTime,
}

/// One bucket per action and kind.
#[derive(Debug, Default)]
pub(crate) struct Throttles {
    buckets: BTreeMap<(&'static str, bool), Bucket>,
}

impl Throttles {
    /// Takes a token; false means `RequestLimitExceeded`.
    pub(crate) fn take(&mut self, action: &'static str, category: Category, now: RegionTime) -> bool {
        let BucketSize { size, refill_per_second } = category.bucket();
        let unfiltered = category == Category::UnfilteredRead;
        let bucket = self.buckets.entry((action, unfiltered)).or_insert(Bucket { tokens: size, filled_at: now });
        let refill = now.since(bucket.filled_at).as_secs_f64() * refill_per_second;
        bucket.tokens = (bucket.tokens + refill).min(size);
        bucket.filled_at = bucket.filled_at.max(now);
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_refills_at_its_rate() {
        let mut throttles = Throttles::default();
        let mut take =
            |seconds| throttles.take("StartInstances", Category::Launching, RegionTime::from_seconds(seconds));
        assert_eq!((0..7).map(|_| take(10)).collect::<Vec<_>>(), [true, true, true, true, true, false, false]);
        assert_eq!((0..3).map(|_| take(11)).collect::<Vec<_>>(), [true, true, false]);
    }
}
