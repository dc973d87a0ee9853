//! Evaluates a module with QuickJS and walks what it exports.
//!
//! In comes JavaScript source, out go plain values with references in place of functions. The walk is depth first in
//! the order of properties, the default export before the others, and a function is known by the first place
//! where it is met. What a module may use of time, memory and stack is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rquickjs::object::Filter;
use rquickjs::{
    Array, CatchResultExt, CaughtError, Context, Ctx, FromJs, Function, Object, Promise, Runtime, Value,
};

use super::Error;
use super::raw::{self, Raw};
use crate::model::{FnRef, NativePaths, PathFilter};

/// The heap of one module: the largest of the corpus takes 5 MB.
const MEMORY_LIMIT: usize = 256 << 20;

/// The stack of one module, below the 2 MB that a thread of ours has.
const STACK_LIMIT: usize = 512 << 10;

/// How long one module may take: the slowest takes a quarter of a second, on a busy machine ten times that.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How deep values may nest; 7 levels of subcommands take 20. It also stops at cycles.
const MAX_NESTING: usize = 64;

/// How many values one module may have: the largest of the corpus has under a million.
const MAX_VALUES: usize = 8_000_000;

/// What the corpus uses of its host while it is being evaluated.
const PRELUDE: &str = "globalThis.console = Object.fromEntries(\
    ['log','info','warn','error','debug','trace'].map((name) => [name, () => {}]));";

/// Merges version diffs.
const FOLD: &str = include_str!("fold.js");

/// Recognises the path lister.
const PROBE: &str = include_str!("probe.js");

/// What the path lister runs; no other function of the corpus has it.
const LISTER_MARK: &str = "\"-1ApL\"";

/// What a module exports.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loaded {
    /// The default export.
    pub(super) default: Raw,
    /// Its version diffs as they stand in the source, by version.
    pub(super) diffs: Raw,
    /// The default export with all diffs up to a version, oldest version first.
    pub(super) folded: Vec<(String, Raw)>,
    /// The function that asks for the installed version.
    pub(super) version_command: Option<FnRef>,
    /// How many distinct functions there are, those of version diffs aside.
    pub(super) functions: u64,
}

impl Loaded {
    /// Whether the default export is a tree: modules that others share their code with export an empty one.
    pub(super) fn has_tree(&self) -> bool {
        matches!(&self.default, Raw::Object(properties) if !properties.is_empty())
    }
}

/// A QuickJS that evaluates one module after another, each in a world of its own.
pub(super) struct Evaluator {
    runtime: Runtime,
    /// Milliseconds after `started` when the running module is out of time.
    deadline: Arc<AtomicU64>,
    started: Instant,
    time_limit: Duration,
}

impl Evaluator {
    /// Starts a QuickJS, which stays on this thread.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn new() -> Result<Evaluator, Error> {
        Evaluator::within(TIME_LIMIT)
    }

    /// Starts a QuickJS that gives each module so much time.
    fn within(time_limit: Duration) -> Result<Evaluator, Error> {
        let runtime = Runtime::new().map_err(|error| Error::script("QuickJS", error))?;
        runtime.set_memory_limit(MEMORY_LIMIT);
        runtime.set_max_stack_size(STACK_LIMIT);
        let started = Instant::now();
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let limit = Arc::clone(&deadline);
        let expired = move || started.elapsed().as_millis() as u64 > limit.load(Ordering::Relaxed);
        runtime.set_interrupt_handler(Some(Box::new(expired)));
        Ok(Evaluator { runtime, deadline, started, time_limit })
    }

    /// Evaluates a module and takes its values out.
    ///
    /// # Errors
    /// When the source does not evaluate within its limits, or holds what no spec can.
    pub(super) fn load(&self, name: &str, source: &str) -> Result<Loaded, Error> {
        self.evaluate(name, source, |namespace| Walk::new(namespace.ctx(), name)?.module(namespace))
    }

    /// Evaluates a module and tells which of these paths lead to no function.
    ///
    /// # Errors
    /// When the source does not evaluate within its limits.
    pub(super) fn unresolved<'p>(
        &self,
        name: &str,
        source: &str,
        paths: impl IntoIterator<Item = &'p [String]>,
    ) -> Result<Vec<&'p [String]>, Error> {
        self.evaluate(name, source, |namespace| {
            Ok(paths.into_iter().filter(|path| !resolves(namespace, path)).collect())
        })
    }

    /// Evaluates a module and hands its namespace to `read`.
    fn evaluate<T>(
        &self,
        name: &str,
        source: &str,
        read: impl for<'js> FnOnce(&Object<'js>) -> rquickjs::Result<T>,
    ) -> Result<T, Error> {
        let limit = self.started.elapsed() + self.time_limit;
        self.deadline.store(limit.as_millis() as u64, Ordering::Relaxed);
        let context = Context::full(&self.runtime).map_err(|error| Error::script(name, error))?;
        context.with(|ctx| {
            let run = || {
                ctx.eval::<(), _>(PRELUDE)?;
                let (module, promise) = rquickjs::Module::declare(ctx.clone(), name, source)?.eval()?;
                promise.finish::<()>()?;
                read(&module.namespace()?)
            };
            run().catch(&ctx).map_err(|error| Error::script(name, describe(&error)))
        })
    }
}

