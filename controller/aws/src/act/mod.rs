//! Acting: one [`Step`] at a time, bounded in time.
//!
//! A step that the reply shows to be done already counts as accepted, so that a step may be repeated after a crash. That AWS
//! accepted it proves nothing; only a later observation does. A call that got no answer may have happened, and is reported so.

mod groups;
mod instances;
mod snapshots;
#[cfg(test)]
mod tests;
mod volumes;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use failover_core::step::{FailureClass, Step, StepOutcome};

use crate::clients::Aws;
use crate::error::{AwsError, code};

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// As far as can be known from the call.
    pub outcome: StepOutcome,
    /// How many calls it took, not counting the SDK's own retries of reads.
    pub api_calls: u32,
}

/// What a step made.
type Made = Vec<String>;

impl Aws {
    /// Carries out one step, in no more than `within`.
    ///
    /// Guarantees: the step's effect is sent at most once per resource; [`FailureClass::UnknownOutcome`] whenever an effect may have
    /// been sent and its answer was not seen.
    ///
    /// Assumptions: the step was recorded before, and nobody else acts on the service meanwhile (the lease).
    pub async fn act(&self, step: &Step, within: Duration) -> Acted {
        let run = Run { aws: self, api_calls: AtomicU32::new(0), unanswered: AtomicBool::new(false) };
        let result = match tokio::time::timeout(within, run.step(step)).await {
            Ok(result) => result,
            Err(_) => Err(run.out_of_time(within)),
        };
        let outcome = match result {
            Ok(made) => StepOutcome::Accepted { made },
            Err(error) => StepOutcome::Failed {
                class: error.class,
                code: error.code,
                message: format!("{}: {}", error.operation, error.message),
            },
        };
        Acted { outcome, api_calls: run.api_calls.into_inner() }
    }
}

/// One step under way.
struct Run<'a> {
    aws: &'a Aws,
    api_calls: AtomicU32,
    /// An effect was sent, and its answer has not been seen.
    unanswered: AtomicBool,
}

impl Run<'_> {
    async fn step(&self, step: &Step) -> Result<Made, AwsError> {
        match step {
            Step::StartInstance { instance } => self.start_instance(instance).await,
            Step::StopInstance { instance, mode } => self.stop_instance(instance, *mode).await,
            Step::TakeSnapshots { sources, together } => self.take_snapshots(sources, together.as_ref()).await,
            Step::RestoreVolume { .. } => self.restore_volume(step).await,
            Step::DetachVolume { volume, instance, force } => self.detach_volume(volume, instance, *force).await,
            Step::AttachVolume { volume, instance, device } => self.attach_volume(volume, instance, device).await,
            Step::MoveAddress { address, instance } => self.move_address(address, instance).await,
            Step::MarkSuperseded { volume } => self.mark_superseded(volume).await,
            Step::DeleteVolume { volume } => self.delete_volume(volume).await,
            Step::DeleteSnapshot { snapshot } => self.delete_snapshot(snapshot).await,
            Step::CreateBlank { zone, shape, tags, client_token, .. } => {
                self.create_blank(zone, shape, tags, client_token).await
            }
            Step::CompleteHook { group, hook, instance, result } => {
                self.complete_hook(group, hook, instance, *result).await
            }
            Step::ExtendHook { group, hook, instance } => self.extend_hook(group, hook, instance).await,
            Step::ReplaceMember { group, instance } => self.replace_member(group, instance).await,
            Step::SetSubnets { group, subnets } => self.set_subnets(group, subnets).await,
        }
    }

    /// Counts a call that changes nothing.
    fn reads(&self) {
        self.api_calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends an effect, and remembers while its answer is not seen.
    async fn effect<T>(&self, call: impl Future<Output = Result<T, AwsError>>) -> Result<T, AwsError> {
        self.api_calls.fetch_add(1, Ordering::Relaxed);
        self.unanswered.store(true, Ordering::Relaxed);
        let result = call.await;
        self.unanswered.store(false, Ordering::Relaxed);
        result
    }

    /// Several effects side by side: unanswered until the last of them is answered.
    async fn effects<T>(
        &self,
        calls: impl IntoIterator<Item = impl Future<Output = Result<T, AwsError>>>,
    ) -> Vec<Result<T, AwsError>> {
        let calls: Vec<_> = calls.into_iter().collect();
        self.api_calls.fetch_add(u32::try_from(calls.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.unanswered.store(true, Ordering::Relaxed);
        let results = futures::future::join_all(calls).await;
        self.unanswered.store(false, Ordering::Relaxed);
        results
    }

    fn out_of_time(&self, within: Duration) -> AwsError {
        let mut error = AwsError::timeout("deadline", within);
        if !self.unanswered.load(Ordering::Relaxed) {
            // Only reads were under way: nothing can have happened that was not seen.
            error.class = FailureClass::Retryable;
        }
        error
    }
}

/// A step that can't be sent as it is.
fn invalid(operation: &'static str, message: String) -> AwsError {
    AwsError { operation, class: FailureClass::Invalid, code: code::NOT_SENT.to_owned(), message }
}

/// An answer of AWS's that lacks what it always has.
fn unreadable(operation: &'static str, what: &str) -> AwsError {
    let message = format!("the answer has no {what}");
    AwsError { operation, class: FailureClass::UnknownOutcome, code: code::UNREADABLE.to_owned(), message }
}

/// Accepts an error that says that the effect is there already.
fn or_done_already(
    result: Result<(), AwsError>,
    done_already: impl FnOnce(&AwsError) -> bool,
) -> Result<Made, AwsError> {
    match result {
        Ok(()) => Ok(Made::new()),
        Err(error) if done_already(&error) => Ok(Made::new()),
        Err(error) => Err(error),
    }
}
