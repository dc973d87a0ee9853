//! Generators that are answered without JavaScript: the hot ones, and those whose programs a directory could turn against
//! its reader.
//!
//! Each file has one source: which generators it stands for, and its rows. What is read is read as text, within bounds;
//! what is run is ours, and harmless.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::Context;
use specs::model::Script;

use super::Draft;
use super::command::programs;
use crate::run::Runner;
use crate::slow::Generated;

mod cargo;
mod docker;
mod git;
mod make;
mod node;
mod process;
mod read;
mod ssh;
mod systemd;
mod toml;

pub use cargo::Cargo;
pub use docker::Docker;
pub use git::Git;
pub use make::Make;
pub use node::Node;
pub use process::Machine;
pub use ssh::Ssh;
pub use systemd::Systemd;

/// A program that answers a source. It is ours, so that nobody needs to judge it; see [`crate::trust::harmless`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables that it must have.
    pub env: Vec<(String, String)>,
    /// Where to run it.
    pub cwd: PathBuf,
}

/// A source that is answered natively.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Native {
    /// Names out of a git repository.
    Git(Git),
    /// What a `package.json` has.
    Node(Node),
    /// What a cargo workspace has.
    Cargo(Cargo),
    /// Targets of a Makefile.
    Make(Make),
    /// Hosts that ssh knows.
    Ssh(Ssh),
    /// Processes, users and the like.
    Machine(Machine),
    /// Units of systemd.
    Systemd(Systemd),
    /// What a container engine has.
    Docker(Docker),
    /// The programs of the `PATH`.
    Programs,
    /// Targets that rustc can compile for.
    RustTargets,
}

/// The native source that stands for a generator, if there is one.
pub fn of(generated: &Generated) -> Option<Native> {
    git::wanted(generated)
        .map(Native::Git)
        .or_else(|| node::wanted(generated).map(Native::Node))
        .or_else(|| cargo::wanted(generated).map(Native::Cargo))
        .or_else(|| make::wanted(generated).map(Native::Make))
        .or_else(|| ssh::wanted(generated).map(Native::Ssh))
        .or_else(|| process::wanted(generated).map(Native::Machine))
        .or_else(|| systemd::wanted(generated).map(Native::Systemd))
        .or_else(|| docker::wanted(generated).map(Native::Docker))
        .or_else(|| programs_wanted(generated))
}

/// The generators whose scripts list all programs, or ask a compiler for something that is the same everywhere.
fn programs_wanted(generated: &Generated) -> Option<Native> {
    let post = generated.generator.post_process.as_ref()?;
    let Some(Script::Argv(argv)) = &generated.generator.script else { return None };
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    match (post.module.as_str(), &argv[..]) {
        ("which" | "jenv", ["bash", "-c", script]) if script.starts_with("for i in $(echo $PATH") => {
            Some(Native::Programs)
        }
        ("cargo" | "rustc", ["rustc", "--print", "target-list"]) => Some(Native::RustTargets),
        _ => None,
    }
}

/// The rows of a native source, in this session's directory and environment.
pub async fn rows(native: &Native, runner: &Runner, session: Arc<Context>) -> Vec<Draft> {
    let place = Place { cwd: PathBuf::from(&session.cwd), runner, session };
    if !place.cwd.is_absolute() {
        return Vec::new();
    }
    let cwd = place.cwd.clone();
    let root = Path::new("/");
    match native.clone() {
        Native::Git(git) => place.git(git).await,
        Native::Node(node) => place.read(move || node::drafts(&node, &cwd)).await,
        Native::Cargo(cargo) => place.read(move || cargo::drafts(cargo, &cwd)).await,
        Native::Make(make) => place.read(move || make::drafts(&make, &cwd)).await,
        Native::Ssh(ssh) => place.ssh(ssh).await,
        Native::Machine(machine) => place.read(move || process::drafts(machine, root)).await,
        Native::Systemd(systemd) => place.systemd(systemd).await,
        Native::Docker(docker) => place.docker(docker).await,
        Native::Programs => place.programs().await,
        Native::RustTargets => place.rust_targets().await,
    }
}

/// What a program would print, when that can be known without running it: `npm prefix` is asked by many functions, and
/// npm obeys the directory.
///
/// Blocks on files.
pub fn printed(argv: &[String], cwd: &Path) -> Option<String> {
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    match argv[..] {
        ["npm", "prefix"] => Some(node::prefix(cwd).to_str()?.to_owned()),
        _ => None,
    }
}

/// Where a source looks.
struct Place<'r> {
    cwd: PathBuf,
    runner: &'r Runner,
    session: Arc<Context>,
}

impl Place<'_> {
    async fn read(&self, read: impl FnOnce() -> Vec<Draft> + Send + 'static) -> Vec<Draft> {
        read::reading(read).await.unwrap_or_default()
    }

    /// What a program prints, when it succeeds.
    async fn run(&self, question: Question) -> Option<Vec<u8>> {
        let output = self.runner.run(question, Arc::clone(&self.session)).await;
        output.inspect_err(|error| tracing::debug!(%error, "a program for candidates")).ok()
    }

    async fn git(&self, git: Git) -> Vec<Draft> {
        let settings = match git::filters_question(&git, &self.cwd) {
            Some(question) => self.run(question).await.as_deref().and_then(git::no_filters),
            None => Some(Vec::new()),
        };
        let Some(settings) = settings else { return Vec::new() };
        let output = self.run(git::question(&git, settings, &self.cwd)).await;
        output.map(|output| git::drafts(&git, &output)).unwrap_or_default()
    }

    async fn ssh(&self, ssh: Ssh) -> Vec<Draft> {
        let Some(home) = self.session.env.get("HOME").map(PathBuf::from) else { return Vec::new() };
        self.read(move || ssh::drafts(&ssh, &home)).await
    }

    async fn systemd(&self, systemd: Systemd) -> Vec<Draft> {
        if let Some(output) = self.run(systemd::question(systemd, &self.cwd)).await {
            return systemd::drafts(systemd, &output);
        }
        let session = Arc::clone(&self.session);
        self.read(move || systemd::on_disk(systemd, &session.env, Path::new("/"))).await
    }

    async fn docker(&self, docker: Docker) -> Vec<Draft> {
        let session = Arc::clone(&self.session);
        let Some(Some(socket)) = read::reading(move || docker::socket(&session.env)).await else {
            return Vec::new();
        };
        let mut question = docker::question(docker, &self.cwd);
        question.env.push(("DOCKER_HOST".to_owned(), socket));
        self.run(question).await.map(|output| docker::drafts(docker, &output)).unwrap_or_default()
    }

    async fn programs(&self) -> Vec<Draft> {
        let path = self.session.env.get("PATH").cloned().unwrap_or_default();
        self.read(move || programs(&path).iter().map(|name| row(name, "")).collect()).await
    }

    /// Asked where no directory can choose another compiler.
    async fn rust_targets(&self) -> Vec<Draft> {
        let argv = ["rustc", "--print", "target-list"].map(str::to_owned).to_vec();
        let output = self.run(Question { argv, env: Vec::new(), cwd: PathBuf::from("/") }).await;
        let output = output.unwrap_or_default();
        let names = output.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        names.filter(|name| !name.is_empty()).map(|name| row(name, "")).collect()
    }
}

/// A row with a name, and what is said of it.
fn row(name: &str, said: &str) -> Draft {
    Draft {
        names: vec![name.to_owned()],
        description: (!said.is_empty()).then(|| said.to_owned()),
        space: !name.ends_with('/'),
        ..Draft::default()
    }
}
