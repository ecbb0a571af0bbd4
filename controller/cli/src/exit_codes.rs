//! What the process says of itself when it ends.

use std::process;

/// How the command ended. Scripts rely on these numbers: they are documented and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Done, or nothing to do.
    Done,
    /// It did not work.
    Error,
    /// Asked in a way that can't be followed.
    WrongUse,
    /// Refused, or halted until somebody acts; the reason was printed.
    Refused,
    /// Not finished in time. It goes on.
    NotFinished,
}

impl ExitCode {
    /// Every one, in the order of the numbers.
    pub const ALL: [Self; 5] = [Self::Done, Self::Error, Self::WrongUse, Self::Refused, Self::NotFinished];

    /// The number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::WrongUse => 2,
            Self::Refused => 3,
            Self::NotFinished => 4,
        }
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change_their_meaning() {
        assert_eq!(ExitCode::ALL.map(ExitCode::number), [0, 1, 2, 3, 4]);
    }
}
