//! Lifecycle hooks, and the actions that they hold open.

use serde::Serialize;

use crate::time::RegionTime;

/// What a hook holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum HookTransition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`
    #[serde(rename = "autoscaling:EC2_INSTANCE_LAUNCHING")]
    Launching,
    /// `autoscaling:EC2_INSTANCE_TERMINATING`
    #[serde(rename = "autoscaling:EC2_INSTANCE_TERMINATING")]
    Terminating,
}

impl HookTransition {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Launching => "autoscaling:EC2_INSTANCE_LAUNCHING",
            Self::Terminating => "autoscaling:EC2_INSTANCE_TERMINATING",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Launching, Self::Terminating].into_iter().find(|transition| transition.name() == name)
    }
}

/// How an action ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HookResult {
    /// Go on.
    Continue,
    /// Launch: terminate and replace. Termination: skip what remains.
    Abandon,
}

impl HookResult {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Abandon => "ABANDON",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Continue, Self::Abandon].into_iter().find(|result| result.name() == name)
    }
}

/// A group's hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Hook {
    pub(crate) name: String,
    pub(crate) transition: HookTransition,
    pub(crate) heartbeat_seconds: u32,
    pub(crate) default_result: HookResult,
    pub(crate) metadata: Option<String>,
    pub(crate) target_arn: Option<String>,
    pub(crate) role_arn: Option<String>,
}

/// AWS: 48 hours.
const LONGEST_WAIT_SECONDS: u32 = 48 * 3600;

/// AWS: a hundred heartbeats.
const MOST_HEARTBEATS: u32 = 100;

impl Hook {
    pub(crate) fn global_timeout_seconds(&self) -> u32 {
        self.heartbeat_seconds.saturating_mul(MOST_HEARTBEATS).min(LONGEST_WAIT_SECONDS)
    }
}

/// An action that waits for its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OpenAction {
    pub(crate) hook: String,
    pub(crate) token: String,
    pub(crate) since: RegionTime,
    /// When it times out unless a heartbeat comes.
    pub(crate) expires_at: RegionTime,
    /// When no heartbeat helps any more.
    pub(crate) cap_at: RegionTime,
    pub(crate) heartbeats: u32,
    /// As the hook was when the action began.
    pub(crate) heartbeat_seconds: u32,
    pub(crate) default_result: HookResult,
}

/// An action that nobody ended in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimedOutHook {
    /// The group.
    pub group: String,
    /// The hook.
    pub hook: String,
    /// The instance.
    pub instance: String,
    /// `autoscaling:EC2_INSTANCE_LAUNCHING` or `autoscaling:EC2_INSTANCE_TERMINATING`.
    pub transition: &'static str,
    /// When it began.
    pub since: RegionTime,
    /// When it ended.
    pub at: RegionTime,
    /// The default result that it ended with: `CONTINUE` or `ABANDON`.
    pub result: &'static str,
}

/// How a caller names an action.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ActionName<'a> {
    Token(&'a str),
    Instance(&'a str),
}
