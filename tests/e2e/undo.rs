//! One undo takes an accepted insertion back.

use harness::Shell;

use crate::steps::{open_menu, start, wait_for_row};

in_each_shell!(of_a_row, of_ghost_text);

fn of_a_row(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git cherry-p", "cherry-pick");
    terminal.keys("<Tab>");
    terminal.wait_until("the accepted row", |screen| {
        screen.typed().is_some_and(|line| line.starts_with("git cherry-pick"))
    });
    terminal.settle();
    terminal.keys("<C-_>");
    terminal.wait_for_line("git cherry-p");
    wait_for_row(&terminal, "cherry-pick");
}

fn of_ghost_text(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git checko", "checkout");
    terminal.settle();
    terminal.keys("<Right>");
    terminal.wait_until("the accepted text", |screen| {
        screen.typed().is_some_and(|line| line.starts_with("git checkout"))
    });
    terminal.settle();
    terminal.keys("<C-_>");
    terminal.wait_for_line("git checko");
}
