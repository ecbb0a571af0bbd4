//! What happens while it happens, on standard error: a live timeline on a terminal, plain lines elsewhere.
//!
//! What is done stays as a line; what is under way stands below it and is redrawn. Only four control sequences are used,
//! and a line is never longer than the terminal is wide (it does not wrap), so that any terminal keeps up.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use failover_core::step::StepKey;
use failover_engine::{ProgressEvent, ProgressKind, Watcher};
use jiff::Timestamp;

use crate::render::{line, seconds_between};

/// Up one line.
const UP: &str = "\x1b[1A";
/// Clears from the cursor to the end of the screen.
const CLEAR_BELOW: &str = "\r\x1b[J";
/// Long lines are cut rather than wrapped, so that lines can be counted.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// Shows moments as they come.
pub struct ProgressDisplay<W: Write + Send> {
    state: Mutex<State<W>>,
}

struct State<W> {
    out: W,
    is_live: bool,
    began: Option<Timestamp>,
    /// Steps that are under way.
    under_way: Vec<Tried>,
    /// Steps that were accepted: that they are now waited for goes without saying.
    accepted: BTreeSet<StepKey>,
    /// What is waited for.
    waiting: Vec<Waiting>,
    /// Lines on the screen below what stays.
    drawn: usize,
}

/// A step that is tried.
struct Tried {
    step: StepKey,
    text: String,
    since: Timestamp,
}

/// Something that is waited for.
struct Waiting {
    what: What,
    text: String,
    since: Timestamp,
    seen_at: Timestamp,
    said_at: Timestamp,
}

/// What makes two waits the same one.
#[derive(PartialEq, Eq)]
enum What {
    /// The effect of a step.
    Step(StepKey),
    /// Something else: its text changes as it gets on (`14 %`, `16 %`), its shape does not.
    Shape(String),
}

/// Elsewhere than on a terminal: how often the same wait is said again.
const SAY_AGAIN_SECONDS: f64 = 30.0;
/// The engine observes again every few seconds: what was not waited for since then is over.
const STALE_SECONDS: f64 = 45.0;

impl ProgressDisplay<io::Stderr> {
    /// On this process's standard error.
    pub fn on_stderr() -> Self {
        Self::new(io::stderr(), io::stderr().is_terminal())
    }
}

impl<W: Write + Send> ProgressDisplay<W> {
    /// On `out`; redrawn if it is `live`, that is a terminal.
    pub fn new(out: W, is_live: bool) -> Self {
        Self {
            state: Mutex::new(State {
                out,
                is_live,
                began: None,
                under_way: Vec::new(),
                accepted: BTreeSet::new(),
                waiting: Vec::new(),
                drawn: 0,
            }),
        }
    }

    /// Takes the lines that are redrawn off the screen.
    pub fn finish(&self) {
        self.with(|state| {
            state.under_way.clear();
            state.waiting.clear();
            state.redraw(None, Timestamp::UNIX_EPOCH);
        });
    }

    fn with(&self, change: impl FnOnce(&mut State<W>)) {
        // A panic elsewhere leaves a state that can still be drawn.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<W: Write + Send> Watcher for ProgressDisplay<W> {
    fn see(&self, event: &ProgressEvent) {
        self.with(|state| state.take(event));
    }
}

impl<W: Write> State<W> {
    fn take(&mut self, event: &ProgressEvent) {
        let began = *self.began.get_or_insert(event.at);
        let told = |word: &str| format!("{} {word}{}", elapsed(began, event.at), event.text);
        match &event.kind {
            ProgressKind::Recorded => {
                self.waiting.clear();
                self.redraw(Some(told("")), event.at);
            }
            ProgressKind::Trying(step) => {
                self.waiting.clear();
                self.under_way.push(Tried { step: step.clone(), text: event.text.clone(), since: event.at });
                self.redraw(None, event.at);
            }
            ProgressKind::Accepted(step) => {
                self.under_way.retain(|tried| tried.step != *step);
                self.accepted.insert(step.clone());
                self.redraw(Some(told("accepted: ")), event.at);
            }
            ProgressKind::Failed(step) => {
                self.under_way.retain(|tried| tried.step != *step);
                self.redraw(Some(told("failed: ")), event.at);
            }
            ProgressKind::Waiting(step) => self.wait(event, step.as_ref(), began),
        }
    }

    fn wait(&mut self, event: &ProgressEvent, step: Option<&StepKey>, began: Timestamp) {
        let at = event.at;
        self.waiting.retain(|wait| seconds_between(wait.seen_at, at) < STALE_SECONDS);
        let is_due = self.is_due(event, step);
        if self.is_live {
            self.redraw(None, at);
        } else if is_due {
            let told = format!("{} waiting: {}", elapsed(began, at), event.text);
            self.redraw(Some(told), at);
        }
    }

    /// Takes note of a wait; says whether it is time to tell of it.
    fn is_due(&mut self, event: &ProgressEvent, step: Option<&StepKey>) -> bool {
        let at = event.at;
        let what = step.map_or_else(|| What::Shape(shape(&event.text)), |step| What::Step(step.clone()));
        let Some(wait) = self.waiting.iter_mut().find(|wait| wait.what == what) else {
            let goes_without_saying = step.is_some_and(|step| self.accepted.contains(step));
            self.waiting.push(Waiting { what, text: event.text.clone(), since: at, seen_at: at, said_at: at });
            return !goes_without_saying;
        };
        wait.text.clone_from(&event.text);
        wait.seen_at = at;
        let is_due = seconds_between(wait.said_at, at) >= SAY_AGAIN_SECONDS;
        if is_due {
            wait.said_at = at;
        }
        is_due
    }

