//! A throwaway home directory, and `q` run in it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// A home directory.
pub(crate) struct Home {
    directory: TempDir,
    /// Variables besides the usual ones.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// The `q` that is run.
    pub(crate) program: PathBuf,
}

/// Everything that can be told of a file: what it is, its mode, and its bytes or where it points.
type Fact = (u32, Vec<u8>);

impl Home {
    /// An empty one, of a user whose shell is bash.
    pub(crate) fn new() -> Home {
        let directory = tempfile::Builder::new().prefix("q.").tempdir_in("/tmp").unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        Home { directory, variables: Vec::new(), program: env!("CARGO_BIN_EXE_q").into() }
    }

    /// A path in it.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join("home").join(path)
    }

    /// Writes a file with the folders that it lies in.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: &str) -> String {
        String::from_utf8(fs::read(self.at(path)).unwrap()).unwrap()
    }

    /// Sets the mode of a file.
    pub(crate) fn set_mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A command with this home and nothing else of the machine.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().current_dir(self.at(""));
        command.env("PATH", "/usr/bin:/bin").env("HOME", self.at("")).env("SHELL", "/bin/bash");
        // Of its own folder, so that the home itself can be compared.
        command.env("XDG_STATE_HOME", self.directory.path().join("state"));
        command.env("XDG_RUNTIME_DIR", self.directory.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs `q`.
    pub(crate) fn q(&self, arguments: &[&str]) -> Output {
        self.command(&self.program).args(arguments).output().unwrap()
    }

    /// Runs `q`, which must succeed, and gives its output.
    #[track_caller]
    pub(crate) fn q_says(&self, arguments: &[&str]) -> String {
        let output = self.q(arguments);
        assert!(output.status.success(), "q {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Copies `q` to a folder of the home, and runs it from there from now on.
    pub(crate) fn move_program(&mut self, folder: &str) -> PathBuf {
        fs::create_dir_all(self.at(folder)).unwrap();
        let moved = self.at(folder).join("q");
        copy_program(&self.program, &moved);
        self.program = moved.clone();
        moved
    }

    /// All files of the home.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, Fact> {
        let mut facts = BTreeMap::new();
        gather(&self.at(""), &mut facts);
        facts
    }

    /// The folder of backups.
    pub(crate) fn backups(&self) -> PathBuf {
        self.directory.path().join("state/q/backups")
    }
}

/// Copies a program in a process of its own: were the file open for writing here, another thread's child could have it open
/// still when it is to be run, and the system would refuse.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

fn gather(folder: &Path, facts: &mut BTreeMap<PathBuf, Fact>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let contents = if metadata.is_symlink() {
            fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else if metadata.is_dir() {
            gather(&path, facts);
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        facts.insert(path, (metadata.mode(), contents));
    }
}
