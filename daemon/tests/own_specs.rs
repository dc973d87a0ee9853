//! Specs of the user's own in the real daemon, asked as an editor would: in JSON, a line a message.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use specs::archive::{Info, Module, Packed, write};
use specs::model::{Spec, Subcommand};

/// No test waits longer than this for anything; a loaded machine needs a fraction of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the daemon may take for one question, in milliseconds.
const WAIT: u32 = 20_000;

/// A user with a daemon and an archive that has `git` with a subcommand `archived`.
struct User {
    dir: tempfile::TempDir,
    daemon: Child,
    reader: BufReader<UnixStream>,
    generation: u64,
}

impl User {
    fn new() -> User {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["run", "cwd"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let node = |name: &str| Subcommand { names: vec![name.to_owned()], ..Subcommand::default() };
        let root = Subcommand { subcommands: vec![node("archived")], ..node("git") };
        let spec = Packed::spec(&Spec { root, versions: None }).unwrap();
        let module = Module { name: "git".into(), spec: Some(spec), script: None };
        let archive = dir.path().join("specs.qa");
        write(&archive, &Info::default(), vec![module]).unwrap();
        let mut qd = Command::new(env!("CARGO_BIN_EXE_qd"));
        qd.env_clear().env("HOME", dir.path()).env("PATH", "/usr/bin:/bin").env("Q_ARCHIVE", archive);
        qd.env("XDG_RUNTIME_DIR", dir.path().join("run")).stdin(Stdio::null());
        let daemon = qd.spawn().unwrap();
        let socket = dir.path().join("run/q/qd.sock");
        let stream = until("the daemon listens", || UnixStream::connect(&socket).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut user = User { dir, daemon, reader: BufReader::new(stream), generation: 0 };
        let cwd = user.at("cwd");
        user.say(&json!({"context": {"session": "1", "cwd": cwd, "env": {"PATH": "/usr/bin:/bin"}}}));
        user
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Writes a spec into the folder of the user's own.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.at(".config/q/specs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn say(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.reader.get_mut().write_all(line.as_bytes()).unwrap();
    }

    /// What the daemon says last to a message.
    fn ask(&mut self, message: &Value) -> Value {
        self.say(message);
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).unwrap() > 0, "the daemon has closed");
            let said: Value = serde_json::from_str(&line).unwrap();
            if said["answer"]["pending"] != true {
                return said;
            }
        }
    }

    /// What is offered at the end of a line, with a folder of specs for this question or none.
    fn names_in(&mut self, line: &str, spec_dir: &Path) -> Vec<String> {
        self.generation += 1;
        let request = json!({
            "generation": self.generation, "line": line, "cursor": line.len(), "wait": WAIT, "spec_dir": spec_dir,
        });
        let said = self.ask(&json!({"complete": request}));
        let rows = said["answer"]["candidates"].as_array().unwrap_or_else(|| panic!("{said}"));
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    }

    fn names(&mut self, line: &str) -> Vec<String> {
        self.names_in(line, Path::new(""))
    }

    /// Asks until this is offered: a folder is not looked at with every question.
    fn until_names(&mut self, line: &str, expected: &[&str]) {
        until(&format!("{line} offers {expected:?}"), || (self.names(line) == expected).then_some(()));
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Waits until there is something.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match look() {
            Some(found) => return found,
            None => assert!(Instant::now() < end, "waited in vain: {what}"),
        }
        sleep(Duration::from_millis(5));
    }
}

/// A spec in JavaScript whose argument is what a program says, as a function reads it.
const SCRIPT: &str = r#"
const rows = (out) => out.trim().split(",").map((name) => ({ name, description: "of a function" }));
const completionSpec = {
  name: ["tool", "t"],
  subcommands: [{ name: "say", args: { generators: { script: ["printf", "one,two"], postProcess: rows } } }],
};
export default completionSpec;
"#;

