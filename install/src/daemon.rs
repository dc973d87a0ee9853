//! The connection to this user's `qd`, started when it is absent and wanted, and ending it.
//!
//! The socket must lie in a directory of this user's alone, and the process behind it must be this user's.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use interprocess::local_socket::{GenericFilePath, Stream, prelude::*};
use nix::{libc, sys::signal::Signal, unistd::Pid};
use protocol::paths::Paths;

use crate::{programs, replies};

/// How long a daemon that was just started may take until it listens. It opens one file first: far less than this.
const START_TIME: Duration = Duration::from_secs(5);

/// First wait between two looks for its socket; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(2);

/// How long a daemon may take to end.
const END_TIME: Duration = Duration::from_secs(5);

/// Descriptors that the daemon must not inherit are looked for up to this number.
const MAX_INHERITED: i32 = 1024;

/// A connection to the daemon.
#[derive(Debug)]
pub(crate) struct Connection(Stream);

impl Connection {
    /// Connects to the daemon, which is started when there is none.
    pub(crate) fn open(paths: &Paths) -> anyhow::Result<Connection> {
        match Connection::to_running(paths)? {
            Some(connection) => Ok(connection),
            None => start_and_connect(paths),
        }
    }

    /// Connects to the daemon if one runs.
    pub(crate) fn to_running(paths: &Paths) -> anyhow::Result<Option<Connection>> {
        let socket = paths.socket();
        let directory = paths.runtime.display();
        paths
            .secure_runtime()
            .with_context(|| format!("{directory} cannot hold a socket; set XDG_RUNTIME_DIR"))?;
        let stream = match Stream::connect(socket.clone().to_fs_name::<GenericFilePath>()?) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            stream => stream.with_context(|| socket.display().to_string())?,
        };
        if stream.peer_creds()?.euid() != Some(nix::unistd::geteuid().as_raw()) {
            bail!("{} belongs to another user; remove it", socket.display());
        }
        Ok(Some(Connection(stream)))
    }

    /// The daemon's process.
    fn process(&self) -> anyhow::Result<Pid> {
        let process = self.0.peer_creds()?.pid().context("the system does not tell the daemon's process")?;
        Ok(Pid::from_raw(process))
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Stream::UdSocket(socket) => socket.as_fd(),
        }
    }
}

/// Ends the daemon and waits until it is gone. False when none runs.
pub(crate) fn quit(paths: &Paths) -> anyhow::Result<bool> {
    let Some(mut connection) = Connection::to_running(paths)? else { return Ok(false) };
    let process = connection.process()?;
    nix::sys::signal::kill(process, Signal::SIGTERM).with_context(|| format!("qd (process {process})"))?;
    let deadline = Instant::now() + END_TIME;
    while replies::wait_readable(&connection, deadline)? {
        // The connection ends with the daemon, by an end of file or by an error.
        if connection.read(&mut [0; 256]).unwrap_or(0) == 0 {
            return Ok(true);
        }
    }
    bail!("qd (process {process}) does not end; end it with `kill -KILL {process}`")
}

fn start_and_connect(paths: &Paths) -> anyhow::Result<Connection> {
    let program = programs::daemon()?;
    start(&program).with_context(|| format!("{} cannot be started; install Q again", program.display()))?;
    let deadline = Instant::now() + START_TIME;
    let mut wait = FIRST_WAIT;
    while Instant::now() < deadline {
        if let Some(connection) = Connection::to_running(paths)? {
            return Ok(connection);
        }
        thread::sleep(wait);
        wait *= 2;
    }
    bail!("qd was started but does not listen; see {}, or use --no-daemon", paths.log("qd").display())
}

/// Starts the daemon in a session of its own, with nothing of ours but its environment. It is nobody's child, so that it
/// outlives us and leaves no zombie.
fn start(program: &Path) -> io::Result<()> {
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec only async-signal-safe calls are made.
    unsafe {
        command.pre_exec(|| {
            // A descriptor that it kept open would make whoever waits for its end wait for the daemon's.
            for fd in 3..MAX_INHERITED {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
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
