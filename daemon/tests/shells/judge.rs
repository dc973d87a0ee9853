//! A shell that runs scripts and tells which commands they ran.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use proptest::test_runner::TestCaseError;
use protocol::Shell;

/// How long a shell may take for a script; more means that it waits for the end of something that was never closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How scripts reach the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As if typed: line by line, after history expansion where the shell has that.
    Typed,
    /// As one text that is evaluated.
    Evaluated,
}

/// A shell, started when it is asked, and again after it failed.
pub(crate) struct Judge {
    shell: Shell,
    manner: Manner,
    running: Option<Running>,
}

/// A running shell.
struct Running {
    child: Child,
    input: ChildStdin,
    /// What was reported, in pieces between NULs.
    reports: Receiver<String>,
    /// Its home, and the pipe that reports go through.
    _home: tempfile::TempDir,
}

/// A command that was run, and its arguments.
pub(crate) type Call = Vec<String>;

/// Reports a call by its number of words and the words, in one write. Aliases that a shell does not expand are commands
/// that report as well. A report that ends a script has no words.
const POSIX: &str = r#"
w() { report w "$@"; }
a() { report a "$@"; }
b() { report b "$@"; }
c() { report c "$@"; }
report() { printf '%s\0' "$#" "$@" >>"$REPORTS"; }
"#;

/// Reports newlines as another character: at one of them bash would begin another write, and commands of a pipe report
/// at the same time.
const WHOLE: &str = r#"report() { set -- "${@//$'\n'/$'\1'}"; printf '%s\0' "$#" "$@" >>"$REPORTS"; }"#;

const FISH: &str = r#"
function w; printf '%s\0' (math (count $argv) + 1) w $argv >>$REPORTS; end
function report; printf '%s\0' 0 >>$REPORTS; end
"#;

/// Evaluates scripts that end in NUL.
const POSIX_LOOP: &str =
    r#"while IFS= read -r -d '' script; do eval "$script" </dev/null; wait; report; done"#;
const FISH_LOOP: &str = "while read -z script; eval $script </dev/null; wait; report; end";

impl Judge {
    pub(crate) fn new(shell: Shell, manner: Manner) -> Judge {
        Judge { shell, manner, running: None }
    }

    /// Runs a script; the calls in it in the order in which they came.
    pub(crate) fn ask(&mut self, script: &str) -> Result<Vec<Call>, TestCaseError> {
        let typed = is_typed(self.shell, self.manner);
        let mut running = self.running.take().unwrap_or_else(|| Running::start(self.shell, self.manner));
        let calls = running.ask(script, typed);
        let fail = |reason| TestCaseError::fail(format!("{:?} did not end {script:?}: {reason}", self.shell));
        // One that failed may be in the middle of something.
        let calls = calls.map_err(fail)?;
        self.running = Some(running);
        Ok(calls)
    }

    /// Whether the shell finds no mistake in a script.
    pub(crate) fn accepts(&mut self, script: &str) -> Result<bool, TestCaseError> {
        let wrapped = match self.shell {
            Shell::Fish => format!("if false\n{script}\nend; and w"),
            _ => format!("if false; then :\n{script}\nfi && w"),
        };
        Ok(!self.ask(&wrapped)?.is_empty())
    }
}

impl Running {
    fn start(shell: Shell, manner: Manner) -> Running {
        let home = tempfile::tempdir().expect("a temporary directory");
        let reports = home.path().join("reports");
        nix::unistd::mkfifo(&reports, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        // Opened for writing, too, so that it has no end between two writers.
        let pipe = OpenOptions::new().read(true).write(true).open(&reports).expect("the pipe opens");
        let mut child = command(shell, manner, home.path())
            .env("REPORTS", &reports)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; these tests need bash, zsh and fish", shell.name()));
        let mut input = child.stdin.take().expect("its input");
        if is_typed(shell, manner) {
            input.write_all(POSIX.as_bytes()).expect("the shell reads");
        }
        Running { child, input, reports: follow(pipe), _home: home }
    }

    fn ask(&mut self, script: &str, typed: bool) -> Result<Vec<Call>, String> {
        let ended = if typed { "\nreport\n" } else { "\0" };
        self.input.write_all([script, ended].concat().as_bytes()).map_err(|error| error.to_string())?;
        let mut calls = Vec::new();
        loop {
            let count = self.next()?;
            let count: usize = count.parse().map_err(|_| format!("{count:?} is no number of words"))?;
            if count == 0 {
                return Ok(calls);
            }
            let words = (0..count).map(|_| self.next());
            let text = |word: String| if typed { word } else { word.replace('\u{1}', "\n") };
            calls.push(words.map(|word| word.map(text)).collect::<Result<Call, String>>()?);
        }
    }

    fn next(&mut self) -> Result<String, String> {
        self.reports.recv_timeout(PATIENCE).map_err(|error| error.to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether scripts are fed line by line. fish reads lines from a pipe like a script, and has no history expansion.
fn is_typed(shell: Shell, manner: Manner) -> bool {
    manner == Manner::Typed && shell != Shell::Fish
}

/// A shell without configuration, in a home of its own: even without its configuration fish makes folders there.
fn command(shell: Shell, manner: Manner, home: &Path) -> Command {
    let mut command = Command::new(shell.name());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home).env("LC_ALL", "C.UTF-8").current_dir(home);
    match (shell, manner) {
        (Shell::Bash, Manner::Typed) => {
            command.args(["--norc", "--noprofile", "-O", "extglob", "-o", "history", "-o", "histexpand"])
        }
        (Shell::Bash, Manner::Evaluated) => {
            let setup = "shopt -s expand_aliases extglob";
            command.args(["--norc", "--noprofile", "-c", &[setup, POSIX, WHOLE, POSIX_LOOP].join("\n")])
        }
        (Shell::Zsh, Manner::Typed) => command.args(["-f", "-i", "-o", "extendedglob", "+o", "zle"]),
        (Shell::Zsh, Manner::Evaluated) => command.args(["-f", "-c", &[POSIX, POSIX_LOOP].join("\n")]),
        (Shell::Fish, _) => command.args(["--no-config", "-c", &[FISH, FISH_LOOP].join("\n")]),
    };
    command
}

/// What comes through the pipe, in the background; ends with the receiver.
fn follow(mut pipe: File) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut pending = Vec::new();
        let mut buffer = [0; 1 << 16];
        while let Ok(length) = pipe.read(&mut buffer) {
            pending.extend_from_slice(&buffer[..length]);
            let whole = pending.iter().rposition(|byte| *byte == 0).map_or(0, |last| last + 1);
            for piece in pending.drain(..whole).collect::<Vec<u8>>().split_inclusive(|byte| *byte == 0) {
                let text = String::from_utf8_lossy(&piece[..piece.len() - 1]).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}
