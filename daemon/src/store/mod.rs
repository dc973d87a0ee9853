//! What outlives the daemon: the rows that were accepted and the directories that are trusted, in one SQLite file.
//!
//! Everything is answered from memory. One thread owns the file: it reads it once, then writes what comes through a
//! bounded queue. Whatever is wrong with the file (another user's, a link, damaged, locked, of a newer version, a full
//! disk), nothing of it reaches an answer: what was in it is missing, what is new is kept in memory, the log says so
//! once and [`Store::error`] as long as it lasts.

mod file;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::lock::lock;
use crate::usage::{Choice, Choices, since_epoch};
use file::{Failure, File};

/// Most writes that wait for the disk. A person accepts a row every few seconds: it is full when the disk hangs.
const MAX_QUEUE: usize = 1_024;

/// Most writes in one transaction.
const MAX_BATCH: usize = 256;

/// Most directories that are trusted: nobody keeps track of more.
const MAX_TRUSTED: usize = 1_000;

/// The longest path that is trusted; `PATH_MAX` of Linux.
const MAX_PATH: usize = 4_096;

/// How long trusting and revoking wait to see it on disk.
const SAVE_WAIT: Duration = Duration::from_secs(3);

/// A file that could not be opened is tried again when something is to be written, but not more often than this.
const RETRY: Duration = Duration::from_secs(60);

/// What a process may do with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read what is there; nothing is made and nothing is written.
    Read,
    /// Read and write. One process at a time does: the daemon.
    Write,
}

/// A directory that the user trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// The directory, absolute.
    pub dir: PathBuf,
    /// Since when; milliseconds since the epoch.
    pub since: u64,
}

/// Why a directory is not trusted, or no longer, for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsaved {
    /// It is no absolute path, or too long for one.
    #[error("not an absolute path")]
    Path,
    /// There are too many already.
    #[error("more than {MAX_TRUSTED} directories are trusted: revoke some first")]
    TooMany,
    /// It holds until the daemon ends, but is not on disk.
    #[error("it holds until the daemon ends, but could not be saved: {0}")]
    Disk(String),
}

/// The file, and what was read of it.
#[derive(Debug)]
pub struct Store {
    memory: Arc<Memory>,
    /// `None` when nothing is ever written.
    queue: Option<SyncSender<Write>>,
}

/// What the thread of the file and everyone else share.
#[derive(Debug, Default)]
struct Memory {
    trust: Mutex<Trust>,
    choices: Arc<Choices>,
    error: Mutex<Option<String>>,
    /// The file was read, or cannot be.
    loaded: Mutex<bool>,
    load: Condvar,
}

/// The trusted directories, with the time since when.
#[derive(Debug, Default)]
struct Trust {
    dirs: BTreeMap<PathBuf, u64>,
    /// What changed and is not on disk yet; `None` was revoked.
    unsaved: BTreeMap<PathBuf, Option<u64>>,
}

/// Something to write, or to be told when all before it is written.
#[derive(Debug)]
enum Write {
    Choice(Choice),
    /// Changes of trust are in [`Trust::unsaved`]: none of them is lost when the disk is full for a while.
    Saved(SyncSender<Result<(), String>>),
}

impl Store {
    /// A store that keeps everything in memory.
    pub fn in_memory() -> Store {
        let store = Store { memory: Arc::default(), queue: None };
        store.memory.loaded();
        store
    }

    /// A store over this file. Returns at once; what is in the file is there a moment later.
    pub fn open(path: PathBuf, access: Access) -> Store {
        let memory: Arc<Memory> = Arc::default();
        let (queue, writes) = sync_channel(MAX_QUEUE);
        let worker = Worker { path, access, memory: Arc::clone(&memory), file: None, tried: None };
        let started = thread::Builder::new().name("store".to_owned()).spawn(move || worker.work(&writes));
        if let Err(error) = started {
            memory.fail(&format!("no thread for the database: {error}"));
            memory.loaded();
        }
        Store { memory, queue: (access == Access::Write).then_some(queue) }
    }

    /// Waits until the file was read, but no longer than this. `false` when that is not so yet.
    pub fn wait(&self, limit: Duration) -> bool {
        self.memory.wait(limit)
    }

