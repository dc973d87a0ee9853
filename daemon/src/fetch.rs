//! Fetches one need of a line: runs the program of a generator, calls the functions of its spec, reads what is kept.
//!
//! Everything that runs goes through a [`Runner`], which judges it and writes it down. What is kept from an earlier time
//! is shown first when its spec allows that, and fetched anew behind it. A need that fails yields nothing and a reason.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{Context, Kind, Outcome, RunReport};
use serde_json::{Value as Json, json};
use specs::model::{FnRef, Generator, QueryTerm, Script, Template, Trigger};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::cache::{Asked, Cache, Key, Value, What};
use crate::candidates::{Draft, generated, native};
use crate::engine::{Engine, through_last};
use crate::lock::lock;
use crate::run::{MAX_TIME, Output, Program, Runner, USUAL_TIME, refused};
use crate::script::{self, Argument, Execute, Executed, Executing, Host, Request, Scripts};
use crate::settings::Settings;
use crate::slow::{Call, Found, Generated, Listed, Rows, Slow};
use crate::sources::Previous;
use crate::user_specs::View;
use crate::world::Looks;

/// How long a function may take that runs nothing, such as `postProcess`.
const FUNCTION_TIME: Duration = Duration::from_secs(2);

/// How long what functions say of a spec's tree is believed. It is shown longer, until it was asked for anew.
const TREE_FRESH: Duration = Duration::from_secs(5);

/// How long the version of a tool is believed, which is slow to ask for and hardly ever changes.
const VERSION_FRESH: Duration = Duration::from_secs(10 * 60);

/// Most earlier lines that are searched for the values of an argument, the newest.
const MAX_LINES: usize = 500;

/// Where needs are fetched: what the daemon has, and one session as it is now.
#[derive(Debug)]
pub struct Site {
    /// Functions of specs.
    pub scripts: Arc<Scripts>,
    /// What was fetched before.
    pub cache: Arc<Cache>,
    /// Earlier lines.
    pub looks: Arc<Looks>,
    /// Understands them.
    pub engine: Engine,
    /// The specs that it knows.
    pub view: Arc<View>,
    /// Runs programs for this session.
    pub runner: Runner,
    /// The session.
    pub context: Arc<Context>,
    /// What the user set.
    pub settings: Arc<Settings>,
    /// Of the session's variables, see [`crate::cache::variables`].
    pub variables: u64,
}

/// What came of a need.
#[derive(Debug)]
pub struct Fetched {
    /// What was found.
    pub found: Found,
    /// How it is told.
    pub outcome: Outcome,
    /// How long it had been kept.
    pub kept: Option<Duration>,
    /// What was run for it.
    pub runs: Vec<RunReport>,
}

/// One need being fetched.
pub struct Fetch {
    site: Arc<Site>,
    runner: Runner,
    /// What the same generator was asked for the word as it was before.
    previous: Option<Previous>,
    /// Shows what is kept while it is fetched anew.
    show: Box<dyn Fn(Found) + Send + Sync>,
    kept: Mutex<Option<(Duration, Arc<Vec<RunReport>>)>>,
}

impl Site {
    /// Whether a need is likely to be met within the time of a key: by what is kept, or by a short function.
    pub fn is_quick(&self, slow: &Slow, previous: Option<&Previous>) -> bool {
        match slow {
            Slow::Rows(generated) => {
                let reusable = previous.is_some_and(Previous::is_done) && generated.debounce.is_none();
                reusable || self.is_kept(generated)
            }
            Slow::Filter(_) | Slow::Alias(_) => true,
            Slow::Tree(_) | Slow::Load(_) | Slow::Version(_) => self
                .cache
                .look(&self.key(What::Slow(Box::new(slow.clone())), command_of(slow), true))
                .is_some(),
            Slow::Earlier(_) => false,
        }
    }

    fn is_kept(&self, generated: &Generated) -> bool {
        let keeping = Keeping::of(&generated.generator);
        let asked = match (&generated.generator.custom, &generated.generator.script) {
            (Some(function), _) => What::Rows(function.clone(), tokens(generated)),
            (None, Some(script)) => match asked(script) {
                Some(asked) => What::Output(asked),
                None => return false,
            },
            (None, None) => return false,
        };
        keeping
            .is_some_and(|keeping| self.cache.look(&keeping.key(self, asked, &generated.command)).is_some())
    }

