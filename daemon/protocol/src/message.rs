//! What `qterm`, `q` and other clients say to `qd`, and what it answers.
//!
//! All offsets are bytes of UTF-8 in the line that the request carries. No type is recursive, so that a hostile frame
//! cannot overflow a stack.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// From a client to the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToDaemon {
    /// What the session looks like from now on; replaces what was said before on this connection.
    Context(Context),
    /// What may stand at the cursor? Answered by one or more [`Answer`]s of the same generation.
    Complete(Request),
    /// What does the engine understand of this line? Answered by [`Parsed`].
    Parse(Request),
    /// A command line was run.
    Ran(Ran),
    /// A row was accepted: ranks it higher next time.
    Accepted(Accepted),
    /// Is anyone there? Answered by [`Status`].
    Status,
}

/// From the daemon to a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromDaemon {
    /// Candidates and ghost text. Boxed: it is far larger than the other messages.
    Answer(Box<Answer>),
    /// What the engine understood.
    Parsed(Box<Parsed>),
    /// What the daemon is.
    Status(Status),
    /// The request could not be answered.
    Failed(Failed),
}

/// The dialects that Q speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shell {
    /// GNU bash, 4.4 or later.
    #[default]
    Bash,
    /// zsh, 5.3 or later.
    Zsh,
    /// fish, 3.3 or later.
    Fish,
}

impl Shell {
    /// The shell that a program of this name or path is, if Q knows it: `/usr/bin/zsh`, `-bash`.
    pub fn of_program(program: &str) -> Option<Shell> {
        let name = program.rsplit('/').next().unwrap_or(program);
        match name.trim_start_matches('-') {
            "bash" => Some(Shell::Bash),
            "zsh" => Some(Shell::Zsh),
            "fish" => Some(Shell::Fish),
            _ => None,
        }
    }

    /// Its name: `bash`, `zsh` or `fish`.
    pub fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }
}

/// The world of a session, as far as completions depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// Names the terminal, so that several connections of one terminal can be told apart from other terminals.
    pub session: String,
    /// Whose syntax the line is in.
    pub shell: Shell,
    /// Working directory, absolute. Empty when it is not UTF-8 or unknown: then nothing is listed.
    pub cwd: String,
    /// Exported variables, at least `PATH` and `HOME` when they are set.
    pub env: BTreeMap<String, String>,
    /// Alias names and what they stand for, unquoted once.
    pub aliases: BTreeMap<String, String>,
    /// Names of the shell's functions and builtins.
    pub functions: Vec<String>,
    /// The shell's history file; empty for the usual one of the shell.
    pub history_file: String,
}

/// A question about one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// Chosen by the client, larger for each request; a newer one cancels the older.
    pub generation: u64,
    /// The whole line, several rows if it has newlines.
    pub line: String,
    /// Cursor, a byte offset in `line`.
    pub cursor: u32,
    /// How long slow candidates may take before the last answer; milliseconds. 0: only what is there at once.
    pub wait: u32,
    /// At most so many candidates; 0 for the daemon's own limit.
    pub limit: u32,
}

/// A command line that was run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The line as it was accepted.
    pub line: String,
    /// Where.
    pub cwd: String,
    /// Its exit status, when it is known.
    pub status: Option<i32>,
    /// When it started; milliseconds since the epoch.
    pub started: u64,
    /// How long it ran; milliseconds.
    pub duration: u64,
}

/// A row that a user accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The command and subcommands that it completes: `["git", "checkout"]`.
    pub command: Vec<String>,
    /// The name of the row.
    pub name: String,
}

/// Candidates and ghost text for one request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The request's.
    pub generation: u64,
    /// The command and subcommands at the cursor, canonical names.
    pub command: Vec<String>,
    /// The word being completed, as it stands in the line.
    pub token: Token,
    /// The part of the word, unquoted, that rows were matched with.
    pub query: String,
    /// The argument expected at the cursor, if there is one.
    pub argument: Option<ArgumentHint>,
    /// Rows in the order in which they are shown.
    pub candidates: Vec<Candidate>,
    /// The continuation drawn after the cursor.
    pub ghost: Option<Ghost>,
    /// Slower sources are still at work: another answer of this generation follows.
    pub pending: bool,
    /// From request to answer, in the daemon; microseconds.
    pub elapsed_us: u64,
}

/// A word of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Where it starts in the line.
    pub start: u32,
    /// Where it ends; the cursor or after it.
    pub end: u32,
    /// The word unquoted, up to the cursor.
    pub text: String,
}