    /// What is wrong with the file, if anything.
    pub fn error(&self) -> Option<String> {
        lock(&self.memory.error).clone()
    }

    /// What was accepted.
    pub fn choices(&self) -> &Choices {
        &self.memory.choices
    }

    /// Writes down a row that was accepted, when the disk is ready for it.
    pub fn keep(&self, choice: Choice) {
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(_)) = queue.try_send(Write::Choice(choice)) {
            self.memory.fail("the disk does not take what is to be written");
        }
    }

    /// Trusts a directory from now on. Waits for the disk: not for a thread that others wait for.
    ///
    /// # Errors
    /// When the path is none to trust, or it could not be saved.
    pub fn trust(&self, dir: &Path) -> Result<(), Unsaved> {
        check(dir)?;
        self.wait(SAVE_WAIT);
        let mut trust = lock(&self.memory.trust);
        if trust.is_full() && !trust.dirs.contains_key(dir) {
            return Err(Unsaved::TooMany);
        }
        trust.change(dir, Some(since_epoch().as_millis() as u64));
        drop(trust);
        self.flush(SAVE_WAIT).map_err(Unsaved::Disk)
    }

    /// Trusts a directory no longer; tells whether it was trusted. Waits for the disk, as [`Store::trust`] does.
    ///
    /// # Errors
    /// When the path is none to trust, or it could not be saved.
    pub fn revoke(&self, dir: &Path) -> Result<bool, Unsaved> {
        check(dir)?;
        self.wait(SAVE_WAIT);
        let mut trust = lock(&self.memory.trust);
        if trust.is_full() && !trust.dirs.contains_key(dir) {
            return Ok(false);
        }
        let known = trust.change(dir, None);
        drop(trust);
        self.flush(SAVE_WAIT).map_err(Unsaved::Disk)?;
        Ok(known)
    }

    /// The trusted directories, in the order of their paths.
    pub fn trusted(&self) -> Vec<Trusted> {
        let trust = lock(&self.memory.trust);
        trust.dirs.iter().map(|(dir, &since)| Trusted { dir: dir.clone(), since }).collect()
    }

    /// Whether a directory is trusted, or one above it. The path is taken as it is: links in it are not followed.
    pub fn trusts(&self, dir: &Path) -> bool {
        let trust = lock(&self.memory.trust);
        !trust.dirs.is_empty() && dir.ancestors().any(|dir| trust.dirs.contains_key(dir))
    }

    /// Waits until all that was to be written is on disk.
    ///
    /// # Errors
    /// Says what is in the way, when it is not there in time.
    pub fn flush(&self, limit: Duration) -> Result<(), String> {
        let Some(queue) = &self.queue else { return Err("nothing is written here".to_owned()) };
        let (tell, told) = sync_channel(1);
        queue.try_send(Write::Saved(tell)).map_err(|_| self.complaint())?;
        match told.recv_timeout(limit) {
            Ok(saved) => saved,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(self.complaint()),
        }
    }

    fn complaint(&self) -> String {
        self.error().unwrap_or_else(|| "the disk does not answer".to_owned())
    }
}

/// Whether a path can be trusted at all. `/` cannot: everything would be.
fn check(dir: &Path) -> Result<(), Unsaved> {
    let bytes = dir.as_os_str().as_bytes();
    let fits = dir.is_absolute() && dir.parent().is_some() && bytes.len() <= MAX_PATH && !bytes.contains(&0);
    fits.then_some(()).ok_or(Unsaved::Path)
}

impl Memory {
    fn loaded(&self) {
        *lock(&self.loaded) = true;
        self.load.notify_all();
    }

    fn wait(&self, limit: Duration) -> bool {
        let waited = self.load.wait_timeout_while(lock(&self.loaded), limit, |loaded| !*loaded);
        waited.is_ok_and(|(loaded, _)| *loaded)
    }

    /// Notes what is wrong; the log has it once.
    fn fail(&self, error: &str) {
        let mut known = lock(&self.error);
        if known.as_deref() != Some(error) {
            tracing::warn!(error, "the database cannot be used; what is new is kept in memory");
            *known = Some(error.to_owned());
        }
    }

    fn works(&self) {
        *lock(&self.error) = None;
    }
}

