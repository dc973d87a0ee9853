//! The user's terminal: raw mode, size, and non-blocking bytes in both directions.
//!
//! Standard input and output are shared with the parent shell, so their modes are never changed beyond the terminal's
//! own settings, and those are put back on drop. Reads and writes go through a file description of our own.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::OpenOptionsExt,
    },
};

use nix::{
    libc,
    pty::Winsize,
    sys::termios::{self, SetArg, Termios},
};

mod ioctl {
    #![allow(missing_docs)] // The macro writes a function without one.
    use nix::{libc, pty::Winsize};
    nix::ioctl_read_bad!(read_size, libc::TIOCGWINSZ, Winsize);
}

/// The size taken when the terminal says that it has none.
const FALLBACK_SIZE: (u16, u16) = (24, 80);

/// The terminal, raw until dropped.
pub struct Tty {
    file: File,
    cooked: Termios,
}

impl Tty {
    /// The terminal on standard input, made raw. Fails when standard input or output is none.
    pub fn open() -> io::Result<Tty> {
        let input = io::stdin();
        let cooked = termios::tcgetattr(&input)?;
        termios::tcgetattr(io::stdout())?;
        let path = nix::unistd::ttyname(&input)?;
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
        let file = File::options().read(true).write(true).custom_flags(flags).open(path)?;
        let tty = Tty { file, cooked };
        tty.make_raw()?;
        Ok(tty)
    }

    /// Makes the terminal raw, also again after someone has stopped and continued us.
    pub fn make_raw(&self) -> io::Result<()> {
        let mut raw = self.cooked.clone();
        termios::cfmakeraw(&mut raw);
        Ok(termios::tcsetattr(&self.file, SetArg::TCSANOW, &raw)?)
    }

    /// The settings that the terminal had, and that the shell's terminal is to have.
    pub fn cooked(&self) -> &Termios {
        &self.cooked
    }

    /// Rows, columns and pixels.
    pub fn size(&self) -> Winsize {
        size_of(self.file.as_fd())
    }

    /// Reads what is there; `Ok(0)` when the terminal is gone.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }

    /// Writes as much as the terminal takes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
}

impl AsFd for Tty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // Nothing can be done when the terminal is gone already.
        let _ = termios::tcsetattr(&self.file, SetArg::TCSANOW, &self.cooked);
    }
}

/// The size of the terminal behind `fd`, with a fallback where it has none.
fn size_of(fd: BorrowedFd) -> Winsize {
    use std::os::fd::AsRawFd;
    let mut size = Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel fills in a `Winsize`.
    let read = unsafe { ioctl::read_size(fd.as_raw_fd(), &mut size) };
    if read.is_err() || size.ws_row == 0 || size.ws_col == 0 {
        (size.ws_row, size.ws_col) = FALLBACK_SIZE;
    }
    size
}
