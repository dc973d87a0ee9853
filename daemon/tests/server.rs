//! The daemon as its clients see it: the real program, a real socket, directories of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use protocol::frame::{self, Decoder};
use protocol::{Accepted, Answer, Context, FromDaemon, Ran, Request, Shell, Status, ToDaemon};
use specs::archive::{Info, Module, Packed, write};
use specs::model::{Arg, FnRef, Generator, Script, Spec, Subcommand, Template};

/// No test waits longer than this for anything; a loaded machine needs a fraction of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something holds.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}

fn subcommand(name: &str) -> Subcommand {
    Subcommand { names: vec![name.to_owned()], ..Subcommand::default() }
}

/// A small `git`, with the branches of the repository, and `cat`, with files.
fn write_archive(path: &Path) {
    let argv = ["git", "--no-optional-locks", "branch", "--no-color"].map(str::to_owned).to_vec();
    let function = FnRef { module: "git".into(), path: vec!["branches".into()] };
    let branches =
        Generator { script: Some(Script::Argv(argv)), post_process: Some(function), ..Generator::default() };
    let branch = Arg { name: Some("branch".into()), generators: vec![branches], ..Arg::default() };
    let checkout = Subcommand { args: vec![branch], ..subcommand("checkout") };
    let git = Subcommand {
        subcommands: vec![checkout, subcommand("cherry-pick"), subcommand("status")],
        ..subcommand("git")
    };
    let file = Arg { templates: vec![Template::Filepaths], ..Arg::default() };
    let cat = Subcommand { args: vec![file], ..subcommand("cat") };
    let module = |root: Subcommand| Module {
        name: root.names[0].clone(),
        spec: Some(Packed::spec(&Spec { root, versions: None }).unwrap()),
        script: None,
    };
    write(path, &Info::default(), vec![module(git), module(cat)]).unwrap();
}

/// Directories of a user who has nothing but an archive.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Home {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("run")).unwrap();
        fs::create_dir(dir.path().join("cwd")).unwrap();
        write_archive(&dir.path().join("specs.qa"));
        Home { dir }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.at("run/q/qd.sock")
    }

    fn cwd(&self) -> String {
        self.at("cwd").to_str().unwrap().to_owned()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.dir.path()).env("PATH", "/usr/bin:/bin");
        command.env("XDG_RUNTIME_DIR", self.at("run")).env("Q_ARCHIVE", self.at("specs.qa"));
        command.env("Q_LOG_LEVEL", "trace").current_dir(self.at("cwd"));
        command
    }

    fn qd(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_qd"));
        command.args(arguments);
        command
    }

    /// Starts a daemon and waits until it answers.
    fn start(&self, arguments: &[&str]) -> Daemon {
        self.start_as(self.qd(arguments))
    }

    fn start_as(&self, mut command: Command) -> Daemon {
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let socket = self.socket();
        wait_until("the daemon listens", || UnixStream::connect(&socket).is_ok());
        Daemon { child, socket }
    }

    fn context(&self) -> Context {
        let env = [("PATH", "/usr/bin:/bin"), ("HOME", self.dir.path().to_str().unwrap())];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Context { session: "1".into(), cwd: self.cwd(), env, ..Context::default() }
    }

    /// A repository with the branches `main` and `topic`, whose configuration would run programs if it could.
    fn repository(&self) {
        let trap = format!("touch {}", self.at("trapped").display());
        for arguments in [
            &["init", "-q", "-b", "main"][..],
            &["-c", "user.name=u", "-c", "user.email=u@e", "commit", "-q", "--allow-empty", "-m", "x"],
            &["branch", "topic"],
            &["config", "core.fsmonitor", &trap],
            &["config", "core.pager", &trap],
            &["config", "diff.external", &trap],
        ] {
            assert!(self.command("git").args(arguments).status().unwrap().success(), "git {arguments:?}");
        }
    }
}

