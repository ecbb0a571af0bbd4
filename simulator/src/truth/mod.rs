//! The ground truth: who wrote what when, what clients were promised, and where that data is now.
//!
//! Data is time: a service writes every moment at which it serves, so the content of a volume is the set of moments at which someone wrote
//! to it. A snapshot copies the set as it was; a restored volume begins with it. A moment was acknowledged if a client could see the service
//! then. A moment that was acknowledged and is on no volume any more is lost.

pub mod groups;
pub mod interval;
pub(crate) mod log;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::data_name::DataName;
use crate::model::scaling::hook::TimedOutHook;
use crate::time::RegionTime;
use crate::truth::groups::{GroupMember, GroupTruth, WaitingHook};
pub use crate::truth::interval::Interval;
use crate::truth::interval::TimeSet;
use crate::truth::log::TruthLog;
pub use crate::truth::log::{DeletedOnlyCopy, Segment, Write};

/// Two instances that wrote data of the same service at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TwoWriters {
    /// The service.
    pub service: String,
    /// The instances.
    pub writers: [String; 2],
    /// The volumes of the same data that they wrote, each its own; the same twice if both wrote one.
    pub volumes: [String; 2],
    /// When both wrote.
    pub interval: Interval,
}

/// Who serves a service's clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Serving {
    /// The instance.
    pub instance: String,
    /// Since when.
    pub since: RegionTime,
}

/// A volume or snapshot, for leak checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// `volume` or `snapshot`.
    pub kind: &'static str,
    /// As AWS names it.
    pub state: &'static str,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Size in GiB: a volume's own, or that of the volume that a snapshot is of.
    pub size_gib: u32,
    /// A volume's IOPS, where its type has them.
    pub iops: Option<u32>,
    /// The instance that a volume is attached to.
    pub attached_to: Option<String>,
    /// What data it holds.
    pub data: Option<DataName>,
}

/// What really happened, up to a moment.
#[derive(Debug, Clone)]
pub struct Truth {
    now: RegionTime,
    log: TruthLog,
    serving: BTreeMap<String, Serving>,
    resources: Vec<Resource>,
    groups: GroupTruth,
}

impl TruthLog {
    /// The truth at a moment: what is open is closed there.
    pub(crate) fn at(&self, now: RegionTime, resources: Vec<Resource>, groups: GroupTruth) -> Truth {
        let mut closed = self.clone();
        let serving = self
            .heard
            .iter()
            .map(|(service, (instance, from))| (service.clone(), Serving { instance: instance.clone(), since: *from }));
        let serving = serving.collect();
        closed.set_writers(&[], now);
        let services: Vec<(String, Option<String>)> =
            self.heard.keys().map(|service| (service.clone(), None)).collect();
        closed.set_heard(&services, now);
        Truth { now, log: closed, serving, resources, groups }
    }
}

impl Truth {
    /// The moment.
    pub fn now(&self) -> RegionTime {
        self.now
    }

    /// When, and by which instance, the service answered its clients.
    pub fn acknowledged(&self, service: &str) -> &[Segment] {
        self.log.acknowledged.get(service).map_or(&[], Vec::as_slice)
    }

    /// All stretches in which two instances wrote the same data, the one that began first named first; once for each pair of volumes. Must be
    /// empty, but for volumes that somebody restored for himself.
    ///
    /// Who serves writes all data of its service, so that two writers of a service show in each of its data.
    pub fn two_writers(&self) -> Vec<TwoWriters> {
        let mut writes: Vec<&Write> = self.log.writes.iter().collect();
        writes.sort_by_key(|write| write.segment.interval);
        let mut found = Vec::new();
        for (index, first) in writes.iter().enumerate() {
            // Sorted by their beginning: once one begins after this one's end, no later one overlaps it.
            let overlapping = |second: &&&Write| second.segment.interval.from < first.segment.interval.to;
            for second in writes.iter().skip(index + 1).take_while(overlapping) {
                let from = first.segment.interval.from.max(second.segment.interval.from);
                let to = first.segment.interval.to.min(second.segment.interval.to);
                if first.data == second.data && first.segment.writer != second.segment.writer && from < to {
                    found.push(TwoWriters {
                        service: first.data.service.clone(),
                        writers: [first.segment.writer.clone(), second.segment.writer.clone()],
                        volumes: [first.volume.clone(), second.volume.clone()],
                        interval: Interval { from, to },
                    });
                }
            }
        }
        found
    }

