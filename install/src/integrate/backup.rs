//! Copies of files as they were before we changed them, one folder for each run.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// So many runs in one second have a folder of their own.
const MAX_IN_A_SECOND: u32 = 100;

/// The copies of one run. Nothing is made before the first copy.
#[derive(Debug)]
pub(crate) struct Backups {
    parent: PathBuf,
    folder: Option<PathBuf>,
}

impl Backups {
    /// Copies that go to a new folder in this one.
    pub(crate) fn new(parent: PathBuf) -> Backups {
        Backups { parent, folder: None }
    }

    /// Copies a file, and says where to.
    pub(crate) fn keep(&mut self, file: &Path, text: &[u8]) -> io::Result<PathBuf> {
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => self.make()?,
        };
        let copy = folder.join(file.strip_prefix("/").unwrap_or(file));
        private().recursive(true).create(copy.parent().unwrap_or(&folder))?;
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy)?;
        new.write_all(text)?;
        new.sync_all()?;
        Ok(copy)
    }

    fn make(&mut self) -> io::Result<PathBuf> {
        private().recursive(true).create(&self.parent)?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let stamp = timestamp(seconds);
        for count in 0..MAX_IN_A_SECOND {
            let name = if count == 0 { stamp.clone() } else { format!("{stamp}-{count}") };
            let folder = self.parent.join(name);
            match private().create(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            self.folder = Some(folder.clone());
            return Ok(folder);
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            fs::canonicalize(&self.parent)?.display().to_string(),
        ))
    }
}

/// Folders that only their owner may enter: rc files may hold secrets.
fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Seconds since the epoch as `20240229T235959Z`, which sorts by time.
fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Year, month and day of a number of days since the epoch, in the Gregorian calendar. Counted from a first of March, so
/// that the odd day comes at the end of a year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn times_are_read_off_the_calendar() {
        let table = [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_709_251_199, "20240229T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ];
        for (seconds, expected) in table {
            assert_eq!(timestamp(seconds), expected);
        }
    }

    #[test]
    fn runs_have_folders_of_their_own_that_nobody_else_can_read() {
        let dir = tempfile::tempdir().unwrap();
        let keep =
            || Backups::new(dir.path().join("backups")).keep(Path::new("/home/u/.bashrc"), b"text").unwrap();
        let (first, second) = (keep(), keep());
        assert_ne!(first, second);
        assert!(first.ends_with("home/u/.bashrc"));
        assert_eq!(fs::read(&second).unwrap(), b"text");
        assert_eq!(fs::metadata(&first).unwrap().mode() & 0o077, 0);
        assert_eq!(fs::metadata(dir.path().join("backups")).unwrap().mode() & 0o077, 0);
    }
}
