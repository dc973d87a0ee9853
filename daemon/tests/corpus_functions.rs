//! Calls every function of the real corpus in the real worker, as the engine would.
//!
//! Reads the archive that `$Q_ARCHIVE` names, else `target/q/specs.qa` of the workspace. What the functions make of
//! made-up input is theirs to say, throwing included; but each is there, ends within its limits, and takes nothing else
//! with it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use daemon::script::{Argument, Error, Execute, Executed, Executing, Host, Modules, Request, Scripts};
use serde_json::json;
use specs::archive::Archive;
use specs::model::{
    Alias, Arg, FnRef, Generator, LoadSpec, Opt, QueryTerm, Script, Spec, Subcommand, Trigger,
};
use tokio::task::JoinSet;

/// No call of a test has to be as quick as one of a user.
const PATIENCE: Duration = Duration::from_secs(120);

/// Functions that are asked at a time.
const AT_A_TIME: usize = 8;

/// What a function is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    PostProcess,
    Custom,
    Script,
    Trigger,
    QueryTerm,
    FilterTemplate,
    GenerateSpec,
    LoadSpec,
    Alias,
    Version,
}

fn archive() -> Archive {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/q/specs.qa");
    let path = std::env::var_os("Q_ARCHIVE").map_or(built, PathBuf::from);
    Archive::open(&path).unwrap_or_else(|error| {
        panic!("{}: {error}\nbuild it with: cargo specc build --out target/q/specs.qa", path.display())
    })
}

struct Library(Archive);

impl Modules for Library {
    fn source(&self, module: &str) -> Option<String> {
        self.0.script(module).unwrap()
    }
}

/// The functions of specs, each once for each role.
#[derive(Default)]
struct Functions(BTreeMap<(String, Vec<String>, Role), FnRef>);

impl Functions {
    fn add(&mut self, role: Role, function: &FnRef) {
        let key = (function.module.clone(), function.path.clone(), role);
        self.0.insert(key, function.clone());
    }

    fn spec(&mut self, spec: &Spec) {
        let version = spec.versions.as_ref().and_then(|versions| versions.version_command.as_ref());
        version.into_iter().for_each(|function| self.add(Role::Version, function));
        self.subcommand(&spec.root);
    }

    fn subcommand(&mut self, node: &Subcommand) {
        node.generate_spec.iter().for_each(|function| self.add(Role::GenerateSpec, function));
        self.load_spec(&node.load_spec);
        node.options.iter().for_each(|child| self.option(child));
        node.args.iter().for_each(|child| self.arg(child));
        node.subcommands.iter().for_each(|child| self.subcommand(child));
    }

    fn option(&mut self, node: &Opt) {
        node.args.iter().for_each(|child| self.arg(child));
    }

    fn arg(&mut self, node: &Arg) {
        node.generators.iter().for_each(|child| self.generator(child));
        self.load_spec(&node.load_spec);
        if let Some(Alias::Function(function)) = &node.alias {
            self.add(Role::Alias, function);
        }
    }

    fn load_spec(&mut self, load: &Option<LoadSpec>) {
        match load {
            Some(LoadSpec::Inline(node)) => self.subcommand(node),
            Some(LoadSpec::Function(function)) => self.add(Role::LoadSpec, function),
            Some(LoadSpec::Module(_)) | None => {}
        }
    }

    fn generator(&mut self, node: &Generator) {
        node.custom.iter().for_each(|function| self.add(Role::Custom, function));
        node.filter_template.iter().for_each(|function| self.add(Role::FilterTemplate, function));
        node.post_process.iter().for_each(|function| self.add(Role::PostProcess, function));
        if let Some(Script::Function(function)) = &node.script {
            self.add(Role::Script, function);
        }
        if let Some(Trigger::Function(function)) = &node.trigger {
            self.add(Role::Trigger, function);
        }
        if let Some(QueryTerm::Function(function)) = &node.query_term {
            self.add(Role::QueryTerm, function);
        }
    }
}

/// Every program prints the same.
struct Prints(&'static str);

impl Host for Prints {
    fn execute(&self, _: Execute) -> Executing<'_> {
        Box::pin(async { Ok(Executed { stdout: self.0.to_owned(), ..Executed::default() }) })
    }
}

