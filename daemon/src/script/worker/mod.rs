//! The worker process: frames in on standard input, frames out on standard output, JavaScript between them.
//!
//! One thread, which sleeps in `poll` until there is a frame or a timer is due. Each module has a world of its own;
//! the ones that were used last stay. It ends when the daemon closes its input, and leaves by itself when it has grown
//! too large and nothing is under way.

mod host;
mod limits;
mod world;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use protocol::frame::{self, Decoder};

use self::limits::Clock;
use self::world::{State, World};
use super::message::{Answer, Ask, Call, Failure, Module, Tell, Want};
use super::{Limit, kept_number};

/// Worlds that stay for the next call of their module.
const MAX_WORLDS: usize = 16;

/// An idle process that is larger than this begins anew, in pages: some module has left much behind, or memory is
/// in pieces. Sixteen worlds take 20 MB.
const MAX_PAGES: u64 = (192 << 20) / 4096;

/// Bytes read at a time.
const READ_SIZE: usize = 64 << 10;

/// Runs until standard input ends.
///
/// # Errors
/// When a frame cannot be read or written: the daemon is of another build, or gone.
pub fn run() -> io::Result<()> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // Where the system does not say how large a process is, it is not bounded.
    let size = File::open("/proc/self/statm").ok();
    limits::confine()?;
    let mut worker = Worker {
        input,
        output,
        size,
        decoder: Decoder::default(),
        asks: VecDeque::new(),
        worlds: Vec::new(),
        waiting: Vec::new(),
        clock: Rc::new(Clock::default()),
    };
    while worker.listen()? {
        worker.work()?;
    }
    Ok(())
}

/// All that changes.
struct Worker {
    input: File,
    output: File,
    size: Option<File>,
    decoder: Decoder,
    /// What has been read and not been done.
    asks: VecDeque<Ask>,
    /// The one used last comes last.
    worlds: Vec<(Module, World)>,
    /// Calls whose module is not here yet.
    waiting: Vec<Call>,
    clock: Rc<Clock>,
}

impl Worker {
    /// Waits until there is something to do; false at the end of the input.
    fn listen(&mut self) -> io::Result<bool> {
        while self.readable()? {
            let mut buffer = [0; READ_SIZE];
            let length = self.input.read(&mut buffer)?;
            if length == 0 {
                return Ok(false);
            }
            self.decoder.push(&buffer[..length]);
            while let Some(ask) = self.decoder.next().map_err(io::Error::other)? {
                self.asks.push_back(ask);
            }
        }
        Ok(true)
    }

