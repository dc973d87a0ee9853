//! Functions of specs, run by QuickJS in a restartable child process.
//!
//! A call goes in, a JSON value comes out, or a reason why not. A function that loops, eats memory, crashes its process
//! or answers too much costs its caller that one answer and nobody else anything: whoever is lost with it is called
//! again.
//!
//! [`Scripts`] asks the `process`, which speaks in frames (`message`) with the [`worker`]. Each module has a world of its
//! own there, 64 MB at most; an entry of JavaScript has 200 ms of processor time, an answer 1 MB and 5,000 elements. What
//! a function waits for is not its time: many calls are under way at once, and their programs are run by the [`Host`] of
//! each caller.
//!
//! Measured on a machine of two cores: a call takes 40 µs there and back, one that runs a program 75 µs beside the
//! program; the branches of git are read in 3.6 ms for 1,000 of them (2.8 ms in the worker) and 0.35 ms for 100. The
//! first call of all takes 3 ms, the first of a module as long as it takes to evaluate (git 8 ms, npm 2 ms, aws/ec2
//! 50 ms). The worker has 5.5 MB when it starts, 8 MB with git, 21 MB with the sixteen modules that it keeps, and is gone
//! when nobody has called it for three minutes.

mod clean;
mod message;
mod process;
mod sources;
mod strikes;
pub mod worker;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use specs::compile::{check_json, is_json};
use specs::model::{FnRef, LoadSpec, Spec, Subcommand};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

pub use self::clean::clean;
use self::message::{Answer, Ask, Call, Failure, Read, Want};
use self::process::{End, Event, Process, Registered};
use self::sources::Sources;
use self::strikes::Strikes;
use crate::lock::lock;
pub use specs::compile::{Checked, Problem};

/// Most calls that are under way; who has another one waits.
const MAX_CALLS: usize = 32;

/// Most programs of one call: one for each row of a long list, which is bad enough.
const MAX_PROGRAMS: u32 = 128;

/// How often a call is made that is lost because of others. They have strikes against them, so that this ends.
const MAX_ATTEMPTS: u32 = 4;

/// Most starts of the worker within [`START_WINDOW`]: three crashes bar a function, so that more come of something that
/// starts do not cure.
const MAX_STARTS: usize = 12;

/// See [`MAX_STARTS`].
const START_WINDOW: Duration = Duration::from_secs(60);

/// How long a spec of the user's own may take to evaluate, waiting for the worker included.
const COMPILE_LIMIT: Duration = Duration::from_secs(10);

/// Calls whose results hold functions and are remembered, so that they can be made again.
const MAX_RECIPES: usize = 64;

/// Where the JavaScript of modules comes from.
pub trait Modules: Send + Sync {
    /// The source of a module such as `git` or `aws/s3`, if it has functions.
    fn source(&self, module: &str) -> Option<String>;
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// A value.
    Json(Value),
    /// The function with which a spec runs programs; each use of it asks the caller's [`Host`].
    ExecuteCommand,
}

/// A program that a function wants to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execute {
    /// The program's name.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where, if not in the session's directory.
    pub cwd: Option<String>,
    /// Variables to set.
    pub env: BTreeMap<String, String>,
    /// How long it may take; milliseconds.
    pub timeout: Option<u32>,
}

/// What a program said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executed {
    /// Its output, cleaned as the format wants it (see [`clean()`]).
    pub stdout: String,
    /// Its complaints.
    pub stderr: String,
    /// Its exit status; 128 + n when signal n killed it.
    pub status: i32,
}

/// A future of a host.
pub type Executing<'h> = Pin<Box<dyn Future<Output = Result<Executed, String>> + Send + 'h>>;

/// Runs programs for functions, or refuses.
pub trait Host: Send + Sync {
    /// Runs a program. An error rejects the function's promise.
    fn execute(&self, command: Execute) -> Executing<'_>;
}

/// Why a function gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such module or function.
    #[error("there is no such function")]
    Missing,
    /// It threw, or a promise of it was rejected.
    #[error("it failed: {0}")]
    Threw(String),
    /// It used too much time, memory or stack, or answered too much.
    #[error("it went beyond a limit: {0}")]
    Limit(&'static str),
    /// It failed too often and is not called any more.
    #[error("it failed too often")]
    Barred,
    /// The worker process ended or could not be started.
    #[error("the script worker is gone")]
    Gone,
}