/// What an argument is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgumentHint {
    /// Its name; empty when the spec gives none.
    pub name: String,
    /// One line of help.
    pub description: Option<String>,
    /// May be left out.
    pub optional: bool,
    /// Takes any number of values.
    pub variadic: bool,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The name that matched and that is inserted.
    pub name: String,
    /// All its names.
    pub names: Vec<String>,
    /// What is shown. Raw: whoever draws it makes control characters visible.
    pub display: String,
    /// What it is.
    pub kind: Kind,
    /// One line of help. Raw, like `display`.
    pub description: Option<String>,
    /// Argument hints after the name: `<file>`, `[file]`, `…`.
    pub hint: String,
    /// An emoji of the spec, if it has one.
    pub icon: Option<String>,
    /// 0 to 100 as the spec gives it, plus what usage adds.
    pub priority: f64,
    /// Where it comes from: `spec:git`, `path`, `history`, `generator:git`.
    pub source: String,
    /// Destroys something: marked, never first, never ghost text.
    pub dangerous: bool,
    /// Which bytes of `display` matched, as `[start, end)` pairs.
    pub matches: Vec<(u32, u32)>,
    /// What accepting it does to the line.
    pub edit: Edit,
}

/// What a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A subcommand.
    Subcommand,
    /// An option.
    Option,
    /// A value.
    #[default]
    Arg,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A program, builtin or function.
    Command,
    /// An alias or abbreviation.
    Alias,
    /// A shell variable.
    Variable,
    /// A line or value of history.
    History,
    /// Something of its own.
    Special,
}

/// A change to the line: replace `[start, end)` by `text` and put the cursor at `cursor` of the changed line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// First byte replaced.
    pub start: u32,
    /// End of what is replaced.
    pub end: u32,
    /// What stands there afterwards, quoted for the shell.
    pub text: String,
    /// Byte offset in the changed line.
    pub cursor: u32,
}

impl Edit {
    /// The line after this change, or `None` when the change does not fit the line.
    pub fn apply(&self, line: &str) -> Option<String> {
        let (start, end) = (self.start as usize, self.end as usize);
        let (before, after) = (line.get(..start)?, line.get(end..)?);
        if start > end {
            return None;
        }
        Some([before, &self.text, after].concat())
    }
}

/// The continuation drawn after the cursor, which stands at the end of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ghost {
    /// What would be added to the line, exactly.
    pub text: String,
    /// Where it comes from: `history`, or the source of a candidate.
    pub source: String,
}

/// What the engine understood of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parsed {
    /// The request's.
    pub generation: u64,
    /// The commands of the line, in order, after alias expansion.
    pub commands: Vec<ParsedCommand>,
    /// Which of them the cursor is in; `commands.len()` when it is in none.
    pub current: u32,
    /// What may come at the cursor.
    pub expects: Expects,
    /// First names of the options already given to the command at the cursor.
    pub passed_options: Vec<String>,
    /// The part of the word, unquoted, that rows are matched with.
    pub query: String,
}

/// One command of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParsedCommand {
    /// Its words; that of the cursor last, empty after a space.
    pub words: Vec<ParsedWord>,
    /// Assignments before it, as typed.
    pub assignments: Vec<String>,
    /// Redirections, as typed.
    pub redirects: Vec<String>,
}

/// One word of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParsedWord {
    /// The word unquoted.
    pub text: String,
    /// Where it starts in the line as typed.
    pub start: u32,
    /// Where it ends in the line as typed.
    pub end: u32,
    /// Its quotes are closed.
    pub complete: bool,
}

/// What may come at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expects {
    /// Subcommands.
    pub subcommands: bool,
    /// Options.
    pub options: bool,
    /// An argument.
    pub argument: Option<ExpectedArgument>,
}

/// The argument that may come at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedArgument {
    /// Its name, if the spec gives one.
    pub name: Option<String>,
    /// Its place in the list of arguments, from 0.
    pub index: u32,
    /// `subcommand` or `option`.
    pub of: String,
    /// Takes any number of values.
    pub variadic: bool,
    /// May be left out.
    pub optional: bool,
}

/// What the daemon is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Of its program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// How many commands the archive describes; 0 when there is no archive.
    pub commands: u32,
    /// What is wrong with the archive, if anything.
    pub archive_error: Option<String>,
}

/// Why a request was not answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The request's generation, 0 when it could not be read.
    pub generation: u64,
    /// What was wrong, in one sentence.
    pub message: String,
}
