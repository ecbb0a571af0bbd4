//! What an event comes to: a look, a failover that is asked for, or nothing.

use failover_engine::Clue;

use super::request::ManualRequest;

/// Why we look now, and at what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Something happened to something.
    Look {
        /// In words, for the log.
        what: String,
        /// What leads to the services that it happened to; each once.
        clues: Vec<Clue>,
    },
    /// An operator wants a failover.
    Manual(ManualRequest),
    /// It is time to look at everything.
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

/// Following a clue takes a read of the table or two: an event that names more resources than this is followed by a look at everything.
const MOST_CLUES: usize = 50;

/// A look, with each clue once, in the order of the event.
pub(super) fn look(what: String, clues: impl IntoIterator<Item = Clue>) -> Trigger {
    let mut once = Vec::new();
    for clue in clues {
        if once.contains(&clue) {
            continue;
        }
        if once.len() == MOST_CLUES {
            return Trigger::Tick { what };
        }
        once.push(clue);
    }
    Trigger::Look { what, clues: once }
}

/// Longest line that a trigger says of itself.
const LONGEST_LINE_CHARACTERS: usize = 400;

/// Several short texts as one that is not too long.
pub(super) fn joined(texts: &[String]) -> String {
    let line = texts.join("; ");
    let cut: String = line.chars().take(LONGEST_LINE_CHARACTERS).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}
