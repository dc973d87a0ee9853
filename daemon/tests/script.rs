//! Functions of specs in the real worker process: what they are given, what comes of them, and what they cannot do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daemon::script::{Argument, Error, Execute, Executed, Executing, Host, Modules, Request, Scripts};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use specs::model::{FnRef, LoadSpec};
use tokio::sync::{Barrier, Notify};

/// No call of a test has to be as quick as one of a user.
const PATIENCE: Duration = Duration::from_secs(60);

/// Modules by name.
struct Library(BTreeMap<&'static str, &'static str>);

impl Modules for Library {
    fn source(&self, module: &str) -> Option<String> {
        self.0.get(module).map(|source| (*source).to_owned())
    }
}

fn scripts(modules: &[(&'static str, &'static str)]) -> Scripts {
    Scripts::new(env!("CARGO_BIN_EXE_qd").into(), Arc::new(Library(modules.iter().copied().collect())))
}

/// Prints the program's name and arguments, or fails when its name is `false`.
struct Echo;

impl Host for Echo {
    fn execute(&self, command: Execute) -> Executing<'_> {
        Box::pin(async move {
            if command.command == "false" {
                return Err("it does not start".to_owned());
            }
            let stdout = format!("{} {}", command.command, command.args.join(" "));
            Ok(Executed { stdout, stderr: "!".into(), status: 3 })
        })
    }
}

fn place(module: &str, path: &str) -> FnRef {
    FnRef { module: module.to_owned(), path: path.split('.').map(str::to_owned).collect() }
}

fn request(module: &str, path: &str, arguments: Vec<Argument>) -> Request {
    Request { function: place(module, path), arguments, host: Arc::new(Echo), limit: PATIENCE }
}

/// What the default export of a module returns when it is called with `executeCommand`.
async fn result(source: &'static str) -> Result<Value, Error> {
    let scripts = scripts(&[("m", source)]);
    scripts.call(request("m", "f", vec![Argument::ExecuteCommand])).await
}

#[tokio::test]
async fn functions_answer() {
    for (function, expected) in [
        ("() => 7", json!(7)),
        ("() => undefined", json!(null)),
        ("() => [{ name: 'a', gone: undefined, also: () => 1 }]", json!([{ "name": "a" }])),
        ("async () => 'later'", json!("later")),
        ("() => ({ then: (done) => done(1) })", json!(1)),
        ("function () { return this.n }", json!("n")),
        ("() => 'half \\ud83e'", json!("half \u{fffd}")),
        ("() => 'back \\\\ud83e'", json!("back \\ud83e")),
        ("async (run) => (await run({ command: 'a', args: ['b', 1] })).stdout", json!("a b 1")),
        ("async (run) => (await run('a | b')).stdout", json!("sh -c a | b")),
        (
            "async (run) => { const { stderr, status } = await run({ command: 'a' }); return stderr + status }",
            json!("!3"),
        ),
        ("(run) => run({ command: 'false' }).catch((error) => error.message)", json!("it does not start")),
        ("(run) => run({}).catch(() => 'refused')", json!("refused")),
        ("(run) => run().catch(() => 'refused')", json!("refused")),
        ("() => new Promise((done) => setTimeout(done, 1, 'timed'))", json!("timed")),
        (
            "() => new Promise((done) => { clearTimeout(setTimeout(done, 1, 'no')); setTimeout(done, 9, 'yes') })",
            json!("yes"),
        ),
        (
            "() => [typeof process, typeof fig, typeof require, typeof Atomics, typeof console.log]",
            json!(["undefined", "undefined", "undefined", "undefined", "function"]),
        ),
        ("() => new Intl.NumberFormat('en').format(1234567.5)", json!("1,234,567.5")),
        (
            "() => [0, 9.96, 999, 1234567, 12345, 999999, 1e15].map((number) => Intl.NumberFormat('en', { notation: 'compact' }).format(number))",
            json!(["0", "10", "999", "1.2M", "12K", "1M", "1000T"]),
        ),
        (
            "() => [9, 1234, 12345, 123456, 999999].map((number) => new Intl.NumberFormat(void 0, { notation: 'compact', maximumSignificantDigits: 3 }).format(number))",
            json!(["9", "1.23K", "12.3K", "123K", "1M"]),
        ),
        ("() => Array.from({ length: 1e4 }, (_, place) => place).length", json!(10_000)),
    ] {
        let source: &'static str = format!("export default {{ n: 'n', f: {function} }}").leak();
        assert_eq!(result(source).await, Ok(expected), "{function}");
    }
}

