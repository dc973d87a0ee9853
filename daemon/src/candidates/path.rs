//! Files and folders: a directory in, rows out.
//!
//! A listing is cut short when it is too long or too slow, and may hang on a dead mount: whoever asks for it waits
//! elsewhere. Names that are not UTF-8 are left out, because a line is UTF-8 and could not say them exactly. Nothing
//! is quoted here.

use std::fs::{DirEntry, read_dir};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use protocol::Kind;

use super::{Draft, Insert};
use crate::lock::lock;

/// Most entries of one folder that are read: those of the largest mail folders and caches that people keep. Reading so
/// many takes a fifth of a second, and is done once, see [`Folder::is_large`].
const MAX_ENTRIES: usize = 200_000;

/// A folder with more entries is large: its rows are chosen before they are made.
const LARGE: usize = 10_000;

/// The longest time that one folder is read.
const MAX_TIME: Duration = Duration::from_secs(2);

/// Most large folders that are kept.
const MAX_KNOWN: usize = 2;

/// How long a large folder is kept: it takes up to 20 MB.
const MAX_AGE: Duration = Duration::from_secs(30);

/// A directory that has not changed for so long will have another time on it when it does.
const SETTLED: Duration = Duration::from_secs(2);

/// What is in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// In the order in which they are shown: names with a dot in front come last.
    entries: Vec<Entry>,
    /// Whether there is a directory above that can be offered.
    has_parent: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    is_folder: bool,
}

impl Folder {
    /// Lists a directory. Empty when it cannot be read.
    pub fn read(dir: &Path) -> Folder {
        Folder::read_those(dir, MAX_ENTRIES, |_, _| true)
    }

    /// Lists the folders and the executable files of a directory.
    pub fn read_executables(dir: &Path) -> Folder {
        Folder::read_those(dir, LARGE, |found, entry| entry.is_folder || is_executable(&found.path()))
    }

    fn read_those(dir: &Path, limit: usize, fits: impl Fn(&DirEntry, &Entry) -> bool) -> Folder {
        let Ok(found) = read_dir(dir) else { return Folder::default() };
        let begin = Instant::now();
        let mut entries: Vec<Entry> = found
            .flatten()
            .take_while(|_| begin.elapsed() < MAX_TIME)
            .take(limit)
            .filter_map(|found| Entry::new(&found).filter(|entry| fits(&found, entry)))
            .collect();
        entries.sort_by_cached_key(|entry| {
            (entry.name.starts_with('.'), entry.name.to_lowercase(), entry.name.clone())
        });
        Folder { entries, has_parent: dir.parent().is_some() }
    }

    /// Whether it takes so long to read that it is worth keeping.
    pub fn is_large(&self) -> bool {
        self.entries.len() > LARGE
    }

    /// Its rows: folders with a `/` at the end, `../` last. Names that begin with a dot only when `hidden`. Of a large
    /// folder only those that what is `typed` could match, and no more than anyone scrolls through.
    pub fn drafts(&self, folders_only: bool, hidden: bool, typed: &str) -> Vec<Draft> {
        let letters: Vec<char> = typed.chars().flat_map(char::to_lowercase).collect();
        let all = !self.is_large();
        let shown = self.entries.iter().filter(|entry| {
            (entry.is_folder || !folders_only)
                && (hidden || !entry.name.starts_with('.'))
                && (all || has_in_order(&entry.name, &letters))
        });
        let parent = self.has_parent.then(|| draft("../".to_owned(), true));
        shown.take(LARGE).map(Entry::draft).chain(parent).collect()
    }
}

/// Whether a name has these lower-case letters, in their order.
fn has_in_order(name: &str, letters: &[char]) -> bool {
    let mut left = letters.iter().copied().peekable();
    for letter in name.chars().flat_map(char::to_lowercase) {
        left.next_if_eq(&letter);
    }
    left.peek().is_none()
}

/// Large folders that were read lately, so that they are not read again for each key.
#[derive(Debug, Default)]
pub struct Folders {
    /// The one used last comes last.
    known: Mutex<Vec<Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    dir: PathBuf,
    changed: SystemTime,
    read: Instant,
    folder: Arc<Folder>,
}

impl Folders {
    /// What is in a directory now.
    pub fn of(&self, dir: &Path) -> Arc<Folder> {
        let changed = dir.metadata().and_then(|found| found.modified()).ok();
        if let Some(known) = changed.and_then(|changed| self.known(dir, changed)) {
            return known;
        }
        let (read, begun) = (Instant::now(), SystemTime::now());
        let folder = Arc::new(Folder::read(dir));
        // What changed just before it was read may change again without another time on it.
        let is_settled = |changed: &SystemTime| begun.duration_since(*changed).is_ok_and(|age| age > SETTLED);
        if let Some(changed) = changed.filter(is_settled).filter(|_| folder.is_large()) {
            self.keep(Known { dir: dir.to_owned(), changed, read, folder: Arc::clone(&folder) });
        }
        folder
    }

    fn known(&self, dir: &Path, changed: SystemTime) -> Option<Arc<Folder>> {
        let mut known = lock(&self.known);
        known.retain(|known| known.read.elapsed() < MAX_AGE);
        let found = known.iter().find(|known| known.dir == dir && known.changed == changed)?;
        Some(Arc::clone(&found.folder))
    }