/// A call.
pub struct Request {
    /// The function.
    pub function: FnRef,
    /// What it is given.
    pub arguments: Vec<Argument>,
    /// Runs its programs.
    pub host: Arc<dyn Host>,
    /// How long it may take in all, programs included.
    pub limit: Duration,
}

/// A limit that a function went beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Limit {
    /// Processor time.
    Time,
    /// Memory.
    Memory,
    /// Stack.
    Stack,
    /// The size of its answer.
    Size,
    /// Its promise waits for nothing that could still happen.
    Never,
}

impl Limit {
    fn name(self) -> &'static str {
        match self {
            Limit::Time => "time",
            Limit::Memory => "memory",
            Limit::Stack => "stack",
            Limit::Size => "the size of the answer",
            Limit::Never => "its promise can never be settled",
        }
    }
}

/// The functions of all modules. Cheap to share; the worker is started when it is first needed.
pub struct Scripts {
    worker: PathBuf,
    sources: Arc<Sources>,
    process: Mutex<Option<Arc<Process>>>,
    starts: Mutex<VecDeque<Instant>>,
    strikes: Mutex<Strikes>,
    recipes: Mutex<VecDeque<Recipe>>,
    slots: Semaphore,
    last: AtomicU64,
}

/// How an object with functions came about.
#[derive(Clone)]
struct Recipe {
    number: u64,
    function: FnRef,
    arguments: Vec<Argument>,
    read: Read,
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Scripts").finish_non_exhaustive()
    }
}

impl Scripts {
    /// Functions of these modules, run by this program; it is started when it is first needed.
    pub fn new(worker: PathBuf, modules: Arc<dyn Modules>) -> Scripts {
        Scripts {
            worker,
            sources: Arc::new(Sources::new(modules)),
            process: Mutex::default(),
            starts: Mutex::default(),
            strikes: Mutex::default(),
            recipes: Mutex::default(),
            slots: Semaphore::new(MAX_CALLS),
            last: AtomicU64::new(0),
        }
    }

    /// What a function returns, awaited if it is a promise; `Null` for `undefined`.
    ///
    /// # Errors
    /// When it gives no answer within its limits.
    pub async fn call(&self, request: Request) -> Result<Value, Error> {
        match self.answer(&request, Read::Json).await? {
            Answer::Json(text) => read_json(&text),
            _ => Err(Error::Gone),
        }
    }

    /// The tree that a `generateSpec` function returns. Functions in it can be called like any other; when the worker
    /// has forgotten them, the tree is made again.
    ///
    /// # Errors
    /// When it gives no answer within its limits.
    pub async fn tree(&self, request: Request) -> Result<Option<Subcommand>, Error> {
        let number = self.next();
        let answer = self.answer(&request, Read::Tree(number)).await?;
        let Answer::Tree { tree, kept } = answer else { return Err(Error::Gone) };
        if kept {
            self.remember(number, request, Read::Tree(number));
        }
        Ok(tree.map(|tree| *tree))
    }

    /// Where a `loadSpec` function says that a tree is.
    ///
    /// # Errors
    /// When it gives no answer within its limits.
    pub async fn load(&self, request: Request) -> Result<Option<LoadSpec>, Error> {
        let number = self.next();
        let answer = self.answer(&request, Read::Load(number)).await?;
        let Answer::Load { load, kept } = answer else { return Err(Error::Gone) };
        if kept {
            self.remember(number, request, Read::Load(number));
        }
        Ok(load)
    }

    /// A spec of the user's own, in JavaScript or JSON; its functions belong to the module `name` from now on.
    ///
    /// # Errors
    /// When it does not evaluate, or is no spec.
    pub async fn compile(&self, name: &str, source: &str) -> Result<Spec, Error> {
        let Checked { spec, problems } = self.check(name, source).await?;
        let problem = || problems.into_iter().find(|problem| !problem.warning).unwrap_or_default();
        spec.ok_or_else(|| Error::Threw(message(&problem())))
    }