/// A running daemon; killed when dropped.
struct Daemon {
    child: Child,
    socket: PathBuf,
}

impl Daemon {
    fn client(&self) -> Client {
        Client::new(UnixStream::connect(&self.socket).unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the daemon ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection that speaks binary frames.
struct Client {
    stream: UnixStream,
    decoder: Decoder,
}

impl Client {
    fn new(stream: UnixStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream, decoder: Decoder::default() }
    }

    fn send(&mut self, messages: &[ToDaemon]) {
        let frames: Vec<u8> = messages.iter().flat_map(|message| frame::encode(message).unwrap()).collect();
        self.stream.write_all(&frames).unwrap();
    }

    /// The next message, `None` when the daemon closed the connection.
    fn receive(&mut self) -> Option<FromDaemon> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                return Some(message);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.decoder.push(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the daemon says nothing: {error}"),
            }
        }
    }

    fn answer(&mut self) -> Answer {
        match self.receive() {
            Some(FromDaemon::Answer(answer)) => *answer,
            other => panic!("not an answer: {other:?}"),
        }
    }

    /// The last answer to a request.
    fn complete(&mut self, request: Request) -> Answer {
        self.send(&[ToDaemon::Complete(request)]);
        loop {
            let answer = self.answer();
            if !answer.pending {
                return answer;
            }
        }
    }

    fn status(&mut self) -> Status {
        self.send(&[ToDaemon::Status]);
        match self.receive() {
            Some(FromDaemon::Status(status)) => status,
            other => panic!("not a status: {other:?}"),
        }
    }
}

fn ask(generation: u64, line: &str) -> Request {
    Request { generation, line: line.into(), cursor: line.len() as u32, wait: 20_000, ..Request::default() }
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.candidates.iter().map(|candidate| candidate.name.as_str()).collect()
}

fn ghost(answer: &Answer) -> &str {
    answer.ghost.as_ref().map_or("", |ghost| &ghost.text)
}

#[test]
fn what_was_accepted_outlives_a_daemon_that_is_killed() {
    let home = Home::new();
    let mut daemon = home.start(&[]);
    let mut client = daemon.client();
    client.send(&[ToDaemon::Context(home.context())]);
    assert_eq!(names(&client.complete(ask(1, "git c"))), ["checkout", "cherry-pick"]);
    let accepted = Accepted { command: vec!["git".into()], name: "cherry-pick".into() };
    client.send(&[ToDaemon::Accepted(accepted)]);
    assert_eq!(names(&client.complete(ask(2, "git c"))), ["cherry-pick", "checkout"]);
    let database = home.at(".local/share/q/q.sqlite3");
    wait_until("the row is on disk", || kept(&database) == 1);
    assert_eq!(fs::metadata(&database).unwrap().mode() & 0o777, 0o600);
    daemon.signal(Signal::SIGKILL);
    daemon.ended();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    client.send(&[ToDaemon::Context(home.context())]);
    // Whoever asks while the file is still being read is answered without it.
    let mut generation = 2;
    wait_until("the order is as it was", || {
        generation += 1;
        names(&client.complete(ask(generation, "git c"))) == ["cherry-pick", "checkout"]
    });
    assert_eq!(client.status().store_error, None);
}

/// How many rows of usage a database has; 0 when it cannot be read yet.
fn kept(database: &Path) -> i64 {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(database, flags);
    let count = |connection: rusqlite::Connection| {
        connection.query_row("SELECT count(*) FROM usage", [], |row| row.get(0))
    };
    connection.and_then(count).unwrap_or_default()
}

#[test]
fn a_database_that_cannot_be_used_hurts_no_answer() {
    let home = Home::new();
    fs::create_dir_all(home.at(".local/share/q")).unwrap();
    fs::write(home.at(".local/share/q/q.sqlite3"), "rubbish".repeat(1_000)).unwrap();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    let accepted = Accepted { command: vec!["git".into()], name: "cherry-pick".into() };
    client.send(&[ToDaemon::Context(home.context()), ToDaemon::Accepted(accepted)]);
    assert_eq!(names(&client.complete(ask(1, "git c"))), ["cherry-pick", "checkout"]);
    wait_until("it is told", || client.status().store_error.is_some());
    assert_eq!(fs::read(home.at(".local/share/q/q.sqlite3")).unwrap(), b"rubbish".repeat(1_000));
}