    /// Writes a line that stays, if there is one, and below it what is under way. A screen that is gone is no reason to stop.
    fn redraw(&mut self, stays: Option<String>, now: Timestamp) {
        let mut text = String::new();
        if self.is_live {
            text.push_str(&UP.repeat(self.drawn));
            text.push_str(CLEAR_BELOW);
            text.push_str(NO_WRAP);
            self.drawn = 0;
        }
        if let Some(stays) = stays {
            text.push_str(&printable(&stays));
            text.push('\n');
        }
        if self.is_live {
            let tried = self.under_way.iter().map(|tried| ("trying", &tried.text, &tried.since));
            let waited = self.waiting.iter().map(|wait| ("waiting", &wait.text, &wait.since));
            for (word, what, since) in tried.chain(waited) {
                let seconds = seconds_between(*since, now).max(0.0);
                line(&mut text, format_args!("  … {word} {seconds:.0}s: {}", printable(what)));
                self.drawn += 1;
            }
            text.push_str(WRAP);
        }
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

fn elapsed(began: Timestamp, at: Timestamp) -> String {
    format!("+{:.1}s", seconds_between(began, at))
}

/// A text without its numbers, ids kept: what stays the same while something gets on.
fn shape(text: &str) -> String {
    let is_number = |word: &str| word.chars().all(|character| character.is_ascii_digit() || character == '.');
    text.split_whitespace().map(|word| if is_number(word) { "0" } else { word }).collect::<Vec<_>>().join(" ")
}

/// One line, without control characters: AWS's messages are shown, and must not move the cursor.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use failover_core::ids::ServiceName;
    use jiff::SignedDuration;

    use super::*;

    fn step(key: &str) -> StepKey {
        StepKey(key.to_owned())
    }

    fn shown(is_live: bool, events: &[(i64, ProgressKind, &str)]) -> String {
        let progress = ProgressDisplay::new(Vec::new(), is_live);
        let start: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        for (milliseconds, kind, text) in events {
            progress.see(&ProgressEvent {
                at: start + SignedDuration::from_millis(*milliseconds),
                service: ServiceName::new("sample").unwrap(),
                kind: kind.clone(),
                text: (*text).to_owned(),
            });
        }
        progress.finish();
        String::from_utf8(progress.state.into_inner().unwrap().out).unwrap()
    }

    #[test]
    fn elsewhere_each_thing_is_one_plain_line_and_waiting_is_said_once() {
        let text = shown(
            false,
            &[
                (0, ProgressKind::Recorded, "a failover begins"),
                (400, ProgressKind::Trying(step("stop i-1")), "stop i-1"),
                (900, ProgressKind::Accepted(step("stop i-1")), "stop i-1: in other words"),
                (900, ProgressKind::Waiting(Some(step("stop i-1"))), "stop i-1"),
                (1_000, ProgressKind::Waiting(None), "i-1 is stopping"),
                (3_000, ProgressKind::Waiting(None), "i-1 is stopping"),
                (4_000, ProgressKind::Waiting(None), "snap-1 is 14 % complete"),
                (5_000, ProgressKind::Waiting(None), "snap-1 is 16 % complete"),
                (34_000, ProgressKind::Waiting(None), "snap-1 is 60 % complete"),
                (42_345, ProgressKind::Failed(step("attach vol-1")), "attach vol-1: IncorrectState: a\nb\u{1b}[2J"),
            ],
        );
        assert_eq!(
            text,
            "+0.0s a failover begins\n+0.9s accepted: stop i-1: in other words\n+1.0s waiting: i-1 is stopping\n\
             +4.0s waiting: snap-1 is 14 % complete\n+34.0s waiting: snap-1 is 60 % complete\n\
             +42.3s failed: attach vol-1: IncorrectState: a b [2J\n"
        );
    }

    #[test]
    fn on_a_terminal_what_is_under_way_is_drawn_below_and_taken_away_again() {
        let text = shown(
            true,
            &[
                (0, ProgressKind::Trying(step("stop i-1")), "stop i-1"),
                (2_000, ProgressKind::Waiting(None), "i-1 is stopping"),
                (3_000, ProgressKind::Recorded, "fenced"),
            ],
        );
        assert!(text.contains("  … trying 0s: stop i-1\n"), "{text:?}");
        assert!(text.contains("+3.0s fenced\n"), "{text:?}");
        // As many lines are gone up as were drawn.
        let up = text.matches(UP).count();
        let drawn = text.matches("  … ").count();
        assert_eq!(up, drawn, "{text:?}");
        assert!(text.ends_with(WRAP));
    }

    /// One step's text may begin as another's does.
    #[test]
    fn steps_are_told_apart_by_their_keys() {
        let text = shown(
            true,
            &[
                (0, ProgressKind::Trying(step("snapshot vol-1")), "snapshot vol-1"),
                (0, ProgressKind::Trying(step("snapshot vol-1 vol-2")), "snapshot vol-1, vol-2"),
                (500, ProgressKind::Accepted(step("snapshot vol-1 vol-2")), "snapshot vol-1, vol-2: snap-2"),
                (900, ProgressKind::Waiting(Some(step("snapshot vol-1"))), "snapshot vol-1"),
            ],
        );
        let (_, after) = text.split_once("accepted: ").unwrap();
        assert!(after.contains("trying 0s: snapshot vol-1\n") && !after.contains("trying 0s: snapshot vol-1, vol-2"));
        assert!(after.contains("waiting 0s: snapshot vol-1\n"), "{after:?}");
    }
}
