//! A program that candidates are to come from does not end: typing goes on, what needs no program is offered, and the
//! program is gone when nobody needs it any more.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use harness::{Home, PATIENCE, Process, Shell, menu};

use crate::steps::{open_menu, wait_for_row};

in_each_shell!(a_program_that_does_not_end);

/// A `git` that ignores every signal that can be ignored, before the real one in the search path.
fn hang(home: &Home) {
    home.write("tools/git", "#!/bin/sh\ntrap '' TERM HUP INT QUIT PIPE\nwhile :; do sleep 1; done\n");
    let git = home.path().join("tools/git");
    fs::set_permissions(git, Permissions::from_mode(0o755)).expect("a mode");
}

/// Programs called git of this user that run.
fn gits(home: &Home) -> Vec<Process> {
    home.processes().into_iter().filter(|process| process.name == "git").collect()
}

/// Waits until something holds of the programs that run.
#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn a_program_that_does_not_end(shell: Shell) {
    let home = Home::with_q(shell);
    hang(&home);
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", home.path().join("tools").display());
    let terminal = home.launch(shell).variable("PATH", &path).start_at_prompt();
    open_menu(&terminal, "git checkout --f", "--force");
    wait_until("git runs for the branches", || !gits(&home).is_empty());
    terminal.keys("orce");
    terminal.wait_for_line("git checkout --force");
    terminal.keys(" --tr");
    wait_for_row(&terminal, "--track");
    assert!(!gits(&home).is_empty(), "it hangs still");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    terminal.wait_until("the menu is gone", |screen| menu(screen).is_closed());
    open_menu(&terminal, "docker ru", "run");
    wait_until("nobody needs git any more", || gits(&home).is_empty());
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    let screen = terminal.run("echo typed");
    assert!(screen.has_row("typed"), "{}", screen.dump());
}
