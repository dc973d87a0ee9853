//! One session: what it told of itself, and the way from a question to its answers.
//!
//! The first answer has what is there at once. When a program must be run, a directory is slow or the history is still
//! being read, it is marked pending and a second one follows when everything is there or the request's time is up.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{Accepted, Answer, Context, Failed, FromDaemon, Ran, Request, Status};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::timeout_at;

use crate::candidates::native;
use crate::engine::{Engine, Question, Specs};
use crate::history::Source;
use crate::lock::lock;
use crate::run::Runner;
use crate::settings::Settings;
use crate::slow::{Found, Ready, Rows, Slow};
use crate::spec_cache::SpecCache;
use crate::usage::{Choices, since_epoch};
use crate::world::{Here, Look, Looks, Seeing};

/// The longest time that a request may wait for slow sources.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The longest line that is looked at: the longest that anyone types has a few thousand bytes.
const MAX_LINE: usize = 64 << 10;

/// How long the rows of a program are good for while one word is being typed. A command that is run ends that earlier.
const FRESH: Duration = Duration::from_secs(2);

/// What all sessions share.
#[derive(Debug)]
pub struct Shared {
    engine: Engine,
    specs: Arc<SpecCache>,
    looks: Arc<Looks>,
    choices: Choices,
    runner: Runner,
}

impl Shared {
    /// A daemon's state, with the archive in the first of these places that has one.
    pub fn new(archives: Vec<PathBuf>) -> Arc<Shared> {
        let specs = Arc::new(SpecCache::new(archives));
        let engine = Engine::new(Arc::clone(&specs) as Arc<dyn Specs>);
        let (looks, choices, runner) = Default::default();
        Arc::new(Shared { engine, specs, looks, choices, runner })
    }

    /// What the daemon is.
    pub fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            commands: u32::try_from(self.specs.len()).unwrap_or(u32::MAX),
            archive_error: self.specs.error(),
        }
    }
}

/// One connection's view of the world.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    context: Arc<Context>,
    sources: Arc<Sources>,
    /// The reading of the history file that was begun last.
    history: Option<(Look, Seeing)>,
    /// At most one request of a session is being computed, so that a flood of them does not pile up.
    turn: Arc<Semaphore>,
}

