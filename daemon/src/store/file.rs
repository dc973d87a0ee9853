//! The SQLite file: opened with care, brought to the newest schema, read and written. Knows no threads.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use super::{Access, Trusted};
use crate::usage::{Choice, MAX_CHOICES};

/// How long another process that has the file locked is waited for.
const BUSY: Duration = Duration::from_secs(1);

/// Says that a file is ours, so that no other one is ever changed: `Qsql` in ASCII.
const APPLICATION: i32 = 0x5173_716c;

/// The longest text that is read back: what is longer was not written by us.
const MAX_TEXT: i64 = 4_096;

/// How the schema came to be: version n is what the first n of these make.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE usage (
        command TEXT NOT NULL,    -- the command and its subcommands, a space between
        name    TEXT NOT NULL,    -- of the row
        dir     TEXT NOT NULL,    -- where it was accepted
        score   REAL NOT NULL,    -- how often, what is long ago counting less; as of `last`
        last    INTEGER NOT NULL, -- milliseconds since the epoch
        PRIMARY KEY (command, name, dir)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX usage_by_age ON usage (last);
    CREATE TABLE trusted (
        dir   BLOB NOT NULL PRIMARY KEY, -- the bytes of its path
        since INTEGER NOT NULL           -- milliseconds since the epoch
    ) STRICT, WITHOUT ROWID;
"];

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The system does not let us.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or its directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It could be someone else's.
    #[error("{}: {why}", path.display())]
    Unsafe {
        /// The file or its directory.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another program's database.
    #[error("it is the database of another program")]
    Foreign,
    /// A newer version of Q wrote it; it is left as it is.
    #[error("it has schema {found}, this version knows {}: it is left alone", MIGRATIONS.len())]
    Newer {
        /// The version of its schema.
        found: usize,
    },
    /// What SQLite says.
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
}

/// An open database of the newest schema.
#[derive(Debug)]
pub(super) struct File {
    connection: Connection,
    inode: (u64, u64),
}

