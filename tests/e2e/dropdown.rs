//! The dropdown opens while typing, filters with each key, closes when nothing is left, and comes back.

use harness::{Shell, menu};

use crate::steps::{open_menu, start, wait_for_no_menu, wait_for_row};

in_each_shell!(
    opens_filters_closes,
    opens_key_by_key,
    keeps_up_with_fast_typing,
    follows_the_next_command,
    describes_the_rows
);

fn opens_filters_closes(shell: Shell) {
    let (_home, terminal) = start(shell);
    let screen = open_menu(&terminal, "git che", "checkout");
    assert!(menu(&screen).has("cherry-pick"), "{}", screen.dump());
    assert!(!menu(&screen).has("commit"), "only what begins with the word\n{}", screen.dump());
    terminal.keys("c");
    terminal.wait_until("only checkout is left", |screen| {
        menu(screen).has("checkout") && !menu(screen).has("cherry")
    });
    terminal.keys("zz");
    terminal.wait_for_line("git checzz");
    terminal.wait_until("no row is left", |screen| !menu(screen).has("checkout"));
    terminal.keys("<BS><BS><BS>");
    terminal.wait_for_line("git che");
    wait_for_row(&terminal, "cherry-pick");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    wait_for_no_menu(&terminal);
}

fn opens_key_by_key(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.type_slowly("git che");
    let screen = wait_for_row(&terminal, "checkout");
    assert_eq!(screen.typed().as_deref(), Some("git che"), "{}", screen.dump());
}

fn keeps_up_with_fast_typing(shell: Shell) {
    let (_home, terminal) = start(shell);
    for _ in 0..10 {
        // Each key may come while the shell is still busy with the one before.
        for key in "git cherry-p".chars() {
            terminal.send(key.to_string().as_bytes());
        }
        terminal.wait_for_line("git cherry-p");
        terminal.wait_until("the rows of the whole word", |screen| {
            menu(screen).has("cherry-pick") && !menu(screen).has("checkout")
        });
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
    }
}

fn follows_the_next_command(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.settle();
    terminal.keys("<C-c>");
    terminal.wait_until("a new prompt", |screen| screen.is_at_prompt());
    wait_for_no_menu(&terminal);
    terminal.run("echo between");
    open_menu(&terminal, "true && git che", "checkout");
}

fn describes_the_rows(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<Down>");
    terminal.wait_until("what git checkout does", |screen| {
        menu(screen).rows.iter().any(|row| row.text.contains("Switch branches"))
    });
}
