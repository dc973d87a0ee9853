//! The world of one module: a QuickJS of its own, with the calls that are under way in it.
//!
//! Calls come in, what there is to tell the daemon piles up in the [`Host`]. A call that goes beyond a limit breaks the
//! world: it is thrown away, and the other calls in it are lost.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::promise::PromiseState;
use rquickjs::{
    CaughtError, Coerced, Context, Ctx, Exception, Function, Null, Object, Persistent, Promise, Runtime,
    Value,
};
use specs::compile::{
    Bounds, Found, Problem, TOO_MUCH, Taken, as_module, check_value, follow, follow_from, take_load,
    take_tree,
};
use specs::model::FnRef;

use super::host::{Host, Timer};
use super::limits::Clock;
use crate::script::message::{Answer, Argument, Failure, Read, Tell, Want};
use crate::script::{Executed, Limit, command_name, kept_number};

/// The heap of one module.
const MEMORY_LIMIT: usize = 64 << 20;

/// The stack of one module, far below that of the process.
const STACK_LIMIT: usize = 512 << 10;

/// How long a module may take to evaluate: the slowest of the corpus takes 34 ms, unoptimised ten times that.
const LOAD_LIMIT: Duration = Duration::from_secs(1);

/// How long JavaScript may run at a time.
const ENTRY_LIMIT: Duration = Duration::from_millis(200);

/// How long all entries of one call may run together: one that awaits must not begin anew for ever.
const CALL_LIMIT: Duration = Duration::from_secs(1);

/// Most elements of an array that are answered; the others are left out.
const MAX_ITEMS: usize = 5_000;

/// Most bytes of JSON that are answered.
const MAX_JSON: usize = 1 << 20;

/// The most that a tree may have: a thousand subcommands with all that they can say.
const TREE: Bounds = Bounds { values: 200_000, text: 4 << 20 };

/// The most that a spec of the user's own may have: as much as the largest of the corpus.
const SPEC: Bounds = Bounds { values: 1_000_000, text: 16 << 20 };

/// Most objects that are kept for the functions in them.
const MAX_KEPT: usize = 16;

/// Longest description of an error, in characters.
const MAX_MESSAGE: usize = 200;

/// What there is around a module.
const PRELUDE: &str = include_str!("prelude.js");

/// The world of one module.
pub(super) struct World {
    module: String,
    // The order is that of dropping: what holds values goes before the runtime that they are of.
    calls: BTreeMap<u64, Pending>,
    kept: VecDeque<(u64, Persistent<Value<'static>>)>,
    hooks: Hooks,
    namespace: Persistent<Object<'static>>,
    context: Context,
    runtime: Runtime,
    host: Rc<Host>,
    clock: Rc<Clock>,
    state: State,
}

/// Whether a world takes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It does.
    Open,
    /// It only ends those that it has.
    Closing,
    /// It must not be entered again.
    Broken,
}

/// A call under way.
struct Pending {
    read: Read,
    promise: Persistent<Promise<'static>>,
    spent: Duration,
}

/// The functions of the prelude.
struct Hooks {
    call: Persistent<Function<'static>>,
    settle: Persistent<Function<'static>>,
    fire: Persistent<Function<'static>>,
    forget: Persistent<Function<'static>>,
    text: Persistent<Function<'static>>,
}

impl Hooks {
    fn of(hooks: &Object<'_>) -> rquickjs::Result<Self> {
        let hook = |name: &str| hooks.get::<_, Persistent<Function<'static>>>(name);
        Ok(Hooks {
            call: hook("call")?,
            settle: hook("settle")?,
            fire: hook("fire")?,
            forget: hook("forget")?,
            text: hook("text")?,
        })
    }
}

