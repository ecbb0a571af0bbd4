//! Draws a story from a seed: first what there is, then what happens.

use fastrand::Rng;

use super::incident::{Incident, Mishap, What};
use super::story::Story;
use crate::injected::{Crash, InjectedFaults};
use crate::layout::{Agents, Group, Layout, Standby};
use crate::people::Deed;

/// Apart from the seeds of the region, of its weather and of the SDK's jitter.
const STREAM: u64 = 0x7377_6172_6d21_2121;

/// What a spec says of copies and fences, and what else there is of it with agents and without: TOML has each table once.
macro_rules! specs {
    ($($data:literal),* $(,)?) => {
        (
            [$(concat!("[limits]\ncooldown_seconds = 0\nfailovers_per_day = 100\n", $data)),*],
            [$(concat!("[limits]\ncooldown_seconds = 0\nfailovers_per_day = 100\n", $data, "[agent]\nunits = [\"sample.service\"]\n")),*],
        )
    };
}

const SPECS: ([&str; 6], [&str; 6]) = specs![
    "",
    "[data]\nsnapshot_every_seconds = 60\nkeep_snapshots = 1\n",
    "[data]\nsnapshot_every_seconds = 120\nkeep_superseded_seconds = 60\nmax_loss_seconds = 600\n",
    "[fence]\nwhen_unconfirmed = \"proceed\"\nconfirm_within_seconds = 60\n[data]\nsnapshot_every_seconds = 60\nmax_loss_seconds = 900\nkeep_snapshots = 2\n",
    "[fence]\nwhen_unconfirmed = \"proceed\"\nconfirm_within_seconds = 90\n[data]\nsnapshot_every_seconds = 180\nmax_loss_seconds = 120\n",
    "[fence]\nstop_grace_seconds = 20\n[data]\nkeep_superseded_seconds = 0\nkeep_snapshots = 1\n",
];

const STANDBYS: [&[(char, bool)]; 6] = [
    &[('b', true)],
    &[('b', false)],
    &[('a', true)],
    &[('a', true), ('b', true)],
    &[('b', true), ('c', false)],
    &[('b', true), ('c', true)],
];

const ZONES: [&[char]; 4] = [&['a', 'b'], &['b'], &['a'], &['a', 'b', 'c']];

const VOLUMES: [&[&str]; 3] = [&["data"], &["data", "log"], &["data", "log"]];

/// What may happen anywhere, each as often as it stands here.
const ANYWHERE: &[What] = &[
    What::Deed(Deed::BackUp),
    What::Deed(Deed::BackUp),
    What::Deed(Deed::BackUp),
    What::Deed(Deed::Restore),
    What::Deed(Deed::Restore),
    What::Deed(Deed::Inspect),
    What::Deed(Deed::InspectHere),
    What::Deed(Deed::UntagAddress),
    What::Deed(Deed::Enlarge),
    What::Deed(Deed::RaiseIops),
    What::Deed(Deed::DeleteSnapshot),
    What::Deed(Deed::DeleteVolume),
    What::Deed(Deed::UntagSnapshot),
    What::Deed(Deed::UntagVolume),
    What::Deed(Deed::UntagInstance),
    What::Deed(Deed::TagBackup),
    What::Deed(Deed::Stop),
    What::Deed(Deed::Stop),
    What::Deed(Deed::Start),
    What::Deed(Deed::Terminate),
    What::Deed(Deed::ProtectFromStop),
    What::Deed(Deed::AllowStop),
    What::Mishap(Mishap::HostFails),
    What::Mishap(Mishap::HostFailsForEver),
    What::Mishap(Mishap::NetworkFails),
    What::Mishap(Mishap::ShutdownIgnored),
    What::Mishap(Mishap::DiskFails),
    What::Mishap(Mishap::Healed),
    What::Mishap(Mishap::ZoneDown),
    What::Mishap(Mishap::ZoneUp),
    What::Mishap(Mishap::NoCapacity),
    What::Mishap(Mishap::SnapshotFails),
    What::Mishap(Mishap::VolumeFails),
    What::Mishap(Mishap::KeyFails),
    What::Mishap(Mishap::KeyDisabled),
    What::Mishap(Mishap::Throttled),
    What::Mishap(Mishap::AnswerLost),
    What::Mishap(Mishap::AnswerLost),
    What::Mishap(Mishap::Alarm),
    What::Mishap(Mishap::SpotInterruption),
    What::Drill,
    What::Drill,
    What::Move,
    What::AcceptLoss,
];

