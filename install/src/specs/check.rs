//! `q specs check`: what is wrong with a spec file, line by line.
//!
//! The file is read here and judged by the engine, whose script worker evaluates the JavaScript: `q` itself never does.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::libc;
use protocol::{CheckSpec, FromDaemon, SpecProblem, ToDaemon};
use serde::Serialize;

use super::WAIT;
use crate::{
    engine::{Engine, unexpected},
    output::{Format, visible},
};

/// Largest file that the engine takes.
const MAX_FILE: u64 = 4 << 20;

/// What to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The files, JSON or JavaScript
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run the engine here instead of asking the daemon
    #[arg(long)]
    no_daemon: bool,
    /// How to print the result
    #[arg(short, long, value_name = "FORMAT", default_value = "plain", hide_default_value = true)]
    format: Format,
}

/// What is wrong, as it is printed.
#[derive(Debug, Serialize)]
struct Found {
    file: String,
    /// From 1; 0 when it is nowhere in particular.
    line: u32,
    /// From 1, in characters.
    column: u32,
    /// The way to it through the properties; empty when there is none.
    path: String,
    /// `error` or `warning`.
    severity: &'static str,
    message: String,
}

impl Check {
    /// False when there is an error in any of the files.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let mut engine = Engine::open(self.no_daemon)?;
        let mut found = Vec::new();
        for file in &self.files {
            found.extend(problems(&mut engine, file)?.into_iter().map(|problem| Found::new(file, problem)));
        }
        self.format.print(&found, |found| found.iter().map(Found::line).collect())?;
        Ok(found.iter().all(|found| found.severity != "error"))
    }
}

/// What is wrong with a file. One that cannot be read is wrong too: the others are still checked.
fn problems(engine: &mut Engine, file: &Path) -> anyhow::Result<Vec<SpecProblem>> {
    let text = match read(file) {
        Ok(text) => text,
        Err(error) => return Ok(vec![SpecProblem { message: error.to_string(), ..SpecProblem::default() }]),
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match engine.ask(&ToDaemon::CheckSpec(CheckSpec { name, text }), WAIT)? {
        FromDaemon::SpecProblems(problems) => Ok(problems.problems),
        _ => Err(unexpected()),
    }
}

/// The text of a file, of which it is certain that it ends.
fn read(path: &Path) -> io::Result<String> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if !matches!(path.extension().and_then(|extension| extension.to_str()), Some("js" | "json")) {
        return refuse("a spec's file ends in .js or .json");
    }
    // Opening a pipe would wait for who writes to it.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if !file.metadata()?.is_file() {
        return refuse("it is no regular file");
    }
    text(file)
}

fn text(file: File) -> io::Result<String> {
    let mut text = String::new();
    if file.take(MAX_FILE + 1).read_to_string(&mut text)? as u64 > MAX_FILE {
        let message = format!("it is larger than {} MB", MAX_FILE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

impl Found {
    fn new(file: &Path, problem: SpecProblem) -> Found {
        Found {
            file: file.to_string_lossy().into_owned(),
            line: problem.line,
            column: problem.column,
            path: problem.path,
            severity: if problem.warning { "warning" } else { "error" },
            message: problem.message,
        }
    }

    /// `file:line:column: what (way)`, as compilers have it.
    fn line(&self) -> String {
        let place = match self.line {
            0 => String::new(),
            line => format!("{line}:{}:", self.column),
        };
        let (file, message) = (visible(&self.file), visible(&self.message));
        let path = if self.path.is_empty() { String::new() } else { format!(" ({})", visible(&self.path)) };
        format!("{file}:{place} {}: {message}{path}\n", self.severity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_a_line_that_editors_understand() {
        let problem = |line, column, warning| SpecProblem {
            line,
            column,
            warning,
            path: if line > 0 { "args[0]".into() } else { String::new() },
            message: "no\nname".into(),
        };
        let line = |problem| Found::new(Path::new("a.js"), problem).line();
        assert_eq!(line(problem(3, 7, false)), "a.js:3:7: error: no\\nname (args[0])\n");
        assert_eq!(line(problem(0, 0, true)), "a.js: warning: no\\nname\n");
    }
}