impl World {
    /// Evaluates a module.
    ///
    /// # Errors
    /// When it does not evaluate within its limits.
    pub(super) fn load(module: &str, source: &str, clock: &Rc<Clock>) -> Result<World, Failure> {
        let runtime = Runtime::new().map_err(|_| Failure::Limit(Limit::Memory))?;
        runtime.set_memory_limit(MEMORY_LIMIT);
        runtime.set_max_stack_size(STACK_LIMIT);
        let late = Rc::clone(clock);
        runtime.set_interrupt_handler(Some(Box::new(move || late.is_late())));
        let context = Context::full(&runtime).map_err(|_| Failure::Limit(Limit::Memory))?;
        let host = Rc::new(Host::default());
        let entry = clock.start(LOAD_LIMIT);
        let loaded = context.with(|ctx| {
            evaluate(&ctx, module, &as_module(source), &host).map_err(|error| broken(&ctx, error, clock))
        });
        drop(entry);
        let (hooks, namespace) = loaded?;
        Ok(World {
            module: module.to_owned(),
            calls: BTreeMap::new(),
            kept: VecDeque::new(),
            hooks,
            namespace,
            context,
            runtime,
            host,
            clock: Rc::clone(clock),
            state: State::Open,
        })
    }

    /// Whether it takes calls.
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Whether it has this call.
    pub(super) fn has(&self, call: u64) -> bool {
        self.calls.contains_key(&call)
    }

    /// Whether it has no call.
    pub(super) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether it keeps the object of this number.
    pub(super) fn keeps(&self, number: u64) -> bool {
        self.kept.iter().any(|(kept, _)| *kept == number)
    }

