//! Earlier command lines: what the shells' own history files say, and what was run in this daemon's life.
//!
//! A file is read when a session names it and after each command, never while a key is answered; what was appended is
//! read alone. What the sessions report has directory and exit status with it and is kept in memory only. Lines that
//! begin with a space, that look secret, or that have several rows are not kept at all.

mod format;
mod secret;

pub(crate) use secret::looks_secret;

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Bound;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use protocol::{Context, Ran, Shell};

use crate::engine::History;
use crate::lock::lock;

/// Most lines of one file that are kept, the newest. A large history has 20,000; the scan of all of them for one key
/// must stay below 2 ms.
const MAX_LINES: usize = 50_000;

/// Most bytes of a file that are read, the last ones: enough for the lines above, unless most are very long.
const MAX_BYTES: u64 = 8 << 20;

/// The longest line that is kept: nobody wants a longer one suggested.
const MAX_LINE: usize = 1_024;

/// Most files that are kept in memory; one a shell is the rule.
const MAX_FILES: usize = 6;

/// Most lines that are kept of what the sessions of one shell report; beyond it the older half is forgotten.
const MAX_RAN: usize = 10_000;

/// Most directories that are remembered of one line.
const MAX_DIRS: usize = 4;

/// Each time that a line was run makes it so many lines newer, up to [`MAX_REPEATS`] times.
const LINES_PER_REPEAT: u64 = 3;

/// Repeats beyond this say nothing more.
const MAX_REPEATS: u32 = 20;

/// A history file and who writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The file, absolute.
    pub path: PathBuf,
    /// Whose format it has.
    pub shell: Shell,
}

impl Source {
    /// The history file of a session: the one that the shell named, or its usual one.
    pub fn of(context: &Context) -> Option<Source> {
        let named = Some(&context.history_file).filter(|file| !file.is_empty()).map(PathBuf::from);
        let path = named.or_else(|| usual_file(context)).filter(|path| path.is_absolute())?;
        Some(Source { path, shell: context.shell })
    }
}

/// Where the shell keeps its history unless told otherwise.
fn usual_file(context: &Context) -> Option<PathBuf> {
    let dir = |name: &str| context.env.get(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let home = dir("HOME")?;
    Some(match context.shell {
        Shell::Bash => home.join(".bash_history"),
        Shell::Zsh => dir("ZDOTDIR").unwrap_or(home).join(".zsh_history"),
        Shell::Fish => {
            dir("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")).join("fish/fish_history")
        }
    })
}

/// All that is known of earlier lines.
#[derive(Debug, Default)]
pub struct Histories {
    /// The newest last.
    files: Mutex<Vec<(Source, Arc<Mutex<Lines>>)>>,
    /// One map a shell, in the order of [`Shell`].
    ran: Mutex<[BTreeMap<Box<str>, RanLine>; 3]>,
    /// Counts lines, so that newer ones have larger numbers.
    clock: AtomicU64,
}

/// The lines of one file.
#[derive(Debug, Default)]
struct Lines {
    lines: BTreeMap<Box<str>, FileLine>,
    /// The number of the newest line when the file was first read; reading it anew makes nothing newer than that, so
    /// that what was run since stays newer.
    base: Option<u64>,
    /// Up to where it was read, and which file it was.
    read: Option<Place>,
}

/// How far a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    inode: (u64, u64),
    offset: u64,
    stamped: bool,
}

/// One line of a file.
#[derive(Clone, Copy, Debug, Default)]
struct FileLine {
    last: u64,
    count: u32,
}

/// One line that a session ran.
#[derive(Debug, Default)]
struct RanLine {
    last: u64,
    count: u32,
    /// Of the last time.
    status: Option<i32>,
    /// Where, the latest last.
    dirs: Vec<Box<str>>,
}

impl RanLine {
    fn failed(&self) -> bool {
        self.status.is_some_and(|status| status != 0)
    }
}

impl Histories {
    /// Reads what is new in a file. Waits for the disk: not for the thread that answers.
    pub fn refresh(&self, source: &Source) {
        let file = self.file(source);
        // The disk is read without the lock: while a home hangs, who looks for a line must not.
        let before = lock(&file).read;
        match News::read(source, before) {
            Ok(news) => lock(&file).take(news, before, &self.clock),
            Err(error) => {
                tracing::debug!(shell = source.shell.name(), %error, "cannot read the history file");
            }
        }
    }

    /// Remembers a line that a session ran.
    pub fn ran(&self, shell: Shell, ran: &Ran) {
        let Some(line) = worth_keeping(&ran.line) else { return };
        let last = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        let mut all = lock(&self.ran);
        let lines = &mut all[shell as usize];
        let known = lines.entry(line.into()).or_default();
        known.last = last;
        known.count = known.count.saturating_add(1);
        known.status = ran.status;
        known.dirs.retain(|dir| **dir != *ran.cwd);
        known.dirs.push(ran.cwd.as_str().into());
        if known.dirs.len() > MAX_DIRS {
            known.dirs.remove(0);
        }
        forget_old(lines, MAX_RAN, |line| line.last);
    }