impl File {
    /// Opens the file. To be written it is made if it is not there, with its directory; to be read alone it may be
    /// missing.
    pub(super) fn open(path: &Path, access: Access) -> Result<Option<File>, Failure> {
        if access == Access::Read && !path.exists() {
            return Ok(None);
        }
        let path = located(path, access)?;
        let inode = checked(&path, access)?;
        let mut connection = Connection::open_with_flags(&path, flags(access))?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        let found = version(&connection)?;
        if access == Access::Write {
            // SQLite keeps its old journal where the file system cannot do this; that is as good, and slower.
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "normal")?;
            migrate(&mut connection, found)?;
        } else if found < MIGRATIONS.len() {
            return Ok(None);
        }
        Ok(Some(File { connection, inode }))
    }

    /// Whether it is still the file at this path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == self.inode)
    }

    /// The trusted directories, the latest first.
    pub(super) fn trusted(&self, most: usize) -> Result<Vec<Trusted>, Failure> {
        let sql = "SELECT dir, since FROM trusted WHERE length(dir) <= ?2 ORDER BY since DESC LIMIT ?1";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map(params![most as i64, MAX_TEXT], |row| {
            let dir: Vec<u8> = row.get(0)?;
            let since: i64 = row.get(1)?;
            Ok(Trusted { dir: PathBuf::from(OsStr::from_bytes(&dir)), since: since.max(0) as u64 })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The rows that were accepted, the latest first.
    pub(super) fn choices(&self) -> Result<Vec<Choice>, Failure> {
        let sql = "SELECT command, name, dir, score, last FROM usage
            WHERE length(command) + length(name) + length(dir) <= ?2 ORDER BY last DESC LIMIT ?1";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map(params![MAX_CHOICES as i64, 3 * MAX_TEXT], |row| {
            let last: i64 = row.get(4)?;
            Ok(Choice {
                command: row.get(0)?,
                name: row.get(1)?,
                dir: row.get(2)?,
                score: row.get(3)?,
                last: last.max(0) as u64,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes all of this or nothing.
    pub(super) fn save(
        &mut self,
        choices: &[Choice],
        trust: &BTreeMap<PathBuf, Option<u64>>,
    ) -> Result<(), Failure> {
        if choices.is_empty() && trust.is_empty() {
            return Ok(());
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Choice { command, name, dir, score, last } in choices {
            transaction
                .prepare_cached("REPLACE INTO usage VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![command, name, dir, score, *last as i64])?;
        }
        for (dir, since) in trust {
            let dir = dir.as_os_str().as_bytes();
            match since {
                Some(since) => transaction
                    .execute("REPLACE INTO trusted VALUES (?1, ?2)", params![dir, *since as i64])?,
                None => transaction.execute("DELETE FROM trusted WHERE dir = ?1", params![dir])?,
            };
        }
        forget_old(&transaction)?;
        Ok(transaction.commit()?)
    }
}

/// Drops the rows that were not accepted for longest when there are more than are ever read.
fn forget_old(connection: &Connection) -> Result<(), Failure> {
    let rows: i64 = connection.query_row("SELECT count(*) FROM usage", [], |row| row.get(0))?;
    if rows <= MAX_CHOICES as i64 {
        return Ok(());
    }
    // Some more than needed, so that this is seldom.
    let excess = rows - (MAX_CHOICES / 10 * 9) as i64;
    let sql = "DELETE FROM usage WHERE (command, name, dir) IN
        (SELECT command, name, dir FROM usage ORDER BY last LIMIT ?1)";
    connection.execute(sql, [excess])?;
    Ok(())
}

/// The path with the links of its directory followed, so that SQLite can refuse one in place of the file itself. The
/// directory is made if it is not there, and closed to others.
fn located(path: &Path, access: Access) -> Result<PathBuf, Failure> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let failed = |source| Failure::Io { path: dir.to_owned(), source };
    if access == Access::Write {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    }
    let dir = dir.canonicalize().map_err(failed)?;
    let found = fs::metadata(&dir).map_err(failed)?;
    if found.uid() != geteuid().as_raw() {
        return Err(Failure::Unsafe { path: dir, why: "belongs to another user" });
    }
    if access == Access::Write && found.mode() & 0o077 != 0 {
        fs::set_permissions(&dir, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(dir.join(path.file_name().unwrap_or_default()))
}

/// Checks that the file is an ordinary one of this user, for this user alone; makes it if it is to be written. Gives
/// back which one it is.
fn checked(path: &Path, access: Access) -> Result<(u64, u64), Failure> {
    let failed = |source| Failure::Io { path: path.to_owned(), source };
    let refused = |why| Failure::Unsafe { path: path.to_owned(), why };
    let write = access == Access::Write;
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .write(write)
        .create(write)
        .mode(0o600)
        .custom_flags(flags.bits())
        .open(path);
    let file = match opened {
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => {
            return Err(refused("a link stands in its place"));
        }
        opened => opened.map_err(failed)?,
    };
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(refused("not a file"));
    }
    if found.uid() != geteuid().as_raw() {
        return Err(refused("belongs to another user"));
    }
    if write && found.mode() & 0o177 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok((found.dev(), found.ino()))
}

fn flags(access: Access) -> OpenFlags {
    let common = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    common
        | match access {
            Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        }
}

/// The version of the schema; 0 of an empty file.
fn version(connection: &Connection) -> Result<usize, Failure> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let ours = application == APPLICATION || application == 0 && version == 0 && tables == 0;
    let version = usize::try_from(version).map_err(|_| Failure::Foreign)?;
    match ours {
        false => Err(Failure::Foreign),
        true if version > MIGRATIONS.len() => Err(Failure::Newer { found: version }),
        true => Ok(version),
    }
}

/// Makes what the schema lacks. Each step is there whole or not at all.
fn migrate(connection: &mut Connection, found: usize) -> Result<(), Failure> {
    for step in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        if version(&transaction)? == step.0 {
            transaction.execute_batch(step.1)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", step.0 as i32 + 1)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(count: usize) -> Vec<Choice> {
        let name = |at: usize| format!("{at}{}", "x".repeat(400));
        let row = |at| Choice {
            command: "git".into(),
            name: name(at),
            dir: "/".into(),
            score: 1.0,
            last: at as u64,
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn a_full_disk_leaves_what_was_there_and_is_written_again_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = File::open(&dir.path().join("q.sqlite3"), Access::Write).unwrap().unwrap();
        file.save(&choices(1), &BTreeMap::new()).unwrap();
        let limit = |file: &File, pages: i64| {
            file.connection.pragma_update(None, "max_page_count", pages).unwrap();
        };
        let pages = file.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        limit(&file, pages);
        let failure = file.save(&choices(1_000), &BTreeMap::new()).unwrap_err();
        assert!(failure.to_string().contains("full"), "{failure}");
        assert_eq!(file.choices().unwrap().len(), 1);
        limit(&file, 100_000);
        file.save(&choices(1_000), &BTreeMap::new()).unwrap();
        assert_eq!(file.choices().unwrap().len(), 1_000);
    }

    #[test]
    fn a_step_of_the_schema_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.sqlite3");
        for _ in 0..2 {
            let file = File::open(&path, Access::Write).unwrap().unwrap();
            assert_eq!(version(&file.connection).unwrap(), MIGRATIONS.len());
        }
        let mut connection = Connection::open(&path).unwrap();
        // Another process made it meanwhile.
        migrate(&mut connection, 0).unwrap();
        assert_eq!(version(&connection).unwrap(), MIGRATIONS.len());
    }
}
