//! The directory in which generators are tried: files, a git repository, and programs that print what was recorded.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use protocol::Context;
use tempfile::TempDir;

/// Programs of the system that are there too: git, and what the scripts of specs use. No others, so that nothing that
/// happens to be installed is asked, and nothing reaches for a network.
const TOOLS: &str =
    "git bash sh env cat echo ls sed awk grep find sort tr cut head tail uniq wc xargs dirname basename";

/// Where they are.
const SYSTEM: [&str; 3] = ["/usr/bin", "/bin", "/usr/local/bin"];

/// What git is told, in order.
const GIT: &str = "init -q -b main
    add .
    commit -q -m first
    branch topic/x
    tag v1
    tag v2
    remote add origin https://example.com/x.git
    update-ref refs/remotes/origin/far HEAD";

/// A home with a project in it.
pub(crate) struct Project {
    dir: TempDir,
}

impl Project {
    /// With all that the lines of the table ask for.
    pub(crate) fn new() -> Project {
        let project = Project::empty();
        for (name, text) in sections(&recorded("project.txt"), "== ") {
            write(&project.folder().join(name), &text);
        }
        project.tools();
        project.programs();
        GIT.lines().for_each(|line| project.git(line));
        write(&project.folder().join("notes.txt"), "changed\n");
        project.git("stash -q");
        write(&project.folder().join("notes.txt"), "changed again\n");
        write(&project.folder().join("untracked.txt"), "new\n");
        project
    }

    /// With an empty directory and no programs.
    pub(crate) fn empty() -> Project {
        let project = Project { dir: tempfile::tempdir().unwrap() };
        for folder in [project.folder(), project.programs_folder()] {
            fs::create_dir_all(folder).unwrap();
        }
        write(
            &project.home().join("settings.json"),
            r#"{"autocomplete.network": true, "autocomplete.scriptTimeout": 60000}"#,
        );
        project
    }

    /// The home of the user.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    /// The working directory.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home().join("project")
    }

    /// The session in it.
    pub(crate) fn context(&self) -> Context {
        let cwd = self.folder().to_str().unwrap().to_owned();
        Context { cwd, env: self.env(), ..Context::default() }
    }

    /// What programs were called with that nobody recorded.
    pub(crate) fn missed(&self) -> String {
        fs::read_to_string(self.home().join("missed")).unwrap_or_default()
    }

    fn programs_folder(&self) -> PathBuf {
        self.home().join("programs")
    }

    fn env(&self) -> BTreeMap<String, String> {
        let home = self.home().to_str().unwrap().to_owned();
        let path = self.programs_folder().to_str().unwrap().to_owned();
        [("PATH".to_owned(), path), ("HOME".to_owned(), home)].into()
    }

    fn git(&self, line: &str) {
        let mut git = Command::new(self.programs_folder().join("git"));
        git.args(["-c", "user.name=u", "-c", "user.email=u@example.com"]).args(line.split_whitespace());
        let output = git.current_dir(self.folder()).env_clear().envs(self.env()).output().unwrap();
        assert!(output.status.success(), "git {line}: {output:?}");
    }

    fn tools(&self) {
        for tool in TOOLS.split_whitespace() {
            let found = SYSTEM.iter().map(|folder| Path::new(folder).join(tool)).find(|path| path.exists());
            let found = found.unwrap_or_else(|| panic!("{tool} is needed"));
            symlink(found, self.programs_folder().join(tool)).unwrap();
        }
    }

    /// One script for each program: what was recorded for these arguments, else a failure that is written down.
    fn programs(&self) {
        let mut scripts: BTreeMap<String, String> = BTreeMap::new();
        for (at, (line, output)) in sections(&recorded("programs.txt"), "$ ").into_iter().enumerate() {
            let (program, arguments) = line.split_once(' ').unwrap_or((line, ""));
            let recorded = self.home().join("recorded").join(at.to_string());
            write(&recorded, &output);
            let arguments = arguments.replace('\'', r"'\''");
            let case = format!("'{arguments}') exec cat '{}';;\n", recorded.display());
            scripts.entry(program.to_owned()).or_default().push_str(&case);
        }
        for (program, cases) in scripts {
            let missed = self.home().join("missed");
            let miss = format!("echo \"{program} $*\" >> '{}'; exit 1", missed.display());
            let path = self.programs_folder().join(&program);
            write(&path, &format!("#!/bin/sh\ncase \"$*\" in\n{cases}esac\n{miss}\n"));
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// The parts of a text, each below a line that begins with `mark`, with the rest of that line.
fn sections<'t>(text: &'t str, mark: &str) -> Vec<(&'t str, String)> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix(mark), sections.last_mut()) {
            (Some(name), _) => sections.push((name, String::new())),
            (None, Some((_, text))) => *text += &format!("{line}\n"),
            (None, None) => assert!(line.starts_with('#'), "{line:?} belongs to nothing"),
        }
    }
    sections
}

/// A text of this folder. Read when the test runs, so that a new line needs no new build.
pub(crate) fn recorded(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tried");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
