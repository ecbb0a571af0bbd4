//! A machine made of memory: what it mounts and runs outlives the agent's process, and is gone after a reboot. It can fail, hang, and kill
//! the agent before or after any of its effects.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use failover_agent::disk::DataVolume;
use failover_agent::machine::{Context, Machine, Trouble};
use failover_core::spec::Ready;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// How long each effect takes.
const EFFECT: Duration = Duration::from_millis(300);

/// What goes wrong.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each goes wrong or not, with any of the others")]
pub(crate) struct Faults {
    /// Units that don't start.
    pub(crate) unit_fails: BTreeSet<String>,
    /// Readiness never comes.
    pub(crate) never_ready: bool,
    /// Unmounting finds the volume busy.
    pub(crate) busy: bool,
    /// Unmounting does not return.
    pub(crate) unmount_hangs: bool,
    /// A container has the volume mounted at a path of its own.
    pub(crate) held_elsewhere: bool,
    /// The agent is killed at this point: twice the number of the effect before it, one more after it.
    pub(crate) crash_at: Option<usize>,
}

/// The state of one machine.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) mounted: BTreeMap<PathBuf, (String, u64)>,
    pub(crate) running: BTreeSet<String>,
    /// What was done, in order.
    pub(crate) effects: Vec<String>,
    pub(crate) faults: Faults,
    /// When the service last began and last ceased to run here.
    pub(crate) up_since: Option<Instant>,
    pub(crate) down_since: Option<Instant>,
    points: usize,
    crashed: bool,
}

impl State {
    /// Whether anything here could write to the data or answer a client.
    pub(crate) fn is_up(&self) -> bool {
        !self.running.is_empty() || !self.mounted.is_empty()
    }
}

/// Everybody's machines, and what was seen of two that serve at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Floor(Rc<RefCell<BTreeMap<String, Rc<RefCell<State>>>>>);

impl Floor {
    /// The machine of an instance.
    pub(crate) fn machine(&self, instance: &str) -> Bench {
        let state = Rc::clone(self.0.borrow_mut().entry(instance.to_owned()).or_default());
        Bench { state, floor: self.clone(), crash: Rc::new(Notify::new()) }
    }

    /// Who has units or mounts.
    pub(crate) fn up(&self) -> Vec<String> {
        self.0.borrow().iter().filter(|(_, state)| state.borrow().is_up()).map(|(id, _)| id.clone()).collect()
    }
}

/// One machine, as one process of the agent sees it.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    pub(crate) state: Rc<RefCell<State>>,
    floor: Floor,
    pub(crate) crash: Rc<Notify>,
}

impl Bench {
    /// The power goes and comes back.
    pub(crate) fn reboot(&self) {
        let mut state = self.state.borrow_mut();
        state.mounted.clear();
        state.running.clear();
        state.effects.push("reboot".to_owned());
    }

    pub(crate) fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state.borrow_mut().faults);
    }

    pub(crate) fn effects(&self) -> Vec<String> {
        self.state.borrow().effects.clone()
    }

    /// How many points there were at which the agent could have been killed.
    pub(crate) fn points(&self) -> usize {
        self.state.borrow().points
    }

    /// Whether the agent was killed here.
    pub(crate) fn was_killed(&self) -> bool {
        self.state.borrow().crashed
    }

    async fn point(&self) {
        let dies = {
            let mut state = self.state.borrow_mut();
            let dies = state.faults.crash_at == Some(state.points) && !state.crashed;
            state.points += 1;
            state.crashed |= dies;
            dies
        };
        if dies {
            self.crash.notify_one();
            std::future::pending::<()>().await;
        }
    }

    async fn effect(&self, name: String, apply: impl FnOnce(&mut State) -> Result<(), String>) -> Result<(), Trouble> {
        self.point().await;
        sleep(EFFECT).await;
        let result = {
            let mut state = self.state.borrow_mut();
            state.effects.push(name.clone());
            let was_up = state.is_up();
            let result = apply(&mut state);
            if was_up != state.is_up() {
                *(if was_up { &mut state.down_since } else { &mut state.up_since }) = Some(Instant::now());
            }
            result
        };
        let up = self.floor.up();
        assert!(up.len() < 2, "{up:?} serve at once, after {name}");
        self.point().await;
        result.map_err(|why| Trouble::new(name, why))
    }
}

impl Machine for Bench {
    async fn mount(&self, volume: &DataVolume, _: Duration) -> Result<Vec<String>, Trouble> {
        let (mount, id, epoch) = (volume.mount.clone(), volume.volume_id.to_string(), volume.epoch);
        let name = format!("mount {}", mount.display());
        self.effect(name, |state| {
            state.mounted.insert(mount, (id, epoch));
            Ok(())
        })
        .await?;
        Ok(Vec::new())
    }

    async fn unmount(&self, mount: &Path, _: Duration) -> Result<(), Trouble> {
        if self.state.borrow().faults.unmount_hangs {
            std::future::pending::<()>().await;
        }
        self.effect(format!("unmount {}", mount.display()), |state| {
            if state.faults.busy && state.mounted.contains_key(mount) {
                return Err("target is busy: postgres[42] has files open".to_owned());
            }
            state.mounted.remove(mount);
            Ok(())
        })
        .await
    }

    async fn released(&self, _: &DataVolume) -> Result<(), Trouble> {
        let held = self.state.borrow().faults.held_elsewhere;
        if held { Err(Trouble::new("letting go", "a container has it mounted")) } else { Ok(()) }
    }

    async fn start_unit(&self, unit: &str, _: Duration) -> Result<(), Trouble> {
        self.effect(format!("start {unit}"), |state| {
            if state.faults.unit_fails.contains(unit) {
                return Err("exit status: 1: see journalctl -xe".to_owned());
            }
            state.running.insert(unit.to_owned());
            Ok(())
        })
        .await
    }

    async fn stop_unit(&self, unit: &str, _: Duration) -> Result<(), Trouble> {
        self.effect(format!("stop {unit}"), |state| {
            state.running.remove(unit);
            Ok(())
        })
        .await
    }

    async fn run(&self, command: &str, context: &Context, _: Duration) -> Result<(), Trouble> {
        self.effect(format!("run {command} epoch {:?}", context.epoch), |_| Ok(())).await
    }

    async fn probe(&self, _: &Ready, _: Duration) -> Result<(), Trouble> {
        sleep(EFFECT).await;
        if self.state.borrow().faults.never_ready {
            return Err(Trouble::new("readiness", "connection refused"));
        }
        Ok(())
    }

    async fn reset(&self) -> Result<(), Trouble> {
        self.reboot();
        self.state.borrow_mut().faults = Faults::default();
        self.crash.notify_one();
        std::future::pending().await
    }
}
