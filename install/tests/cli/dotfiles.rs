//! `q integrations`: homes of many sorts are installed into and left as they were.

use std::{fs, os::unix::fs::symlink};

use serde_json::Value;

use crate::home::Home;

/// The rc file of each shell that is edited in place.
const RC_FILES: [(&str, &str); 2] = [("bash", ".bashrc"), ("zsh", ".zshrc")];

/// Texts of rc files, plain and odd.
const TEXTS: [&[u8]; 12] = [
    b"",
    b"\n",
    b"export A=1\n",
    b"no newline at the end",
    b"#!/bin/bash",
    b"#!/bin/bash\n# comment\nexport A=1\n",
    b"a=1\r\nb=2\r\n",
    b"a=1\r\nno newline",
    b"\xef\xbb\xbfexport A=1\n",
    b"latin \xe9\xe8\n\0binary\xff",
    b"if true; then\n  echo 'unclosed\n",
    b"# >>> q integrations, mine >>>\nif x; then y; fi # q integrations\n# my configuration variables\n",
];

#[test]
fn every_text_comes_back_byte_for_byte() {
    for (shell, rc) in RC_FILES {
        for text in TEXTS {
            let home = Home::new();
            home.write(rc, text);
            home.set_mode(rc, 0o640);
            let before = home.snapshot();
            home.q_says(&["integrations", "install", "dotfiles", shell]);
            assert_ne!(home.snapshot(), before, "{shell}: something was installed");
            let installed = home.snapshot();
            home.q_says(&["integrations", "install", "dotfiles", shell]);
            assert_eq!(home.snapshot(), installed, "{shell}: a second time changes nothing");
            home.q_says(&["integrations", "status", "dotfiles", shell]);
            home.q_says(&["integrations", "reinstall", "dotfiles", shell]);
            assert_eq!(home.snapshot(), installed, "{shell}: nor does a third");
            home.q_says(&["integrations", "uninstall", "dotfiles", shell]);
            assert_eq!(home.snapshot(), before, "{shell}: {:?}", String::from_utf8_lossy(text));
        }
    }
}

#[test]
fn files_and_folders_that_were_made_are_removed() {
    for shell in ["bash", "zsh", "fish"] {
        let home = Home::new();
        home.q_says(&["integrations", "install", "dotfiles", shell]);
        assert_ne!(home.snapshot().len(), 0, "{shell}");
        home.q_says(&["integrations", "uninstall", "dotfiles", shell]);
        assert_eq!(home.snapshot().len(), 0, "{shell}");
    }
}

#[test]
fn a_made_file_that_the_user_wrote_to_stays() {
    let home = Home::new();
    home.q_says(&["integrations", "install", "dotfiles", "zsh"]);
    let installed = home.read(".zshrc");
    home.write(".zshrc", format!("{installed}export A=1\n"));
    home.q_says(&["integrations", "uninstall", "dotfiles", "zsh"]);
    assert_eq!(home.read(".zshrc"), "export A=1\n");
}

#[test]
fn folders_of_fish_that_are_the_users_stay() {
    for folder in [".config", ".config/fish", ".config/fish/conf.d"] {
        let home = Home::new();
        fs::create_dir_all(home.at(folder)).unwrap();
        let before = home.snapshot();
        home.q_says(&["integrations", "install", "dotfiles", "fish"]);
        home.q_says(&["integrations", "uninstall", "dotfiles", "fish"]);
        assert_eq!(home.snapshot(), before, "{folder}");
    }
}

#[test]
fn links_stay_links() {
    for (shell, rc) in RC_FILES {
        let home = Home::new();
        home.write("dotfiles/rc", "export A=1\n");
        symlink("dotfiles/rc", home.at("first")).unwrap();
        symlink(home.at("first"), home.at(rc)).unwrap();
        let before = home.snapshot();
        home.q_says(&["integrations", "install", "dotfiles", shell]);
        assert!(home.at(rc).is_symlink() && home.at("first").is_symlink());
        assert!(home.read("dotfiles/rc").contains(" init "), "the file behind the links was changed");
        home.q_says(&["integrations", "uninstall", "dotfiles", shell]);
        assert_eq!(home.snapshot(), before);
    }
}

