//! A file or a branch may be called anything: what its name does to a terminal is shown, not done, and what is inserted is
//! exactly the name.

use std::{fs, path::Path, process::Command};

use harness::{Home, Shell, Terminal, menu};

use crate::steps::start;

in_each_shell!(
    control_characters_are_shown_as_text,
    such_a_name_reaches_the_command,
    files_reach_the_command_by_their_exact_names,
    branches_reach_git_by_their_exact_names
);

/// Names that would do something: to the shell, to the terminal, to the eye, or to the command that gets them.
const FILES: &[&str] = &[
    "semi;touch canary",
    "sub$(touch canary)",
    "tick`touch canary`",
    "and&&touch canary",
    "pipe|touch canary",
    "out>canary",
    "quote'\"",
    "apos'",
    "new\nline",
    "tab\tbed",
    "esc\u{1b}]0;pwned\u{7}",
    "bell\u{7}\u{8}",
    "c1\u{9b}31m",
    "bidi\u{202e}txt.exe",
    "zero\u{200b}width",
    "star*?[a]",
    "brace{a,b}",
    "bang!!",
    "hash#",
    "dollar$HOME",
    "back\\slash\\",
    "two  blanks ",
    "tilde~",
    "equals=x",
    "percent%s",
    "caret^",
    "paren(a)",
];

/// The same of branches: git forbids blanks, control characters below a blank, and some others.
const BRANCHES: &[&str] = &[
    "semi;touch$IFS",
    "sub$(touch)",
    "tick`touch`",
    "pipe|and&",
    "quote'\"",
    "c1\u{9b}31m",
    "bidi\u{202e}x",
    "brace{a,b}",
    "bang!!",
    "hash#x",
    "dollar$HOME",
    "paren(a)",
    "less<more>",
    "percent%s",
];

/// A name that sets the title, changes colours and breaks the line.
const NAME: &str = "evil\x1b]0;pwned\x07\x1b[31m\nname";

fn control_characters_are_shown_as_text(shell: Shell) {
    let (home, terminal) = start(shell);
    home.write(format!("dir/{NAME}"), "reached");
    home.write("dir/evident", "other");
    terminal.run("cd dir");
    let mark = terminal.mark();
    terminal.type_line("cat ev");
    let screen = terminal.wait_until("a row for the name", |screen| {
        menu(screen).rows.iter().any(|row| row.text.contains("evil") && row.text.contains("pwned"))
    });
    assert_eq!(screen.typed().as_deref(), Some("cat ev"), "{}", screen.dump());
    let output = terminal.output_since(mark);
    let contains = |part: &[u8]| output.windows(part.len()).any(|window| window == part);
    assert!(!contains(b"\x1b]0;pwned"), "the name set the title");
    assert!(!contains(b"\x1b[31m\n"), "the name was written raw");
}

fn such_a_name_reaches_the_command(shell: Shell) {
    let (home, terminal) = start(shell);
    home.write(format!("dir/{NAME}"), "reached");
    terminal.run("cd dir");
    terminal.type_line("cat evi");
    terminal.wait_until("a row for the name", |screen| {
        menu(screen).rows.iter().any(|row| row.text.contains("evil"))
    });
    terminal.keys("<Tab>");
    terminal.settle();
    terminal.keys("<Enter>");
    let screen = terminal.wait_until("a prompt after the command", |screen| {
        screen.contains("reached") || screen.is_at_prompt()
    });
    // Inserted in a form that reads back to the same bytes, or not at all.
    let is_inserted = screen.contains("reached");
    let is_refused = screen.contains("$ cat evi") && !screen.contains("$'");
    assert!(is_inserted || is_refused, "{}", screen.dump());
}

/// Types the part of a name before its first odd character, takes the first row, and runs the line.
#[track_caller]
fn accept(terminal: &Terminal, command: &str, name: &str) {
    let typed = &name[..name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len())];
    let line = format!("{command} {typed}");
    terminal.type_line(&line);
    terminal.wait_until("a row for the name", |screen| {
        menu(screen).rows.iter().any(|row| row.text.contains(typed))
    });
    terminal.keys("<Down>");
    terminal.wait_until("the row selected", |screen| {
        menu(screen).selected().is_some_and(|row| row.contains(typed))
    });
    terminal.keys("<Tab>");
    terminal.wait_until("an inserted name", |screen| screen.typed().as_deref() != Some(&line));
    terminal.settle();
    terminal.keys("<Enter>");
}

/// Demands that no name ran anything.
fn demand_no_canary(folder: &Path, name: &str) {
    for canary in ["canary", "canary)", "canary`"] {
        assert!(!folder.join(canary).exists(), "{name:?} ran");
    }
}

fn files_reach_the_command_by_their_exact_names(shell: Shell) {
    let (home, terminal) = start(shell);
    for (number, name) in FILES.iter().enumerate() {
        home.write(format!("files/{name}"), format!("contents-{number}.\n"));
    }
    terminal.run("cd files");
    for (number, name) in FILES.iter().enumerate() {
        accept(&terminal, "cat", name);
        terminal.wait_until(&format!("the contents of {name:?}"), |screen| {
            screen.has_row(&format!("contents-{number}.")) && screen.is_at_prompt()
        });
        demand_no_canary(&home.path().join("files"), name);
        terminal.run("clear");
    }
    let all = fs::read_dir(home.path().join("files")).expect("the folder").count();
    assert_eq!(all, FILES.len(), "no file was made");
}

fn branches_reach_git_by_their_exact_names(shell: Shell) {
    let (home, terminal) = start(shell);
    let folder = home.path().join("repository");
    fs::create_dir(&folder).expect("a folder");
    git(&home, &["init", "-q", "-b", "main"]);
    git(&home, &["commit", "-q", "--allow-empty", "-m", "x"]);
    // No option has such letters in it.
    let branches: Vec<String> = BRANCHES.iter().map(|branch| format!("qzx{branch}")).collect();
    for branch in &branches {
        git(&home, &["branch", branch]);
    }
    terminal.run("cd repository");
    for branch in &branches {
        accept(&terminal, "git checkout", branch);
        let head = format!("ref: refs/heads/{branch}\n");
        terminal.wait_until(&format!("{branch:?} checked out"), |screen| {
            let text = fs::read_to_string(folder.join(".git/HEAD"));
            text.is_ok_and(|text| text == head) && screen.is_at_prompt()
        });
        demand_no_canary(&folder, branch);
        terminal.run("clear");
    }
}

fn git(home: &Home, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.env_clear().envs(home.environment(Shell::Bash)).current_dir(home.path().join("repository"));
    let names = ["-c", "user.name=u", "-c", "user.email=u@e"];
    let output = git.args(names).args(arguments).output().expect("git can be run");
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
}