impl Trust {
    /// What is not on disk yet counts too: a disk that is full for long must not fill the memory.
    fn is_full(&self) -> bool {
        self.dirs.len() >= MAX_TRUSTED || self.unsaved.len() >= 2 * MAX_TRUSTED
    }

    /// Trusts or revokes; tells whether it was trusted before.
    fn change(&mut self, dir: &Path, since: Option<u64>) -> bool {
        self.unsaved.insert(dir.to_owned(), since);
        let before = match since {
            Some(since) => self.dirs.insert(dir.to_owned(), since),
            None => self.dirs.remove(dir),
        };
        before.is_some()
    }

    /// Forgets what the file had: the file is gone, and another one may be in its place.
    fn unload(&mut self) {
        let unsaved = &self.unsaved;
        self.dirs.retain(|dir, since| unsaved.get(dir) == Some(&Some(*since)));
    }

    /// Takes in what the file has. What changed meanwhile is newer.
    fn load(&mut self, found: Vec<Trusted>) {
        for Trusted { dir, since } in found {
            if check(&dir).is_ok() && !self.unsaved.contains_key(&dir) {
                self.dirs.insert(dir, since);
            }
        }
    }
}

/// The thread that owns the file.
struct Worker {
    path: PathBuf,
    access: Access,
    memory: Arc<Memory>,
    file: Option<File>,
    /// When it was last tried to open the file.
    tried: Option<Instant>,
}

impl Worker {
    fn work(mut self, writes: &Receiver<Write>) {
        self.open();
        self.memory.loaded();
        if self.access == Access::Read {
            return;
        }
        while let Ok(first) = writes.recv() {
            let more = writes.try_iter().take(MAX_BATCH - 1);
            self.write(std::iter::once(first).chain(more).collect());
        }
    }

    fn open(&mut self) {
        self.tried = Some(Instant::now());
        match File::open(&self.path, self.access).and_then(|file| self.load(file)) {
            Ok(file) => {
                self.file = file;
                self.memory.works();
            }
            Err(error) => self.memory.fail(&error.to_string()),
        }
    }

    /// Takes in what the file has, if there is one.
    fn load(&self, file: Option<File>) -> Result<Option<File>, Failure> {
        let Some(file) = file else { return Ok(None) };
        let trusted = file.trusted(MAX_TRUSTED)?;
        let choices = file.choices()?;
        lock(&self.memory.trust).load(trusted);
        self.memory.choices.load(choices);
        Ok(Some(file))
    }

    /// Opens the file anew when another one stands in its place, and when it could not be opened some time ago.
    fn reopen(&mut self) {
        let replaced = self.file.as_ref().is_some_and(|file| !file.is_at(&self.path));
        if replaced {
            self.file = None;
            lock(&self.memory.trust).unload();
        }
        let again = self.tried.is_none_or(|tried| tried.elapsed() >= RETRY);
        if replaced || self.file.is_none() && again {
            self.open();
        }
    }

    fn write(&mut self, batch: Vec<Write>) {
        self.reopen();
        let unsaved = lock(&self.memory.trust).unsaved.clone();
        let mut choices = Vec::new();
        let mut waiting = Vec::new();
        for write in batch {
            match write {
                Write::Choice(choice) => choices.push(choice),
                Write::Saved(tell) => waiting.push(tell),
            }
        }
        choices.iter_mut().for_each(|choice| self.memory.choices.refresh(choice));
        let saved = self.save(&choices, &unsaved);
        for tell in waiting {
            // Whoever asked may have given up.
            let _ = tell.try_send(saved.clone());
        }
    }

    fn save(&mut self, choices: &[Choice], trust: &BTreeMap<PathBuf, Option<u64>>) -> Result<(), String> {
        let Some(file) = &mut self.file else {
            return Err(lock(&self.memory.error).clone().unwrap_or_default());
        };
        if let Err(error) = file.save(choices, trust) {
            let error = error.to_string();
            self.memory.fail(&error);
            return Err(error);
        }
        // What changed again meanwhile is not saved.
        lock(&self.memory.trust).unsaved.retain(|dir, since| trust.get(dir) != Some(since));
        self.memory.works();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use rusqlite::Connection;

    /// No test waits longer than this for anything.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn path(dir: &tempfile::TempDir) -> PathBuf {
        dir.path().join("data/q.sqlite3")
    }

