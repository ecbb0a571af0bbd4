//! When a story is over: a failover is done, or nothing has moved for long enough, and it stays so for a while.

use std::time::Duration;

use failover_core::ledger::{FenceState, Ledger};
use tokio::time::Instant;

use crate::scenario::Expect;

/// What stands still for so long after the last thing that happened is taken for the end, where standing still is expected.
const STILL_IS_THE_END_AFTER: Duration = Duration::from_mins(6);
/// The same where it is not: a halted failover goes on when the world lets it.
const STILL_IS_GIVEN_UP_AFTER: Duration = Duration::from_mins(30);
/// After a failover, maintenance gets a few ticks to set aside what was left behind.
const AFTERMATH: Duration = Duration::from_secs(130);

/// Whether all stays as it is.
#[derive(Debug, Default)]
pub(super) struct Settled(Option<(Instant, Rest)>);

/// What must stay the same for a while before a scenario counts as over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    epoch: u64,
    halted: Option<String>,
    fenced: bool,
    superseded: usize,
}

impl Settled {
    /// How the service rests now, if it does. Tells whether it has rested so for long enough.
    pub(super) fn is_reached(&mut self, rest: Option<Rest>) -> bool {
        match (rest, &self.0) {
            (Some(now), Some((since, then))) if now == *then => since.elapsed() >= AFTERMATH,
            (Some(now), _) => {
                self.0 = Some((Instant::now(), now));
                false
            }
            (None, _) => {
                self.0 = None;
                false
            }
        }
    }
}

/// How the service rests, `elapsed` after the start, the script's last act being at `last_act`. None: something is under way.
pub(super) fn rest(ledger: Option<Ledger>, expect: Expect, elapsed: Duration, last_act: Duration) -> Option<Rest> {
    let patience = match expect {
        Expect::Halted(_)
        | Expect::Refused(_)
        | Expect::StandsStill(_)
        | Expect::Untouched
        | Expect::Bootstrapped
        | Expect::Anything => STILL_IS_THE_END_AFTER,
        Expect::DoneIn(_) | Expect::DoneWithLoss { .. } | Expect::Done | Expect::DrillIn(_) | Expect::Drill => {
            STILL_IS_GIVEN_UP_AFTER
        }
    };
    let quiet = elapsed >= last_act + patience;
    // A group is adopted with its first instance.
    let Some(ledger) = ledger else { return quiet.then(Rest::default) };
    let halted = ledger.failover.as_ref().map(|failover| failover.halted.as_ref().map(|halted| halted.reason.clone()));
    let rests = match &halted {
        // It works.
        Some(None) => false,
        // One is done: what the script has left to do may begin another.
        None if ledger.is_settled() && ledger.last.is_some() => elapsed > last_act,
        // Nobody knows whether something is still to come but by waiting.
        None | Some(Some(_)) => quiet,
    };
    rests.then(|| Rest {
        epoch: ledger.epoch,
        halted: halted.flatten(),
        fenced: ledger.failover.is_some_and(|failover| !matches!(failover.fence, FenceState::Open { .. })),
        superseded: ledger.superseded.len(),
    })
}
