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
    /// Where do the rows of this line come from, and what is missing? Answered by [`Why`], once, when everything is
    /// there or the request's time is up.
    Why(Request),
    /// Which commands are described, and where? Answered by [`SpecList`].
    ListSpecs(ListSpecs),
    /// What does a spec say of a command? Answered by [`SpecTree`].
    ShowSpec(ShowSpec),
    /// What is wrong with this spec? Answered by [`SpecProblems`].
    CheckSpec(CheckSpec),
    /// Trust a folder, or no longer. Answered by [`TrustAnswer`].
    Trust(TrustFolder),
    /// Which folders are trusted? Answered by [`FromDaemon::TrustedFolders`].
    TrustedFolders,
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
    /// Where rows come from.
    Why(Box<Why>),
    /// The specs that there are.
    SpecList(SpecList),
    /// What a spec says.
    SpecTree(Box<SpecTree>),
    /// What is wrong with a spec.
    SpecProblems(SpecProblems),
    /// Whether a folder is trusted now.
    Trust(TrustAnswer),
    /// The folders that are trusted, with all below them.
    TrustedFolders(Vec<TrustedFolder>),
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
    /// Words that stand for others anywhere in a line: global aliases of zsh, abbreviations of fish whose position is
    /// anywhere.
    pub global_aliases: BTreeMap<String, String>,
    /// Endings of file names, without the dot, and the commands that such a name stands for: suffix aliases of zsh.
    pub suffix_aliases: BTreeMap<String, String>,
    /// Abbreviations of fish and what they stand for, unquoted once.
    pub abbreviations: BTreeMap<String, String>,
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
    /// A folder of specs that comes before all others for this request, absolute; empty for none.
    pub spec_dir: String,
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
    /// What accepting it does beside that. A row with an action is never accepted but when the user has selected it.
    pub action: Option<Action>,
}

/// What accepting a row does beside changing the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Trusts this folder; the same line is then asked about again.
    Trust(String),
}

/// A change of what is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrustFolder {
    /// The folder, absolute. Links in it are followed.
    pub folder: String,
    /// Trust it no longer.
    pub revoke: bool,
    /// Trust it whatever speaks against it: the user knows.
    pub anyway: bool,
}

/// Whether a folder is trusted now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustAnswer {
    /// Its real path.
    pub folder: String,
    /// The trusted folder that it is or is below, if it is trusted.
    pub by: Option<String>,
    /// That was not so before.
    pub changed: bool,
    /// What speaks against trusting it, each in a few words. Unless the user wants it anyway, it is not trusted then.
    pub concerns: Vec<String>,
}

/// A folder that is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedFolder {
    /// Its path.
    pub folder: String,
    /// Since when; milliseconds since the epoch.
    pub since: u64,
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

/// An answer, and what was done for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The last answer to the request.
    pub answer: Answer,
    /// For each row of the answer, which of `sources` it comes from; `None` for a row that needed none of them, such as
    /// a subcommand or a file.
    pub rows: Vec<Option<u32>>,
    /// The generators and functions that were asked, in the order in which the line needs them.
    pub sources: Vec<SourceReport>,
}

/// What one generator or function of a spec was asked, and how that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// The source as its rows name it: `generator:git`.
    pub source: String,
    /// What it was to yield.
    pub asked: Asked,
    /// From its start to its end, waiting for other programs included; milliseconds. 0 for what was kept.
    pub elapsed_ms: u64,
    /// It was fetched for an earlier request, so long before this one; milliseconds.
    pub kept_ms: Option<u64>,
    /// The programs that were run or refused for it, in order, even when that was for an earlier request.
    pub runs: Vec<RunReport>,
    /// How it ended.
    pub outcome: Outcome,
}

/// What a source was to yield.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Rows.
    #[default]
    Rows,
    /// More of the spec's tree (`generateSpec`).
    Tree,
    /// Where the rest of the tree is (`loadSpec`).
    Load,
    /// What a word stands for (`parserDirectives.alias`).
    Alias,
    /// The version of the installed tool.
    Version,
}

/// How a source ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not ended yet.
    #[default]
    Pending,
    /// It yielded so many rows.
    Rows(u32),
    /// It yielded what it was asked for, other than rows.
    Found,
    /// It yielded nothing, and says no more than that.
    Nothing,
    /// It runs what the directory controls, and the directory is not trusted.
    NotTrusted,
    /// It reaches for the network, which the settings do not allow.
    Network,
    /// It was ended when its time was up.
    TimedOut,
    /// Its program is not installed.
    Missing,
    /// It used or yielded too much.
    Limit(String),
    /// It went wrong.
    Failed(String),
}

/// One program that was run for a source, or was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The directory in which it ran.
    pub cwd: String,
    /// Its exit status; 128 + n when signal n ended it. `None` when it did not run to its end.
    pub status: Option<i32>,
    /// How long it ran; milliseconds.
    pub elapsed_ms: u64,
    /// Why it did not run, or not to its end.
    pub stopped: Option<Outcome>,
}

