//! Aliases that were made at the prompt are known at the next one, of each kind that the shell has.

use harness::{Shell, Terminal};

use crate::steps::{start, wait_for_no_menu, wait_for_row};

in_each_shell!(lines_with_aliases);

/// What is run to make aliases.
fn definitions(shell: Shell) -> &'static [&'static str] {
    match shell {
        Shell::Bash => &["alias gg='git --no-pager' up='cd / && git'"],
        Shell::Zsh => {
            &["alias gg='git --no-pager' up='cd / && git'", "alias -g GG='| git'", "alias -s gitx='git -C'"]
        }
        Shell::Fish => &[
            "alias gg 'git --no-pager'",
            "alias up 'cd / && git'",
            "abbr -a ga git",
            "abbr -a GG --position anywhere '| git'",
        ],
    }
}

/// Lines that end in a subcommand of git.
fn lines(shell: Shell) -> &'static [&'static str] {
    match shell {
        Shell::Bash => &["gg che", "up che", "ls | gg che"],
        Shell::Zsh => &["gg che", "up che", "ls GG che", "x.gitx che"],
        // Control-Space is a blank behind which fish itself does not expand the word.
        Shell::Fish => &["gg che", "up che", "and gg che", "'gg' che", "ga\0che", "ls GG\0che"],
    }
}

fn lines_with_aliases(shell: Shell) {
    let (_home, terminal) = start(shell);
    for definition in definitions(shell) {
        terminal.run(definition);
    }
    for line in lines(shell) {
        wait_for_checkout(&terminal, line);
    }
}

fn wait_for_checkout(terminal: &Terminal, line: &str) {
    terminal.wait_for_line("");
    terminal.send(line.as_bytes());
    terminal.wait_for_line(&line.replace('\0', " "));
    wait_for_row(terminal, "checkout");
    terminal.keys("<C-u>");
    wait_for_no_menu(terminal);
}