#[test]
fn own_specs_complete_and_come_before_the_archive() {
    let mut user = User::new();
    user.write("tool.js", SCRIPT);
    user.write("git.json", r#"{"name": "git", "subcommands": [{"name": "mine", "loadSpec": "git/mine"}]}"#);
    user.write("git/mine.json", r#"{"name": "mine", "options": [{"name": "--deep"}]}"#);
    let built = user.at(".fig/autocomplete/build");
    fs::create_dir_all(&built).unwrap();
    fs::write(
        built.join("old.js"),
        r#"var completionSpec = { name: "old", subcommands: [{ name: "built" }] };"#,
    )
    .unwrap();
    user.until_names("git ", &["mine"]);
    assert_eq!(user.names("tool "), ["say"]);
    assert_eq!(user.names("t say "), ["one", "two"], "the functions of a file run");
    assert_eq!(user.names("git mine -"), ["--deep"], "a file loads another");
    assert_eq!(user.names("old "), ["built"]);
    let parsed = user.ask(&json!({"parse": {"generation": 900, "line": "t s", "cursor": 3, "wait": WAIT}}));
    assert_eq!(
        (&parsed["parsed"]["expects"]["subcommands"], &parsed["parsed"]["query"]),
        (&json!(true), &json!("s"))
    );
    let why = user.ask(&json!({"why": {"generation": 901, "line": "t say ", "cursor": 6, "wait": WAIT}}));
    assert_eq!(why["why"]["answer"]["candidates"][1]["name"], "two");
    assert_eq!(why["why"]["sources"][0]["runs"][0]["argv"], json!(["printf", "one,two"]));
}

#[test]
fn a_file_that_changes_is_taken_up_and_one_that_breaks_is_not() {
    let mut user = User::new();
    let spec = |name: &str| format!(r#"{{"name": "git", "subcommands": [{{"name": "{name}"}}]}}"#);
    assert_eq!(user.names("git "), ["archived"]);
    let file = user.write("git.json", &spec("one"));
    user.until_names("git ", &["one"]);
    user.write("git.json", "{ broken");
    let error = until("the error is told", || {
        assert_eq!(user.names("git "), ["one"], "the version before holds");
        let list = user.ask(&json!({"list_specs": {"wait": WAIT}}));
        list["spec_list"]["specs"][0]["error"].as_str().map(str::to_owned)
    });
    assert!(error.starts_with("line 1, column 3: "), "{error}");
    user.write("git.json", &spec("two"));
    user.until_names("git ", &["two"]);
    fs::remove_file(file).unwrap();
    user.until_names("git ", &["archived"]);
}

#[test]
fn a_folder_counts_for_the_question_that_names_it() {
    let mut user = User::new();
    let folder = user.at("elsewhere");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("git.json"), r#"{"name": "git", "subcommands": [{"name": "elsewhere"}]}"#).unwrap();
    assert_eq!(user.names_in("git ", &folder), ["elsewhere"], "the first question has it");
    assert_eq!(user.names("git "), ["archived"]);
    let failed =
        user.ask(&json!({"complete": {"generation": 900, "line": "git ", "cursor": 4, "spec_dir": "x"}}));
    assert!(failed["failed"]["message"].as_str().unwrap().contains("absolute path"), "{failed}");
}

#[test]
fn what_hangs_or_harms_costs_only_itself() {
    let mut user = User::new();
    user.write("loop.js", "while (true) {}\nexport default { name: 'loop' };");
    user.write("bomb.js", "const all = []; for (;;) all.push(new Array(1e6).fill(1)); export default {};");
    user.write("fine.js", "export default { name: 'fine', subcommands: [{ name: 'row' }] };");
    let fifo = user.at(".config/q/specs/pipe.js");
    assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    assert_eq!(user.names("fine "), ["row"]);
    assert_eq!(user.names("git "), ["archived"]);
    let list = until("both are given up", || {
        let list = user.ask(&json!({"list_specs": {"wait": WAIT}}));
        let specs = list["spec_list"]["specs"].as_array().unwrap().clone();
        let failed = specs.iter().filter(|spec| !spec["error"].is_null()).count();
        (failed == 2).then_some(specs)
    });
    let names: Vec<&str> = list.iter().map(|spec| spec["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bomb", "fine", "git", "loop"], "a pipe is no spec");
}

#[test]
fn specs_are_listed_and_shown() {
    let mut user = User::new();
    let file = user.write("tool.js", SCRIPT);
    let list = user.ask(&json!({"list_specs": {"wait": WAIT}}));
    let tool = &list["spec_list"]["specs"][1];
    assert_eq!((&tool["name"], &tool["file"]), (&json!("tool"), &json!(file)));
    assert_eq!(tool["counts"], json!({"subcommands": 1, "options": 0}));
    assert_eq!(list["spec_list"]["specs"][0]["file"], Value::Null);
    let tree = user.ask(&json!({"show_spec": {"command": ["t", "say"], "depth": 1, "wait": WAIT}}));
    assert_eq!(
        (&tree["spec_tree"]["command"], &tree["spec_tree"]["file"]),
        (&json!(["tool", "say"]), &json!(file))
    );
    assert_eq!(tree["spec_tree"]["nodes"][0]["args"][0]["generators"], 1);
    for (command, message) in [
        (json!(["tol"]), "there is no spec for `tol`; is `tool` meant?"),
        (json!(["tool", "sya"]), "`tool` has no subcommand `sya`"),
        (json!([]), "no command is named"),
    ] {
        let failed = user.ask(&json!({"show_spec": {"command": command, "wait": WAIT}}));
        assert_eq!(failed["failed"]["message"], message);
    }
}

#[test]
fn what_is_wrong_with_a_spec_is_told_with_its_place() {
    let mut user = User::new();
    let mut check = |name: &str, text: &str| {
        let said = user.ask(&json!({"check_spec": {"name": name, "text": text}}));
        let problems = said["spec_problems"]["problems"].as_array().unwrap_or_else(|| panic!("{said}"));
        let line = |problem: &Value| format!("{}:{}", problem["line"], problem["path"].as_str().unwrap());
        problems.iter().map(line).collect::<Vec<_>>()
    };
    assert!(check("tool.js", SCRIPT).is_empty());
    assert!(check("a.json", r#"{"name": "a"}"#).is_empty());
    assert_eq!(check("a.json", "{\n\"name\": \"a\",\n\"option\": []\n}"), ["3:option"]);
    assert_eq!(check("a.json", "{\n\"name\":"), ["2:"]);
    assert_eq!(
        check("a.js", "export default {\n\n  name: 'a', args: { isOptionall: true } }"),
        ["3:args.isOptionall"]
    );
    assert_eq!(check("a.js", "export default {"), ["1:"]);
    assert_eq!(check("a.js", "for (;;) {}"), ["0:"]);
}
