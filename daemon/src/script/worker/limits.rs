//! What a worker may use: the process as a whole, and each entry into JavaScript.
//!
//! Time is processor time, so that a busy machine bars nobody. It is watched twice: QuickJS asks [`Clock::is_late`]
//! while it interprets, and a timer of the system ends the whole process where it does not ask, as in `indexOf` of a long
//! string in a longer one.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use nix::libc::{ITIMER_PROF, itimerval, setitimer, time_t, timeval};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::{ClockId, clock_gettime};

/// How much longer than its limit an entry may go on before the process is ended.
const GRACE: Duration = Duration::from_millis(300);

/// The address space of the process: sixteen modules at their limit, which nobody but a bomb comes near.
#[cfg(target_os = "linux")]
const MAX_ADDRESSES: u64 = 1 << 30;

/// Open files: three are there, and one is for reading how large the process is.
const MAX_FILES: u64 = 8;

/// Gives up what a worker never needs: files, processes, memory without end, the directory that it was started in.
pub(super) fn confine() -> io::Result<()> {
    nix::unistd::chdir("/")?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    for (resource, limit) in [
        // Elsewhere the system's own libraries take more, or it cannot be limited.
        #[cfg(target_os = "linux")]
        (Resource::RLIMIT_AS, MAX_ADDRESSES),
        #[cfg(target_os = "linux")]
        (Resource::RLIMIT_NPROC, 0),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, MAX_FILES),
    ] {
        // What is limited further already cannot be raised.
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, limit.min(hard), limit.min(hard))?;
    }
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_no_new_privs()?;
    Ok(())
}

/// The processor time of the entry that runs.
#[derive(Debug, Default)]
pub(super) struct Clock {
    started: Cell<Duration>,
    limit: Cell<Duration>,
    late: Cell<bool>,
}

impl Clock {
    /// Begins an entry that may take so long.
    pub(super) fn start(&self, limit: Duration) -> Entry<'_> {
        self.started.set(processor_time());
        self.limit.set(limit);
        self.late.set(false);
        end_process_after(Some(limit + GRACE));
        Entry(self)
    }

    /// Whether the time of the entry is over. Once it is, it stays so.
    pub(super) fn is_late(&self) -> bool {
        if !self.late.get() && self.spent() > self.limit.get() {
            self.late.set(true);
        }
        self.late.get()
    }

    fn spent(&self) -> Duration {
        processor_time().saturating_sub(self.started.get())
    }
}

/// An entry that runs; it ends when dropped.
pub(super) struct Entry<'c>(&'c Clock);

impl Entry<'_> {
    /// How long it has taken.
    pub(super) fn spent(&self) -> Duration {
        self.0.spent()
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        end_process_after(None);
    }
}

/// The processor time of this process, which has one thread. Without a clock everything is late.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::MAX, Duration::from)
}

/// Lets the system end the process by `SIGPROF` when it has used so much more processor time, or lets it be.
fn end_process_after(time: Option<Duration>) {
    let time = time.unwrap_or_default();
    let value =
        timeval { tv_sec: time.as_secs() as time_t, tv_usec: time.subsec_micros() as nix::libc::suseconds_t };
    let timer = itimerval { it_interval: timeval { tv_sec: 0, tv_usec: 0 }, it_value: value };
    // SAFETY: `timer` is valid for the call, and the old value is not asked for. It cannot fail: the values are in
    // range; should it, the daemon ends a worker that does not answer.
    unsafe { setitimer(ITIMER_PROF, &timer, std::ptr::null_mut()) };
}
