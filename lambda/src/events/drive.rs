//! What an event comes to: a look, a failover that is asked for, or nothing.

use failover_engine::Subject;

use super::request::ManualRequest;

/// Why services are driven now, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Something happened to something.
    Drive {
        /// In words, for the log.
        what: String,
        /// What leads to the services that it happened to; each once.
        subjects: Vec<Subject>,
    },
    /// An operator wants a failover.
    Manual(ManualRequest),
    /// It is time to observe everything.
    Tick {
        /// In words, for the log.
        what: String,
    },
    /// Understood, and nothing to us.
    Nothing {
        /// Why.
        reason: String,
    },
}

/// Finding the service of a subject takes a read of the table or two: an event that names more resources than this is followed by a tick over everything.
const MOST_SUBJECTS: usize = 50;

/// A drive, with each subject once, in the order of the event.
pub(super) fn drive(what: String, subjects: impl IntoIterator<Item = Subject>) -> Trigger {
    let mut once = Vec::new();
    for subject in subjects {
        if once.contains(&subject) {
            continue;
        }
        if once.len() == MOST_SUBJECTS {
            return Trigger::Tick { what };
        }
        once.push(subject);
    }
    Trigger::Drive { what, subjects: once }
}

/// Longest line that a trigger says of itself.
const LONGEST_LINE_CHARACTERS: usize = 400;

/// Several short texts as one that is not too long.
pub(super) fn joined(texts: &[String]) -> String {
    let line = texts.join("; ");
    let cut: String = line.chars().take(LONGEST_LINE_CHARACTERS).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}
