//! Which spec files a folder has, and what is in one of them.
//!
//! A folder goes in, the names of modules and the files that describe them come out. Only regular files are opened, and
//! never one that could keep us waiting for a writer. Their number, their size and the depth of the folder are bounded.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions, ReadDir};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;

/// Largest file that is read: the largest spec of the corpus has 4 MB of source.
pub const MAX_FILE: u64 = 4 << 20;

/// Most spec files of one folder; the corpus has 1,484.
pub(super) const MAX_FILES: usize = 2_000;

/// Most entries that are looked at in one folder, whatever they are.
const MAX_ENTRIES: usize = 20_000;

/// How deep modules may lie: the corpus has `az/2.53.0/network`.
const MAX_DEPTH: usize = 8;

/// Longest name of a module, in bytes.
const MAX_NAME: usize = 256;

/// What the build of a corpus has beside its specs: the list of them.
const LIST: &str = "index";

/// Which bytes a file has, as far as that can be told without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
    length: u64,
}

impl Stamp {
    fn of(found: &Metadata) -> Stamp {
        Stamp {
            inode: (found.dev(), found.ino()),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            length: found.len(),
        }
    }
}

/// A file that describes a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Which bytes it has.
    pub(super) stamp: Stamp,
}

/// The spec files of a folder by module: `git` for `git.js`, `aws/s3` for `aws/s3.json`. Where there are both, the
/// JavaScript holds. A folder that is not there has none.
///
/// # Errors
/// When the folder is there and cannot be read.
pub(super) fn scan(folder: &Path) -> io::Result<BTreeMap<String, Found>> {
    let mut scan = Scan::default();
    match fs::read_dir(folder) {
        Ok(entries) => scan.folder(entries, "", 0),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
        Err(error) => return Err(error),
    }
    scan.found.remove(LIST);
    Ok(scan.found)
}

/// A scan under way.
#[derive(Default)]
struct Scan {
    found: BTreeMap<String, Found>,
    entries: usize,
}

impl Scan {
    fn folder(&mut self, entries: ReadDir, prefix: &str, depth: usize) {
        for entry in entries.flatten() {
            self.entries += 1;
            if self.entries > MAX_ENTRIES || self.found.len() >= MAX_FILES {
                tracing::warn!("a folder of specs has too many files; some are left out");
                return;
            }
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') || name.chars().any(char::is_control) {
                continue;
            }
            let Ok(kind) = entry.file_type() else { continue };
            if !kind.is_dir() {
                self.file(entry.path(), prefix, &name);
            } else if let Ok(entries) = fs::read_dir(entry.path())
                && depth < MAX_DEPTH
            {
                self.folder(entries, &format!("{prefix}{name}/"), depth + 1);
            }
        }
    }

    fn file(&mut self, path: PathBuf, prefix: &str, name: &str) {
        let Some((stem, extension @ ("js" | "json"))) = name.rsplit_once('.') else { return };
        let module = format!("{prefix}{stem}");
        if stem.is_empty() || module.len() > MAX_NAME {
            return;
        }
        if extension == "json" && self.found.contains_key(&module) {
            return;
        }
        // Through links: dotfiles are often kept elsewhere.
        let Ok(metadata) = path.metadata() else { return };
        if metadata.is_file() {
            self.found.insert(module, Found { path, stamp: Stamp::of(&metadata) });
        }
    }
}

/// The text of a spec file.
///
/// # Errors
/// When it is too large, is no regular file or no text, or cannot be read.
pub(super) fn read(path: &Path) -> io::Result<String> {
    // A pipe that took the place of the file would keep us waiting for who writes to it.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    if found.len() > MAX_FILE {
        return Err(too_large());
    }
    text(file)
}

/// The file may grow while it is read.
fn text(file: File) -> io::Result<String> {
    let mut text = String::new();
    let length = file.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if length as u64 > MAX_FILE { Err(too_large()) } else { Ok(text) }
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MB", MAX_FILE >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use std::os::unix::fs::symlink;

    fn write(dir: &Path, name: &str) {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{}").unwrap();
    }

    #[test]
    fn modules_are_named_after_their_files() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        for name in [
            "git.js",
            "cat.json",
            "aws/s3.js",
            "@scope/name.json",
            "a.b.js",
            "README.md",
            "index.js",
            ".hidden.js",
            ".git/x.js",
            ".js",
            "a\nb.js",
        ] {
            write(at, name);
        }
        symlink(at.join("git.js"), at.join("linked.js")).unwrap();
        symlink(at, at.join("loop")).unwrap();
        let found = scan(at).unwrap();
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["@scope/name", "a.b", "aws/s3", "cat", "git", "linked"]);
        assert!(scan(&at.join("none")).unwrap().is_empty());
        assert!(scan(&at.join("git.js")).unwrap().is_empty());
    }

    #[test]
    fn javascript_comes_before_json_whatever_the_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.js", "a.json", "b.json", "b.js"] {
            write(dir.path(), name);
        }
        for found in scan(dir.path()).unwrap().values() {
            assert_eq!(found.path.extension().unwrap(), "js");
        }
    }

    #[test]
    fn only_regular_files_of_bounded_size_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        mkfifo(&at("fifo.js"), Mode::S_IRWXU).unwrap();
        fs::create_dir(at("folder.js")).unwrap();
        File::create(at("large.js")).unwrap().set_len(MAX_FILE + 1).unwrap();
        fs::write(at("bytes.js"), [0xff, 0xfe]).unwrap();
        fs::write(at("good.js"), "export default {}").unwrap();
        let names: Vec<String> = scan(dir.path()).unwrap().into_keys().collect();
        assert_eq!(names, ["bytes", "good", "large"]);
        assert!(read(&at("fifo.js")).unwrap_err().to_string().contains("no regular file"));
        assert!(read(&at("large.js")).unwrap_err().to_string().contains("larger than 4 MB"));
        assert!(read(&at("bytes.js")).is_err());
        assert!(read(&at("none.js")).is_err());
        assert_eq!(read(&at("good.js")).unwrap(), "export default {}");
    }

    #[test]
    fn the_number_of_files_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        for at in 0..MAX_FILES + 50 {
            write(dir.path(), &format!("c{at}.js"));
        }
        assert_eq!(scan(dir.path()).unwrap().len(), MAX_FILES);
    }
}
