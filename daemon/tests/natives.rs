//! What is answered natively has the names that the functions of the corpus would yield: both are asked in one project,
//! the functions with leave to run whatever they want. Needs the archive, as the cases do, and git, make and cargo.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use daemon::candidates::native;
use daemon::run::Runner;
use daemon::script::{Argument, Execute, Executed, Executing, Host, Modules, Request, Scripts};
use daemon::slow::Generated;
use protocol::Context;
use serde_json::{Value, json};
use specs::archive::Archive;
use specs::model::{Arg, Generator, Script, Subcommand};

/// No call of a test has to be as quick as one of a user.
const PATIENCE: Duration = Duration::from_secs(60);

fn archive() -> Archive {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = std::env::var_os("Q_ARCHIVE").map_or_else(|| root.join("target/q/specs.qa"), PathBuf::from);
    Archive::open(&path).unwrap_or_else(|error| {
        panic!("{error}: needs the spec archive; run `cargo specc build --out target/q/specs.qa` first")
    })
}

/// The functions of the archive.
struct Library(Archive);

impl Modules for Library {
    fn source(&self, module: &str) -> Option<String> {
        self.0.script(module).unwrap()
    }
}

/// Runs whatever a function asks for, in a project.
struct Anything(Project);

impl Host for Anything {
    fn execute(&self, wanted: Execute) -> Executing<'_> {
        let argv = [vec![wanted.command], wanted.args].concat();
        let output = self.0.run(&argv);
        Box::pin(async move {
            let stdout = String::from_utf8(output.stdout).unwrap().trim_matches('\n').to_owned();
            Ok(Executed { stdout, stderr: String::new(), status: output.status.code().unwrap_or(1) })
        })
    }
}

/// A folder with a bit of everything.
#[derive(Clone)]
struct Project {
    home: PathBuf,
}

impl Project {
    fn new(home: &Path) -> Project {
        let project = Project { home: home.to_owned() };
        for (name, text) in [
            ("Makefile", "all: one ## Everything\n\techo\none two:\n\techo\n.PHONY: all\nV := x:y\n"),
            ("notes", "first\n"),
            (
                "package.json",
                r#"{"scripts": {"build": "x", "a:b": "y"}, "dependencies": {"left": "1", "right": "1"},
                "devDependencies": {"dev": "1"}, "workspaces": ["packages/*"]}"#,
            ),
            (
                "Cargo.toml",
                "[workspace]\nmembers = ['member']\n[package]\nname = 'top'\nversion = '1.0.0'\nedition = '2021'\n[dependencies]\nmember = { path = 'member' }\n[features]\ndefault = ['x']\nx = []\n",
            ),
            ("src/main.rs", "fn main() {}"),
            ("src/bin/tool.rs", "fn main() {}"),
            ("examples/show.rs", "fn main() {}"),
            ("tests/it.rs", ""),
            (
                "member/Cargo.toml",
                "[package]\nname = 'member'\nversion = '0.2.0'\nedition = '2021'\n[[bin]]\nname = 'named'\npath = 'src/main.rs'\n",
            ),
            ("member/src/main.rs", "fn main() {}"),
            ("member/src/lib.rs", ""),
            ("../.ssh/config", "Host one\n  User x\nHost two.example.com\nInclude more\n"),
            ("../.ssh/more", "Host three\n"),
            ("../.ssh/known_hosts", "four.example.com ssh-rsa A\n"),
        ] {
            let path = project.folder().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let git = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let output = project.run(&[vec!["git".to_owned()], words].concat());
            assert!(output.status.success(), "git {line}: {output:?}");
        };
        git("init -q -b main");
        git("add Makefile package.json notes");
        git("-c user.name=u -c user.email=u@e commit -q -m first");
        git("branch topic/x");
        git("tag v1");
        git("tag v2");
        git("remote add origin https://example.com/x.git");
        git("update-ref refs/remotes/origin/far HEAD");
        fs::write(project.folder().join("notes"), "changed\n").unwrap();
        git("add src");
        project
    }

    fn folder(&self) -> PathBuf {
        self.home.join("project")
    }

    fn env(&self) -> BTreeMap<String, String> {
        let path = std::env::var("PATH").unwrap();
        let rust = |name: &str, folder: &str| {
            let home = || format!("{}/{folder}", std::env::var("HOME").unwrap_or_default());
            (name.to_owned(), std::env::var(name).unwrap_or_else(|_| home()))
        };
        let home = self.home.to_str().unwrap().to_owned();
        let tools = [rust("CARGO_HOME", ".cargo"), rust("RUSTUP_HOME", ".rustup")];
        [("PATH".to_owned(), path), ("HOME".to_owned(), home)].into_iter().chain(tools).collect()
    }

    fn run(&self, argv: &[String]) -> Output {
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).current_dir(self.folder()).env_clear().envs(self.env());
        command.output().unwrap()
    }
}

/// The generators of the place where a line ends, and the words of the line.
fn generators(archive: &Archive, line: &str) -> (Vec<Generator>, Vec<String>) {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let spec = archive.spec(&words[0]).unwrap().unwrap();
    let mut command: &Subcommand = &spec.root;
    let mut arg: Option<&Arg> = command.args.first();
    for word in &words[1..] {
        if let Some(sub) = command.subcommands.iter().find(|sub| sub.names.contains(word)) {
            (command, arg) = (sub, sub.args.first());
        } else if let Some(option) = command.options.iter().find(|option| option.names.contains(word)) {
            arg = option.args.first().or(arg);
        } else {
            panic!("{line:?}: {word:?} is not in the spec");
        }
    }
    (arg.map(|arg| arg.generators.clone()).unwrap_or_default(), words)
}