impl Session {
    /// A session that has not yet told anything.
    pub fn new(shared: Arc<Shared>) -> Session {
        Session {
            shared,
            context: Arc::default(),
            sources: Arc::default(),
            history: None,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// The session looks like this from now on.
    pub fn set_context(&mut self, mut context: Context) {
        if !context.cwd.starts_with('/') {
            context.cwd.clear();
        }
        // The first word of a line needs these; looking takes longer than a key can wait.
        if let Some(path) = context.env.get("PATH") {
            self.shared.looks.start(Look::Programs(path.clone()));
        }
        self.context = Arc::new(context);
        self.sources.clear();
        self.read_history();
    }

    /// A command line was run: whatever programs said before may no longer hold.
    pub fn ran(&mut self, ran: &Ran) {
        self.shared.looks.histories.ran(self.context.shell, ran);
        self.sources.clear();
        self.read_history();
    }

    /// A row was accepted.
    pub fn accepted(&self, accepted: Accepted) {
        self.shared.choices.accept(accepted, &self.context.cwd, since_epoch());
    }

    /// What the daemon is.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// A question as the session is now.
    pub fn ask(&self, request: Request) -> Ask {
        Ask {
            shared: Arc::clone(&self.shared),
            context: Arc::clone(&self.context),
            sources: Arc::clone(&self.sources),
            history: self.history.clone().filter(|(_, seeing)| seeing.borrow().is_none()),
            turn: Arc::clone(&self.turn),
            request,
            received: Instant::now(),
        }
    }

    fn read_history(&mut self) {
        let Some(source) = Source::of(&self.context) else { return };
        let look = Look::History(source);
        self.history = self.shared.looks.start(look.clone()).map(|(_, seeing)| (look, seeing));
    }
}

/// One question, with all that it needs to be answered elsewhere while the session goes on.
#[derive(Debug)]
pub struct Ask {
    shared: Arc<Shared>,
    context: Arc<Context>,
    sources: Arc<Sources>,
    history: Option<(Look, Seeing)>,
    turn: Arc<Semaphore>,
    request: Request,
    received: Instant,
}

/// What the slow sources have said so far.
type Fetched = HashMap<Slow, Found>;

impl Ready for Fetched {
    fn ready(&self, slow: &Slow) -> Option<Found> {
        self.get(slow).cloned()
    }
}

/// What came out of one pass through the engine.
struct Pass {
    answer: Answer,
    /// Sources whose rows are not there yet.
    missing: Vec<Slow>,
    here: Here,
}

impl Ask {
    /// Sends the answers, the last one not pending. Dropping the future gives up.
    pub async fn answer(self, out: mpsc::Sender<FromDaemon>) {
        let generation = self.request.generation;
        if let Err(message) = Arc::new(self).answers(&out).await {
            // Nobody listens any more: nothing is left to be said.
            let _ = out.send(FromDaemon::Failed(Failed { generation, message })).await;
        }
    }

    /// What the engine understands of the line.
    pub async fn parse(self) -> FromDaemon {
        let generation = self.request.generation;
        let parsed = match self.check() {
            Err(message) => Err(message),
            Ok(()) => {
                let parse = move || {
                    let ready = self.sources.ready();
                    self.shared.engine.parse(&self.context, &self.request, &ready)
                };
                spawn_blocking(parse).await.map_err(|_| stumbled())
            }
        };
        match parsed {
            Ok(parsed) => FromDaemon::Parsed(Box::new(parsed)),
            Err(message) => FromDaemon::Failed(Failed { generation, message }),
        }
    }

    async fn answers(self: Arc<Ask>, out: &mpsc::Sender<FromDaemon>) -> Result<(), String> {
        self.check()?;
        let here = Here::new(Arc::clone(&self.shared.looks), Handle::current());
        if let Some((look, seeing)) = self.history.clone() {
            here.expect(look, seeing);
        }
        let mut first = self.pass(here, self.sources.ready()).await?;
        let mut runs = self.sources.start(&self, &first.missing);
        let pending = self.request.wait > 0 && (!runs.is_empty() || first.here.is_late());
        self.send(first.answer, pending, out).await;
        if !pending {
            return Ok(());
        }
        let wait = Duration::from_millis(self.request.wait.into()).min(MAX_WAIT);
        let settled = settle(&mut first.here, &mut runs);
        // When time is up, the last answer has what is there.
        let _ = timeout_at((self.received + wait).into(), settled).await;
        let last = self.pass(first.here, self.sources.ready()).await?;
        self.send(last.answer, false, out).await;
        Ok(())
    }

    /// One pass through the engine, on a thread that may wait for a directory.
    async fn pass(self: &Arc<Ask>, here: Here, fetched: Fetched) -> Result<Pass, String> {
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| stumbled())?;
        let ask = Arc::clone(self);
        let pass = spawn_blocking(move || {
            let _turn = turn;
            ask.think(here, &fetched)
        });
        pass.await.map_err(|_| stumbled())
    }

    fn think(&self, here: Here, ready: &Fetched) -> Pass {
        let (shared, context, request) = (&*self.shared, &*self.context, &self.request);
        let (history, usage) = (&shared.looks.histories, &shared.choices);
        let settings = &Settings::default();
        let question = Question { context, request, history, usage, world: &here, ready, settings };
        let progress = shared.engine.complete(&question);
        Pass { answer: progress.answer, missing: progress.slow, here }
    }

    async fn send(&self, mut answer: Answer, pending: bool, out: &mpsc::Sender<FromDaemon>) {
        answer.generation = self.request.generation;
        answer.pending = pending;
        answer.elapsed_us = u64::try_from(self.received.elapsed().as_micros()).unwrap_or(u64::MAX);
        // When nobody listens any more the task is about to be dropped.
        let _ = out.send(FromDaemon::Answer(Box::new(answer))).await;
    }

    fn check(&self) -> Result<(), String> {
        let Request { line, cursor, .. } = &self.request;
        if line.len() > MAX_LINE {
            return Err(format!("the line is longer than {MAX_LINE} bytes"));
        }
        match line.is_char_boundary(*cursor as usize) {
            true => Ok(()),
            false => Err("the cursor is not at a character of the line".to_owned()),
        }
    }
}

/// The engine panicked. What it panicked about may have the line in it, so it is not told.
fn stumbled() -> String {
    "the engine stumbled over this line; please report it".to_owned()
}

/// Waits for everything that is still to come.
async fn settle(here: &mut Here, runs: &mut [Running]) {
    here.settle().await;
    for run in runs {
        // An error means that the run was given up.
        let _ = run.wait_for(Option::is_some).await;
    }
}

/// The programs that a session runs for its slow sources, and what they said lately.
#[derive(Debug, Default)]
struct Sources {
    runs: Mutex<HashMap<Slow, Run>>,
}

/// Yields once, what a source said.
type Running = watch::Receiver<Option<Said>>;

/// What a source said, and when.
#[derive(Clone, Debug)]
struct Said {
    found: Found,
    at: Instant,
}

/// One program, running or done; killed when dropped.
#[derive(Debug)]
struct Run {
    said: Running,
    task: AbortHandle,
}

impl Run {
    fn start(ask: &Ask, slow: &Slow) -> Run {
        let (say, said) = watch::channel(None);
        let (shared, context, slow) = (Arc::clone(&ask.shared), Arc::clone(&ask.context), slow.clone());
        let task = tokio::spawn(async move {
            let found = fetch(&shared, context, &slow).await;
            say.send_replace(Some(Said { found, at: Instant::now() }));
        });
        Run { said, task: task.abort_handle() }
    }