    fn key(&self, asked: What, command: &str, by_directory: bool) -> Key {
        let dir = by_directory.then(|| self.context.cwd.clone());
        Key { command: command.to_owned(), asked, dir, variables: self.variables }
    }
}

/// The command whose spec a need belongs to.
pub fn command_of(slow: &Slow) -> &str {
    match slow {
        Slow::Rows(generated) => &generated.command,
        Slow::Filter(listed) => &listed.command,
        Slow::Earlier(argument) => argument.command.first().map_or("", String::as_str),
        Slow::Tree(call) | Slow::Load(call) | Slow::Alias(call) | Slow::Version(call) => {
            let module = call.function.module.rsplit(':').next().unwrap_or_default();
            module.split('/').next().unwrap_or_default()
        }
    }
}

/// How a spec wants answers to be kept.
struct Keeping {
    /// So long an answer is good.
    fresh: Duration,
    /// Afterwards it is shown until the new one is there.
    shown_stale: bool,
    by_directory: bool,
    name: Option<String>,
}

impl Keeping {
    fn of(generator: &Generator) -> Option<Keeping> {
        let cache = generator.cache.as_ref()?;
        Some(Keeping {
            fresh: Duration::from_millis(cache.ttl.unwrap_or_default()),
            shown_stale: !cache.max_age,
            by_directory: cache.by_directory,
            name: cache.key.clone(),
        })
    }

    fn key(&self, site: &Site, asked: What, command: &str) -> Key {
        let asked = match (&self.name, asked) {
            (Some(name), What::Output(_)) => What::NamedOutput(name.clone()),
            (Some(name), What::Rows(..)) => What::NamedRows(name.clone()),
            (_, asked) => asked,
        };
        site.key(asked, command, self.by_directory)
    }
}

impl Fetch {
    /// A need to be fetched here.
    pub fn new(
        site: Arc<Site>,
        previous: Option<Previous>,
        show: impl Fn(Found) + Send + Sync + 'static,
    ) -> Fetch {
        let runner = site.runner.for_source();
        Fetch { site, runner, previous, show: Box::new(show), kept: Mutex::default() }
    }

    /// What was run so far.
    pub fn runner(&self) -> &Runner {
        &self.runner
    }

    /// Fetches it. Dropping the future gives up and kills what runs.
    pub async fn fetch(mut self, slow: &Slow) -> Fetched {
        let result = match slow {
            Slow::Rows(generated) => self.rows(generated).await,
            Slow::Filter(listed) => self.filtered(listed).await,
            Slow::Earlier(argument) => self.earlier(argument).await,
            Slow::Tree(call) => self.tree(slow, call).await,
            Slow::Load(call) => self.load(slow, call).await,
            Slow::Alias(call) => self.words(call).await,
            Slow::Version(call) => self.version(slow, call).await,
        };
        self.told(slow, result)
    }

    /// The result with how it is told. A function that was refused a program and yields nothing was refused itself.
    fn told(&self, slow: &Slow, result: Result<Found, Outcome>) -> Fetched {
        let kept = lock(&self.kept).take();
        let mut runs = kept.as_ref().map_or_else(Vec::new, |(_, runs)| runs.to_vec());
        runs.extend(self.runner.log());
        let is_empty = result.as_ref().map_or(true, is_nothing);
        let (found, outcome) = match (self.runner.refused().filter(|_| is_empty), result) {
            (Some(refusal), _) => {
                let outcome = refused(&refusal);
                (Found::Refused(refusal), outcome)
            }
            (None, Ok(found)) => {
                let outcome = outcome(&found);
                (found, outcome)
            }
            (None, Err(outcome)) => (nothing(slow), outcome),
        };
        Fetched { found, outcome, kept: kept.map(|(age, _)| age), runs }
    }

    async fn rows(&mut self, generated: &Generated) -> Result<Found, Outcome> {
        if self.site.context.cwd.is_empty() {
            return Err(Outcome::Failed("the working directory is unknown".into()));
        }
        let found = match self.reused(generated).await {
            Some(found) => found?,
            None => Found::Rows(Rows { drafts: self.drafts(generated).await?, ..Rows::default() }),
        };
        let Found::Rows(rows) = found else { return Ok(found) };
        let query = self.query(generated).await;
        Ok(Found::Rows(Rows { query, ..rows }))
    }

