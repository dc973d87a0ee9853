//! Bad usage is refused with status 2, failures with status 1, both on standard error and with advice.

use std::{
    ffi::OsStr,
    io::Read,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    process::Stdio,
};

use protocol::{Answer, Candidate, FromDaemon, ToDaemon};

use crate::{home::Home, player::play};

#[test]
fn bad_usage_has_status_2() {
    let home = Home::new();
    for arguments in [
        &[][..],
        &["nonsense"],
        &["complete"],
        &["complete", "--cursor", "1", "é"],
        &["complete", "--cursor", "9", "git"],
        &["complete", "--cwd", "/nowhere/at/all", "git"],
        &["complete", "--alias", "g", "g"],
        &["complete", "--env", "=x", "g"],
        &["complete", "--wait", "99999999", "g"],
        &["complete", "--shell", "csh", "g"],
        &["complete", "-f", "xml", "g"],
        &["complete", "--spec-dir", "/nowhere/at/all", "g"],
        &["complete", "git", "checkout"],
        &["complete", "-x"],
        &["why", "--cursor", "1", "é"],
        &["why"],
        &["debug", "parse", "--cursor", "1", "é!"],
        &["specs"],
        &["specs", "show"],
        &["specs", "check"],
        &["specs", "test", "no-such-file.json"],
        &["specs", "test", "--wait", "99999", "git"],
        &["specs", "list", "--spec-dir", "/nowhere/at/all"],
        &["init", "csh"],
        &["integrations", "install", "nonsense"],
    ] {
        let output = home.q(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn an_error_says_what_and_what_to_do() {
    let mut home = Home::new();
    home.move_program("bin");
    let output = home.q(&["complete", "git "]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with("error: qd cannot be started; install Q again"), "{errors}");
}

#[test]
fn without_a_daemon_there_is_none_to_end() {
    assert_eq!(Home::new().q_says(&["quit"]), "qd was not running\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = Home::new();
    let mut command = home.command(&home.program);
    let mut child =
        command.args(["init", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.wait().unwrap();
    let mut errors = String::new();
    child.stderr.unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(errors, "");
}

#[test]
fn arguments_that_are_no_text_are_bad_usage() {
    let home = Home::new();
    for arguments in [&["complete"][..], &["why"], &["debug", "parse"], &["complete", "git", "--alias"]] {
        let mut command = home.command(&home.program);
        let output = command.args(arguments).arg(OsStr::from_bytes(b"a=\xff")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn any_text_is_a_line_even_without_a_terminal_or_a_home() {
    for (arguments, line) in [
        (&["complete", ""][..], ""),
        (&["complete", "--", "-x --"], "-x --"),
        (&["complete", "\u{1b}é\n"], "\u{1b}é\n"),
    ] {
        let mut home = Home::new();
        let answer = Answer { generation: 1, ..Answer::default() };
        let daemon = play(&home, vec![vec![FromDaemon::Answer(Box::new(answer))]]);
        home.variables.push(("HOME", String::new()));
        let mut command = home.command(&home.program);
        // Closed, not only empty.
        // SAFETY: closing a descriptor is async-signal-safe.
        unsafe { command.pre_exec(|| nix::unistd::close(0).map_err(std::io::Error::from)) };
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        let heard = daemon.join().unwrap();
        assert!(matches!(&heard[1], ToDaemon::Complete(request) if request.line == line), "{heard:?}");
    }
}

#[test]
fn an_answer_that_nobody_reads_is_no_error() {
    let home = Home::new();
    let row = || Candidate { name: "x".repeat(1 << 20), ..Candidate::default() };
    let answer = Answer { generation: 1, candidates: vec![row(), row()], ..Answer::default() };
    let daemon = play(&home, vec![vec![FromDaemon::Answer(Box::new(answer))]]);
    let mut command = home.command(&home.program);
    let mut child =
        command.args(["complete", "git "]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.wait().unwrap();
    let mut errors = String::new();
    child.stderr.unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(errors, "");
    daemon.join().unwrap();
}