    fn is_done(&self) -> bool {
        self.said.borrow().is_some()
    }

    /// Running, or so lately done that it need not run again.
    fn is_good(&self) -> bool {
        self.said.borrow().as_ref().map_or(!self.task.is_finished(), |said| said.at.elapsed() < FRESH)
    }
}

/// Fetches what a source has to say.
async fn fetch(shared: &Shared, context: Arc<Context>, slow: &Slow) -> Found {
    let native = match slow {
        Slow::Rows(generated) => native::of(generated),
        _ => None,
    };
    let drafts = match native {
        Some(native) => native::rows(&native, &shared.runner, context).await,
        None => Vec::new(),
    };
    Found::Rows(Rows { drafts: Arc::new(drafts), ..Rows::default() })
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sources {
    /// What is there and still good.
    fn ready(&self) -> Fetched {
        let mut runs = lock(&self.runs);
        runs.retain(|_, run| run.is_good());
        let found =
            |(slow, run): (&Slow, &Run)| Some((slow.clone(), run.said.borrow().as_ref()?.found.clone()));
        runs.iter().filter_map(found).collect()
    }

    /// Sees to it that these run; a run that an older request began goes on when it is still wanted. Programs that
    /// are running for nobody are killed.
    fn start(&self, ask: &Ask, wanted: &[Slow]) -> Vec<Running> {
        let mut runs = lock(&self.runs);
        runs.retain(|slow, run| wanted.contains(slow) || run.is_done());
        if ask.request.wait == 0 {
            return Vec::new();
        }
        let start =
            |slow: &Slow| runs.entry(slow.clone()).or_insert_with(|| Run::start(ask, slow)).said.clone();
        wanted.iter().map(start).collect()
    }

    fn clear(&self) {
        lock(&self.runs).clear();
    }
}
