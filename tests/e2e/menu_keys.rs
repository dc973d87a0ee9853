//! Arrows, Tab, Enter and Esc while a menu is open: what Q takes, and what stays the shell's.

use harness::{Shell, menu};

use crate::steps::{demand_no_menu, open_menu, start, wait_for_no_menu, wait_for_row, wait_for_selected};

in_each_shell!(
    nothing_is_selected_at_first,
    down_enters_and_up_leaves,
    up_is_the_history_while_nothing_is_selected,
    tab_inserts_the_selected_row,
    tab_inserts_the_only_row,
    tab_inserts_the_common_prefix_then_selects,
    enter_inserts_the_selected_row,
    enter_runs_the_line_as_typed,
    escape_hides_until_the_next_word,
    an_accepted_row_can_be_run
);

fn nothing_is_selected_at_first(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    let screen = terminal.settle();
    assert_eq!(menu(&screen).selected(), None, "{}", screen.dump());
}

fn down_enters_and_up_leaves(shell: Shell) {
    let (_home, terminal) = start(shell);
    let rows = menu(&open_menu(&terminal, "git che", "checkout")).rows;
    let first = first_word(&rows[0].text);
    let second = first_word(&rows[1].text);
    terminal.keys("<Down>");
    wait_for_selected(&terminal, &first);
    terminal.keys("<Down>");
    wait_for_selected(&terminal, &second);
    terminal.keys("<Up>");
    wait_for_selected(&terminal, &first);
    terminal.keys("<Up>");
    let left = terminal.wait_until("nothing selected", |screen| {
        menu(screen).has(&first) && menu(screen).selected().is_none()
    });
    assert_eq!(left.typed().as_deref(), Some("git che"), "{}", left.dump());
}

fn up_is_the_history_while_nothing_is_selected(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.run("echo earlier");
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    terminal.keys("<Up>");
    terminal.wait_for_line("echo earlier");
}

fn tab_inserts_the_selected_row(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "cherry-pick");
    select(&terminal, "cherry-pick");
    terminal.keys("<Tab>");
    wait_for_word(&terminal, "git cherry-pick");
}

fn tab_inserts_the_only_row(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git cherry-p", "cherry-pick");
    terminal.keys("<Tab>");
    wait_for_word(&terminal, "git cherry-pick");
}

fn tab_inserts_the_common_prefix_then_selects(shell: Shell) {
    let (_home, terminal) = start(shell);
    let screen = open_menu(&terminal, "git st", "status");
    let first = first_word(&menu(&screen).rows[0].text);
    terminal.keys("<Tab>");
    terminal.wait_for_line("git sta");
    wait_for_row(&terminal, "status");
    terminal.keys("<Tab>");
    let screen = wait_for_selected(&terminal, &first);
    assert_eq!(screen.typed().as_deref(), Some("git sta"), "{}", screen.dump());
}

fn enter_inserts_the_selected_row(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    select(&terminal, "checkout");
    terminal.keys("<Enter>");
    let screen = wait_for_word(&terminal, "git checkout");
    assert!(!screen.contains("fatal"), "the line was run\n{}", screen.dump());
}

fn enter_runs_the_line_as_typed(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<Enter>");
    terminal
        .wait_until("git's complaint about `che`", |screen| screen.contains("'che' is not a git command"));
    terminal.wait_until("a prompt", |screen| screen.is_at_prompt());
    wait_for_no_menu(&terminal);
}

fn escape_hides_until_the_next_word(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<Esc>");
    wait_for_no_menu(&terminal);
    terminal.keys("ckout");
    terminal.wait_for_line("git checkout");
    demand_no_menu(&terminal);
    terminal.keys(" --conf");
    terminal.wait_for_line("git checkout --conf");
    wait_for_row(&terminal, "--conflict");
}

fn an_accepted_row_can_be_run(shell: Shell) {
    let (home, terminal) = start(shell);
    home.write("only/unique-name.txt", "found it");
    terminal.run("cd only");
    open_menu(&terminal, "cat uni", "unique-name.txt");
    terminal.keys("<Tab>");
    wait_for_word(&terminal, "cat unique-name.txt");
    terminal.keys("<Enter>");
    terminal.wait_until("the contents of the file", |screen| screen.contains("found it"));
}

/// Presses Down until the row called `name` is selected.
#[track_caller]
fn select(terminal: &harness::Terminal, name: &str) {
    let position = menu(&terminal.screen()).position(name).expect("the row is in the menu");
    for _ in 0..=position {
        terminal.keys("<Down>");
    }
    wait_for_selected(terminal, name);
}

/// Waits until the line is `line`, with or without a blank after it.
#[track_caller]
fn wait_for_word(terminal: &harness::Terminal, line: &str) -> harness::Screen {
    terminal.wait_until(&format!("the line {line:?}"), |screen| {
        screen.typed().is_some_and(|typed| typed == line || typed == format!("{line} "))
    })
}

/// The name that a row begins with, after its icon.
fn first_word(row: &str) -> String {
    let is_name = |word: &&str| word.chars().next().is_some_and(char::is_alphanumeric);
    row.split_whitespace().find(is_name).expect("a row has a name").to_owned()
}
