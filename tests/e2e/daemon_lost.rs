//! The daemon may die or be missing: typing goes on, nothing is said, and suggestions come back with the daemon.

use std::{fs, time::Instant};

use harness::{Home, PATIENCE, Shell, Terminal, menu};

use crate::steps::{demand_no_menu, open_menu, start, wait_for_no_menu};

in_each_shell!(killed_in_mid_line, killed_between_lines, absent, silent_while_it_hangs);

fn killed_in_mid_line(shell: Shell) {
    let (home, terminal) = start(shell);
    open_menu(&terminal, "git ch", "checkout");
    home.daemon().expect("a daemon, which gave the rows").kill();
    terminal.keys("e");
    terminal.wait_for_line("git che");
    type_until_suggestions(&terminal);
    assert!(home.daemon().is_some(), "a new daemon");
}

fn killed_between_lines(shell: Shell) {
    let (home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    wait_for_no_menu(&terminal);
    home.daemon().expect("a daemon, which gave the rows").kill();
    let screen = terminal.run("echo one");
    assert!(screen.has_row("one"), "{}", screen.dump());
    type_until_suggestions(&terminal);
}

fn absent(shell: Shell) {
    let home = Home::with_own_programs(shell);
    fs::remove_file(home.programs().path("qd")).expect("qd can be removed");
    let terminal = home.shell(shell);
    terminal.type_slowly("git che");
    demand_no_menu(&terminal);
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    let screen = terminal.run("echo typed");

    let bare = Home::bare();
    let reference = bare.shell(shell);
    let expected = reference.run("echo typed");
    assert_eq!(screen.text(), expected.text(), "nothing is said about it");
}

fn silent_while_it_hangs(shell: Shell) {
    let (home, terminal) = start(shell);
    open_menu(&terminal, "git ch", "checkout");
    let daemon = home.daemon().expect("a daemon, which gave the rows");
    daemon.stop();
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    terminal.wait_until("the menu of the line before is gone", |screen| menu(screen).is_closed());
    let screen = terminal.run("echo typed");
    assert!(screen.has_row("typed"), "{}", screen.dump());
    daemon.resume();
    type_until_suggestions(&terminal);
}

/// Types a line again and again, as a user goes on typing, until it has suggestions: a daemon is not started anew at
/// once when the one before lived only shortly.
#[track_caller]
fn type_until_suggestions(terminal: &Terminal) {
    let end = Instant::now() + PATIENCE;
    let line = "git che";
    loop {
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
        terminal.type_line(line);
        if menu(&terminal.settle()).has("checkout") {
            return;
        }
        assert!(Instant::now() < end, "no suggestions come back\n{}", terminal.report());
    }
}
