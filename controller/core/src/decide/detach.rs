//! How an old side lets a volume go.

use jiff::SignedDuration;

use super::progress::Progress;
use super::view::View;
use crate::ids::{InstanceId, VolumeId};
use crate::ledger::Failover;
use crate::step::Step;

/// A detach from an instance that is off has no guest to wait for (aws-facts 2.3); one that takes longer is forced.
const FORCED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// A detach; without the guest's consent, if it is forced.
pub(super) fn step(volume: &VolumeId, instance: &InstanceId, force: bool) -> Step {
    Step::DetachVolume { volume: volume.clone(), instance: instance.clone(), force }
}

/// Detaches a volume from an instance that is off or quiet; by force, if that does not come to an end.
pub(super) fn let_go(
    view: View<'_>,
    failover: &Failover,
    volume: &VolumeId,
    instance: &InstanceId,
    progress: &mut Progress<'_>,
) {
    let asked = failover.attempt(&step(volume, instance, false)).map(|attempt| attempt.first_at);
    let force = asked.is_some_and(|asked| view.has_passed(FORCED_AFTER, asked));
    // That it is quiet may be its agent's word.
    progress.rest_on([crate::world::Part::Agents]);
    progress.step(step(volume, instance, force));
}

/// A volume is seen to have left an instance, whichever detach it was.
pub(super) fn proved(volume: &VolumeId, instance: &InstanceId, progress: &mut Progress<'_>) {
    progress.proved([false, true].map(|force| step(volume, instance, force).key()));
}