    fn open(path: &Path) -> Store {
        let store = Store::open(path.to_owned(), Access::Write);
        assert!(store.wait(PATIENCE));
        store
    }

    /// Ends a store, and waits until its thread has closed the file.
    fn end(store: Store, path: &Path) {
        drop(store);
        let journal = path.with_extension("sqlite3-wal");
        let begin = Instant::now();
        while journal.exists() {
            assert!(begin.elapsed() < PATIENCE, "the file is not closed");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn choice(name: &str) -> Choice {
        let last = since_epoch().as_millis() as u64;
        Choice { command: "git".into(), name: name.into(), dir: "/".into(), score: 1.5, last }
    }

    /// What is kept of a row; 0 when it is not known.
    fn score(store: &Store, name: &str) -> f64 {
        let mut known = Choice { score: 0.0, ..choice(name) };
        store.choices().refresh(&mut known);
        known.score
    }

    fn dirs(store: &Store) -> Vec<PathBuf> {
        store.trusted().into_iter().map(|trusted| trusted.dir).collect()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn what_is_kept_is_there_in_the_next_life() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir);
        let store = open(&path);
        store.keep(choice("status"));
        store.trust(Path::new("/src/a")).unwrap();
        store.trust(Path::new("/src/b")).unwrap();
        assert_eq!(store.revoke(Path::new("/src/b")), Ok(true));
        assert_eq!(store.revoke(Path::new("/src/b")), Ok(false));
        end(store, &path);
        let store = open(&path);
        assert_eq!((score(&store, "status"), score(&store, "stash")), (1.5, 0.0));
        assert_eq!(dirs(&store), [Path::new("/src/a")]);
        assert!(store.trusted()[0].since.abs_diff(since_epoch().as_millis() as u64) < 60_000);
        assert_eq!(store.error(), None);
    }

    #[test]
    fn the_file_is_for_its_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir);
        let folder = path.parent().unwrap();
        fs::create_dir(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let store = open(&path);
        store.trust(Path::new("/a")).unwrap();
        assert_eq!((mode(folder), mode(&path)), (0o700, 0o600));
        assert_eq!(mode(&folder.join("q.sqlite3-wal")), 0o600);
    }

    #[test]
    fn trust_reaches_what_is_below_and_nothing_else() {
        let store = Store::in_memory();
        assert!(matches!(store.trust(Path::new("/src/a")), Err(Unsaved::Disk(_))));
        for (dir, trusted) in [
            ("/src/a", true),
            ("/src/a/b/c", true),
            ("/src/ab", false),
            ("/src", false),
            ("/", false),
            ("", false),
        ] {
            assert_eq!(store.trusts(Path::new(dir)), trusted, "{dir}");
        }
        let long = format!("/{}", "x".repeat(MAX_PATH));
        for dir in ["/", "", "src", &long] {
            assert_eq!(store.trust(Path::new(dir)), Err(Unsaved::Path), "{dir:.9}");
            assert_eq!(store.revoke(Path::new(dir)), Err(Unsaved::Path), "{dir:.9}");
        }
    }

    #[test]
    fn memory_for_trust_is_bounded() {
        let store = Store::in_memory();
        let results: Vec<_> =
            (0..=MAX_TRUSTED).map(|at| store.trust(&PathBuf::from(format!("/{at}")))).collect();
        assert!(results[..MAX_TRUSTED].iter().all(|result| matches!(result, Err(Unsaved::Disk(_)))));
        assert_eq!(results[MAX_TRUSTED], Err(Unsaved::TooMany));
    }