#[test]
fn settings_are_obeyed_from_the_next_question_on() {
    let home = Home::new();
    let file = home.at(".config/q/settings.json");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    client.send(&[ToDaemon::Context(home.context())]);
    let mut generation = 0;
    let mut rows = |client: &mut Client| {
        generation += 1;
        names(&client.complete(ask(generation, "git ckt"))).join(" ")
    };
    assert_eq!(rows(&mut client), "");
    fs::write(&file, "{\"autocomplete.fuzzySearch\": true}").unwrap();
    wait_until("letters in order match", || rows(&mut client) == "checkout");
    assert_eq!(client.status().settings_error, None);
    fs::write(&file, "{\"autocomplete.fuzzySearch\": false,\n}").unwrap();
    wait_until("the mistake is told", || client.status().settings_error.is_some());
    let told = client.status().settings_error.unwrap();
    assert!(told.contains("settings.json: line 2, column 1: "), "{told}");
    assert_eq!(rows(&mut client), "checkout", "a broken file leaves the settings as they were");
    fs::remove_file(&file).unwrap();
    wait_until("all is as always", || rows(&mut client).is_empty());
    assert_eq!(client.status().settings_error, None);
}

#[test]
fn the_first_word_is_described_and_ranked() {
    let home = Home::new();
    let (bin, man) = (home.at("opt/bin"), home.at("opt/share/man/man1"));
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir_all(&man).unwrap();
    for name in ["deploy", "delete", "git"] {
        fs::write(bin.join(name), "").unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(man.join("deploy.1"), ".SH NAME\ndeploy \\- brings it to the servers\n").unwrap();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    let mut context = home.context();
    context.env.insert("PATH".into(), bin.to_str().unwrap().into());
    context.aliases.insert("depot".into(), "deploy --to-depot".into());
    client.send(&[ToDaemon::Context(context)]);
    let answer = client.complete(ask(1, "de"));
    let said = |name: &str| {
        let row = answer.candidates.iter().find(|row| row.name == name).unwrap();
        row.description.as_deref().unwrap_or_default().to_owned()
    };
    // The alias first, then what is the shell's own, then programs.
    assert_eq!(names(&answer), ["depot", "declare", "delete", "deploy"]);
    assert_eq!(said("depot"), "deploy --to-depot");
    assert_eq!(said("declare"), "Declare variables and their attributes");
    assert_eq!((said("delete"), said("deploy")), (String::new(), "brings it to the servers".into()));
    let accepted = Accepted { command: Vec::new(), name: "deploy".into() };
    client.send(&[ToDaemon::Accepted(accepted)]);
    assert_eq!(names(&client.complete(ask(2, "de")))[0], "deploy");
    fs::write(home.at("cwd/run.sh"), "").unwrap();
    fs::set_permissions(home.at("cwd/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(home.at("cwd/read.me"), "").unwrap();
    fs::create_dir(home.at("cwd/rest")).unwrap();
    assert_eq!(names(&client.complete(ask(3, "./r"))), ["rest/", "run.sh"]);
}

#[test]
fn a_binary_client_is_answered() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    client.send(&[ToDaemon::Context(home.context())]);
    let answer = client.complete(ask(7, "git che"));
    assert_eq!((answer.generation, names(&answer)), (7, vec!["checkout", "cherry-pick"]));
    client.send(&[ToDaemon::Parse(ask(8, "git che"))]);
    assert!(matches!(client.receive(), Some(FromDaemon::Parsed(parsed)) if parsed.generation == 8));
    let status = client.status();
    assert_eq!((status.commands, status.archive_error), (2, None));
    assert_eq!(status.pid, daemon.child.id());
}

#[test]
fn a_json_client_is_answered_even_when_it_stops_writing() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let mut stream = UnixStream::connect(&daemon.socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"{\"complete\":{\"line\":\"git che\",\"cursor\":7}}\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["answer"]["candidates"][0]["name"], "checkout");
    assert!(text.ends_with('\n') && text.matches('\n').count() == 1);
}

#[test]
fn branches_come_in_a_second_answer_and_nothing_of_the_repository_runs() {
    let home = Home::new();
    home.repository();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    client.send(&[ToDaemon::Context(home.context()), ToDaemon::Complete(ask(1, "git checkout t"))]);
    let first = client.answer();
    assert!(first.pending && !names(&first).contains(&"topic"));
    let last = client.answer();
    assert_eq!((last.pending, names(&last)), (false, vec!["topic"]));
    assert_eq!(last.candidates[0].source, "generator:git");
    // What was fetched is good for the next key.
    client.send(&[ToDaemon::Complete(ask(2, "git checkout to"))]);
    let next = client.answer();
    assert_eq!((next.pending, names(&next)), (false, vec!["topic"]));
    assert!(!home.at("trapped").exists());
    // Who cannot wait gets what is there.
    client.send(&[ToDaemon::Ran(Ran::default())]);
    client.send(&[ToDaemon::Complete(Request { wait: 0, ..ask(3, "git checkout to") })]);
    let impatient = client.answer();
    assert_eq!((impatient.pending, impatient.generation), (false, 3));
}

/// A stand-in for git, and a context in which it is found.
fn fake_git(home: &Home, script: &str) -> Context {
    let fake = home.at("bin/git");
    fs::create_dir(home.at("bin")).unwrap();
    fs::write(&fake, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let mut context = home.context();
    context.env.insert("PATH".into(), format!("{}:/usr/bin:/bin", home.at("bin").display()));
    context
}

#[test]
fn a_program_that_takes_long_is_waited_for_as_long_as_the_request_says() {
    let home = Home::new();
    let go = home.at("go");
    assert!(home.command("mkfifo").arg(&go).status().unwrap().success());
    let context = fake_git(&home, &format!("read word < {}; echo \" refs/heads/$word\"", go.display()));
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    client.send(&[
        ToDaemon::Context(context),
        ToDaemon::Complete(Request { wait: 50, ..ask(1, "git checkout s") }),
    ]);
    assert!(client.answer().pending);
    let impatient = client.answer();
    assert_eq!((impatient.pending, names(&impatient)), (false, vec![]));
    // The same program is still running for the next request, and what it says counts however long it took.
    client.send(&[ToDaemon::Complete(ask(2, "git checkout s"))]);
    assert!(client.answer().pending);
    let begin = Instant::now();
    wait_until("longer than rows are fresh", || begin.elapsed() > Duration::from_millis(2100));
    // Opened in both directions, a pipe does not wait for its other end.
    let mut pipe = fs::OpenOptions::new().read(true).write(true).open(&go).unwrap();
    pipe.write_all(b"slow\n").unwrap();
    let patient = client.answer();
    assert_eq!((patient.generation, patient.pending, names(&patient)), (2, false, vec!["slow"]));
}

#[test]
fn a_newer_request_takes_the_place_of_an_older_one() {
    let home = Home::new();
    let pid = home.at("pid");
    let context =
        fake_git(&home, &format!("echo $$ > {0}.new\nmv {0}.new {0}\nexec sleep 600", pid.display()));
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    client.send(&[ToDaemon::Context(context), ToDaemon::Complete(ask(1, "git checkout "))]);
    assert!(client.answer().pending);
    wait_until("git runs", || pid.exists());
    let pid = fs::read_to_string(&pid).unwrap().trim().to_owned();
    let answer = client.complete(ask(2, "git st"));
    assert_eq!((answer.generation, names(&answer)), (2, vec!["status"]));
    let process = PathBuf::from("/proc").join(pid).join("stat");
    wait_until("the older request's git is killed", || {
        fs::read_to_string(&process).is_ok_and(|stat| stat.contains(") Z ")) || !process.exists()
    });
    // Of several requests in one breath only the last is answered.
    client.send(&[3, 4, 5].map(|generation| ToDaemon::Complete(ask(generation, "git che"))));
    assert_eq!(client.answer().generation, 5);
    client.send(&[ToDaemon::Status]);
    assert!(matches!(client.receive(), Some(FromDaemon::Status(_))));
}

#[test]
fn files_of_the_working_directory_are_listed() {
    let home = Home::new();
    fs::write(home.at("cwd/My Documents"), "").unwrap();
    fs::create_dir(home.at("cwd/src")).unwrap();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    client.send(&[ToDaemon::Context(home.context())]);
    let answer = client.complete(ask(1, "cat "));
    assert_eq!(names(&answer)[..2], ["My Documents", "src/"]);
}

#[test]
fn history_comes_from_the_file_and_from_what_was_run() {
    let home = Home::new();
    let history = home.at("history");
    fs::write(&history, "git status --short\nmysql -phunter2\n").unwrap();
    let context = Context { history_file: history.to_str().unwrap().into(), ..home.context() };
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    client.send(&[ToDaemon::Context(context.clone())]);
    assert_eq!(ghost(&client.complete(ask(1, "git status"))), " --short");
    assert_eq!(ghost(&client.complete(ask(2, "mysq"))), "");
    let ran = |line: &str, status| Ran { line: line.into(), cwd: home.cwd(), status, ..Ran::default() };
    client.send(&[ToDaemon::Ran(ran("git status --long", Some(0)))]);
    assert_eq!(ghost(&client.complete(ask(3, "git status"))), " --long");
    client.send(&[ToDaemon::Ran(ran("git status --long", Some(1)))]);
    assert_eq!(ghost(&client.complete(ask(4, "git status"))), " --short");
    client.send(&[ToDaemon::Accepted(Accepted { command: vec!["git".into()], name: "cherry-pick".into() })]);
    let answer = client.complete(ask(5, "git che"));
    assert_eq!(names(&answer)[0], "cherry-pick", "what was accepted comes first");
    let elsewhere = Context { shell: Shell::Zsh, history_file: "/nonexistent".into(), ..context };
    client.send(&[ToDaemon::Context(elsewhere)]);
    assert_ne!(ghost(&client.complete(ask(6, "git status"))), " --short");
}

#[test]
fn rubbish_ends_one_connection_and_no_other() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let mut good = daemon.client();
    for rubbish in
        [&b"\xff\xff\xff"[..], &[frame::VERSION, 0xff, 0xff, 0xff, 0xff], &[frame::VERSION, 1, 0, 0, 0, 99]]
    {
        let mut client = daemon.client();
        client.stream.write_all(rubbish).unwrap();
        assert!(matches!(client.receive(), Some(FromDaemon::Failed(_))), "{rubbish:?}");
        assert_eq!(client.receive(), None);
    }
    let mut stream = UnixStream::connect(&daemon.socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"{\"nonsense\":1}\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("{\"failed\""), "{text}");
    let half = &frame::encode(&ToDaemon::Status).unwrap()[..3];
    daemon.client().stream.write_all(half).unwrap();
    assert_eq!(good.status().commands, 2);
}

#[test]
fn a_request_that_makes_no_sense_is_refused_and_the_next_one_answered() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    let long = "x".repeat(1 << 20);
    for bad in [Request { cursor: 1, ..ask(3, "é") }, Request { cursor: 9, ..ask(3, "ls") }, ask(3, &long)] {
        client.send(&[ToDaemon::Complete(bad)]);
        assert!(matches!(client.receive(), Some(FromDaemon::Failed(failed)) if failed.generation == 3));
    }
    assert_eq!(names(&client.complete(ask(4, "git st"))), ["status"]);
}

#[test]
fn a_client_that_does_not_read_is_left() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let mut deaf = daemon.client();
    deaf.stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let many: Vec<u8> = frame::encode(&ToDaemon::Status).unwrap().repeat(100);
    let mut refused = None;
    wait_until("the daemon closes the connection", || {
        refused = deaf.stream.write_all(&many).err();
        refused.is_some()
    });
    let kind = refused.unwrap().kind();
    assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{kind:?}");
    assert_eq!(daemon.client().status().commands, 2);
}