/// A JavaScript error in one line.
fn describe(error: &CaughtError<'_>) -> String {
    match error {
        CaughtError::Exception(exception) => exception.message().unwrap_or_else(|| "an exception".into()),
        other => other.to_string(),
    }
}

/// Whether a path leads to a function.
fn resolves(namespace: &Object<'_>, path: &[String]) -> bool {
    let (mut at, rest) = match path.split_first() {
        Some((first, rest)) if first == FnRef::NAMESPACE => (namespace.clone().into_value(), rest),
        _ => match namespace.get::<_, Value<'_>>("default") {
            Ok(value) => (value, path),
            Err(_) => return false,
        },
    };
    for key in rest {
        let next = at.as_object().and_then(|object| object.get::<_, Value<'_>>(key.as_str()).ok());
        let Some(next) = next else { return false };
        at = next;
    }
    at.is_function()
}

/// A walk over the values of one module.
struct Walk<'js> {
    module: String,
    /// Where the walk is.
    path: Vec<String>,
    values: usize,
    /// JavaScript's own map from function objects to their number: identity is not visible from here.
    numbers: Object<'js>,
    number_of: Function<'js>,
    remember: Function<'js>,
    found: Vec<raw::Function>,
    probe: Function<'js>,
    fold: Function<'js>,
}

impl<'js> Walk<'js> {
    fn new(ctx: &Ctx<'js>, module: &str) -> rquickjs::Result<Walk<'js>> {
        Ok(Walk {
            module: module.to_owned(),
            path: Vec::new(),
            values: 0,
            numbers: ctx.eval("new Map()")?,
            number_of: ctx.eval("(numbers, value) => numbers.get(value) ?? -1")?,
            remember: ctx.eval("(numbers, value, number) => { numbers.set(value, number) }")?,
            found: Vec::new(),
            probe: ctx.eval(PROBE)?,
            fold: ctx.eval(FOLD)?,
        })
    }

    fn module(mut self, namespace: &Object<'js>) -> rquickjs::Result<Loaded> {
        let default: Value<'js> = namespace.get("default")?;
        let versions: Value<'js> = namespace.get("versions")?;
        let version_command: Value<'js> = namespace.get("getVersionCommand")?;
        let default_raw = self.value(&default)?;
        let version_command = self.export("getVersionCommand", &version_command)?;
        let functions = self.found.len() as u64;
        let diffs = self.export("versions", &versions)?;
        // Every function that a merged tree can hold is known by now, so no path into it is made up.
        let folded = self.folded(&default, &versions)?;
        Ok(Loaded {
            default: default_raw,
            diffs,
            folded,
            version_command: version_command.function().map(|function| function.place.clone()),
            functions,
        })
    }

    fn export(&mut self, name: &str, value: &Value<'js>) -> rquickjs::Result<Raw> {
        self.path = vec![FnRef::NAMESPACE.to_owned(), name.to_owned()];
        let raw = self.value(value);
        self.path.clear();
        raw
    }

    fn folded(&mut self, base: &Value<'js>, versions: &Value<'js>) -> rquickjs::Result<Vec<(String, Raw)>> {
        if !base.is_object() || !versions.is_object() {
            return Ok(Vec::new());
        }
        let rungs: Vec<Array<'js>> = self.fold.call((base.clone(), versions.clone()))?;
        rungs.iter().map(|rung| Ok((rung.get(0)?, self.value(&rung.get(1)?)?))).collect()
    }

    fn value(&mut self, value: &Value<'js>) -> rquickjs::Result<Raw> {
        self.values += 1;
        if self.values > MAX_VALUES || self.path.len() > MAX_NESTING {
            return Err(rquickjs::Exception::throw_range(
                value.ctx(),
                "the values are too many, too deep or cyclic",
            ));
        }
        if let Some(text) = value.as_string() {
            // A string that is no Unicode, such as half of an emoji, can be neither shown nor typed.
            return Ok(text.to_string().map_or(Raw::Nothing, Raw::Text));
        }
        if let Some(function) = value.as_function() {
            return self.function(function);
        }
        if let Some(array) = value.as_array() {
            return self.array(array);
        }
        if let Some(object) = value.as_object() {
            return self.object(object);
        }
        Ok(value.as_bool().map(Raw::Bool).or(value.as_number().map(Raw::Number)).unwrap_or(Raw::Nothing))
    }

    fn array(&mut self, array: &Array<'js>) -> rquickjs::Result<Raw> {
        let mut items = Vec::new();
        for (place, item) in array.iter::<Value<'js>>().enumerate() {
            let item = item?;
            items.push(self.below(place.to_string(), &item)?);
        }
        Ok(Raw::List(items))
    }

