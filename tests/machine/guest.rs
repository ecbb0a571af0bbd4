//! Commands inside the guest, through QEMU's guest agent: no network, no login.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::lines::Lines;

const STEP: Duration = Duration::from_secs(2);
/// A command on an emulated processor of a busy machine.
const COMMAND: Duration = Duration::from_mins(5);

/// The guest, as seen from the host.
pub(crate) struct Guest {
    lines: Lines,
}

/// What a command in the guest came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: i64,
    /// Standard output and standard error.
    pub(crate) printed: String,
}

impl Guest {
    /// The guest behind a socket of QEMU. It need not be up yet.
    pub(crate) fn new(socket: &Path) -> Self {
        Self { lines: Lines::connect(socket, Duration::from_secs(10)) }
    }

    /// Waits until the guest's agent answers.
    pub(crate) fn wait_until_up(&mut self, limit: Duration) {
        let began = Instant::now();
        // Answers to what was asked while nobody was there yet may come late: only the answer to this very question counts.
        for question in 1.. {
            self.lines.send(&json!({"execute": "guest-sync", "arguments": {"id": question}}));
            let asked = Instant::now();
            while asked.elapsed() < STEP {
                if self.lines.receive(STEP).is_some_and(|answer| answer["return"] == question) {
                    return;
                }
            }
            assert!(began.elapsed() < limit, "the guest does not answer");
        }
    }

    /// Runs a shell command to its end.
    pub(crate) fn run(&mut self, command: &str) -> Ran {
        let began = Instant::now();
        let arguments =
            json!({"path": "/bin/sh", "arg": ["-c", format!("exec 2>&1; {command}")], "capture-output": true});
        let started = self.ask(&json!({"execute": "guest-exec", "arguments": arguments}));
        loop {
            let status = self.ask(&json!({"execute": "guest-exec-status", "arguments": {"pid": started["pid"]}}));
            if status["exited"] == true {
                let printed = status["out-data"].as_str().unwrap_or_default();
                let printed = base64::engine::general_purpose::STANDARD.decode(printed).unwrap();
                let code = status["exitcode"].as_i64().unwrap_or(-1);
                return Ran { code, printed: String::from_utf8_lossy(&printed).into_owned() };
            }
            assert!(began.elapsed() < COMMAND, "{command} runs for more than {COMMAND:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What a command printed, which succeeds.
    pub(crate) fn output(&mut self, command: &str) -> String {
        let ran = self.run(command);
        assert_eq!(ran.code, 0, "{command}: {}", ran.printed);
        ran.printed.trim().to_owned()
    }

    /// Asks the operating system to go down; it begins to.
    pub(crate) fn shut_down(&mut self, mode: &str) {
        // No answer if it succeeds.
        self.lines.send(&json!({"execute": "guest-shutdown", "arguments": {"mode": mode}}));
    }

    fn ask(&mut self, question: &Value) -> Value {
        self.lines.send(question);
        let answer = self.lines.receive(COMMAND).unwrap_or_else(|| panic!("no answer to {question}"));
        assert!(answer.get("return").is_some(), "{question}: {answer}");
        answer["return"].clone()
    }
}
