//! Whatever hangs, typing does not: the first answer to each line arrives while it hangs, and is asserted to.
//!
//! The stand-in for a dead network mount is a FUSE file system whose server never answers. Where the machine does not let
//! one be mounted, the tests that need it say so and demand nothing.

// FUSE and `/proc` are Linux's.
#![cfg(target_os = "linux")]

#[path = "support/mod.rs"]
mod support;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use protocol::Context;
use support::home::{Client, Home, is_gone, names, wait_until};

/// A directory of which nobody ever learns anything, until it is dropped.
struct Stuck {
    at: PathBuf,
    /// Who would answer holds this. Closed, every question about the directory fails.
    server: Option<File>,
    /// Somebody who asks.
    witness: Child,
}

impl Stuck {
    /// `None` when there may be no such directory on this machine.
    fn new(at: PathBuf) -> Option<Stuck> {
        fs::create_dir_all(&at).expect("a directory");
        let server = OpenOptions::new().read(true).write(true).open("/dev/fuse").ok()?;
        let uid = nix::unistd::getuid();
        let options = format!("fd={},rootmode=40000,user_id={uid},group_id=0", server.as_raw_fd());
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("q-test"), &at, Some("fuse"), flags, Some(options.as_str())).ok()?;
        let mut witness = Command::new("ls");
        witness.arg(at.join("anything")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let witness = witness.spawn().expect("ls");
        Some(Stuck { at, server: Some(server), witness })
    }

    fn path(&self) -> String {
        self.at.display().to_string()
    }

    /// Who asked has not been answered.
    #[track_caller]
    fn assert_stuck(&mut self) {
        let ended = self.witness.try_wait().expect("a child");
        assert!(ended.is_none(), "the mount does not hang: the test shows nothing");
    }

    /// Everyone who asked is told that there is nothing.
    fn release(&mut self) {
        self.server = None;
        let _ = self.witness.wait();
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.release();
        // A directory in /tmp that cannot be removed is all that is left when this fails.
        let _ = umount2(&self.at, MntFlags::MNT_DETACH);
    }
}

/// A stuck directory in a home, or a word about why there is none.
fn stuck(home: &Home) -> Option<Stuck> {
    let stuck = Stuck::new(home.at("stuck"));
    if stuck.is_none() {
        println!("no file system can be mounted here: nothing is tested");
    }
    stuck
}

/// A repository in `cwd` with the branches `main` and `topic`.
fn repository(home: &Home) {
    for arguments in [
        &["init", "-q", "-b", "main"][..],
        &["-c", "user.name=u", "-c", "user.email=u@e", "commit", "-q", "--allow-empty", "-m", "x"],
        &["branch", "topic"],
    ] {
        let git = home.command("git").args(arguments).status().expect("git");
        assert!(git.success(), "git {arguments:?}");
    }
}

/// Types a line key by key; each key is answered, and at the end there is `row`.
#[track_caller]
fn type_line(client: &mut Client, line: &str, row: &str) {
    type_on(client, 0, line, row);
}

/// The same for a line of which so many bytes are there already.
fn type_on(client: &mut Client, typed: usize, line: &str, row: &str) {
    for end in typed + 1..line.len() {
        client.first(&line[..end]);
    }
    let answer = client.first(line);
    assert!(names(&answer).contains(&row), "{line:?} has no {row:?}: {:?}", names(&answer));
}

fn with_path(context: Context, path: String) -> Context {
    let mut context = context;
    context.env.insert("PATH".into(), path);
    context
}

#[test]
fn a_stuck_directory_in_the_path() {
    let home = Home::new();
    repository(&home);
    let daemon = home.start();
    let Some(mut stuck) = stuck(&home) else { return };
    let path = format!("{}:{}", stuck.path(), home.path());
    let mut client = daemon.client(with_path(home.context(), path));
    // Git itself cannot be found, because nobody knows whether it is in the first directory.
    for (line, row) in [
        ("git che", "checkout"),
        ("git checkout -", "-b"),
        ("docker ru", "run"),
        ("cargo build --re", "--release"),
    ] {
        type_line(&mut client, line, row);
    }
    let mut other = daemon.client(home.context());
    assert!(other.first("git checkout to").pending);
    assert_eq!(names(&other.last())[0], "topic", "another session has its generators");
    stuck.assert_stuck();
    stuck.release();
    wait_until("the branches come when the directory says that it has none", || {
        client.ask("git checkout to");
        names(&client.last())[0] == "topic"
    });
}

#[test]
fn a_stuck_working_directory() {
    let home = Home::new();
    let daemon = home.start();
    let Some(mut stuck) = stuck(&home) else { return };
    fs::write(home.at("cwd/file"), "").expect("a file");
    let mut client = daemon.client(Context { cwd: stuck.path(), ..home.context() });
    for (line, row) in [
        ("git che", "checkout"),
        ("git checkout --", "--force"),
        ("npm run --s", "--silent"),
        ("ls -a", "-a"),
    ] {
        type_line(&mut client, line, row);
    }
    // Files of other directories are listed all the same.
    assert!(names(&client.first("cat ")).contains(&"-n"));
    let elsewhere = format!("cat {}/", home.at("cwd").display());
    client.ask(&elsewhere);
    assert_eq!(names(&client.last())[0], "file");
    stuck.assert_stuck();
}