#[test]
fn two_hundred_clients_are_served() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let mut clients: Vec<Client> = (0..200).map(|_| daemon.client()).collect();
    for client in &mut clients {
        client.send(&[ToDaemon::Complete(ask(1, "git che"))]);
    }
    for client in &mut clients {
        assert_eq!(names(&client.answer()), ["checkout", "cherry-pick"]);
    }
}

#[test]
fn running_out_of_descriptors_passes() {
    let home = Home::new();
    let mut command = home.command("/bin/sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\"", env!("CARGO_BIN_EXE_qd")]);
    let daemon = home.start_as(command);
    let clients: Vec<Client> = (0..60).map(|_| daemon.client()).collect();
    let log = home.at(".local/state/q/log/qd.log");
    wait_until("descriptors run out", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("cannot accept a connection"))
    });
    drop(clients);
    assert_eq!(daemon.client().status().commands, 2);
}

#[test]
fn there_is_one_daemon() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let before = fs::metadata(home.socket()).unwrap();
    assert_eq!((before.mode() & 0o777, before.uid()), (0o600, nix::unistd::geteuid().as_raw()));
    let Output { status, stdout, stderr } = home.qd(&[]).output().unwrap();
    assert!(status.success() && stdout.is_empty() && stderr.is_empty());
    assert_eq!(fs::metadata(home.socket()).unwrap().ino(), before.ino());
    assert_eq!(daemon.client().status().pid, daemon.child.id());
}

