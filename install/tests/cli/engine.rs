//! What `q complete` and `q debug parse` ask the engine, and what they make of its replies: in the daemon over its socket,
//! and in a child. The engine is played here; the end-to-end tests have the real one.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread::JoinHandle};

use protocol::{
    Answer, Candidate, Context, Failed, FromDaemon, Parsed, Request, Shell, Status, ToDaemon, frame,
};
use serde_json::Value;

use crate::{
    home::{Home, copy_program},
    player::{Heard, play, play_with, runtime, status},
};

/// The context and the question that a daemon heard.
fn heard(daemon: JoinHandle<Heard>) -> (Context, ToDaemon) {
    let mut heard = daemon.join().unwrap();
    assert_eq!(heard.len(), 2);
    let question = heard.remove(1);
    let ToDaemon::Context(context) = heard.remove(0) else { panic!("a context comes first") };
    (context, question)
}

fn answer(names: &[&str], pending: bool) -> FromDaemon {
    let candidate = |name: &&str| Candidate {
        name: (*name).to_owned(),
        description: Some(format!("what {name} does\u{7}")),
        ..Candidate::default()
    };
    let candidates = names.iter().map(candidate).collect();
    FromDaemon::Answer(Box::new(Answer { generation: 1, candidates, pending, ..Answer::default() }))
}

/// Puts a program in the place of the daemon beside `q`.
fn write_program(home: &Home, path: &str, code: &str) {
    home.write("program", format!("#!/bin/sh\n{code}\n"));
    home.set_mode("program", 0o755);
    copy_program(&home.at("program"), &home.at(path));
}

#[test]
fn the_engine_is_told_all_that_the_options_say() {
    let mut home = Home::new();
    home.variables = vec![("KEPT", "1".to_owned()), ("CHANGED", "old".to_owned())];
    fs::create_dir(home.at("folder")).unwrap();
    let daemon = play(&home, vec![vec![answer(&[], false)]]);
    let options = [
        "complete",
        "--shell",
        "zsh",
        "--cwd",
        "folder",
        "--cursor",
        "5",
        "--alias",
        "g=git log",
        "--env",
        "CHANGED=a=b",
        "--spec-dir",
        "folder",
    ];
    let names = ["--global-alias", "G=| grep", "--suffix-alias", "txt=vim", "--abbr", "gco=git checkout"];
    let more = ["--wait", "7", "--limit", "3", "--history", "hist", "--", "g é x"];
    assert_eq!(home.q_says(&[&options[..], &names, &more].concat()), "");
    let (context, question) = heard(daemon);
    assert_eq!(context.shell, Shell::Zsh);
    assert_eq!(Path::new(&context.cwd), home.at("folder"));
    assert_eq!((context.env["KEPT"].as_str(), context.env["CHANGED"].as_str()), ("1", "a=b"));
    assert_eq!(
        (context.env["PATH"].as_str(), Path::new(&context.env["HOME"])),
        ("/usr/bin:/bin", &*home.at(""))
    );
    assert_eq!(context.aliases["g"], "git log");
    assert_eq!(context.global_aliases["G"], "| grep");
    assert_eq!(context.suffix_aliases["txt"], "vim");
    assert_eq!(context.abbreviations["gco"], "git checkout");
    assert_eq!(Path::new(&context.history_file), home.at("hist"));
    let spec_dir = home.at("folder").to_str().unwrap().to_owned();
    let request = Request { generation: 1, line: "g é x".into(), cursor: 5, wait: 7, limit: 3, spec_dir };
    assert_eq!(question, ToDaemon::Complete(request));
}

#[test]
fn the_rest_is_taken_from_where_it_is_run() {
    let home = Home::new();
    let daemon = play(&home, vec![vec![answer(&[], false)]]);
    home.q_says(&["complete", "git "]);
    let (context, question) = heard(daemon);
    assert_eq!(
        (context.shell, Path::new(&context.cwd)),
        (Shell::Bash, &*home.at("").canonicalize().unwrap())
    );
    let ToDaemon::Complete(request) = question else { panic!("a request") };
    assert_eq!((request.cursor, request.wait), (4, 1000));
}