    /// Every stretch in which an instance wrote a volume, by its end: which of two volumes is the current one, and which a person restored beside
    /// it, is told by what has been written to each.
    pub fn writes(&self) -> &[Write] {
        &self.log.writes
    }

    /// Acknowledged time that is not on the given volumes (or snapshots), per service that they hold data of. A service with several
    /// volumes has lost a moment as soon as one of them lacks it.
    pub fn lost_intervals(&self, volume_ids: &[&str]) -> Vec<Interval> {
        let mut by_data: BTreeMap<&DataName, TimeSet> = BTreeMap::new();
        for id in volume_ids {
            if let Some(content) = self.log.contents.get(*id) {
                let held = by_data.entry(&content.data).or_default();
                *held = held.union(&content.moments());
            }
        }
        let mut lost = TimeSet::default();
        for (data, held) in by_data {
            let promised =
                TimeSet::from_intervals(self.acknowledged(&data.service).iter().map(|segment| segment.interval));
            lost = lost.union(&promised.minus(&held));
        }
        lost.into_vec()
    }

    /// [`Self::lost_intervals`], in seconds.
    pub fn lost_seconds(&self, volume_ids: &[&str]) -> f64 {
        // Not `sum()`: the sum of no floats is -0.0.
        self.lost_intervals(volume_ids).iter().map(Interval::seconds).fold(0.0, |all, seconds| all + seconds)
    }

    /// What a volume or snapshot holds.
    pub fn content(&self, resource: &str) -> &[Segment] {
        self.log.contents.get(resource).map_or(&[], |content| content.segments.as_slice())
    }

    /// Which instance serves each service's clients now, and since when; a service that is missing is down.
    pub fn serving(&self) -> &BTreeMap<String, Serving> {
        &self.serving
    }

    /// Per service that has ever been served: the gaps since.
    pub fn downtime(&self) -> BTreeMap<String, Vec<Interval>> {
        let gaps = |segments: &Vec<Segment>| {
            let served = TimeSet::from_intervals(segments.iter().map(|segment| segment.interval));
            let first = segments.iter().map(|segment| segment.interval.from).min().unwrap_or(self.now);
            TimeSet::from_intervals([Interval { from: first, to: self.now }]).minus(&served).into_vec()
        };
        self.log.acknowledged.iter().map(|(service, segments)| (service.clone(), gaps(segments))).collect()
    }

    /// Deletions of data that was nowhere else.
    pub fn deleted_only_copy(&self) -> &[DeletedOnlyCopy] {
        &self.log.deleted_only_copy
    }

    /// All volumes and snapshots that exist.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The truth as people read it.
    pub fn readable(&self) -> serde_json::Value {
        let there = self.log.contents.iter().filter(|(_, content)| !content.deleted);
        let contents: BTreeMap<&String, &Vec<Segment>> = there.map(|(id, content)| (id, &content.segments)).collect();
        serde_json::json!({
            "now_seconds": self.now.seconds(),
            "serving": self.serving,
            "acknowledged": self.log.acknowledged,
            "contents": contents,
            "downtime": self.downtime(),
            "two_writers": self.two_writers(),
            "deleted_only_copy": self.log.deleted_only_copy,
            "groups": self.groups,
        })
    }
}

impl Truth {
    /// The members of every group, oldest first.
    pub fn groups(&self) -> &BTreeMap<String, Vec<GroupMember>> {
        &self.groups.members
    }

    /// Actions that wait for their end, oldest first. How long: [`Truth::now`] less their beginning.
    pub fn waiting_hooks(&self) -> &[WaitingHook] {
        &self.groups.waiting_hooks
    }

    /// Actions that ended because nobody ended them in time.
    pub fn timed_out_hooks(&self) -> &[TimedOutHook] {
        &self.groups.timed_out_hooks
    }
}