    /// Each spoils the file in its way; whatever it is, it is left as it was, and all goes on in memory.
    #[test]
    fn a_file_that_cannot_be_used_is_left_alone() {
        let ours = |path: &Path, sql: &str| {
            end(open(path), path);
            Connection::open(path).unwrap().execute_batch(sql).unwrap();
        };
        type Spoil<'a> = &'a dyn Fn(&Path);
        let cases: [(&str, Spoil); 8] = [
            ("a link", &|path| {
                let target = path.with_extension("target");
                fs::write(&target, "").unwrap();
                symlink(target, path).unwrap();
            }),
            ("Is a directory", &|path| fs::create_dir(path).unwrap()),
            ("not a file", &|path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap()),
            ("not a database", &|path| fs::write(path, "rubbish".repeat(1_000)).unwrap()),
            ("another program", &|path| {
                Connection::open(path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
            }),
            ("schema 99", &|path| ours(path, "PRAGMA user_version = 99")),
            ("no such table", &|path| ours(path, "DROP TABLE usage")),
            ("malformed", &|path| {
                end(open(path), path);
                let mut bytes = fs::read(path).unwrap();
                bytes[4096..].fill(0x55);
                fs::write(path, bytes).unwrap();
            }),
        ];
        for (error, spoil) in cases {
            let dir = tempfile::tempdir().unwrap();
            let path = path(&dir);
            fs::create_dir(path.parent().unwrap()).unwrap();
            spoil(&path);
            let content = || path.is_file().then(|| fs::read(&path).unwrap());
            let before = content();
            let store = open(&path);
            let found = store.error().unwrap_or_default();
            assert!(found.contains(error), "{error}: {found}");
            assert!(matches!(store.trust(Path::new("/a")), Err(Unsaved::Disk(_))), "{error}");
            store.keep(choice("status"));
            assert!(store.flush(PATIENCE).is_err(), "{error}");
            assert!(store.trusts(Path::new("/a/b")), "{error}");
            end(store, &path);
            assert_eq!(content(), before, "{error}");
        }
    }

    #[test]
    fn a_file_that_another_process_locks_is_written_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir);
        let store = open(&path);
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let refused = store.trust(Path::new("/a"));
        assert!(matches!(&refused, Err(Unsaved::Disk(error)) if error.contains("locked")), "{refused:?}");
        assert!(store.trusts(Path::new("/a")) && store.error().is_some());
        other.execute_batch("ROLLBACK").unwrap();
        // What could not be saved is saved along with the next write.
        store.trust(Path::new("/b")).unwrap();
        assert_eq!(store.error(), None);
        drop(other);
        end(store, &path);
        assert_eq!(dirs(&open(&path)), [Path::new("/a"), Path::new("/b")]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_leaves_all_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let store = open(&dir.path().join("file/q.sqlite3"));
        assert!(matches!(store.trust(Path::new("/a")), Err(Unsaved::Disk(_))));
        assert!(store.trusts(Path::new("/a")) && store.error().is_some());
        assert!(matches!(store.revoke(Path::new("/a")), Err(Unsaved::Disk(_))));
        assert!(!store.trusts(Path::new("/a")));
    }

    #[test]
    fn another_file_in_its_place_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir);
        let store = open(&path);
        store.trust(Path::new("/a")).unwrap();
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        store.trust(Path::new("/b")).unwrap();
        assert_eq!(dirs(&store), [Path::new("/b")], "what it trusted is gone with it");
        end(store, &path);
        assert_eq!(dirs(&open(&path)), [Path::new("/b")]);
    }

    #[test]
    fn who_only_reads_makes_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir);
        let read = || {
            let store = Store::open(path.clone(), Access::Read);
            assert!(store.wait(PATIENCE));
            store
        };
        let store = read();
        assert!(matches!(store.trust(Path::new("/b")), Err(Unsaved::Disk(_))));
        assert!(!path.exists() && store.error().is_none());
        let owner = open(&path);
        owner.trust(Path::new("/a")).unwrap();
        end(owner, &path);
        let store = read();
        assert_eq!(dirs(&store), [Path::new("/a")]);
        assert_eq!(store.error(), None);
    }

    #[test]
    fn the_file_is_bounded_and_keeps_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir);
        let mut file = File::open(&path, Access::Write).unwrap().unwrap();
        let rows = |from: usize, to: usize| -> Vec<Choice> {
            (from..to).map(|at| Choice { last: at as u64, ..choice(&at.to_string()) }).collect()
        };
        let most = crate::usage::MAX_CHOICES;
        file.save(&rows(0, most), &BTreeMap::new()).unwrap();
        file.save(&rows(most, most + 10), &BTreeMap::new()).unwrap();
        let kept = file.choices().unwrap();
        assert_eq!(kept.len(), most / 10 * 9);
        assert_eq!(kept[0].name, (most + 9).to_string());
    }
}
