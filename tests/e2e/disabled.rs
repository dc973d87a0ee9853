//! Where Q is not wanted or not there, the shell is a plain shell and says nothing about it.

use std::fs;

use harness::{Home, Launch, Shell, Terminal};

use crate::steps::demand_nothing_drawn_since;

in_each_shell!(
    by_a_variable,
    when_the_programs_have_vanished,
    when_only_qterm_has_vanished,
    in_a_dumb_terminal
);

fn by_a_variable(shell: Shell) {
    demand_plain(shell, &Home::with_q(shell), |launch| launch.variable("Q_DISABLE", "1"));
}

fn in_a_dumb_terminal(shell: Shell) {
    demand_plain(shell, &Home::with_q(shell), |launch| launch.variable("TERM", "dumb"));
}

fn when_the_programs_have_vanished(shell: Shell) {
    let home = Home::with_own_programs(shell);
    fs::remove_dir_all(&home.programs().directory).expect("the programs can be removed");
    demand_plain(shell, &home, |launch| launch);
}

fn when_only_qterm_has_vanished(shell: Shell) {
    let home = Home::with_own_programs(shell);
    fs::remove_file(home.programs().path("qterm")).expect("qterm can be removed");
    demand_plain(shell, &home, |launch| launch);
}

/// Starts the shell of `home` and that of a user without Q in the same way; both must look the same.
#[track_caller]
fn demand_plain(shell: Shell, home: &Home, change: impl Fn(Launch) -> Launch) {
    let play = |terminal: &Terminal| {
        terminal.run("echo plain");
        let mark = terminal.mark();
        terminal.type_line("git che");
        (terminal.settle().text(), mark)
    };
    let bare = Home::bare();
    let (expected, _) = play(&change(bare.launch(shell)).start_at_prompt());
    let terminal = change(home.launch(shell)).start_at_prompt();
    let (text, mark) = play(&terminal);
    assert_eq!(text, expected);
    demand_nothing_drawn_since(&terminal, mark);
    assert!(home.processes().iter().all(|process| process.name != "qterm"), "{:?}", home.processes());
}