#[test]
fn many_that_start_at_once_leave_one() {
    let home = Home::new();
    let mut all: Vec<Child> = (0..8).map(|_| home.qd(&[]).stdin(Stdio::null()).spawn().unwrap()).collect();
    wait_until("all but one end", || {
        all.iter_mut().filter_map(|child| child.try_wait().unwrap()).filter(ExitStatus::success).count() == 7
    });
    let left = running(&mut all);
    let daemon = Daemon { child: all.remove(left), socket: home.socket() };
    assert_eq!(daemon.client().status().pid, daemon.child.id());
}

/// Which of these processes is still there.
fn running(all: &mut [Child]) -> usize {
    all.iter_mut().position(|child| child.try_wait().unwrap().is_none()).unwrap()
}

#[test]
fn a_killed_daemon_is_replaced() {
    let home = Home::new();
    let mut killed = home.start(&[]);
    let mut client = killed.client();
    assert_eq!(client.status().commands, 2);
    killed.signal(Signal::SIGKILL);
    killed.ended();
    assert_eq!(client.receive(), None);
    assert!(home.socket().exists(), "it could not clean up");
    let mut next = Daemon { child: home.qd(&[]).spawn().unwrap(), socket: home.socket() };
    wait_until("the next one listens", || UnixStream::connect(&next.socket).is_ok());
    assert_eq!(next.client().status().pid, next.child.id());
    next.signal(Signal::SIGTERM);
    assert!(next.ended().success());
    assert!(!home.socket().exists());
}