    /// When the next timer is due.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.host.next_timer()
    }

    /// Takes a timer that is due.
    pub(super) fn due(&self, now: Instant) -> Option<Timer> {
        self.host.due(now)
    }

    /// What there is to tell the daemon since the last time.
    pub(super) fn tells(&self) -> Vec<Tell> {
        self.host.tells.take()
    }

    /// The calls that it has.
    pub(super) fn under_way(&self) -> Vec<u64> {
        self.calls.keys().copied().collect()
    }

    /// Begins a call.
    pub(super) fn call(&mut self, id: u64, want: Want) {
        self.host.begin(id);
        match want {
            Want::Spec => self.spec(id),
            Want::Function { path, arguments, read } => self.function(id, &path, arguments, read),
        }
        self.settle();
    }

    /// A program of a call has ended.
    pub(super) fn ran(&mut self, program: u32, outcome: Result<Executed, String>) {
        // The call may be over.
        let Some(call) = self.host.ended(program) else { return };
        let settle = self.hooks.settle.clone();
        let done = self.enter(call, |ctx| {
            let settle = settle.restore(ctx)?;
            match outcome {
                Ok(ran) => settle.call((program, Null, ran.stdout, ran.stderr, ran.status)),
                Err(error) => settle.call((program, error)),
            }
        });
        self.judge(call, done);
        self.settle();
    }

    /// Calls back a timer that was due.
    pub(super) fn fire(&mut self, timer: Timer) {
        let fire = self.hooks.fire.clone();
        let done = self.enter(timer.call, |ctx| fire.restore(ctx)?.call((timer.number,)));
        self.judge(timer.call, done);
        self.settle();
    }

    /// Drops a call that nobody waits for. What it waited for will not come, and the module may have kept a promise of
    /// that for all later calls, so the world takes none.
    pub(super) fn cancel(&mut self, id: u64) {
        if self.calls.remove(&id).is_some() {
            self.host.end(id);
            self.close();
            self.settle();
        }
    }

    /// Takes no more calls.
    fn close(&mut self) {
        if self.state == State::Open {
            self.state = State::Closing;
        }
    }

    fn spec(&mut self, id: u64) {
        let namespace = self.namespace.clone();
        let at = FnRef { module: self.module.clone(), path: Vec::new() };
        let taken = self.enter_for(LOAD_LIMIT, id, |ctx| {
            let default: Value<'_> = namespace.restore(ctx)?.get("default")?;
            check_value(&default, &at, command_name(&at.module), SPEC)
        });
        self.finish(id, taken.map(|taken| Answer::Spec(Box::new(taken.what))));
    }

    fn function(&mut self, id: u64, path: &[String], arguments: Vec<Argument>, read: Read) {
        let (namespace, kept, call) = (self.namespace.clone(), self.kept(path), self.hooks.call.clone());
        let texts: Vec<Option<String>> = arguments.into_iter().map(text_of).collect();
        let called = self.enter(id, |ctx| {
            let found = match kept {
                Some(kept) => follow_from(kept.restore(ctx)?, path.get(2..).unwrap_or_default()),
                None => follow(&namespace.restore(ctx)?, path),
            };
            let Some(Found { holder, value }) = found.filter(|found| found.value.is_function()) else {
                return Ok(None);
            };
            let promise: Promise<'_> = call.restore(ctx)?.call((id as f64, value, holder, texts))?;
            Ok(Some(Persistent::save(ctx, promise)))
        });
        match called {
            Ok(Some(promise)) => {
                let pending = Pending { read, promise, spent: Duration::ZERO };
                self.calls.insert(id, pending);
            }
            Ok(None) => self.finish(id, Err(Failure::Missing)),
            Err(failure) => self.finish(id, Err(failure)),
        }
    }

    /// The kept object that a path begins at.
    fn kept(&self, path: &[String]) -> Option<Persistent<Value<'static>>> {
        let number = kept_number(path)?;
        self.kept.iter().find(|(kept, _)| *kept == number).map(|(_, value)| value.clone())
    }

    /// Ends all calls whose promise is settled, and those whose promise never will be.
    fn settle(&mut self) {
        while self.state != State::Broken {
            let Some(id) = self.settled() else { break };
            let answer = self.answer(id);
            self.finish(id, answer);
        }
        if self.state == State::Broken || self.calls.is_empty() || self.host.waits() {
            return;
        }
        // Where a call was cancelled, others may have waited for the same promise.
        let failure = match self.state {
            State::Open => Failure::Limit(Limit::Never),
            State::Closing | State::Broken => Failure::Lost,
        };
        for id in self.under_way() {
            self.finish(id, Err(failure.clone()));
        }
        self.close();
    }

    /// A call whose promise is settled.
    fn settled(&self) -> Option<u64> {
        self.context.with(|ctx| {
            let pending = |pending: &Pending| {
                let promise = pending.promise.clone().restore(&ctx);
                promise.is_ok_and(|promise| promise.state() == PromiseState::Pending)
            };
            self.calls.iter().find(|(_, call)| !pending(call)).map(|(id, _)| *id)
        })
    }

    /// The answer of a call whose promise is settled.
    fn answer(&mut self, id: u64) -> Result<Answer, Failure> {
        let pending = self.calls.get(&id).ok_or(Failure::Missing)?;
        let (read, promise) = (pending.read, pending.promise.clone());
        let (module, text) = (self.module.clone(), self.hooks.text.clone());
        let (answer, kept) = self.enter(id, |ctx| {
            let value: Value<'_> =
                promise.restore(ctx)?.result().unwrap_or(Err(rquickjs::Error::WouldBlock))?;
            read_answer(read, &module, value, &text.restore(ctx)?)
        })?;
        if let Some(kept) = kept {
            self.kept.push_back(kept);
            self.kept.drain(..self.kept.len().saturating_sub(MAX_KEPT));
        }
        if matches!(&answer, Answer::Json(text) if text.len() > MAX_JSON) {
            return Err(Failure::Limit(Limit::Size));
        }
        Ok(answer)
    }

    /// Ends a call that went beyond a limit in a callback. Other exceptions there are those of promises, which say so
    /// themselves.
    fn judge(&mut self, call: u64, done: Result<(), Failure>) {
        if let Err(failure @ Failure::Limit(Limit::Time | Limit::Memory)) = done {
            self.finish(call, Err(failure));
        }
    }

    /// A call is over.
    fn finish(&mut self, id: u64, answer: Result<Answer, Failure>) {
        self.calls.remove(&id);
        if matches!(answer, Err(Failure::Limit(Limit::Time | Limit::Memory))) {
            self.state = State::Broken;
        }
        let answer = answer.unwrap_or_else(Answer::Failed);
        self.host.tells.borrow_mut().push(Tell::Done { call: id, answer });
        self.forget(id);
    }

    /// Refuses what a call that is over still waits for.
    fn forget(&mut self, id: u64) {
        let Some(timers) = self.host.end(id) else { return };
        if self.state == State::Broken {
            return;
        }
        let forget = self.hooks.forget.clone();
        let done: Result<(), Failure> = self.enter(id, |ctx| forget.restore(ctx)?.call((id as f64, timers)));
        if matches!(done, Err(Failure::Limit(Limit::Time | Limit::Memory))) {
            self.state = State::Broken;
        }
    }

    /// Lets JavaScript run on behalf of a call, with all that follows at once.
    fn enter<T>(
        &mut self,
        call: u64,
        work: impl for<'js> FnOnce(&Ctx<'js>) -> rquickjs::Result<T>,
    ) -> Result<T, Failure> {
        self.enter_for(ENTRY_LIMIT, call, work)
    }

    /// [`World::enter`] for so long.
    fn enter_for<T>(
        &mut self,
        limit: Duration,
        call: u64,
        work: impl for<'js> FnOnce(&Ctx<'js>) -> rquickjs::Result<T>,
    ) -> Result<T, Failure> {
        self.host.current.set(call);
        let clock = Rc::clone(&self.clock);
        let entry = clock.start(limit);
        let done = self.context.with(|ctx| work(&ctx).map_err(|error| explain(&ctx, error, &clock)));
        let done = done.and_then(|done| self.run_jobs().map(|()| done));
        // A promise may have caught that it was stopped.
        let late = clock.is_late();
        let spent = entry.spent();
        drop(entry);
        let pending = self.calls.get_mut(&call);
        let total = pending.map_or(spent, |pending| {
            pending.spent += spent;
            pending.spent
        });
        if late || total > CALL_LIMIT { Err(Failure::Limit(Limit::Time)) } else { done }
    }

    /// Does what promises have put off.
    fn run_jobs(&self) -> Result<(), Failure> {
        loop {
            match self.runtime.execute_pending_job() {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                // What a job throws is nobody's, unless it was stopped.
                Err(exception) => exception.0.with(|ctx| drop(ctx.catch())),
            }
            if self.clock.is_late() {
                return Err(Failure::Limit(Limit::Time));
            }
        }
    }
}

