//! The grey continuation after the cursor, and the keys that accept it.

use harness::{Home, Screen, Shell, Terminal, ghost};

use crate::steps::{start, wait_for_row};

in_each_shell!(
    right_accepts,
    end_accepts,
    control_f_accepts,
    control_e_accepts,
    alt_f_accepts_a_word,
    control_right_accepts_a_word,
    typing_along_keeps_it,
    it_agrees_with_the_selected_row,
    it_comes_from_history,
    it_leaves_no_trace_when_the_line_is_run
);

fn right_accepts(shell: Shell) {
    accept_whole(shell, "<Right>");
}

fn end_accepts(shell: Shell) {
    accept_whole(shell, "<End>");
}

fn control_f_accepts(shell: Shell) {
    accept_whole(shell, "<C-f>");
}

fn control_e_accepts(shell: Shell) {
    accept_whole(shell, "<C-e>");
}

/// Types the beginning of a subcommand and accepts the rest with `key`.
fn accept_whole(shell: Shell, key: &str) {
    let (_home, terminal) = start(shell);
    terminal.type_line("git checko");
    wait_for_ghost(&terminal, "ut");
    terminal.keys(key);
    let screen = terminal.wait_until("the accepted line", |screen| typed_word(screen) == "git checkout");
    assert!(!ghost(&screen).starts_with("ut"), "{}", screen.dump());
}

fn alt_f_accepts_a_word(shell: Shell) {
    accept_word(shell, "<A-f>");
}

fn control_right_accepts_a_word(shell: Shell) {
    accept_word(shell, "<C-Right>");
}

/// Accepts one word of a line from history with `key`.
fn accept_word(shell: Shell, key: &str) {
    let home = home_with_history(shell, "echo alpha beta gamma");
    let terminal = home.shell(shell);
    terminal.type_line("echo al");
    wait_for_ghost(&terminal, "pha beta gamma");
    terminal.keys(key);
    terminal.wait_until("one word more", |screen| typed_word(screen) == "echo alpha");
    terminal.wait_until("the rest as ghost text", |screen| ghost(screen).trim() == "beta gamma");
}

fn typing_along_keeps_it(shell: Shell) {
    let (home, terminal) = start(shell);
    terminal.type_line("git checko");
    wait_for_ghost(&terminal, "ut");
    terminal.settle();
    // What is left of it needs no answer.
    let daemon = home.daemon().expect("a daemon, which gave the text");
    daemon.stop();
    terminal.keys("u");
    terminal.wait_for_line("git checkou");
    wait_for_ghost(&terminal, "t");
    daemon.resume();
    terminal.settle();
    wait_for_ghost(&terminal, "t");
}

fn it_agrees_with_the_selected_row(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.type_line("git cher");
    wait_for_row(&terminal, "cherry-pick");
    terminal.keys("<Down>");
    wait_for_ghost(&terminal, "ry");
    terminal.keys("<Down>");
    wait_for_ghost(&terminal, "ry");
    let ghosts = ["ry", "ry-pick"];
    terminal
        .wait_until("what the selected row would insert", |screen| ghosts.contains(&ghost(screen).trim()));
}

fn it_comes_from_history(shell: Shell) {
    let home = home_with_history(shell, "echo alpha beta gamma");
    let terminal = home.shell(shell);
    terminal.type_line("echo alpha b");
    wait_for_ghost(&terminal, "eta gamma");
    terminal.keys("<Right>");
    terminal.wait_until("the accepted line", |screen| typed_word(screen) == "echo alpha beta gamma");
    terminal.keys("<Enter>");
    terminal.wait_until("its output", |screen| screen.has_row("alpha beta gamma"));
}

fn it_leaves_no_trace_when_the_line_is_run(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.type_line("git checko");
    wait_for_ghost(&terminal, "ut");
    terminal.keys("<Enter>");
    let screen = terminal.wait_until("a prompt", |screen| screen.is_at_prompt());
    assert!(screen.has_row("$ git checko"), "{}", screen.dump());
}

/// A user whose shell remembers a line.
fn home_with_history(shell: Shell, line: &str) -> Home {
    let home = Home::with_q(shell);
    match shell {
        Shell::Bash => home.write(".bash_history", format!("{line}\n")),
        Shell::Zsh => home.write(".zsh_history", format!("{line}\n")),
        Shell::Fish => {
            home.write(".local/share/fish/fish_history", format!("- cmd: {line}\n  when: 1700000000\n"))
        }
    }
    home
}

/// Waits for ghost text that begins with `text`.
#[track_caller]
fn wait_for_ghost(terminal: &Terminal, text: &str) -> Screen {
    terminal.wait_until(&format!("the ghost text {text:?}"), |screen| ghost(screen).starts_with(text))
}

/// The typed line without a blank at its end.
fn typed_word(screen: &Screen) -> String {
    screen.typed().unwrap_or_default().trim_end().to_owned()
}
