//! What a folder's files say runs only when the user has said so: asked for in the menu, given there or by `q trust`.

use std::os::unix::fs::PermissionsExt;

use harness::{Home, Shell, Terminal, menu};

use crate::steps::{start, wait_for_row};

in_each_shell!(nothing_runs_before_trust_is_given_in_the_menu, q_gives_and_takes_it);

/// A project, and a program that does what its folder says: it sings when it does.
fn project(home: &Home) {
    let canary = home.path().join("canary");
    let rake = format!("#!/bin/sh\ncat Rakefile\ntouch {}\n", canary.display());
    home.write("tools/rake", rake);
    let program = home.path().join("tools/rake");
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    home.write("project/Rakefile", "rake assets:build # Builds them\nrake deploy # Ships it\n");
    let canary = home.path().join("made");
    home.write("project/Makefile", format!("X := $(shell touch {})\nmade:\n\ttrue\n", canary.display()));
}

fn enter_project(shell: Shell) -> (Home, Terminal) {
    let (home, terminal) = start(shell);
    project(&home);
    let path = home.path().join("tools");
    terminal.run(&match shell {
        Shell::Fish => format!("set -x PATH {} $PATH", path.display()),
        _ => format!("export PATH={}:$PATH", path.display()),
    });
    terminal.run("cd project");
    (home, terminal)
}

fn sings(home: &Home) -> bool {
    home.path().join("canary").exists()
}

/// What the row says that asks for trust.
const ROW: &str = "Trust this folder to run rake";

/// Types a line and waits for the row that asks for trust.
fn wait_for_question(terminal: &Terminal, line: &str) {
    terminal.type_line(line);
    terminal.wait_until("the row that asks for trust", |screen| {
        menu(screen).rows.iter().any(|row| row.text.contains(ROW))
    });
}

fn nothing_runs_before_trust_is_given_in_the_menu(shell: Shell) {
    let (home, terminal) = enter_project(shell);
    // What is only read needs no trust.
    terminal.type_line("make ");
    wait_for_row(&terminal, "made");
    assert!(!home.path().join("made").exists(), "make ran");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");

    wait_for_question(&terminal, "rake d");
    // Where there is nothing else, Tab is the shell's.
    terminal.keys("<Tab>");
    terminal.settle();
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    wait_for_question(&terminal, "rake d");
    terminal.keys("<Down>");
    terminal.wait_until("the row selected", |screen| {
        menu(screen).selected().is_some_and(|row| row.contains(ROW))
    });
    terminal.settle();
    assert!(!sings(&home), "selecting it is not yet trusting");
    terminal.keys("<Enter>");
    wait_for_row(&terminal, "deploy");
    assert!(sings(&home));
    assert_eq!(terminal.screen().typed().as_deref(), Some("rake d"), "{}", terminal.screen().dump());
    let said = home.q(&["trust", "--list"]);
    let folder = home.path().join("project").canonicalize().expect("the folder");
    assert_eq!(String::from_utf8_lossy(&said.stdout), format!("{}\n", folder.display()));
}

fn q_gives_and_takes_it(shell: Shell) {
    let (home, terminal) = enter_project(shell);
    wait_for_question(&terminal, "rake d");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    let folder = home.path().join("project");
    let folder = folder.to_str().expect("UTF-8");
    // Everyone may write to where the home lies.
    assert_eq!(home.q(&["trust", folder]).status.code(), Some(1));
    assert!(home.q(&["trust", "--anyway", folder]).status.success());
    terminal.run("true");
    terminal.type_line("rake d");
    wait_for_row(&terminal, "deploy");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    assert!(home.q(&["trust", "--revoke", folder]).status.success());
    terminal.run("true");
    wait_for_question(&terminal, "rake d");
    // Its home is too much.
    let output = home.q(&["trust", home.path().to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be trusted"), "{output:?}");
}
