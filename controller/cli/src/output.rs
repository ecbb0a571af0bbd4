//! Data to standard output, and nothing else goes there.

use std::io::{self, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use crate::error::CliError;

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Prints a value: as JSON, or as `text` puts it for people.
pub fn show<T: Serialize + ?Sized>(format: Format, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), CliError> {
    match format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(value)?)),
        Format::Text => print(&text(value)),
    }
}

/// Prints one value per line, as JSON, or as `text` puts it: for output that goes on.
pub fn show_one_of_many<T: Serialize>(
    format: Format,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), CliError> {
    match format {
        Format::Json => print(&format!("{}\n", serde_json::to_string(value)?)),
        Format::Text => print(&text(value)),
    }
}

/// Prints text. A reader that went away (`| head`) has read what it wanted: no error.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Print(error)),
        _ => Ok(()),
    }
}

/// A word to the operator, beside the data. If standard error is gone nobody listens, which is no reason to stop.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