/// Whether the functions of two modules still answer.
async fn still_answers(scripts: &Scripts) -> bool {
    let same = scripts.call(request("m", "ok", vec![])).await;
    let other = scripts.call(request("other", "ok", vec![])).await;
    same == Ok(json!("fine")) && other == Ok(json!("fine"))
}

#[tokio::test]
async fn what_goes_beyond_a_limit_costs_itself_alone() {
    let time = || Err(Error::Limit("time"));
    let memory = || Err(Error::Limit("memory"));
    let stack = || Err(Error::Limit("stack"));
    let size = || Err(Error::Limit("the size of the answer"));
    let mut wrong = Vec::new();
    let never = || Err(Error::Limit("its promise can never be settled"));
    for (function, expected) in [
        ("() => { for (;;) {} }", time()),
        ("() => { for (;;) try { for (;;) {} } catch {} }", time()),
        ("() => { for (;;) try { for (;;) {} } finally { continue } }", time()),
        ("() => /(a*)*b/.test('a'.repeat(64))", time()),
        ("() => ({ get a() { for (;;) {} } })", time()),
        ("() => ({ toJSON() { for (;;) {} } })", time()),
        ("() => ({ get then() { for (;;) {} } })", time()),
        ("() => [3, 1, 2].sort(() => { for (;;) {} })", time()),
        ("() => { throw { toString() { for (;;) {} } } }", time()),
        ("() => new Proxy([], { get() { for (;;) {} } })", time()),
        ("() => [...(function* () { for (;;) yield new Uint8Array(2 ** 20) })()].length", memory()),
        ("async () => { for (;;) await 0 }", time()),
        ("async () => { await 0; for (;;) {} }", time()),
        ("() => new Promise(() => { (function again() { Promise.resolve().then(again) })() })", time()),
        ("() => new Promise(() => setTimeout(() => { for (;;) {} }))", time()),
        (
            "async (run) => { for (;;) { await run({ command: 'a' }); for (const end = Date.now() + 60; Date.now() < end;); } }",
            time(),
        ),
        ("() => [].includes.call({ length: 2 ** 53 - 1 }, 1)", time()),
        // Where QuickJS does not look at the clock, the system does.
        ("() => 'a'.repeat(2 ** 23).indexOf('a'.repeat(2 ** 22) + 'b')", time()),
        ("() => { const all = []; for (;;) all.push(Array(9999).fill(1)) }", memory()),
        ("() => { let all = 'a'; for (;;) all = [all + all].join() }", memory()),
        ("() => new Uint8Array(2 ** 30).length", memory()),
        ("async (run) => { await run({ command: 'a' }); return new Uint8Array(2 ** 30).length }", memory()),
        ("() => { const again = () => again() + 1; return again() }", stack()),
        ("() => { let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; return deep }", stack()),
        (
            "() => { let deep = []; for (let i = 0; i < 300; i++) deep = [deep]; return deep }",
            Err(Error::Limit("the depth of the answer")),
        ),
        ("() => 'a'.repeat(2 ** 21)", size()),
        ("() => Array(5000).fill('a'.repeat(300))", size()),
        ("() => new Promise(() => {})", never()),
        ("() => { throw new TypeError('so') }", Err(Error::Threw("so".into()))),
        ("async () => { throw 'so' }", Err(Error::Threw("so".into()))),
        ("() => { throw undefined }", Err(Error::Threw("undefined".into()))),
        ("() => { throw Symbol('so') }", Err(Error::Threw("a value".into()))),
        (
            "() => { const circle = {}; circle.circle = circle; return circle }",
            Err(Error::Threw("circular reference".into())),
        ),
        ("() => 10n", Err(Error::Threw("BigInt are forbidden in JSON.stringify".into()))),
        ("7", Err(Error::Missing)),
    ] {
        let source: &'static str = format!("export default {{ f: {function}, ok: () => 'fine' }}").leak();
        let program = Program::worker();
        let scripts =
            program.scripts(&[("m", source), ("other", "export default { ok: async () => 'fine' }")]);
        let before = still_answers(&scripts).await;
        let worker = program.pid();
        let answer = scripts.call(request("m", "f", vec![Argument::ExecuteCommand])).await;
        let after = still_answers(&scripts).await;
        if (before, &answer, after) != (true, &expected, true) {
            wrong.push(format!("{function}: {before} {answer:?} {after}"));
        }
        // The worker survives all but what it cannot interrupt.
        if (worker == program.pid()) == function.contains("indexOf") {
            wrong.push(format!("{function}: another worker"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn of_a_million_rows_the_first_are_kept() {
    let answer =
        result("export default { f: () => Array.from({ length: 20000 }, (_, n) => n) }").await.unwrap();
    let rows = answer.as_array().unwrap();
    assert_eq!((rows.len(), &rows[4999]), (5000, &json!(4999)));
}

#[tokio::test]
async fn what_is_not_there_is_missing() {
    let scripts = scripts(&[("m", "export default { a: 7 }; export const b = () => 'exported'")]);
    for (module, path) in [
        ("m", "a"),
        ("m", "a.b.c"),
        ("m", "x"),
        ("m", "*"),
        ("m", "*.c"),
        ("m", "#.1.a"),
        ("no", "a"),
        ("\0", "a"),
    ] {
        assert_eq!(scripts.call(request(module, path, vec![])).await, Err(Error::Missing), "{module} {path}");
    }
    assert_eq!(scripts.call(request("m", "*.b", vec![])).await, Ok(json!("exported")));
}

#[tokio::test]
async fn a_module_that_does_not_evaluate_says_why() {
    for (source, expected) in [
        ("export default {", "invalid property name"),
        ("throw new Error('no')", "no"),
        ("import x from 'fs'", "could not load module 'fs'"),
        ("await new Promise(() => {})", "dead lock"),
    ] {
        let Err(Error::Threw(what)) = result(source).await else { panic!("{source} evaluates") };
        assert!(what.to_lowercase().contains(expected), "{source}: {what}");
    }
    assert_eq!(result("for (;;) {}").await, Err(Error::Limit("time")));
}

#[tokio::test]
async fn the_third_strike_bars_a_function_until_its_module_changes() {
    let scripts =
        scripts(&[("m", "export default { f() { for (;;) {} }, g() { throw 1 }, ok: () => 'fine' }")]);
    let call = async |name: &str| scripts.call(request("m", name, vec![])).await;
    for _ in 0..3 {
        assert_eq!(call("f").await, Err(Error::Limit("time")));
        assert_eq!(call("g").await, Err(Error::Threw("1".into())));
    }
    assert_eq!(call("f").await, Err(Error::Barred));
    assert_eq!(call("g").await, Err(Error::Threw("1".into())), "throwing is no strike");
    assert_eq!(call("ok").await, Ok(json!("fine")), "the module is not barred");
    scripts.compile("m", "export default { f: () => 'better' }").await.unwrap();
    assert_eq!(call("f").await, Ok(json!("better")));
    scripts.forget("m");
    assert_eq!(call("f").await, Err(Error::Limit("time")), "the source is the first one again");
}

#[tokio::test]
async fn modules_do_not_see_each_other() {
    let scripts = scripts(&[
        (
            "a",
            "globalThis.left = 1; Array.prototype.left = 2; JSON.parse = null; export default { f: () => globalThis.left }",
        ),
        ("b", "export default { f: () => [typeof left, typeof [].left, typeof JSON.parse] }"),
    ]);
    assert_eq!(scripts.call(request("a", "f", vec![])).await, Ok(json!(1)));
    let seen = scripts.call(request("b", "f", vec![Argument::Json(json!(1))])).await;
    assert_eq!(seen, Ok(json!(["undefined", "undefined", "function"])));
}

/// Answers when so many programs run at a time.
struct Together(Barrier);

impl Host for Together {
    fn execute(&self, command: Execute) -> Executing<'_> {
        Box::pin(async move {
            self.0.wait().await;
            Ok(Executed { stdout: command.command, ..Executed::default() })
        })
    }
}

/// Runs a program that is named by its argument.
const RUNS: &str = "export default { f: async (name, run) => (await run({ command: name })).stdout, \
    both: async (run) => (await Promise.all(['a', 'b'].map((command) => run({ command })))).map((ran) => ran.stdout) }";

fn with(host: Arc<dyn Host>, module: &str, path: &str, name: &str) -> Request {
    let arguments = vec![Argument::Json(json!(name)), Argument::ExecuteCommand];
    Request { host, ..request(module, path, arguments) }
}

#[tokio::test]
async fn calls_that_wait_for_programs_do_not_wait_for_each_other() {
    let scripts = scripts(&[("m", RUNS), ("n", RUNS)]);
    let host: Arc<dyn Host> = Arc::new(Together(Barrier::new(6)));
    let call = |module, name| scripts.call(with(Arc::clone(&host), module, "f", name));
    let both = Request { host: Arc::clone(&host), ..request("m", "both", vec![Argument::ExecuteCommand]) };
    let all =
        tokio::join!(call("m", "1"), call("m", "2"), call("n", "3"), call("n", "4"), scripts.call(both));
    let answers = [all.0, all.1, all.2, all.3, all.4].map(Result::unwrap);
    assert_eq!(answers, [json!("1"), json!("2"), json!("3"), json!("4"), json!(["a", "b"])]);
}

#[tokio::test]
async fn more_calls_than_there_may_be_wait_for_their_turn() {
    let scripts = Arc::new(scripts(&[("m", RUNS)]));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..100 {
        let scripts = Arc::clone(&scripts);
        calls.spawn(async move { scripts.call(with(Arc::new(Echo), "m", "f", &number.to_string())).await });
    }
    let answers = calls.join_all().await;
    let right = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|text| text.is_string()));
    assert_eq!(right.count(), 100);
}

/// Runs no program to its end, and sees when it is dropped.
#[derive(Default)]
struct Hangs {
    started: Notify,
    running: AtomicUsize,
}

impl Host for Hangs {
    fn execute(&self, _: Execute) -> Executing<'_> {
        struct Running<'h>(&'h AtomicUsize);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(&self.running);
        Box::pin(async move {
            let _running = running;
            self.started.notify_one();
            std::future::pending().await
        })
    }
}

