//! One life of the worker process, as the daemon sees it.
//!
//! A task reads what the worker tells and hands it to the call that it concerns; another writes what is asked. When the
//! worker ends, for whatever reason, each call learns whether it was the one that the worker was at.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::Signal;
use protocol::frame::{self, Decoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::Execute;
use super::message::{Answer, Ask, Module, Tell};
use super::sources::Sources;
use crate::lock::lock;

/// A worker that nobody has called for so long is ended: its memory is worth more than the milliseconds of a start.
const IDLE: Duration = Duration::from_secs(180);

/// A worker that does not let go of a cancelled call within so long is ended. It looks for such frames between any two
/// entries, each of which ends by itself long before.
const PATIENCE: Duration = Duration::from_secs(5);

/// Frames that wait to be written; who has another one waits too.
const MAX_ASKS: usize = 16;

/// What a call may be told before it listens; the worker's own bound on programs is below it.
const MAX_EVENTS: usize = 256;

/// Sources that the worker may wait for at a time: one for each call.
const MAX_NEEDS: usize = super::MAX_CALLS;

/// Bytes read at a time.
const READ_SIZE: usize = 64 << 10;

/// What a call is told.
#[derive(Debug)]
pub(super) enum Event {
    /// Run a program.
    Run {
        /// Its number.
        program: u32,
        /// The program.
        what: Execute,
    },
    /// The call has ended.
    Done(Answer),
    /// The worker has ended.
    Ended(End),
}

/// How the worker's end concerns a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The worker was at another call, or at none.
    Innocent,
    /// The worker was at this call and used too much time where it could not be interrupted.
    Late,
    /// The worker was at this call.
    Guilty,
}

/// A worker process.
#[derive(Debug)]
pub(super) struct Process {
    /// Frames, and the calls that they are for.
    asks: mpsc::Sender<(Option<u64>, Vec<u8>)>,
    /// Bounded by the calls that there can be.
    cancels: mpsc::UnboundedSender<u64>,
    state: Mutex<State>,
    /// Somebody waits for the worker to let go of a call.
    cancelled: Notify,
}

#[derive(Debug)]
struct State {
    ended: bool,
    calls: HashMap<u64, mpsc::Sender<Event>>,
    /// Calls that the worker has to let go of, and since when.
    leaving: VecDeque<(u64, Instant)>,
    /// How many sources the worker waits for.
    needs: usize,
    /// The call that the worker is at.
    entered: Option<u64>,
    last_use: Instant,
}

impl Process {
    /// Starts a worker.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub(super) fn start(program: &Path, sources: Arc<Sources>) -> io::Result<Arc<Process>> {
        let mut child = command(program).spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the worker has no pipes"));
        };
        let (asks, next_asks) = mpsc::channel(MAX_ASKS);
        let (cancels, next_cancels) = mpsc::unbounded_channel();
        let process = Arc::new(Process {
            asks,
            cancels,
            state: Mutex::new(State {
                ended: false,
                calls: HashMap::new(),
                leaving: VecDeque::new(),
                needs: 0,
                entered: None,
                last_use: Instant::now(),
            }),
            cancelled: Notify::new(),
        });
        tokio::spawn(write(Arc::downgrade(&process), stdin, next_asks, next_cancels));
        tokio::spawn(Arc::clone(&process).watch(child, stdout, sources));
        Ok(process)
    }

    /// Whether it takes no more calls.
    pub(super) fn has_ended(&self) -> bool {
        lock(&self.state).ended
    }

    /// Announces a call; what it is told arrives on the receiver. None when the worker has ended.
    pub(super) fn register(self: &Arc<Self>, call: u64) -> Option<Registered> {
        let (sender, events) = mpsc::channel(MAX_EVENTS);
        let mut state = lock(&self.state);
        if state.ended {
            return None;
        }
        state.calls.insert(call, sender);
        state.last_use = Instant::now();
        Some(Registered { process: Arc::clone(self), call, events })
    }

    /// Asks something, on behalf of a call if it is given. What cannot be delivered shows as the worker's end.
    ///
    /// # Errors
    /// When it is too much for a frame.
    pub(super) async fn ask(&self, call: Option<u64>, ask: &Ask) -> Result<(), frame::Error> {
        let bytes = frame::encode(ask)?;
        // The worker's end is an event of its own.
        let _ = self.asks.send((call, bytes)).await;
        Ok(())
    }

    /// Whether a frame is still worth writing.
    fn wants(&self, call: Option<u64>) -> bool {
        call.is_none_or(|call| lock(&self.state).calls.contains_key(&call))
    }

    /// Reads what the worker tells until it ends or has to be ended.
    async fn watch(self: Arc<Self>, mut child: Child, mut stdout: ChildStdout, sources: Arc<Sources>) {
        let why = tokio::select! {
            why = self.listen(&mut stdout, &sources) => why,
            () = self.stuck() => "it does not answer",
            () = self.unused() => "nobody needs it",
        };
        tracing::debug!(why, "the script worker ends");
        // It may have ended by itself.
        let _ = child.start_kill();
        let status = child.wait().await;
        let late = status.is_ok_and(|status| {
            use std::os::unix::process::ExitStatusExt;
            status.signal() == Some(Signal::SIGPROF as i32)
        });
        self.end(late);
    }

    async fn listen(self: &Arc<Self>, stdout: &mut ChildStdout, sources: &Arc<Sources>) -> &'static str {
        let (mut decoder, mut buffer) = (Decoder::default(), vec![0; READ_SIZE]);
        loop {
            match stdout.read(&mut buffer).await {
                Ok(0) => return "it has left",
                Ok(length) => decoder.push(&buffer[..length]),
                Err(_) => return "it cannot be read",
            }
            loop {
                let heard = match decoder.next() {
                    Ok(Some(tell)) => self.tell(tell, sources),
                    Ok(None) => break,
                    Err(_) => false,
                };
                if !heard {
                    return "it says what it must not";
                }
            }
        }
    }

    /// Hands on what the worker tells; false when no worker of ours would say it.
    fn tell(self: &Arc<Self>, tell: Tell, sources: &Arc<Sources>) -> bool {
        let mut state = lock(&self.state);
        match tell {
            Tell::Need(_) if state.needs == MAX_NEEDS => false,
            Tell::Need(module) => {
                state.needs += 1;
                tokio::spawn(deliver(Arc::clone(self), Arc::clone(sources), module));
                true
            }
            Tell::Enter(call) => {
                state.entered = Some(call);
                true
            }
            Tell::Cancelled(call) => {
                state.leaving.retain(|(left, _)| *left != call);
                true
            }
            Tell::Run { call, program, what } => state.event(call, Event::Run { program, what }),
            Tell::Done { call, answer } => {
                let heard = state.event(call, Event::Done(answer));
                state.calls.remove(&call);
                heard
            }
        }
    }

    /// Returns when the worker has not let go of a call for too long.
    async fn stuck(&self) {
        loop {
            let oldest = lock(&self.state).leaving.front().map(|(_, since)| *since);
            match oldest {
                Some(since) if since.elapsed() > PATIENCE => return,
                Some(since) => sleep_until(since + PATIENCE + Duration::from_millis(1)).await,
                None => self.cancelled.notified().await,
            }
        }
    }

    /// Returns when nobody has used the worker for a while.
    async fn unused(&self) {
        loop {
            let until = {
                let mut state = lock(&self.state);
                if !state.calls.is_empty() {
                    state.last_use = Instant::now();
                } else if state.last_use.elapsed() >= IDLE {
                    // Who comes now must find another one.
                    state.ended = true;
                    return;
                }
                state.last_use + IDLE
            };
            sleep_until(until).await;
        }
    }

    /// Tells all calls that the worker has ended.
    fn end(&self, late: bool) {
        let mut state = lock(&self.state);
        state.ended = true;
        let entered = state.entered;
        for (call, sender) in state.calls.drain() {
            let end = match entered == Some(call) {
                true if late => End::Late,
                true => End::Guilty,
                false => End::Innocent,
            };
            // One that has too much to listen to learns it by the closed channel.
            let _ = sender.try_send(Event::Ended(end));
        }
    }
}

