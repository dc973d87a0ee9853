//! Names with blanks and quotes reach the command exactly as they are, in the quotes that the user began.

use harness::{Shell, Terminal};

use crate::steps::{start, wait_for_row};

in_each_shell!(
    inside_double_quotes,
    inside_single_quotes,
    after_a_backslash,
    unquoted,
    a_name_with_an_apostrophe,
    other_scripts
);

fn inside_double_quotes(shell: Shell) {
    accept_and_read(shell, "cat \"My F", "My File.txt");
}

fn inside_single_quotes(shell: Shell) {
    accept_and_read(shell, "cat 'My F", "My File.txt");
}

fn after_a_backslash(shell: Shell) {
    accept_and_read(shell, "cat My\\ F", "My File.txt");
}

fn a_name_with_an_apostrophe(shell: Shell) {
    accept_and_read(shell, "cat it", "it's.txt");
}

fn unquoted(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.type_line("cat My");
    wait_for_row(&terminal, "My Documents/");
    wait_for_row(&terminal, "My File.txt");
    terminal.keys("<Tab>");
    terminal.wait_for_line("cat My\\ ");
    terminal.keys("F");
    read(&terminal, "My File.txt");
}

fn other_scripts(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.type_line("cat 日");
    wait_for_row(&terminal, "日本/");
    terminal.keys("<Tab>");
    terminal.wait_for_line("cat 日本/");
    wait_for_row(&terminal, "東京.txt");
    terminal.keys("東<Tab><Enter>");
    terminal.wait_until("the contents of the file", |screen| screen.has_row("日本/東京.txt"));
}

/// Types a line, accepts the only row, runs it: the command must find the file, which holds its own name.
fn accept_and_read(shell: Shell, line: &str, name: &str) {
    let (_home, terminal) = start(shell);
    terminal.type_line(line);
    read(&terminal, name);
}

/// Accepts the row called `name` and runs the line.
fn read(terminal: &Terminal, name: &str) {
    wait_for_row(terminal, name);
    terminal.keys("<Tab>");
    terminal.wait_until("an inserted name", |screen| screen.typed().is_some_and(|line| line.contains("txt")));
    terminal.keys("<Enter>");
    terminal.wait_until("the contents of the file", |screen| screen.has_row(name));
}
