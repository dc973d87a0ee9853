//! `q integrations`: installing adds one marked block at each end, uninstalling leaves the bytes as they were.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use harness::{Home, Programs, Shell};

in_each_shell!(
    uninstalling_restores_the_bytes,
    installing_twice_changes_nothing,
    links_are_kept,
    the_status_tells,
    a_shell_without_it_is_plain_again
);

fn uninstalling_restores_the_bytes(shell: Shell) {
    for text in
        [shell.rc().to_owned(), String::new(), "no newline at the end".to_owned(), "# a\r\n".to_owned()]
    {
        let home = Home::with_programs(Programs::find());
        home.write(shell.rc_file(), &text);
        let before = files(home.path());
        demand_done(&home, &["integrations", "install", "dotfiles", shell.name()]);
        assert_ne!(files(home.path()), before, "something was added");
        demand_done(&home, &["integrations", "uninstall", "dotfiles", shell.name()]);
        assert_eq!(files(home.path()), before);
    }
}

fn installing_twice_changes_nothing(shell: Shell) {
    let home = Home::with_q(shell);
    let once = files(home.path());
    demand_done(&home, &["integrations", "install", "dotfiles", shell.name()]);
    assert_eq!(files(home.path()), once);
}

fn links_are_kept(shell: Shell) {
    let home = Home::with_programs(Programs::find());
    // fish reads a folder of files, and users link the folder.
    let name = if shell == Shell::Fish { ".config/fish" } else { shell.rc_file() };
    let linked = home.path().join(name);
    fs::rename(&linked, home.path().join("linked")).expect("the rc file can be moved");
    symlink(home.path().join("linked"), &linked).expect("a link");
    let before = files(home.path());
    demand_done(&home, &["integrations", "install", "dotfiles", shell.name()]);
    assert!(linked.is_symlink(), "it is still a link");
    assert_ne!(files(home.path()), before, "its target was changed");
    demand_done(&home, &["integrations", "uninstall", "dotfiles", shell.name()]);
    assert!(linked.is_symlink(), "it is still a link");
    assert_eq!(files(home.path()), before);
}

fn the_status_tells(shell: Shell) {
    let home = Home::with_programs(Programs::find());
    let status = || home.q(&["integrations", "status", "dotfiles", shell.name()]).status.code();
    assert_eq!(status(), Some(1), "not installed");
    demand_done(&home, &["integrations", "install", "dotfiles", shell.name()]);
    assert_eq!(status(), Some(0), "installed");
    demand_done(&home, &["integrations", "uninstall", "dotfiles", shell.name()]);
    assert_eq!(status(), Some(1), "not installed any more");
}

fn a_shell_without_it_is_plain_again(shell: Shell) {
    let home = Home::with_q(shell);
    demand_done(&home, &["integrations", "uninstall", "dotfiles", shell.name()]);
    let terminal = home.shell(shell);
    terminal.run("echo plain");
    assert!(home.processes().iter().all(|process| process.name != "qterm"), "{:?}", home.processes());
}

/// Runs `q`, which must succeed.
#[track_caller]
fn demand_done(home: &Home, arguments: &[&str]) {
    let output = home.q(arguments);
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "q {arguments:?}: {out}{errors}");
}

/// The files below `directory` with their contents, without those that are not configuration: logs, backups, sockets.
fn files(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).expect("a directory").flatten() {
            let path = entry.path();
            match entry.file_type().expect("the type of a file") {
                _ if path.ends_with(".local") || path.ends_with("run") => {}
                kind if kind.is_dir() => waiting.push(path),
                _ => drop(found.insert(path.clone(), contents(&path))),
            }
        }
    }
    found
}

/// What a file holds, or a link points to.
fn contents(path: &Path) -> String {
    match fs::read_link(path) {
        Ok(target) => target.display().to_string(),
        Err(_) => String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned(),
    }
}
