//! Processes of a throwaway home, found through `/proc` and through the daemon's socket.

use std::{
    fs,
    os::{fd::AsFd, unix::net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        socket::{getsockopt, sockopt::PeerCredentials},
    },
    unistd::Pid,
};

/// How often a process that was killed is looked for again.
const POLL: Duration = Duration::from_millis(2);

/// How long a killed process may take to go away.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// A process of a throwaway home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// The name of its program, at most 15 bytes.
    pub name: String,
}

impl Process {
    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub fn kill(&self) {
        let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL); // It may have ended by itself.
        let end = Instant::now() + GONE_WITHIN;
        while self.is_running() {
            assert!(Instant::now() < end, "{self:?} does not go away");
            std::thread::sleep(POLL);
        }
    }

    /// Stops it where it is, as a machine under load might.
    pub fn stop(&self) {
        kill(Pid::from_raw(self.pid), Signal::SIGSTOP).expect("a running process can be stopped");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        kill(Pid::from_raw(self.pid), Signal::SIGCONT).expect("a stopped process can go on");
    }

    /// Whether it is there and not merely waiting to be reaped.
    pub fn is_running(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        state.is_some_and(|state| state != 'Z' && state != 'X')
    }
}

/// The running processes whose environment has `HOME` set to `home`.
pub fn processes_of(home: &Path) -> Vec<Process> {
    let wanted = format!("HOME={}", home.display()).into_bytes();
    let pids = fs::read_dir("/proc").expect("/proc").flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| environment(*pid).split(|byte| *byte == 0).any(|variable| variable == wanted))
        .map(process)
        .filter(Process::is_running)
        .collect()
}

/// What the processes of a home are doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    /// None of their threads is running or about to run.
    pub(crate) is_waiting: bool,
    /// How often each thread has given up or lost the processor.
    pub(crate) switches: Vec<(i32, String)>,
}

/// Looks at every thread of every process of `home`.
pub(crate) fn activity_of(home: &Path) -> Activity {
    let threads: Vec<_> = processes_of(home).iter().flat_map(|process| threads_of(process.pid)).collect();
    let is_waiting = threads.iter().all(|(_, status)| is_waiting(status));
    let switches = threads.into_iter().map(|(thread, status)| (thread, switches(&status))).collect();
    Activity { is_waiting, switches }
}

/// The number and the status file of each thread of a process.
fn threads_of(pid: i32) -> Vec<(i32, String)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|entry| {
            let thread = entry.file_name().to_str()?.parse().ok()?;
            Some((thread, fs::read_to_string(entry.path().join("status")).ok()?))
        })
        .collect()
}

/// Whether a thread sleeps, is stopped or has ended.
fn is_waiting(status: &str) -> bool {
    let state = status.lines().find_map(|line| line.strip_prefix("State:\t")).unwrap_or_default();
    !state.starts_with(['R', 'D'])
}

/// The lines of a status file that count switches.
fn switches(status: &str) -> String {
    status.lines().filter(|line| line.contains("ctxt_switches")).collect()
}

/// The daemon that listens on `socket`, if one does: the kernel knows who made it.
pub fn daemon_of(socket: &Path) -> Option<Process> {
    let stream = UnixStream::connect(socket).ok()?;
    let peer = getsockopt(&stream.as_fd(), PeerCredentials).ok()?;
    Some(process(peer.pid()))
}

/// A process by its number.
fn process(pid: i32) -> Process {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Process { pid, name: name.trim_end().to_owned() }
}

/// The environment a process was started with; empty when it cannot be read.
fn environment(pid: i32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}