    /// The newest lines of a session's shell that have this text in them and did not fail, the newest first. Goes
    /// through all lines: not for the thread that answers.
    pub fn lines_with(&self, text: &str, context: &Context, limit: usize) -> Vec<String> {
        let file = Source::of(context).and_then(|source| self.known_file(&source));
        let all = lock(&self.ran);
        let ran = &all[context.shell as usize];
        let file = file.as_deref().map(lock);
        let read = file.iter().flat_map(|file| &file.lines).map(|(line, seen)| (seen.last, line));
        let read = read.filter(|(_, line)| !ran.contains_key(*line));
        let own = ran.iter().filter(|(_, ran)| !ran.failed()).map(|(line, ran)| (ran.last, line));
        let mut found: Vec<(u64, &Box<str>)> =
            own.chain(read).filter(|(_, line)| line.contains(text)).collect();
        found.sort_unstable_by_key(|(last, _)| std::cmp::Reverse(*last));
        found.truncate(limit);
        found.into_iter().map(|(_, line)| line.to_string()).collect()
    }

    /// The lines of a file, empty ones when it was not read before. The file used longest ago makes room.
    fn file(&self, source: &Source) -> Arc<Mutex<Lines>> {
        let mut files = lock(&self.files);
        let place = files.iter().position(|(known, _)| known == source);
        let entry = match place {
            Some(place) => files.remove(place),
            None => (source.clone(), Arc::default()),
        };
        let lines = Arc::clone(&entry.1);
        files.push(entry);
        if files.len() > MAX_FILES {
            files.remove(0);
        }
        lines
    }

    /// The lines of a file, if it was read before.
    fn known_file(&self, source: &Source) -> Option<Arc<Mutex<Lines>>> {
        lock(&self.files).iter().find(|(known, _)| known == source).map(|(_, lines)| Arc::clone(lines))
    }
}

impl History for Histories {
    fn continuation(&self, line: &str, context: &Context) -> Option<String> {
        if line.trim().is_empty() {
            return None;
        }
        let file = Source::of(context).and_then(|source| self.known_file(&source));
        let all = lock(&self.ran);
        let mut best = Best::default();
        let mut failed = HashSet::new();
        for (known, ran) in starting_with(&all[context.shell as usize], line) {
            if ran.failed() {
                failed.insert(&**known);
            } else {
                let here = ran.dirs.iter().any(|dir| **dir == *context.cwd);
                best.offer(known, (here, score(ran.last, ran.count)));
            }
        }
        let file = file.as_deref().map(lock);
        for (known, seen) in file.iter().flat_map(|file| starting_with(&file.lines, line)) {
            if failed.is_empty() || !failed.contains(&**known) {
                best.offer(known, (false, score(seen.last, seen.count)));
            }
        }
        best.line.map(|found| found[line.len()..].to_owned())
    }
}

/// The best line so far.
#[derive(Default)]
struct Best<'a> {
    line: Option<&'a str>,
    score: (bool, u64),
}

impl<'a> Best<'a> {
    fn offer(&mut self, line: &'a str, score: (bool, u64)) {
        if self.line.is_none() || score > self.score {
            *self = Best { line: Some(line), score };
        }
    }
}

/// Newer is better, and so is more often.
fn score(last: u64, count: u32) -> u64 {
    last + u64::from(count.min(MAX_REPEATS)) * LINES_PER_REPEAT
}

/// The lines that go on from `start`.
fn starting_with<'a, V>(
    lines: &'a BTreeMap<Box<str>, V>,
    start: &'a str,
) -> impl Iterator<Item = (&'a Box<str>, &'a V)> {
    lines
        .range::<str, _>((Bound::Excluded(start), Bound::Unbounded))
        .take_while(move |(line, _)| line.starts_with(start))
}

/// The line as it is kept, if it may be suggested.
fn worth_keeping(line: &str) -> Option<&str> {
    let kept = line.trim_end();
    let unfit = kept.is_empty() || kept.len() > MAX_LINE || kept.starts_with(char::is_whitespace);
    (!unfit && !kept.contains(char::is_control) && !looks_secret(kept)).then_some(kept)
}

/// Drops the older half when there are more than `limit`.
fn forget_old<V>(lines: &mut BTreeMap<Box<str>, V>, limit: usize, last: impl Fn(&V) -> u64) {
    if lines.len() <= limit {
        return;
    }
    let mut times: Vec<u64> = lines.values().map(&last).collect();
    let middle = times.len() / 2;
    let (_, &mut oldest, _) = times.select_nth_unstable(middle);
    lines.retain(|_, line| last(line) >= oldest);
}