fn text_of(argument: Argument) -> Option<String> {
    match argument {
        Argument::Json(text) => Some(text),
        Argument::ExecuteCommand => None,
    }
}

/// Evaluates a module in a fresh context, with what it needs around it.
fn evaluate<'js>(
    ctx: &Ctx<'js>,
    module: &str,
    source: &str,
    host: &Rc<Host>,
) -> rquickjs::Result<(Hooks, Persistent<Object<'static>>)> {
    let hooks = Hooks::of(&ctx.eval::<Function<'js>, _>(PRELUDE)?.call((host_object(ctx, host)?,))?)?;
    let (module, promise) = rquickjs::Module::declare(ctx.clone(), module, source)?.eval()?;
    promise.finish::<()>()?;
    Ok((hooks, Persistent::save(ctx, module.namespace()?)))
}

/// The host as the prelude sees it.
fn host_object<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> rquickjs::Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let of = Rc::clone(host);
    let run = move |ctx: Ctx<'js>, call: f64, command: Value<'js>| of.run(&ctx, call as u64, &command);
    object.set("run", Function::new(ctx.clone(), run)?)?;
    let of = Rc::clone(host);
    let wait = move |ctx: Ctx<'js>, milliseconds: f64| of.wait(&ctx, milliseconds);
    object.set("wait", Function::new(ctx.clone(), wait)?)?;
    let of = Rc::clone(host);
    object.set("unwait", Function::new(ctx.clone(), move |timer: u32| of.unwait(timer))?)?;
    Ok(object)
}

