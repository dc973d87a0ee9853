//! The harness itself, on shells without Q: what the other tests compare with must be right.

use std::time::{Duration, Instant};

use harness::{Home, Shell, Size, has_styled_cells};

in_each_shell!(
    a_line_is_typed_and_run,
    two_runs_look_the_same,
    the_exit_status_is_known,
    a_resize_reaches_the_shell,
    nothing_is_coloured
);

fn a_line_is_typed_and_run(shell: Shell) {
    let home = Home::bare();
    let terminal = home.shell(shell);
    terminal.type_slowly("echo slowly");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    let screen = terminal.run("echo one; echo two");
    assert!(screen.has_row("one") && screen.has_row("two"), "{}", screen.dump());
}

fn two_runs_look_the_same(shell: Shell) {
    let run = || {
        let home = Home::bare();
        let terminal = home.shell(shell);
        terminal.run("printf '\\033[31mred\\033[0m\\n'; seq 40");
        terminal.type_line("git che").picture()
    };
    let (first, second) = (run(), run());
    assert_eq!(first.differences(&second), "");
}

fn the_exit_status_is_known(shell: Shell) {
    let home = Home::bare();
    let terminal = home.shell(shell);
    terminal.keys("exit 37<Enter>");
    assert_eq!(terminal.wait_for_exit(), 37);
}

fn a_resize_reaches_the_shell(shell: Shell) {
    let home = Home::bare();
    let terminal = home.shell(shell);
    terminal.resize(Size { rows: 20, columns: 61 });
    let screen = terminal.run("stty size");
    assert!(screen.has_row("20 61"), "{}", screen.dump());
}

fn nothing_is_coloured(shell: Shell) {
    let home = Home::bare();
    let terminal = home.shell(shell);
    terminal.run("echo \"a string\" | cat > notes.txt # comment");
    terminal.type_line("nosuch 'quoted");
    let screen = terminal.settle();
    assert!(!has_styled_cells(&screen), "{}", screen.dump());
    terminal.keys("<C-c>");
    terminal.wait_until("a new prompt", |screen| screen.is_at_prompt());
}

#[test]
fn a_short_appearance_is_seen() {
    let home = Home::bare();
    let terminal = home.shell(Shell::Bash);
    let mark = terminal.mark();
    terminal.run("printf 'flash\\r\\033[K'");
    assert!(terminal.ever(mark, |screen| screen.has_row("flash")).is_some());
    assert!(!terminal.screen().has_row("flash"));
}

#[test]
fn the_processes_of_a_home_end_with_it() {
    let home = Home::bare();
    let path = home.path().to_owned();
    let terminal = home.shell(Shell::Bash);
    terminal.run("sleep 1000 & disown");
    // Between its fork and its exec the child cannot be told from others yet.
    let end = Instant::now() + Duration::from_secs(20);
    while home.processes().len() < 2 {
        assert!(Instant::now() < end, "the shell and its child: {:?}", home.processes());
        std::thread::yield_now();
    }
    drop(terminal);
    drop(home);
    assert_eq!(harness::processes_of(&path), []);
}
