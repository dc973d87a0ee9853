//! The shell inside is the shell outside: environment, arguments, limits, directory, window, job control.

use harness::{Home, Shell};

in_each_shell!(
    the_environment_is_the_same,
    a_login_shell_stays_one,
    umask_limits_and_directory_are_the_same,
    nothing_more_is_open,
    the_status_variable_is_kept,
    a_nested_shell_is_plain_and_works
);

fn the_environment_is_the_same(shell: Shell) {
    demand_same_output(shell, &["-i"], "env");
}

fn a_login_shell_stays_one(shell: Shell) {
    let question = match shell {
        Shell::Bash => "echo $0 $-; shopt login_shell; env",
        Shell::Zsh => "echo $0 $-; [[ -o login ]]; echo $?; env",
        Shell::Fish => "status is-login; echo $status; env",
    };
    demand_same_output(shell, &["-i", "-l"], question);
    demand_same_output(shell, &["-i"], question);
}

fn umask_limits_and_directory_are_the_same(shell: Shell) {
    demand_same_output(shell, &["-i"], "umask; ulimit -a; pwd; ls -d .");
}

fn nothing_more_is_open(shell: Shell) {
    let expected = || "0\n1\n2\n".to_owned();
    let home = Home::with_q(shell);
    let terminal = home.shell(shell);
    terminal.run("sh -c 'ls /proc/$$/fd' > open.txt");
    let open = String::from_utf8_lossy(&home.read("open.txt")).into_owned();
    // fish cannot close a descriptor that it was given; there it is a drained pipe.
    let open = if shell == Shell::Fish { open.replace("9\n", "") } else { open };
    let open: String = open.lines().filter(|line| *line != "10").map(|line| format!("{line}\n")).collect();
    assert_eq!(open, expected());
}

fn the_status_variable_is_kept(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = home.shell(shell);
    terminal.run("sh -c 'exit 42'");
    let status = if shell == Shell::Fish { "$status" } else { "$?" };
    let screen = terminal.run(&format!("echo is {status}"));
    assert!(screen.has_row("is 42"), "{}", screen.dump());
}

fn a_nested_shell_is_plain_and_works(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = home.shell(shell);
    terminal.run("cd projects");
    terminal.type_line(&format!("{} -i", shell.name()));
    terminal.settle();
    terminal.keys("<Enter>");
    terminal.wait_until("the nested prompt", |screen| screen.is_at_prompt());
    terminal.settle();
    let screen = terminal.run("echo $SHLVL nested");
    assert!(screen.has_row("2 nested"), "{}", screen.dump());
    terminal.run("exit");
    let screen = terminal.run("echo $SHLVL outer");
    assert!(screen.has_row("1 outer"), "{}", screen.dump());
}

/// Runs a command in the shell with and without Q; what it writes must be the same but for the names of the homes and
/// the variables of Q.
#[track_caller]
fn demand_same_output(shell: Shell, arguments: &[&str], command: &str) {
    let run = |home: &Home| {
        let launch = home.launch(shell).arguments(arguments).directory("projects").umask(0o027);
        let terminal = launch.variable("MARKER", "kept").start_at_prompt();
        let block =
            if shell == Shell::Fish { format!("begin; {command}; end") } else { format!("{{ {command}; }}") };
        terminal.run(&format!("{block} > ~/out.txt"));
        let text =
            String::from_utf8_lossy(&home.read("out.txt")).replace(&home.path().display().to_string(), "~");
        let mut lines: Vec<String> = text.lines().filter(|line| !is_of_q(line)).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(run(&Home::with_q(shell)), run(&Home::bare()));
}

/// Whether a line of `env` is a variable of Q.
fn is_of_q(line: &str) -> bool {
    line.starts_with("Q_") || line.starts_with("QTERM_SESSION_ID=")
}