    /// What was found for the word as it was before, when the generator need not run again for the word as it is now.
    async fn reused(&mut self, generated: &Generated) -> Option<Result<Found, Outcome>> {
        let previous = self.previous.take()?;
        if generated.debounce.is_some() || self.triggers(generated, &previous.token).await {
            return None;
        }
        let Fetched { found, outcome, kept, runs } = previous.fetched().await?;
        *lock(&self.kept) = kept.map(|age| (age, Arc::new(runs)));
        match (found, outcome) {
            (found, Outcome::Rows(_)) | (found @ Found::Refused(_), _) => Some(Ok(found)),
            (_, outcome) => Some(Err(outcome)),
        }
    }

    /// Whether a generator runs again when the word changes from `old`.
    async fn triggers(&self, generated: &Generated, old: &str) -> bool {
        let new = generated.token.as_str();
        match &generated.generator.trigger {
            None => false,
            Some(Trigger::String(separator)) => through_last(new, separator) != through_last(old, separator),
            Some(Trigger::Function(function)) => {
                let arguments = vec![Argument::Json(json!(new)), Argument::Json(json!(old))];
                // A function that fails decides nothing; then it is better to be right than quick.
                self.call(function, arguments, FUNCTION_TIME).await.map_or(true, |says| is_truthy(&says))
            }
        }
    }

    /// The part of the word that rows are matched with, when a function decides it.
    async fn query(&self, generated: &Generated) -> Option<String> {
        let Some(QueryTerm::Function(function)) = &generated.generator.query_term else { return None };
        let arguments = vec![Argument::Json(json!(generated.token))];
        let term = self.call(function, arguments, FUNCTION_TIME).await.ok()?;
        term.as_str().map(str::to_owned)
    }

    async fn drafts(&self, generated: &Generated) -> Result<Arc<Vec<Draft>>, Outcome> {
        if let Some(native) = native::of(generated) {
            pause(generated).await;
            let drafts = native::rows(&native, &self.runner, Arc::clone(&self.site.context)).await;
            return Ok(Arc::new(self.finished(generated, drafts)));
        }
        let generator = &generated.generator;
        if let Some(function) = &generator.custom {
            return self.custom(generated, function).await;
        }
        match self.program(generated).await? {
            Some((asked, limit)) => self.printed(generated, asked, limit).await,
            None => Ok(Arc::default()),
        }
    }

    /// The rows of a function that does it all.
    async fn custom(&self, generated: &Generated, function: &FnRef) -> Result<Arc<Vec<Draft>>, Outcome> {
        let keeping = Keeping::of(&generated.generator);
        let asked = What::Rows(function.clone(), tokens(generated));
        let key = keeping.as_ref().map(|keeping| keeping.key(&self.site, asked, &generated.command));
        let fetch = async {
            pause(generated).await;
            let arguments = vec![
                Argument::Json(json!(tokens(generated))),
                Argument::ExecuteCommand,
                Argument::Json(self.told_of_session(generated)),
            ];
            let value = self.call(function, arguments, self.limit(&generated.generator)).await?;
            Ok(Value::Rows(Arc::new(self.finished(generated, generated::of_value(&value)))))
        };
        let show = |value: Value| async move {
            if let Value::Rows(drafts) = value {
                self.show_rows(generated, drafts).await;
            }
        };
        match self.kept(key.zip(keeping), fetch, show).await? {
            Value::Rows(drafts) => Ok(drafts),
            _ => Ok(Arc::default()),
        }
    }

    /// The rows in the output of a program.
    async fn printed(
        &self,
        generated: &Generated,
        asked: Asked,
        limit: Duration,
    ) -> Result<Arc<Vec<Draft>>, Outcome> {
        let keeping = Keeping::of(&generated.generator);
        let key = keeping
            .as_ref()
            .map(|keeping| keeping.key(&self.site, What::Output(asked.clone()), &generated.command));
        let fetch = async {
            pause(generated).await;
            let program = program(&self.site.context, asked, limit);
            let output = self.runner.execute(program).await.map_err(|error| error.outcome())?;
            Ok(Value::Output(clean(&output.stdout).into()))
        };
        let show = |value: Value| async move {
            if let Value::Output(output) = value
                && let Ok(drafts) = self.read(generated, &output).await
            {
                self.show_rows(generated, drafts).await;
            }
        };
        match self.kept(key.zip(keeping), fetch, show).await? {
            Value::Output(output) => self.read(generated, &output).await,
            _ => Ok(Arc::default()),
        }
    }

