//! The ground truth: who wrote what when, what clients were promised, and where that data is now.
//!
//! Data is time: a service writes every moment at which it serves, so the content of a volume is the set of moments at which someone wrote
//! to it. A snapshot copies the set as it was; a restored volume begins with it. A moment was acknowledged if a client could see the service
//! then. A moment that was acknowledged and is on no volume any more is lost.

pub mod groups;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use crate::intervals::Interval;
use crate::intervals::TimeSet;
use crate::setup::DataName;
use crate::time::RegionTime;
use crate::truth::groups::GroupTruth;

/// Moments that one instance wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// The instance.
    pub writer: String,
    /// When.
    #[serde(flatten)]
    pub interval: Interval,
}

/// What a volume or snapshot holds.
#[derive(Debug, Clone)]
struct Content {
    data: DataName,
    segments: Vec<Segment>,
    /// A completed snapshot, or a volume: something that a restore or an attach can use.
    usable: bool,
    deleted: bool,
}

impl Content {
    fn moments(&self) -> TimeSet {
        TimeSet::from_intervals(self.segments.iter().map(|segment| segment.interval))
    }
}

/// A stretch in which one instance wrote one volume.
#[derive(Debug, Clone)]
struct Write {
    data: DataName,
    segment: Segment,
}

/// Two instances that wrote data of the same service at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TwoWriters {
    /// The service.
    pub service: String,
    /// The instances.
    pub writers: [String; 2],
    /// When both wrote.
    pub interval: Interval,
}

/// A deletion of acknowledged data that no other usable volume or snapshot held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeletedOnlyCopy {
    /// The volume or snapshot.
    pub resource: String,
    /// The service.
    pub service: String,
    /// When it was deleted.
    pub at: RegionTime,
    /// Acknowledged time that is gone.
    pub intervals: Vec<Interval>,
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
    /// The instance that a volume is attached to.
    pub attached_to: Option<String>,
    /// What data it holds.
    pub data: Option<DataName>,
}

/// The running record from which [`Truth`] is drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct TruthLog {
    names: BTreeMap<String, BTreeSet<String>>,
    contents: BTreeMap<String, Content>,
    /// Who writes each volume now, and since when.
    writing: BTreeMap<(String, String), RegionTime>,
    writes: Vec<Write>,
    /// Per service: who serves clients now.
    heard: BTreeMap<String, (String, RegionTime)>,
    acknowledged: BTreeMap<String, Vec<Segment>>,
    deleted_only_copy: Vec<DeletedOnlyCopy>,
}

impl TruthLog {
    /// A volume that holds a service's data from the start.
    pub(crate) fn register(&mut self, volume_id: &str, data: DataName) {
        self.names.entry(data.service.clone()).or_default().insert(data.volume_name.clone());
        self.contents
            .insert(volume_id.to_owned(), Content { data, segments: Vec::new(), usable: true, deleted: false });
    }

    pub(crate) fn data_of(&self, resource: &str) -> Option<&DataName> {
        self.contents.get(resource).map(|content| &content.data)
    }

    pub(crate) fn volume_names(&self, service: &str) -> Option<&BTreeSet<String>> {
        self.names.get(service)
    }

    /// From now on exactly these pairs of volume and instance write.
    pub(crate) fn set_writers(&mut self, writing: &[(String, String)], at: RegionTime) {
        let go_on: BTreeSet<&(String, String)> = writing.iter().collect();
        let ended: Vec<(String, String)> = self.writing.keys().filter(|pair| !go_on.contains(pair)).cloned().collect();
        for pair in ended {
            if let Some(from) = self.writing.remove(&pair) {
                self.add_write(&pair.0, &pair.1, from, at);
            }
        }
        for pair in writing {
            if !self.writing.contains_key(pair) {
                self.writing.insert(pair.clone(), at);
            }
        }
    }

    fn add_write(&mut self, volume: &str, writer: &str, from: RegionTime, to: RegionTime) {
        if from >= to {
            return;
        }
        let Some(content) = self.contents.get_mut(volume) else { return };
        let segment = Segment { writer: writer.to_owned(), interval: Interval { from, to } };
        content.segments.push(segment.clone());
        self.writes.push(Write { data: content.data.clone(), segment });
    }

    /// From now on these instances serve the services' clients.
    pub(crate) fn set_heard(&mut self, heard: &[(String, Option<String>)], at: RegionTime) {
        for (service, server) in heard {
            let now_serving = self.heard.get(service).map(|(instance, _)| instance.as_str());
            if now_serving == server.as_deref() {
                continue;
            }
            if let Some((writer, from)) = self.heard.remove(service).filter(|(_, from)| *from < at) {
                let segment = Segment { writer, interval: Interval { from, to: at } };
                self.acknowledged.entry(service.clone()).or_default().push(segment);
            }
            if let Some(server) = server {
                self.heard.insert(service.clone(), (server.clone(), at));
            }
        }
    }