#[test]
fn rows_are_printed_when_the_last_answer_is_there() {
    let home = Home::new();
    let daemon = play(&home, vec![vec![answer(&["a"], true), answer(&["a", "b"], false)]]);
    let said = home.q_says(&["complete", "-f", "plain", "git "]);
    assert_eq!(said, "a\twhat a does\\u{7}\nb\twhat b does\\u{7}\n");
    daemon.join().unwrap();
}

#[test]
fn json_has_the_line_and_the_rows() {
    let home = Home::new();
    let daemon = play(&home, vec![vec![answer(&["a"], false)]]);
    let said: Value = serde_json::from_str(&home.q_says(&["complete", "-f", "json-pretty", "git "])).unwrap();
    assert_eq!((&said["buffer"], &said["cursor"]), (&Value::from("git "), &Value::from(4)));
    assert_eq!(said["candidates"][0]["description"], "what a does\u{7}");
    assert_eq!(said["ghost"], Value::Null);
    daemon.join().unwrap();
}

#[test]
fn what_is_understood_is_printed_as_json() {
    let home = Home::new();
    let parsed = Parsed { generation: 1, query: "ma".into(), ..Parsed::default() };
    let daemon = play(&home, vec![vec![FromDaemon::Parsed(Box::new(parsed))]]);
    let said: Value = serde_json::from_str(&home.q_says(&["debug", "parse", "git ma"])).unwrap();
    assert_eq!(said["query"], "ma");
    assert!(matches!(heard(daemon).1, ToDaemon::Parse(_)));
}

#[test]
fn a_refusal_is_an_error() {
    let home = Home::new();
    let failed = Failed { generation: 1, message: "there is no archive".into() };
    let daemon = play(&home, vec![vec![FromDaemon::Failed(failed)]]);
    let output = home.q(&["complete", "git "]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, b"error: there is no archive\n");
    daemon.join().unwrap();
}

#[test]
fn an_engine_without_specs_is_an_error() {
    let home = Home::new();
    let status = Status { archive_error: Some("the archive is cut off".into()), ..status() };
    let daemon = play_with(&home, vec![vec![answer(&["a"], false)]], status);
    let output = home.q(&["complete", "git "]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the archive is cut off"));
    daemon.join().unwrap();
}

#[test]
fn a_folder_that_others_may_enter_is_not_trusted() {
    let home = Home::new();
    fs::create_dir(runtime(&home)).unwrap();
    fs::set_permissions(runtime(&home), fs::Permissions::from_mode(0o755)).unwrap();
    let output = home.q(&["complete", "git "]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("0700"));
}

#[test]
fn an_engine_of_its_own_is_asked_in_json_and_does_not_stay() {
    let mut home = Home::new();
    home.move_program("bin");
    let reply = String::from_utf8(frame::encode_json(&answer(&["a"], false)).unwrap()).unwrap();
    home.write("reply", reply);
    let status = FromDaemon::Status(status());
    home.write("status", String::from_utf8(frame::encode_json(&status).unwrap()).unwrap());
    // It would stay: q has to end it.
    let code = r#"echo "$@" >said; echo $$ >process; read -r line; cat status; head -n 2 >>said; cat reply; exec sleep 1000"#;
    write_program(&home, "bin/qd", code);
    assert_eq!(home.q_says(&["complete", "--no-daemon", "git "]), "a\twhat a does\\u{7}\n");
    let said = home.read("said");
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("--once"));
    let messages: Vec<ToDaemon> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(matches!(&messages[..], [ToDaemon::Context(_), ToDaemon::Complete(_)]), "{said}");
    let process = home.read("process");
    assert!(!Path::new("/proc").join(process.trim()).exists(), "the engine has ended");
    assert!(!runtime(&home).exists(), "no daemon was started");
}

#[test]
fn a_daemon_that_is_started_is_on_its_own() {
    let mut home = Home::new();
    home.move_program("bin");
    // What was started says what it has, and ends, so that nobody listens: q waits for a while, then tells.
    write_program(
        &home,
        "bin/qd",
        r#"{ pwd; readlink /proc/$$/fd/0 /proc/$$/fd/2; ls /proc/$$/fd | wc -l; } >"$HOME/facts""#,
    );
    let output = home.q(&["complete", "git "]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("qd was started but does not listen"));
    let facts = home.read("facts");
    assert!(facts.starts_with("/\n/dev/null\n/dev/null\n"), "{facts}");
}