/// What happens to a group beside that.
const TO_A_GROUP: &[What] = &[
    What::Mishap(Mishap::GroupTerminates),
    What::Mishap(Mishap::GroupTerminates),
    What::Mishap(Mishap::GroupRefreshes),
    What::Mishap(Mishap::GroupRebalances),
    What::Mishap(Mishap::LaunchSuspended),
    What::Mishap(Mishap::LaunchResumed),
    What::Mishap(Mishap::LaunchFails),
];

/// What mostly passes again.
const PASSES: [(Mishap, Mishap); 3] = [
    (Mishap::ZoneDown, Mishap::ZoneUp),
    (Mishap::LaunchSuspended, Mishap::LaunchResumed),
    (Mishap::KeyDisabled, Mishap::KeyEnabled),
];

/// At most so many things happen, beside those that pass again.
const MOST_INCIDENTS: usize = 12;

/// The story of a seed.
pub fn story(seed: u64) -> Story {
    let mut random = Rng::with_seed(seed ^ STREAM);
    let layout = layout(&mut random);
    let faults = faults(&mut random);
    let incidents = incidents(&mut random, &layout);
    Story { seed, layout, faults, incidents }
}

fn one<T: Copy>(random: &mut Rng, of: &[T]) -> T {
    of[random.usize(..of.len())]
}

fn layout(random: &mut Rng) -> Layout {
    let agents = if random.u8(..10) < 3 { Agents::Good } else { Agents::None };
    let specs = if agents == Agents::None { &SPECS.0 } else { &SPECS.1 };
    let (volumes, spec) = (one(random, &VOLUMES), one(random, specs));
    if random.bool() {
        let (standbys, encrypted) = (one(random, &STANDBYS), random.bool());
        return Layout::Standby(Standby { standbys, volumes, encrypted, confirm_seconds: 20, agents, spec });
    }
    let maintenance = (random.u8(..4) == 0).then_some([100, 200]);
    let (zones, hooks) = (one(random, &ZONES), random.u8(..5) > 0);
    Layout::Group(Group { zones, first: true, volumes, hooks, maintenance, tagged: true, agents, spec })
}

fn faults(random: &mut Rng) -> InjectedFaults {
    let crash = (random.u8(..4) == 0).then(|| {
        let call = random.u64(1..800);
        if random.bool() { Crash::Before(call) } else { Crash::After(call) }
    });
    InjectedFaults {
        crash,
        double_calls: false,
        double_events: random.u8(..8) == 0,
        two_controllers: random.u8(..5) == 0,
        background: random.bool(),
        skewed_clocks: random.u8(..5) == 0,
        breakage: None,
    }
}

fn incidents(random: &mut Rng, layout: &Layout) -> Vec<Incident> {
    let mut possible = ANYWHERE.to_vec();
    if matches!(layout, Layout::Group(_)) {
        possible.extend_from_slice(TO_A_GROUP);
    }
    // Each story has its own few kinds: what happens often together would otherwise never do.
    random.shuffle(&mut possible);
    possible.truncate(random.usize(3..=possible.len()));
    let mut at_seconds = random.u64(20..400);
    let mut all = Vec::new();
    for _ in 0..random.usize(1..=MOST_INCIDENTS) {
        let (what, pick) = (one(random, &possible), random.usize(..1 << 16));
        all.push(Incident { at_seconds, what, pick });
        let back = PASSES.iter().find(|(mishap, _)| what == What::Mishap(*mishap)).map(|(_, back)| *back);
        if let Some(back) = back.filter(|_| random.u8(..4) > 0) {
            let at_seconds = at_seconds + random.u64(60..900);
            all.push(Incident { at_seconds, what: What::Mishap(back), pick });
        }
        at_seconds += if random.u8(..3) > 0 { random.u64(1..45) } else { random.u64(45..400) };
    }
    all.sort_by_key(|incident| incident.at_seconds);
    all
}