impl State {
    /// Tells a call something; false when it is told more than it can have asked for. Calls that are not waited for any
    /// more are told nothing.
    fn event(&mut self, call: u64, event: Event) -> bool {
        let Some(sender) = self.calls.get(&call) else { return true };
        !matches!(sender.try_send(event), Err(mpsc::error::TrySendError::Full(_)))
    }
}

/// A call that the worker may be told of. Dropped before it has ended, it is cancelled.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) process: Arc<Process>,
    call: u64,
    events: mpsc::Receiver<Event>,
}

impl Registered {
    /// The next event; the last one is the end.
    pub(super) async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap_or(Event::Ended(End::Innocent))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut state = lock(&self.process.state);
        if state.ended || state.calls.remove(&self.call).is_none() {
            return;
        }
        state.leaving.push_back((self.call, Instant::now()));
        // Fails when the worker is ending.
        let _ = self.process.cancels.send(self.call);
        self.process.cancelled.notify_one();
    }
}

/// The worker as it is started: without environment, in a session of its own, so that no key of a terminal reaches it.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--script-worker").env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    // SAFETY: `setsid` is async-signal-safe, and nothing else happens between fork and exec.
    unsafe { command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from)) };
    command
}

/// Reads a source that the worker needs, where it may wait for a disk, and sends it.
async fn deliver(process: Arc<Process>, sources: Arc<Sources>, module: Module) {
    let asked = module.clone();
    let source = spawn_blocking(move || sources.source(&asked)).await.ok().flatten();
    let ask = Ask::Source { module: module.clone(), source };
    if process.ask(None, &ask).await.is_err() {
        // Too long for a frame: no module of ours is.
        let _ = process.ask(None, &Ask::Source { module, source: None }).await;
    }
    lock(&process.state).needs -= 1;
}

/// Writes what is asked until nobody can ask any more. A cancellation does not wait behind other frames, and calls that
/// are cancelled before they were written are not.
async fn write(
    process: std::sync::Weak<Process>,
    mut stdin: ChildStdin,
    mut asks: mpsc::Receiver<(Option<u64>, Vec<u8>)>,
    mut cancels: mpsc::UnboundedReceiver<u64>,
) {
    loop {
        let bytes = tokio::select! {
            biased;
            Some(call) = cancels.recv() => frame::encode(&Ask::Cancel(call)).unwrap_or_default(),
            Some((call, bytes)) = asks.recv() => {
                let wanted = process.upgrade().is_some_and(|process| process.wants(call));
                if wanted { bytes } else { Vec::new() }
            }
            else => return,
        };
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
