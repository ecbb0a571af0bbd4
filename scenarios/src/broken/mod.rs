//! Controllers that do not keep one of their rules: what the judge must find. The rule is broken below the SDK, so that nothing in the
//! controller knows of it: a request is changed or swallowed, or an answer says what is not so.

mod answers;
mod requests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::layout::Made;

pub(crate) use answers::as_one;

/// The rule that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// What is read of the first active instance says that it is stopped: it is not fenced.
    BelievesItStopped,
    /// What is restored is the first copy that was ever made, not the newest.
    RestoresTheFirstCopy,
    /// Instead of being attached a volume is deleted.
    DeletesInsteadOfAttaching,
    /// The ends of lifecycle hooks never reach AWS.
    EndsNoHook,
    /// Launch hooks are abandoned when they were to be continued.
    AbandonsLaunches,
    /// The move of the address never reaches AWS, and what is read of it says that it did.
    BelievesTheAddressMoved,
    /// The volumes of an instance are copied one after another, and passed off as copied together.
    CopiesOneByOne,
    /// Status checks that passed are read as impaired.
    BelievesItImpaired,
    /// Of the second volume an older copy is restored than of the first.
    RestoresAnOlderLog,
    /// What is restored is the newest snapshot that carries the service's tag, whoever made it and of whichever volume.
    RestoresTheNewestSnapshot,
    /// In place of its own copies, those that others made are deleted.
    DeletesBackups,
    /// What is restored gets the performance that is AWS's default.
    UndoesShapes,
    /// Every volume is asked for twice.
    RestoresTwice,
    /// What is made gets no tags.
    MakesWithoutTags,
    /// The ledger is written whatever version is there.
    OverwritesTheLedger,
    /// The lease is taken whoever has it.
    TakesEveryLease,
    /// What people should hear of is never sent.
    TellsNobody,
    /// What people should hear of is sent twice.
    TellsTwice,
    /// No failover owns up to a loss.
    ReportsNoLoss,
    /// Drills are remembered and reported as if they were none.
    HidesDrills,
    /// The clock of its host is believed, whatever AWS's answers say.
    BelievesItsClock,
}

impl Breakage {
    /// All of them, each with the rule that the judge finds broken.
    pub const ALL: [(Self, &str); 21] = [
        (Self::BelievesItStopped, "never two writers"),
        (Self::RestoresTheFirstCopy, "no acknowledged write is lost"),
        (Self::DeletesInsteadOfAttaching, "the only copy is never deleted"),
        (Self::EndsNoHook, "no hook times out"),
        (Self::AbandonsLaunches, "nothing is leaked"),
        (Self::BelievesTheAddressMoved, "the active instance serves"),
        (Self::CopiesOneByOne, "all volumes are of one moment"),
        (Self::BelievesItImpaired, "nothing fails over for nothing"),
        (Self::RestoresAnOlderLog, "all volumes are of one moment"),
        (Self::RestoresTheNewestSnapshot, "no acknowledged write is lost"),
        (Self::DeletesBackups, "nobody else's things are touched"),
        (Self::UndoesShapes, "a volume keeps its shape"),
        (Self::RestoresTwice, "nothing is leaked"),
        (Self::MakesWithoutTags, "what is made has its tags"),
        (Self::OverwritesTheLedger, "no version of the ledger is lost"),
        (Self::TakesEveryLease, "nothing is changed without the lease"),
        (Self::TellsNobody, "people are told, once"),
        (Self::TellsTwice, "people are told, once"),
        (Self::ReportsNoLoss, "no acknowledged write is lost"),
        (Self::HidesDrills, "drills are called so"),
        (Self::BelievesItsClock, "nothing is changed without the lease"),
    ];
}

/// The way of a broken controller to AWS.
#[derive(Debug)]
pub(crate) struct Broken {
    breakage: Breakage,
    active: Option<String>,
    volumes: Vec<String>,
    noted: Mutex<Noted>,
}

/// What it remembers, to go on with its errors.
#[derive(Debug, Default)]
struct Noted {
    /// The first copy that was made.
    first_copy: Option<String>,
    /// The copy that was to be restored, and the one that was.
    swapped: Option<(String, String)>,
    /// The instance that the address was to lead to.
    led_to: Option<String>,
    /// The completed snapshots that were read last.
    read: Vec<Read>,
}

/// A snapshot as it was read.
#[derive(Debug, Clone)]
struct Read {
    id: String,
    started_at: String,
    /// The whole of it.
    text: String,
}

/// What became of a request.
pub(crate) enum Asked {
    /// It goes to AWS, changed or not.
    Sent {
        /// What it asks for, if the query protocol says so.
        action: Option<String>,
        /// The request.
        request: http::Request<Bytes>,
    },
    /// Instead of it these go to AWS, one after another; their answers become one.
    OneByOne(Vec<http::Request<Bytes>>),
    /// Instead of it these go to AWS, one after another; the last answer counts.
    InTurn(Vec<http::Request<Bytes>>),
    /// It never gets there.
    MadeUp(http::Response<Bytes>),
}

impl Broken {
    pub(crate) fn new(breakage: Breakage, made: &Made) -> Self {
        Self { breakage, active: made.active.clone(), volumes: made.volumes.clone(), noted: Mutex::default() }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value of a form. Ids and names need no decoding.
fn value<'a>(form: &'a str, key: &str) -> Option<&'a str> {
    form.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    rest.split_once(end).map(|(found, _)| found)
}
