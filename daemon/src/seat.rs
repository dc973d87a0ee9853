//! The daemon's seat: the right to listen at a socket's path, of which there is one.
//!
//! Whoever holds the lock beside the socket has the seat. A socket that a killed daemon left behind is replaced under
//! the lock. When the lock is held but nobody answers at the socket, because something cleaned it away, the seat is
//! taken over; the daemon that lost it serves its clients to the end.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use interprocess::local_socket::tokio::Listener;
use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName};
use interprocess::os::unix::local_socket::ListenerOptionsExt;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;

/// How often a daemon that has the lock is looked for at the socket, and the time between: one that just starts needs
/// a few milliseconds to get there.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(25);

/// The right to listen; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    socket: PathBuf,
    /// Which file at that path is ours.
    inode: (u64, u64),
    _lock: Flock<File>,
}

impl Seat {
    /// Takes the seat and listens. `None` when another daemon has it and answers.
    pub(crate) fn take(socket: &Path) -> io::Result<Option<(Seat, Listener)>> {
        let beside = socket.with_extension("lock");
        let Some(lock) = acquire(socket, &beside)? else { return Ok(None) };
        let listener = listen(socket)?;
        let inode = inode(socket)?;
        Ok(Some((Seat { socket: socket.to_owned(), inode, _lock: lock }, listener)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if inode(&self.socket).is_ok_and(|found| found == self.inode) {
            // It may be gone already.
            let _ = std::fs::remove_file(&self.socket);
        }
    }
}

/// The lock, or `None` when another daemon answers.
fn acquire(socket: &Path, beside: &Path) -> io::Result<Option<Flock<File>>> {
    for _ in 0..TRIES {
        if let Some(lock) = try_lock(beside)? {
            return Ok(Some(lock));
        }
        if UnixStream::connect(socket).is_ok() {
            return Ok(None);
        }
        sleep(PAUSE);
    }
    // Its holder cannot be reached any more. The next one to come here finds our lock.
    tracing::warn!("the daemon that holds the lock cannot be reached: taking its place");
    ignore_missing(std::fs::remove_file(beside))?;
    try_lock(beside)
}

/// Locks the file at this path. `None` when another process has it, or it was just replaced.
fn try_lock(path: &Path) -> io::Result<Option<Flock<File>>> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let file = options.open(path)?;
    let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => lock,
        Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => return Ok(None),
        Err((_, error)) => return Err(error.into()),
    };
    let ours = lock.metadata()?;
    let is_there = inode(path).is_ok_and(|found| found == (ours.dev(), ours.ino()));
    Ok(is_there.then_some(lock))
}

/// Listens under another name first and renames, so that there is no moment at which a client finds a socket with the
/// wrong mode, or none.
fn listen(socket: &Path) -> io::Result<Listener> {
    let new = socket.with_extension(std::process::id().to_string());
    ignore_missing(std::fs::remove_file(&new))?;
    let name = new.as_path().to_fs_name::<GenericFilePath>()?;
    let listener = ListenerOptions::new().name(name).mode(0o600).reclaim_name(false).create_tokio()?;
    std::fs::rename(&new, socket)?;
    Ok(listener)
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(socket: &Path) -> Option<(Seat, Listener)> {
        Seat::take(socket).unwrap()
    }

    #[tokio::test]
    async fn there_is_one_seat() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("qd.sock");
        let first = take(&socket).unwrap();
        assert_eq!(std::fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
        assert!(take(&socket).is_none());
        drop(first);
        assert!(!socket.exists());
        assert!(take(&socket).is_some());
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("qd.sock");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        assert!(socket.exists());
        let _seat = take(&socket).unwrap();
        UnixStream::connect(&socket).unwrap();
    }

    #[tokio::test]
    async fn a_seat_without_a_socket_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("qd.sock");
        let lost = take(&socket).unwrap();
        std::fs::remove_file(&socket).unwrap();
        let _new = take(&socket).unwrap();
        drop(lost);
        UnixStream::connect(&socket).expect("the old daemon leaves the new one's socket alone");
        assert!(take(&socket).is_none());
    }

    #[tokio::test]
    async fn a_link_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("elsewhere", dir.path().join("qd.lock")).unwrap();
        assert!(Seat::take(&dir.path().join("qd.sock")).is_err());
        assert!(!dir.path().join("elsewhere").exists());
    }
}
