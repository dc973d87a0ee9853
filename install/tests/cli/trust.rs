//! `q trust`: what it asks, what it prints, and its exit status; the engine is played.

use std::fs;

use protocol::{Failed, FromDaemon, ToDaemon, TrustAnswer, TrustFolder, TrustedFolder};
use serde_json::{Value, json};

use crate::{home::Home, player::play};

/// What a folder becomes.
fn answer(by: Option<&str>, changed: bool, concerns: &[&str]) -> FromDaemon {
    FromDaemon::Trust(TrustAnswer {
        folder: "/r\u{1b}".into(),
        by: by.map(str::to_owned),
        changed,
        concerns: concerns.iter().map(|&concern| concern.to_owned()).collect(),
    })
}

#[test]
fn a_folder_is_trusted_and_revoked() {
    let own = Some("/r\u{1b}");
    for (arguments, reply, expected) in [
        (&["."][..], answer(own, true, &[]), "/r\\u{1b} is trusted now, and all below it\n"),
        (&["--anyway"], answer(own, true, &["x"]), "/r\\u{1b} is trusted now, and all below it\n"),
        (&["."], answer(own, false, &[]), "/r\\u{1b} is trusted\n"),
        (&["."], answer(Some("/"), false, &[]), "/r\\u{1b} is trusted, because / is\n"),
        (&["--revoke"], answer(None, true, &[]), "/r\\u{1b} is not trusted any more\n"),
        (&["--revoke", "."], answer(None, false, &[]), "/r\\u{1b} is not trusted\n"),
    ] {
        let home = Home::new();
        let daemon = play(&home, vec![vec![reply]]);
        assert_eq!(home.q_says(&[&["trust"], arguments].concat()), expected);
        let wanted = TrustFolder {
            folder: home.at("").canonicalize().unwrap().to_str().unwrap().into(),
            revoke: arguments.contains(&"--revoke"),
            anyway: arguments.contains(&"--anyway"),
        };
        assert_eq!(daemon.join().unwrap(), [ToDaemon::Trust(wanted)]);
    }
}

#[test]
fn what_was_not_done_is_an_error_that_says_why() {
    for (arguments, reply, expected) in [
        (
            &["trust"][..],
            answer(None, false, &["everyone may write to /tmp", "b"]),
            "everyone may write to /tmp, and b; to",
        ),
        (&["trust", "--revoke"], answer(Some("/above"), false, &[]), "because /above is"),
        (
            &["trust"],
            FromDaemon::Failed(Failed {
                generation: 0,
                message: "/r cannot be trusted: it is a home".into(),
            }),
            "error: /r cannot be trusted: it is a home",
        ),
    ] {
        let home = Home::new();
        let _daemon = play(&home, vec![vec![reply]]);
        let output = home.q(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with("error: ") && error.contains(expected), "{error}");
    }
    for arguments in
        [&["trust", "--list", "x"][..], &["trust", "--list", "--revoke"], &["trust", "--revoke", "--anyway"]]
    {
        assert_eq!(Home::new().q(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn links_are_followed_and_folders_that_are_gone_are_named_as_they_were() {
    let home = Home::new();
    fs::create_dir(home.at("real")).unwrap();
    std::os::unix::fs::symlink("real", home.at("link")).unwrap();
    let real = home.at("").canonicalize().unwrap();
    for (named, expected) in [("link", real.join("real")), ("gone", real.join("gone"))] {
        let home = Home::new();
        let daemon = play(&home, vec![vec![answer(None, false, &[])]]);
        let named = real.join(named);
        home.q_says(&["trust", "--revoke", named.to_str().unwrap()]);
        let [ToDaemon::Trust(asked)] = &daemon.join().unwrap()[..] else { panic!("one question") };
        assert_eq!(asked.folder, expected.to_str().unwrap());
    }
}

#[test]
fn folders_are_listed() {
    let folders = || {
        let folder = |folder: &str, since| TrustedFolder { folder: folder.into(), since };
        vec![vec![FromDaemon::TrustedFolders(vec![folder("/a", 1), folder("/b\nc", 2)])]]
    };
    let home = Home::new();
    let daemon = play(&home, folders());
    assert_eq!(home.q_says(&["trust", "--list"]), "/a\n/b\\nc\n");
    assert_eq!(daemon.join().unwrap(), [ToDaemon::TrustedFolders]);
    let home = Home::new();
    let _daemon = play(&home, folders());
    let said: Value = serde_json::from_str(&home.q_says(&["trust", "--list", "-f", "json"])).unwrap();
    assert_eq!(said, json!([{"folder": "/a", "since": 1}, {"folder": "/b\nc", "since": 2}]));
}

#[test]
fn json_says_all_of_it() {
    let home = Home::new();
    let _daemon = play(&home, vec![vec![answer(Some("/r\u{1b}"), true, &["x"])]]);
    let said: Value = serde_json::from_str(&home.q_says(&["trust", "-f", "json", "--anyway"])).unwrap();
    let expected =
        json!({"folder": "/r\u{1b}", "trusted": true, "by": "/r\u{1b}", "changed": true, "concerns": ["x"]});
    assert_eq!(said, expected);
}
