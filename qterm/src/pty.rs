//! The shell on a PTY of its own.
//!
//! The child gets the terminal settings, size and environment that it would have had without us, a pipe with the secret
//! on descriptor 9, and default signals. An error of `exec` is reported, not lost. Every descriptor is closed on `exec`
//! from the start.

use std::{
    ffi::{OsStr, OsString},
    io::{self, PipeWriter, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl, open},
    libc,
    pty::{PtyMaster, Winsize, grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::{
        stat::Mode,
        termios::{self, LocalFlags, OutputFlags, SetArg, Termios},
    },
    unistd::Pid,
};

mod ioctl {
    #![allow(missing_docs)] // The macro writes a function without one.
    use nix::{libc, pty::Winsize};
    nix::ioctl_write_ptr_bad!(write_size, libc::TIOCSWINSZ, Winsize);
}

/// Where the shell finds the reading end of the pipe with its secret.
const SECRET_FD: i32 = 9;

/// How a shell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit status.
    Code(i32),
    /// A signal killed it.
    Signal(i32),
}

impl Ended {
    fn of(status: ExitStatus) -> Ended {
        match status.signal() {
            Some(signal) => Ended::Signal(signal),
            None => Ended::Code(status.code().unwrap_or_default()),
        }
    }

    /// The exit status that shells show for it.
    pub fn code(self) -> i32 {
        match self {
            Ended::Code(code) => code,
            Ended::Signal(signal) => 128 + signal,
        }
    }

    /// Ends this process in the same way. Returns where that cannot be, with the exit status that comes closest.
    pub fn follow(self) -> i32 {
        if let Ended::Signal(signal) = self {
            // SAFETY: plain system calls; a signal that cannot be raised is only an error.
            unsafe {
                // The memory that a crash would leave behind is the shell's business, not ours.
                libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 });
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
        self.code()
    }
}

/// What is to be started.
pub struct Program {
    /// The shell's path.
    pub path: PathBuf,
    /// Its `argv[0]`.
    pub argv0: OsString,
    /// Its other arguments.
    pub args: Vec<OsString>,
    /// Variables to set for it.
    pub env: Vec<(&'static str, OsString)>,
    /// What it finds in the pipe.
    pub secret: String,
    /// It goes on reading the pipe, which [`Pty::ask`] writes to.
    pub listens: bool,
}

/// The shell and our side of its terminal.
pub struct Pty {
    master: PtyMaster,
    child: Child,
    /// The writing end of the pipe, if the child listens at the other.
    pipe: Option<PipeWriter>,
}

impl Pty {
    /// Starts the program on a new PTY with these settings and this size.
    pub fn spawn(program: Program, size: &Winsize, settings: &Termios) -> io::Result<Pty> {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname_r(&master)?;
        let slave =
            open(Path::new(&name), OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty())?;
        termios::tcsetattr(&slave, SetArg::TCSANOW, settings)?;
        set_size(&slave, size)?;
        let (reader, writer) = secret_pipe(&program.secret)?;
        let listens = program.listens;
        let child = spawn_on(program, OsStr::new(&name), &slave, &reader)?;
        Ok(Pty { master, child, pipe: listens.then_some(writer) })
    }

    /// Asks a shell that listens for its line.
    pub fn ask(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        // A full pipe has been asked often enough; an error means that nobody listens any more.
        let _ = pipe.write(b"?");
    }

    /// Passes a new size on; the kernel tells the foreground program when it is another one.
    pub fn resize(&self, size: &Winsize) -> io::Result<()> {
        set_size(self.master.as_fd(), size)
    }

    /// Reads what the child has written; `Ok(0)` when no one has its terminal open any more.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.master.read(buffer) {
            Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(0),
            read => read,
        }
    }

    /// Writes as much as the child's terminal takes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.master.write(bytes)
    }

    /// Whether the shell itself has the terminal and reads keys one by one without echo, as line editors do.
    pub fn shell_reads_keys(&self) -> bool {
        let shell = Pid::from_raw(self.child.id() as i32);
        let Ok(foreground) = nix::unistd::tcgetpgrp(&self.master) else { return false };
        let Ok(settings) = termios::tcgetattr(&self.master) else { return false };
        let raw = !settings.local_flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO);
        let editor = settings.local_flags.contains(LocalFlags::ISIG)
            && settings.output_flags.contains(OutputFlags::OPOST);
        foreground == shell && raw && editor
    }

    /// How the shell ended, once it has.
    pub fn try_wait(&mut self) -> io::Result<Option<Ended>> {
        Ok(self.child.try_wait()?.map(Ended::of))
    }

    /// The shell's directory, where the system says.
    pub fn directory(&self) -> Option<PathBuf> {
        std::fs::read_link(format!("/proc/{}/cwd", self.child.id())).ok()
    }
}

impl AsFd for Pty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}

fn set_size(fd: impl AsFd, size: &Winsize) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel only reads the size.
    unsafe { ioctl::write_size(fd.as_fd().as_raw_fd(), size) }?;
    Ok(())
}

/// A pipe that holds `text`. Writing more to it never waits.
fn secret_pipe(text: &str) -> io::Result<(OwnedFd, PipeWriter)> {
    let (reader, mut writer) = io::pipe()?;
    // A pipe takes 4096 bytes at once: a longer text would block here for ever.
    if text.len() > 4096 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the secret is too long"));
    }
    writer.write_all(text.as_bytes())?;
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((reader.into(), writer))
}

fn spawn_on(program: Program, terminal: &OsStr, slave: &OwnedFd, pipe: &OwnedFd) -> io::Result<Child> {
    let pipe_fd = pipe.as_raw_fd();
    let mut command = Command::new(&program.path);
    command.arg0(&program.argv0).args(&program.args).envs(program.env).env("Q_CHILD_TTY", terminal);
    command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave.try_clone()?);
    // SAFETY: between fork and exec only async-signal-safe calls are made: no allocation, no locks.
    unsafe {
        command.pre_exec(move || {
            default_signals();
            if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY as _, 0) < 0 {
                return Err(io::Error::last_os_error());
            }
            install_pipe(pipe_fd)
        });
    }
    command.spawn()
}

/// Puts the pipe on the descriptor where the shell looks for it.
fn install_pipe(pipe: i32) -> io::Result<()> {
    // SAFETY: plain system calls on descriptors that this process owns.
    let done = unsafe {
        if pipe == SECRET_FD { libc::fcntl(pipe, libc::F_SETFD, 0) } else { libc::dup2(pipe, SECRET_FD) }
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Undoes what we, or whoever started us, did to signals; shells expect the defaults.
fn default_signals() {
    // SAFETY: plain system calls with constant arguments; setting an unchangeable signal only fails.
    unsafe {
        for signal in 1..32 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
}