/// A question about the specs that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListSpecs {
    /// A folder of specs that comes before all others, absolute; empty for none.
    pub spec_dir: String,
    /// How long specs that are still being compiled are waited for; milliseconds.
    pub wait: u32,
}

/// The specs that there are, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecList {
    /// One for each command, and for each module in the user's folders.
    pub specs: Vec<SpecEntry>,
}

/// One spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecEntry {
    /// The command, or the module that others load: `git`, `aws/s3`.
    pub name: String,
    /// One line of help.
    pub description: Option<String>,
    /// The file of the user; `None` for what is in the archive.
    pub file: Option<String>,
    /// Why that file is not used as it is now. What is used is the version of it before, or the archive.
    pub error: Option<String>,
    /// How much is described. `None` when that is not known before someone asks for the command.
    pub counts: Option<SpecCounts>,
}

/// How much a spec describes, without what it loads from other specs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecCounts {
    /// Subcommands, at every depth.
    pub subcommands: u32,
    /// Options, at every depth.
    pub options: u32,
}

/// A question about one spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShowSpec {
    /// A folder of specs that comes before all others, absolute; empty for none.
    pub spec_dir: String,
    /// How long a spec that is still being compiled is waited for; milliseconds.
    pub wait: u32,
    /// The command and the subcommands below it: `["git", "remote"]`.
    pub command: Vec<String>,
    /// How many levels of subcommands are told.
    pub depth: u32,
}

/// What a spec says of a command and of what is below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecTree {
    /// The command with the subcommands that lead to it, canonical names.
    pub command: Vec<String>,
    /// The file of the user that says it; `None` for the archive.
    pub file: Option<String>,
    /// Why that file is not used as it is now, but as it was before.
    pub error: Option<String>,
    /// The command, then what is below it: each followed by its own subcommands.
    pub nodes: Vec<SpecNode>,
    /// There was more than a message holds.
    pub cut: bool,
}

/// A command or subcommand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecNode {
    /// How many levels below the first node.
    pub depth: u32,
    /// Its names, the canonical one first.
    pub names: Vec<String>,
    /// One line of help.
    pub description: Option<String>,
    /// Shown only when its exact name is typed.
    pub hidden: bool,
    /// Destroys something.
    pub dangerous: bool,
    /// It is deprecated.
    pub deprecated: bool,
    /// A subcommand must follow.
    pub requires_subcommand: bool,
    /// Its options.
    pub options: Vec<SpecOption>,
    /// Its arguments.
    pub args: Vec<SpecArg>,
    /// The rest is in this module, or is yielded by a function: then it is empty.
    pub loads: Option<String>,
}

/// An option.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecOption {
    /// Its names with their dashes, the canonical one first.
    pub names: Vec<String>,
    /// One line of help.
    pub description: Option<String>,
    /// Shown only when its exact name is typed.
    pub hidden: bool,
    /// Destroys something.
    pub dangerous: bool,
    /// It is deprecated.
    pub deprecated: bool,
    /// Must be given.
    pub required: bool,
    /// Also valid in all subcommands below.
    pub persistent: bool,
    /// May be given more than once.
    pub repeatable: bool,
    /// What must stand between it and its value; `None` for a space or whatever the command takes.
    pub separator: Option<String>,
    /// Options that cannot stand beside it.
    pub exclusive_on: Vec<String>,
    /// Options that it needs.
    pub depends_on: Vec<String>,
    /// Its values.
    pub args: Vec<SpecArg>,
}

/// An argument.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecArg {
    /// Its name; empty when the spec gives none.
    pub name: String,
    /// One line of help.
    pub description: Option<String>,
    /// May be left out.
    pub optional: bool,
    /// Takes any number of values.
    pub variadic: bool,
    /// Its known values.
    pub suggestions: Vec<String>,
    /// Built-in sources of values: `filepaths`, `folders`, `history`, `help`.
    pub templates: Vec<String>,
    /// How many programs and functions yield values.
    pub generators: u32,
    /// The value is itself a command.
    pub command: bool,
    /// What is taken when it is not given.
    pub default: Option<String>,
}

/// A spec to be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckSpec {
    /// The name of its file, which says what it is: `git.json`, `git.js`.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What is wrong with a spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecProblems {
    /// In the order of the text.
    pub problems: Vec<SpecProblem>,
}

/// One thing that is wrong with a spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecProblem {
    /// From 1; 0 when it is nowhere in particular.
    pub line: u32,
    /// From 1, in characters; 0 when it is nowhere in particular.
    pub column: u32,
    /// The way to it through the properties, such as `subcommands[3].name`; empty when there is none.
    pub path: String,
    /// What is wrong, and the nearest name that would be right.
    pub message: String,
    /// It does no harm but is not meant so, such as a name that no one reads.
    pub warning: bool,
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
    /// Why what is accepted and trusted is kept in memory only, if so.
    pub store_error: Option<String>,
    /// What is wrong with the settings file, with its line and column, if anything.
    pub settings_error: Option<String>,
}

/// Why a request was not answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The request's generation, 0 when it could not be read.
    pub generation: u64,
    /// What was wrong, in one sentence.
    pub message: String,
}