#[test]
fn a_socket_that_is_cleaned_away_is_made_again_by_the_next_daemon() {
    let home = Home::new();
    let old = home.start(&[]);
    let mut client = old.client();
    fs::remove_file(home.socket()).unwrap();
    let new = home.start(&[]);
    assert_eq!(new.client().status().pid, new.child.id());
    assert_eq!(client.status().pid, old.child.id(), "the old one serves its clients to the end");
    drop(client);
    old.signal(Signal::SIGTERM);
    let mut old = old;
    old.ended();
    assert_eq!(new.client().status().pid, new.child.id());
}

#[test]
fn a_daemon_without_clients_leaves() {
    let home = Home::new();
    let mut daemon = home.start(&["--idle", "1"]);
    let mut client = daemon.client();
    // Longer than it would stay alone.
    let begin = Instant::now();
    wait_until("time passes", || begin.elapsed() > Duration::from_millis(1500));
    assert_eq!(client.status().commands, 2);
    drop(client);
    assert!(daemon.ended().success());
    assert!(!home.socket().exists());
}

#[test]
fn a_runtime_directory_that_others_can_enter_is_refused() {
    let home = Home::new();
    fs::create_dir(home.at("run/q")).unwrap();
    for mode in [0o755, 0o770, 0o701] {
        fs::set_permissions(home.at("run/q"), fs::Permissions::from_mode(mode)).unwrap();
        let output = home.qd(&[]).output().unwrap();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("0700"), "{output:?}");
        assert!(!home.socket().exists());
    }
    fs::set_permissions(home.at("run/q"), fs::Permissions::from_mode(0o755)).unwrap();
    let named = home.at("run/q/other.sock");
    assert!(!home.qd(&["--socket", named.to_str().unwrap()]).output().unwrap().status.success());
}

