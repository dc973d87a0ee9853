//! `q why`: a row for each candidate, and for what yielded none; the engine is played.

use protocol::{Answer, Asked, Candidate, FromDaemon, Outcome, RunReport, SourceReport, ToDaemon, Why};
use serde_json::{Value, json};

use crate::{home::Home, player::play};

fn candidate(name: &str, source: &str) -> Candidate {
    Candidate { name: name.into(), source: source.into(), ..Candidate::default() }
}

fn run(argv: &[&str], status: Option<i32>, stopped: Option<Outcome>) -> RunReport {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    RunReport { argv, cwd: "/repo".into(), status, elapsed_ms: 11, stopped }
}

/// A row of a spec, one of a program that ran, one that was kept, and two sources that did not run.
fn why() -> FromDaemon {
    let source = |source: &str, outcome, runs| SourceReport {
        source: source.into(),
        elapsed_ms: 12,
        outcome,
        runs,
        ..SourceReport::default()
    };
    let branches =
        source("generator:git", Outcome::Rows(2), vec![run(&["git", "branch", "a b"], Some(0), None)]);
    let make = source(
        "generator:make",
        Outcome::NotTrusted,
        vec![run(&["make", "-qp"], None, Some(Outcome::NotTrusted))],
    );
    let tree = SourceReport { asked: Asked::Tree, ..source("generator:npm", Outcome::Network, Vec::new()) };
    let kept = SourceReport { kept_ms: Some(300), ..source("generator:git", Outcome::Rows(1), Vec::new()) };
    let candidates = vec![
        candidate("--force", "spec:git"),
        candidate("main\u{1b}", "generator:git"),
        candidate("v1", "generator:git"),
    ];
    FromDaemon::Why(Box::new(Why {
        answer: Answer { generation: 1, candidates, elapsed_us: 5, ..Answer::default() },
        rows: vec![None, Some(0), Some(3)],
        sources: vec![branches, make, tree, kept],
    }))
}

#[test]
fn every_candidate_has_a_row_and_what_did_not_run_too() {
    let home = Home::new();
    let daemon = play(&home, vec![vec![why()]]);
    let expected = "--force\tspec:git\t0 ms\t\n\
        main\\u{1b}\tgenerator:git\t12 ms\tgit branch 'a b' (in /repo): exit status 0; 2 rows\n\
        v1\tgenerator:git\t12 ms\t1 row; cached 300 ms ago\n\
        -\tgenerator:make\t12 ms\tmake -qp (in /repo): not run: the directory is not trusted; trust it with `q trust`\n\
        -\tgenerator:npm\t12 ms\tnot run: it needs the network, which the setting autocomplete.network allows\n";
    assert_eq!(home.q_says(&["why", "--", "git checkout "]), expected);
    let heard = daemon.join().unwrap();
    assert!(
        matches!(&heard[1], ToDaemon::Why(request) if request.line == "git checkout " && request.wait == 1000)
    );
}

#[test]
fn json_says_the_same() {
    let home = Home::new();
    let daemon = play(&home, vec![vec![why()]]);
    let said: Value = serde_json::from_str(&home.q_says(&["why", "-f", "json", "git "])).unwrap();
    let row = json!({
        "name": "main\u{1b}", "source": "generator:git", "ms": 12,
        "run": {
            "source": "generator:git", "asked": "rows", "ms": 12, "cached_ms": null, "outcome": "rows", "reason": "2 rows",
            "programs": [{
                "argv": ["git", "branch", "a b"], "cwd": "/repo", "status": 0, "ms": 11, "stopped": null, "reason": null,
            }],
        },
    });
    assert_eq!(said["candidates"][1], row);
    assert_eq!(said["candidates"][0]["run"], Value::Null);
    assert_eq!(
        (&said["buffer"], &said["cursor"], &said["elapsed_us"]),
        (&json!("git "), &json!(4), &json!(5))
    );
    let others: Vec<(&Value, &Value)> =
        said["others"].as_array().unwrap().iter().map(|other| (&other["asked"], &other["outcome"])).collect();
    assert_eq!(others, [(&json!("rows"), &json!("not_trusted")), (&json!("tree"), &json!("network"))]);
    daemon.join().unwrap();
}
