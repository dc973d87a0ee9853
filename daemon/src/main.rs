//! `qd`: arguments, the state of the process, logging, the runtime; then [`daemon::server`] or one pass over standard
//! input.

mod log;

use std::fs;
use std::io::{Read, Write, stdin, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use daemon::server::{self, Options};
use daemon::session::{Places, Session, Shared};
use daemon::settings::SettingsFile;
use daemon::store::{Access, Store};
use daemon::user_specs::MAX_HANGS;
use daemon::world::MAX_LOOKS;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, close};
use protocol::frame::{Decoder, Error, encode_json};
use protocol::paths::Paths;
use protocol::{FromDaemon, ToDaemon};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

/// Threads of the runtime: they only pass messages on.
const WORKERS: usize = 2;

/// Threads that may wait for files, beside those that hang: they compute answers, one for each client at most.
const THINKERS: usize = 16;

/// Bytes read of standard input at a time.
const READ_SIZE: usize = 16 << 10;

/// How long the start waits to have read database and settings, and the end to have written the former.
const DISK_WAIT: Duration = Duration::from_millis(500);

/// The daemon of Q: answers what may stand at the cursor of a command line.
#[derive(Parser)]
#[command(name = "qd", version)]
struct Arguments {
    /// Answer the messages on standard input, one JSON object a line, and exit: no socket, no other clients.
    #[arg(long)]
    once: bool,
    /// The spec archive [default: Q_ARCHIVE, else the installed one].
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
    /// Listen here [default: qd.sock in the runtime directory].
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Be the worker that runs the JavaScript of specs; started by the daemon alone.
    #[arg(long, hide = true)]
    script_worker: bool,
    /// Leave after so many seconds without clients.
    #[arg(long, value_name = "SECONDS", default_value_t = server::IDLE.as_secs())]
    idle: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.script_worker {
        return Ok(daemon::script::worker::run()?);
    }
    let paths = Paths::here().context("there is no home directory: set HOME")?;
    let places = Places {
        archives: archives(&arguments, &paths)?,
        specs: paths.specs(),
        worker: std::env::current_exe()?,
    };
    if arguments.once {
        return once(Shared::new(places, store(&paths, Access::Read), settings(&paths)));
    }
    let socket = match &arguments.socket {
        Some(socket) => std::path::absolute(socket)?,
        None => paths.socket(),
    };
    serve(places, &paths, Options { socket, idle: Duration::from_secs(arguments.idle) })
}

/// Where the archive may be, best first.
fn archives(arguments: &Arguments, paths: &Paths) -> Result<Vec<PathBuf>> {
    let named = arguments.archive.clone().or_else(|| std::env::var_os("Q_ARCHIVE").map(PathBuf::from));
    match named {
        Some(archive) => Ok(vec![std::path::absolute(archive)?]),
        None => Ok(paths.archives(&std::env::current_exe()?)),
    }
}

fn serve(places: Places, paths: &Paths, options: Options) -> Result<()> {
    settle_down()?;
    start_log(paths.log("qd"));
    if options.socket == paths.socket() {
        paths.secure_runtime().with_context(|| format!("cannot use {}", paths.runtime.display()))?;
    }
    let runtime = runtime()?;
    let shared = Shared::new(places, store(paths, Access::Write), settings(paths));
    let served = runtime.block_on(server::run(Arc::clone(&shared), options));
    // What cannot be saved now is lost; the log has said why.
    let _ = shared.store().flush(DISK_WAIT);
    // Threads that hang on a dead mount are not waited for.
    runtime.shutdown_background();
    served.inspect_err(|error| tracing::error!(%error, "cannot serve")).context("cannot serve")
}

/// Logs from now on. Without a log the daemon does its work all the same, and a home that hangs does not keep it.
fn start_log(file: PathBuf) {
    let (started, starting) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = log::start(&file); // There is nowhere to say it.
        let _ = started.send(()); // Nobody waits for it any more when it took long.
    });
    let _ = starting.recv_timeout(DISK_WAIT); // It goes on by itself.
}

