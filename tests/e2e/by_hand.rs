//! The engine without a terminal: `q complete`, `q why`, `q debug parse` and `q specs` on the real specs, in the daemon and
//! in a process of their own.

use std::process::Command;

use harness::{Home, Programs};
use serde_json::Value;

/// What a command prints as JSON; it must succeed.
#[track_caller]
fn json(home: &Home, arguments: &[&str]) -> Value {
    let output = home.q(arguments);
    assert!(output.status.success(), "q {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// A repository in the folder `repo`, with the branches `main` and `topic`.
fn repository(home: &Home) {
    home.write("repo/file", "");
    for arguments in [
        &["init", "-q", "-b", "main"][..],
        &["-c", "user.name=u", "-c", "user.email=u@e", "commit", "-q", "--allow-empty", "-m", "x"],
        &["branch", "topic"],
    ] {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(home.path().join("repo")).env("HOME", home.path());
        assert!(git.status().expect("git").success(), "git {arguments:?}");
    }
}

/// What `q complete` says that may differ from one time to the next is left out.
fn answer(home: &Home, options: &[&str], line: &str) -> Value {
    let arguments = [&["complete", "-f", "json", "--cwd", "repo"], options, &["--", line]].concat();
    let mut said = json(home, &arguments);
    said["elapsed_us"] = Value::Null;
    said
}

#[test]
fn the_daemon_and_a_process_of_its_own_say_the_same() {
    let home = Home::with_programs(Programs::find());
    repository(&home);
    for line in ["git che", "git checkout to", "git -", "cat ", "docker run --", "g", ""] {
        assert_eq!(answer(&home, &[], line), answer(&home, &["--no-daemon"], line), "{line}");
    }
}

#[test]
fn the_json_has_what_is_documented() {
    let home = Home::with_programs(Programs::find());
    repository(&home);
    let said = answer(&home, &[], "git checkout to");
    let documented = [
        "argument",
        "buffer",
        "candidates",
        "command",
        "cursor",
        "elapsed_us",
        "ghost",
        "pending",
        "query",
        "token",
    ];
    assert_eq!(keys(&said), documented);
    let row = &said["candidates"][0];
    let documented = [
        "dangerous",
        "description",
        "display",
        "edit",
        "icon",
        "kind",
        "matches",
        "name",
        "names",
        "priority",
        "source",
    ];
    assert_eq!(keys(row), documented);
    assert_eq!(row["name"], "topic");
    assert_eq!(row["edit"], serde_json::json!({"start": 13, "end": 15, "text": "topic ", "cursor": 19}));
    let parsed = json(&home, &["debug", "parse", "git checkout to"]);
    assert_eq!(keys(&parsed), ["commands", "current", "expects", "passed_options", "query"]);
}

#[test]
fn why_tells_what_was_run() {
    let home = Home::with_programs(Programs::find());
    repository(&home);
    let said = json(&home, &["why", "-f", "json", "--cwd", "repo", "git checkout to"]);
    let row = said["candidates"].as_array().and_then(|rows| rows.iter().find(|row| row["name"] == "topic"));
    let run = &row.expect("the branch")["run"];
    assert_eq!(run["outcome"], "rows", "{run}");
    let argv = run["programs"][0]["argv"].as_array().expect("a program");
    assert!(argv[0].as_str().is_some_and(|program| program.ends_with("git")), "{argv:?}");
    assert_eq!(run["programs"][0]["status"], 0);
    let plain = String::from_utf8(home.q(&["why", "--cwd", "repo", "git chec"]).stdout).expect("text");
    assert!(plain.starts_with("checkout\tspec:git\t0 ms\t\n"), "{plain}");
}

#[test]
fn common_specs_offer_what_they_describe() {
    let home = Home::with_programs(Programs::find());
    for command in ["git", "docker", "npm", "cargo", "ssh", "tar", "kubectl", "systemctl", "tmux", "curl"] {
        let output = home.q(&["specs", "test", command]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{command}: {said}");
        assert!(!said.starts_with("0 lines"), "{command}: {said}");
    }
}

#[test]
fn a_spec_of_ones_own_is_completed_checked_and_tested() {
    let home = Home::with_programs(Programs::find());
    let spec = "export default {\n  name: 'tool',\n  subcommands: [{ name: 'row', args: { isOptionall: true } }],\n};\n";
    home.write(".config/q/specs/tool.js", spec);
    home.write(".config/q/specs/tool.test", "tool r^ => row\ntool ^ -> gone\n");
    let answer = json(&home, &["complete", "-f", "json", "tool "]);
    assert_eq!(answer["candidates"][0]["name"], "row");
    let own = json(&home, &["specs", "list", "--own", "-f", "json"]);
    assert_eq!((&own[0]["name"], own.as_array().map(Vec::len)), (&Value::from("tool"), Some(1)));
    let checked = home.q(&["specs", "check", ".config/q/specs/tool.js"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        said.starts_with(".config/q/specs/tool.js:3:") && said.contains("is isOptional meant?"),
        "{said}"
    );
    let tested = home.q(&["specs", "test", ".config/q/specs/tool.js"]);
    assert_eq!(String::from_utf8_lossy(&tested.stdout), "tool ^: misses gone\n2 lines, 1 failed\n");
    assert_eq!(tested.status.code(), Some(1));
}
