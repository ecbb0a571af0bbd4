//! Work that may hang on a device, on a thread of its own.

use std::time::Duration;

use super::error::DiskFault;

/// Does work that may hang on a device on a thread of its own, and waits for it no longer than `deadline`.
///
/// Not on tokio's own threads: a runtime waits for those when it ends, and a device that never answers would hold it.
pub(super) async fn aside<T: Send + 'static>(
    operation: &'static str,
    deadline: Duration,
    work: impl FnOnce() -> Result<T, DiskFault> + Send + 'static,
) -> Result<T, DiskFault> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("disk".to_owned()).spawn(move || {
        // Nobody listens any more once the deadline has passed.
        let _ = sender.send(work());
    });
    thread.map_err(|source| DiskFault::System { operation, path: "a thread".into(), source })?;
    match tokio::time::timeout(deadline, receiver).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) | Err(_) => Err(DiskFault::Stalled { operation, waited: deadline }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn work_that_hangs_is_left_behind() {
        let hung = aside("looking", Duration::from_millis(100), || {
            std::thread::sleep(Duration::from_secs(2));
            Ok(())
        });
        assert!(matches!(hung.await, Err(DiskFault::Stalled { operation: "looking", .. })));
        assert_eq!(aside("looking", Duration::from_secs(5), || Ok(7)).await.unwrap(), 7);
    }
}