    /// Shows what is kept, until the end.
    async fn show_rows(&self, generated: &Generated, drafts: Arc<Vec<Draft>>) {
        let query = self.query(generated).await;
        (self.show)(Found::Rows(Rows { drafts, query, stale: true }));
    }

    /// The rows in what a program printed.
    async fn read(&self, generated: &Generated, output: &str) -> Result<Arc<Vec<Draft>>, Outcome> {
        let generator = &generated.generator;
        let drafts = match &generator.post_process {
            Some(function) => {
                let arguments = vec![Argument::Json(json!(output)), Argument::Json(json!(tokens(generated)))];
                generated::of_value(&self.call(function, arguments, FUNCTION_TIME).await?)
            }
            None => generated::of_output(output, generator.split_on.as_deref()),
        };
        Ok(Arc::new(self.finished(generated, drafts)))
    }

    /// Rows with what all of a generator's have in common.
    fn finished(&self, generated: &Generated, mut drafts: Vec<Draft>) -> Vec<Draft> {
        drafts.truncate(generated::MAX_ROWS);
        for draft in &mut drafts {
            draft.dangerous |= generated.dangerous;
            if draft.source.is_empty() {
                draft.source = format!("generator:{}", generated.command);
            }
        }
        drafts
    }

    /// The program of a generator, and how long it may run; `None` when its function names none.
    async fn program(&self, generated: &Generated) -> Result<Option<(Asked, Duration)>, Outcome> {
        let generator = &generated.generator;
        let limit = self.limit(generator);
        let Some(script) = &generator.script else { return Ok(None) };
        let Script::Function(function) = script else { return Ok(asked(script).zip(Some(limit))) };
        let arguments = vec![Argument::Json(json!(tokens(generated)))];
        let said = self.call(function, arguments, FUNCTION_TIME).await?;
        Ok(wanted_program(&said).map(|wanted| {
            let limit = wanted.timeout.map_or(limit, millis);
            let argv = [vec![wanted.command], wanted.args].concat();
            (Asked { argv, env: wanted.env.into_iter().collect(), cwd: wanted.cwd }, limit)
        }))
    }

    /// How long a generator may run.
    fn limit(&self, generator: &Generator) -> Duration {
        millis(generator.timeout.unwrap_or(self.site.settings.script_timeout)).min(MAX_TIME)
    }

    /// What `custom` is told of the session.
    fn told_of_session(&self, generated: &Generated) -> Json {
        let context = &self.site.context;
        json!({
            "currentWorkingDirectory": context.cwd,
            "currentProcess": context.shell.name(),
            "environmentVariables": context.env,
            "searchTerm": generated.token,
            "isDangerous": generated.dangerous,
            "sshPrefix": "",
        })
    }

    /// The rows of templates that a function keeps, as it changes them.
    async fn filtered(&self, listed: &Listed) -> Result<Found, Outcome> {
        let rows: Vec<Json> = listed.rows.iter().map(listed_row).collect();
        let kept =
            self.call(&listed.function, vec![Argument::Json(Json::Array(rows))], FUNCTION_TIME).await?;
        let drafts = Arc::new(generated::of_value(&kept));
        Ok(Found::Rows(Rows { drafts, ..Rows::default() }))
    }

    /// What was given for an argument in earlier lines.
    async fn earlier(&self, argument: &crate::slow::Argument) -> Result<Found, Outcome> {
        let (site, argument) = (Arc::clone(&self.site), argument.clone());
        let search = move || {
            let name = argument.command.first().map_or("", String::as_str);
            let lines = site.looks.histories.lines_with(name, &site.context, MAX_LINES);
            site.engine.earlier_values(&site.context, &lines, &argument)
        };
        let drafts =
            spawn_blocking(search).await.map_err(|_| Outcome::Failed("the engine stumbled".into()))?;
        Ok(Found::Rows(Rows { drafts: Arc::new(drafts), ..Rows::default() }))
    }

