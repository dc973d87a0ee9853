//! Reads files of directories that may be hostile, without waiting for them and without end.
//!
//! Only regular files, whatever a name points to: a pipe or a device is never waited for. Nothing is run.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Most bytes of one file: the manifests that people write have a few kilobytes.
const MAX_FILE: u64 = 4 << 20;

/// Most directories that are gone up in search of a file.
const MAX_UP: usize = 64;

/// Most readings at a time, of all sessions. One that hangs on a dead mount keeps its place, so that no more than these
/// few threads are lost.
static PLACES: Semaphore = Semaphore::const_new(4);

/// How long a reading is waited for: as long as for a program.
const MAX_TIME: Duration = Duration::from_secs(5);

/// What a function that reads files says, on a thread that may hang. `None` when it does not end in time, or too many
/// others hang.
pub(super) async fn reading<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    reading_in(&PLACES, MAX_TIME, read).await
}

async fn reading_in<T: Send + 'static>(
    places: &'static Semaphore,
    limit: Duration,
    read: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let said = async {
        let place = places.acquire().await.ok()?;
        let task = spawn_blocking(move || {
            let _place = place;
            read()
        });
        task.await.ok()
    };
    timeout(limit, said).await.ok().flatten()
}

/// All of a regular file, with what is not UTF-8 replaced. `None` when it is none, too long, or cannot be read.
pub(super) fn text(path: &Path) -> Option<String> {
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    // It may have become a pipe since: opening one without waiting does nothing, and is seen by the second look.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= MAX_FILE).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// The nearest directory from here up that has one of these entries.
pub(super) fn up<'d>(dir: &'d Path, names: &[&str]) -> Option<&'d Path> {
    let has = |dir: &&Path| names.iter().any(|name| dir.join(name).exists());
    dir.ancestors().take(MAX_UP).find(has)
}

/// The entries of a directory, at most so many.
pub(super) fn entries(dir: &Path, most: usize) -> Vec<PathBuf> {
    let found = dir.read_dir().into_iter().flatten().flatten();
    found.take(most).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "a\u{fffd}b").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("device")).unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::write(at("long"), vec![b'x'; MAX_FILE as usize + 1]).unwrap();
        assert_eq!(text(&at("file")).as_deref(), Some("a\u{fffd}b"));
        assert_eq!(text(&at("link")).as_deref(), Some("a\u{fffd}b"));
        for name in ["device", "pipe", "long", "missing", "."] {
            assert_eq!(text(&at(name)), None, "{name}");
        }
    }

    #[test]
    fn the_nearest_directory_counts() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        fs::write(dir.path().join("a/package.json"), "").unwrap();
        fs::write(dir.path().join("package.json"), "").unwrap();
        assert_eq!(up(&deep, &["package.json"]), Some(dir.path().join("a").as_path()));
        assert_eq!(up(&deep, &["no-such-file-anywhere"]), None);
    }

    #[tokio::test]
    async fn readings_that_hang_are_bounded() {
        static ONE: Semaphore = Semaphore::const_new(1);
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let hung = reading_in(&ONE, Duration::from_millis(20), move || wait.recv().is_ok()).await;
        assert_eq!(hung, None);
        assert_eq!(reading_in(&ONE, Duration::from_millis(20), || 1).await, None, "its place is taken");
        drop(end);
        assert_eq!(reading_in(&ONE, Duration::from_secs(30), || 1).await, Some(1));
    }
}