#[test]
fn a_broken_archive_is_reported_and_files_are_still_listed() {
    let home = Home::new();
    fs::write(home.at("specs.qa"), "rubbish").unwrap();
    fs::write(home.at("cwd/file"), "").unwrap();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    let status = client.status();
    assert_eq!(status.commands, 0);
    assert!(status.archive_error.unwrap().contains("not a spec archive"));
    client.send(&[ToDaemon::Context(home.context())]);
    assert_eq!(names(&client.complete(ask(1, "cat ./f"))), ["file"]);
    // A good one put in its place is taken up without a restart.
    write_archive(&home.at("specs.qa"));
    wait_until("the new archive is seen", || client.status().commands == 2);
}

#[test]
fn the_log_is_private_and_silent_about_lines() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let mut client = daemon.client();
    let history = home.at("history");
    fs::write(&history, "git zzzsecretzzz\n").unwrap();
    let context = Context { history_file: history.to_str().unwrap().into(), ..home.context() };
    client.send(&[ToDaemon::Context(context)]);
    client.complete(ask(1, "git checkout zzzsecretzzz"));
    client.send(&[ToDaemon::Ran(Ran { line: "git zzzsecretzzz".into(), ..Ran::default() })]);
    client.stream.write_all(b"{zzzsecretzzz}\n").unwrap();
    while client.receive().is_some() {}
    let log = home.at(".local/state/q/log/qd.log");
    assert_eq!(fs::metadata(&log).unwrap().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&log).unwrap().contains("zzzsecretzzz"));
}

#[test]
fn once_answers_standard_input_and_ends() {
    let home = Home::new();
    home.repository();
    let mut child = home.qd(&["--once"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for message in [
        ToDaemon::Context(home.context()),
        ToDaemon::Complete(ask(1, "git checkout t")),
        ToDaemon::Parse(ask(2, "git st")),
    ] {
        stdin.write_all(&frame::encode_json(&message).unwrap()).unwrap();
    }
    // The last line has no newline.
    stdin.write_all(b"\"status\"").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Vec<FromDaemon> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [FromDaemon::Answer(answer), FromDaemon::Parsed(_), FromDaemon::Status(_)] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert_eq!((answer.pending, names(answer)), (false, vec!["topic"]));
    assert!(!home.socket().exists());
    let mut child = home.qd(&["--once"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"rubbish\n").unwrap();
    assert!(!child.wait().unwrap().success());
}
