//! How an old side lets a volume go.

use jiff::{SignedDuration, Timestamp};

use super::progress::Progress;
use super::view::View;
use crate::ids::{InstanceId, VolumeId};
use crate::ledger::{Failover, FenceState};
use crate::step::Step;
use crate::verdict::Halt;
use crate::world::Part;

/// A detach from an instance that is off has no guest to wait for (aws-facts 2.3); one that takes longer is forced.
const FORCED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Reads of one resource disagree for seconds (aws-facts 7): a holder that is not named after this, or not gone, is one for people to find.
const HOLDER_TIMEOUT: SignedDuration = SignedDuration::from_secs(60);

/// A volume is in use, and AWS lists no attachment of it, since `since` at most. It is neither moved nor attached: somebody may write to it.
pub(super) fn await_holder(view: View<'_>, volume: &VolumeId, since: Timestamp, progress: &mut Progress<'_>) {
    if view.has_passed(HOLDER_TIMEOUT, since) {
        progress.halt(Halt::HolderUnlisted { volume: volume.clone() }, Part::Volumes);
    } else {
        let reason = format!("{volume} is in use, and AWS does not say by whom");
        progress.wait(Part::Volumes, view.soon(), reason);
    }
}

/// Somebody has a volume who may write to it: it is neither copied nor moved. Who is not the old side was given it by a person, and is told of.
pub(super) fn await_release(
    view: View<'_>,
    failover: &Failover,
    volume: &VolumeId,
    holder: &InstanceId,
    progress: &mut Progress<'_>,
) {
    let stays = matches!(&failover.fence, FenceState::Confirmed { at, .. } if view.has_passed(HOLDER_TIMEOUT, *at));
    if stays && *holder != failover.from.instance_id {
        progress.halt(Halt::VolumeTaken { volume: volume.clone(), instance: holder.clone() }, Part::Volumes);
    } else {
        let reason = format!("{volume} is attached to {holder}, which is not confirmed to be off");
        progress.wait(Part::Instances, view.soon(), reason);
    }
}

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
    progress.rest_on([Part::Agents]);
    progress.step(step(volume, instance, force));
}

/// A volume is seen to have left an instance, whichever detach it was.
pub(super) fn proved(volume: &VolumeId, instance: &InstanceId, progress: &mut Progress<'_>) {
    progress.proved([false, true].map(|force| step(volume, instance, force).key()));
}