struct Bench {
    archive: Archive,
    scripts: Scripts,
    project: Project,
}

impl Bench {
    /// The generators at the end of a line that are answered natively.
    fn generated(&self, line: &str) -> Vec<Generated> {
        let (generators, words) = generators(&self.archive, line);
        let command = &words[0];
        let generated = |generator| {
            let (command, words) = (command.clone(), words.clone());
            Generated { command, generator, words, ..Generated::default() }
        };
        let all: Vec<Generated> = generators.into_iter().map(generated).collect();
        let natively: Vec<Generated> =
            all.into_iter().filter(|generated| native::of(generated).is_some()).collect();
        assert!(!natively.is_empty(), "{line:?} is not answered natively");
        natively
    }

    /// What the native source says.
    async fn native(&self, generated: &Generated) -> BTreeSet<String> {
        let native = native::of(generated).unwrap();
        let cwd = self.project.folder().to_str().unwrap().to_owned();
        let context = Context { cwd, env: self.project.env(), ..Context::default() };
        let rows = native::rows(&native, &Runner::default(), Arc::new(context)).await;
        rows.into_iter().map(|row| row.names[0].clone()).collect()
    }

    /// What the functions of the corpus say.
    async fn corpus(&self, generated: &Generated) -> BTreeSet<String> {
        let tokens = json!([generated.words.clone(), vec![String::new()]].concat());
        let generator = &generated.generator;
        let value = match (&generator.custom, &generator.post_process) {
            (Some(custom), _) => {
                let context = json!({
                    "currentWorkingDirectory": self.project.folder(), "searchTerm": "", "isDangerous": false,
                    "environmentVariables": self.project.env(),
                });
                let arguments =
                    vec![Argument::Json(tokens), Argument::ExecuteCommand, Argument::Json(context)];
                self.call(custom, arguments).await
            }
            (None, Some(post)) => {
                let argv = match generator.script.as_ref().unwrap() {
                    Script::Argv(argv) | Script::Command { argv, .. } => argv.clone(),
                    Script::Function(function) => {
                        let said = self.call(function, vec![Argument::Json(tokens.clone())]).await;
                        serde_json::from_value(said).unwrap()
                    }
                };
                let output = self.project.run(&argv);
                let text = String::from_utf8(output.stdout).unwrap();
                let text = text.trim_matches('\n');
                self.call(post, vec![Argument::Json(json!(text)), Argument::Json(tokens)]).await
            }
            _ => panic!("no function"),
        };
        let rows = value.as_array().unwrap().iter();
        rows.filter_map(|row| row["name"].as_str())
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }

    async fn call(&self, function: &specs::model::FnRef, arguments: Vec<Argument>) -> Value {
        let host = Arc::new(Anything(self.project.clone()));
        let request = Request { function: function.clone(), arguments, host, limit: PATIENCE };
        self.scripts.call(request).await.unwrap()
    }
}

fn bench(home: &Path) -> Bench {
    let scripts = Scripts::new(env!("CARGO_BIN_EXE_qd").into(), Arc::new(Library(archive())));
    Bench { archive: archive(), scripts, project: Project::new(home) }
}

/// Lines at whose end generators are answered natively.
const SAME: &[&str] = &[
    "git checkout",
    "git branch -d",
    "git tag",
    "git push",
    "git commit --fixup",
    "git add",
    "git restore",
    "npm run",
    "npm uninstall",
    "npm run -w",
    "yarn run",
    "yarn remove",
    "pnpm run",
    "pnpm remove",
    "bun run",
    "cargo build -p",
    "cargo run --bin",
    "cargo run --example",
    "cargo test --test",
    "cargo build --features",
    "cargo remove",
    "cargo tree -i",
    "cargo build --target",
    "ssh",
    "scp",
    "rsync",
    "login",
    "make",
    "kill -s",
];

#[tokio::test]
async fn the_names_are_those_of_the_corpus() {
    let home = tempfile::tempdir().unwrap();
    let bench = bench(home.path());
    for line in SAME {
        for generated in bench.generated(line) {
            let (mut native, mut corpus) = (bench.native(&generated).await, bench.corpus(&generated).await);
            assert!(!native.is_empty(), "{line:?} has no rows");
            // Which folders the corpus has a pattern for depends on the order of the files; here on their number.
            native.retain(|name| !name.ends_with("/*"));
            corpus.retain(|name| !name.ends_with("/*"));
            assert_eq!(native, corpus, "{line:?}: {:?}", generated.generator);
        }
    }
}

#[tokio::test]
async fn where_the_corpus_is_wrong_it_is_departed_from() {
    let home = tempfile::tempdir().unwrap();
    let bench = bench(home.path());
    // A branch of a remote is compared with and merged by its whole name: without the remote's it is no branch.
    for line in ["git merge", "git diff", "git diff --staged"] {
        let (mut native, mut corpus) = (BTreeSet::new(), BTreeSet::new());
        for generated in bench.generated(line) {
            native.extend(bench.native(&generated).await);
            corpus.extend(bench.corpus(&generated).await);
        }
        assert_eq!(Vec::from_iter(&native - &corpus), ["origin/far"], "{line:?}: {native:?}");
        assert_eq!(Vec::from_iter(&corpus - &native), ["far"], "{line:?}: {corpus:?}");
    }
    // A stash is named as git takes it; the corpus names it by what it says, which is its description here.
    bench.project.run(&["git", "-c", "user.name=u", "-c", "user.email=u@e", "stash"].map(str::to_owned));
    let generated = &bench.generated("git stash pop")[0];
    assert_eq!(Vec::from_iter(bench.native(generated).await), ["stash@{0}"]);
    assert!(bench.corpus(generated).await.iter().all(|name| name.contains("first")));
}
