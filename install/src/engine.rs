//! The engine that is asked: in the daemon, or with `--no-daemon` in a child process that ends with us.
//!
//! Messages go in, the last reply to each comes out. A daemon that another version of Q has left behind is ended, and
//! ours is started in its place.

use std::{
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use protocol::{Context, FromDaemon, Status, ToDaemon, frame, paths::Paths};

use crate::{
    daemon::{self, Connection},
    programs,
    replies::{AnotherVersion, Form, Replies},
};

/// How long an answer may take beyond what the question allows: for a busy machine, and for the first start of the
/// engine.
const GRACE: Duration = Duration::from_secs(5);

/// An engine, ready to be asked.
pub(crate) struct Engine {
    channel: Channel,
    replies: Replies,
    status: Status,
}

impl Engine {
    /// The engine of the daemon, which is started if it is absent, or one of our own.
    pub(crate) fn open(own: bool) -> anyhow::Result<Engine> {
        if own {
            return Engine::over(Channel::Child(Process::start()?), Form::Json);
        }
        let paths = Paths::here().context("there is no home directory; set HOME")?;
        match Engine::of_daemon(&paths) {
            Err(error) if error.is::<AnotherVersion>() => {}
            engine => return engine,
        }
        daemon::quit(&paths).context("qd is of another version than q and does not end")?;
        Engine::of_daemon(&paths).map_err(|error| match error.is::<AnotherVersion>() {
            true => anyhow::anyhow!("the installed qd is of another version than q; install Q again"),
            false => error,
        })
    }

    fn of_daemon(paths: &Paths) -> anyhow::Result<Engine> {
        let engine = Engine::over(Channel::Daemon(Connection::open(paths)?), Form::Binary)?;
        if engine.status.version != env!("CARGO_PKG_VERSION") {
            return Err(AnotherVersion.into());
        }
        Ok(engine)
    }

    /// Asks what is on the other side before anything else: another version does not understand the rest.
    fn over(channel: Channel, form: Form) -> anyhow::Result<Engine> {
        let mut engine = Engine { channel, replies: Replies::new(form), status: Status::default() };
        match engine.ask(&ToDaemon::Status, Duration::ZERO)? {
            FromDaemon::Status(status) => engine.status = status,
            _ => return Err(unexpected()),
        }
        Ok(engine)
    }

    /// An engine without specs answers with little. In a terminal that is better than nothing; whoever asks by hand is
    /// told.
    pub(crate) fn demand_specs(&self) -> anyhow::Result<()> {
        match &self.status.archive_error {
            None => Ok(()),
            Some(error) => bail!(
                "there are no completion specs: {error}; build them with `cargo specc build --out FILE`, and name the file in Q_ARCHIVE or see README"
            ),
        }
    }

    /// Tells what the session looks like from now on.
    pub(crate) fn tell(&mut self, context: Context) -> anyhow::Result<()> {
        self.send(&ToDaemon::Context(context))
    }

    /// Asks something, and waits for the last reply as long as the question allows.
    pub(crate) fn ask(&mut self, question: &ToDaemon, patience: Duration) -> anyhow::Result<FromDaemon> {
        self.send(question)?;
        let generation = match question {
            ToDaemon::Complete(request) | ToDaemon::Why(request) => request.generation,
            _ => 0,
        };
        self.replies.last(&mut self.channel, generation, Instant::now() + patience + GRACE)
    }

    fn send(&mut self, message: &ToDaemon) -> anyhow::Result<()> {
        match &mut self.channel {
            Channel::Daemon(connection) => connection
                .write_all(&frame::encode(message)?)
                .context("the connection to qd broke; ask again"),
            Channel::Child(process) => process
                .input
                .write_all(&frame::encode_json(message)?)
                .context("the engine ended; see its message above"),
        }
    }
}

/// What is said when a reply is none to what was asked.
pub(crate) fn unexpected() -> anyhow::Error {
    anyhow::anyhow!("qd answered something else; end it with `q quit`")
}

/// The way to an engine.
enum Channel {
    Daemon(Connection),
    Child(Process),
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Channel::Daemon(connection) => connection.read(buffer),
            Channel::Child(process) => process.output.read(buffer),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Channel::Daemon(connection) => connection.as_fd(),
            Channel::Child(process) => process.output.as_fd(),
        }
    }
}

/// A child process that does not outlive its use.
struct Process {
    child: Child,
    /// Kept open until the answer is there: its end would be taken for ours.
    input: ChildStdin,
    output: ChildStdout,
}

impl Process {
    fn start() -> anyhow::Result<Process> {
        let program = programs::daemon()?;
        let child = Command::new(&program).arg("--once").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child =
            child.with_context(|| format!("{} cannot be started; install Q again", program.display()))?;
        let input = child.stdin.take().context("the engine has no standard input")?;
        let output = child.stdout.take().context("the engine has no standard output")?;
        Ok(Process { child, input, output })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
