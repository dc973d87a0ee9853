//! Zero residue: after the menu closed, every cell, colour, the cursor and what scrolled off are what they would have
//! been without Q.

use harness::{Shell, Terminal, menu};

use crate::steps::{demand_same_picture, wait_for_no_menu, wait_for_row};

in_each_shell!(
    after_the_line_is_cleared,
    after_the_line_is_deleted_key_by_key,
    after_control_c,
    after_the_line_is_run,
    after_escape_and_more_typing,
    after_an_accepted_row,
    over_colours_at_the_bottom,
    over_wide_characters_at_the_bottom,
    after_clear,
    with_a_line_of_two_rows
);

fn after_the_line_is_cleared(shell: Shell) {
    demand_same_picture(shell, |_, terminal, with_q| {
        open(terminal, with_q);
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
    });
}

fn after_the_line_is_deleted_key_by_key(shell: Shell) {
    demand_same_picture(shell, |_, terminal, with_q| {
        open(terminal, with_q);
        terminal.keys(&"<BS>".repeat("git che".len()));
        terminal.wait_for_line("");
    });
}

fn after_control_c(shell: Shell) {
    demand_same_picture(shell, |_, terminal, with_q| {
        open(terminal, with_q);
        terminal.settle();
        terminal.keys("<C-c>");
        terminal.wait_until("a new prompt", |screen| screen.is_at_prompt());
    });
}

fn after_the_line_is_run(shell: Shell) {
    demand_same_picture(shell, |_, terminal, with_q| {
        open(terminal, with_q);
        terminal.keys("<Enter>");
        terminal.wait_until("a new prompt", |screen| screen.is_at_prompt());
    });
}

fn after_escape_and_more_typing(shell: Shell) {
    demand_same_picture(shell, |_, terminal, with_q| {
        open(terminal, with_q);
        if with_q {
            terminal.keys("<Esc>");
            wait_for_no_menu(terminal);
        }
        terminal.keys("zzz");
        terminal.wait_for_line("git chezzz");
    });
}

fn after_an_accepted_row(shell: Shell) {
    demand_same_picture(shell, |_, terminal, with_q| {
        if with_q {
            open(terminal, with_q);
            terminal.keys("<Down><Tab>");
            terminal.wait_until("an accepted row", |screen| {
                screen.typed().is_some_and(|line| line.len() > "git che".len())
            });
        } else {
            terminal.type_line("git checkout ");
        }
        terminal.settle();
        terminal.keys("<C-c>");
        terminal.wait_until("a new prompt", |screen| screen.is_at_prompt());
        terminal.run("clear");
    });
}

fn over_colours_at_the_bottom(shell: Shell) {
    demand_same_picture(shell, |home, terminal, with_q| {
        home.write("colours.txt", colours());
        terminal.run("cat colours.txt");
        open(terminal, with_q);
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
    });
}

fn over_wide_characters_at_the_bottom(shell: Shell) {
    demand_same_picture(shell, |home, terminal, with_q| {
        home.write("wide.txt", wide());
        terminal.run("cat wide.txt");
        open(terminal, with_q);
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
    });
}

fn after_clear(shell: Shell) {
    demand_same_picture(shell, |_, terminal, with_q| {
        terminal.run("seq 40");
        open(terminal, with_q);
        terminal.keys("<C-l>");
        terminal.wait_until("a clear screen", |screen| screen.cursor().0 == 0);
        terminal.wait_for_line("git che");
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
    });
}

fn with_a_line_of_two_rows(shell: Shell) {
    demand_same_picture(shell, |_, terminal, with_q| {
        let line = format!("echo {}; git che", "a".repeat(72)); // The second row begins after the semicolon.
        terminal.send(line.as_bytes());
        terminal.wait_until("the end of the line on the second row", |screen| {
            screen.before_cursor().ends_with("git che")
        });
        if with_q {
            wait_for_row(terminal, "checkout");
        }
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
    });
}

/// Types a line and, with Q, waits for its menu to be complete.
#[track_caller]
fn open(terminal: &Terminal, with_q: bool) {
    terminal.type_line("git che");
    if with_q {
        wait_for_row(terminal, "checkout");
        let screen = terminal.settle();
        assert!(!menu(&screen).is_closed(), "the menu stays open\n{}", screen.dump());
    }
}

/// Thirty rows in colours, up to the last column.
fn colours() -> String {
    let row = |number: usize| {
        let (bold, colour) = (number % 2, 31 + number % 7);
        let block = format!("\x1b[{bold};{colour}mcolour {number}\x1b[0m \x1b[4;48;5;{number}munder\x1b[0m ");
        format!("{}\x1b[38;2;10;{number};200m{}\x1b[0m\n", block.repeat(3), "x".repeat(12))
    };
    (0..30).map(row).collect()
}

/// Thirty rows of wide and combining characters, at even and odd columns.
fn wide() -> String {
    let row = |number: usize| {
        format!("{}日本語のテキスト e\u{301}e\u{301} 東京 {number}\n", " ".repeat(number % 5))
    };
    (0..30).map(row).collect()
}
