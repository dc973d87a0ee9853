//! A file of somebody else's that is read, and replaced as a whole or not at all.
//!
//! Links are followed to the file itself, also when it does not exist yet. The new bytes go to a temporary file beside it,
//! reach the disk, and then take its place in one step, with its mode and owner. Nothing is written to a file that its
//! owner has made read-only, that has other names, or that changed since it was read.

use std::{
    fs::{self, File, Metadata, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, Gid, Uid};

/// Largest file that is read: rc files are a thousandth of this, and what is larger is something else.
const MAX_SIZE: u64 = 4 << 20;

/// Longest chain of links that is followed, as in the kernel.
const MAX_LINKS: usize = 40;

/// Mode of a file that is made, before the umask.
const NEW_MODE: u32 = 0o666;

/// Why a file cannot be read or replaced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// It may not be written, for this reason.
    #[error("{0}")]
    ReadOnly(&'static str),
    /// Writing failed; the file is as it was.
    #[error("it cannot be written, and is as it was: {0}")]
    Unwritable(io::Error),
    /// Somebody else changed it.
    #[error("it was changed by somebody else at the same time")]
    Changed,
}

/// A file as it was read.
#[derive(Debug)]
pub(crate) struct RcFile {
    /// The file itself, behind all links.
    pub(crate) target: PathBuf,
    /// What is in it; empty when it does not exist.
    pub(crate) text: Vec<u8>,
    metadata: Option<Metadata>,
}

impl RcFile {
    /// Reads the file at this path, which need not exist.
    pub(crate) fn read(path: &Path) -> Result<RcFile, Error> {
        let target = behind_links(path).map_err(Error::Unreadable)?;
        let file = match File::open(&target) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(RcFile { target, text: Vec::new(), metadata: None });
            }
            Err(error) => return Err(Error::Unreadable(error)),
        };
        let metadata = file.metadata().map_err(Error::Unreadable)?;
        if !metadata.is_file() {
            return Err(Error::Unreadable(io::Error::other("not a file")));
        }
        if metadata.len() > MAX_SIZE {
            return Err(Error::Unreadable(io::Error::other("too large for an rc file")));
        }
        let mut text = Vec::new();
        file.take(MAX_SIZE).read_to_end(&mut text).map_err(Error::Unreadable)?;
        Ok(RcFile { target, text, metadata: Some(metadata) })
    }

    /// Whether the file is there.
    pub(crate) fn exists(&self) -> bool {
        self.metadata.is_some()
    }

    /// Puts new bytes in its place.
    pub(crate) fn replace(&self, text: &[u8]) -> Result<(), Error> {
        self.demand_writable()?;
        let folder = self.folder();
        let mode = if self.exists() { 0o600 } else { NEW_MODE };
        let mut new = tempfile::Builder::new()
            .prefix(".q-")
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(folder)
            .map_err(Error::Unwritable)?;
        new.write_all(text).map_err(Error::Unwritable)?;
        if let Some(metadata) = &self.metadata {
            dress(new.as_file(), metadata).map_err(Error::Unwritable)?;
        }
        new.as_file().sync_all().map_err(Error::Unwritable)?;
        self.demand_unchanged()?;
        match self.exists() {
            true => new.persist(&self.target),
            false => new.persist_noclobber(&self.target),
        }
        .map_err(|error| Error::Unwritable(error.error))?;
        sync_folder(folder);
        Ok(())
    }

    /// Removes the file.
    pub(crate) fn delete(&self) -> Result<(), Error> {
        self.demand_writable()?;
        self.demand_unchanged()?;
        fs::remove_file(&self.target).map_err(Error::Unwritable)?;
        sync_folder(self.folder());
        Ok(())
    }

    /// Whether it may be replaced. Root may write everything, but does not go against a mode or a file system either.
    pub(crate) fn demand_writable(&self) -> Result<(), Error> {
        if let Some(metadata) = &self.metadata {
            if metadata.mode() & 0o200 == 0 || nix::unistd::access(&self.target, AccessFlags::W_OK).is_err() {
                return Err(Error::ReadOnly("it is read-only"));
            }
            if metadata.nlink() > 1 {
                return Err(Error::ReadOnly(
                    "it has several names (hard links), which replacing it would part",
                ));
            }
        }
        if nix::unistd::access(self.folder(), AccessFlags::W_OK).is_err() {
            return Err(Error::ReadOnly("its folder is read-only"));
        }
        Ok(())
    }

    fn demand_unchanged(&self) -> Result<(), Error> {
        let now = RcFile::read(&self.target)?;
        let same = now.exists() == self.exists() && now.text == self.text;
        if same { Ok(()) } else { Err(Error::Changed) }
    }

    fn folder(&self) -> &Path {
        self.target.parent().unwrap_or(Path::new("/"))
    }
}

/// The file that a path stands for, whether it exists or not.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    if let Ok(target) = fs::canonicalize(path) {
        return Ok(target);
    }
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("/")).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links, one after another"))
}

/// Gives a new file the owner and the mode of the old one.
fn dress(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        nix::unistd::fchown(file, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())))?;
    }
    file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))
}

/// Makes a rename last. Some file systems cannot, and the rename is done all the same.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn links_modes_and_nothing_else_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        RcFile::read(&link).unwrap().replace(b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!((fs::read(&file).unwrap().as_slice(), mode(&file)), (b"new".as_slice(), 0o640));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn a_link_to_nothing_makes_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink("target", &link).unwrap();
        RcFile::read(&link).unwrap().replace(b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(dir.path().join("target")).unwrap(), b"new");
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        assert!(matches!(RcFile::read(&dir.path().join("a")), Err(Error::Unreadable(_))));
    }

    #[test]
    fn what_is_read_only_or_has_other_names_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "old").unwrap();
        fs::hard_link(&file, dir.path().join("other")).unwrap();
        assert!(matches!(RcFile::read(&file).unwrap().replace(b"new"), Err(Error::ReadOnly(_))));
        fs::remove_file(dir.path().join("other")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(RcFile::read(&file).unwrap().replace(b"new"), Err(Error::ReadOnly(_))));
        assert_eq!(fs::read(&file).unwrap(), b"old");
    }

    #[test]
    fn a_change_in_between_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let absent = RcFile::read(&file).unwrap();
        fs::write(&file, "old").unwrap();
        assert!(matches!(absent.replace(b"new"), Err(Error::Changed)));
        let read = RcFile::read(&file).unwrap();
        fs::write(&file, "newer").unwrap();
        assert!(matches!(read.replace(b"new"), Err(Error::Changed)));
        assert!(matches!(read.delete(), Err(Error::Changed)));
        assert_eq!(fs::read(&file).unwrap(), b"newer");
    }

    #[test]
    fn a_folder_is_not_a_file() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(RcFile::read(dir.path()), Err(Error::Unreadable(_))));
    }
}