    fn object(&mut self, object: &Object<'js>) -> rquickjs::Result<Raw> {
        let mut properties = Vec::new();
        for property in object.own_props::<String, Value<'js>>(Filter::new().string().enum_only()) {
            let (key, value) = property?;
            let value = self.below(key.clone(), &value)?;
            properties.push((key, value));
        }
        Ok(Raw::Object(properties))
    }

    /// The value under a property of where the walk is.
    fn below(&mut self, key: String, value: &Value<'js>) -> rquickjs::Result<Raw> {
        self.path.push(key);
        let raw = self.value(value);
        self.path.pop();
        raw
    }

    fn function(&mut self, function: &Function<'js>) -> rquickjs::Result<Raw> {
        let number: i32 = self.number_of.call((self.numbers.clone(), function.clone()))?;
        if let Some(known) = usize::try_from(number).ok().and_then(|number| self.found.get(number)) {
            return Ok(Raw::Function(known.clone()));
        }
        self.remember.call::<_, ()>((self.numbers.clone(), function.clone(), self.found.len() as i32))?;
        let place = FnRef { module: self.module.clone(), path: self.path.clone() };
        let found = raw::Function { place, paths: self.paths(function)? };
        self.found.push(found.clone());
        Ok(Raw::Function(found))
    }

    /// Whether a function is the path lister, and what it keeps.
    fn paths(&self, function: &Function<'js>) -> rquickjs::Result<Option<(NativePaths, PathFilter)>> {
        if self.path.last().is_none_or(|key| key != "custom") {
            return Ok(None);
        }
        let source = rquickjs::Coerced::<String>::from_js(function.ctx(), function.clone().into_value())?;
        if !source.contains(LISTER_MARK) {
            return Ok(None);
        }
        let promise: Promise<'js> = self.probe.call((function.clone(),))?;
        let Some(answer) = promise.finish::<Option<Object<'js>>>()? else { return Ok(None) };
        let (files, folders): (bool, bool) = (answer.get("files")?, answer.get("folders")?);
        let filter = PathFilter {
            extensions: answer.get("extensions")?,
            names: answer.get("names")?,
            folders_too: files && !folders,
        };
        // Files without folders is `showFolders: "never"`, unless the filter is what kept the folder out.
        match (files, folders) {
            (true, _) => Ok(Some((NativePaths::Files, filter))),
            (false, true) => Ok(Some((NativePaths::Folders, filter))),
            (false, false) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_takes_too_long_is_stopped_and_the_next_one_runs() {
        let evaluator = Evaluator::within(Duration::from_millis(50)).unwrap();
        for source in
            ["for (;;) {}", "try { for (;;) {} } catch { for (;;) {} }", "/(a*)*b/.test('a'.repeat(64))"]
        {
            let error = evaluator.load("x", source).unwrap_err().to_string();
            assert!(error.contains("module x: "), "{source}: {error}");
        }
        assert_eq!(evaluator.load("x", "export default 7").unwrap().default, Raw::Number(7.0));
    }

    #[test]
    fn a_module_cannot_see_the_one_before() {
        let evaluator = Evaluator::new().unwrap();
        evaluator.load("x", "globalThis.left = 1; Array.prototype.left = 1").unwrap();
        let next =
            evaluator.load("y", "export default { left: typeof left, list: [].left ?? 0 }").unwrap().default;
        let expected =
            vec![("left".into(), Raw::Text("undefined".into())), ("list".into(), Raw::Number(0.0))];
        assert_eq!(next, Raw::Object(expected));
    }

    #[test]
    fn strings_that_are_not_unicode_do_no_harm() {
        let loaded =
            Evaluator::new().unwrap().load("x", "export default ['\\ud800', '\\0', '\\u{1f980}']").unwrap();
        let Raw::List(texts) = loaded.default else { panic!("it is a list") };
        assert_eq!(texts, [Raw::Nothing, Raw::Text("\0".into()), Raw::Text("🦀".into())]);
    }
}