    /// A spec as [`Scripts::compile`] makes it, and what is wrong with it.
    ///
    /// # Errors
    /// When it goes beyond a limit, or there is no worker.
    pub async fn check(&self, name: &str, source: &str) -> Result<Checked, Error> {
        lock(&self.strikes).forgive(name);
        if is_json(source) {
            self.sources.forget(name);
            let (name, source) = (name.to_owned(), source.to_owned());
            let checked = spawn_blocking(move || check_json(&source, command_name(&name))).await;
            return checked.map_err(|_| Error::Gone);
        }
        self.sources.replace(name, source.into());
        let slot = self.slots.acquire().await.map_err(|_| Error::Gone)?;
        let answer = timeout(COMPILE_LIMIT, self.attempts(name, &Want::Spec, None)).await;
        drop(slot);
        match answer.unwrap_or(Err(Error::Limit("time")))? {
            Answer::Spec(checked) => Ok(*checked),
            Answer::Failed(Failure::Broken(problem)) => Ok(Checked { spec: None, problems: vec![problem] }),
            answer => settled(answer).and(Err(Error::Gone)),
        }
    }

    /// Gives a module back the source that it has without [`Scripts::compile`].
    pub fn forget(&self, name: &str) {
        self.sources.forget(name);
        lock(&self.strikes).forgive(name);
    }

    /// The answer of a function, within the time of its request.
    async fn answer(&self, request: &Request, read: Read) -> Result<Answer, Error> {
        if lock(&self.strikes).is_out(&request.function) {
            return Err(Error::Barred);
        }
        let answered = async {
            let _slot = self.slots.acquire().await.map_err(|_| Error::Gone)?;
            match self.function(&request.function, &request.arguments, &request.host, read).await {
                Err(Error::Missing) => self.make_again(request, read).await,
                answer => answer,
            }
        };
        // Time alone is no strike: what took it may be a program, or other functions.
        timeout(request.limit, answered).await.unwrap_or(Err(Error::Limit("time")))
    }

    /// The answer of a function in an object that the worker has forgotten: the object is made again.
    async fn make_again(&self, request: &Request, read: Read) -> Result<Answer, Error> {
        let recipe = {
            let number = kept_number(&request.function.path).ok_or(Error::Missing)?;
            let recipes = lock(&self.recipes);
            recipes.iter().find(|recipe| recipe.number == number).cloned().ok_or(Error::Missing)?
        };
        self.function(&recipe.function, &recipe.arguments, &request.host, recipe.read).await?;
        self.function(&request.function, &request.arguments, &request.host, read).await
    }

    async fn function(
        &self,
        function: &FnRef,
        arguments: &[Argument],
        host: &Arc<dyn Host>,
        read: Read,
    ) -> Result<Answer, Error> {
        let path = function.path.clone();
        let want = Want::Function { path, arguments: arguments.iter().map(message_of).collect(), read };
        let answer = self.attempts(&function.module, &want, Some(host)).await?;
        if let Answer::Failed(Failure::Limit(_) | Failure::Crashed) = &answer {
            lock(&self.strikes).add(function);
        }
        settled(answer)
    }

    /// Asks the worker; once more when it ended, or a world in it, because of another call.
    async fn attempts(
        &self,
        module: &str,
        want: &Want,
        host: Option<&Arc<dyn Host>>,
    ) -> Result<Answer, Error> {
        for _ in 1..MAX_ATTEMPTS {
            match self.attempt(module, want, host).await? {
                Answer::Failed(Failure::Lost) => {}
                answer => return Ok(answer),
            }
        }
        self.attempt(module, want, host).await
    }

    async fn attempt(
        &self,
        module: &str,
        want: &Want,
        host: Option<&Arc<dyn Host>>,
    ) -> Result<Answer, Error> {
        let id = self.next();
        let Some(registered) = self.process()?.register(id) else {
            return Ok(Answer::Failed(Failure::Lost));
        };
        let call = Call { id, module: self.sources.module(module), want: want.clone() };
        let asked = registered.process.ask(Some(id), &Ask::Call(call)).await;
        asked.map_err(|_| Error::Limit("the size of the arguments"))?;
        Ok(converse(id, registered, host).await)
    }

    /// The worker that runs, or a new one.
    fn process(&self) -> Result<Arc<Process>, Error> {
        let mut current = lock(&self.process);
        if let Some(process) = current.as_ref().filter(|process| !process.has_ended()) {
            return Ok(Arc::clone(process));
        }
        if !self.may_start() {
            return Err(Error::Gone);
        }
        let process = Process::start(&self.worker, Arc::clone(&self.sources)).map_err(|error| {
            tracing::warn!(%error, "the script worker cannot be started");
            Error::Gone
        })?;
        *current = Some(Arc::clone(&process));
        Ok(process)
    }

