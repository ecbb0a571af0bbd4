//! The running record from which the truth is drawn: who writes what since when, whom clients hear, what each volume and snapshot holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::data_name::DataName;
use crate::time::RegionTime;
use crate::truth::interval::{Interval, TimeSet};

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
pub(super) struct VolumeContent {
    pub(super) data: DataName,
    pub(super) segments: Vec<Segment>,
    /// A completed snapshot, or a volume: something that a restore or an attach can use.
    pub(super) usable: bool,
    pub(super) deleted: bool,
}

impl VolumeContent {
    pub(crate) fn moments(&self) -> TimeSet {
        TimeSet::from_intervals(self.segments.iter().map(|segment| segment.interval))
    }
}

/// A stretch in which one instance wrote one volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Write {
    /// The volume.
    pub volume: String,
    /// What data it holds.
    pub data: DataName,
    /// By which instance, and when.
    #[serde(flatten)]
    pub segment: Segment,
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

/// The running record from which [`Truth`] is drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct TruthLog {
    names: BTreeMap<String, BTreeSet<String>>,
    pub(super) contents: BTreeMap<String, VolumeContent>,
    /// Who writes each volume now, and since when.
    writing: BTreeMap<(String, String), RegionTime>,
    pub(super) writes: Vec<Write>,
    /// Per service: who serves clients now.
    pub(super) heard: BTreeMap<String, (String, RegionTime)>,
    pub(super) acknowledged: BTreeMap<String, Vec<Segment>>,
    pub(super) deleted_only_copy: Vec<DeletedOnlyCopy>,
}

impl TruthLog {
    /// A volume that holds a service's data from the start.
    pub(crate) fn register(&mut self, volume_id: &str, data: DataName) {
        self.names.entry(data.service.clone()).or_default().insert(data.volume_name.clone());
        self.contents
            .insert(volume_id.to_owned(), VolumeContent { data, segments: Vec::new(), usable: true, deleted: false });
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
        self.writes.push(Write { volume: volume.to_owned(), data: content.data.clone(), segment });
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
        self.contents.insert(to.to_owned(), VolumeContent { data, segments, usable, deleted: false });
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
}