    /// The content of a volume or snapshot at a moment, with what is being written.
    fn segments_at(&self, resource: &str, at: RegionTime) -> Vec<Segment> {
        let Some(content) = self.contents.get(resource) else { return Vec::new() };
        let open =
            self.writing.iter().filter(|((volume, _), from)| volume == resource && **from < at).map(
                |((_, writer), from)| Segment { writer: writer.clone(), interval: Interval { from: *from, to: at } },
            );
        content.segments.iter().cloned().chain(open).collect()
    }

    pub(crate) fn copy_to_snapshot(&mut self, volume: &str, snapshot: &str, at: RegionTime) {
        self.copy(volume, snapshot, at, false);
    }

    pub(crate) fn restore(&mut self, snapshot: &str, volume: &str) {
        self.copy(snapshot, volume, RegionTime::START, true);
    }

    fn copy(&mut self, from: &str, to: &str, at: RegionTime, usable: bool) {
        let Some(data) = self.data_of(from).cloned() else { return };
        let segments = self.segments_at(from, at);
        self.contents.insert(to.to_owned(), Content { data, segments, usable, deleted: false });
    }

    pub(crate) fn snapshot_completed(&mut self, snapshot: &str) {
        if let Some(content) = self.contents.get_mut(snapshot) {
            content.usable = true;
        }
    }

    pub(crate) fn snapshot_failed(&mut self, snapshot: &str) {
        if let Some(content) = self.contents.get_mut(snapshot) {
            content.usable = false;
            content.segments.clear();
        }
    }

    /// How many seconds were written to a volume within a stretch.
    pub(crate) fn written_seconds(&self, volume: &str, from: RegionTime, to: RegionTime) -> f64 {
        let window = TimeSet::from_intervals([Interval { from, to }]);
        let written = TimeSet::from_intervals(self.segments_at(volume, to).into_iter().map(|segment| segment.interval));
        written.intersect(&window).seconds()
    }

    fn acknowledged_until(&self, service: &str, at: RegionTime) -> Vec<Segment> {
        let open = self
            .heard
            .get(service)
            .filter(|(_, from)| *from < at)
            .map(|(writer, from)| Segment { writer: writer.clone(), interval: Interval { from: *from, to: at } });
        self.acknowledged.get(service).into_iter().flatten().cloned().chain(open).collect()
    }

    /// A volume or snapshot is deleted: is what it held anywhere else?
    pub(crate) fn note_deletion(&mut self, resource: &str, at: RegionTime) {
        let Some(content) = self.contents.get_mut(resource).filter(|content| !content.deleted) else { return };
        content.deleted = true;
        let (data, held, usable) = (content.data.clone(), content.moments(), content.usable);
        if !usable {
            return;
        }
        let others = self.contents.values().filter(|other| other.usable && !other.deleted && other.data == data);
        let elsewhere = others.fold(TimeSet::default(), |all, other| all.union(&other.moments()));
        let open = self.writing.keys().filter(|(volume, _)| volume != resource && self.data_of(volume) == Some(&data));
        let being_written = TimeSet::from_intervals(
            open.flat_map(|(volume, _)| self.segments_at(volume, at)).map(|segment| segment.interval),
        );
        let acknowledged = TimeSet::from_intervals(
            self.acknowledged_until(&data.service, at).into_iter().map(|segment| segment.interval),
        );
        let gone = acknowledged.intersect(&held).minus(&elsewhere.union(&being_written));
        if !gone.is_empty() {
            let (resource, service) = (resource.to_owned(), data.service);
            self.deleted_only_copy.push(DeletedOnlyCopy { resource, service, at, intervals: gone.into_vec() });
        }
    }

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

/// What really happened, up to a moment.
#[derive(Debug, Clone)]
pub struct Truth {
    now: RegionTime,
    log: TruthLog,
    serving: BTreeMap<String, Serving>,
    resources: Vec<Resource>,
    groups: GroupTruth,
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

    /// All stretches in which two instances wrote data of one service, the one that began first named first. Must be empty.
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
                let same_service = first.data.service == second.data.service;
                if same_service && first.segment.writer != second.segment.writer && from < to {
                    let pair = [first.segment.writer.clone(), second.segment.writer.clone()];
                    let both = TwoWriters {
                        service: first.data.service.clone(),
                        writers: pair,
                        interval: Interval { from, to },
                    };
                    // A service with several volumes shows the same stretch once per pair of them.
                    if !found.contains(&both) {
                        found.push(both);
                    }
                }
            }
        }
        found
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
