//! The connection to the daemon: never waited for, and never missed by the shell.
//!
//! Non-blocking. When there is no daemon one is started, and asked a few times in the next second; when that fails
//! nothing more happens until the next prompt. The other end of the socket must belong to this user.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use interprocess::local_socket::{GenericFilePath, Stream, prelude::*};
use nix::libc;
use protocol::{
    FromDaemon, ToDaemon,
    frame::{self, Decoder},
    paths::Paths,
};

/// First wait for a daemon that was just started; each further wait is twice as long.
const FIRST_RETRY: Duration = Duration::from_millis(10);

/// How often a daemon that was just started is looked for: about a second and a half in all.
const RETRIES: u32 = 7;

/// A daemon is started at most this often, so that one which dies at once does no harm.
const MIN_RESTART: Duration = Duration::from_secs(1);

/// Most bytes that wait for a daemon that does not read; beyond it the connection is given up.
const MAX_OUTBOX: usize = 4 << 20;

/// The connection, or the lack of it.
pub struct Client {
    paths: Option<Paths>,
    /// The `qd` to start.
    program: PathBuf,
    stream: Option<Stream>,
    decoder: Decoder,
    outbox: Vec<u8>,
    /// When to look again, and how often that was done; 0 when a daemon is to be started then.
    retry: Option<(Instant, u32)>,
    started: Option<Instant>,
}

impl Client {
    /// A connection that is made when it is first needed.
    pub fn new(paths: Option<Paths>) -> Client {
        let program = std::env::current_exe().ok().and_then(|qterm| Some(qterm.parent()?.join("qd")));
        Client {
            paths,
            program: program.unwrap_or_else(|| PathBuf::from("qd")),
            stream: None,
            decoder: Decoder::default(),
            outbox: Vec::new(),
            retry: None,
            started: None,
        }
    }

    /// Whether messages reach a daemon.
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// The descriptor to wait on, if there is a connection.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self.stream.as_ref()? {
            Stream::UdSocket(socket) => Some(socket.as_fd()),
        }
    }

    /// Whether bytes wait to be written.
    pub fn wants_write(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// When to look for a daemon again.
    pub fn deadline(&self) -> Option<Instant> {
        self.retry.map(|(at, _)| at)
    }

    /// Connects, starting the daemon when there is none. True when a connection is there that was not before.
    pub fn connect(&mut self, now: Instant) -> bool {
        if self.stream.is_some() || self.retry.is_some() {
            return false;
        }
        if self.try_connect() {
            return true;
        }
        match self.started.map(|before| before + MIN_RESTART).filter(|&earliest| now < earliest) {
            Some(earliest) => self.retry = Some((earliest, 0)),
            None => self.start(now),
        }
        false
    }

    /// Starts a daemon, and looks for it a little later.
    fn start(&mut self, now: Instant) {
        self.started = Some(now);
        self.retry = start(&self.program).is_ok().then(|| (now + FIRST_RETRY, 1));
    }

    /// Looks again for a daemon that was started. True when it is there.
    pub fn retry(&mut self, now: Instant) -> bool {
        let Some((at, count)) = self.retry else { return false };
        if now < at {
            return false;
        }
        if self.try_connect() {
            self.retry = None;
            return true;
        }
        match count {
            0 => self.start(now),
            _ => self.retry = (count < RETRIES).then(|| (now + FIRST_RETRY * 2u32.pow(count), count + 1)),
        }
        false
    }

    /// Sends a message, if there is anyone to send it to.
    pub fn send(&mut self, message: &ToDaemon) {
        let Ok(bytes) = frame::encode(message) else { return };
        if self.stream.is_none() {
            return;
        }
        if self.outbox.len() + bytes.len() > MAX_OUTBOX {
            return self.close();
        }
        self.outbox.extend_from_slice(&bytes);
        self.flush();
    }

    /// Writes what waits, as far as the socket takes it.
    pub fn flush(&mut self) {
        while let (false, Some(stream)) = (self.outbox.is_empty(), &mut self.stream) {
            match stream.write(&self.outbox) {
                Ok(written) if written > 0 => drop(self.outbox.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                _ => return self.close(),
            }
        }
    }

    /// Reads the messages that are there. The connection is given up when it ends or makes no sense.
    pub fn read(&mut self) -> Vec<FromDaemon> {
        let mut buffer = [0; 16 << 10];
        let mut messages = Vec::new();
        while let Some(stream) = &mut self.stream {
            match stream.read(&mut buffer) {
                Ok(0) => self.close(),
                Ok(length) => self.decoder.push(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.close(),
            }
            while let Some(message) = self.next_message() {
                messages.push(message);
            }
        }
        messages
    }

    fn next_message(&mut self) -> Option<FromDaemon> {
        match self.decoder.next() {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!("the daemon is not understood: {error}");
                self.close();
                None
            }
        }
    }

    fn try_connect(&mut self) -> bool {
        let Some(paths) = &self.paths else { return false };
        match connect(paths) {
            Ok(stream) => {
                self.stream = Some(stream);
                self.decoder = Decoder::default();
                self.outbox.clear();
                true
            }
            Err(error) => {
                tracing::debug!("no daemon: {error}");
                false
            }
        }
    }

    fn close(&mut self) {
        self.stream = None;
        self.decoder = Decoder::default();
        self.outbox.clear();
    }
}

/// Connects to this user's daemon, if the socket and the process behind it are this user's.
fn connect(paths: &Paths) -> io::Result<Stream> {
    paths.secure_runtime()?;
    let stream = Stream::connect(paths.socket().to_fs_name::<GenericFilePath>()?)?;
    let owner = stream.peer_creds()?.euid();
    if owner != Some(nix::unistd::geteuid().as_raw()) {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "the daemon belongs to another user"));
    }
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Starts the daemon in a session of its own, with nothing of ours but its environment. It is nobody's child, so that no
/// zombie is left when it ends.
fn start(program: &Path) -> io::Result<()> {
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec only async-signal-safe calls are made.
    unsafe {
        command.pre_exec(|| {
            if libc::setsid() < 0 {
                return Err(io::Error::last_os_error());
            }
            match libc::fork() {
                -1 => Err(io::Error::last_os_error()),
                0 => Ok(()),
                _ => libc::_exit(0),
            }
        });
    }
    command.spawn()?.wait()?;
    Ok(())
}
