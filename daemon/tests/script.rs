//! Functions of specs in the real worker process: what they are given, what comes of them, and what they cannot do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daemon::script::{Argument, Error, Execute, Executed, Executing, Host, Modules, Request, Scripts};
use serde_json::{Value, json};
use specs::model::FnRef;

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
        ("() => Intl.NumberFormat('en', { notation: 'compact' }).format(1234567)", json!("1.2M")),
        ("() => Array.from({ length: 1e6 }, (_, place) => place).length", json!(1_000_000)),
    ] {
        let source: &'static str = format!("export default {{ n: 'n', f: {function} }}").leak();
        assert_eq!(result(source).await, Ok(expected), "{function}");
    }
}