    /// Whether there is something to read; waits for it only when there is nothing else to do.
    fn readable(&self) -> io::Result<bool> {
        let timeout = if self.asks.is_empty() { self.until_timer() } else { PollTimeout::ZERO };
        let mut input = [PollFd::new(self.input.as_fd(), PollFlags::POLLIN)];
        match poll(&mut input, timeout) {
            Ok(count) => Ok(count > 0),
            Err(nix::errno::Errno::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// How long until the next timer is due.
    fn until_timer(&self) -> PollTimeout {
        let Some(next) = self.worlds.iter().filter_map(|(_, world)| world.next_timer()).min() else {
            return PollTimeout::NONE;
        };
        // One more, as it is rounded down and would spin until then.
        let wait = next.saturating_duration_since(Instant::now()).as_millis() + 1;
        PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)
    }

    /// Does the next thing that was asked, and what timers are due.
    fn work(&mut self) -> io::Result<()> {
        if let Some(ask) = self.asks.pop_front() {
            self.ask(ask)?;
        }
        for place in 0..self.worlds.len() {
            if let Some(timer) = self.worlds[place].1.due(Instant::now()) {
                self.tell(&Tell::Enter(timer.call))?;
                self.worlds[place].1.fire(timer);
            }
        }
        self.sweep()
    }

    fn ask(&mut self, ask: Ask) -> io::Result<()> {
        match ask {
            Ask::Call(call) => self.call(call),
            Ask::Source { module, source } => self.source(&module, source.as_deref()),
            Ask::Ran { call, program, outcome } => match self.world_of(call) {
                Some(place) => {
                    self.tell(&Tell::Enter(call))?;
                    self.worlds[place].1.ran(program, outcome);
                    Ok(())
                }
                None => Ok(()),
            },
            Ask::Cancel(call) => self.cancel(call),
        }
    }

    fn call(&mut self, call: Call) -> io::Result<()> {
        let cancelled = |ask: &Ask| matches!(ask, Ask::Cancel(id) if *id == call.id);
        if self.asks.iter().any(cancelled) {
            return Ok(());
        }
        if let Want::Function { path, .. } = &call.want
            && let Some(number) = kept_number(path)
        {
            let keeper = self.worlds.iter().position(|(_, world)| world.keeps(number));
            return match keeper {
                Some(place) => self.enter(place, call),
                None => self.fail(call.id, Failure::Missing),
            };
        }
        let open = |(module, world): &(Module, World)| *module == call.module && world.state() == State::Open;
        if let Some(place) = self.worlds.iter().position(open) {
            return self.enter(place, call);
        }
        let asked = self.waiting.iter().any(|waiting| waiting.module == call.module);
        let need = Tell::Need(call.module.clone());
        self.waiting.push(call);
        if asked { Ok(()) } else { self.tell(&need) }
    }

    /// Loads a module and begins the calls that wait for it.
    fn source(&mut self, module: &Module, source: Option<&str>) -> io::Result<()> {
        let (calls, waiting): (Vec<Call>, _) =
            std::mem::take(&mut self.waiting).into_iter().partition(|call| call.module == *module);
        self.waiting = waiting;
        let Some(first) = calls.first() else { return Ok(()) };
        self.tell(&Tell::Enter(first.id))?;
        let loaded = match source {
            Some(source) => World::load(&module.name, source, &self.clock),
            None => Err(Failure::Missing),
        };
        match loaded {
            Ok(world) => self.worlds.push((module.clone(), world)),
            Err(failure) => {
                return calls.iter().try_for_each(|call| self.fail(call.id, failure.clone()));
            }
        }
        calls.into_iter().try_for_each(|call| self.call(call))
    }

    /// Begins a call in a world, which is the last used now.
    fn enter(&mut self, place: usize, call: Call) -> io::Result<()> {
        self.tell(&Tell::Enter(call.id))?;
        let mut used = self.worlds.remove(place);
        used.1.call(call.id, call.want);
        self.worlds.push(used);
        self.sweep()
    }

    fn cancel(&mut self, call: u64) -> io::Result<()> {
        self.waiting.retain(|waiting| waiting.id != call);
        if let Some(place) = self.world_of(call) {
            self.worlds[place].1.cancel(call);
        }
        self.tell(&Tell::Cancelled(call))
    }

    fn world_of(&self, call: u64) -> Option<usize> {
        self.worlds.iter().position(|(_, world)| world.has(call))
    }

    /// Passes on what the worlds have to tell, and drops those that are of no more use.
    fn sweep(&mut self) -> io::Result<()> {
        for place in 0..self.worlds.len() {
            for tell in self.worlds[place].1.tells() {
                self.tell(&tell)?;
            }
            if self.worlds[place].1.state() == State::Broken {
                for call in self.worlds[place].1.under_way() {
                    self.fail(call, Failure::Lost)?;
                }
            }
        }
        self.worlds.retain(|(_, world)| match world.state() {
            State::Open => true,
            State::Closing => !world.is_idle(),
            State::Broken => false,
        });
        while self.worlds.len() > MAX_WORLDS
            && let Some(oldest) = self.worlds.iter().position(|(_, world)| world.is_idle())
        {
            self.worlds.remove(oldest);
        }
        self.leave_if_large();
        Ok(())
    }

    /// Leaves when the process is too large and nobody waits for anything.
    fn leave_if_large(&self) {
        let idle = self.asks.is_empty()
            && self.waiting.is_empty()
            && self.worlds.iter().all(|(_, world)| world.is_idle());
        if idle && self.pages().is_some_and(|pages| pages > MAX_PAGES) {
            std::process::exit(0);
        }
    }

    /// How many pages of the process are in memory.
    fn pages(&self) -> Option<u64> {
        let mut text = [0; 64];
        let length = self.size.as_ref()?.read_at(&mut text, 0).ok()?;
        std::str::from_utf8(&text[..length]).ok()?.split(' ').nth(1)?.parse().ok()
    }

    fn fail(&mut self, call: u64, failure: Failure) -> io::Result<()> {
        self.tell(&Tell::Done { call, answer: Answer::Failed(failure) })
    }

    fn tell(&mut self, tell: &Tell) -> io::Result<()> {
        match (frame::encode(tell), tell) {
            (Ok(bytes), _) => self.output.write_all(&bytes),
            (Err(frame::Error::TooLarge(_)), Tell::Done { call, .. }) => {
                self.fail(*call, Failure::Limit(Limit::Size))
            }
            // A program with too many arguments; the call gives up when its time is over.
            (Err(frame::Error::TooLarge(_)), _) => Ok(()),
            (Err(error), _) => Err(io::Error::other(error)),
        }
    }
}
