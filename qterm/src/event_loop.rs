//! Waits for the terminal, the shell, the daemon, signals and the clock, and dispatches. Decides nothing.
//!
//! Every queue is bounded: when the terminal does not take output the shell is not read, when the shell does not take
//! input the terminal is not read, so that both sides wait as they would without us. Nothing here blocks.

use std::{
    io::{self, ErrorKind, Read},
    os::{fd::AsFd, unix::net::UnixStream},
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::{consts::signal, low_level::pipe};

use crate::{
    client::Client,
    insert::EditFile,
    pty::{Ended, Pty},
    session::{Effect, Session},
    tty::Tty,
};

/// Most bytes that wait for the terminal before the shell is no longer read, and the other way round.
const MAX_QUEUE: usize = 256 << 10;

/// One read, in bytes. A PTY rarely has more at once.
const READ: usize = 64 << 10;

/// Most output that is passed on before it is looked at, in bytes.
const MAX_BACKLOG: usize = 256 << 10;

/// After the shell has ended its last output is waited for this long; a background process may hold the terminal open.
const DRAIN: Duration = Duration::from_millis(20);

/// The exit status of a shell that has closed its terminal is waited for this long.
const LAST_STATUS: Duration = Duration::from_secs(2);

/// A terminal that takes nothing any more is waited for this long at the end.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// The signals that are waited for.
const SIGNALS: &[i32] =
    &[signal::SIGWINCH, signal::SIGCHLD, signal::SIGTERM, signal::SIGHUP, signal::SIGINT, signal::SIGCONT];

/// How we end when the terminal has gone away.
const HANGUP: Ended = Ended::Code(128 + signal::SIGHUP);

/// Everything that the loop works on.
pub struct EventLoop {
    tty: Tty,
    pty: Pty,
    client: Client,
    edits: EditFile,
    /// `None` after a panic in it: from then on bytes pass and nothing is drawn.
    session: Option<Session>,
    signals: Signals,
    to_terminal: Queue,
    to_shell: Queue,
    connected: bool,
}

/// Signals as bytes on a socket, one socket each.
struct Signals {
    sockets: Vec<(i32, UnixStream)>,
}

/// Bytes that wait to be written.
#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    written: usize,
    /// The other side took nothing more the last time; it is tried again when it is ready.
    blocked: bool,
}

/// What is ready.
struct Ready {
    tty: PollFlags,
    pty: PollFlags,
    daemon: bool,
    signals: bool,
}

/// How a round ended.
enum Turn {
    Next,
    /// No one has the shell's terminal open any more.
    ShellGone,
    /// The user's terminal is gone.
    TerminalGone,
}

impl Ready {
    fn is_nothing(&self) -> bool {
        self.tty.is_empty() && self.pty.is_empty() && !self.daemon && !self.signals
    }
}

impl EventLoop {
    /// A loop over these ends.
    pub fn new(
        tty: Tty,
        pty: Pty,
        client: Client,
        edits: EditFile,
        session: Session,
    ) -> io::Result<EventLoop> {
        Ok(EventLoop {
            tty,
            pty,
            client,
            edits,
            session: Some(session),
            signals: Signals::new()?,
            to_terminal: Queue::default(),
            to_shell: Queue::default(),
            connected: false,
        })
    }

    /// Runs until the shell or the terminal is gone; how the shell ended.
    pub fn run(mut self) -> io::Result<Ended> {
        self.carry_out();
        // The shell may have ended before the signal for it was waited for.
        if let Some(status) = self.pty.try_wait()? {
            return self.finish(status);
        }
        loop {
            let ready = self.wait()?;
            if ready.signals
                && let Some(status) = self.on_signals()?
            {
                return self.finish(status);
            }
            match self.turn(&ready)? {
                Turn::Next => {}
                Turn::ShellGone => return self.wait_for_status(),
                Turn::TerminalGone => return Ok(HANGUP),
            }
        }
    }

