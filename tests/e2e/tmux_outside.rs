//! Q inside tmux: the terminal is then tmux, and all that matters works in its panes.

use harness::{Home, Shell, Terminal, menu};

use crate::steps::{open_menu, wait_for_no_menu};

in_each_shell!(the_menu_opens_in_a_pane, the_pane_has_no_residue, both_panes_work);

fn the_menu_opens_in_a_pane(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = tmux(&home, shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<Down><Tab>");
    terminal.wait_until("an accepted row", |screen| {
        screen.typed().is_some_and(|line| line.len() > "git che".len())
    });
}

fn the_pane_has_no_residue(shell: Shell) {
    let play = |home: Home, with_q: bool| {
        let terminal = tmux(&home, shell);
        terminal.run("seq 30");
        terminal.type_line("git che");
        if with_q {
            terminal.wait_until("the menu", |screen| menu(screen).has("checkout"));
        }
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
        wait_for_no_menu(&terminal);
        terminal.settle();
        captured_pane(&home)
    };
    let (bare, with_q) = (play(Home::bare(), false), play(Home::with_q(shell), true));
    assert_eq!(with_q, bare);
}

fn both_panes_work(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = tmux(&home, shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    wait_for_no_menu(&terminal);
    run_tmux(&home, &["split-window", "-v"]);
    terminal
        .wait_until("a prompt in the lower pane", |screen| screen.cursor().0 > 11 && screen.is_at_prompt());
    open_menu(&terminal, "git che", "checkout");
}

/// A shell in tmux, whose status line is off, at its first prompt.
fn tmux(home: &Home, shell: Shell) -> Terminal {
    let program = format!("/usr/bin/{}", shell.name());
    home.write("tmux.conf", format!("set -g status off\nset -g default-command '{program} -i'\n"));
    let arguments = ["-L", "outside", "-f", "tmux.conf", "new-session"];
    let runtime = home.path().join("run").display().to_string();
    let launch = home.launch(shell).program("tmux").arguments(&arguments);
    launch.variable("TMUX_TMPDIR", &runtime).start_at_prompt()
}

/// The pane and what scrolled off it, with colours, as tmux itself sees it.
/// Without the blanks at the ends of rows: tmux remembers that the cells of an erased ghost text were once written, and no
/// sequence short of printing the user's prompt anew makes it forget.
fn captured_pane(home: &Home) -> String {
    run_tmux(home, &["capture-pane", "-p", "-e", "-S", "-"])
}

/// Tells the tmux server of this home something; what it answers.
fn run_tmux(home: &Home, arguments: &[&str]) -> String {
    let mut tmux = std::process::Command::new("tmux");
    tmux.args(["-L", "outside"]).args(arguments).env_clear().envs(home.environment(Shell::Bash));
    let output = tmux.env("TMUX_TMPDIR", home.path().join("run")).output().expect("tmux can be run");
    assert!(output.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