/// What a history file has that was not read before.
enum News {
    Nothing,
    /// Entries behind the place where reading stopped, and where it stops now.
    Added(Vec<String>, Place),
    /// Everything, or as much of the end as is allowed: it is another file.
    Whole(Vec<String>, Place),
}

impl News {
    fn read(source: &Source, before: Option<Place>) -> io::Result<News> {
        // Opening a pipe would wait for its other end.
        if !source.path.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut file = File::open(&source.path)?;
        let found = file.metadata()?;
        match before.filter(|read| read.inode == inode(&found) && read.offset <= found.len()) {
            Some(read) if read.offset == found.len() => Ok(News::Nothing),
            Some(read) if found.len() - read.offset <= MAX_BYTES => {
                News::added(&mut file, read, source.shell)
            }
            _ => News::whole(&mut file, &found, source.shell),
        }
    }

    fn added(file: &mut File, read: Place, shell: Shell) -> io::Result<News> {
        let bytes = read_from(file, read.offset)?;
        let (entries, consumed) = format::entries(shell, &bytes, read.stamped);
        Ok(News::Added(entries, Place { offset: read.offset + consumed as u64, ..read }))
    }

    fn whole(file: &mut File, found: &Metadata, shell: Shell) -> io::Result<News> {
        let stamped = begins_with_stamp(file)?;
        let start = found.len().saturating_sub(MAX_BYTES);
        let bytes = read_from(file, start)?;
        // The first row is cut when reading starts in the middle.
        let skipped =
            if start == 0 { 0 } else { memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1) };
        let (entries, consumed) = format::entries(shell, &bytes[skipped..], stamped);
        let offset = start + (skipped + consumed) as u64;
        Ok(News::Whole(entries, Place { inode: inode(found), offset, stamped }))
    }
}

impl Lines {
    /// Takes in what was read from `before` on, unless somebody else has read on meanwhile.
    fn take(&mut self, news: News, before: Option<Place>, clock: &AtomicU64) {
        if self.read != before {
            return;
        }
        match news {
            News::Nothing => {}
            News::Added(entries, place) => {
                let first = clock.fetch_add(entries.len() as u64, Ordering::Relaxed) + 1;
                self.add(&entries, first);
                self.read = Some(place);
            }
            News::Whole(entries, place) => {
                let newest = &entries[entries.len().saturating_sub(MAX_LINES)..];
                let reserve = || clock.fetch_add(MAX_LINES as u64, Ordering::Relaxed) + MAX_LINES as u64;
                let base = *self.base.get_or_insert_with(reserve);
                self.lines.clear();
                self.add(newest, base - newest.len() as u64 + 1);
                self.read = Some(place);
            }
        }
    }

    fn add(&mut self, entries: &[String], first: u64) {
        for (last, entry) in (first..).zip(entries) {
            let Some(line) = worth_keeping(entry) else { continue };
            match self.lines.get_mut(line) {
                Some(known) => *known = FileLine { last, count: known.count.saturating_add(1) },
                None => drop(self.lines.insert(line.into(), FileLine { last, count: 1 })),
            }
        }
        forget_old(&mut self.lines, MAX_LINES, |line| line.last);
    }
}

