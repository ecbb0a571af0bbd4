//! Two writers, by their volumes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn data(volume_name: &str) -> DataName {
    DataName { service: "db".to_owned(), volume_name: volume_name.to_owned() }
}

fn interval(from: u64, to: u64) -> Interval {
    Interval { from: RegionTime::from_seconds(from), to: RegionTime::from_seconds(to) }
}

/// From when on exactly these write: volume and instance.
fn writing(log: &mut TruthLog, pairs: &[(&str, &str)], from: u64) {
    let pairs: Vec<_> = pairs.iter().map(|(volume, writer)| ((*volume).to_owned(), (*writer).to_owned())).collect();
    log.set_writers(&pairs, RegionTime::from_seconds(from));
}

fn truth(log: &TruthLog, now: u64) -> Truth {
    log.at(RegionTime::from_seconds(now), Vec::new(), GroupTruth::default())
}

#[test]
fn two_writers_show_with_the_volumes_of_the_same_data() {
    let mut log = TruthLog::default();
    for (volume, name) in [("vol-1", "data"), ("vol-2", "wal"), ("vol-3", "data"), ("vol-4", "wal")] {
        log.register(volume, data(name));
    }
    let first = [("vol-1", "i-1"), ("vol-2", "i-1")];
    writing(&mut log, &first, 10);
    assert!(truth(&log, 20).two_writers().is_empty(), "one instance is no two");
    writing(&mut log, &[&first[..], &[("vol-3", "i-2"), ("vol-4", "i-2")]].concat(), 20);
    writing(&mut log, &[("vol-3", "i-2"), ("vol-4", "i-2")], 25);
    let truth = truth(&log, 30);
    let both = |volumes: [&str; 2]| TwoWriters {
        service: "db".to_owned(),
        writers: ["i-1".to_owned(), "i-2".to_owned()],
        volumes: volumes.map(str::to_owned),
        interval: interval(20, 25),
    };
    assert_eq!(truth.two_writers(), [both(["vol-1", "vol-3"]), both(["vol-2", "vol-4"])]);
    let written: Vec<_> = truth.writes().iter().map(|write| (write.volume.as_str(), write.segment.interval)).collect();
    let (early, late) = (interval(10, 25), interval(20, 30));
    assert_eq!(written, [("vol-1", early), ("vol-2", early), ("vol-3", late), ("vol-4", late)]);
}

#[test]
fn one_volume_that_two_wrote_is_named_twice() {
    let mut log = TruthLog::default();
    log.register("vol-1", data("data"));
    writing(&mut log, &[("vol-1", "i-1"), ("vol-1", "i-2")], 10);
    let two = truth(&log, 20).two_writers();
    assert_eq!(two.len(), 1, "{two:?}");
    assert_eq!((&two[0].volumes, two[0].interval), (&["vol-1".to_owned(), "vol-1".to_owned()], interval(10, 20)));
}
