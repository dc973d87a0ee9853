//! Programs that own the screen keep it: inside vim, less and tmux not a cell is drawn, and afterwards all is well.

use harness::{Home, Screen, Shell, Terminal, menu};

use crate::steps::{open_menu, start};

in_each_shell!(vim, less, tmux, a_python_prompt);

fn vim(shell: Shell) {
    demand_untouched(shell, "vim -u NONE -i NONE -n notes.txt", |terminal| {
        terminal.wait_until("vim", |screen| screen.is_alternate() && screen.contains("notes.txt"));
        terminal.keys("Ogit che");
        terminal.wait_until("the text in vim", |screen| screen.contains("git che"));
        terminal.settle();
        terminal.keys("<Enter>ls My<Esc>");
        terminal.wait_until("more text in vim", |screen| screen.contains("ls My"));
    });
    demand_a_prompt_again(shell, "vim -u NONE -i NONE -n notes.txt", "<Esc>:q!<Enter>");
}

fn less(shell: Shell) {
    demand_untouched(shell, "less notes.txt", |terminal| {
        terminal.wait_until("less", |screen| screen.is_alternate() && screen.has_row("notes.txt"));
        terminal.keys("/git che");
        terminal.wait_until("the search", |screen| screen.contains("/git che"));
    });
    demand_a_prompt_again(shell, "less notes.txt", "q");
}

fn tmux(shell: Shell) {
    let command = "tmux -S run/inside -f tmux.conf new-session 'exec sh'";
    demand_untouched(shell, command, |terminal| {
        terminal.wait_until("a shell in tmux", |screen| screen.is_alternate() && screen.cursor() == (0, 2));
        terminal.keys("git che");
        terminal.wait_until("the line in tmux", |screen| screen.contains(" git che"));
    });
    demand_a_prompt_again(shell, command, "exit<Enter>");
}

fn a_python_prompt(shell: Shell) {
    demand_untouched(shell, "python3 -q", |terminal| {
        terminal.wait_until("python's prompt", |screen| screen.has_row(">>>"));
        terminal.keys("git che");
        terminal.wait_until("the line in python", |screen| screen.has_row(">>> git che"));
    });
}

/// Runs `command` without and with Q and plays a scene in it; the pictures must be equal, and Q must not have drawn
/// anything even for a moment.
#[track_caller]
fn demand_untouched(shell: Shell, command: &str, scene: impl Fn(&Terminal)) {
    let play = |home: Home| {
        home.write("tmux.conf", "set -g status off\n");
        let terminal = home.shell(shell);
        terminal.type_line(command);
        let before = terminal.settle();
        terminal.keys("<Enter>");
        let mark = terminal.mark();
        terminal.wait_until("the line has run", |screen| screen.text() != before.text());
        scene(&terminal);
        let picture = terminal.settle().picture();
        (picture, terminal.ever(mark, is_menu), terminal.report())
    };
    let (expected, ..) = play(Home::bare());
    let (picture, drawn, report) = play(Home::with_q(shell));
    assert_eq!(picture.differences(&expected), "", "{report}");
    assert!(drawn.is_none(), "something was drawn:\n{}", drawn.map_or(String::new(), |screen| screen.dump()));
}

/// Whether a screen in a full-screen program has an area of more than a status line.
fn is_menu(screen: &Screen) -> bool {
    screen.is_alternate() && menu(screen).rows.len() > 1
}

/// Leaves the program with `keys`; the menu must then open at the prompt as before.
#[track_caller]
fn demand_a_prompt_again(shell: Shell, command: &str, keys: &str) {
    let (home, terminal) = start(shell);
    home.write("tmux.conf", "set -g status off\n");
    terminal.type_line(command);
    terminal.keys("<Enter>");
    terminal.wait_until("the alternate screen", |screen| screen.is_alternate());
    terminal.settle();
    terminal.keys(keys);
    terminal.wait_until("the shell's screen", |screen| !screen.is_alternate() && screen.is_at_prompt());
    open_menu(&terminal, "git che", "checkout");
}