    async fn tree(&self, slow: &Slow, call: &Call) -> Result<Found, Outcome> {
        let fetch = async {
            let arguments = vec![Argument::Json(json!(words(call))), Argument::ExecuteCommand];
            let tree = self.site.scripts.tree(self.request(&call.function, arguments, USUAL_TIME)).await;
            Ok(Found::Tree(tree.map_err(failed)?.map(Arc::new)))
        };
        self.kept_found(slow, TREE_FRESH, fetch).await
    }

    async fn load(&self, slow: &Slow, call: &Call) -> Result<Found, Outcome> {
        let fetch = async {
            let arguments = vec![Argument::Json(json!(call.token)), Argument::ExecuteCommand];
            let load = self.site.scripts.load(self.request(&call.function, arguments, USUAL_TIME)).await;
            Ok(Found::Load(load.map_err(failed)?.map(Arc::new)))
        };
        self.kept_found(slow, TREE_FRESH, fetch).await
    }

    async fn words(&self, call: &Call) -> Result<Found, Outcome> {
        let arguments = vec![Argument::Json(json!(call.token)), Argument::ExecuteCommand];
        let words = self.call(&call.function, arguments, USUAL_TIME).await?;
        Ok(Found::Words(words.as_str().filter(|words| !words.is_empty()).map(str::to_owned)))
    }

    async fn version(&self, slow: &Slow, call: &Call) -> Result<Found, Outcome> {
        let fetch = async {
            let version = self.call(&call.function, vec![Argument::ExecuteCommand], USUAL_TIME).await?;
            Ok(Found::Version(version.as_str().map(|version| version.trim().to_owned())))
        };
        self.kept_found(slow, VERSION_FRESH, fetch).await
    }

    /// What is kept of a need of the tree, or what is fetched of it now.
    async fn kept_found(
        &self,
        slow: &Slow,
        fresh: Duration,
        fetch: impl Future<Output = Result<Found, Outcome>>,
    ) -> Result<Found, Outcome> {
        let key = self.site.key(What::Slow(Box::new(slow.clone())), command_of(slow), true);
        let keeping = Keeping { fresh, shown_stale: true, by_directory: true, name: None };
        let fetch = async { fetch.await.map(Value::Found) };
        let show = |value: Value| async move {
            if let Value::Found(found) = value {
                (self.show)(found);
            }
        };
        match self.kept(Some((key, keeping)), fetch, show).await? {
            Value::Found(found) => Ok(found),
            _ => Err(Outcome::Nothing),
        }
    }

    /// What is kept under a key when it is still good, else what is fetched now; in between, if its spec allows it, what
    /// is kept is shown. Of several that want the same at a time one fetches it.
    async fn kept<S: Future<Output = ()>>(
        &self,
        kept: Option<(Key, Keeping)>,
        fetch: impl Future<Output = Result<Value, Outcome>>,
        show: impl Fn(Value) -> S,
    ) -> Result<Value, Outcome> {
        let Some((key, keeping)) = kept else { return fetch.await };
        let (cache, begun) = (&self.site.cache, Instant::now());
        if let Some(old) = cache.look(&key) {
            if old.age < keeping.fresh {
                *lock(&self.kept) = Some((old.age, old.runs));
                return Ok(old.value);
            }
            if keeping.shown_stale {
                show(old.value).await;
            }
        }
        let flight = cache.flight(&key);
        let _turn = flight.lock().await;
        // Whoever had the turn before has fetched it since.
        if let Some(new) = cache.look(&key).filter(|new| new.age < begun.elapsed()) {
            *lock(&self.kept) = Some((new.age, new.runs));
            return Ok(new.value);
        }
        let value = fetch.await?;
        let runs = self.runner.log();
        // What came of a program that failed or was stopped is no answer to keep: the reason may be gone the next time.
        if runs.iter().all(|run| run.status == Some(0)) {
            cache.keep(key, value.clone(), runs);
        }
        Ok(value)
    }

    async fn call(
        &self,
        function: &FnRef,
        arguments: Vec<Argument>,
        limit: Duration,
    ) -> Result<Json, Outcome> {
        self.site.scripts.call(self.request(function, arguments, limit)).await.map_err(failed)
    }

