//! A program on a PTY, read by the bench itself: each piece of output with the moment at which it arrived.

use std::{
    io::Write,
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use harness::{Launch, Model, PATIENCE, Screen, Size};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::{Pid, read},
};
use portable_pty::{Child, MasterPty, native_pty_system};

/// Output is complete when nothing has come for so long: ten times what a suggestion may take.
pub(crate) const QUIET: Duration = Duration::from_millis(25);

/// A piece of output.
pub(crate) struct Piece {
    /// When it was there to be read.
    pub(crate) at: Instant,
    /// What it is.
    pub(crate) bytes: Vec<u8>,
}

/// A program on a PTY of 24 rows of 80.
pub(crate) struct Pty {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    model: Model,
    buffer: Vec<u8>,
}

impl Pty {
    /// Starts a shell.
    pub(crate) fn start(launch: &Launch) -> anyhow::Result<Pty> {
        let pair = native_pty_system().openpty(Size::default().on_pty())?;
        let child = pair.slave.spawn_command(launch.command())?;
        let writer = pair.master.take_writer()?;
        Ok(Pty {
            master: pair.master,
            writer,
            child,
            model: Model::new(Size::default()),
            buffer: vec![0; 1 << 16],
        })
    }

    /// Starts a shell and waits until it has shown its prompt and come to rest.
    pub(crate) fn start_at_prompt(launch: &Launch) -> anyhow::Result<Pty> {
        let mut pty = Pty::start(launch)?;
        pty.wait_until("the first prompt", |screen| screen.is_at_prompt())?;
        pty.collect()?;
        Ok(pty)
    }

    /// What is shown now.
    pub(crate) fn screen(&self) -> Screen {
        self.model.screen()
    }

    /// The shell's process, or the program that stands for it.
    pub(crate) fn pid(&self) -> anyhow::Result<i32> {
        Ok(self.child.process_id().context("a running program")? as i32)
    }

    /// Sends keys; the moment before they were written.
    pub(crate) fn send(&mut self, keys: &[u8]) -> anyhow::Result<Instant> {
        let at = Instant::now();
        self.writer.write_all(keys)?;
        Ok(at)
    }

    /// Reads, and shows in the model, until nothing has come for [`QUIET`].
    pub(crate) fn collect(&mut self) -> anyhow::Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        while let Some(piece) = self.next(QUIET)? {
            self.show(&piece.bytes)?;
            pieces.push(piece);
        }
        Ok(pieces)
    }

    /// Reads, and shows in the model, until the screen fulfils a condition; the moment of the piece that did it.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        condition: impl Fn(&Screen) -> bool,
    ) -> anyhow::Result<Instant> {
        let pieces = self.read_until(what, condition)?;
        Ok(pieces.last().map_or_else(Instant::now, |piece| piece.at))
    }

    /// Reads until the screen fulfils a condition and then until nothing has come for [`QUIET`].
    pub(crate) fn collect_until(
        &mut self,
        what: &str,
        condition: impl Fn(&Screen) -> bool,
    ) -> anyhow::Result<Vec<Piece>> {
        let mut pieces = self.read_until(what, condition)?;
        pieces.extend(self.collect()?);
        Ok(pieces)
    }

    /// Reads until the screen fulfils a condition.
    fn read_until(&mut self, what: &str, condition: impl Fn(&Screen) -> bool) -> anyhow::Result<Vec<Piece>> {
        let end = Instant::now() + PATIENCE;
        let mut pieces = Vec::new();
        while !condition(&self.screen()) {
            let Some(piece) = self.next(end.saturating_duration_since(Instant::now()))? else {
                bail!("no {what}:\n{}", self.screen().dump());
            };
            self.show(&piece.bytes)?;
            pieces.push(piece);
        }
        Ok(pieces)
    }

    /// Reads until `end` has been written; shown in the model only if `parses`. The moment of the last piece.
    pub(crate) fn drain(&mut self, end: &[u8], parses: bool) -> anyhow::Result<Instant> {
        let mut tail = Vec::new();
        while let Some(piece) = self.next(PATIENCE)? {
            if parses {
                self.show(&piece.bytes)?;
            }
            let kept = tail.len().saturating_sub(end.len());
            tail.drain(..kept);
            tail.extend_from_slice(&piece.bytes[piece.bytes.len().saturating_sub(4096)..]);
            if tail.windows(end.len()).any(|part| part == end) {
                return Ok(Instant::now());
            }
        }
        bail!("the output {} did not come", end.escape_ascii());
    }

    /// The next piece of output; `None` when none comes in time.
    fn next(&mut self, limit: Duration) -> anyhow::Result<Option<Piece>> {
        let number = self.master.as_raw_fd().context("a PTY with a descriptor")?;
        // SAFETY: `self.master` owns the descriptor and outlives this borrow of it.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let mut waiting = [PollFd::new(descriptor, PollFlags::POLLIN)];
        if poll(&mut waiting, PollTimeout::try_from(limit)?)? == 0 {
            return Ok(None);
        }
        let at = Instant::now();
        let count = read(descriptor, &mut self.buffer).context("the program ended")?;
        Ok(Some(Piece { at, bytes: self.buffer[..count].to_vec() }))
    }

    /// Feeds output to the model and sends what a terminal answers.
    fn show(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let answers = self.model.feed(bytes);
        Ok(self.writer.write_all(&answers)?)
    }
}

impl Drop for Pty {
    /// Ends the program before the writer closes: that would run what is typed.
    fn drop(&mut self) {
        if let Ok(pid) = self.pid() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL); // It may have ended by itself.
        }
        let _ = self.child.wait(); // Nothing is left to be done when this fails.
    }
}
