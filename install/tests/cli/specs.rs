//! `q specs`: what it asks, what it prints, and its exit status; the engine is played.

use protocol::{
    Answer, Candidate, CheckSpec, Failed, FromDaemon, ListSpecs, ShowSpec, SpecArg, SpecCounts, SpecEntry,
    SpecList, SpecNode, SpecProblem, SpecProblems, SpecTree, ToDaemon,
};
use serde_json::{Value, json};

use crate::{home::Home, player::play};

fn entries() -> FromDaemon {
    let entry = |name: &str, file: Option<&str>| SpecEntry {
        name: name.into(),
        file: file.map(str::to_owned),
        counts: Some(SpecCounts { subcommands: 2, options: 5 }),
        ..SpecEntry::default()
    };
    let broken =
        SpecEntry { error: Some("no\nsense".into()), counts: None, ..entry("mine", Some("/c/mine.js")) };
    FromDaemon::SpecList(SpecList {
        specs: vec![entry("aws/s3", Some("/c/aws/s3.js")), entry("git", None), broken],
    })
}

#[test]
fn specs_are_listed_by_pattern_and_source() {
    let (s3, git) = ("aws/s3\t2\t5\t/c/aws/s3.js\n", "git\t2\t5\tarchive\n");
    let mine = "mine\t?\t?\t/c/mine.js\tnot used: no\\nsense\n";
    for (arguments, expected) in [
        (&[][..], [s3, git, mine].concat()),
        (&["i"], [git, mine].concat()),
        (&["a*3"], s3.to_owned()),
        (&["--own"], [s3, mine].concat()),
        (&["nothing"], String::new()),
    ] {
        let home = Home::new();
        let daemon = play(&home, vec![vec![entries()]]);
        assert_eq!(home.q_says(&[&["specs", "list"], arguments].concat()), expected);
        let question = ListSpecs { spec_dir: String::new(), wait: 10_000 };
        assert_eq!(daemon.join().unwrap(), [ToDaemon::ListSpecs(question)]);
    }
}

#[test]
fn a_list_in_json_is_a_list_of_objects() {
    let home = Home::new();
    let daemon = play(&home, vec![vec![entries()]]);
    let said: Value = serde_json::from_str(&home.q_says(&["specs", "list", "-f", "json", "git"])).unwrap();
    let expected = json!([{
        "name": "git", "description": null, "source": "archive", "subcommands": 2, "options": 5, "error": null,
    }]);
    assert_eq!(said, expected);
    daemon.join().unwrap();
}

fn node(depth: u32, name: &str) -> SpecNode {
    SpecNode { depth, names: vec![name.to_owned()], ..SpecNode::default() }
}

/// `t` with a subcommand `sub` that takes `one` or `two`.
fn tree() -> FromDaemon {
    let values = SpecArg { suggestions: vec!["one".into(), "two".into()], ..SpecArg::default() };
    let nodes = vec![node(0, "t"), SpecNode { args: vec![values], ..node(1, "sub") }];
    FromDaemon::SpecTree(Box::new(SpecTree { command: vec!["t".into()], nodes, ..SpecTree::default() }))
}

#[test]
fn a_tree_is_shown_as_text_and_nested_in_json() {
    let home = Home::new();
    std::fs::create_dir(home.at("folder")).unwrap();
    let daemon = play(&home, vec![vec![tree()]]);
    let said = home.q_says(&["specs", "show", "--spec-dir", "folder", "--depth", "3", "x", "t"]);
    assert_eq!(said, "# from archive\n\nt\n  subcommands\n    sub <value>\n");
    let spec_dir = home.at("folder").to_str().unwrap().to_owned();
    let question = ShowSpec { spec_dir, wait: 10_000, command: vec!["x".into(), "t".into()], depth: 3 };
    assert_eq!(daemon.join().unwrap(), [ToDaemon::ShowSpec(question)]);

    let home = Home::new();
    let daemon = play(&home, vec![vec![tree()]]);
    let said: Value = serde_json::from_str(&home.q_says(&["specs", "show", "-f", "json", "t"])).unwrap();
    assert_eq!(
        (&said["command"], &said["source"], &said["cut"]),
        (&json!(["t"]), &json!("archive"), &json!(false))
    );
    let sub = &said["spec"]["subcommands"][0];
    assert_eq!((&sub["names"], &sub["args"][0]["suggestions"]), (&json!(["sub"]), &json!(["one", "two"])));
    daemon.join().unwrap();
}

