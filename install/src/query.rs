//! The options that `q complete`, `q why` and `q debug parse` share, and the question to the engine that they stand for.

use std::{
    env,
    path::{Path, PathBuf, absolute},
    time::Duration,
};

use anyhow::Context as _;
use protocol::{Context, FromDaemon, Request, Shell, ToDaemon};

use crate::{
    Usage,
    engine::Engine,
    output::Format,
    shell::{self, ShellName},
};

/// Longest `--wait`, in milliseconds.
const MAX_WAIT: i64 = 600_000;

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
    /// A global alias of zsh, or an abbreviation of fish that may stand anywhere
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    global_alias: Vec<(String, String)>,
    /// A suffix alias of zsh; its name has no dot
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    suffix_alias: Vec<(String, String)>,
    /// An abbreviation of fish
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    abbr: Vec<(String, String)>,
    /// A variable, instead of what the environment has
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// A folder of specs that comes before all others
    #[arg(long, value_name = "DIR")]
    spec_dir: Option<PathBuf>,
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

    /// Asks where candidates come from.
    pub(crate) fn why(&self) -> anyhow::Result<FromDaemon> {
        self.ask(ToDaemon::Why(self.request()?))
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
        Ok(Request {
            generation: 1,
            line: self.buffer.clone(),
            cursor: self.cursor()? as u32,
            wait: self.wait,
            limit: self.limit,
            spec_dir: self
                .spec_dir
                .as_deref()
                .map(|dir| folder("--spec-dir", dir))
                .transpose()?
                .unwrap_or_default(),
        })
    }

    fn context(&self) -> anyhow::Result<Context> {
        let mut context = surroundings(self.cwd.as_deref())?;
        context.shell = self.shell.map_or(context.shell, Shell::from);
        context.env.extend(self.env.iter().cloned());
        context.aliases = self.alias.iter().cloned().collect();
        context.global_aliases = self.global_alias.iter().cloned().collect();
        context.suffix_aliases = self.suffix_alias.iter().cloned().collect();
        context.abbreviations = self.abbr.iter().cloned().collect();
        if let Some(file) = &self.history {
            context.history_file = utf8(&absolute(file)?)?;
        }
        Ok(context)
    }

    fn ask(&self, question: ToDaemon) -> anyhow::Result<FromDaemon> {
        let context = self.context()?;
        let mut engine = Engine::open(self.no_daemon)?;
        engine.demand_specs()?;
        engine.tell(context)?;
        engine.ask(&question, Duration::from_millis(self.wait.into()))
    }
}

/// The session that we are run in, in this directory or the current one.
pub(crate) fn surroundings(directory: Option<&Path>) -> anyhow::Result<Context> {
    let cwd = match directory {
        Some(directory) => folder("--cwd", directory)?,
        None => utf8(&env::current_dir().context("the current directory")?)?,
    };
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(Context {
        session: format!("q-{}", std::process::id()),
        shell: shell::of_user().unwrap_or_default(),
        cwd,
        env: variables.collect(),
        ..Context::default()
    })
}

/// The absolute path of a folder that an option names.
pub(crate) fn folder(option: &str, path: &Path) -> anyhow::Result<String> {
    if !path.is_dir() {
        return Err(Usage(format!("{option} {}: there is no such directory", path.display())).into());
    }
    utf8(&absolute(path)?)
}

pub(crate) fn utf8(path: &Path) -> anyhow::Result<String> {
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
