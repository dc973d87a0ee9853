//! The options that `q complete` and `q debug parse` share, and the question to the engine that they stand for.
//!
//! The engine is asked in the daemon, or with `--no-daemon` in a child process that answers once and ends.

use std::{
    env,
    io::Write,
    path::{Path, PathBuf, absolute},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use protocol::{Context, FromDaemon, Request, Shell, Status, ToDaemon, frame, paths::Paths};

use crate::{
    Usage,
    daemon::Connection,
    output::Format,
    programs,
    replies::{self, Form},
    shell::{self, ShellName},
};

/// How long the last answer may take beyond `--wait`: for a busy machine, and for the first start of the engine.
const GRACE: Duration = Duration::from_secs(5);

/// Longest `--wait`, in milliseconds.
const MAX_WAIT: i64 = 600_000;

/// What is said when the daemon went away while it was asked.
const BROKEN: &str = "the connection to qd broke; ask again";

/// A question about a line.
#[derive(Debug, clap::Args)]
pub(crate) struct Query {
    /// Whose syntax the line is in [default: that of $SHELL, else bash]
    #[arg(long, value_name = "SHELL")]
    shell: Option<ShellName>,
    /// The working directory [default: the current one]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Where the cursor is, a byte offset [default: the end]
    #[arg(long, value_name = "BYTE")]
    cursor: Option<usize>,
    /// An alias of the shell
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    alias: Vec<(String, String)>,
    /// A variable, instead of what the environment has
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// How long slow candidates may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=MAX_WAIT))]
    wait: u32,
    /// At most so many candidates [default: the engine's own limit]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    limit: u32,
    /// The shell's history file [default: the shell's usual one]
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Run the engine here instead of asking the daemon
    #[arg(long)]
    no_daemon: bool,
    /// How to print the result
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// The line, up to the cursor or with more behind it
    pub(crate) buffer: String,
}

impl Query {
    /// Asks for candidates.
    pub(crate) fn complete(&self) -> anyhow::Result<FromDaemon> {
        self.ask(ToDaemon::Complete(self.request()?))
    }

    /// Asks what the engine understands.
    pub(crate) fn parse(&self) -> anyhow::Result<FromDaemon> {
        self.ask(ToDaemon::Parse(self.request()?))
    }

    /// The cursor, a byte offset.
    pub(crate) fn cursor(&self) -> Result<usize, Usage> {
        let cursor = self.cursor.unwrap_or(self.buffer.len());
        if self.buffer.is_char_boundary(cursor) {
            return Ok(cursor);
        }
        let length = self.buffer.len();
        Err(Usage(format!(
            "--cursor {cursor} is not between two characters of the line, which has {length} bytes"
        )))
    }

    fn request(&self) -> anyhow::Result<Request> {
        let cursor = self.cursor()? as u32;
        Ok(Request { generation: 1, line: self.buffer.clone(), cursor, wait: self.wait, limit: self.limit })
    }

    fn context(&self) -> anyhow::Result<Context> {
        let mut variables: Vec<(String, String)> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        variables.extend(self.env.iter().cloned());
        let history = self.history.as_deref().map(|file| utf8(&absolute(file)?)).transpose()?;
        Ok(Context {
            session: format!("q-{}", std::process::id()),
            shell: self.shell.map(Shell::from).or_else(shell::of_user).unwrap_or_default(),
            cwd: self.directory()?,
            env: variables.into_iter().collect(),
            aliases: self.alias.iter().cloned().collect(),
            functions: Vec::new(),
            history_file: history.unwrap_or_default(),
        })
    }

    fn directory(&self) -> anyhow::Result<String> {
        let Some(directory) = &self.cwd else {
            return utf8(&env::current_dir().context("the current directory")?);
        };
        if !directory.is_dir() {
            return Err(Usage(format!("--cwd {}: there is no such directory", directory.display())).into());
        }
        utf8(&absolute(directory)?)
    }

    fn ask(&self, question: ToDaemon) -> anyhow::Result<FromDaemon> {
        let messages = [ToDaemon::Context(self.context()?), question];
        let patience = Duration::from_millis(self.wait.into()) + GRACE;
        if self.no_daemon {
            return ask_child(&messages, patience);
        }
        let paths = Paths::here().context("there is no home directory; set HOME")?;
        let mut connection = Connection::open(&paths)?;
        for message in &messages {
            connection.write_all(&frame::encode(message)?).context(BROKEN)?;
        }
        let answer = replies::last(&mut connection, Form::Binary, Instant::now() + patience)?;
        connection.write_all(&frame::encode(&ToDaemon::Status)?).context(BROKEN)?;
        demand_specs(replies::last(&mut connection, Form::Binary, Instant::now() + patience)?)?;
        Ok(answer)
    }
}

/// Asks an engine that is started for this and ends with it.
fn ask_child(messages: &[ToDaemon], patience: Duration) -> anyhow::Result<FromDaemon> {
    let program = programs::daemon()?;
    let child = Command::new(&program).arg("--once").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let child = child.with_context(|| format!("{} cannot be started; install Q again", program.display()))?;
    let mut engine = Engine(child);
    // Kept open until the answer is there: its end would be taken for ours.
    let mut input = engine.0.stdin.take().context("the engine has no standard input")?;
    let mut output = engine.0.stdout.take().context("the engine has no standard output")?;
    for message in messages {
        input.write_all(&frame::encode_json(message)?).context("the engine ended; see its message above")?;
    }
    let answer = replies::last(&mut output, Form::Json, Instant::now() + patience)?;
    input
        .write_all(&frame::encode_json(&ToDaemon::Status)?)
        .context("the engine ended; see its message above")?;
    demand_specs(replies::last(&mut output, Form::Json, Instant::now() + patience)?)?;
    Ok(answer)
}

/// An engine without specs answers with little. In a terminal that is better than nothing; whoever asks by hand is told.
fn demand_specs(status: FromDaemon) -> anyhow::Result<()> {
    match status {
        FromDaemon::Status(Status { archive_error: Some(error), .. }) => {
            anyhow::bail!(
                "there are no completion specs: {error}; build them with `cargo specc build --out FILE`, and name the file in Q_ARCHIVE or see README"
            )
        }
        _ => Ok(()),
    }
}

/// A child process that does not outlive its use.
struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn utf8(path: &Path) -> anyhow::Result<String> {
    path.to_str()
        .map(str::to_owned)
        .with_context(|| format!("{} is not UTF-8; give another one", path.display()))
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it needs the form NAME=VALUE".to_owned()),
    }
}
