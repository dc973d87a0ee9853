//! A shell that nobody types into is left alone: its output is the same byte for byte.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use harness::{Home, Shell};

in_each_shell!(
    a_command_on_a_terminal,
    an_editor_that_asks_for_the_environment,
    a_script_from_a_pipe,
    a_remote_command
);

fn a_command_on_a_terminal(shell: Shell) {
    demand_same_output(shell, &["-c", "echo hi; exit 3"]);
}

fn an_editor_that_asks_for_the_environment(shell: Shell) {
    demand_same_output(shell, &["-i", "-l", "-c", "echo hi"]);
}

fn a_script_from_a_pipe(shell: Shell) {
    demand_same_pipe(shell, &[]);
}

fn a_remote_command(shell: Shell) {
    demand_same_pipe(shell, &["-l", "-c", "cat"]);
}

/// Runs the shell on a terminal with and without Q; output and status must be equal.
#[track_caller]
fn demand_same_output(shell: Shell, arguments: &[&str]) {
    let run = |home: &Home| {
        let terminal = home.launch(shell).arguments(arguments).start();
        let status = terminal.wait_for_exit();
        terminal.wait_for_close();
        (status, String::from_utf8_lossy(&terminal.output_since(0)).into_owned())
    };
    let home = Home::with_q(shell);
    assert_eq!(run(&home), run(&Home::bare()));
    assert_eq!(home.processes(), []);
}

/// Runs the shell with `echo hi` on its standard input and no terminal, with and without Q.
#[track_caller]
fn demand_same_pipe(shell: Shell, arguments: &[&str]) {
    let run = |home: &Home| {
        let mut command = Command::new(shell.name());
        command.args(arguments).env_clear().envs(home.environment(shell)).current_dir(home.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        child.stdin.take().expect("its input").write_all(b"echo hi\n").expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(run(&Home::with_q(shell)), run(&Home::bare()));
}
