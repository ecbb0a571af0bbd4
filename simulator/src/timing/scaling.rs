//! The numbers of Auto Scaling.

use serde::{Deserialize, Serialize};

use crate::timing::distribution::Distribution;

/// How fast groups act. AWS publishes none of these but the "few minutes" of failed checks; all others are assumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScalingTiming {
    /// Between two looks at the members' health. Assumed: 30 s.
    pub health_check_every_seconds: f64,
    /// From the look that finds an instance not running to the group's acting on it. Assumed: 10-60 s.
    pub notice: Distribution,
    /// How long status checks have to fail. AWS: "a few minutes"; assumed: 2-5 min.
    pub impaired_for: Distribution,
    /// From a need (a missing instance, one too many) to acting on it: the replacement is launched right after the termination has begun,
    /// without waiting for it. Assumed: 1-10 s.
    pub reaction: Distribution,
    /// From a launch or a termination to its first hook. Assumed: 0.5-5 s, so that EC2 often still says `pending` when a launch hook begins.
    pub hook_delay: Distribution,
    /// From the last hook's end to what it held back. Assumed: 0.5-5 s.
    pub proceed: Distribution,
    /// How long an instance may be `pending` before the launch counts as failed. Assumed: 10 min.
    pub launch_gives_up_seconds: f64,
    /// The first wait after a failed launch; each further one is twice as long. Assumed: 20 s.
    pub launch_retry_first_seconds: f64,
    /// The longest such wait. Assumed: 15 min.
    pub launch_retry_longest_seconds: f64,
    /// How long a terminated member is still described. Assumed: 5-60 s.
    pub terminated_member_visible: Distribution,
    /// How often the terminate hook runs for an instance that EC2 has already ended. AWS promises nothing; the field has seen it. Assumed: 9 in 10.
    pub hook_of_ended_instance_probability: f64,
    /// Whether all hooks of a transition begin together. No source; assumed: one after another.
    pub hooks_begin_together: bool,
    /// Whether an instance whose launch was abandoned runs its terminate hooks. No source; assumed not, the worse case: no hook tells of its end.
    pub terminate_hooks_of_abandoned_launch: bool,
}

impl Default for ScalingTiming {
    fn default() -> Self {
        Self {
            health_check_every_seconds: 30.0,
            notice: Distribution::between(10.0, 60.0),
            impaired_for: Distribution::between(120.0, 300.0),
            reaction: Distribution::between(1.0, 10.0),
            hook_delay: Distribution::between(0.5, 5.0),
            proceed: Distribution::between(0.5, 5.0),
            launch_gives_up_seconds: 600.0,
            launch_retry_first_seconds: 20.0,
            launch_retry_longest_seconds: 900.0,
            terminated_member_visible: Distribution::between(5.0, 60.0),
            hook_of_ended_instance_probability: 0.9,
            hooks_begin_together: false,
            terminate_hooks_of_abandoned_launch: false,
        }
    }
}
