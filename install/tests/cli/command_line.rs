//! Bad usage is refused with status 2, failures with status 1, both on standard error and with advice.

use std::{io::Read, process::Stdio};

use crate::home::Home;

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
        &["debug", "parse", "--cursor", "1", "é!"],
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
