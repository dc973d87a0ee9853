//! A throwaway home with the built daemon over the real archive, and a client of it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use protocol::frame::{self, Decoder};
use protocol::{Answer, Context, FromDaemon, Request, ToDaemon};

/// No test waits longer than this for anything; a loaded machine needs a fraction of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long the requests of the tests may take.
pub(crate) const WAIT: u32 = 30_000;

/// Waits until something holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}

/// Directories of a user: `home`, `bin` for programs of the test, `cwd`.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Home {
        let dir = tempfile::Builder::new().prefix("q.").tempdir_in("/tmp").expect("a directory");
        for name in ["home", "run", "bin", "cwd"] {
            fs::create_dir(dir.path().join(name)).expect("a directory");
        }
        fs::set_permissions(dir.path().join("run"), fs::Permissions::from_mode(0o700)).expect("a mode");
        Home { dir }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file with the directories that it lies in.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a directory of the home")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// Puts a program into `bin`.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let name = format!("bin/{name}");
        self.write(&name, script);
        fs::set_permissions(self.at(&name), fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// The search path: `bin`, then what every machine has.
    pub(crate) fn path(&self) -> String {
        format!("{}:/usr/local/bin:/usr/bin:/bin", self.at("bin").display())
    }

    /// A program of the machine, to be run as this user in `cwd`.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.at("home")).env("PATH", self.path());
        command.env("XDG_RUNTIME_DIR", self.at("run")).current_dir(self.at("cwd"));
        command
    }

    /// A session in `cwd`.
    pub(crate) fn context(&self) -> Context {
        let env = [("PATH", self.path()), ("HOME", self.at("home").display().to_string())];
        let env = env.map(|(name, value)| (name.to_owned(), value)).into();
        Context { session: "1".into(), cwd: self.at("cwd").display().to_string(), env, ..Context::default() }
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn start(&self) -> Daemon {
        self.start_with(|_| {})
    }

    /// The same, changed in some way.
    pub(crate) fn start_with(&self, change: impl FnOnce(&mut Command)) -> Daemon {
        let mut command = self.command(env!("CARGO_BIN_EXE_qd"));
        command.env("Q_ARCHIVE", super::archive_path()).stdin(Stdio::null());
        change(&mut command);
        let child = command.spawn().expect("the daemon can be run");
        let daemon = Daemon { child, socket: self.at("run/q/qd.sock") };
        wait_until("the daemon listens", || UnixStream::connect(&daemon.socket).is_ok());
        daemon
    }
}

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    socket: PathBuf,
}

impl Daemon {
    /// A client that has told its session.
    pub(crate) fn client(&self, context: Context) -> Client {
        let stream = UnixStream::connect(&self.socket).expect("a daemon that listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket with a limit");
        let mut client = Client { stream, decoder: Decoder::default(), generation: 0 };
        client.send(&ToDaemon::Context(context));
        client
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended by itself.
        // One that is inside a dead mount ends when that goes, and a test that failed must not hang.
        let end = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            sleep(Duration::from_millis(5));
        }
    }
}

/// One connection.
pub(crate) struct Client {
    stream: UnixStream,
    decoder: Decoder,
    generation: u64,
}

impl Client {
    pub(crate) fn send(&mut self, message: &ToDaemon) {
        self.stream.write_all(&frame::encode(message).expect("a message")).expect("a daemon that reads");
    }

    pub(crate) fn receive(&mut self) -> FromDaemon {
        let mut buffer = [0; 1 << 16];
        loop {
            if let Some(message) = self.decoder.next().expect("a frame") {
                return message;
            }
            let length = self.stream.read(&mut buffer).expect("an answer in time");
            assert!(length > 0, "the daemon left");
            self.decoder.push(&buffer[..length]);
        }
    }

    /// Asks, with the cursor at the end of the line.
    pub(crate) fn ask(&mut self, line: &str) {
        self.generation += 1;
        let (generation, line, cursor) = (self.generation, line.to_owned(), line.len() as u32);
        self.send(&ToDaemon::Complete(Request {
            generation,
            line,
            cursor,
            wait: WAIT,
            ..Request::default()
        }));
    }

    /// The next answer to what was asked last.
    pub(crate) fn answer(&mut self) -> Answer {
        loop {
            match self.receive() {
                FromDaemon::Answer(answer) if answer.generation == self.generation => return *answer,
                FromDaemon::Answer(_) => {}
                other => panic!("not an answer: {other:?}"),
            }
        }
    }

    /// Asks, and takes what is there at once.
    pub(crate) fn first(&mut self, line: &str) -> Answer {
        self.ask(line);
        self.answer()
    }

    /// The answer after which no other comes.
    pub(crate) fn last(&mut self) -> Answer {
        loop {
            let answer = self.answer();
            if !answer.pending {
                return answer;
            }
        }
    }
}

/// The names of the rows.
pub(crate) fn names(answer: &Answer) -> Vec<&str> {
    answer.candidates.iter().map(|row| row.name.as_str()).collect()
}

/// Whether a process, by its number in a file, is gone; false while the file is not there.
pub(crate) fn is_gone(pid_file: &Path) -> bool {
    let Ok(pid) = fs::read_to_string(pid_file) else { return false };
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}