/// What earlier daemons kept; a disk that is slow is not waited for.
fn store(paths: &Paths, access: Access) -> Store {
    let store = Store::open(paths.database(), access);
    if !store.wait(DISK_WAIT) {
        tracing::warn!("the database is slow to read");
    }
    store
}

fn settings(paths: &Paths) -> SettingsFile {
    let settings = SettingsFile::new(paths.settings());
    settings.look_for(DISK_WAIT);
    settings
}

fn runtime() -> Result<Runtime> {
    let threads = MAX_LOOKS + MAX_HANGS + THINKERS;
    Ok(Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(threads)
        .enable_all()
        .build()?)
}

/// Becomes independent of who started it: its directory, its umask, and the descriptors that it left open, such as
/// that of a lock or of a terminal.
fn settle_down() -> Result<()> {
    umask(Mode::from_bits_truncate(0o077));
    chdir("/")?;
    for descriptor in inherited() {
        // The one of the list itself is closed already.
        let _ = close(descriptor);
    }
    Ok(())
}

/// The open descriptors beside the three standard ones.
fn inherited() -> Vec<i32> {
    let Ok(open) = fs::read_dir("/dev/fd") else { return Vec::new() };
    let numbers = open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|&descriptor| descriptor > 2).collect()
}

/// Answers what is on standard input, one after the other, each with its last answer.
fn once(shared: Arc<Shared>) -> Result<()> {
    let runtime = runtime()?;
    let answered = runtime.block_on(answer_all(shared));
    runtime.shutdown_background();
    answered
}

async fn answer_all(shared: Arc<Shared>) -> Result<()> {
    let (mut decoder, mut buffer) = (Decoder::default(), vec![0; READ_SIZE]);
    let mut session = Session::new(shared);
    loop {
        let length = stdin().read(&mut buffer)?;
        // The last line may lack its newline.
        decoder.push(if length == 0 { b"\n" } else { &buffer[..length] });
        while let Some(message) = next_message(&mut decoder, length == 0)? {
            if let Some(answer) = answer(&mut session, message).await {
                stdout().lock().write_all(&encode_json(&answer)?)?;
            }
        }
        if length == 0 {
            return Ok(());
        }
    }
}

/// The next line's message; at the end of input an empty line is none.
fn next_message(decoder: &mut Decoder, at_end: bool) -> Result<Option<ToDaemon>> {
    match decoder.next_json() {
        Err(Error::Json(error)) if at_end && error.is_eof() => Ok(None),
        message => Ok(message?),
    }
}

/// The answer to one message, if it has one.
async fn answer(session: &mut Session, message: ToDaemon) -> Option<FromDaemon> {
    match message {
        ToDaemon::Context(context) => session.set_context(context),
        ToDaemon::Ran(ran) => session.ran(&ran),
        ToDaemon::Accepted(accepted) => session.accepted(accepted),
        ToDaemon::Complete(request) => {
            let ask = session.ask(request);
            return last(|out| ask.answer(out)).await;
        }
        ToDaemon::Why(request) => {
            let ask = session.ask(request);
            return last(|out| ask.why(out)).await;
        }
        ToDaemon::Parse(request) => {
            let ask = session.ask(request);
            return last(|out| ask.parse(out)).await;
        }
        ToDaemon::ListSpecs(question) => return Some(session.list_specs(question).await),
        ToDaemon::ShowSpec(question) => return Some(session.show_spec(question).await),
        ToDaemon::CheckSpec(question) => return Some(session.check_spec(question).await),
        ToDaemon::Trust(wanted) => return Some(session.trust(wanted).await),
        ToDaemon::TrustedFolders => return Some(session.trusted()),
        ToDaemon::Status => return Some(FromDaemon::Status(session.status())),
    }
    None
}

/// The last thing that is said to a request.
async fn last<F>(work: impl FnOnce(mpsc::Sender<FromDaemon>) -> F) -> Option<FromDaemon>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (out, mut answers) = mpsc::channel(1);
    let working = tokio::spawn(work(out));
    let mut last = None;
    while let Some(answer) = answers.recv().await {
        last = Some(answer);
    }
    working.await.ok()?;
    last
}