/// Waits until nothing runs.
async fn nothing_runs(host: &Hangs) {
    let wait = async {
        while host.running.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("its program is dropped with the call");
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_forgotten_with_its_programs() {
    // It keeps the promise, as modules may.
    let source = "let kept; export default { f: (name, run) => kept ??= run({ command: name }).then((ran) => ran.stdout) }";
    let scripts = scripts(&[("m", source)]);
    let host = Arc::new(Hangs::default());
    {
        let call = scripts.call(with(Arc::clone(&host) as Arc<dyn Host>, "m", "f", "a"));
        tokio::select! {
            _ = call => panic!("it cannot end"),
            () = host.started.notified() => {}
        }
    }
    nothing_runs(&host).await;
    assert_eq!(scripts.call(with(Arc::new(Echo), "m", "f", "b")).await, Ok(json!("b ")));
}

#[tokio::test]
async fn a_call_ends_when_its_time_is_over() {
    let scripts = scripts(&[("m", RUNS)]);
    let host = Arc::new(Hangs::default());
    for _ in 0..4 {
        let shared = Arc::clone(&host) as Arc<dyn Host>;
        let request = Request { limit: Duration::from_millis(50), ..with(shared, "m", "f", "a") };
        assert_eq!(scripts.call(request).await, Err(Error::Limit("time")), "slow programs bar no function");
    }
    nothing_runs(&host).await;
    assert_eq!(scripts.call(with(Arc::new(Echo), "m", "f", "b")).await, Ok(json!("b ")));
}

/// Lets the first program wait until it is told, and the others run.
#[derive(Default)]
struct First {
    started: Notify,
    go: Notify,
    programs: Mutex<Vec<String>>,
}

impl Host for First {
    fn execute(&self, command: Execute) -> Executing<'_> {
        Box::pin(async move {
            let first = {
                let mut programs = self.programs.lock().unwrap();
                programs.push(command.command.clone());
                programs.len() == 1
            };
            if first {
                self.started.notify_one();
                self.go.notified().await;
            }
            Ok(Executed { stdout: command.command, ..Executed::default() })
        })
    }
}

#[tokio::test]
async fn who_is_lost_because_of_another_begins_again() {
    // The first breaks the world of the module, the second the whole process.
    for guilty in ["() => { for (;;) {} }", "() => 'a'.repeat(2 ** 23).indexOf('a'.repeat(2 ** 22) + 'b')"] {
        let source: &'static str =
            format!("export default {{ bad: {guilty}, f: async (name, run) => (await run({{ command: name }})).stdout }}")
                .leak();
        let scripts = scripts(&[("m", source)]);
        let host = Arc::new(First::default());
        let innocent = scripts.call(with(Arc::clone(&host) as Arc<dyn Host>, "m", "f", "a"));
        let bad = async {
            host.started.notified().await;
            let answer = scripts.call(request("m", "bad", vec![])).await;
            host.go.notify_one();
            answer
        };
        let (innocent, bad) = tokio::join!(innocent, bad);
        assert_eq!((innocent, bad), (Ok(json!("a")), Err(Error::Limit("time"))), "{guilty}");
        assert_eq!(*host.programs.lock().unwrap(), ["a", "a"], "{guilty}");
    }
}

/// A program in a directory of its own.
struct Program {
    dir: tempfile::TempDir,
}

impl Program {
    fn new(script: &str) -> Program {
        let dir = tempfile::tempdir().unwrap();
        let program = Program { dir };
        fs::write(program.at("worker"), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(program.at("worker"), fs::Permissions::from_mode(0o700)).unwrap();
        program
    }

    /// The worker, which says its process number in a file first.
    fn worker() -> Program {
        Program::new(&format!("echo $$ > \"${{0%/*}}\"/pid\nexec {} \"$@\"", env!("CARGO_BIN_EXE_qd")))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn scripts(&self, modules: &[(&'static str, &'static str)]) -> Scripts {
        Scripts::new(self.at("worker"), Arc::new(Library(modules.iter().copied().collect())))
    }

    fn pid(&self) -> i32 {
        fs::read_to_string(self.at("pid")).unwrap().trim().parse().unwrap()
    }
}

/// Kills the worker in the middle of a call.
struct Kills(Arc<Program>);

impl Host for Kills {
    fn execute(&self, _: Execute) -> Executing<'_> {
        kill(Pid::from_raw(self.0.pid()), Signal::SIGKILL).unwrap();
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_worker_that_is_killed_is_started_again() {
    let program = Arc::new(Program::worker());
    let scripts = program.scripts(&[("m", RUNS)]);
    for _ in 0..2 {
        let killed = scripts.call(with(Arc::new(Kills(Arc::clone(&program))), "m", "f", "a")).await;
        assert_eq!(killed, Err(Error::Gone));
        assert_eq!(scripts.call(with(Arc::new(Echo), "m", "f", "a")).await, Ok(json!("a ")));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_is_confined() {
    let program = Program::worker();
    let scripts = program.scripts(&[("m", "export default { f: () => 1 }")]);
    scripts.call(request("m", "f", vec![])).await.unwrap();
    let read = |file: &str| fs::read(format!("/proc/{}/{file}", program.pid())).unwrap();
    let text = |file: &str| String::from_utf8(read(file)).unwrap();
    let environment = String::from_utf8(read("environ")).unwrap();
    // What the shell of this test sets by itself is not of the daemon's environment.
    let inherited = environment.split('\0').find(|variable| {
        !variable.is_empty()
            && !["PWD=", "_=", "OLDPWD=", "SHLVL="].iter().any(|own| variable.starts_with(own))
    });
    assert_eq!(inherited, None);
    let limits = text("limits");
    for limit in ["Max core file size 0 0", "Max file size 0 0", "Max processes 0 0", "Max open files 8 8"] {
        let found = limits
            .lines()
            .any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(limit));
        assert!(found, "{limit}: {limits}");
    }
    let stat = text("stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    assert_eq!(fields[3], program.pid().to_string(), "it leads a session of its own");
    assert_eq!(fs::read_link(format!("/proc/{}/cwd", program.pid())).unwrap(), PathBuf::from("/"));
}

#[tokio::test]
async fn programs_that_are_no_worker_do_no_harm() {
    for script in [
        "exit 1",
        "echo garbage; exec sleep 600",
        // A frame of four gigabytes.
        "printf '\\001\\377\\377\\377\\377'; exec sleep 600",
        "exec cat /dev/zero",
        "kill -9 $$",
    ] {
        let program = Program::new(script);
        let scripts = program.scripts(&[("m", "export default { f: () => 1 }")]);
        for _ in 0..2 {
            assert_eq!(scripts.call(request("m", "f", vec![])).await, Err(Error::Gone), "{script}");
        }
    }
    let missing = Scripts::new("/nonexistent".into(), Arc::new(Library(BTreeMap::new())));
    assert_eq!(missing.call(request("m", "f", vec![])).await, Err(Error::Gone));
}

#[tokio::test]
async fn a_worker_that_says_nothing_is_not_waited_for() {
    let program = Program::new("echo $$ > \"${0%/*}\"/pid; exec sleep 600");
    let scripts = program.scripts(&[("m", "export default { f: () => 1 }")]);
    let call = || scripts.call(Request { limit: Duration::from_millis(50), ..request("m", "f", vec![]) });
    assert_eq!(call().await, Err(Error::Limit("time")));
    let first = program.pid();
    // It is given up a while after it has not let go of the call.
    let replaced = async {
        while program.pid() == first {
            let _ = call().await;
        }
    };
    tokio::time::timeout(PATIENCE, replaced).await.expect("another worker is started");
}

#[tokio::test]
async fn starts_are_bounded() {
    let program = Program::new("echo x >> \"${0%/*}\"/starts; exit 1");
    let scripts = program.scripts(&[("m", "export default { f: () => 1 }")]);
    for _ in 0..40 {
        let _ = scripts.call(request("m", "f", vec![])).await;
    }
    assert_eq!(fs::read_to_string(program.at("starts")).unwrap().lines().count(), 12);
}

#[tokio::test]
async fn a_generated_tree_has_functions_that_can_be_called() {
    let source = "let count = 0; export default {
        async generateSpec(words, run) {
            const { stdout } = await run({ command: words[0] });
            const made = `${stdout}${count += 1}`;
            return { name: made, subcommands: [{ name: 'sub', args: { name: 'a', generators: { custom: async () => [made] } } }] };
        },
        none: () => null,
        plain: () => ({ name: 'plain' }),
    }";
    let program = Arc::new(Program::worker());
    let scripts = program.scripts(&[("m", source)]);
    let tree = async |path: &str| {
        let arguments = vec![Argument::Json(json!(["w"])), Argument::ExecuteCommand];
        scripts.tree(request("m", path, arguments)).await.unwrap()
    };
    assert_eq!(tree("none").await, None);
    assert_eq!(tree("plain").await.unwrap().names, ["plain"]);
    let first = tree("generateSpec").await.unwrap();
    let second = tree("generateSpec").await.unwrap();
    let custom =
        |tree: &specs::model::Subcommand| tree.subcommands[0].args[0].generators[0].custom.clone().unwrap();
    let call =
        async |tree| scripts.call(Request { function: custom(tree), ..request("m", "", vec![]) }).await;
    assert_eq!((first.names[0].as_str(), second.names[0].as_str()), ("w 1", "w 2"));
    assert_eq!(call(&second).await, Ok(json!(["w 2"])));
    assert_eq!(call(&first).await, Ok(json!(["w 1"])));
    // A new worker does not have them: the function is called again to make them.
    kill(Pid::from_raw(program.pid()), Signal::SIGKILL).unwrap();
    assert_eq!(call(&second).await, Ok(json!(["w 1"])));
    let unknown = FnRef { path: vec!["#".into(), "999999".into(), "f".into()], ..custom(&first) };
    let answer = scripts.call(Request { function: unknown, ..request("m", "", vec![]) }).await;
    assert_eq!(answer, Err(Error::Missing));
}

#[tokio::test]
async fn a_tree_without_end_is_refused() {
    for tree in [
        "{ name: 'x', get subcommands() { return [this] } }",
        "{ name: 'x', subcommands: Array(300000).fill('x') }",
        "{ name: 'x', subcommands: Array(100).fill('x'.repeat(100000)) }",
    ] {
        let source: &'static str = format!("export default {{ f: () => ({tree}) }}").leak();
        let answer = scripts(&[("m", source)]).tree(request("m", "f", vec![])).await;
        assert_eq!(answer, Err(Error::Limit("the size of the answer")), "{tree}");
    }
}

#[tokio::test]
async fn a_function_says_where_a_tree_is() {
    let module = |name: &str| Some(LoadSpec::Module(name.to_owned()));
    for (value, expected) in [
        ("'aws/s3'", module("aws/s3")),
        ("({ type: 'global', name: 'git' })", module("git")),
        ("[{ type: 'local', name: 'x' }, { type: 'global', name: 'git' }]", module("git")),
        ("({ versionedSpecPath: 'az/2.53.0', version: '2.54.0' })", module("az/2.53.0")),
        ("''", None),
        ("({ type: 'local', name: 'x', path: '/' })", None),
        ("null", None),
        ("[]", None),
    ] {
        let source: &'static str = format!("export default {{ f: async () => {value} }}").leak();
        let answer = scripts(&[("m", source)]).load(request("m", "f", vec![])).await;
        assert_eq!(answer, Ok(expected), "{value}");
    }
    let source =
        "export default { f: () => ({ name: 'x', args: { generators: { custom: () => ['row'] } } }) }";
    let scripts = scripts(&[("m", source)]);
    let Some(LoadSpec::Inline(tree)) = scripts.load(request("m", "f", vec![])).await.unwrap() else {
        panic!("the spec is in the answer");
    };
    let function = tree.args[0].generators[0].custom.clone().unwrap();
    let row = scripts.call(Request { function, ..request("m", "", vec![]) }).await;
    assert_eq!(row, Ok(json!(["row"])));
}

#[tokio::test]
async fn a_spec_of_the_users_own_is_compiled() {
    let scripts = scripts(&[]);
    for (source, name) in [
        ("export default { name: 'own', args: { generators: { custom: () => ['row'] } } }", "own"),
        ("export default { args: { generators: { custom: () => ['row'] } } }", "tool"),
        ("var completionSpec = { name: 'old', args: { generators: { custom: () => ['row'] } } };", "old"),
        (
            "module.exports = { name: 'older', args: { generators: { custom: () => ['row'] } } } // it exports",
            "older",
        ),
        (
            "module.exports = { default: { name: 'oldest', args: { generators: { custom: () => ['row'] } } } }",
            "oldest",
        ),
        (
            "const completionSpec = { name: 'new', args: { generators: { custom: () => ['row'] } } };export{completionSpec as default}",
            "new",
        ),
    ] {
        let spec = scripts.compile("own:1:tool", source).await.unwrap();
        assert_eq!(spec.root.names, [name], "{source}");
        let function = spec.root.args[0].generators[0].custom.clone().unwrap();
        let rows = scripts.call(Request { function, ..request("", "", vec![]) }).await;
        assert_eq!(rows, Ok(json!(["row"])), "{source}");
    }
    let spec = scripts.compile("tool", " { \"name\": \"json\" }").await.unwrap();
    assert_eq!(spec.root.names, ["json"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_spec_is_said_where_it_is() {
    let scripts = scripts(&[]);
    for (source, expected) in [
        ("export default {\n  name: 'x',\n  options: [,\n", "4:1: : unexpected token in expression: ''"),
        ("export default {\n  name: 'x'\n  args: 1\n}", "3:3: : Unexpected identifier 'args'"),
        ("const x = 1;\n\n  missing();\nexport default {}", "3:3: : missing is not defined"),
        ("import x from 'fs';\nexport default {}", "0:0: : could not load module 'fs'"),
        ("export const x = 1", "0:0: : a spec must be an object"),
        ("export default () => ({})", "0:0: : a spec must be an object here, not a function"),
        (
            "export default { name: 'x', optoins: [{ name: 1 }], options: [{ name: 1 }] }",
            "0:0: optoins: a subcommand has no property optoins; is options meant?\n0:0: options[0].name: a name must be a string",
        ),
        (
            "{\n  \"name\": \"x\",\n  \"args\": { \"template\": \"filepath\" }\n}",
            "3:13: args.template: filepath is none that is known; is filepaths meant?",
        ),
        ("export default { name: 'x' }", ""),
    ] {
        let checked = scripts.check("x", source).await.unwrap();
        let lines: Vec<String> = checked
            .problems
            .iter()
            .map(|problem| format!("{}:{}: {}: {}", problem.line, problem.column, problem.path, problem.what))
            .collect();
        assert_eq!(lines.join("\n"), expected, "{source}");
    }
    assert_eq!(
        scripts.compile("x", "export default 7").await,
        Err(Error::Threw("a spec must be an object".into()))
    );
    assert_eq!(
        scripts.compile("x", "export\ndefault }").await,
        Err(Error::Threw("unexpected token in expression: '}' (line 2, column 9)".into()))
    );
    assert_eq!(scripts.compile("x", "for (;;) {}").await, Err(Error::Limit("time")));
}

#[tokio::test]
async fn who_waits_for_the_promise_of_a_call_that_is_cancelled_begins_again() {
    let source = "let kept; export default { f: (name, run) => kept ??= run({ command: name }).then((ran) => ran.stdout) }";
    let scripts = scripts(&[("m", source)]);
    let hangs = Arc::new(Hangs::default());
    let waits = scripts.call(with(Arc::new(Echo), "m", "f", "b"));
    let cancelled = async {
        let call = scripts.call(with(Arc::clone(&hangs) as Arc<dyn Host>, "m", "f", "a"));
        tokio::pin!(call);
        tokio::select! {
            _ = &mut call => panic!("it cannot end"),
            () = hangs.started.notified() => {}
        }
        // The other one is on its way before this one is dropped: a later call of the same worker has been answered.
        let later = scripts.call(request("m", "none", vec![]));
        tokio::select! {
            _ = call => panic!("it cannot end"),
            later = later => assert_eq!(later, Err(Error::Missing)),
        }
    };
    let (waits, ()) = tokio::join!(
        async {
            hangs.started.notified().await;
            hangs.started.notify_one();
            waits.await
        },
        cancelled
    );
    assert_eq!(waits, Ok(json!("b ")));
}

#[tokio::test]
async fn a_call_that_is_over_does_not_go_on() {
    let source = "let count = 0; export default {
        f(run) {
            const again = () => { count += 1; setTimeout(again) };
            setTimeout(again);
            const runs = async () => { count += 1; await run({ command: 'x' }); await runs() };
            runs().catch(() => {});
            return 'over';
        },
        count: () => count,
        wait: () => new Promise((done) => setTimeout(done, 50)),
    }";
    let scripts = scripts(&[("m", source)]);
    let call = async |name: &str, arguments| scripts.call(request("m", name, arguments)).await;
    assert_eq!(call("f", vec![Argument::ExecuteCommand]).await, Ok(json!("over")));
    assert_eq!(call("wait", vec![]).await, Ok(json!(null)));
    assert_eq!(call("count", vec![]).await, Ok(json!(1)), "only what ran before the answer");
}

#[tokio::test]
async fn a_worker_that_nobody_needs_ends_and_comes_back() {
    let program = Program::worker();
    let scripts = program.scripts(&[("m", "export default { f: () => 'fine' }")]);
    assert_eq!(scripts.call(request("m", "f", vec![])).await, Ok(json!("fine")));
    let first = program.pid();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(600)).await;
    tokio::time::resume();
    let ended = async {
        while kill(Pid::from_raw(first), None).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
    assert_eq!(scripts.call(request("m", "f", vec![])).await, Ok(json!("fine")));
    assert_ne!(program.pid(), first);
}

#[test]
fn a_worker_ends_with_its_daemon() {
    for (input, success) in
        [(&b""[..], true), (&b"\x01\xff\xff\xff\xff"[..], false), (&b"garbage"[..], false)]
    {
        let mut worker = Command::new(env!("CARGO_BIN_EXE_qd"));
        worker.arg("--script-worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut worker = worker.spawn().unwrap();
        worker.stdin.take().unwrap().write_all(input).unwrap();
        let output = worker.wait_with_output().unwrap();
        assert_eq!((output.status.success(), output.stdout.len()), (success, 0), "{input:?}");
    }
}
