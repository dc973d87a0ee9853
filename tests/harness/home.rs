//! A throwaway user: a home directory with files of the usual sorts, rc files, and nothing of the machine's own.
//!
//! Every process that was started in it is ended when it is dropped, the daemon included.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use portable_pty::CommandBuilder;
use tempfile::TempDir;

use crate::{
    model::Size,
    processes::{Process, daemon_of, processes_of},
    programs::Programs,
    shell::Shell,
    terminal::Terminal,
};

/// The search path of every process in a throwaway home.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Files that every home has, each holding its own path: names with blanks, of other scripts, and some to tell apart.
const FILES: [&str; 8] = [
    "My Documents/letter.txt",
    "My File.txt",
    "Bücher/Faust.txt",
    "日本/東京.txt",
    "notes.txt",
    "projects/alpha/README.md",
    "projects/beta/README.md",
    "it's.txt",
];

/// A throwaway user.
pub struct Home {
    directory: TempDir,
    programs: Option<Programs>,
}

impl Home {
    /// A user without Q: what everything is compared with.
    pub fn bare() -> Home {
        let home = Home { directory: temporary_directory(), programs: None };
        home.make_directories();
        for file in FILES {
            home.write(file, format!("{file}\n"));
        }
        for shell in Shell::ALL {
            home.write(shell.rc_file(), shell.rc());
            if let Some((file, text)) = shell.login_file() {
                home.write(file, text);
            }
        }
        home
    }

    /// A user who has installed Q for `shell` with `q integrations install`.
    pub fn with_q(shell: Shell) -> Home {
        Home::with_programs(Programs::find()).install(shell)
    }

    /// The same with programs of its own, which a test may take away.
    pub fn with_own_programs(shell: Shell) -> Home {
        let mut home = Home::bare();
        home.programs = Some(Programs::find().copy_to(&home.path().join("opt/bin")));
        home.install(shell)
    }

    /// A user who has the programs but has not installed anything.
    pub fn with_programs(programs: Programs) -> Home {
        let mut home = Home::bare();
        home.programs = Some(programs);
        home
    }

    /// Runs the installation.
    fn install(self, shell: Shell) -> Home {
        let output = self.q(&["integrations", "install", "dotfiles", shell.name()]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "q integrations install dotfiles {}: {errors}", shell.name());
        self
    }

    /// The home directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The programs of Q that this user has. Panics for a user without Q.
    pub fn programs(&self) -> &Programs {
        self.programs.as_ref().expect("this user has Q")
    }

    /// Writes a file, with the directories that it lies in.
    pub fn write(&self, path: impl AsRef<Path>, contents: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("a directory");
        fs::write(path, contents).expect("a file");
    }

    /// Reads a file.
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.path().join(path)).expect("a file that can be read")
    }

    /// Runs `q` to its end.
    pub fn q(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.programs().path("q"));
        command.args(arguments).env_clear().envs(self.environment(Shell::Bash)).current_dir(self.path());
        command.output().expect("q can be run")
    }

    /// Prepares to start an interactive shell.
    pub fn launch(&self, shell: Shell) -> Launch<'_> {
        Launch {
            home: self,
            shell,
            program: shell.name().into(),
            arguments: vec!["-i".into()],
            size: Size::default(),
            variables: Vec::new(),
            directory: self.path().to_owned(),
            umask: None,
        }
    }

    /// An interactive shell at its first prompt.
    #[track_caller]
    pub fn shell(&self, shell: Shell) -> Terminal {
        self.launch(shell).start_at_prompt()
    }

    /// The daemon of this user, if it runs.
    pub fn daemon(&self) -> Option<Process> {
        daemon_of(&self.path().join("run/q/qd.sock"))
    }

    /// All running processes of this user.
    pub fn processes(&self) -> Vec<Process> {
        processes_of(self.path())
    }

    /// The environment that every process of this user starts with.
    pub fn environment(&self, shell: Shell) -> Vec<(String, String)> {
        let at = |name: &str| self.path().join(name).display().to_string();
        let mut variables = vec![
            ("PATH", SEARCH_PATH.to_owned()),
            ("HOME", self.path().display().to_string()),
            ("USER", "user".to_owned()),
            ("LOGNAME", "user".to_owned()),
            ("SHELL", format!("/usr/bin/{}", shell.name())),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("XDG_CONFIG_HOME", at(".config")),
            ("XDG_DATA_HOME", at(".local/share")),
            ("XDG_STATE_HOME", at(".local/state")),
            ("XDG_CACHE_HOME", at(".cache")),
            ("XDG_RUNTIME_DIR", at("run")),
        ];
        if let Some(programs) = &self.programs {
            variables.push(("Q_ARCHIVE", programs.archive.display().to_string()));
        }
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The directories that a login would have made.
    fn make_directories(&self) {
        let run = self.path().join("run");
        fs::create_dir(&run).expect("a runtime directory");
        fs::set_permissions(run, fs::Permissions::from_mode(0o700))
            .expect("a runtime directory of one's own");
        let generated = self.path().join(".local/share/fish/generated_completions"); // Absent, fish reads all man pages.
        fs::create_dir_all(generated).expect("a directory for fish");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for process in self.daemon().into_iter().chain(self.processes()) {
            process.kill();
        }
    }
}

/// A directory with a short path: the path of a socket has room for 107 bytes.
fn temporary_directory() -> TempDir {
    tempfile::Builder::new().prefix("q.").rand_bytes(6).tempdir_in("/tmp").expect("a temporary directory")
}

/// A shell, or another program, about to be started in a home.
pub struct Launch<'a> {
    home: &'a Home,
    shell: Shell,
    program: PathBuf,
    arguments: Vec<String>,
    size: Size,
    variables: Vec<(String, String)>,
    directory: PathBuf,
    umask: Option<u32>,
}

impl Launch<'_> {
    /// On a terminal of this size instead of 24 rows of 80.
    pub fn size(mut self, rows: u16, columns: u16) -> Self {
        self.size = Size { rows, columns };
        self
    }

    /// With these arguments instead of `-i`.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self
    }

    /// Another program instead of the shell itself.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// With a variable in its environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// In this directory of the home.
    pub fn directory(mut self, path: &str) -> Self {
        self.directory = self.home.path().join(path);
        self
    }

    /// With this umask.
    pub fn umask(mut self, umask: u32) -> Self {
        self.umask = Some(umask);
        self
    }

    /// Starts it on a terminal.
    pub fn start(self) -> Terminal {
        Terminal::start(self.command(), self.size, self.home.path().to_owned())
    }

    /// The command that starts it on a PTY.
    pub fn command(&self) -> CommandBuilder {
        let mut command = CommandBuilder::new(&self.program);
        command.args(&self.arguments);
        command.env_clear();
        for (name, value) in self.home.environment(self.shell).iter().chain(&self.variables) {
            command.env(name, value);
        }
        command.cwd(&self.directory);
        command.umask(self.umask);
        command
    }

    /// Starts it, and waits for its first prompt and until it has come to rest there.
    #[track_caller]
    pub fn start_at_prompt(self) -> Terminal {
        let terminal = self.start();
        terminal.wait_until("the first prompt", |screen| screen.is_at_prompt());
        terminal.settle();
        terminal
    }
}