/// What a function is given in a role, when programs print this.
fn arguments(role: Role, output: &str) -> Vec<Argument> {
    let words = Argument::Json(json!(["tool", "sub", ""]));
    let token = Argument::Json(json!("a/b"));
    let place = Argument::Json(json!({
        "currentWorkingDirectory": "/home/user", "currentProcess": "zsh", "sshPrefix": "",
        "environmentVariables": { "HOME": "/home/user", "PATH": "/bin" }, "searchTerm": "a", "isDangerous": false,
    }));
    match role {
        Role::PostProcess => vec![Argument::Json(json!(output)), words],
        Role::Custom => vec![words, Argument::ExecuteCommand, place],
        Role::Script => vec![words],
        Role::Trigger => vec![token, Argument::Json(json!("a"))],
        Role::QueryTerm => vec![token],
        Role::FilterTemplate => vec![Argument::Json(json!([{ "name": "a.json", "type": "file" }]))],
        Role::GenerateSpec => vec![words, Argument::ExecuteCommand],
        Role::LoadSpec | Role::Alias => vec![token, Argument::ExecuteCommand],
        Role::Version => vec![Argument::ExecuteCommand],
    }
}

/// Calls a function as its role wants it.
async fn ask(scripts: Arc<Scripts>, role: Role, function: FnRef, output: &'static str) -> Result<(), Error> {
    let arguments = arguments(role, output);
    let request = Request { function, arguments, host: Arc::new(Prints(output)), limit: PATIENCE };
    match role {
        Role::GenerateSpec => scripts.tree(request).await.map(drop),
        Role::LoadSpec => scripts.load(request).await.map(drop),
        _ => scripts.call(request).await.map(drop),
    }
}

/// How many answered, and how many threw.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    answered: usize,
    threw: usize,
    other: Vec<String>,
}

async fn ask_all(scripts: &Arc<Scripts>, functions: &Functions, output: &'static str) -> Outcome {
    let (mut outcome, mut asked) = (Outcome::default(), JoinSet::new());
    let mut left = functions.0.iter();
    loop {
        while asked.len() < AT_A_TIME
            && let Some(((_, _, role), function)) = left.next()
        {
            let (scripts, role, function) = (Arc::clone(scripts), *role, function.clone());
            asked.spawn(async move {
                let name = format!("{role:?} {} {}", function.module, function.path.join("."));
                (name, ask(scripts, role, function, output).await)
            });
        }
        let Some(answer) = asked.join_next().await else { return outcome };
        match answer.unwrap() {
            (_, Ok(())) => outcome.answered += 1,
            (_, Err(Error::Threw(_))) => outcome.threw += 1,
            (name, Err(error)) => outcome.other.push(format!("{name}: {error}")),
        }
    }
}

#[tokio::test]
async fn the_functions_of_all_modules_run() {
    let archive = archive();
    let mut functions = Functions::default();
    let modules: Vec<String> = archive.modules().map(str::to_owned).collect();
    for module in &modules {
        archive.spec(module).unwrap().iter().for_each(|spec| functions.spec(spec));
    }
    let with_functions: BTreeSet<&str> = functions.0.keys().map(|(module, _, _)| module.as_str()).collect();
    let scripted: Vec<_> =
        modules.iter().filter(|module| archive.script(module).unwrap().is_some()).collect();
    assert_eq!(scripted.len(), 316);
    // Modules of one source share its functions.
    assert_eq!((with_functions.len(), functions.0.len()), (313, 1499));

    let scripts = Arc::new(Scripts::new(env!("CARGO_BIN_EXE_qd").into(), Arc::new(Library(archive))));
    for (output, answered, threw) in
        [("", 1330, 169), ("one  line of/text", 1330, 169), ("{\"a\":[{\"name\":\"b\"}]}", 1358, 141)]
    {
        let expected = Outcome { answered, threw, other: Vec::new() };
        assert_eq!(ask_all(&scripts, &functions, output).await, expected, "{output}");
    }
    // A module that does not evaluate would say that instead.
    for module in &scripted {
        let function =
            FnRef { module: (*module).clone(), path: vec![FnRef::NAMESPACE.into(), "none".into()] };
        assert_eq!(
            ask(Arc::clone(&scripts), Role::Alias, function, "").await,
            Err(Error::Missing),
            "{module}"
        );
    }
}
