//! When the shell ends, everything is as if Q had never been there: the status, the terminal's modes, the processes.

use harness::{Home, Shell};

use crate::steps::open_menu;

in_each_shell!(
    the_status_is_passed_on,
    the_status_of_the_last_command_is_passed_on,
    death_by_a_signal_is_passed_on,
    end_of_input_ends_the_shell,
    the_terminal_is_as_before,
    a_hangup_ends_everything_but_the_daemon
);

fn the_status_is_passed_on(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = home.shell(shell);
    terminal.type_line("exit 37");
    terminal.keys("<Enter>");
    assert_eq!(terminal.wait_for_exit(), 37);
}

fn the_status_of_the_last_command_is_passed_on(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = home.shell(shell);
    terminal.run("sh -c 'exit 5'");
    terminal.keys("exit<Enter>");
    assert_eq!(terminal.wait_for_exit(), 5);
}

fn death_by_a_signal_is_passed_on(shell: Shell) {
    // Tells death by a signal, a negative number, from an exit status like it.
    let status = |home: Home| {
        let script = format!(
            "import subprocess; print('status:', subprocess.run(['{}', '-i']).returncode)",
            shell.name()
        );
        let terminal = home.launch(shell).program("python3").arguments(&["-c", &script]).start_at_prompt();
        let itself = if shell == Shell::Fish { "$fish_pid" } else { "$$" };
        terminal.type_line(&format!("kill -KILL {itself}"));
        terminal.keys("<Enter>");
        let screen = terminal.wait_until("the status", |screen| screen.contains("status: "));
        (0..24)
            .map(|row| screen.row(row))
            .find(|row| row.contains("status: "))
            .expect("a row with the status")
    };
    assert!(status(Home::bare()).contains("status: -9"));
    assert_eq!(status(Home::with_q(shell)), status(Home::bare()));
}

fn end_of_input_ends_the_shell(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = home.shell(shell);
    terminal.settle();
    terminal.keys("<C-d>");
    assert_eq!(terminal.wait_for_exit(), 0);
}

fn the_terminal_is_as_before(shell: Shell) {
    let home = Home::with_q(shell);
    let script = format!("stty -g; {} -i; echo; stty -g; exec sleep 1000", shell.name());
    let terminal = home.launch(shell).program("sh").arguments(&["-c", &script]).start_at_prompt();
    let before = terminal.screen().row(0);
    assert!(before.contains(':'), "the modes, as stty writes them: {before}");
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    terminal.keys("exit<Enter>");
    let screen =
        terminal.wait_until("the modes afterwards", |screen| (1..24).any(|row| screen.row(row) == before));
    assert!(!screen.is_alternate() && !screen.brackets_paste(), "{}", screen.dump());
}

fn a_hangup_ends_everything_but_the_daemon(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = home.shell(shell);
    open_menu(&terminal, "git che", "checkout");
    let daemon = home.daemon().expect("a daemon, which gave the rows");
    drop(terminal);
    let others =
        || home.processes().into_iter().filter(|process| process.pid != daemon.pid).collect::<Vec<_>>();
    let end = std::time::Instant::now() + harness::PATIENCE;
    while !others().is_empty() {
        assert!(std::time::Instant::now() < end, "left behind: {:?}", others());
        std::thread::yield_now();
    }
}