#[test]
fn a_read_only_file_is_left_alone_and_the_lines_are_printed() {
    let home = Home::new();
    home.write(".zshrc", "export A=1\n");
    home.set_mode(".zshrc", 0o444);
    let before = home.snapshot();
    let output = home.q(&["integrations", "install", "dotfiles", "zsh"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    for part in ["read-only", "first lines", "init zsh pre", "last lines", "init zsh post"] {
        assert!(errors.contains(part), "{part:?} in {errors}");
    }
    assert_eq!(home.snapshot(), before);
    // Whoever adds them by hand is done.
    let lines = errors.lines().filter(|line| line.contains("q integrations") && !line.starts_with("error"));
    home.set_mode(".zshrc", 0o644);
    home.write(".zshrc", lines.map(|line| format!("{line}\n")).collect::<String>());
    home.q_says(&["integrations", "status", "dotfiles", "zsh"]);
    assert!(!home.backups().exists(), "nothing was changed, so that nothing was copied");
}

#[test]
fn one_file_that_fails_does_not_stop_the_others() {
    let home = Home::new();
    home.write(".profile", "export A=1\n");
    home.set_mode(".profile", 0o400);
    fs::create_dir(home.at(".bash_login")).unwrap();
    let output = home.q(&["integrations", "install", "-f", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    let states: Vec<&str> =
        reports.as_array().unwrap().iter().map(|report| report["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["installed", "unreadable", "read-only"]);
}

#[test]
fn the_files_before_a_change_are_kept() {
    let home = Home::new();
    home.write(".bashrc", "export A=1\n");
    let said = home.q_says(&["integrations", "install", "dotfiles", "bash", "-f", "json"]);
    let reports: Value = serde_json::from_str(&said).unwrap();
    let backup = reports[0]["backup"].as_str().unwrap();
    assert!(backup.starts_with(home.backups().to_str().unwrap()), "{backup}");
    assert_eq!(fs::read_to_string(backup).unwrap(), "export A=1\n");
}

#[test]
fn a_login_shell_gets_the_blocks_in_each_file_that_it_may_read() {
    let home = Home::new();
    home.write(".bash_profile", "[ -f ~/.bashrc ] && . ~/.bashrc\n");
    home.write(".profile", "export A=1\n");
    let before = home.snapshot();
    home.q_says(&["integrations", "install"]);
    for file in [".bashrc", ".bash_profile", ".profile"] {
        assert!(home.read(file).contains("init bash pre"), "{file}");
    }
    assert!(!home.at(".bash_login").exists() && !home.at(".zshrc").exists(), "nothing else is made");
    home.q_says(&["integrations", "uninstall"]);
    assert_eq!(home.snapshot(), before);
}

#[test]
fn other_folders_for_configuration_are_respected() {
    let mut home = Home::new();
    home.variables = vec![
        ("ZDOTDIR", home.at("z").display().to_string()),
        ("XDG_CONFIG_HOME", home.at("c").display().to_string()),
    ];
    home.q_says(&["integrations", "install", "dotfiles", "zsh"]);
    home.q_says(&["integrations", "install", "dotfiles", "fish"]);
    assert!(home.at("z/.zshrc").exists() && home.at("c/fish/conf.d/00_q_pre.fish").exists());
    assert!(!home.at(".zshrc").exists() && !home.at(".config").exists());
}

#[test]
fn a_file_that_asks_to_be_left_alone_is() {
    let home = Home::new();
    home.write(".zshrc", "# q ignore\n");
    let before = home.snapshot();
    assert!(home.q_says(&["integrations", "install", "dotfiles", "zsh"]).contains("left alone"));
    assert_eq!(home.snapshot(), before);
}

#[test]
fn another_installation_is_noticed_and_replaced() {
    let mut home = Home::new();
    home.write(".zshrc", "export A=1\n");
    home.q_says(&["integrations", "install", "dotfiles", "zsh"]);
    let program = home.move_program("o'pt dir");
    let output = home.q(&["integrations", "status", "dotfiles", "zsh"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("of another version"));
    home.q_says(&["integrations", "install", "dotfiles", "zsh"]);
    let text = home.read(".zshrc");
    assert!(text.contains("o'\\''pt dir/q' init zsh pre") && text.matches(" init ").count() == 2, "{text}");
    fs::remove_file(program).unwrap();
    home.program = env!("CARGO_BIN_EXE_q").into();
    home.q_says(&["integrations", "uninstall", "dotfiles", "zsh"]);
    assert_eq!(home.read(".zshrc"), "export A=1\n", "an installation that has vanished is removed as well");
}

#[test]
fn lines_before_the_first_block_are_reported() {
    let home = Home::new();
    home.write(".zshrc", "");
    home.q_says(&["integrations", "install", "dotfiles", "zsh"]);
    home.write(".zshrc", format!("export A=1\n{}", home.read(".zshrc")));
    let output = home.q(&["integrations", "status", "dotfiles", "zsh"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("misplaced"));
    home.q_says(&["integrations", "install", "dotfiles", "zsh"]);
    home.q_says(&["integrations", "uninstall", "dotfiles", "zsh"]);
    assert_eq!(home.read(".zshrc"), "export A=1\n");
}

#[test]
fn a_user_of_another_shell_has_to_name_one() {
    let mut home = Home::new();
    home.variables = vec![("SHELL", "/bin/ksh".to_owned())];
    let output = home.q(&["integrations", "install"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("dotfiles zsh"));
    assert_eq!(home.snapshot().len(), 0);
    home.q_says(&["integrations", "uninstall"]);
    home.q_says(&["integrations", "install", "dotfiles", "zsh"]);
}

#[test]
fn silence_is_kept_and_json_is_json() {
    let home = Home::new();
    assert_eq!(home.q_says(&["integrations", "install", "-s"]), "");
    let said = home.q_says(&["integrations", "status", "all", "-f", "json"]);
    let reports: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(reports[0]["shell"], "bash");
    assert_eq!(reports[0]["state"], "installed");
    assert_eq!(home.q(&["integrations", "install", "all", "zsh"]).status.code(), Some(2));
}

/// Shells that read what was installed, with the program there and without: nothing is printed, and all is well.
#[test]
fn the_blocks_are_quiet_in_every_shell() {
    for (shell, file, read) in [
        ("bash", ".bashrc", ". ~/.bashrc"),
        ("sh", ".profile", ". ~/.profile"),
        ("zsh", ".zshrc", ". ~/.zshrc"),
        ("fish", ".config/fish/conf.d/99_q_post.fish", "source ~/.config/fish/conf.d/99_q_post.fish"),
    ] {
        for text in ["X=1\n", "X=1\r\n"] {
            let mut home = Home::new();
            let program = home.move_program("opt");
            if shell != "fish" {
                home.write(file, text);
            }
            let named = if shell == "sh" { "bash" } else { shell };
            home.q_says(&["integrations", "install", "dotfiles", named]);
            for vanished in [false, true] {
                if vanished {
                    fs::remove_file(&program).unwrap();
                }
                let output = home.command(format!("/usr/bin/{shell}")).args(["-c", read]).output().unwrap();
                let case = format!("{shell}, {text:?}, vanished: {vanished}: {output:?}");
                assert!(
                    output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
                    "{case}"
                );
            }
        }
    }
}
