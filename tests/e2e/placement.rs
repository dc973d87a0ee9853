//! Where the menu is drawn: below the line, above it at the bottom, never over the edge, never in a tiny terminal.

use harness::{Menu, Screen, Shell, menu};

use crate::steps::{open_menu, start, wait_for_row};

in_each_shell!(below_the_line, above_it_on_the_bottom_row, inside_the_right_edge, not_in_a_tiny_terminal);

fn below_the_line(shell: Shell) {
    let (_home, terminal) = start(shell);
    let screen = open_menu(&terminal, "git che", "checkout");
    let row = screen.cursor().0;
    assert!(menu(&screen).rows.iter().all(|part| part.row > row), "{}", screen.dump());
    let column = menu(&screen).rows[0].column;
    assert!((2..=8).contains(&column), "under the word, which begins in column 6\n{}", screen.dump());
}

fn above_it_on_the_bottom_row(shell: Shell) {
    let (_home, terminal) = start(shell);
    let full = terminal.run("seq 100");
    assert_eq!(full.cursor().0, 23, "{}", full.dump());
    let screen = open_menu(&terminal, "git che", "checkout");
    assert_eq!(screen.cursor(), (23, 9), "the line stays where it is\n{}", screen.dump());
    assert_eq!(screen.row(0), full.row(0), "nothing was scrolled\n{}", screen.dump());
    assert!(menu(&screen).rows.iter().all(|part| part.row < 23), "{}", screen.dump());
}

fn inside_the_right_edge(shell: Shell) {
    let (_home, terminal) = start(shell);
    let line = format!("echo {}; git che", "a".repeat(60));
    let screen = open_menu(&terminal, &line, "checkout");
    assert!(fits(&menu(&screen), &screen), "{}", screen.dump());
    assert_eq!(screen.cursor().0, 0, "the line did not wrap\n{}", screen.dump());
}

fn not_in_a_tiny_terminal(shell: Shell) {
    let (home, wide) = start(shell);
    open_menu(&wide, "git che", "checkout");
    for (rows, columns) in [(24, 19), (4, 80)] {
        let terminal = home.launch(shell).size(rows, columns).start_at_prompt();
        let mark = terminal.mark();
        terminal.type_line("git che");
        demand_nothing_drawn_since_menu(&terminal, mark);
    }
    wide.keys("c");
    wait_for_row(&wide, "checkout");
}

/// In a tiny terminal ghost text is allowed, a menu is not.
#[track_caller]
fn demand_nothing_drawn_since_menu(terminal: &harness::Terminal, mark: usize) {
    terminal.settle();
    if let Some(screen) = terminal.ever(mark, |screen| !menu(screen).is_closed()) {
        panic!("a menu was drawn:\n{}", screen.dump());
    }
}

/// Whether every row of the menu ends before the last column.
fn fits(menu: &Menu, screen: &Screen) -> bool {
    menu.rows.iter().all(|row| row.column + row.width <= screen.size().1)
}
