//! Shortens a story that goes wrong, as long as it breaks the same rules: fewer incidents, then less that is unusual.

use std::collections::BTreeSet;
use std::io;

use super::story::Story;
use crate::injected::InjectedFaults;
use crate::layout::{Agents, Group, Layout, Standby};

/// The shortest story that goes wrong by the same rule; itself, if it goes well.
pub fn shortest(story: &Story) -> io::Result<Story> {
    let broken = rules(story)?;
    let mut shortest = story.clone();
    if broken.is_empty() {
        return Ok(shortest);
    }
    while let Some(shorter) = first_that_fails(shorter(&shortest), &broken)? {
        shortest = shorter;
    }
    Ok(shortest)
}

fn first_that_fails(stories: Vec<Story>, broken: &BTreeSet<&'static str>) -> io::Result<Option<Story>> {
    for story in stories {
        if rules(&story)?.is_superset(broken) {
            return Ok(Some(story));
        }
    }
    Ok(None)
}

/// The rules that a story breaks.
fn rules(story: &Story) -> io::Result<BTreeSet<&'static str>> {
    Ok(story.play()?.findings.into_iter().map(|finding| finding.rule).collect())
}

/// Stories that have less than this one, those that have much less first.
fn shorter(story: &Story) -> Vec<Story> {
    let mut all = Vec::new();
    let mut size = story.incidents.len() / 2;
    while size > 0 {
        for from in (0..story.incidents.len()).step_by(size) {
            let mut shorter = story.clone();
            shorter.incidents.drain(from..(from + size).min(story.incidents.len()));
            all.push(shorter);
        }
        size /= 2;
    }
    let faults = story.faults;
    let calmer = [
        InjectedFaults { crash: None, ..faults },
        InjectedFaults { background: false, ..faults },
        InjectedFaults { skewed_clocks: false, ..faults },
        InjectedFaults { two_controllers: false, ..faults },
        InjectedFaults { double_events: false, ..faults },
    ];
    let calmer = calmer.into_iter().filter(|it| *it != faults);
    all.extend(calmer.map(|faults| Story { faults, ..story.clone() }));
    let simpler = simpler(story.layout).into_iter().filter(|it| *it != story.layout);
    all.extend(simpler.map(|layout| Story { layout, ..story.clone() }));
    all
}

fn simpler(layout: Layout) -> Vec<Layout> {
    match layout {
        Layout::Standby(standby) => {
            let fewer = standby.standbys.get(..1).unwrap_or_default();
            let volumes = standby.volumes.get(..1).unwrap_or_default();
            vec![
                Layout::Standby(Standby { standbys: fewer, ..standby }),
                Layout::Standby(Standby { volumes, ..standby }),
                Layout::Standby(Standby { agents: Agents::None, ..standby }),
            ]
        }
        Layout::Group(group) => {
            let volumes = group.volumes.get(..1).unwrap_or_default();
            vec![
                Layout::Group(Group { volumes, ..group }),
                Layout::Group(Group { agents: Agents::None, ..group }),
                Layout::Group(Group { maintenance: None, ..group }),
            ]
        }
    }
}