    fn keep(&self, new: Known) {
        let mut known = lock(&self.known);
        known.retain(|old| old.dir != new.dir);
        known.push(new);
        if known.len() > MAX_KNOWN {
            known.remove(0);
        }
    }
}

impl Entry {
    /// A link to a folder is a folder; a link to nowhere is a file.
    fn new(entry: &DirEntry) -> Option<Entry> {
        let name = entry.file_name().into_string().ok()?;
        let kind = entry.file_type().ok()?;
        let is_folder = kind.is_dir() || kind.is_symlink() && entry.path().is_dir();
        Some(Entry { name, is_folder })
    }

    fn draft(&self) -> Draft {
        let slash = if self.is_folder { "/" } else { "" };
        draft(format!("{}{slash}", self.name), self.is_folder)
    }
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn draft(name: String, is_folder: bool) -> Draft {
    Draft {
        names: vec![name],
        insert: Insert::PathEntry,
        kind: if is_folder { Kind::Folder } else { Kind::File },
        source: "path".to_owned(),
        space: !is_folder,
        ..Draft::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    fn names(drafts: &[Draft]) -> Vec<&str> {
        drafts.iter().map(|draft| draft.names[0].as_str()).collect()
    }

    fn sample() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["src", "Docs", ".git"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        for file in ["a b", "B", ".env", "c\nd"] {
            fs::write(dir.path().join(file), "").unwrap();
        }
        symlink("src", dir.path().join("link")).unwrap();
        symlink("nowhere", dir.path().join("dead")).unwrap();
        fs::write(dir.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
        dir
    }

    #[test]
    fn entries_are_in_order_and_folders_end_in_a_slash() {
        let dir = sample();
        let folder = Folder::read(dir.path());
        let all = ["a b", "B", "c\nd", "dead", "Docs/", "link/", "src/", ".env", ".git/", "../"];
        assert_eq!(names(&folder.drafts(false, true, "")), all);
        assert_eq!(names(&folder.drafts(true, false, "")), ["Docs/", "link/", "src/", "../"]);
        let drafts = folder.drafts(false, false, "");
        assert_eq!((drafts[0].kind, drafts[0].space), (Kind::File, true));
        assert_eq!((drafts[4].kind, drafts[4].space), (Kind::Folder, false));
    }

    #[test]
    fn only_what_can_be_run_or_entered_is_listed_for_a_command() {
        let dir = sample();
        for (file, mode) in [("a b", 0o755), (".env", 0o700), ("B", 0o644)] {
            fs::set_permissions(dir.path().join(file), fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink("a b", dir.path().join("to a b")).unwrap();
        let folder = Folder::read_executables(dir.path());
        let all = ["a b", "Docs/", "link/", "src/", "to a b", ".env", ".git/", "../"];
        assert_eq!(names(&folder.drafts(false, true, "")), all);
    }

    #[test]
    fn nothing_above_the_root_and_nothing_in_what_is_no_folder() {
        assert!(!names(&Folder::read(Path::new("/")).drafts(false, true, "")).contains(&"../"));
        assert!(Folder::read(Path::new("/nonexistent")).drafts(false, true, "").is_empty());
        assert!(Folder::read(Path::new("/dev/null")).drafts(false, true, "").is_empty());
    }

    #[test]
    fn of_a_large_folder_the_rows_are_chosen_before_they_are_made() {
        let entry = |at: usize| Entry { name: format!("F{at:06}"), is_folder: at == 77_777 };
        let folder = Folder { entries: (0..100_000).map(entry).collect(), has_parent: true };
        assert!(folder.is_large());
        assert_eq!(folder.drafts(false, false, "").len(), LARGE + 1);
        let like = folder.drafts(false, false, "f09999");
        assert!(like.len() < 100, "{}", like.len());
        assert_eq!(names(&like).iter().filter(|name| name.starts_with("F09999")).count(), 10);
        assert_eq!(names(&folder.drafts(true, false, "f0777")), ["F077777/", "../"]);
        assert_eq!(names(&folder.drafts(false, false, "x")), ["../"]);
        // Letters in order, for those who match so.
        assert_eq!(names(&folder.drafts(false, false, "f88888"))[0], "F088888");
    }

    #[test]
    fn a_large_folder_is_read_once_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder { entries: Vec::new(), has_parent: true });
        let folders = Folders::default();
        let changed = dir.path().metadata().unwrap().modified().unwrap();
        let known =
            Known { dir: dir.path().into(), changed, read: Instant::now(), folder: Arc::clone(&folder) };
        folders.keep(known.clone());
        assert!(Arc::ptr_eq(&folders.of(dir.path()), &folder));
        folders.keep(Known { changed: changed - SETTLED, ..known.clone() });
        assert!(!Arc::ptr_eq(&folders.of(dir.path()), &folder), "it has changed since");
        for at in 0..=MAX_KNOWN {
            folders.keep(Known { dir: at.to_string().into(), ..known.clone() });
        }
        assert_eq!(lock(&folders.known).len(), MAX_KNOWN);
    }

    #[test]
    fn a_folder_without_end_is_cut_short() {
        let dir = tempfile::tempdir().unwrap();
        for at in 0..20 {
            fs::write(dir.path().join(at.to_string()), "").unwrap();
        }
        assert_eq!(Folder::read_those(dir.path(), 10, |_, _| true).entries.len(), 10);
    }
}