    /// Counts a start, unless there were too many lately.
    fn may_start(&self) -> bool {
        let mut starts = lock(&self.starts);
        while starts.front().is_some_and(|start| start.elapsed() > START_WINDOW) {
            starts.pop_front();
        }
        let may = starts.len() < MAX_STARTS;
        if may {
            starts.push_back(Instant::now());
        }
        may
    }

    /// A number that was never used before, so that it means nothing to a worker that did not get it.
    fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Remembers how the object of this number came about.
    fn remember(&self, number: u64, request: Request, read: Read) {
        let Request { function, arguments, .. } = request;
        let mut recipes = lock(&self.recipes);
        recipes.push_back(Recipe { number, function, arguments, read });
        let surplus = recipes.len().saturating_sub(MAX_RECIPES);
        recipes.drain(..surplus);
    }
}

/// Runs the programs of a call until it ends.
async fn converse(id: u64, mut registered: Registered, host: Option<&Arc<dyn Host>>) -> Answer {
    // Dropped with the call, and the programs with it.
    let mut programs = JoinSet::new();
    let mut started = 0;
    loop {
        tokio::select! {
            event = registered.next() => match event {
                // No worker of ours asks for so many.
                Event::Run { .. } if started == MAX_PROGRAMS => return Answer::Failed(Failure::Crashed),
                Event::Run { program, what } => {
                    started += 1;
                    let host = host.map(Arc::clone);
                    programs.spawn(async move { (program, execute(host, what).await) });
                }
                Event::Done(answer) => return answer,
                Event::Ended(End::Innocent) => return Answer::Failed(Failure::Lost),
                Event::Ended(End::Late) => return Answer::Failed(Failure::Limit(Limit::Time)),
                Event::Ended(End::Guilty) => return Answer::Failed(Failure::Crashed),
            },
            Some(ran) = programs.join_next() => {
                // A host that panicked leaves its program without an answer, and the call to its limit.
                let Ok((program, outcome)) = ran else { continue };
                let asked = registered.process.ask(Some(id), &Ask::Ran { call: id, program, outcome }).await;
                if asked.is_err() {
                    let outcome = Err("it printed too much".to_owned());
                    let _ = registered.process.ask(Some(id), &Ask::Ran { call: id, program, outcome }).await;
                }
            }
        }
    }
}

async fn execute(host: Option<Arc<dyn Host>>, what: Execute) -> Result<Executed, String> {
    match host {
        Some(host) => host.execute(what).await,
        None => Err("no programs are run here".to_owned()),
    }
}

/// An answer that is one.
fn settled(answer: Answer) -> Result<Answer, Error> {
    match answer {
        Answer::Failed(Failure::Missing) => Err(Error::Missing),
        Answer::Failed(Failure::Threw(what)) => Err(Error::Threw(what)),
        Answer::Failed(Failure::Broken(problem)) => Err(Error::Threw(message(&problem))),
        Answer::Failed(Failure::Limit(limit)) => Err(Error::Limit(limit.name())),
        Answer::Failed(Failure::Lost | Failure::Crashed) => Err(Error::Gone),
        answer => Ok(answer),
    }
}

/// A problem in one line.
fn message(problem: &Problem) -> String {
    match problem.line {
        0 => problem.what.clone(),
        line => format!("{} (line {line}, column {})", problem.what, problem.column),
    }
}

/// What JSON of the worker means; the bound on how deep it nests is that of the reader.
fn read_json(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|_| Error::Limit("the depth of the answer"))
}

fn message_of(argument: &Argument) -> message::Argument {
    match argument {
        Argument::Json(value) => message::Argument::Json(value.to_string()),
        Argument::ExecuteCommand => message::Argument::ExecuteCommand,
    }
}

/// The command that a module describes if it does not say so itself: `s3` for `aws/s3`.
fn command_name(module: &str) -> &str {
    module.rsplit(['/', ':']).next().unwrap_or(module)
}

/// The number of the object that a path begins at, if it was returned by a function.
fn kept_number(path: &[String]) -> Option<u64> {
    match path {
        [first, number, ..] if first == FnRef::KEPT => number.parse().ok(),
        _ => None,
    }
}
