//! `qterm`: starts the user's shell on a PTY of its own and stands between it and the terminal.
//!
//! If anything fails before the shell runs, the shell is run without us: whoever opens a terminal gets a shell.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::Context as _;
use clap::Parser;
use protocol::{Shell, paths::Paths};
use qterm::{
    client::Client,
    event_loop::EventLoop,
    insert::EditFile,
    log,
    overlay::Style,
    pty::{Ended, Program, Pty},
    session::{Session, Setup},
    tty::Tty,
};

/// Version of the vocabulary between the shell's scripts and us, `shell/README.md`.
const VOCABULARY: u32 = 1;

/// So many of us around a shell are one too many: some rc file starts us again and again.
const MAX_NESTING: usize = 4;

/// How many parents are looked at.
const MAX_PARENTS: usize = 64;

/// Starts a shell with completions drawn in the terminal.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The shell to start [default: $SHELL]
    #[arg(long)]
    shell: Option<PathBuf>,
    /// Start it as a login shell
    #[arg(long)]
    login: bool,
    /// What the shell is to find as its name
    #[arg(long, allow_hyphen_values = true)]
    argv0: Option<OsString>,
    /// Arguments of the shell
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// The shell as it is to be started, with or without us.
struct Wrapped {
    path: PathBuf,
    argv0: OsString,
    args: Vec<OsString>,
}

fn main() -> ExitCode {
    let shell = Wrapped::new(Arguments::parse());
    match run(&shell) {
        Ok(ended) => ExitCode::from(ended.follow() as u8),
        Err(error) => {
            tracing::error!("{error:#}");
            shell.exec()
        }
    }
}

/// Everything up to the end of the shell. An error means that the shell was not started.
fn run(shell: &Wrapped) -> anyhow::Result<Ended> {
    anyhow::ensure!(nesting() < MAX_NESTING, "qterm is started inside of itself again and again");
    let paths = Paths::here();
    if let Some(paths) = &paths {
        log::start(paths.log("qterm"));
    }
    let runtime = paths.as_ref().context("there is no home directory")?;
    runtime.secure_runtime().context("the runtime directory cannot be used")?;
    let tty = Tty::open().context("standard input and output are not one terminal")?;

    let (secret, session) = (random_hex()?, random_hex()?);
    let edits = EditFile::new(&runtime.runtime, &session);
    let told = format!("{secret}\n{}\n{VOCABULARY}\n", edits.path().display());
    let env = vec![
        ("QTERM_SESSION_ID", OsString::from(&session)),
        ("Q_TERM", OsString::from(env!("CARGO_PKG_VERSION"))),
    ];
    let program = Program {
        path: shell.path.clone(),
        argv0: shell.argv0.clone(),
        args: shell.args.clone(),
        env,
        secret: told,
        listens: Some(Shell::Zsh) == Shell::of_program(&shell.path.to_string_lossy()),
    };
    let size = tty.size();
    let pty = Pty::spawn(program, &size, tty.cooked()).context("the shell cannot be started")?;

    let setup = Setup {
        secret,
        session,
        style: Style::from_env(|name| std::env::var(name).ok()),
        remote: std::env::var_os("SSH_TTY").is_some(),
        variables: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
    };
    let session = Session::new(setup, size.ws_row.into(), size.ws_col.into(), Instant::now());
    let ended = EventLoop::new(tty, pty, Client::new(paths), edits, session).and_then(EventLoop::run);
    // The shell has run: starting another one now would be a surprise.
    Ok(ended.unwrap_or_else(|error| {
        tracing::error!("{error}");
        Ended::Code(1)
    }))
}

impl Wrapped {
    fn new(arguments: Arguments) -> Wrapped {
        let path = arguments.shell.or_else(|| std::env::var_os("SHELL").map(PathBuf::from));
        let path = path.unwrap_or_else(|| PathBuf::from("/bin/sh"));
        let argv0 =
            arguments.argv0.unwrap_or_else(|| path.file_name().unwrap_or(OsStr::new("sh")).to_owned());
        let mut args = arguments.args;
        if arguments.login && !argv0.to_string_lossy().starts_with('-') {
            args.insert(0, OsString::from("-l"));
        }
        Wrapped { path, argv0, args }
    }

    /// Becomes the shell.
    fn exec(self) -> ExitCode {
        let mut command = Command::new(&self.path);
        command.arg0(&self.argv0).args(&self.args);
        // Its rc file must not start us again: it is told that this terminal is ours, and finds no secret.
        if let Ok(terminal) = nix::unistd::ttyname(io::stdin()) {
            command.env("Q_CHILD_TTY", terminal);
        }
        let error = command.exec();
        eprintln!("error: {} cannot be started: {error}", self.path.display());
        ExitCode::from(127)
    }
}

/// 128 bits that no one can guess.
fn random_hex() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// How many of our ancestors are qterm, where the system can tell.
fn nesting() -> usize {
    let mut process = nix::unistd::getppid().as_raw();
    let mut count = 0;
    for _ in 0..MAX_PARENTS {
        let Some((name, parent)) = name_and_parent(process) else { break };
        count += usize::from(name == "qterm");
        process = parent;
    }
    count
}

/// A process's name and parent, from `/proc/PID/stat`: `pid (name) state parent …`.
fn name_and_parent(process: i32) -> Option<(String, i32)> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).ok()?;
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    Some((name, tail.split_whitespace().nth(1)?.parse().ok()?))
}