    fn request(&self, function: &FnRef, arguments: Vec<Argument>, limit: Duration) -> Request {
        let (runner, context) = (self.runner.clone(), Arc::clone(&self.site.context));
        Request { function: function.clone(), arguments, host: Arc::new(Programs { runner, context }), limit }
    }
}

/// Waits for a pause in typing. Whoever goes on typing gives the need up in the meantime.
async fn pause(generated: &Generated) {
    if let Some(debounce) = generated.debounce {
        sleep(millis(debounce).min(MAX_TIME)).await;
    }
}

/// Runs programs for the functions of one need.
struct Programs {
    runner: Runner,
    context: Arc<Context>,
}

impl Host for Programs {
    fn execute(&self, command: Execute) -> Executing<'_> {
        Box::pin(async move {
            let output = self.runner.execute(execution(&self.context, command)).await;
            let Output { stdout, stderr, status } = output.map_err(|error| error.to_string())?;
            Ok(Executed { stdout: clean(&stdout), stderr: clean(&stderr), status })
        })
    }
}

/// A program that a function asked for, in this session.
fn execution(context: &Context, wanted: Execute) -> Program {
    let limit = wanted.timeout.map_or(USUAL_TIME, millis);
    let argv = [vec![wanted.command], wanted.args].concat();
    program(context, Asked { argv, env: wanted.env.into_iter().collect(), cwd: wanted.cwd }, limit)
}

fn program(context: &Context, asked: Asked, limit: Duration) -> Program {
    let mut env: BTreeMap<String, String> = context.env.clone();
    env.extend(asked.env);
    let here = Path::new(&context.cwd);
    let cwd = asked.cwd.map_or_else(|| here.to_owned(), |cwd| here.join(cwd));
    Program { argv: asked.argv, cwd, env, limit }
}

/// The program of a script that spells it out.
fn asked(script: &Script) -> Option<Asked> {
    match script {
        Script::Argv(argv) => Some(Asked { argv: argv.clone(), ..Asked::default() }),
        Script::Command { argv, env } => Some(Asked { argv: argv.clone(), env: env.clone(), cwd: None }),
        Script::Function(_) => None,
    }
}

/// The program that a `script` function names: an argument vector, an object, or the text of a shell command.
fn wanted_program(said: &Json) -> Option<Execute> {
    match said {
        Json::String(text) if !text.trim().is_empty() => Some(Execute {
            command: "sh".into(),
            args: vec!["-c".into(), text.clone()],
            ..Execute::default()
        }),
        Json::Array(words) => {
            let mut words = words.iter().filter_map(word);
            Some(Execute { command: words.next()?, args: words.collect(), ..Execute::default() })
        }
        Json::Object(properties) => {
            let args = properties.get("args").and_then(Json::as_array);
            let env = properties.get("env").and_then(Json::as_object);
            let pair = |(name, value): (&String, &Json)| Some((name.clone(), word(value)?));
            let timeout = properties.get("timeout").and_then(Json::as_u64);
            Some(Execute {
                command: properties.get("command")?.as_str()?.to_owned(),
                args: args.into_iter().flatten().filter_map(word).collect(),
                cwd: properties.get("cwd").and_then(Json::as_str).map(str::to_owned),
                env: env.into_iter().flatten().filter_map(pair).collect(),
                timeout: timeout.map(|timeout| u32::try_from(timeout).unwrap_or(u32::MAX)),
            })
        }
        _ => None,
    }
}

/// A value as a word of a command.
fn word(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What functions take for true.
fn is_truthy(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(is) => *is,
        Json::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(_) | Json::Object(_) => true,
    }
}

/// A row of a template as a function sees it.
fn listed_row((name, kind, template): &(String, Kind, Template)) -> Json {
    let kind = match kind {
        Kind::Folder => "folder",
        Kind::File => "file",
        Kind::Subcommand => "subcommand",
        _ => "arg",
    };
    let template = match template {
        Template::Filepaths => "filepaths",
        Template::Folders => "folders",
        Template::History => "history",
        Template::Help => "help",
    };
    json!({ "name": name, "insertValue": name, "type": kind, "context": { "templateType": template } })
}

/// The words that a generator's functions are told, the one at the cursor last.
fn tokens(generated: &Generated) -> Vec<String> {
    [generated.words.as_slice(), std::slice::from_ref(&generated.token)].concat()
}

