//! Where sockets and files are, and whether a directory is fit to hold them.
//!
//! Takes the environment as a function, so that tests and other sessions' environments work alike. The only I/O is
//! making and checking the runtime directory.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

/// The directories of Q for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The user's home.
    pub home: PathBuf,
    /// `$XDG_CONFIG_HOME/q`: settings, themes, the user's own specs.
    pub config: PathBuf,
    /// `$XDG_DATA_HOME/q`: history, usage, trust, the archive.
    pub data: PathBuf,
    /// `$XDG_STATE_HOME/q`: logs, backups.
    pub state: PathBuf,
    /// `$XDG_RUNTIME_DIR/q`, else `/tmp/q-<uid>`: sockets.
    pub runtime: PathBuf,
}

impl Paths {
    /// The paths of this process's user and environment; `None` without a home directory.
    pub fn here() -> Option<Paths> {
        let home = etcetera::home_dir().ok()?;
        Some(Paths::new(&home, nix::unistd::geteuid().as_raw(), |name| std::env::var_os(name)))
    }

    /// The paths for a home directory, a user and an environment. As the XDG specification has it, a relative path in
    /// a variable is ignored. `Q_CONFIG_DIR`, `Q_DATA_DIR`, `Q_STATE_DIR` and `Q_RUNTIME_DIR` name a directory of Q itself:
    /// a trial has directories of its own without moving those of the other programs in the same shell.
    pub fn new(home: &Path, uid: u32, env: impl Fn(&str) -> Option<OsString>) -> Paths {
        let dir = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let ours = |own: &str, base: &str| dir(own).or_else(|| Some(dir(base)?.join("q")));
        let usual = |path: &str| home.join(path).join("q");
        Paths {
            home: home.to_owned(),
            config: ours("Q_CONFIG_DIR", "XDG_CONFIG_HOME").unwrap_or_else(|| usual(".config")),
            data: ours("Q_DATA_DIR", "XDG_DATA_HOME").unwrap_or_else(|| usual(".local/share")),
            state: ours("Q_STATE_DIR", "XDG_STATE_HOME").unwrap_or_else(|| usual(".local/state")),
            runtime: ours("Q_RUNTIME_DIR", "XDG_RUNTIME_DIR")
                .unwrap_or_else(|| PathBuf::from(format!("/tmp/q-{uid}"))),
        }
    }

    /// The user's settings: flat keys, JSON values.
    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.json")
    }

    /// What the daemon keeps: what was accepted, which directories are trusted.
    pub fn database(&self) -> PathBuf {
        self.data.join("q.sqlite3")
    }

    /// Folders of the user's own specs, best first: ours, and that in which the tools of the Fig format build theirs.
    pub fn specs(&self) -> Vec<PathBuf> {
        vec![self.config.join("specs"), self.home.join(".fig/autocomplete/build")]
    }

    /// The daemon's socket for this user.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("qd.sock")
    }

    /// Held locked by the daemon that owns the socket.
    pub fn lock(&self) -> PathBuf {
        self.runtime.join("qd.lock")
    }

    /// Logs, one file per program.
    pub fn log(&self, program: &str) -> PathBuf {
        self.state.join("log").join(format!("{program}.log"))
    }

    /// The places of the spec archive, best first: `Q_ARCHIVE` is not among them, callers look there before.
    pub fn archives(&self, program: &Path) -> Vec<PathBuf> {
        let installed = program.parent().and_then(Path::parent).map(|prefix| prefix.join("share/q/specs.qa"));
        std::iter::once(self.data.join("specs.qa")).chain(installed).collect()
    }

    /// Makes the runtime directory, or checks the one that is there: a directory, not a link, this user's, closed to
    /// everyone else. A shared `/tmp` is otherwise a way to be given another user's socket.
    pub fn secure_runtime(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.runtime) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        check_private(&self.runtime)
    }
}

/// Whether `dir` is a directory of this user that no one else can enter.
pub fn check_private(dir: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(dir)?;
    let refuse =
        |why: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{}: {why}", dir.display())));
    if !found.is_dir() {
        return refuse("not a directory");
    }
    if found.uid() != nix::unistd::geteuid().as_raw() {
        return refuse("belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return refuse("other users may enter it; it needs mode 0700");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn paths(vars: &[(&str, &str)]) -> Paths {
        Paths::new(Path::new("/home/u"), 7, |name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn unset_variables_mean_the_usual_directories() {
        let paths = paths(&[]);
        assert_eq!(paths.settings(), Path::new("/home/u/.config/q/settings.json"));
        assert_eq!(paths.socket(), Path::new("/tmp/q-7/qd.sock"));
        assert_eq!(paths.log("qd"), Path::new("/home/u/.local/state/q/log/qd.log"));
    }

    #[test]
    fn a_relative_variable_is_ignored() {
        let paths = paths(&[("XDG_CONFIG_HOME", "conf"), ("XDG_RUNTIME_DIR", "/run/user/7")]);
        assert_eq!(paths.config, Path::new("/home/u/.config/q"));
        assert_eq!(paths.socket(), Path::new("/run/user/7/q/qd.sock"));
    }

    #[test]
    fn a_directory_of_our_own_comes_before_the_usual_ones() {
        let own = [
            ("Q_CONFIG_DIR", "/t/c"),
            ("Q_DATA_DIR", "/t/d"),
            ("Q_STATE_DIR", "/t/s"),
            ("Q_RUNTIME_DIR", "/t/r"),
        ];
        let usual = [
            ("XDG_CONFIG_HOME", "/x"),
            ("XDG_DATA_HOME", "/x"),
            ("XDG_STATE_HOME", "/x"),
            ("XDG_RUNTIME_DIR", "/x"),
        ];
        let paths = paths(&[own, usual].concat());
        assert_eq!(paths.config, Path::new("/t/c"));
        assert_eq!(paths.data, Path::new("/t/d"));
        assert_eq!(paths.state, Path::new("/t/s"));
        assert_eq!(paths.socket(), Path::new("/t/r/qd.sock"));
    }

    #[test]
    fn an_open_or_linked_runtime_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| Paths { runtime: dir.path().join(name), ..paths(&[]) };
        at("new").secure_runtime().unwrap();
        at("new").secure_runtime().unwrap();
        fs::create_dir(dir.path().join("open")).unwrap();
        fs::set_permissions(dir.path().join("open"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(at("open").secure_runtime().is_err());
        symlink(dir.path().join("new"), dir.path().join("link")).unwrap();
        assert!(at("link").secure_runtime().is_err());
    }
}