/// Reads what a function returned, and saves it if there are functions in it that can be called.
#[allow(clippy::type_complexity, reason = "a pair for its only caller")]
fn read_answer<'js>(
    read: Read,
    module: &str,
    value: Value<'js>,
    text: &Function<'js>,
) -> rquickjs::Result<(Answer, Option<(u64, Persistent<Value<'static>>)>)> {
    let place = |number: u64| FnRef {
        module: module.to_owned(),
        path: vec![FnRef::KEPT.to_owned(), number.to_string()],
    };
    let keep = |functions: usize, number: u64| {
        (functions > 0).then(|| (number, Persistent::save(value.ctx(), value.clone())))
    };
    match read {
        Read::Json => Ok((Answer::Json(text.call((value, MAX_ITEMS))?), None)),
        Read::Tree(number) => {
            let Taken { what, functions } = take_tree(&value, &place(number), TREE)?;
            let kept = keep(functions, number);
            Ok((Answer::Tree { tree: what.map(Box::new), kept: kept.is_some() }, kept))
        }
        Read::Load(number) => {
            let Taken { what, functions } = take_load(&value, &place(number), TREE)?;
            let kept = keep(functions, number);
            Ok((Answer::Load { load: what, kept: kept.is_some() }, kept))
        }
    }
}

/// What an error in the evaluation of a module means.
fn broken(ctx: &Ctx<'_>, error: rquickjs::Error, clock: &Clock) -> Failure {
    let thrown = ctx.catch();
    let stack = thrown.as_exception().and_then(Exception::stack).unwrap_or_default();
    let error = if error.is_exception() { ctx.throw(thrown) } else { error };
    match explain(ctx, error, clock) {
        Failure::Threw(what) => {
            let (line, column) = place_in(&stack).unwrap_or_default();
            Failure::Broken(Problem { line, column, what, ..Problem::default() })
        }
        failure => failure,
    }
}

/// The line and column that a trace of QuickJS begins with: `    at f (git:3:14)`.
fn place_in(stack: &str) -> Option<(u32, u32)> {
    let mut parts = stack.lines().next()?.trim_end_matches(')').rsplit(':');
    let column = parts.next()?.parse().ok()?;
    Some((parts.next()?.parse().ok()?, column))
}

/// What an error means.
fn explain(ctx: &Ctx<'_>, error: rquickjs::Error, clock: &Clock) -> Failure {
    let failure = match CaughtError::from_error(ctx, error) {
        CaughtError::Exception(exception) => explain_message(exception.message().unwrap_or_default()),
        CaughtError::Error(rquickjs::Error::Allocation) => Failure::Limit(Limit::Memory),
        CaughtError::Error(error) => explain_message(error.to_string()),
        CaughtError::Value(value) => {
            explain_message(value.get::<Coerced<String>>().map_or_else(|_| "a value".into(), |text| text.0))
        }
    };
    // Even the description of an error may have run out of time.
    if clock.is_late() { Failure::Limit(Limit::Time) } else { failure }
}

/// Limits show in the messages alone.
fn explain_message(message: String) -> Failure {
    match message.as_str() {
        "out of memory" => Failure::Limit(Limit::Memory),
        TOO_MUCH => Failure::Limit(Limit::Size),
        "Maximum call stack size exceeded" => Failure::Limit(Limit::Stack),
        _ => Failure::Threw(message.chars().take(MAX_MESSAGE).collect()),
    }
}
