//! What is typed into a password prompt, and into other questions of programs, is nobody's business.

use harness::Shell;

use crate::steps::{demand_nothing_drawn_since, open_menu, start};

in_each_shell!(
    a_silent_read_shows_nothing,
    a_program_that_asks_shows_nothing,
    the_secret_is_not_in_the_environment
);

fn a_silent_read_shows_nothing(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    terminal.type_line(if shell == Shell::Fish { "read -s -P '' answer" } else { "read -s answer; echo" });
    terminal.settle();
    terminal.keys("<Enter>");
    terminal.settle();
    let mark = terminal.mark();
    terminal.keys("git che");
    demand_nothing_drawn_since(&terminal, mark);
    terminal.keys("<Enter>");
    terminal.wait_until("a prompt", |screen| screen.is_at_prompt());
    let screen = terminal.run("echo \"<$answer>\"");
    assert!(screen.has_row("<git che>"), "{}", screen.dump());
}

fn a_program_that_asks_shows_nothing(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.type_line("sh -c 'stty -echo; read answer; stty echo; echo got: $answer'");
    terminal.settle();
    terminal.keys("<Enter>");
    terminal.settle();
    let mark = terminal.mark();
    terminal.keys("git che");
    demand_nothing_drawn_since(&terminal, mark);
    terminal.keys("<Enter>");
    let screen = terminal.wait_until("a prompt", |screen| screen.is_at_prompt());
    assert!(screen.has_row("got: git che"), "{}", screen.dump());
}

fn the_secret_is_not_in_the_environment(shell: Shell) {
    let (_home, terminal) = start(shell);
    let mark = terminal.mark();
    let screen = terminal.run("env | grep -c -- \"$_q_secret\"; echo \"$_q_secret\" | wc -c");
    assert!(
        screen.has_row("0") && screen.has_row("33"),
        "a secret of 32 digits, nowhere else\n{}",
        screen.dump()
    );
    let output = String::from_utf8_lossy(&terminal.output_since(mark)).into_owned();
    assert!(!output.contains("\x1b]6977;"), "a mark reached the terminal: {}", output.escape_debug());
}