fn inode(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// The file from an offset to its end, at most [`MAX_BYTES`].
fn read_from(file: &mut File, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the file's first row is a time stamp, which is when bash lets entries have several rows.
fn begins_with_stamp(file: &mut File) -> io::Result<bool> {
    let mut row = [0; 32];
    file.seek(SeekFrom::Start(0))?;
    let length = file.read(&mut row)?;
    let row = &row[..length];
    Ok(memchr::memchr(b'\n', row).is_some_and(|end| format::is_stamp(&row[..end])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::time::Instant;

    struct World {
        dir: tempfile::TempDir,
        histories: Histories,
        context: Context,
    }

    impl World {
        fn new(history: &str) -> World {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("history"), history).unwrap();
            let history_file = dir.path().join("history").to_str().unwrap().to_owned();
            let context = Context { history_file, cwd: "/home/u".into(), ..Context::default() };
            let world = World { dir, histories: Histories::default(), context };
            world.refresh();
            world
        }

        fn refresh(&self) {
            self.histories.refresh(&Source::of(&self.context).unwrap());
        }

        fn append(&self, text: &str) {
            let path = self.dir.path().join("history");
            fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
            self.refresh();
        }

        fn ran(&self, line: &str, cwd: &str, status: i32) {
            let ran = Ran { line: line.into(), cwd: cwd.into(), status: Some(status), ..Ran::default() };
            self.histories.ran(Shell::Bash, &ran);
        }

        fn rest(&self, line: &str) -> String {
            self.histories.continuation(line, &self.context).unwrap_or_default()
        }
    }

    #[test]
    fn the_newest_line_continues() {
        let world = World::new("git checkout main\ngit commit\nls\n");
        assert_eq!(world.rest("git c"), "ommit");
        assert_eq!(world.rest("git che"), "ckout main");
        assert_eq!(world.rest("git commit"), "");
        assert_eq!(world.rest(""), "");
        assert_eq!(world.rest("  "), "");
    }

    #[test]
    fn a_frequent_line_beats_a_slightly_newer_one() {
        let world = World::new("git status\ngit status\ngit status\ngit stash\n");
        assert_eq!(world.rest("git sta"), "tus");
    }

    #[test]
    fn the_same_directory_comes_first() {
        let world = World::new("");
        world.ran("make here", "/home/u", 0);
        world.ran("make there", "/elsewhere", 0);
        assert_eq!(world.rest("make "), "here");
    }

    #[test]
    fn what_failed_is_not_suggested_until_it_works() {
        let world = World::new("gti status\ngit status\n");
        world.ran("gti status", "/home/u", 127);
        assert_eq!(world.rest("gt"), "");
        world.ran("gti status", "/home/u", 0);
        assert_eq!(world.rest("gt"), "i status");
    }

    #[test]
    fn private_lines_are_not_kept() {
        let world = World::new(" echo private\nmysql -phunter2\n");
        world.ran(" echo secret", "/home/u", 0);
        world.ran("deploy --token abc", "/home/u", 0);
        world.ran("for x in 1; do\nls; done", "/home/u", 0);
        for start in [" echo", "mysql", "deploy", "for"] {
            assert_eq!(world.rest(start), "", "{start}");
        }
    }

    #[test]
    fn what_is_appended_is_read_and_a_new_file_replaces_the_old() {
        let world = World::new("git checkout main\n");
        world.append("git checkout top");
        assert_eq!(world.rest("git checkout "), "main");
        world.append("ic\n");
        assert_eq!(world.rest("git checkout "), "topic");
        fs::write(world.dir.path().join("new"), "git push\n").unwrap();
        fs::rename(world.dir.path().join("new"), world.dir.path().join("history")).unwrap();
        world.refresh();
        assert_eq!(world.rest("git checkout "), "");
        assert_eq!(world.rest("git "), "push");
    }

    #[test]
    fn what_was_run_stays_newer_than_a_file_written_anew() {
        let world = World::new("git push\n");
        world.ran("git pull", "/elsewhere", 0);
        fs::write(world.dir.path().join("history"), "git pull\ngit push\ngit log\n").unwrap();
        fs::rename(world.dir.path().join("history"), world.dir.path().join("other")).unwrap();
        fs::copy(world.dir.path().join("other"), world.dir.path().join("history")).unwrap();
        world.refresh();
        assert_eq!(world.rest("git p"), "ull");
    }

    #[test]
    fn shells_do_not_mix() {
        let world = World::new("");
        world.histories.ran(Shell::Fish, &Ran { line: "set x 1".into(), ..Ran::default() });
        assert_eq!(world.rest("set"), "");
    }

    #[test]
    fn files_that_are_none_are_left_alone() {
        let world = World::new("");
        for path in ["/dev/zero", "/nonexistent", "/tmp"] {
            let source = Source { path: path.into(), shell: Shell::Bash };
            world.histories.refresh(&source);
        }
        let fifo = world.dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        world.histories.refresh(&Source { path: fifo, shell: Shell::Bash });
    }

    #[test]
    fn usual_files_follow_the_environment() {
        let of = |shell, env: &[(&str, &str)]| {
            let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Source::of(&Context { shell, env, ..Context::default() }).map(|source| source.path)
        };
        assert_eq!(of(Shell::Bash, &[("HOME", "/h")]), Some("/h/.bash_history".into()));
        assert_eq!(of(Shell::Zsh, &[("HOME", "/h"), ("ZDOTDIR", "/z")]), Some("/z/.zsh_history".into()));
        assert_eq!(of(Shell::Fish, &[("HOME", "/h")]), Some("/h/.local/share/fish/fish_history".into()));
        assert_eq!(of(Shell::Fish, &[]), None);
    }

    #[test]
    fn a_huge_history_is_bounded() {
        let lines: Vec<String> = (0..500_000).map(|at| format!("git commit -m 'change {at}'\n")).collect();
        let world = World::new(&lines.concat());
        let file = world.histories.known_file(&Source::of(&world.context).unwrap()).unwrap();
        assert!(lock(&file).lines.len() <= MAX_LINES);
        let begin = Instant::now();
        assert_eq!(world.rest("git"), " commit -m 'change 499999'");
        println!("one line of {MAX_LINES}: {:?}", begin.elapsed());
    }
}