#[test]
fn a_stuck_home() {
    let home = Home::new();
    repository(&home);
    let Some(mut stuck) = stuck(&home) else { return };
    // Settings, specs of the user's own, database, log and history.
    let daemon = home.start_with(|command| {
        command.env("HOME", stuck.path());
    });
    let mut context = home.context();
    context.env.insert("HOME".into(), stuck.path());
    let mut client = daemon.client(context);
    for (line, row) in [("git che", "checkout"), ("kubectl ge", "get"), ("cat ~/fi", "")] {
        match row {
            "" => drop(client.first(line)),
            row => type_line(&mut client, line, row),
        }
    }
    stuck.assert_stuck();
}

#[test]
fn many_files_and_the_next_key() {
    let home = Home::new();
    // Where there is a directory in memory, it takes a second instead of a minute.
    let memory = Path::new("/dev/shm");
    let many = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let many = many.expect("a directory");
    for at in 0..100_000 {
        File::create(many.path().join(format!("{at:06}"))).expect("a file");
    }
    let daemon = home.start();
    let cwd = many.path().display().to_string();
    let mut client = daemon.client(Context { cwd, ..home.context() });
    // Nobody waits for the answers in between.
    for line in ["cat ", "cat 0", "cat 09", "cat 099"] {
        client.ask(line);
    }
    client.ask("cat 0999");
    assert_eq!(client.last().candidates.len(), 100);
    assert_eq!(names(&client.first("git che"))[0], "checkout");
}

/// Why nobody needs a program any more, and how that comes about.
type Ending = (&'static str, fn(Client));

#[test]
fn a_program_that_does_not_want_to_end() {
    let home = Home::new();
    // It and its child ignore every signal that can be ignored, and keep the pipe open.
    home.program(
        "git",
        &format!(
            "#!/bin/sh\ntrap '' TERM HUP INT QUIT PIPE\nsh -c 'echo $$ > {0}.child; while :; do sleep 1; done' &\n\
             echo $$ > {0}.new; mv {0}.new {0}\nwhile :; do sleep 1; done\n",
            home.at("pid").display()
        ),
    );
    let (pid, child) = (home.at("pid"), home.at("pid.child"));
    let daemon = home.start();
    let ends: [Ending; 2] = [
        ("another line", |mut client| {
            assert_eq!(names(&client.first("git che"))[0], "checkout");
            // The connection stays: it is the line that the program was run for which is gone.
            std::mem::forget(client);
        }),
        ("nobody there", drop),
    ];
    for (why, end) in ends {
        let _ = fs::remove_file(&pid); // The first time there is none.
        let _ = fs::remove_file(&child);
        let mut client = daemon.client(home.context());
        let answer = client.first("git checkout -");
        assert!(answer.pending && names(&answer).contains(&"-b"), "{:?}", names(&answer));
        wait_until("the program and its child run", || pid.exists() && child.exists());
        type_on(&mut client, "git checkout -".len(), "git checkout --fo", "--force");
        assert!(!is_gone(&pid), "it is still wanted");
        end(client);
        wait_until(why, || is_gone(&pid) && is_gone(&child));
    }
}

#[test]
fn a_generator_that_sleeps() {
    let home = Home::new();
    let (begun, woken) = (home.at("begun"), home.at("woken"));
    home.program(
        "git",
        &format!(
            "#!/bin/sh\n: > {}\nwhile [ ! -e {} ]; do sleep 0.1; done\necho ' refs/heads/late'\n",
            begun.display(),
            woken.display()
        ),
    );
    let daemon = home.start();
    let mut client = daemon.client(home.context());
    assert!(client.first("git checkout ").pending);
    wait_until("the program sleeps", || begun.exists());
    type_line(&mut client, "git checkout -", "-b");
    type_line(&mut client, "git checkout --fo", "--force");
    let answer = client.first("git checkout la");
    assert!(answer.pending && !names(&answer).contains(&"late"));
    fs::write(&woken, "").expect("a file");
    assert_eq!(names(&client.last())[0], "late");
}

#[test]
fn a_repository_of_a_million_files() {
    let home = Home::new();
    repository(&home);
    let mut git = home.command("git");
    git.args(["update-index", "--index-info"]).stdin(Stdio::piped());
    let mut git = git.spawn().expect("git");
    let mut entries = Vec::with_capacity(80 << 20);
    for at in 0..1_000_000 {
        // Nothing of it is in the work tree, and the object need not exist.
        let line = format!("100644 {:040x} 0\td{:03}/file{at:06}\n", 1, at / 1_000);
        entries.extend_from_slice(line.as_bytes());
    }
    git.stdin.take().expect("a pipe").write_all(&entries).expect("git reads");
    assert!(git.wait().expect("git").success());
    let daemon = home.start();
    let mut client = daemon.client(home.context());
    for (line, row) in [("git add --a", "--all"), ("git checkout -", "-b"), ("git restore --st", "--staged")]
    {
        type_line(&mut client, line, row);
    }
    // What git needs minutes for is given up with the line.
    assert!(client.first("git add ").pending);
    type_line(&mut client, "git che", "checkout");
    wait_until("no git is left", || gits(&home).is_empty());
}

/// Processes called `git` in `cwd`.
fn gits(home: &Home) -> Vec<String> {
    let cwd = home.at("cwd");
    let all = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
    let is_git = |path: &PathBuf| fs::read_to_string(path.join("comm")).is_ok_and(|name| name == "git\n");
    let here = |path: &PathBuf| fs::read_link(path.join("cwd")).is_ok_and(|dir| dir == cwd);
    all.filter(|path| is_git(path) && here(path)).map(|path| path.display().to_string()).collect()
}