    /// One round over what is ready.
    fn turn(&mut self, ready: &Ready) -> io::Result<Turn> {
        if ready.tty.contains(PollFlags::POLLOUT) {
            self.to_terminal.blocked = false;
            self.flush_terminal()?;
        }
        if ready.pty.contains(PollFlags::POLLOUT) {
            self.to_shell.blocked = false;
            self.flush_shell()?;
        }
        if readable(ready.tty) && !self.read_terminal()? {
            return Ok(Turn::TerminalGone);
        }
        if readable(ready.pty) && !self.read_shell()? {
            return Ok(Turn::ShellGone);
        }
        if ready.daemon {
            self.read_daemon();
        }
        self.on_time();
        Ok(Turn::Next)
    }

    /// The shell has closed its terminal: its status follows, unless it goes on without one.
    fn wait_for_status(mut self) -> io::Result<Ended> {
        let until = Instant::now() + LAST_STATUS;
        loop {
            if let Some(status) = self.pty.try_wait()? {
                return self.finish(status);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.finish(HANGUP);
            }
            let timeout = PollTimeout::try_from(left.as_millis() as u64 + 1).unwrap_or(PollTimeout::ZERO);
            let signals = self.signals.sockets.iter();
            let mut fds: Vec<_> =
                signals.map(|(_, socket)| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
            if !matches!(poll(&mut fds, timeout), Err(error) if error != nix::errno::Errno::EINTR) {
                self.signals.take();
            }
        }
    }

    /// Waits until something is ready or a limit has passed. Output that has been passed on is looked at when there is
    /// nothing else to do, so that a flood is not slowed down by it.
    fn wait(&mut self) -> io::Result<Ready> {
        if self.backlog() == 0 {
            return self.poll(self.timeout());
        }
        let ready = self.poll(PollTimeout::ZERO)?;
        if !ready.is_nothing() && !readable(ready.tty) && self.backlog() < MAX_BACKLOG {
            return Ok(ready);
        }
        self.absorb();
        if ready.is_nothing() { self.poll(self.timeout()) } else { Ok(ready) }
    }

    fn backlog(&self) -> usize {
        self.session.as_ref().map_or(0, Session::backlog)
    }

    fn absorb(&mut self) {
        self.guard(|session, pty| session.absorb(Instant::now(), &|| pty.shell_reads_keys()));
        self.carry_out();
    }

    fn poll(&self, timeout: PollTimeout) -> io::Result<Ready> {
        let mut tty_events = PollFlags::empty();
        tty_events.set(PollFlags::POLLIN, self.to_shell.len() < MAX_QUEUE);
        tty_events.set(PollFlags::POLLOUT, !self.to_terminal.is_empty());
        let mut pty_events = PollFlags::empty();
        pty_events.set(PollFlags::POLLIN, self.to_terminal.len() < MAX_QUEUE);
        pty_events.set(PollFlags::POLLOUT, !self.to_shell.is_empty());
        let mut daemon_events = PollFlags::POLLIN;
        daemon_events.set(PollFlags::POLLOUT, self.client.wants_write());

        let mut fds =
            vec![PollFd::new(self.tty.as_fd(), tty_events), PollFd::new(self.pty.as_fd(), pty_events)];
        fds.extend(
            self.signals.sockets.iter().map(|(_, socket)| PollFd::new(socket.as_fd(), PollFlags::POLLIN)),
        );
        let daemon = fds.len();
        fds.extend(self.client.fd().map(|fd| PollFd::new(fd, daemon_events)));
        match poll(&mut fds, timeout) {
            Err(nix::errno::Errno::EINTR) | Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = |at: usize| fds.get(at).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        let signals = (2..daemon).any(|at| !flags(at).is_empty());
        Ok(Ready { tty: flags(0), pty: flags(1), daemon: !flags(daemon).is_empty(), signals })
    }

    /// Until the nearest limit; for ever when there is none.
    fn timeout(&self) -> PollTimeout {
        let session = self.session.as_ref().and_then(Session::deadline);
        let Some(at) = session.into_iter().chain(self.client.deadline()).min() else {
            return PollTimeout::NONE;
        };
        let left = at.saturating_duration_since(Instant::now());
        // Rounded up: a limit that has not quite passed would make the loop spin.
        PollTimeout::try_from(left.as_millis() as u64 + 1).unwrap_or(PollTimeout::MAX)
    }

    fn read_terminal(&mut self) -> io::Result<bool> {
        let mut buffer = [0; READ];
        let length = match self.tty.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(length) => length,
            Err(error) if is_retry(&error) => return Ok(true),
            Err(_) => return Ok(false),
        };
        let bytes = &buffer[..length];
        if !self.guard(|session, pty| session.on_input(bytes, Instant::now(), &|| pty.shell_reads_keys())) {
            self.to_shell.push(bytes);
        }
        self.carry_out();
        Ok(true)
    }

    /// Reads all that is there, up to a limit: a PTY gives a few kilobytes at a time, a terminal likes more.
    fn read_shell(&mut self) -> io::Result<bool> {
        let mut buffer = [0; READ];
        let mut length = 0;
        let mut open = true;
        while length < READ {
            match self.pty.read(&mut buffer[length..]) {
                Ok(0) => open = false,
                Ok(more) => {
                    length += more;
                    continue;
                }
                Err(error) if is_retry(&error) => {}
                Err(error) => return Err(error),
            }
            break;
        }
        if length > 0 {
            self.pass_output(&buffer[..length])?;
        }
        Ok(open)
    }

    /// The terminal gets the output first; it is looked at later, unless something of ours is on the screen.
    fn pass_output(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.session.as_ref().is_some_and(Session::is_drawn) {
            self.absorb();
        }
        let mut forward = Vec::new();
        if !self.guard(|session, _| forward = session.on_output(bytes)) {
            forward = bytes.to_vec();
        }
        self.to_terminal.push(&forward);
        self.flush_terminal()
    }

    fn read_daemon(&mut self) {
        self.client.flush();
        self.absorb();
        for message in self.client.read() {
            self.guard(|session, pty| session.on_answer(message, Instant::now(), &|| pty.shell_reads_keys()));
        }
        self.carry_out();
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        self.client.retry(now);
        if self.session.as_ref().and_then(Session::deadline).is_some_and(|limit| limit <= now) {
            self.guard(|session, pty| session.on_time(now, &|| pty.shell_reads_keys()));
        }
        self.carry_out();
    }

    /// Does what the session wants, until it wants nothing more.
    fn carry_out(&mut self) {
        loop {
            self.note_connection();
            let effects = self.session.as_mut().map(Session::take_effects).unwrap_or_default();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.carry_out_one(effect);
            }
        }
        // Whatever cannot be written now is written when the other side is ready; errors show up when it is read.
        let _ = self.flush_terminal();
        let _ = self.flush_shell();
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Terminal(bytes) => self.to_terminal.push(&bytes),
            Effect::Shell(bytes) => self.to_shell.push(&bytes),
            Effect::Ask => self.pty.ask(),
            Effect::Tell(message) => self.client.send(&message),
            Effect::Connect => drop(self.client.connect(Instant::now())),
            Effect::Edit { cursor, old, new } => {
                if let Err(error) = self.edits.write(cursor, &old, &new) {
                    tracing::warn!("an edit cannot be handed over: {error}");
                    self.guard(|session, _| session.stop_offering());
                }
            }
            Effect::ClearEdit => self.edits.remove(),
        }
    }

    /// Tells the session when the daemon has come or gone.
    fn note_connection(&mut self) {
        let connected = self.client.is_connected();
        if connected != self.connected {
            self.connected = connected;
            let now = Instant::now();
            self.guard(|session, pty| session.on_connection(connected, now, &|| pty.shell_reads_keys()));
        }
    }

    /// Handles the signals that have come; the exit status when one of them ends us.
    fn on_signals(&mut self) -> io::Result<Option<Ended>> {
        for signal in self.signals.take() {
            match signal {
                signal::SIGWINCH => self.resize(),
                signal::SIGCONT => self.tty.make_raw()?,
                signal::SIGCHLD => {
                    if let Some(status) = self.pty.try_wait()? {
                        return Ok(Some(status));
                    }
                }
                ending => return Ok(Some(Ended::Code(128 + ending))),
            }
        }
        Ok(None)
    }

    /// The menu goes first, then the shell is told of the new size.
    fn resize(&mut self) {
        let size = self.tty.size();
        self.absorb();
        self.guard(|session, _| session.on_resize(size.ws_row.into(), size.ws_col.into()));
        self.carry_out();
        if let Err(error) = self.pty.resize(&size) {
            tracing::warn!("the new size cannot be passed on: {error}");
        }
    }

    /// The shell has ended: passes on the last output, takes ours away.
    fn finish(mut self, status: Ended) -> io::Result<Ended> {
        let until = Instant::now() + DRAIN;
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left.as_millis() as u64 + 1).unwrap_or(PollTimeout::ZERO);
            let mut fds = [PollFd::new(self.pty.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut fds, timeout)? > 0;
            if !ready || !self.read_shell().unwrap_or(false) {
                break;
            }
        }
        self.absorb();
        self.guard(|session, _| session.on_end());
        self.carry_out();
        self.flush_last();
        Ok(status)
    }

    /// Writes what is left for the terminal, as long as it takes something.
    fn flush_last(&mut self) {
        let until = Instant::now() + LAST_WRITE;
        while !self.to_terminal.is_empty() && Instant::now() < until {
            let mut fds = [PollFd::new(self.tty.as_fd(), PollFlags::POLLOUT)];
            let ready = poll(&mut fds, PollTimeout::from(100u8));
            self.to_terminal.blocked = false;
            if ready.is_err() || self.flush_terminal().is_err() {
                return;
            }
        }
    }

    fn flush_terminal(&mut self) -> io::Result<()> {
        let tty = &mut self.tty;
        self.to_terminal.flush(|bytes| tty.write(bytes))
    }

    fn flush_shell(&mut self) -> io::Result<()> {
        let pty = &mut self.pty;
        self.to_shell.flush(|bytes| pty.write(bytes))
    }

    /// Lets the session work. After a panic in it there is no session any more, and false comes back: bytes go on
    /// passing, and the shell stays.
    fn guard(&mut self, work: impl FnOnce(&mut Session, &Pty)) -> bool {
        let Some(session) = self.session.as_mut() else { return false };
        let pty = &self.pty;
        let done = catch_unwind(AssertUnwindSafe(|| work(session, pty))).is_ok();
        if !done {
            tracing::error!("the session has failed; only bytes pass from now on");
            self.session = None;
        }
        done
    }
}

fn readable(flags: PollFlags) -> bool {
    flags.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR)
}

fn is_retry(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl Signals {
    fn new() -> io::Result<Signals> {
        let mut sockets = Vec::new();
        for &signal in SIGNALS {
            let (reader, writer) = UnixStream::pair()?;
            reader.set_nonblocking(true)?;
            pipe::register(signal, writer)?;
            sockets.push((signal, reader));
        }
        Ok(Signals { sockets })
    }

    /// The signals that have come since the last call.
    fn take(&mut self) -> Vec<i32> {
        let mut buffer = [0; 64];
        let mut came = Vec::new();
        for (signal, socket) in &mut self.sockets {
            while matches!(socket.read(&mut buffer), Ok(length) if length > 0) {
                came.push(*signal);
            }
        }
        came.dedup();
        came
    }
}

impl Queue {
    fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes until nothing is left or nothing more is taken.
    fn flush(&mut self, mut write: impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<()> {
        while !self.is_empty() && !self.blocked {
            match write(&self.bytes[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.blocked = true,
                Err(error) => return Err(error),
            }
        }
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        } else if self.written > MAX_QUEUE {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }
}
