//! `q init` and `q completion`: what they print is code that each shell can read.

use std::fs;

use crate::home::Home;

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// Whether the shell can read the code.
#[track_caller]
fn demand_readable(home: &Home, shell: &str, code: &str, what: &str) {
    home.write("code", code);
    let output = home.command(format!("/usr/bin/{shell}")).arg("-n").arg(home.at("code")).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{what}: {output:?}");
}

#[test]
fn scripts_are_readable_and_name_the_qterm_beside_q() {
    for folder in ["bin", "o'pt dir/$HOME `x` \\ \"q\" ü"] {
        let mut home = Home::new();
        home.move_program(folder);
        for shell in SHELLS {
            let pre = home.q_says(&["init", shell, "pre"]);
            let post = home.q_says(&["init", shell, "post"]);
            let both = home.q_says(&["init", shell]);
            assert_eq!(both, [&pre[..], &post[..]].concat());
            assert!(!both.contains("@QTERM@"), "{shell}: the path is filled in");
            assert!(pre.contains("/qterm'"), "{shell}");
            demand_readable(&home, shell, &both, &format!("init {shell} in {folder}"));
        }
    }
}

#[test]
fn a_link_to_q_finds_the_programs_beside_the_file() {
    let mut home = Home::new();
    home.move_program("opt");
    fs::create_dir(home.at("bin")).unwrap();
    std::os::unix::fs::symlink(home.at("opt/q"), home.at("bin/q")).unwrap();
    home.program = home.at("bin/q");
    assert!(home.q_says(&["init", "zsh", "pre"]).contains("/home/opt/qterm'"));
}

#[test]
fn scripts_without_a_terminal_do_nothing_and_say_nothing() {
    let home = Home::new();
    for (shell, code) in [
        ("bash", "eval \"$(\"$Q\" init bash)\"; echo $?"),
        ("zsh", "eval \"$(\"$Q\" init zsh)\"; echo $?"),
        ("fish", "$Q init fish | source; echo $status"),
    ] {
        let output = home
            .command(format!("/usr/bin/{shell}"))
            .env("Q", &home.program)
            .args(["-c", code])
            .output()
            .unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"0\n"[..], &b""[..]), "{shell}");
    }
}

#[test]
fn completions_of_q_itself_are_readable() {
    let home = Home::new();
    for shell in SHELLS {
        let code = home.q_says(&["completion", shell]);
        assert!(code.contains("integrations"), "{shell}");
        demand_readable(&home, shell, &code, &format!("completion {shell}"));
    }
}
