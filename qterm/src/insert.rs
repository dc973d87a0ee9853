//! An edit on its way to the shell: a file that holds it, and the key that makes the shell read it.
//!
//! The file is in the runtime directory, this user's alone. It says what the line is expected to be, so that a key typed in
//! the meantime is never lost: the shell then leaves its line alone and reports it.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::libc;

/// Makes the shell report its line.
pub const REPORT_KEY: &[u8] = b"\x1b[24;8~";

/// Makes the shell apply the edit file and report its line.
pub const APPLY_KEY: &[u8] = b"\x1b[23;8~";

/// Where edits are handed over; removed on drop.
pub struct EditFile {
    path: PathBuf,
}

impl EditFile {
    /// The file of the session with this name, not yet there.
    pub fn new(runtime: &Path, session: &str) -> EditFile {
        EditFile { path: runtime.join(format!("edit-{session}")) }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves an edit: the cursor in characters, the line as it is expected to be, the line as it shall be.
    pub fn write(&self, cursor: usize, old: &str, new: &str) -> io::Result<()> {
        self.remove();
        self.make_dir()?;
        let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(&self.path)?;
        file.write_all(&contents(cursor, old, new).ok_or(io::ErrorKind::InvalidInput)?)
    }

    /// Makes the directory again if someone has cleaned it away.
    fn make_dir(&self) -> io::Result<()> {
        let Some(dir) = self.path.parent().filter(|dir| !dir.exists()) else { return Ok(()) };
        DirBuilder::new().mode(0o700).create(dir)
    }

    /// Takes the edit away again.
    pub fn remove(&self) {
        // It is gone already, or the directory is: either way no edit is left.
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for EditFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The three fields, each ended by NUL; `None` when a field has one itself.
fn contents(cursor: usize, old: &str, new: &str) -> Option<Vec<u8>> {
    let fields = [&cursor.to_string(), old, new];
    if fields.iter().any(|field| field.contains('\0')) {
        return None;
    }
    Some(fields.iter().flat_map(|field| field.bytes().chain([0])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn an_edit_is_three_fields_for_this_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = EditFile::new(dir.path(), "s");
        file.write(3, "gi", "git\nx").unwrap();
        file.write(4, "git", "git ").unwrap();
        assert_eq!(fs::read(file.path()).unwrap(), b"4\0git\0git \0");
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(file.write(0, "a\0b", "c").is_err());
        let path = file.path().to_owned();
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_that_was_cleaned_away_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = dir.path().join("q");
        let file = EditFile::new(&runtime, "s");
        file.write(0, "", "x").unwrap();
        assert_eq!(fs::metadata(&runtime).unwrap().permissions().mode() & 0o777, 0o700);
        drop(dir);
        assert!(file.write(0, "", "x").is_err());
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::write(&target, "mine").unwrap();
        let file = EditFile::new(dir.path(), "s");
        symlink(&target, file.path()).unwrap();
        file.write(0, "", "x").unwrap();
        assert_eq!(fs::read(target).unwrap(), b"mine");
    }
}
