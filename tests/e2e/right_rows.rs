//! The lines of everyday commands have the rows that belong to them, in every shell.

use harness::Shell;

use crate::steps::{start, wait_for_no_menu, wait_for_row};

in_each_shell!(everyday_lines);

/// Lines, and two rows that each must show.
const LINES: [(&str, [&str; 2]); 8] = [
    ("git che", ["checkout", "cherry-pick"]),
    ("docker ru", ["run", "run"]),
    ("kubectl get --", ["--allow-missing-template-keys", "--chunk-size"]),
    ("aws s3 ", ["cp", "ls"]),
    ("cargo b", ["build", "bench"]),
    ("npm i", ["install", "init"]),
    ("cd ~/", ["projects/", "Bücher/"]),
    ("ls \"My D", ["My Documents/", "My Documents/"]),
];

fn everyday_lines(shell: Shell) {
    let (_home, terminal) = start(shell);
    for (line, rows) in LINES {
        terminal.type_line(line);
        for row in rows {
            wait_for_row(&terminal, row);
        }
        terminal.keys("<C-u>");
        terminal.wait_for_line("");
        wait_for_no_menu(&terminal);
    }
}
