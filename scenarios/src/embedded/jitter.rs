//! The SDK's retry jitter, from a seed.
//!
//! The SDK draws it from the thread's generator, and so do its tracing spans if somebody listens: seeded once, the pauses between tries
//! would depend on how much is logged. So the generator is seeded anew at the end of each call, right before the SDK draws.

use std::sync::{Mutex, PoisonError};

use fastrand::Rng;

/// What the thread's generator is seeded with, call after call.
#[derive(Debug)]
pub struct Jitter(Mutex<Rng>);

impl Jitter {
    /// Seeded by the thread's generator as it is now: whoever wants the same story again seeds that first.
    pub fn from_thread() -> Self {
        Self(Mutex::new(Rng::new()))
    }

    /// To be held while a call is made; it ends with the call, also with one that its caller gives up.
    pub fn reseeding(&self) -> Reseeding {
        Reseeding(self.0.lock().unwrap_or_else(PoisonError::into_inner).u64(..))
    }
}

/// Seeds the thread's generator when it is dropped.
#[derive(Debug)]
pub struct Reseeding(u64);

impl Drop for Reseeding {
    fn drop(&mut self) {
        fastrand::seed(self.0);
    }
}