fn words(call: &Call) -> Vec<String> {
    [call.words.as_slice(), std::slice::from_ref(&call.token)].concat()
}

fn millis(count: u32) -> Duration {
    Duration::from_millis(count.into())
}

/// Output as functions expect it.
fn clean(output: &[u8]) -> String {
    script::clean(&String::from_utf8_lossy(output))
}

/// How a function's failure is told.
fn failed(error: script::Error) -> Outcome {
    match error {
        script::Error::Limit(what) => Outcome::Limit(what.to_owned()),
        script::Error::Barred => Outcome::Limit(error.to_string()),
        script::Error::Threw(message) => Outcome::Failed(message),
        script::Error::Missing | script::Error::Gone => Outcome::Failed(error.to_string()),
    }
}

/// How what was found is told.
fn outcome(found: &Found) -> Outcome {
    match found {
        Found::Rows(rows) => Outcome::Rows(u32::try_from(rows.drafts.len()).unwrap_or(u32::MAX)),
        Found::Refused(refusal) => refused(refusal),
        found if is_nothing(found) => Outcome::Nothing,
        _ => Outcome::Found,
    }
}

fn is_nothing(found: &Found) -> bool {
    match found {
        Found::Rows(rows) => rows.drafts.is_empty(),
        Found::Tree(tree) => tree.is_none(),
        Found::Load(load) => load.is_none(),
        Found::Words(words) => words.is_none(),
        Found::Version(version) => version.is_none(),
        Found::Refused(_) => true,
    }
}

/// What stands for a need that yields nothing.
fn nothing(slow: &Slow) -> Found {
    match slow {
        Slow::Rows(_) | Slow::Filter(_) | Slow::Earlier(_) => Found::Rows(Rows::default()),
        Slow::Tree(_) => Found::Tree(None),
        Slow::Load(_) => Found::Load(None),
        Slow::Alias(_) => Found::Words(None),
        Slow::Version(_) => Found::Version(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_functions_name() {
        let execute = |command: &str, args: &[&str]| Execute {
            command: command.into(),
            args: args.iter().map(|&word| word.to_owned()).collect(),
            ..Execute::default()
        };
        for (said, expected) in [
            (json!(["ls", "-1", 3, null]), Some(execute("ls", &["-1", "3"]))),
            (json!("ls | head"), Some(execute("sh", &["-c", "ls | head"]))),
            (json!({ "command": "ls" }), Some(execute("ls", &[]))),
            (
                json!({ "command": "ls", "args": ["a"], "cwd": "/", "env": { "A": "1", "B": {} }, "timeout": 7 }),
                Some(Execute {
                    cwd: Some("/".into()),
                    env: BTreeMap::from([("A".into(), "1".into())]),
                    timeout: Some(7),
                    ..execute("ls", &["a"])
                }),
            ),
            (json!({ "args": ["a"] }), None),
            (json!([]), None),
            (json!(" "), None),
            (json!(null), None),
            (json!(3), None),
        ] {
            assert_eq!(wanted_program(&said), expected, "{said}");
        }
    }

    #[test]
    fn what_functions_take_for_true() {
        for (value, expected) in [
            (json!(null), false),
            (json!(false), false),
            (json!(0), false),
            (json!(""), false),
            (json!(true), true),
            (json!(-1), true),
            (json!("x"), true),
            (json!([]), true),
            (json!({}), true),
        ] {
            assert_eq!(is_truthy(&value), expected, "{value}");
        }
    }

    #[test]
    fn programs_run_where_they_are_asked_to() {
        let env = BTreeMap::from([("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())]);
        let context = Context { cwd: "/here".into(), env, ..Context::default() };
        for (cwd, expected) in [(None, "/here"), (Some("sub"), "/here/sub"), (Some("/there"), "/there")] {
            let env = vec![("B".to_owned(), "3".to_owned())];
            let asked = Asked { argv: vec!["x".into()], env, cwd: cwd.map(str::to_owned) };
            let program = program(&context, asked, USUAL_TIME);
            assert_eq!(program.cwd, Path::new(expected));
            assert_eq!((program.env["A"].as_str(), program.env["B"].as_str()), ("1", "3"));
        }
    }
}