#[test]
fn what_is_not_described_is_an_error() {
    let home = Home::new();
    let failed = Failed { generation: 0, message: "there is no spec for `gti`; is `git` meant?".into() };
    let daemon = play(&home, vec![vec![FromDaemon::Failed(failed)]]);
    let output = home.q(&["specs", "show", "gti"]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
    assert_eq!(output.stderr, b"error: there is no spec for `gti`; is `git` meant?\n");
    daemon.join().unwrap();
}

fn problems(problems: &[(u32, u32, bool)]) -> FromDaemon {
    let problem = |&(line, column, warning): &(u32, u32, bool)| SpecProblem {
        line,
        column,
        warning,
        message: "what".into(),
        ..SpecProblem::default()
    };
    FromDaemon::SpecProblems(SpecProblems { problems: problems.iter().map(problem).collect() })
}

#[test]
fn every_file_is_checked_and_an_error_is_the_exit_status() {
    let home = Home::new();
    home.write("a.json", "{}");
    home.write("b.js", "export default {}");
    let daemon = play(&home, vec![vec![problems(&[(2, 7, false), (9, 1, true)])], vec![problems(&[])]]);
    let output = home.q(&["specs", "check", "a.json", "b.js", "none.js", "a.txt", "/dev/null.js", "."]);
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["a.json:2:7: error: what", "a.json:9:1: warning: what"]);
    assert!(lines[2].starts_with("none.js: error: No such file"), "{said}");
    assert_eq!(lines[3], "a.txt: error: a spec's file ends in .js or .json");
    assert_eq!((lines.len(), output.status.code()), (6, Some(1)));
    let check =
        |name: &str, text: &str| ToDaemon::CheckSpec(CheckSpec { name: name.into(), text: text.into() });
    assert_eq!(daemon.join().unwrap(), [check("a.json", "{}"), check("b.js", "export default {}")]);
}

#[test]
fn warnings_are_no_failure() {
    let home = Home::new();
    home.write("a.json", "{}");
    let daemon = play(&home, vec![vec![problems(&[(2, 7, true)])]]);
    let said: Value =
        serde_json::from_str(&home.q_says(&["specs", "check", "-f", "json", "a.json"])).unwrap();
    let expected = json!([{"file": "a.json", "line": 2, "column": 7, "path": "", "severity": "warning", "message": "what"}]);
    assert_eq!(said, expected);
    daemon.join().unwrap();
}

fn answer(generation: u64, names: &[&str]) -> FromDaemon {
    let row =
        |name: &&str| Candidate { name: (*name).into(), names: vec![(*name).into()], ..Candidate::default() };
    let candidates = names.iter().map(row).collect();
    FromDaemon::Answer(Box::new(Answer { generation, candidates, ..Answer::default() }))
}

/// The lines that a daemon was asked, the cursor always at their end.
fn lines(heard: &[ToDaemon]) -> Vec<&str> {
    let line = |message: &'_ ToDaemon| matches!(message, ToDaemon::Complete(request) if request.cursor as usize == request.line.len());
    heard
        .iter()
        .filter(|message| line(message))
        .filter_map(|message| match message {
            ToDaemon::Complete(request) => Some(request.line.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_spec_is_tried_at_every_place() {
    let home = Home::new();
    let daemon = play(&home, vec![vec![tree()], vec![answer(1, &["sub"])], vec![answer(2, &["one"])]]);
    let output = home.q(&["specs", "test", "t"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "t sub ^: misses two\n2 lines, 1 failed\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lines(&daemon.join().unwrap()), ["t ", "t sub "]);
}

#[test]
fn a_file_of_a_spec_is_tried_with_the_lines_beside_it() {
    let home = Home::new();
    home.write("own/t.json", "{}");
    home.write("own/t.test", "# lines\n\nt su^ -> sub\nt ^ => sub\n");
    let FromDaemon::SpecTree(mut found) = tree() else { panic!("a tree") };
    found.file = Some(home.at("own/t.json").to_str().unwrap().to_owned());
    let replies =
        vec![vec![FromDaemon::SpecTree(found)], vec![answer(1, &["sub"])], vec![answer(2, &["sub", "more"])]];
    let daemon = play(&home, replies);
    let output = home.q(&["specs", "test", "-f", "json", "own/t.json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed = json!([{"line": "t ", "cursor": 2, "missing": [], "unexpected": ["more"], "offered": 2}]);
    assert_eq!(said, json!({"lines": 2, "failed": failed, "cut": false}));
    assert_eq!(output.status.code(), Some(1));
    let heard = daemon.join().unwrap();
    assert_eq!(lines(&heard), ["t su", "t "]);
    let own = home.at("own").canonicalize().unwrap();
    let asks = |message: &ToDaemon| matches!(message, ToDaemon::Complete(request) if std::path::Path::new(&request.spec_dir) == own);
    assert!(heard[2..].iter().all(asks), "{heard:?}");
}

#[test]
fn lines_that_make_no_sense_are_named_with_their_place() {
    let home = Home::new();
    home.write("lines", "t ^ -> a\nt ^\n");
    let daemon = play(&home, vec![vec![tree()]]);
    let output = home.q(&["specs", "test", "t", "lines"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors, "error: lines:2: write the line, `->` or `=>`, and the names it must offer\n");
    daemon.join().unwrap();
}

#[test]
fn a_file_that_is_not_used_is_not_tested() {
    for (used, error, expected) in [
        (Some("/c/t.json"), Some("what"), "error: t.json is broken; see `q specs check t.json`\n"),
        (Some("/c/t.js"), None, "error: t.json is not used, but /c/t.js; remove one of them\n"),
        (None, None, "error: t.json is not used; see `q specs check t.json`\n"),
    ] {
        let home = Home::new();
        home.write("t.json", "{}");
        let FromDaemon::SpecTree(mut found) = tree() else { panic!("a tree") };
        found.file = used.map(str::to_owned);
        found.error = error.map(str::to_owned);
        let daemon = play(&home, vec![vec![FromDaemon::SpecTree(found)]]);
        let output = home.q(&["specs", "test", "t.json"]);
        assert_eq!(
            (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
            (Some(1), expected)
        );
        daemon.join().unwrap();
    }
}
