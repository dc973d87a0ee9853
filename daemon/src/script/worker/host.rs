//! What the functions of one module may ask of their host: programs and timers, and how many of them.
//!
//! It holds no values of JavaScript, so that closures inside of a context may share it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rquickjs::object::Filter;
use rquickjs::{Coerced, Ctx, Exception, Object, Value};

use crate::script::message::Tell;
use crate::script::{Execute, MAX_PROGRAMS};

/// Most bytes that a command may have, far above what a system takes.
const MAX_COMMAND: usize = 1 << 20;

/// Most timers of one module.
const MAX_TIMERS: usize = 64;

/// A timer waits at least so long, so that a chain of them is no busy loop.
const MIN_WAIT: Duration = Duration::from_millis(4);

/// A timer waits at most so long: no call lives longer.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The host of one module.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// The call on whose behalf JavaScript runs now.
    pub(super) current: Cell<u64>,
    /// What there is to tell the daemon.
    pub(super) tells: RefCell<Vec<Tell>>,
    /// How many programs each call that is not over has asked for.
    calls: RefCell<BTreeMap<u64, u32>>,
    /// The programs that run, and their calls.
    programs: RefCell<BTreeMap<u32, u64>>,
    timers: RefCell<Vec<Timer>>,
    last: Cell<u32>,
}

/// A timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    /// When it is due.
    pub(super) at: Instant,
    /// Its number.
    pub(super) number: u32,
    /// The call that set it.
    pub(super) call: u64,
}

impl Host {
    /// A call begins.
    pub(super) fn begin(&self, call: u64) {
        self.calls.borrow_mut().insert(call, 0);
    }

    /// A call is over. Yields the timers that it leaves behind; `None` when it waits for nothing.
    pub(super) fn end(&self, call: u64) -> Option<Vec<u32>> {
        self.calls.borrow_mut().remove(&call);
        let (mut programs, mut timers) = (self.programs.borrow_mut(), self.timers.borrow_mut());
        let left: Vec<u32> =
            timers.iter().filter(|timer| timer.call == call).map(|timer| timer.number).collect();
        let waits = !left.is_empty() || programs.values().any(|of| *of == call);
        programs.retain(|_, of| *of != call);
        timers.retain(|timer| timer.call != call);
        waits.then_some(left)
    }

    /// Whether anything can still happen by itself.
    pub(super) fn waits(&self) -> bool {
        !self.programs.borrow().is_empty() || !self.timers.borrow().is_empty()
    }

    /// A program has ended; the call that waits for it.
    pub(super) fn ended(&self, program: u32) -> Option<u64> {
        self.programs.borrow_mut().remove(&program)
    }

    /// When the next timer is due.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.borrow().iter().map(|timer| timer.at).min()
    }

    /// Takes a timer that is due, the oldest first.
    pub(super) fn due(&self, now: Instant) -> Option<Timer> {
        let mut timers = self.timers.borrow_mut();
        let (place, _) = timers
            .iter()
            .enumerate()
            .filter(|(_, timer)| timer.at <= now)
            .min_by_key(|(_, timer)| timer.at)?;
        Some(timers.remove(place))
    }

    /// `host.run`.
    pub(super) fn run(&self, ctx: &Ctx<'_>, call: u64, command: &Value<'_>) -> rquickjs::Result<u32> {
        let mut calls = self.calls.borrow_mut();
        let Some(count) = calls.get_mut(&call).filter(|count| **count < MAX_PROGRAMS) else {
            return Err(Exception::throw_message(ctx, "no more programs can be run"));
        };
        *count += 1;
        // Reading the command runs getters, which may ask for a program in turn.
        drop(calls);
        let what = read_command(command).filter(|what| size(what) <= MAX_COMMAND);
        let what =
            what.ok_or_else(|| Exception::throw_type(ctx, "executeCommand takes { command, args }"))?;
        let program = self.next();
        self.programs.borrow_mut().insert(program, call);
        self.tells.borrow_mut().push(Tell::Run { call, program, what });
        Ok(program)
    }

    /// `host.wait`.
    pub(super) fn wait(&self, ctx: &Ctx<'_>, milliseconds: f64) -> rquickjs::Result<u32> {
        let mut timers = self.timers.borrow_mut();
        let call = self.current.get();
        // A call that is over must not go on in the background.
        if timers.len() >= MAX_TIMERS || !self.calls.borrow().contains_key(&call) {
            return Err(Exception::throw_message(ctx, "no more timers can be set"));
        }
        // The cast stops at the ends of the type and makes 0 of what is no number.
        let wait = Duration::from_millis(milliseconds as u64).clamp(MIN_WAIT, MAX_WAIT);
        let timer = Timer { at: Instant::now() + wait, number: self.next(), call };
        timers.push(timer);
        Ok(timer.number)
    }

    /// `host.unwait`.
    pub(super) fn unwait(&self, number: u32) {
        self.timers.borrow_mut().retain(|timer| timer.number != number);
    }

    fn next(&self) -> u32 {
        self.last.set(self.last.get().wrapping_add(1));
        self.last.get()
    }
}

/// What `executeCommand` was given. The form of old is a line for the shell.
fn read_command(command: &Value<'_>) -> Option<Execute> {
    if let Some(line) = command.as_string() {
        let args = vec!["-c".to_owned(), line.to_string().ok()?];
        return Some(Execute { command: "sh".to_owned(), args, ..Execute::default() });
    }
    let command = command.as_object()?;
    let text = |key: &str| command.get::<_, String>(key).ok();
    let args: Vec<Coerced<String>> = command.get("args").unwrap_or_default();
    Some(Execute {
        command: text("command").filter(|name| !name.is_empty())?,
        args: args.into_iter().map(|Coerced(argument)| argument).collect(),
        cwd: text("cwd").filter(|cwd| !cwd.is_empty()),
        env: command.get("env").ok().map(|env| read_variables(&env)).unwrap_or_default(),
        timeout: command.get::<_, f64>("timeout").ok().filter(|time| *time >= 0.0).map(|time| time as u32),
    })
}

/// How many bytes a command has.
fn size(what: &Execute) -> usize {
    let variables: usize = what.env.iter().map(|(name, value)| name.len() + value.len()).sum();
    what.command.len() + variables + what.args.iter().map(String::len).sum::<usize>()
}

/// The variables of a command; those without a value are left out.
fn read_variables(env: &Object<'_>) -> BTreeMap<String, String> {
    let all = env.own_props::<String, Value<'_>>(Filter::new().string().enum_only());
    let said = all.flatten().filter(|(_, value)| !value.is_undefined() && !value.is_null());
    said.filter_map(|(name, value)| Some((name, value.get::<Coerced<String>>().ok()?.0))).collect()
}
