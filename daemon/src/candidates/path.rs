//! Files and folders: a directory in, rows out.
//!
//! A listing is cut short when it is too long or too slow, and may hang on a dead mount: whoever asks for it waits
//! elsewhere. Names that are not UTF-8 are left out, because a line is UTF-8 and could not say them exactly. Nothing
//! is quoted here.

use std::fs::{DirEntry, read_dir};
use std::path::Path;
use std::time::{Duration, Instant};

use protocol::Kind;

use super::{Draft, Insert};

/// Most entries of one folder that are read: reading so many takes about 10 ms, and nobody scrolls further.
const MAX_ENTRIES: usize = 10_000;

/// The longest time that one folder is read.
const MAX_TIME: Duration = Duration::from_secs(2);

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
        let Ok(found) = read_dir(dir) else { return Folder::default() };
        let begin = Instant::now();
        let mut entries: Vec<Entry> = found
            .flatten()
            .take_while(|_| begin.elapsed() < MAX_TIME)
            .take(MAX_ENTRIES)
            .filter_map(|entry| Entry::new(&entry))
            .collect();
        entries.sort_by_cached_key(|entry| {
            (entry.name.starts_with('.'), entry.name.to_lowercase(), entry.name.clone())
        });
        Folder { entries, has_parent: dir.parent().is_some() }
    }

    /// Its rows: folders with a `/` at the end, `../` last. Names that begin with a dot only when `hidden`.
    pub fn drafts(&self, folders_only: bool, hidden: bool) -> Vec<Draft> {
        let shown = self
            .entries
            .iter()
            .filter(|entry| (entry.is_folder || !folders_only) && (hidden || !entry.name.starts_with('.')));
        let parent = self.has_parent.then(|| draft("../".to_owned(), true));
        shown.map(Entry::draft).chain(parent).collect()
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
        assert_eq!(names(&folder.drafts(false, true)), all);
        assert_eq!(names(&folder.drafts(true, false)), ["Docs/", "link/", "src/", "../"]);
        let drafts = folder.drafts(false, false);
        assert_eq!((drafts[0].kind, drafts[0].space), (Kind::File, true));
        assert_eq!((drafts[4].kind, drafts[4].space), (Kind::Folder, false));
    }

    #[test]
    fn nothing_above_the_root_and_nothing_in_what_is_no_folder() {
        assert!(!names(&Folder::read(Path::new("/")).drafts(false, true)).contains(&"../"));
        assert!(Folder::read(Path::new("/nonexistent")).drafts(false, true).is_empty());
        assert!(Folder::read(Path::new("/dev/null")).drafts(false, true).is_empty());
    }

    #[test]
    fn a_huge_folder_is_cut_short() {
        let dir = tempfile::tempdir().unwrap();
        for at in 0..MAX_ENTRIES + 10 {
            fs::write(dir.path().join(at.to_string()), "").unwrap();
        }
        assert_eq!(Folder::read(dir.path()).entries.len(), MAX_ENTRIES);
    }
}
