//! The built programs and the archive under test, and how to build them when they are not there.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Where the programs under test are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The directory of `q`, `qd` and `qterm`.
    pub directory: PathBuf,
    /// The compiled corpus.
    pub archive: PathBuf,
}

impl Programs {
    /// The programs in `$Q_BIN_DIR` or `target/release`, and the archive `$Q_ARCHIVE` or `target/q/specs.qa`. Panics with
    /// the command that makes them when one is missing.
    pub fn find() -> Programs {
        let target = workspace().join("target");
        let path = |name: &str| env::var_os(name).map(PathBuf::from);
        let found = Programs {
            directory: path("Q_BIN_DIR").unwrap_or_else(|| target.join("release")),
            archive: path("Q_ARCHIVE").unwrap_or_else(|| target.join("q/specs.qa")),
        };
        for name in NAMES {
            demand(&found.directory.join(name), "cargo build --release --workspace");
        }
        demand(&found.archive, "./install/try.sh -- 'git '");
        found
    }

    /// A program under test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The same programs, copied to `directory`, so that a test may take one away.
    pub fn copy_to(&self, directory: &Path) -> Programs {
        fs::create_dir_all(directory).expect("a directory for programs");
        for name in NAMES {
            fs::copy(self.path(name), directory.join(name)).expect("a copy of a program");
        }
        Programs { directory: directory.to_owned(), archive: self.archive.clone() }
    }
}

/// The programs of Q.
const NAMES: [&str; 3] = ["q", "qd", "qterm"];

/// The directory of the workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the crate lies in the workspace")
}

/// Panics with what to do when `path` does not exist.
fn demand(path: &Path, command: &str) {
    assert!(path.exists(), "{} is missing: run `{command}` first", path.display());
}
