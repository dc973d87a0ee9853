//! A terminal that changes its size while the menu is open keeps nothing of the menu.

use harness::{Shell, Size, Terminal};

use crate::steps::{demand_same_picture, open_menu, start, wait_for_row};

in_each_shell!(wider, narrower, taller, shorter, the_menu_works_after_a_resize, the_shell_knows_the_new_size);

fn wider(shell: Shell) {
    demand_no_residue(shell, Size { rows: 24, columns: 110 });
}

fn narrower(shell: Shell) {
    demand_no_residue(shell, Size { rows: 24, columns: 50 });
}

fn taller(shell: Shell) {
    demand_no_residue(shell, Size { rows: 40, columns: 80 });
}

fn shorter(shell: Shell) {
    demand_no_residue(shell, Size { rows: 12, columns: 80 });
}

fn the_menu_works_after_a_resize(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.resize(Size { rows: 20, columns: 70 });
    terminal.settle();
    terminal.keys("c");
    terminal.wait_for_line("git chec");
    wait_for_row(&terminal, "checkout");
}

fn the_shell_knows_the_new_size(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.resize(Size { rows: 31, columns: 87 });
    terminal.settle();
    let screen = terminal.run("stty size");
    assert!(screen.has_row("31 87"), "{}", screen.dump());
}

/// Opens the menu, changes the size, clears the line; the picture must be that of a shell without Q.
#[track_caller]
fn demand_no_residue(shell: Shell, size: Size) {
    demand_same_picture(shell, |_, terminal, with_q| {
        terminal.run("seq 5");
        open(terminal, with_q);
        terminal.resize(size);
        terminal.settle();
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
    });
}

/// Types a line and, with Q, waits for its menu.
#[track_caller]
fn open(terminal: &Terminal, with_q: bool) {
    terminal.type_line("git che");
    if with_q {
        wait_for_row(terminal, "checkout");
    }
    terminal.settle();
}
